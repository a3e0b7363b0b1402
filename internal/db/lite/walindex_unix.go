//go:build unix

package lite

import (
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// WALIndex reads how many commits the index of SQLite's write-ahead log has
// counted: the word at byte 8 of the file that ends in -shm, in the byte order
// of the machine (https://www.sqlite.org/walformat.html#the_wal_index_header).
type WALIndex struct {
	path  string
	users int
	file  int
	page  []byte
}

// indexes are the files that this process reads. To close one drops all locks
// that the process has on it, those of SQLite as well (POSIX has it so), so
// that has to wait for the last database on the file.
var indexes = struct {
	sync.Mutex
	byPath map[string]*WALIndex
}{byPath: map[string]*WALIndex{}}

// ClaimIndex is called before SQLite opens its files at a path.
func ClaimIndex(path string) *WALIndex {
	indexes.Lock()
	defer indexes.Unlock()
	x := indexes.byPath[path]
	if x == nil {
		x = &WALIndex{path: path, file: -1}
		indexes.byPath[path] = x
	}
	x.users++
	return x
}

// Open maps the header into memory. Some connection must have used the log.
func (x *WALIndex) Open() (err error) {
	indexes.Lock()
	defer indexes.Unlock()
	if x.page != nil {
		return nil
	}
	if x.file, err = syscall.Open(x.path+"-shm", syscall.O_RDONLY|syscall.O_CLOEXEC, 0); err != nil {
		return err
	}
	x.page, err = syscall.Mmap(x.file, 0, 4096, syscall.PROT_READ, syscall.MAP_SHARED)
	return err
}

// Release is called after SQLite has closed its files. The page stays mapped:
// somebody may be looking at it.
func (x *WALIndex) Release() {
	indexes.Lock()
	defer indexes.Unlock()
	if x.users--; x.users > 0 {
		return
	}
	delete(indexes.byPath, x.path)
	if x.file >= 0 {
		_ = syscall.Close(x.file)
	}
}

func (x *WALIndex) Commits() uint32 {
	return atomic.LoadUint32((*uint32)(unsafe.Pointer(&x.page[8])))
}
