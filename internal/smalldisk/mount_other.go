//go:build !linux

package smalldisk

import (
	"errors"
	"io/fs"
	"os/exec"
)

var errLinux = errors.New("it needs Linux")

// Apart is not to be had: only Linux has file systems that nobody else sees.
func Apart(*exec.Cmd) error { return errLinux }

// Possible says that there can be no small disk.
func Possible(string) error { return errLinux }

func mount(string, int64) error { return errLinux }

func unmount(string) error { return errLinux }

func own(string, fs.FileInfo) error { return errLinux }
