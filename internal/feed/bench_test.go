package feed_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/journal"
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

// BenchmarkBusy is the time from a commit to its event at a client that follows
// the feed, while 1,000 changes a second are committed.
func BenchmarkBusy(b *testing.B) {
	engines(b, func(b *testing.B, f *floetest.Floe) {
		s := follow(b, f, "?after=now", "")
		const rate, writers, seconds = 1000, 8, 5
		var mu sync.Mutex
		committed := map[id.ID]time.Time{}
		var took []time.Duration
		for b.Loop() {
			start := time.Now()
			var wait sync.WaitGroup
			for w := range writers {
				wait.Go(func() {
					for i := w; i < rate*seconds; i += writers {
						time.Sleep(time.Until(start.Add(time.Duration(i) * time.Second / rate)))
						subject := id.New()
						err := f.DB.Write(b.Context(), func(tx *db.Tx) error {
							journal.Append(tx, auth.NewSystem("bench"), journal.Entry{Organization: f.Org.ID, Type: "a.b", Subject: subject})
							return nil
						})
						if err != nil {
							b.Error(err)
							return
						}
						mu.Lock()
						committed[subject] = time.Now()
						mu.Unlock()
					}
				})
			}
			arrived := map[id.ID]time.Time{}
			for range rate * seconds {
				c := s.next(b)
				arrived[c.SubjectID] = time.Now()
			}
			wait.Wait()
			for subject, at := range arrived {
				took = append(took, max(at.Sub(committed[subject]), 0))
			}
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
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

// BenchmarkWhole is a hundred changes of as many products, told in full, in
// journals of different lengths.
func BenchmarkWhole(b *testing.B) {
	for _, products := range []int{200, 2000} {
		b.Run(strconv.Itoa(products), func(b *testing.B) {
			engines(b, func(b *testing.B, f *floetest.Floe) {
				const changed = 100
				for n := range products {
					id := f.Do("POST", "/v1/products/", f.AllToken, `{"name":"A product","prices":[{"amount_type":"free"}]}`).ID()
					if n%(products/changed) == 0 {
						f.Do("PATCH", "/v1/products/"+id, f.AllToken, `{"name":"Another"}`)
					}
				}
				for b.Loop() {
					if r := f.Do("GET", "/v1/changes?type=product.updated&full=true&limit=100", f.AllToken, nil); r.Status != 200 {
						b.Fatal(r.Body)
					}
				}
			})
		})
	}
}

// BenchmarkAudit is a page of the audit list of a million entries: all of them,
// and those of a user who did a hundred, by their id and as what they are.
func BenchmarkAudit(b *testing.B) {
	engines(b, func(b *testing.B, f *floetest.Floe) {
		const entries = 1_000_000
		user := id.New()
		err := f.DB.Write(b.Context(), func(tx *db.Tx) error {
			uuid, stamp := "uuid", "timestamptz"
			if tx.Engine() == "sqlite" {
				uuid, stamp = "text", "text"
			}
			_, err := db.Exec(b.Context(), tx, `INSERT INTO journal (organization_id, type, subject_id, actor_kind, actor_id, created_at, before, after)
				WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
				SELECT CAST(? AS `+uuid+`), 'customer.updated', CAST(? AS `+uuid+`),
					CASE WHEN i % 10000 = 0 THEN 'user' ELSE 'organization' END, CASE WHEN i % 10000 = 0 THEN CAST(? AS `+uuid+`) ELSE CAST(? AS `+uuid+`) END,
					CAST(? AS `+stamp+`), '{"name":"before"}', '{"name":"after"}' FROM n`,
				entries, f.Org.ID, id.New(), user, id.New(), f.Clock.Now())
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
		for name, query := range map[string]string{"all": "", "by id": "&actor_id=" + string(user), "by type": "&actor_type=user"} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					if r := f.Do("GET", "/v1/audit?limit=50"+query, f.AllToken, nil); r.Status != 200 {
						b.Fatal(r.Body)
					}
				}
			})
		}
	})
}
