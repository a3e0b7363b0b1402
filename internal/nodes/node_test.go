package nodes_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"floe/internal/freeport"
)

// build makes the program, under a version of its own, and without the
// migrations from a number on: then it is the program as it was before them, as
// far as its database is concerned. 0 leaves out none.
func build(t *testing.T, version string, before int) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "floe-"+version)
	args := []string{"build", "-ldflags", "-X main.release=" + version, "-o", binary}
	if before > 0 {
		args = append(args, "-overlay", without(t, before))
	}
	out, err := exec.CommandContext(t.Context(), "go", append(args, "floe/cmd/floe")...).CombinedOutput() //nolint:gosec // our own arguments
	if err != nil {
		t.Fatalf("build floe: %v\n%s", err, out)
	}
	return binary
}

// without is a file that tells the compiler of migrations that are not there.
func without(t *testing.T, from int) string {
	t.Helper()
	files, err := filepath.Glob("../db/migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	overlay.Replace = map[string]string{}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		if number, err := strconv.Atoi(filepath.Base(file)[:4]); err == nil && number >= from {
			overlay.Replace[path] = "" // removed
		}
	}
	if len(overlay.Replace) == 0 {
		t.Fatalf("there is no migration from %d on", from)
	}
	text, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "overlay.json")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// node is one server of several. It keeps its address when it is started anew.
type node struct {
	address, metrics string
	args             []string
	lingers          time.Duration        // serves on for so long when it is stopped
	life             atomic.Pointer[life] // the latest
	lives            []*life
}

// life is one process, from its start to its end.
type life struct {
	name    string
	process *exec.Cmd
	log     bytes.Buffer // whole once the process has ended
	killed  atomic.Bool  // set just before it is
	ended   atomic.Bool  // somebody waits for it
}

func newNode(t *testing.T, args ...string) *node {
	return &node{address: freeAddress(t), metrics: freeAddress(t), args: args}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	address, err := freeport.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

var welcome = regexp.MustCompile(`polar_oat_\w+`)

// start starts a process and waits until it is ready. The first one on a
// database says a token.
func (n *node) start(t *testing.T, binary string) (token string) {
	t.Helper()
	l := &life{name: fmt.Sprintf("%s on %s, life %d", filepath.Base(binary), n.address, len(n.lives)+1)}
	// Not the context of the test: the end of the process is what is tested.
	l.process = exec.Command(binary, append([]string{"serve", "--listen", n.address, "--metrics-listen", n.metrics, "--log-level", "warn"}, n.args...)...) //nolint:gosec,noctx // our own program
	l.process.Stderr = &l.log
	out, err := l.process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := l.process.Start(); err != nil {
		t.Fatal(err)
	}
	n.lives = append(n.lives, l)
	n.life.Store(l)
	said := make(chan string, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if found := welcome.FindString(lines.Text()); found != "" {
				said <- found
			}
		}
	}()
	for begin := time.Now(); !n.ready(t.Context()); time.Sleep(10 * time.Millisecond) {
		if time.Since(begin) > time.Minute {
			n.kill()
			t.Fatalf("%s is not ready:\n%s", l.name, &l.log)
		}
	}
	select {
	case token = <-said:
	case <-time.After(100 * time.Millisecond):
	}
	return token
}

func (n *node) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	status, _, err := ask(ctx, http.DefaultClient, "GET", "http://"+n.address+"/readyz", nil, nil)
	return err == nil && status.StatusCode == 200
}

// kill ends the process in the way in which it learns nothing of it.
func (n *node) kill() {
	l := n.life.Load()
	if l == nil || l.ended.Swap(true) {
		return
	}
	l.killed.Store(true)
	_ = l.process.Process.Kill()
	_ = l.process.Wait()
}

// stop ends the process as supervisors do, and expects it to leave in order.
func (n *node) stop(t *testing.T) {
	t.Helper()
	l := n.life.Load()
	l.ended.Store(true)
	begun := time.Now()
	_ = l.process.Process.Signal(syscall.SIGTERM)
	ended := make(chan error, 1)
	go func() { ended <- l.process.Wait() }()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("%s: %v", l.name, err)
		}
	case <-time.After(30 * time.Second):
		t.Errorf("%s does not stop", l.name)
		_ = l.process.Process.Kill()
		<-ended
	}
	if took := time.Since(begun); took < n.lingers {
		t.Errorf("%s has served on for %v at most, not for %v", l.name, took, n.lingers)
	}
	if text := l.log.String(); strings.Contains(text, "cut off") || strings.Contains(text, "before everything was finished") {
		t.Errorf("%s did not finish:\n%s", l.name, text)
	}
}

// metric is a number that the node tells Prometheus.
func (n *node) metric(t *testing.T, name string) (value float64) {
	t.Helper()
	_, body, err := ask(t.Context(), http.DefaultClient, "GET", "http://"+n.metrics+"/metrics", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			_, _ = fmt.Sscan(rest, &value)
			return value
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

// ask sends a request and reads the whole answer.
func ask(ctx context.Context, c *http.Client, method, url string, header http.Header, body any) (*http.Response, []byte, error) {
	var text io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, nil, err
		}
		text = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, url, text)
	if err != nil {
		return nil, nil, err
	}
	for name, values := range header {
		r.Header[name] = values
	}
	r.Header.Set("Content-Type", "application/json")
	w, err := c.Do(r)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = w.Body.Close() }()
	answer, err := io.ReadAll(w.Body)
	return w, answer, err
}
