package journal_test

import (
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
