//go:build unix

package torture

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"syscall"

	"floe/internal/smalldisk"
)

// Apart runs this program again, with the same arguments, where it can mount a
// small disk that nobody else sees, and says with which code that ended. It
// does nothing where that is so already, or none of these faults needs it. An
// error says why the system does not let it.
func Apart(ctx context.Context, faults []string) (ran bool, code int, err error) {
	if os.Getenv(smalldisk.Variable) != "" || len(faults) > 0 && !slices.Contains(faults, fullDiskName) {
		return false, 0, nil
	}
	binary, err := os.Executable()
	if err != nil {
		return false, 0, err
	}
	cmd := exec.CommandContext(ctx, binary, os.Args[1:]...) //nolint:gosec // this program
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C is passed on once, and not heard twice
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	if err := smalldisk.Apart(cmd); err != nil {
		return false, 0, err
	}
	if err := cmd.Start(); err != nil {
		return false, 0, err
	}
	err = cmd.Wait()
	if cmd.ProcessState == nil {
		return true, 0, err
	}
	return true, cmd.ProcessState.ExitCode(), nil
}
