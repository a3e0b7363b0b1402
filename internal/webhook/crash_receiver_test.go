package webhook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

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
