//go:build unix

package torture_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"floe/internal/db/dbtest"
	"floe/internal/db/pgserver"
	"floe/internal/smalldisk/disktest"
	"floe/internal/torture"
)

// TestTorture breaks each engine once in every way there is. FLOE_TORTURE_ROUNDS
// asks for more, FLOE_TORTURE_SEED for other ones.
func TestTorture(t *testing.T) {
	t.Parallel()
	binary := build(t)
	for engine, rounds := range map[string]int{"sqlite": 12, "postgres": 15} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			if _, err := pgserver.Programs(); engine == "postgres" && err != nil && os.Getenv("FLOE_REQUIRE_ALL") != "1" {
				t.Skip(err)
			}
			r := command(t, binary, "--engine", engine, "--clients", "12",
				"--seed", strconv.Itoa(setting("FLOE_TORTURE_SEED", 1)), "--rounds", strconv.Itoa(setting("FLOE_TORTURE_ROUNDS", rounds)))
			for _, p := range r.Problems {
				t.Error(p)
			}
			tried := map[string]bool{}
			for _, x := range r.Rounds {
				tried[x.Fault] = true
				if x.Detail == torture.NotReached {
					t.Errorf("%s: %s", x.Fault, x.Detail)
				}
			}
			if len(tried)+len(r.Skipped) != len(torture.Faults()) {
				t.Errorf("%d kinds of fault were tried and %q left out, of %d", len(tried), r.Skipped, len(torture.Faults()))
			}
			if r.FullDisk != torture.FullDisk && disktest.Allowed(t) {
				t.Errorf("a small disk can be had here, and the full disk was %q; left out were %q", r.FullDisk, r.Skipped)
			}
			if r.Acknowledged < 100 || r.Events < 100 || r.Changes < 100 || r.Doubtful < 20 || r.Refused == 0 {
				t.Errorf("nothing much was tried: %+v", r)
			}
			t.Logf("%d acknowledged, %d unanswered of which %d happened, %d events, %.0f s", r.Acknowledged, r.Doubtful, r.Happened, r.Events, r.Seconds)
			t.Logf("the full disk was %s", r.FullDisk)
		})
	}
}

// command runs floe torture as people do, and reads its report.
func command(t *testing.T, binary string, args ...string) (r torture.Report) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, append([]string{"torture", folder(t), "--json"}, args...)...)
	cmd.Stderr = t.Output()
	out, err := cmd.Output()
	if failed := json.Unmarshal(out, &r); failed != nil {
		t.Fatalf("floe torture: %v, %v\n%s", err, failed, out)
	}
	if broken := len(r.Problems) > 0; cmd.ProcessState.ExitCode() != map[bool]int{true: 1}[broken] {
		t.Errorf("floe torture ended with %v", err)
	}
	return r
}

// TestFilesThatCannotGrow: where nobody can mount anything, as here, where the
// program was not run apart, the disk is as good as full.
func TestFilesThatCannotGrow(t *testing.T) {
	t.Parallel()
	r, err := torture.Run(t.Context(), torture.Config{Binary: build(t), Dir: folder(t), Engine: "sqlite", Seed: 1, Rounds: 1, Clients: 8,
		Faults: []string{"full-disk"}, NotApart: fs.ErrPermission, Progress: t.Output()})
	if err != nil || len(r.Problems) > 0 || r.Doubtful == 0 {
		t.Errorf("%v, %q, %d unanswered", err, r.Problems, r.Doubtful)
	}
	if !strings.Contains(r.FullDisk, "RLIMIT_FSIZE") || !strings.Contains(r.FullDisk, "permission denied") {
		t.Errorf("the report does not say that the disk was not full, and why: %q", r.FullDisk)
	}
}

// folder is one that PostgreSQL's user can enter, too.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "floe-torture-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil { //nolint:gosec // nothing in it is secret
		t.Fatal(err)
	}
	return dir
}

func setting(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "floe")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "floe/cmd/floe").CombinedOutput()
	if err != nil {
		t.Fatalf("build floe: %v\n%s", err, out)
	}
	return binary
}

// TestDocs: the documentation names every way to break something.
func TestDocs(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/reliability.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range torture.Faults() {
		if !strings.Contains(string(text), "`"+f.Name+"`") {
			t.Errorf("docs/reliability.md does not name %s: %s", f.Name, f.About)
		}
	}
}

// TestNotEmpty: a database that somebody needs is left alone.
func TestNotEmpty(t *testing.T) {
	t.Parallel()
	r, err := torture.Run(t.Context(), torture.Config{Binary: "/nowhere/floe", Engine: "postgres", URL: dbtest.URL(t), Dir: filepath.Join(t.TempDir(), "torture"), Rounds: 1, Clients: 1})
	if !errors.Is(err, torture.ErrUnable) || !strings.Contains(err.Error(), "not empty") || len(r.Problems) > 0 {
		t.Errorf("%v, %q", err, r.Problems)
	}
}

// TestUnable: what cannot be run is said to be so, and is no verdict.
func TestUnable(t *testing.T) {
	t.Parallel()
	for _, c := range []torture.Config{
		{Binary: "/nowhere/floe", Engine: "sqlite", Rounds: 1, Clients: 1},
		{Binary: "/nowhere/floe", Engine: "sqlite", Faults: []string{"earthquake"}},
		{Binary: "/nowhere/floe", Engine: "sqlite", Faults: []string{"postgres-restart"}},
	} {
		c.Dir = filepath.Join(t.TempDir(), "torture")
		r, err := torture.Run(t.Context(), c)
		if !errors.Is(err, torture.ErrUnable) || len(r.Problems) > 0 {
			t.Errorf("%+v: %v, %q", c, err, r.Problems)
		}
	}
}
