//go:build unix

package torture

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"floe/internal/freeport"
)

// told is an event as a receiver sees it.
type told struct {
	customer string
	seq      int64
	typ      string
}

// sink is a receiver of webhooks that fails each event at most once, in every
// way it can, and is sometimes not there at all.
type sink struct {
	address string
	server  *http.Server

	mu       sync.Mutex
	random   *rand.Rand
	tried    map[string]bool // by event id
	arrived  map[string]told
	last     map[string]int64   // number of the last that arrived, by customer
	states   map[string]holding // as the last customer.state_changed told it
	numbered int                // that are about customers
	repeats  int
	refused  int
	problems []string
}

// holding is what a customer has, as a state shows it.
type holding struct {
	seq           int64
	subscriptions []string
	grants        []string
}

func newSink(ctx context.Context, seed uint64) (*sink, error) {
	address, err := freeport.Address(ctx)
	if err != nil {
		return nil, err
	}
	s := &sink{address: address, random: rand.New(rand.NewPCG(seed, 99)), //nolint:gosec // guards nothing
		tried: map[string]bool{}, arrived: map[string]told{}, last: map[string]int64{}, states: map[string]holding{}}
	return s, s.listen(ctx)
}

func (s *sink) listen(ctx context.Context) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", s.address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: time.Second}
	s.server = server
	go func() { _ = server.Serve(l) }()
	return nil
}

// restart is away for a while.
func (s *sink) restart(ctx context.Context) error {
	_ = s.server.Close()
	time.Sleep(100 * time.Millisecond)
	return s.listen(ctx)
}

// ServeHTTP takes an event or does not.
func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/gone" {
		w.WriteHeader(http.StatusGone)
		return
	}
	var e struct {
		Type string
		Data json.RawMessage
	}
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		return
	}
	event := r.Header.Get("Webhook-Id")
	s.mu.Lock()
	first := !s.tried[event]
	s.tried[event] = true
	chance, way := s.random.IntN(100), s.random.IntN(4)
	s.mu.Unlock()
	if first && chance < 2 {
		s.fail(w, way, func() { s.take(event, e.Type, r.Header, e.Data) })
		return
	}
	if chance == 99 {
		time.Sleep(100 * time.Millisecond)
	}
	s.take(event, e.Type, r.Header, e.Data)
}

// fail refuses an event in some way, or takes it and loses the answer.
func (s *sink) fail(w http.ResponseWriter, way int, take func()) {
	s.mu.Lock()
	s.refused++
	s.mu.Unlock()
	switch way {
	case 0:
		w.WriteHeader(http.StatusInternalServerError)
		return
	case 1:
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(http.StatusTooManyRequests)
		return
	case 2:
		take()
	}
	if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = c.Close()
	}
}

func (s *sink) take(event, typ string, h http.Header, data json.RawMessage) {
	seq, _ := strconv.ParseInt(h.Get("Webhook-Sequence"), 10, 64)
	previous, _ := strconv.ParseInt(h.Get("Webhook-Previous-Sequence"), 10, 64)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, again := s.arrived[event]; again {
		s.repeats++
		return
	}
	if seq == 0 { // about no customer
		s.arrived[event] = told{typ: typ}
		return
	}
	customer := customerOf(typ, data)
	s.arrived[event] = told{customer, seq, typ}
	s.numbered++
	if s.last[customer] != previous && len(s.problems) < most {
		s.problems = append(s.problems, fmt.Sprintf("webhook %s %d of customer %s arrived after %d, and says that %d came before it",
			typ, seq, customer, s.last[customer], previous))
	}
	s.last[customer] = seq
	if typ == "customer.state_changed" {
		s.states[customer] = holdingOf(seq, data)
	}
}

// customerOf is whom an event is about.
func customerOf(typ string, data json.RawMessage) string {
	var d struct {
		ID         string `json:"id"`
		CustomerID string `json:"customer_id"`
	}
	_ = json.Unmarshal(data, &d)
	if d.CustomerID != "" {
		return d.CustomerID
	}
	return d.ID
}

func holdingOf(seq int64, data json.RawMessage) holding {
	var d struct {
		Subscriptions []struct{ ID string } `json:"active_subscriptions"`
		Grants        []struct{ ID string } `json:"granted_benefits"`
	}
	_ = json.Unmarshal(data, &d)
	h := holding{seq: seq}
	for _, x := range d.Subscriptions {
		h.subscriptions = append(h.subscriptions, x.ID)
	}
	for _, x := range d.Grants {
		h.grants = append(h.grants, x.ID)
	}
	slices.Sort(h.subscriptions)
	slices.Sort(h.grants)
	return h
}

// count is how many events about customers have arrived.
func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.numbered
}

// compare holds what has arrived against what the journal tells. With all, it
// has to be everything.
func (s *sink) compare(journal []told, all bool, problem func(string, ...any)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.problems {
		problem("%s", p)
	}
	s.problems = nil
	missing := make(map[told]bool, len(journal))
	for _, j := range journal {
		missing[j] = true
	}
	for event, a := range s.arrived {
		if a.seq == 0 {
			continue
		}
		if !missing[a] {
			problem("webhook event %s (%s %d of customer %s) tells what did not happen, or under two ids", event, a.typ, a.seq, a.customer)
		}
		delete(missing, a)
	}
	if !all {
		return
	}
	for m := range missing {
		problem("no webhook has told of %s %d of customer %s", m.typ, m.seq, m.customer)
	}
}
