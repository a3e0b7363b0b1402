package webhook_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/server"
)

// private lets webhooks reach the sinks of tests.
func private(c *server.Config) { c.AllowPrivateWebhooks = true }

// engines runs a test on both engines with webhooks that may reach sinks.
func engines(t *testing.T, fn func(t *testing.T, f *floetest.Floe)) {
	t.Helper()
	t.Parallel()
	floetest.Engines(t, fn, private)
}

// got is a request that a sink received.
type got struct {
	header http.Header
	body   string
}

func (g got) id() string { return g.header.Get("Webhook-Id") }

func (g got) typ(t *testing.T) string {
	t.Helper()
	var e struct{ Type string }
	if err := json.Unmarshal([]byte(g.body), &e); err != nil {
		t.Fatalf("%v: %s", err, g.body)
	}
	return e.Type
}

// sink is a receiver that answers what its test wants.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	all    []got
	answer func(g got, w http.ResponseWriter) // nil answers 200 and nothing
}

func newSink(t testing.TB) *sink {
	t.Helper()
	s := &sink{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	g := got{r.Header.Clone(), string(body)}
	s.mu.Lock()
	s.all = append(s.all, g)
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		answer(g, w)
	}
}

func (s *sink) answers(fn func(g got, w http.ResponseWriter)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = fn
}

// status makes a sink answer a status and no more.
func (s *sink) status(code int) {
	s.answers(func(_ got, w http.ResponseWriter) { w.WriteHeader(code) })
}

// take answers what has come since it was last asked.
func (s *sink) take() []got {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.all
	s.all = nil
	return all
}

func (s *sink) types(t *testing.T) []string {
	t.Helper()
	out := []string{}
	for _, g := range s.take() {
		out = append(out, g.typ(t))
	}
	return out
}

// endpoint makes an endpoint of Org.
func endpoint(t testing.TB, f *floetest.Floe, url string, events ...string) *floetest.Response {
	t.Helper()
	r := f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{"url": url, "format": "raw", "events": events})
	if r.Status != http.StatusCreated {
		t.Fatalf("create an endpoint: %d %s", r.Status, r.Body)
	}
	return r
}

// deliveries lists what the log has, newest first.
func deliveries(f *floetest.Floe, query string) *floetest.Response {
	return f.Do("GET", "/v1/webhooks/deliveries?limit=100&"+query, f.AllToken, nil)
}

func total(t *testing.T, r *floetest.Response) int {
	t.Helper()
	n, ok := r.Path("pagination.total_count").(json.Number)
	if !ok {
		t.Fatalf("no total: %s", r.Body)
	}
	i, _ := n.Int64()
	return int(i)
}

// later moves the clock and sends what is due then.
func later(f *floetest.Floe, by time.Duration) int {
	f.Clock.Advance(by)
	return f.Drain()
}
