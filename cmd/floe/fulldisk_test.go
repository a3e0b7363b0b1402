//go:build unix

package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"floe/internal/db"
	"floe/internal/db/pgserver"
	"floe/internal/smalldisk"
	"floe/internal/smalldisk/disktest"
)

// TestFullDisk runs the scripts that meet a full disk, where they can have one.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	disktest.Run(t, func(t *testing.T) {
		p := params("testdata/fulldisk/*.txtar", nil, t)
		p.Cmds["disk"] = diskCommand
		setup := p.Setup
		p.Setup = func(e *testscript.Env) error {
			e.Values[diskOfScript{}] = &diskHolder{}
			return setup(e)
		}
		testscript.Run(t, p)
	})
}

// diskCommand is "disk over DIR KB", which gives a folder a disk of its own with
// some room; "disk fill KB", which leaves so much of it; and "disk ease", which
// gives it back.
func diskCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: disk over DIR KB | disk fill KB | disk ease")
	}
	kb, _ := strconv.ParseInt(args[len(args)-1], 10, 64)
	d, _ := ts.Value(diskOfScript{}).(*diskHolder)
	switch args[0] {
	case "over":
		made, err := smalldisk.Over(ts.MkAbs(args[1]), kb<<10)
		ts.Check(err)
		d.Disk = made
		ts.Defer(func() { ts.Check(made.Remove()) })
	case "fill":
		ts.Check(d.Fill(kb << 10))
	case "ease":
		ts.Check(d.Ease())
	}
}

type (
	diskOfScript struct{}
	diskHolder   struct{ *smalldisk.Disk }
)

// TestFullPostgres: what cannot be written on the disk of a PostgreSQL server is
// said to be so, and gone on with when there is room.
func TestFullPostgres(t *testing.T) {
	t.Parallel()
	if _, err := pgserver.Programs(); err != nil && os.Getenv("FLOE_REQUIRE_ALL") != "1" {
		t.Skip(err)
	}
	disktest.Run(t, func(t *testing.T) {
		disk, address := smallPostgres(t, 8<<20)
		fill := func(leave int64) {
			if err := disk.Fill(leave); err != nil {
				t.Fatal(err)
			}
		}
		fill(0)
		refused(t, "^floe: cannot bring the schema up to date: .*disk is full: .*; make room there and start again", "migrate", "--database-url", address)
		fill(1 << 20)
		refused(t, "^floe: cannot bring the schema up to date: .*disk is full: .*; make room there and start again", "migrate", "--database-url", address)
		if err := disk.Ease(); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"migrate"}, {"organization", "create", "--name", "Acme", "--slug", "acme"}, {"doctor"}} {
			args = append(args, "--database-url", address)
			if out, err := exec.CommandContext(t.Context(), "floe", args...).CombinedOutput(); err != nil {
				t.Errorf("with room again, floe %q: %v\n%s", args, err, out)
			}
		}
	})
}

// refused runs a command that fails with one line.
func refused(t *testing.T, want string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "floe", args...)
	out, _ := cmd.CombinedOutput()
	if cmd.ProcessState.ExitCode() != 1 || !regexp.MustCompile(want).Match(out) || bytes.Count(out, []byte("\n")) != 1 {
		t.Errorf("floe %q ended with %d and said %q; want 1 and %q", args, cmd.ProcessState.ExitCode(), out, want)
	}
}

// smallPostgres starts a server whose files lie on a disk with so much room.
func smallPostgres(t *testing.T, room int64) (*smalldisk.Disk, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "floe-full-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	data := filepath.Join(dir, "data")
	if err := errors.Join(os.Chmod(dir, 0o755), os.Mkdir(data, 0o700)); err != nil { //nolint:gosec // the server's user has to pass
		t.Fatal(err)
	}
	s, err := pgserver.New(data)
	if err != nil {
		t.Fatal(err)
	}
	disk, err := smalldisk.Over(data, room)
	if err != nil {
		t.Fatal(err)
	}
	server := s.Command("postgres", "-D", data)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = server.Process.Signal(syscall.SIGQUIT)
		_ = server.Wait()
		if err := disk.Remove(); err != nil {
			t.Error(err)
		}
	})
	for begun := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		d, err := db.Open(t.Context(), db.Config{URL: s.URL("postgres"), ReadOnly: true})
		if err == nil {
			_ = d.Close()
			return disk, s.URL("postgres")
		}
		if time.Since(begun) > time.Minute {
			t.Fatal(err)
		}
	}
}
