//go:build unix

package state_test

import (
	"io"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/demo"
	"floe/internal/floetest"
)

// BenchmarkState says how many states a server answers for each customer that
// it answers by id: states of customers with 5 subscriptions and 20 grants,
// among 10,000 customers or as many as FLOE_BENCH_ROWS says. The two take
// turns, on 16 connections over loopback.
func BenchmarkState(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { benchmark(b, floetest.New(b)) })
	b.Run("postgres", func(b *testing.B) { benchmark(b, floetest.Postgres(b)) })
}

const (
	owners = 200
	conns  = 16
	turn   = 400
)

func benchmark(b *testing.B, f *floetest.Floe) {
	fill(b, f)
	ids := own(b, f)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: conns}}
	var next atomic.Int64
	run := func(rest string, n int64) time.Duration {
		start, left := time.Now(), new(atomic.Int64)
		left.Store(n)
		var all sync.WaitGroup
		for range conns {
			all.Go(func() {
				for left.Add(-1) >= 0 {
					path := f.URL() + "/v1/customers/" + ids[next.Add(1)%owners] + rest
					r, _ := http.NewRequestWithContext(b.Context(), http.MethodGet, path, nil)
					r.Header.Set("Authorization", "Bearer "+f.AllToken)
					answer, err := client.Do(r)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, answer.Body)
					_ = answer.Body.Close()
					if answer.StatusCode != http.StatusOK {
						b.Errorf("%s: %d", path, answer.StatusCode)
					}
				}
			})
		}
		all.Wait()
		return time.Since(start)
	}
	run("", turn)
	run("/state", turn)
	var took, used [2]time.Duration
	b.ResetTimer()
	for left := int64(b.N); left > 0; left -= turn {
		for k, rest := range []string{"", "/state"} {
			start := processor()
			took[k] += run(rest, min(left, turn))
			used[k] += processor() - start
		}
	}
	b.ReportMetric(took[0].Seconds()/took[1].Seconds(), "of_get")
	b.ReportMetric(used[0].Seconds()/used[1].Seconds(), "cpu_of_get")
	b.ReportMetric(float64(used[0].Microseconds())/float64(b.N), "cpu_us/get")
	b.ReportMetric(float64(used[1].Microseconds())/float64(b.N), "cpu_us/state")
}

// processor is the time that this process, which is server and client, has
// spent in the processor: unlike that on the clock it does not depend on what
// else the machine does.
func processor() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func fill(b *testing.B, f *floetest.Floe) {
	b.Helper()
	rows := 10_000
	if n, err := strconv.Atoi(os.Getenv("FLOE_BENCH_ROWS")); err == nil && n > 0 {
		rows = n
	}
	for batch := range demo.Batches(demo.Config{Organization: f.Org.ID, Seed: 1, Now: f.Clock.Now(), Count: rows}, 2000) {
		err := f.DB.Write(b.Context(), func(tx *db.Tx) error {
			return f.Server.Customers.AddGiven(b.Context(), tx, auth.NewSystem("benchmark"), batch)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// own makes customers who have five products with four benefits each.
func own(b *testing.B, f *floetest.Floe) (ids []string) {
	b.Helper()
	var products []string
	for range 5 {
		p := f.Product(obj{"prices": []any{obj{"amount_type": "free"}}}).ID()
		var benefits []string
		for range 4 {
			benefits = append(benefits, f.Benefit(nil).ID())
		}
		f.Do("POST", "/v1/products/"+p+"/benefits", f.AllToken, obj{"benefits": benefits})
		products = append(products, p)
	}
	for range owners {
		c := f.Customer(nil).ID()
		for _, p := range products {
			if r := f.Do("POST", "/v1/subscriptions/", f.AllToken, obj{"product_id": p, "customer_id": c}); r.Status != 201 {
				b.Fatal(r.Body)
			}
		}
		ids = append(ids, c)
	}
	r := f.Do("GET", "/v1/customers/"+ids[0]+"/state", f.AllToken, nil)
	if n, m := len(r.Path("active_subscriptions").([]any)), len(r.Path("granted_benefits").([]any)); n != 5 || m != 20 {
		b.Fatalf("%d subscriptions and %d grants", n, m)
	}
	return ids
}
