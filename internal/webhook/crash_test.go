package webhook_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/floetest"
	"floe/internal/id"
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

// TestCrash kills a server again and again while clients write and the
// receiver misbehaves in every way it can: each event arrives, in the order of
// its customer, and none is invented.
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	t.Parallel()
	for name, config := range map[string]func(t *testing.T) db.Config{
		"sqlite":   func(t *testing.T) db.Config { return db.Config{DataDir: t.TempDir()} },
		"postgres": func(t *testing.T) db.Config { return db.Config{URL: dbtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			newCrash(t, config(t)).run()
		})
	}
}

// crash is one such test.
type crash struct {
	t       testing.TB
	binary  string
	config  db.Config
	address string
	token   string
	process *exec.Cmd
	sink    *rogue
}

func newCrash(t *testing.T, config db.Config) *crash {
	t.Helper()
	crashed.Store(true)
	binary, err := floe()
	if err != nil {
		t.Fatal(err)
	}
	c := &crash{t: t, binary: binary, config: config, address: freeAddress(t), sink: newRogue(t)}
	c.start()
	t.Cleanup(c.kill)
	return c
}

func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

var tokenText = regexp.MustCompile(`polar_oat_[A-Za-z0-9]+`)

// start starts the server and waits until it answers; the first time it prints
// a token.
func (c *crash) start() {
	c.t.Helper()
	args := []string{"serve", "--listen", c.address, "--allow-private-webhooks", "--log-level", "warn"}
	if c.config.URL != "" {
		args = append(args, "--database-url", c.config.URL)
	} else {
		args = append(args, "--data-dir", c.config.DataDir)
	}
	c.process = exec.CommandContext(context.WithoutCancel(c.t.Context()), c.binary, args...)
	var log bytes.Buffer
	c.process.Stderr = &log
	out, err := c.process.StdoutPipe()
	if err != nil {
		c.t.Fatal(err)
	}
	if err := c.process.Start(); err != nil {
		c.t.Fatal(err)
	}
	if c.token == "" {
		for s := bufio.NewScanner(out); c.token == "" && s.Scan(); {
			c.token = tokenText.FindString(s.Text())
		}
	}
	for range 1000 {
		if status, _ := c.do("GET", "/readyz", nil); status == 200 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.kill()
	c.t.Fatalf("the server does not start:\n%s", log.String())
}

func (c *crash) kill() {
	if c.process != nil {
		_ = c.process.Process.Kill()
		_ = c.process.Wait()
		c.process = nil
	}
}

func (c *crash) do(method, path string, body any) (int, map[string]any) {
	text, _ := json.Marshal(body)
	r, err := http.NewRequestWithContext(c.t.Context(), method, "http://"+c.address+path, bytes.NewReader(text))
	if err != nil {
		c.t.Error(err)
		return 0, nil
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = w.Body.Close() }()
	var out map[string]any
	_ = json.NewDecoder(w.Body).Decode(&out)
	return w.StatusCode, out
}

func (c *crash) run() {
	t := c.t
	for _, path := range []string{"/hook", "/gone"} {
		status, _ := c.do("POST", endpoints, map[string]any{"url": c.sink.url + path, "format": "raw",
			"events": []string{"customer.created", "customer.updated", "customer.state_changed"}})
		if status != 201 {
			t.Fatalf("endpoint: %d", status)
		}
	}
	stop := make(chan struct{})
	var writers sync.WaitGroup
	for range 6 {
		writers.Go(func() { c.write(stop) })
	}
	for range 3 {
		time.Sleep(time.Second)
		c.kill()
		c.start()
		c.sink.restart()
	}
	time.Sleep(500 * time.Millisecond)
	close(stop)
	writers.Wait()
	c.check()
}

// write makes customers and changes them. A request whose answer is lost may
// or may not have happened: the journal knows.
func (c *crash) write(stop chan struct{}) {
	var mine []string
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		default:
		}
		if len(mine) < 5 {
			if status, out := c.do("POST", "/v1/customers/", map[string]any{"email": fmt.Sprintf("%s@example.com", id.New())}); status == 201 {
				mine = append(mine, out["id"].(string))
			}
			continue
		}
		if status, _ := c.do("PATCH", "/v1/customers/"+mine[rand.IntN(len(mine))], map[string]any{"name": fmt.Sprint(n)}); status != 200 {
			time.Sleep(10 * time.Millisecond)
		}
	}
}

// told is what of the journal has to arrive.
type told struct {
	CustomerID  string
	CustomerSeq int64
	Type        string
}

// check waits until everything has arrived, and compares.
func (c *crash) check() {
	t := c.t
	d, err := db.Open(t.Context(), c.config)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	want, err := db.All[told](t.Context(), d, `SELECT customer_id, customer_seq, type FROM journal
		WHERE type IN ('customer.created', 'customer.updated', 'customer.state_changed') ORDER BY seq`+floetest.AllOrganizations)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) < 100 {
		t.Errorf("only %d events were written", len(want))
	}
	deadline := time.Now().Add(40 * time.Second)
	for c.sink.distinct() < len(want) && time.Now().Before(deadline) {
		time.Sleep(50 * time.Millisecond)
	}
	c.sink.compare(t, want)
}

// rogue is a receiver that fails each event at most once, in some way, and is
// sometimes not there at all.
type rogue struct {
	t       *testing.T
	url     string
	address string
	server  *http.Server

	mu      sync.Mutex
	seen    map[string]bool // event ids that were tried
	arrived map[string]told // by event id
	order   map[string][]int64
	repeats int
}

func newRogue(t *testing.T) *rogue {
	t.Helper()
	r := &rogue{t: t, address: freeAddress(t), seen: map[string]bool{}, arrived: map[string]told{}, order: map[string][]int64{}}
	r.url = "http://" + r.address
	r.listen()
	t.Cleanup(func() { _ = r.server.Close() })
	return r
}

func (r *rogue) listen() {
	l, err := new(net.ListenConfig).Listen(r.t.Context(), "tcp", r.address)
	if err != nil {
		r.t.Error(err)
		return
	}
	r.server = &http.Server{Handler: r, ReadHeaderTimeout: time.Second}
	go func(s *http.Server) { _ = s.Serve(l) }(r.server)
}

func (r *rogue) restart() {
	_ = r.server.Close()
	time.Sleep(200 * time.Millisecond)
	r.listen()
}

// ServeHTTP takes an event or does not.
func (r *rogue) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	if q.URL.Path == "/gone" {
		w.WriteHeader(http.StatusGone)
		return
	}
	var e struct {
		Type string
		Data struct{ ID string }
	}
	if json.NewDecoder(q.Body).Decode(&e) != nil {
		return
	}
	event := q.Header.Get("Webhook-Id")
	r.mu.Lock()
	first := !r.seen[event]
	r.seen[event] = true
	r.mu.Unlock()
	if first && rand.IntN(100) < 1 && r.fail(w) {
		return
	}
	if rand.IntN(100) < 1 {
		time.Sleep(100 * time.Millisecond)
	}
	var seq int64
	_, _ = fmt.Sscan(q.Header.Get("Webhook-Sequence"), &seq)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.arrived[event]; again {
		r.repeats++
		return
	}
	r.arrived[event] = told{e.Data.ID, seq, e.Type}
	r.order[e.Data.ID] = append(r.order[e.Data.ID], seq)
}

func (r *rogue) fail(w http.ResponseWriter) bool {
	switch rand.IntN(4) {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
	case 1:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case 2:
		panic(http.ErrAbortHandler)
	default:
		w.WriteHeader(http.StatusFound)
	}
	return true
}

func (r *rogue) distinct() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.arrived)
}

func (r *rogue) compare(t testing.TB, want []told) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Logf("%d events, %d customers, %d arrived twice", len(want), len(r.order), r.repeats)
	missing := map[told]bool{}
	for _, w := range want {
		missing[w] = true
	}
	for _, a := range r.arrived {
		if !missing[a] {
			t.Errorf("invented, or twice under two ids: %+v", a)
		}
		delete(missing, a)
	}
	if len(missing) > 0 {
		t.Errorf("%d events never arrived", len(missing))
	}
	for customer, list := range r.order {
		for i := 1; i < len(list); i++ {
			if list[i] <= list[i-1] {
				t.Errorf("customer %s: %v out of order", customer, list)
				break
			}
		}
	}
}
