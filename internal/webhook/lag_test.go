package webhook_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

// BenchmarkLag measures, with a server in a process of its own, how long after
// an event was written, in the transaction, and after the answer to whoever
// caused it, which follows the commit, it arrives: when nothing else happens,
// and at 1,000 events a second.
func BenchmarkLag(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, load := range []struct {
			name string
			rate int // changes a second; each makes two events for each endpoint
		}{{"idle", 5}, {"busy", 500}} {
			b.Run(engine+"/"+load.name, func(b *testing.B) {
				s := newLagServer(b, engine, 1, 0, 0)
				b.ResetTimer()
				for range b.N {
					s.turn(load.rate, 5*time.Second)
				}
				s.report("")
			})
		}
	}
}

// BenchmarkDead measures the same for ten endpoints: alone, beside ninety that
// live, and beside ninety that are dead. Each is a server of its own, and they
// take turns; those that have none stand still.
// FLOE_LAG_CHANGES is how many changes there are in a second.
func BenchmarkDead(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			rate := int(number("FLOE_LAG_CHANGES", 2))
			names := []string{"alone", "live", "dead"}
			servers := []*lagServer{newLagServer(b, engine, 10, 0, 0), newLagServer(b, engine, 10, 90, 0), newLagServer(b, engine, 10, 0, 90)}
			for _, s := range servers {
				s.signal(syscall.SIGSTOP)
			}
			b.ResetTimer()
			for range b.N {
				for range 4 {
					for _, s := range servers {
						s.signal(syscall.SIGCONT)
						s.turn(rate, 5*time.Second)
						s.signal(syscall.SIGSTOP)
					}
				}
			}
			for i, s := range servers {
				s.signal(syscall.SIGCONT)
				s.report(names[i] + "-")
			}
		})
	}
}

// lagServer is a server whose deliveries are timed.
type lagServer struct {
	*victim
	b         *testing.B
	sink      *lagSink
	customers []string
	answered  sync.Map // when a change was, by the name that it gave
	turns     int
	written   []time.Duration
	committed []time.Duration
}

// newLagServer starts one with so many endpoints that are timed, others that
// live, and others that are dead.
func newLagServer(b *testing.B, engine string, timed, live, dead int) *lagServer {
	b.Helper()
	config := db.Config{DataDir: b.TempDir()}
	if engine == "postgres" {
		config = db.Config{URL: dbtest.URL(b)}
	}
	s := &lagServer{b: b, sink: &lagSink{}, victim: newVictim(b, config)}
	server := httptest.NewServer(s.sink)
	b.Cleanup(func() { s.kill(); server.CloseClientConnections(); server.Close() })
	s.customers = make([]string, 200)
	pace(200, time.Second, func(i int) {
		_, out := s.do("POST", "/v1/customers/", map[string]any{"email": string(id.New()) + "@example.com"})
		s.customers[i], _ = out["id"].(string)
	})
	for range timed {
		s.endpoint(server.URL)
	}
	for range live {
		s.endpoint(server.URL + "/other")
	}
	for i := range dead { // nothing listens there, or nothing answers
		if i%2 == 0 {
			s.endpoint(server.URL + "/never")
		} else {
			s.endpoint("http://" + freeAddress(b))
		}
	}
	if s.turn(2, 3*time.Second); dead > 0 {
		s.turn(2, time.Minute) // by then the server knows
	}
	s.written, s.committed, s.turns = nil, nil, 0
	return s
}

func (s *lagServer) endpoint(url string) {
	s.do("POST", endpoints, map[string]any{"url": url, "format": "raw", "events": []string{"customer.updated", "customer.state_changed"}})
}

func (s *lagServer) signal(what os.Signal) {
	if err := s.process.Process.Signal(what); err != nil {
		s.b.Fatal(err)
	}
}

// turn makes changes at a rate and waits until they have arrived.
func (s *lagServer) turn(rate int, during time.Duration) {
	s.turns++
	pace(rate, during, func(i int) {
		name := fmt.Sprint(s.turns, ".", i)
		s.do("PATCH", "/v1/customers/"+s.customers[i%len(s.customers)], map[string]any{"name": name})
		s.answered.Store(name, time.Now())
	})
	time.Sleep(time.Second)
	for _, a := range s.sink.take() {
		s.written = append(s.written, a.at.Sub(a.written))
		if at, ok := s.answered.Load(a.name); ok { // the answer follows the commit at once; events may be before it
			s.committed = append(s.committed, max(a.at.Sub(at.(time.Time)), 0))
		}
	}
}

func (s *lagServer) report(name string) {
	if len(s.committed) == 0 {
		s.b.Fatal("nothing arrived")
	}
	report(s.b, name+"written", s.written)
	report(s.b, name+"answered", s.committed)
	s.b.ReportMetric(float64(len(s.written)), name+"events")
}

func report(b *testing.B, since string, lags []time.Duration) {
	slices.Sort(lags)
	b.ReportMetric(float64(lags[len(lags)/2].Microseconds())/1000, since+"-p50-ms")
	b.ReportMetric(float64(lags[len(lags)*99/100].Microseconds())/1000, since+"-p99-ms")
}

// pace calls fn at a rate, whatever it takes.
func pace(rate int, during time.Duration, fn func(i int)) {
	slots := make(chan int, 64)
	var wait sync.WaitGroup
	for range 16 {
		wait.Go(func() {
			for i := range slots {
				fn(i)
			}
		})
	}
	start := time.Now()
	for i := range int(during.Seconds() * float64(rate)) {
		time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		slots <- i
	}
	close(slots)
	wait.Wait()
}

// lagSink notes when events arrive.
type lagSink struct {
	mu  sync.Mutex
	all []arrival
}

type arrival struct {
	name    string
	written time.Time
	at      time.Time
}

// ServeHTTP takes an event.
func (s *lagSink) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/never":
		never(r)
		return
	case "/other":
		_, _ = io.Copy(io.Discard, r.Body)
		return
	}
	now := time.Now()
	var e struct {
		Timestamp time.Time
		Data      struct{ Name string }
	}
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, arrival{e.Data.Name, e.Timestamp, now})
}

func (s *lagSink) take() []arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.all
	s.all = nil
	return out
}
