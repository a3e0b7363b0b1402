package journal_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/journal"
)

// BenchmarkAdvance is one step of the horizon after one change, without the
// change.
func BenchmarkAdvance(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		b.Run(name, func(b *testing.B) {
			d := open(b)
			h := &journal.Horizon{DB: d}
			for b.Loop() {
				b.StopTimer()
				err := d.Write(b.Context(), func(tx *db.Tx) error {
					journal.Append(tx, auth.NewSystem("bench"), named("a.b"))
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
				if _, err := h.Advance(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAppend is a transaction with so many entries.
func BenchmarkAppend(b *testing.B) {
	for name, open := range map[string]func(testing.TB) *db.DB{"sqlite": dbtest.SQLite, "postgres": dbtest.Postgres} {
		for _, n := range []int{1, 64, 128, 256, 1024} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				d := open(b)
				text := json.RawMessage(`{"a":"` + strings.Repeat(`x \"y\" `, 100) + `"}`)
				for b.Loop() {
					err := d.Write(b.Context(), func(tx *db.Tx) error {
						for range n {
							e := named("a.b")
							e.Before, e.After = text, text
							journal.Append(tx, auth.NewSystem("bench"), e)
						}
						return nil
					})
					if err != nil {
						b.Fatal(err)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(n), "µs/entry")
			})
		}
	}
}
