//go:build !race && unix

package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// childVariable has, in the process that Valgrind runs, the place to measure.
const childVariable = "FLOE_GATE_PLACE"

// Under Valgrind everything takes fifty times as long, so fewer requests are
// measured of each path: so many at a time, so many times. The fewest count,
// because what comes by the clock comes fifty times as often here, and is none
// of the requests'.
const (
	counted = 10
	times   = 5
)

// child measures all paths in a process whose instructions are counted.
func child(text string) error {
	var p place
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return err
	}
	ctx := context.Background()
	w, err := open(ctx, p)
	if err != nil {
		return err
	}
	if err := w.look(); err != nil {
		return err
	}
	start()
	for _, path := range w.paths(ctx) {
		if err := w.measure(path, counted, times, zero, func() { dump(path.name) }); err != nil {
			return err
		}
	}
	return w.close()
}

// instructions counts those of this process's side: all of SQLite's work is
// among them, of PostgreSQL's none. It is done by Valgrind, because counters of
// the processor are rarely to be had in a virtual machine.
func instructions(t *testing.T, p place) map[string]Costs {
	t.Helper()
	if runtime.GOARCH != "amd64" {
		t.Log("instructions are counted on amd64 only")
		return nil
	}
	valgrind, err := exec.LookPath("valgrind")
	if err != nil {
		if os.Getenv("FLOE_REQUIRE_ALL") == "1" {
			t.Fatal("valgrind is missing")
		}
		t.Log("valgrind is missing: instructions are not counted")
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), valgrind, "--tool=callgrind", "--instr-atstart=no", "--dump-instr=yes", "--compress-pos=no", //nolint:gosec // what is measured
		"--callgrind-out-file="+filepath.Join(dir, "out"), self)
	// One processor, no interruptions and no garbage: what is left is the program.
	// Valgrind says that RDTSCP is there also on processors on which it does not know it.
	cmd.Env = append(os.Environ(), childVariable+"="+string(text), "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1,cpu.rdtscp=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", p.Engine, err, out)
	}
	counts, err := read(dir)
	if err != nil {
		t.Fatal(err)
	}
	return counts
}

var trigger = regexp.MustCompile(`(?m)^desc: Trigger: Client Request: (.*)$`)

// read collects what Valgrind has written, one file for each dump.
func read(dir string) (map[string]Costs, error) {
	files, err := filepath.Glob(filepath.Join(dir, "out*"))
	if err != nil {
		return nil, err
	}
	counts := map[string][]float64{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		if name := trigger.FindSubmatch(text); name != nil { // and not the end of the process
			path := strings.TrimSpace(string(name[1]))
			counts[path] = append(counts[path], float64(sum(text))/counted)
		}
	}
	if len(counts) == 0 {
		return nil, fmt.Errorf("valgrind has counted nothing in %s", dir)
	}
	out := map[string]Costs{}
	for path, list := range counts {
		if len(list) != times {
			return nil, fmt.Errorf("%s: valgrind has counted %d times, not %d", path, len(list), times)
		}
		out[path] = Costs{"instructions": slices.Min(list)}
	}
	return out, nil
}

// sum adds up the instructions of a dump: a line is the address of one, a line
// of its source, and how often it ran. The line after a call has what was
// called, which is counted where it is. (Valgrind's own total is no good: it
// follows calls, and loses its way when a goroutine gives way to another.)
func sum(text []byte) (n int64) {
	called := false
	for line := range strings.Lines(string(text)) {
		switch {
		case strings.HasPrefix(line, "calls="):
			called = true
		case called:
			called = false
		case strings.HasPrefix(line, "0x"):
			if fields := strings.Fields(line); len(fields) == 3 {
				count, err := strconv.ParseInt(fields[2], 10, 64)
				if err == nil {
					n += count
				}
			}
		}
	}
	return n
}
