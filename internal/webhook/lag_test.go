package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

// BenchmarkLag measures, with a server in a process of its own, how long after
// an event was written, in the transaction, and after the answer to whoever
// caused it, which follows the commit, it arrives: when nothing else happens,
// at 1,000 events a second, and with 90 of 100 endpoints dead.
func BenchmarkLag(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, load := range []struct {
			name       string
			rate       int // changes a second; each makes two events for each endpoint
			live, dead int
		}{{"idle", 5, 1, 0}, {"busy", 500, 1, 0}, {"ten", 10, 10, 0}, {"ten of hundred", 10, 10, 90}} {
			b.Run(engine+"/"+load.name, func(b *testing.B) {
				config := db.Config{DataDir: b.TempDir()}
				if engine == "postgres" {
					config = db.Config{URL: dbtest.URL(b)}
				}
				lagOf(b, config, load.rate, load.live, load.dead)
			})
		}
	}
}

func lagOf(b *testing.B, config db.Config, rate, live, dead int) {
	b.Helper()
	crashed.Store(true)
	binary, err := floe()
	if err != nil {
		b.Fatal(err)
	}
	c := &crash{t: b, binary: binary, config: config, address: freeAddress(b)}
	c.start()
	s := &lagSink{}
	server := httptest.NewServer(s)
	b.Cleanup(func() { c.kill(); server.Close() })
	for i := range live + dead {
		url := server.URL
		if i >= live { // nothing listens there, or nothing answers
			url = "http://" + freeAddress(b)
			if i%2 == 0 {
				url = server.URL + "/never"
			}
		}
		c.do("POST", endpoints, map[string]any{"url": url, "format": "raw", "events": []string{"customer.updated", "customer.state_changed"}})
	}
	customers := make([]string, 200)
	for i := range customers {
		_, out := c.do("POST", "/v1/customers/", map[string]any{"email": string(id.New()) + "@example.com"})
		customers[i], _ = out["id"].(string)
	}
	time.Sleep(time.Second)
	s.take()
	var answered sync.Map // when a change was, by the name that it gave
	b.ResetTimer()
	for range b.N {
		pace(rate, 5*time.Second, func(i int) {
			name := fmt.Sprint(i)
			c.do("PATCH", "/v1/customers/"+customers[i%len(customers)], map[string]any{"name": name})
			answered.Store(name, time.Now())
		})
	}
	time.Sleep(time.Second)
	arrivals := s.take()
	if len(arrivals) == 0 {
		b.Fatal("nothing arrived")
	}
	var written, committed []time.Duration
	for _, a := range arrivals {
		written = append(written, a.at.Sub(a.written))
		if at, ok := answered.Load(a.name); ok { // the answer follows the commit at once; events may be before it
			committed = append(committed, max(a.at.Sub(at.(time.Time)), 0))
		}
	}
	report(b, "written", written)
	report(b, "answered", committed)
	b.ReportMetric(float64(len(arrivals))/5/float64(b.N), "events/s")
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
	if r.URL.Path == "/never" {
		never(r)
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
