package lite

import (
	"fmt"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// SQLite takes each page of its caches from the allocator by itself, and a
// connection gives all of them back when it finds that another one has
// committed. The library's allocator then tells the system piece by piece that
// it does not need the memory, and gets it again, empty, for the next read: with
// two commits a second, readers spent most of their time on that. So pages come
// from here, and are kept for whoever wants one next. They take up half the room
// besides: the library's allocator rounds them up to 8 KB.
//
// See docs/decisions/0023-memory-for-pages.md.

// A page with what SQLite notes of it has between these sizes. What else has may
// come from here, too.
const (
	leastPage = 4096
	mostPage  = 4096 + 384
	slotSize  = header + mostPage
)

// chunkSize is what slots are cut from: the library asks the system for a MB
// then, with its own notes. What is not touched yet takes up no memory.
const chunkSize = 1<<20 - 64

// maxSlots bounds what is kept for good: to all caches of a database
// (readersCacheKB and writerCacheKB of package db) and an eighth. Pages beyond
// that come from the library and go back there.
const maxSlots = 72 << 20 / slotSize

// header is in front of all memory that SQLite is given: its size, and whether
// it is a slot. It keeps what follows at a multiple of 8.
const header = 8

// slotFlag marks a size as that of a slot.
const slotFlag = 1 << 62

var slots struct {
	sync.Mutex
	free uintptr // the first of a list; each holds the address of the next
	made int
	most int     // that are made
	rest uintptr // of the chunk that slots are cut from
	left int     // bytes of it
}

// init is before anybody opens a connection: SQLite takes its allocator once.
func init() {
	slots.most = maxSlots
	tls := libc.NewTLS()
	defer tls.Close()
	// In memory of the library, as everything that it reads.
	methods := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_mem_methods{})))
	*(*sqlite3.Tsqlite3_mem_methods)(pointer(methods)) = sqlite3.Tsqlite3_mem_methods{
		FxMalloc: *(*uintptr)(unsafe.Pointer(&struct {
			f func(*libc.TLS, int32) uintptr
		}{malloc})),
		FxFree: *(*uintptr)(unsafe.Pointer(&struct{ f func(*libc.TLS, uintptr) }{free})),
		FxRealloc: *(*uintptr)(unsafe.Pointer(&struct {
			f func(*libc.TLS, uintptr, int32) uintptr
		}{realloc})),
		FxSize: *(*uintptr)(unsafe.Pointer(&struct {
			f func(*libc.TLS, uintptr) int32
		}{size})),
		FxRoundup: *(*uintptr)(unsafe.Pointer(&struct{ f func(*libc.TLS, int32) int32 }{roundUp})),
		FxInit: *(*uintptr)(unsafe.Pointer(&struct {
			f func(*libc.TLS, uintptr) int32
		}{begin})),
		FxShutdown: *(*uintptr)(unsafe.Pointer(&struct{ f func(*libc.TLS, uintptr) }{end})),
	}
	list := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(uintptr(0))))
	if rc := sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_MALLOC, libc.VaList(list, methods)); rc != sqlite3.SQLITE_OK {
		panic(fmt.Sprintf("lite: SQLite does not take an allocator (%d)", rc))
	}
	libc.Xfree(tls, list)
	libc.Xfree(tls, methods)
}

func malloc(tls *libc.TLS, n int32) uintptr {
	if n > leastPage && n <= mostPage {
		if p := takeSlot(tls); p != 0 {
			*sizeOf(p) = int64(n) | slotFlag
			return p
		}
	}
	return sized(libc.Xmalloc(tls, libc.Tsize_t(n)+header), n)
}

// sized notes the size of what the library gave.
func sized(p uintptr, n int32) uintptr {
	if p == 0 {
		return 0
	}
	p += header
	*sizeOf(p) = int64(n)
	return p
}

func free(tls *libc.TLS, p uintptr) {
	switch {
	case p == 0:
	case isSlot(p):
		giveSlot(p)
	default:
		libc.Xfree(tls, p-header)
	}
}

func realloc(tls *libc.TLS, p uintptr, n int32) uintptr {
	if !isSlot(p) {
		return sized(libc.Xrealloc(tls, p-header, libc.Tsize_t(n)+header), n)
	}
	to := malloc(tls, n)
	if to != 0 {
		place(to, (*byte)(pointer(p)), int(min(n, size(tls, p))))
		free(tls, p)
	}
	return to
}

func size(_ *libc.TLS, p uintptr) int32 { return int32(*sizeOf(p) &^ slotFlag) } //nolint:gosec // it was one

func roundUp(_ *libc.TLS, n int32) int32 { return (n + 7) &^ 7 }

func begin(*libc.TLS, uintptr) int32 { return sqlite3.SQLITE_OK }

func end(*libc.TLS, uintptr) {}

func sizeOf(p uintptr) *int64 { return (*int64)(pointer(p - header)) }

func isSlot(p uintptr) bool { return *sizeOf(p)&slotFlag != 0 }

// takeSlot answers 0 where there is none.
func takeSlot(tls *libc.TLS) uintptr {
	slots.Lock()
	defer slots.Unlock()
	if p := slots.free; p != 0 {
		slots.free = *(*uintptr)(pointer(p))
		return p
	}
	if slots.made >= slots.most {
		return 0
	}
	if slots.left < slotSize {
		if slots.rest = libc.Xmalloc(tls, chunkSize); slots.rest == 0 {
			slots.left = 0
			return 0
		}
		slots.left = chunkSize
	}
	p := slots.rest + header
	slots.rest += slotSize
	slots.left -= slotSize
	slots.made++
	return p
}

func giveSlot(p uintptr) {
	slots.Lock()
	*(*uintptr)(pointer(p)) = slots.free
	slots.free = p
	slots.Unlock()
}
