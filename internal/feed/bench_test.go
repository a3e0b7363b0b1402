package feed_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"floe/internal/floetest"
)

func engines(b *testing.B, fn func(b *testing.B, f *floetest.Floe)) {
	b.Run("sqlite", func(b *testing.B) { fn(b, floetest.New(b)) })
	b.Run("postgres", func(b *testing.B) { fn(b, floetest.Postgres(b)) })
}

// BenchmarkCommitToEvent is the time from the answer to a change to its event
// at a client that follows the feed.
func BenchmarkCommitToEvent(b *testing.B) {
	engines(b, func(b *testing.B, f *floetest.Floe) {
		s := follow(b, f, "?after=now&type=customer.*", "")
		c := f.Customer(nil).ID()
		s.next(b)
		var took []time.Duration
		for n := 0; b.Loop(); n++ {
			f.Do("PATCH", "/v1/customers/"+c, f.AllToken, map[string]any{"name": fmt.Sprint(n)})
			start := time.Now()
			s.next(b)
			took = append(took, time.Since(start))
			time.Sleep(10 * time.Millisecond) // an idle server, not a busy one
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	})
}

// BenchmarkRead is a page of the feed, and the digest and a page of the
// snapshot of as many customers.
func BenchmarkRead(b *testing.B) {
	engines(b, func(b *testing.B, f *floetest.Floe) {
		const customers = 1000
		for range customers {
			f.Customer(nil)
		}
		for _, path := range []string{"/v1/changes?limit=1000", "/v1/changes?limit=1000&full=true", "/v1/changes/snapshot?limit=1000", "/v1/changes/digest"} {
			b.Run(path[4:], func(b *testing.B) {
				for b.Loop() {
					if r := f.Do("GET", path, f.AllToken, nil); r.Status != 200 {
						b.Fatal(r.Body)
					}
				}
			})
		}
	})
}
