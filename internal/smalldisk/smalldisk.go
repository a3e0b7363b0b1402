// Package smalldisk lays a file system of a few megabytes over a folder, where
// it can be filled to the last byte without anybody else's being short of room:
// it lies in memory, and only a process that was started apart, and those that
// it starts, see it. It is for what must meet a full disk: tests, and floe
// torture. It knows nothing of what lies on it.
package smalldisk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Variable tells a process that was started apart what it was parted from.
const Variable = "FLOE_SMALL_DISK"

// ballast is the file that takes up what room there is.
const ballast = ".ballast"

// Disk is a small file system over a folder, with the files of the folder.
type Disk struct {
	dir  string
	size int64
}

// Over puts all that a folder has on a file system with so much room beside it,
// and that over the folder, so that its paths stay as they are. Nobody may be
// using the files meanwhile.
func Over(dir string, room int64) (*Disk, error) {
	used, err := usage(dir)
	if err != nil {
		return nil, err
	}
	below, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = below.Close() }()
	d := &Disk{dir, used + room}
	if err := mount(dir, d.size); err != nil {
		return nil, err
	}
	if err := copyAll(below, dir); err != nil {
		return nil, errors.Join(err, unmount(dir))
	}
	return d, nil
}

// Fill takes all room but so many bytes.
func (d *Disk) Fill(leave int64) error {
	f, err := os.OpenFile(d.ballast(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	block := make([]byte, 64<<10)
	for err == nil {
		_, err = f.Write(block)
	}
	if errors.Is(err, syscall.ENOSPC) {
		err = nil
	}
	if err == nil && leave > 0 {
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil {
			err = f.Truncate(max(0, info.Size()-leave))
		}
	}
	return errors.Join(err, f.Close())
}

// Ease gives back all that Fill has taken.
func (d *Disk) Ease() error { return os.Truncate(d.ballast(), 0) }

func (d *Disk) ballast() string { return filepath.Join(d.dir, ballast) }

// Remove takes the file system away, and leaves the folder with what lies on it
// now. Nobody may be using the files.
func (d *Disk) Remove() error {
	if err := os.Remove(d.ballast()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	above, err := os.OpenRoot(d.dir)
	if err != nil {
		return err
	}
	defer func() { _ = above.Close() }() // and with it the file system ends
	if err := unmount(d.dir); err != nil {
		return err
	}
	old, err := os.ReadDir(d.dir)
	for _, e := range old {
		err = errors.Join(err, os.RemoveAll(filepath.Join(d.dir, e.Name())))
	}
	if err != nil {
		return err
	}
	return copyAll(above, d.dir)
}

// usage is how much room the files of a folder take.
func usage(dir string) (n int64, err error) {
	const block = 4096
	err = filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err == nil {
			n += block + (info.Size()+block-1)/block*block // folders take a block, too
		}
		return err
	})
	return n, err
}

// copyAll copies a tree into a folder that is there: files, folders and links,
// with who owns them and may use them. Sockets and the like belong to processes.
func copyAll(from *os.Root, to string) error {
	return fs.WalkDir(from.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		name := filepath.Join(to, path)
		switch {
		case path == ".":
		case e.IsDir():
			err = os.Mkdir(name, 0o700)
		case e.Type() == fs.ModeSymlink:
			var at string
			if at, err = from.Readlink(path); err == nil {
				err = os.Symlink(at, name)
			}
			return err
		case e.Type().IsRegular():
			err = copyFile(from, path, name)
		default:
			return nil
		}
		return errors.Join(err, own(name, info))
	})
}

func copyFile(from *os.Root, path, to string) error {
	in, err := from.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
