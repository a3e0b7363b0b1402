package nodes_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"
)

// told is one event: what happened to a customer, and its number among all that
// did.
type told struct {
	CustomerID  string
	CustomerSeq int64
	Type        string
}

// sink receives webhooks.
type sink struct {
	*httptest.Server
	mu      sync.Mutex
	arrived map[string]told // by webhook-id
	at      map[told]time.Time
	order   map[string][]told // by customer, each once
	gaps    []string          // where the number before was not the last that arrived
	repeats int               // deliveries of what had arrived
}

func newSink(t *testing.T) *sink {
	s := &sink{arrived: map[string]told{}, at: map[told]time.Time{}, order: map[string][]told{}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// ServeHTTP takes an event.
func (s *sink) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	var e struct {
		Type string
		Data struct {
			ID         string
			CustomerID string `json:"customer_id"`
		}
	}
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		return
	}
	event := told{CustomerID: e.Data.CustomerID, Type: e.Type}
	if event.CustomerID == "" {
		event.CustomerID = e.Data.ID
	}
	var previous int64
	_, _ = fmt.Sscan(r.Header.Get("Webhook-Sequence"), &event.CustomerSeq)
	_, _ = fmt.Sscan(r.Header.Get("Webhook-Previous-Sequence"), &previous)
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, again := s.arrived[r.Header.Get("Webhook-Id")]; again {
		s.repeats++
		return
	}
	s.arrived[r.Header.Get("Webhook-Id")] = event
	s.at[event] = time.Now()
	before := int64(0)
	if list := s.order[event.CustomerID]; len(list) > 0 {
		before = list[len(list)-1].CustomerSeq
	}
	if previous != before || event.CustomerSeq <= before {
		s.gaps = append(s.gaps, fmt.Sprintf("%+v says %d came before it, %d did", event, previous, before))
	}
	s.order[event.CustomerID] = append(s.order[event.CustomerID], event)
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.arrived)
}

func (s *sink) repeated() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.repeats
}

// happened is what the journal says of an event.
type happened struct {
	told
	CreatedAt time.Time
}

// compare holds what arrived against what happened: all of it, once under one
// id, and in order. It answers how long after it happened the latest arrived.
func (s *sink) compare(t *testing.T, want []happened) (late time.Duration) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	missing := make(map[told]bool, len(want))
	for _, w := range want {
		missing[w.told] = true
		late = max(late, s.at[w.told].Sub(w.CreatedAt))
	}
	for id, a := range s.arrived {
		if !missing[a] {
			t.Errorf("%s was invented, or came under two ids: %+v", id, a)
		}
		delete(missing, a)
	}
	for m := range missing {
		t.Errorf("never arrived: %+v (%d in all)", m, len(missing))
		break
	}
	for i, g := range s.gaps {
		if i == 10 {
			break
		}
		t.Errorf("out of order: %s", g)
	}
	return late
}
