// Package disktest runs a test where it can have a small disk. It is imported by
// tests only, and knows nothing of what they do there.
package disktest

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"

	"floe/internal/smalldisk"
)

// Run runs a test, which must be none of another one's, in a process that can
// mount small disks. Where the system does not let it, nothing is run: that is
// said, and a failure when the system's own tools can do it.
func Run(t *testing.T, fn func(t *testing.T)) {
	t.Helper()
	if os.Getenv(smalldisk.Variable) != "" {
		if err := smalldisk.Possible(t.TempDir()); err != nil {
			cannot(t, err)
			return
		}
		fn(t)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.v", "-test.count=1", "-test.run=^"+regexp.QuoteMeta(t.Name())+"$") //nolint:gosec // this test
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	err := smalldisk.Apart(cmd)
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		cannot(t, err)
		return
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

func cannot(t *testing.T, err error) {
	t.Helper()
	switch {
	case Allowed(t):
		t.Fatalf("a small disk can be had here, and it could not be mounted: %v", err)
	case os.Getenv("FLOE_REQUIRE_ALL") == "1": // which takes no skips
		t.Logf("NOT TRIED, because this system lets nobody mount: %v", err)
	default:
		t.Skipf("this system lets nobody mount: %v", err)
	}
}

// Allowed says whether the system lets its own tools mount a small disk.
func Allowed(t *testing.T) bool {
	t.Helper()
	how := "-Urm"
	if os.Getuid() == 0 {
		how = "-m"
	}
	dir := t.TempDir()
	return exec.CommandContext(t.Context(), "unshare", how, "mount", "-t", "tmpfs", "-o", "size="+strconv.Itoa(1<<20), "floe", dir).Run() == nil //nolint:gosec // our own arguments
}
