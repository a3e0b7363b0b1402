package webhook_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/freeport"
)

// floe is the built binary, made once for all tests.
var floe = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "floe-crash-*")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "floe")
	out, err := exec.CommandContext(context.Background(), "go", "build", "-o", path, "../../cmd/floe").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build floe: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if crashed.Load() {
		path, _ := floe()
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// crashed is set by tests that have made the binary.
var crashed atomic.Bool

// victim is the server that is killed.
type victim struct {
	t       testing.TB
	binary  string
	config  db.Config
	address string
	token   string
	process *exec.Cmd
	log     bytes.Buffer // of the process
}

func newVictim(t testing.TB, config db.Config) *victim {
	t.Helper()
	crashed.Store(true)
	binary, err := floe()
	if err != nil {
		t.Fatal(err)
	}
	v := &victim{t: t, binary: binary, config: config, address: freeAddress(t)}
	v.start()
	t.Cleanup(v.kill)
	return v
}

// caller keeps a connection for each client.
var caller = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

func freeAddress(t testing.TB) string {
	t.Helper()
	address, err := freeport.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

var tokenText = regexp.MustCompile(`polar_oat_[A-Za-z0-9]+`)

// start starts the server and waits until it answers; the first time it prints
// a token.
func (v *victim) start() {
	v.t.Helper()
	args := []string{"serve", "--listen", v.address, "--allow-private-webhooks", "--log-level", "warn"}
	v.process = exec.CommandContext(context.WithoutCancel(v.t.Context()), v.binary, append(args, v.database()...)...)
	v.log.Reset()
	v.process.Stderr = &v.log
	out, err := v.process.StdoutPipe()
	if err != nil {
		v.t.Fatal(err)
	}
	if err := v.process.Start(); err != nil {
		v.t.Fatal(err)
	}
	if v.token == "" {
		for s := bufio.NewScanner(out); v.token == "" && s.Scan(); {
			v.token = tokenText.FindString(s.Text())
		}
	}
	for range 1000 {
		if status, _ := v.do("GET", "/readyz", nil); status == 200 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	v.kill()
	v.t.Fatalf("the server does not start:\n%s", v.log.String())
}

func (v *victim) kill() {
	if v.process != nil {
		_ = v.process.Process.Kill()
		_ = v.process.Wait()
		v.process = nil
	}
}

// freeze has the server stand still for longer than leases last, as a machine
// does that is moved, and go on as if nothing had happened.
func (v *victim) freeze() {
	if err := v.process.Process.Signal(syscall.SIGSTOP); err != nil {
		v.t.Error(err)
	}
	time.Sleep(12 * time.Second)
	if err := v.process.Process.Signal(syscall.SIGCONT); err != nil {
		v.t.Error(err)
	}
	time.Sleep(time.Second)
}

func (v *victim) do(method, path string, body any) (int, map[string]any) {
	text, _ := json.Marshal(body)
	r, err := http.NewRequestWithContext(v.t.Context(), method, "http://"+v.address+path, bytes.NewReader(text))
	if err != nil {
		v.t.Error(err)
		return 0, nil
	}
	r.Header.Set("Authorization", "Bearer "+v.token)
	r.Header.Set("Content-Type", "application/json")
	w, err := caller.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = w.Body.Close() }()
	var out map[string]any
	_ = json.NewDecoder(w.Body).Decode(&out)
	return w.StatusCode, out
}

// doctor has floe doctor look for a broken rule. That the disk is waited for is
// none that servers for tests keep.
func (v *victim) doctor() {
	v.t.Helper()
	out, _ := exec.CommandContext(v.t.Context(), v.binary, append([]string{"doctor", "--json"}, v.database()...)...).Output() // the report says it all
	var report struct {
		Checks []struct{ Name, Status string }
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Checks) == 0 {
		v.t.Errorf("floe doctor: %v: %s", err, out)
	}
	for _, check := range report.Checks {
		if check.Status != "ok" && check.Status != "warning" && check.Name != "sync" {
			v.t.Errorf("floe doctor: %s is %s: %s", check.Name, check.Status, out)
		}
	}
}

func (v *victim) database() []string {
	if v.config.URL != "" {
		return []string{"--database-url", v.config.URL}
	}
	return []string{"--data-dir", v.config.DataDir}
}

// query reads the database beside the server.
func query[T any](v *victim, text string, args ...any) []T {
	v.t.Helper()
	d, err := db.Open(v.t.Context(), v.config)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	list, err := db.All[T](v.t.Context(), d, text+floetest.AllOrganizations, args...)
	if err != nil {
		v.t.Fatal(err)
	}
	return list
}
