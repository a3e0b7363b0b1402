package smalldisk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// Apart has a command run where it sees file systems that nobody else sees. Who
// is not root gets the right to mount them, and no other, from a namespace of
// users in which they are who they are.
func Apart(cmd *exec.Cmd) error {
	here, err := os.Readlink(namespace)
	if err != nil {
		return err
	}
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, Variable+"="+here)
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	a := cmd.SysProcAttr
	a.Cloneflags |= unix.CLONE_NEWNS
	if uid, gid := os.Getuid(), os.Getgid(); uid != 0 {
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
	return nil
}

// namespace names what file systems a process sees.
const namespace = "/proc/self/ns/mnt"

// Possible says why there can be no small disk over a folder; nothing where there
// can be one. It asks the system by mounting one, unless others would see it.
func Possible(dir string) error {
	from := os.Getenv(Variable)
	if here, err := os.Readlink(namespace); err != nil || from == "" || from == here {
		return errors.New("this process sees the same file systems as others")
	}
	if err := mount(dir, 1<<20); err != nil {
		return err
	}
	return unmount(dir)
}

func mount(dir string, size int64) error {
	// What is mounted here is not to be seen from where this process came from.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts apart: %w", err)
	}
	if err := unix.Mount("floe", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=0700,size="+strconv.FormatInt(size, 10)); err != nil {
		return fmt.Errorf("mount a file system in memory: %w", err)
	}
	return nil
}

// unmount takes it away from the folder; it lasts as long as somebody holds it
// open.
func unmount(dir string) error {
	if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", dir, err)
	}
	return nil
}

// own gives a file to whom the other one belongs to, for the same use.
func own(name string, like fs.FileInfo) error {
	st, ok := like.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("nobody knows whom %s belongs to", like.Name())
	}
	if err := os.Chown(name, int(st.Uid), int(st.Gid)); err != nil {
		return err
	}
	return os.Chmod(name, like.Mode().Perm())
}
