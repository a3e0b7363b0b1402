//go:build unix

package db

import (
	"errors"
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// lockAlone holds a file for as long as this process lives, however it ends.
// It takes the kind of lock that SQLite takes, which works wherever SQLite's do,
// in a file of its own: SQLite's would lose theirs.
func lockAlone(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK}
	err = unix.FcntlFlock(f.Fd(), unix.F_SETLK, &whole)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EAGAIN) || errors.Is(err, syscall.EACCES) {
		return nil, ErrServed
	}
	return nil, fmt.Errorf("lock %s: %w", path, err)
}
