package webhook_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/floetest"
	"floe/internal/freeport"
	"floe/internal/id"
	"floe/internal/schema"
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

// TestCrash kills a server again and again while clients write, one reads the
// change feed, and the receiver misbehaves in every way it can: each event
// arrives, in the order of its customer and in an unbroken chain, none is
// invented, and the feed has the same. The environment makes it larger:
//
//	FLOE_CRASH_EVENTS=100000 FLOE_CRASH_KILLS=20 go test ./internal/webhook -run TestCrash -v -timeout 60m
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: takes half a minute")
	}
	t.Parallel()
	for name, config := range map[string]func(t *testing.T) db.Config{
		"sqlite":   func(t *testing.T) db.Config { return db.Config{DataDir: t.TempDir()} },
		"postgres": func(t *testing.T) db.Config { return db.Config{URL: dbtest.URL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			newCrash(t, config(t)).run(number("FLOE_CRASH_EVENTS", 4000), number("FLOE_CRASH_KILLS", 4))
		})
	}
}

// number is a setting from the environment.
func number(name string, otherwise int64) int64 {
	if n, err := strconv.ParseInt(os.Getenv(name), 10, 64); err == nil {
		return n
	}
	return otherwise
}

// crash is one such test.
type crash struct {
	t       testing.TB
	binary  string
	config  db.Config
	address string
	token   string
	process *exec.Cmd
	log     bytes.Buffer // of the process
	sink    *rogue
	written atomic.Int64 // events whose cause was acknowledged
}

// caller keeps a connection for each client.
var caller = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

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
	address, err := freeport.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

var tokenText = regexp.MustCompile(`polar_oat_[A-Za-z0-9]+`)

// start starts the server and waits until it answers; the first time it prints
// a token.
func (c *crash) start() {
	c.t.Helper()
	args := []string{"serve", "--listen", c.address, "--allow-private-webhooks", "--log-level", "warn"}
	c.process = exec.CommandContext(context.WithoutCancel(c.t.Context()), c.binary, append(args, c.database()...)...)
	c.log.Reset()
	c.process.Stderr = &c.log
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
	c.t.Fatalf("the server does not start:\n%s", c.log.String())
}

func (c *crash) kill() {
	if c.process != nil {
		_ = c.process.Process.Kill()
		_ = c.process.Wait()
		c.process = nil
	}
}

// freeze has the server stand still for longer than leases last, as a machine
// does that is moved, and go on as if nothing had happened.
func (c *crash) freeze() {
	if err := c.process.Process.Signal(syscall.SIGSTOP); err != nil {
		c.t.Error(err)
	}
	time.Sleep(12 * time.Second)
	if err := c.process.Process.Signal(syscall.SIGCONT); err != nil {
		c.t.Error(err)
	}
	time.Sleep(time.Second)
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
	w, err := caller.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = w.Body.Close() }()
	var out map[string]any
	_ = json.NewDecoder(w.Body).Decode(&out)
	return w.StatusCode, out
}

// told are the types that the receiver gets.
var telling = []string{"customer.created", "customer.updated", "customer.state_changed"}

const crashWriters = 16

func (c *crash) run(events, kills int64) {
	t := c.t
	for path, types := range map[string][]string{"/hook": telling, "/gone": telling[:1], "/never": telling[:1]} {
		status, _ := c.do("POST", endpoints, map[string]any{"url": c.sink.url + path, "format": "raw", "events": types})
		if status != 201 {
			t.Fatalf("endpoint: %d", status)
		}
	}
	start := time.Now()
	stop := make(chan struct{})
	var writers, readers sync.WaitGroup
	for range crashWriters {
		writers.Go(func() { c.write(stop, events) })
	}
	var read feedReader
	readers.Go(func() { read.follow(c, stop) })
	for n := range kills {
		for c.written.Load() < events*(n+1)/(kills+1) {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(rand.N(20 * time.Millisecond))
		if n == 0 {
			c.freeze()
		}
		c.kill()
		if n < 3 { // it reads everything, which takes longer and longer
			c.doctor()
		}
		c.start()
		c.sink.restart()
		t.Logf("%v: killed %d times, %d events caused, %d arrived", time.Since(start).Round(time.Second), n+1, c.written.Load(), c.sink.distinct())
	}
	writers.Wait()
	t.Logf("%v: all is written", time.Since(start).Round(time.Second))
	want := c.journal()
	c.await(len(want))
	t.Logf("%v: %d of %d arrived", time.Since(start).Round(time.Second), c.sink.distinct(), len(want))
	close(stop)
	readers.Wait()
	c.sink.compare(t, want)
	read.compare(t, want)
	c.recorded(len(want))
	c.doctor()
}

// doctor has floe doctor look for a broken rule. That the disk is waited for is
// none that servers for tests keep.
func (c *crash) doctor() {
	c.t.Helper()
	out, _ := exec.CommandContext(c.t.Context(), c.binary, append([]string{"doctor", "--json"}, c.database()...)...).Output() // the report says it all
	var report struct {
		Checks []struct{ Name, Status string }
	}
	if err := json.Unmarshal(out, &report); err != nil || len(report.Checks) == 0 {
		c.t.Errorf("floe doctor: %v: %s", err, out)
	}
	for _, check := range report.Checks {
		if check.Status != "ok" && check.Status != "warning" && check.Name != "sync" {
			c.t.Errorf("floe doctor: %s is %s: %s", check.Name, check.Status, out)
		}
	}
}

func (c *crash) database() []string {
	if c.config.URL != "" {
		return []string{"--database-url", c.config.URL}
	}
	return []string{"--data-dir", c.config.DataDir}
}

// write makes customers and changes them. A request whose answer is lost may
// or may not have happened: the journal knows.
func (c *crash) write(stop chan struct{}, events int64) {
	var mine []string
	for n := 0; c.written.Load() < events; n++ {
		status, out := 0, map[string]any(nil)
		if len(mine) < 15 {
			if status, out = c.do("POST", "/v1/customers/", map[string]any{"email": fmt.Sprintf("%s@example.com", id.New())}); status == 201 {
				mine = append(mine, out["id"].(string))
			}
		} else {
			status, _ = c.do("PATCH", "/v1/customers/"+mine[rand.IntN(len(mine))], map[string]any{"name": fmt.Sprint(n)})
		}
		switch {
		case status/100 == 2:
			c.written.Add(2)
		case status == 0 || status >= 500:
			time.Sleep(10 * time.Millisecond)
		default:
			c.t.Errorf("a write is answered %d", status)
			return
		}
	}
}

// told is what of the journal has to arrive.
type told struct {
	CustomerID  string
	CustomerSeq int64
	Type        string
}

// journal is what has to arrive, in its order.
func (c *crash) journal() []told {
	c.t.Helper()
	want := query[told](c, `SELECT customer_id, customer_seq, type FROM journal
		WHERE type IN ('customer.created', 'customer.updated', 'customer.state_changed') ORDER BY seq`)
	if int64(len(want)) < c.written.Load() {
		c.t.Errorf("%d events were acknowledged, and %d are there", c.written.Load(), len(want))
	}
	return want
}

func query[T any](c *crash, text string, args ...any) []T {
	c.t.Helper()
	d, err := db.Open(c.t.Context(), c.config)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	list, err := db.All[T](c.t.Context(), d, text+floetest.AllOrganizations, args...)
	if err != nil {
		c.t.Fatal(err)
	}
	return list
}

// await waits until all has arrived, or nothing has for a while: then it says
// what waits, and what the server had to say.
func (c *crash) await(all int) {
	c.t.Helper()
	last, since := 0, time.Now()
	for n := 0; n < all; time.Sleep(50 * time.Millisecond) {
		if n = c.sink.distinct(); n > last {
			last, since = n, time.Now()
		}
		if time.Since(since) > time.Minute {
			c.t.Errorf("nothing has arrived for a minute: %d of %d", n, all)
			c.explain()
			return
		}
	}
}

// explain shows the lanes that have not come to an end.
func (c *crash) explain() {
	type waiting struct {
		URL          string
		Lane         id.ID
		Pending      int64
		DueAt        time.Time
		Lease        *string
		Failures     int64
		BlockedUntil *time.Time
		Queued       int64
		Attempt      *int64
	}
	c.t.Logf("now: %v", time.Now().UTC())
	for _, w := range query[waiting](c, `SELECT e.url, l.lane, l.pending, l.due_at, l.lease, t.failures, t.blocked_until,
			(SELECT COUNT(*) FROM webhook_queue q WHERE q.target_id = l.target_id AND q.lane = l.lane) AS queued,
			(SELECT MAX(attempt) FROM webhook_queue q WHERE q.target_id = l.target_id AND q.lane = l.lane) AS attempt
		FROM webhook_lanes l JOIN webhook_targets t ON t.id = l.target_id
			JOIN webhook_endpoints e ON e.organization_id = t.organization_id AND e.id = t.endpoint_id
		WHERE e.url LIKE '%/hook' AND (l.pending <> 0 OR EXISTS (
			SELECT 1 FROM webhook_queue q WHERE q.target_id = l.target_id AND q.lane = l.lane)) LIMIT 10`) {
		c.t.Log(string(schema.JSON(&w)))
	}
	c.t.Logf("the server said:\n%s", c.log.String())
}

// recorded holds what the server has on record about the deliveries against
// what has happened.
func (c *crash) recorded(want int) {
	t := c.t
	count := func(text string, args ...any) int64 { return query[int64](c, text, args...)[0] }
	const ofEndpoint = ` FROM webhook_events e JOIN webhook_endpoints w ON w.organization_id = e.organization_id AND w.id = e.endpoint_id WHERE w.url LIKE ?`
	for deadline := time.Now().Add(30 * time.Second); count(`SELECT COUNT(*)`+ofEndpoint+` AND e.succeeded IS NULL`, "%/hook") > 0; {
		if time.Now().After(deadline) {
			t.Error("what has arrived is not all on record")
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if n := count(`SELECT COUNT(*)`+ofEndpoint+` AND e.succeeded`, "%/hook"); n != int64(want) {
		t.Errorf("%d events are on record as arrived, want %d", n, want)
	}
	if n := count(`SELECT COUNT(*)`+ofEndpoint+` AND e.succeeded AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d
		WHERE d.organization_id = e.organization_id AND d.event_id = e.id AND d.succeeded)`, "%/hook"); n != 0 {
		t.Errorf("%d events have no attempt that succeeded", n)
	}
	if n := count(`SELECT COUNT(*) FROM webhook_queue q JOIN webhook_endpoints w ON w.organization_id = q.organization_id AND w.id = q.target_id
		WHERE w.url LIKE ?`, "%/hook"); n != 0 {
		t.Errorf("%d events are left in the queue", n)
	}
	created := count(`SELECT COUNT(*) FROM journal WHERE type = 'customer.created'`)
	if n := count(`SELECT COUNT(*)`+ofEndpoint, "%/gone"); n != created {
		t.Errorf("the endpoint that is gone has %d events, want %d", n, created)
	}
	if n := count(`SELECT COUNT(*)`+ofEndpoint+` AND e.skipped AND NOT w.enabled AND w.disabled_reason = 'gone'`, "%/gone"); n == 0 {
		t.Error("what the endpoint missed that is gone was not kept")
	}
	if n := count(`SELECT COUNT(*)`+ofEndpoint+` AND e.succeeded IS NULL AND e.payload IS NOT NULL`, "%/never"); n != created {
		t.Errorf("the endpoint that never answers has %d events waiting, want %d", n, created)
	}
}

// feedReader reads the change feed from its beginning, as a client that keeps
// one number does, whatever happens to the server.
type feedReader struct{ seen []told }

func (r *feedReader) follow(c *crash, stop chan struct{}) {
	after := int64(0)
	for ended := false; ; {
		status, page := c.do("GET", fmt.Sprintf("/v1/changes?after=%d&limit=1000&type=customer.*", after), nil)
		items, _ := page["items"].([]any)
		for _, item := range items {
			change := item.(map[string]any)
			seq := change["customer_seq"].(float64)
			r.seen = append(r.seen, told{change["customer_id"].(string), int64(seq), change["type"].(string)})
		}
		if next, ok := page["next"].(float64); ok {
			after = int64(next)
		}
		if status == 200 && len(items) == 1000 {
			continue
		}
		if ended && status == 200 && len(items) == 0 {
			return
		}
		select {
		case <-stop:
			ended = true
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (r *feedReader) compare(t testing.TB, want []told) {
	t.Helper()
	if diff := firstDifference(r.seen, want); diff >= 0 {
		t.Errorf("the feed has %d changes, want %d; the first difference is at %d", len(r.seen), len(want), diff)
	}
}

// firstDifference is where two lists differ, -1 when they do not.
func firstDifference(a, b []told) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
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
	broken  int // events that do not follow what they say they follow
	repeats int
	failed  [6]int
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
	switch q.URL.Path {
	case "/gone":
		w.WriteHeader(http.StatusGone)
		return
	case "/never":
		never(q)
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
	if first && rand.IntN(100) < 1 && r.fail(w, q) {
		return
	}
	if rand.IntN(100) < 1 {
		time.Sleep(rand.N(200 * time.Millisecond))
	}
	var seq, previous int64
	_, _ = fmt.Sscan(q.Header.Get("Webhook-Sequence"), &seq)
	_, _ = fmt.Sscan(q.Header.Get("Webhook-Previous-Sequence"), &previous)
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, again := r.arrived[event]; again {
		r.repeats++
		return
	}
	last := int64(0)
	if list := r.order[e.Data.ID]; len(list) > 0 {
		last = list[len(list)-1]
	}
	if previous != last {
		r.broken++
	}
	r.arrived[event] = told{e.Data.ID, seq, e.Type}
	r.order[e.Data.ID] = append(r.order[e.Data.ID], seq)
}

// never lets the sender wait until it gives up.
func never(q *http.Request) {
	_, _ = io.Copy(io.Discard, q.Body) // only then is the end of the connection noticed
	<-q.Context().Done()
}

func (r *rogue) fail(w http.ResponseWriter, q *http.Request) bool {
	how := rand.IntN(21) / 4
	r.mu.Lock()
	r.failed[how]++
	r.mu.Unlock()
	switch how {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
	case 1:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
	case 2:
		panic(http.ErrAbortHandler)
	case 3:
		w.WriteHeader(http.StatusFound)
	case 4:
		w.WriteHeader(http.StatusServiceUnavailable)
		time.Sleep(time.Second)
	case 5: // one in two thousand
		never(q)
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
	t.Logf("%d events of %d customers; refused: %d with 500, %d with 429, %d cut off, %d with 302, %d slowly, %d not answered; %d arrived more than once",
		len(want), len(r.order), r.failed[0], r.failed[1], r.failed[2], r.failed[3], r.failed[4], r.failed[5], r.repeats)
	if r.broken > 0 {
		t.Errorf("%d events do not follow the one that they say they follow", r.broken)
	}
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
