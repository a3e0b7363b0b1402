package main

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/freeport"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"floe": main})
}

// TestScripts runs every script on SQLite, in the folder that floe makes by
// itself.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params("testdata/script/*.txtar", nil, t))
}

// TestScriptsOnPostgres runs those about data again, on PostgreSQL.
func TestScriptsOnPostgres(t *testing.T) {
	t.Parallel()
	dbtest.EmptyURL(t) // skips when there is none
	testscript.Run(t, params("testdata/script/data_*.txtar", func() string { return dbtest.EmptyURL(t) }, t))
}

func params(pattern string, database func() string, t *testing.T) testscript.Params {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts at %s (%v)", pattern, err)
	}
	return testscript.Params{
		Files: files,
		Setup: func(e *testscript.Env) error {
			address, err := freeport.Address(context.Background())
			if err != nil {
				return err
			}
			e.Setenv("ADDR", address)
			e.Setenv("FLOE_LISTEN", address)
			startSink(e)
			if database != nil {
				e.Setenv("FLOE_DATABASE_URL", database())
			}
			return nil
		},
		Condition: func(name string) (bool, error) {
			return name == "root" && os.Geteuid() == 0 || name == "postgres" && database != nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"http": httpCommand, "received": receivedCommand, "keep": keepCommand, "pick": pickCommand, "await": awaitCommand, "sigterm": signalCommand,
			"newer": newerCommand,
		},
		RequireExplicitExec: true,
	}
}

// httpCommand is "http STATUS METHOD PATH [TOKEN [BODY]]": it waits for the
// server to come up, sends the request, checks the status and leaves the
// answer as stdout.
func httpCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 || len(args) > 5 {
		ts.Fatalf("usage: http STATUS METHOD PATH [TOKEN [BODY]]")
	}
	args = append(args, "", "")
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, body, err := request(ts.Getenv("ADDR"), args[1], args[2], args[3], args[4])
		if err != nil && time.Now().Before(deadline) {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		ts.Check(err)
		_, err = io.WriteString(ts.Stdout(), body)
		ts.Check(err)
		if got != status {
			ts.Fatalf("%s %s: status %d, want %d\n%s", args[1], args[2], got, status, body)
		}
		return
	}
}

func request(address, method, path, token, body string) (int, string, error) {
	r, err := http.NewRequest(method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	w, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	return w.StatusCode, string(text), err
}

// keepCommand is "keep NAME FILE": a variable with the text of a file, such as
// stdout.
func keepCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}

// pickCommand is "pick NAME FILE REGEXP": a variable with what the first group
// of the expression finds in the file.
func pickCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: pick NAME FILE REGEXP")
	}
	text := ts.ReadFile(args[1])
	found := regexp.MustCompile(args[2]).FindStringSubmatch(text)
	if len(found) < 2 {
		ts.Fatalf("nothing like %s in\n%s", args[2], text)
	}
	ts.Setenv(args[0], found[1])
}

// awaitCommand is "await FILE TEXT": it waits until a file has the text, which
// what runs in the background writes.
func awaitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE TEXT")
	}
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		text, _ := os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		if strings.Contains(string(text), args[1]) {
			return
		}
		if time.Since(start) > 30*time.Second {
			ts.Fatalf("no %s in\n%s", args[1], text)
		}
	}
}

// newerCommand is "newer": a version of floe that has migrations which this one
// has not has been at the database.
func newerCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: newer")
	}
	ctx := context.Background()
	d, err := db.Open(ctx, db.Config{DataDir: ts.MkAbs("floe-data"), URL: ts.Getenv("FLOE_DATABASE_URL")})
	ts.Check(err)
	defer func() { ts.Check(d.Close()) }()
	ts.Check(d.Write(ctx, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, TRUE)`)
		return err
	}))
}

// signalCommand asks what runs in the background to stop, as service managers
// do.
func signalCommand(ts *testscript.TestScript, neg bool, _ []string) {
	for _, c := range ts.BackgroundCmds() {
		ts.Check(c.Process.Signal(syscall.SIGTERM))
	}
}
