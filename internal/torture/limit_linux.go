package torture

import "golang.org/x/sys/unix"

// canLimit says why the size of files cannot be limited; nothing where it can.
const canLimit = ""

// limitFiles lets a process write no file beyond a size, until lift is called.
func limitFiles(pid int, size uint64) (lift func() error, err error) {
	var old unix.Rlimit
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, nil, &old); err != nil {
		return nil, err
	}
	limit := unix.Rlimit{Cur: size, Max: old.Max}
	if err := unix.Prlimit(pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		return nil, err
	}
	return func() error { return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &old, nil) }, nil
}
