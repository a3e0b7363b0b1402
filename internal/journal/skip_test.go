package journal_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
	"floe/internal/journal"
)

// TestNothingIsSkipped: whoever reads up to the horizon while others write
// sees every change once.
func TestNothingIsSkipped(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		const writers, each = 8, 150
		var wait sync.WaitGroup
		var done atomic.Bool
		for w := range writers {
			wait.Go(func() {
				for n := range each {
					err := d.Write(context.Background(), func(tx *db.Tx) error {
						journal.Append(tx, auth.NewSystem("test"), named("one"), named("two"))
						if (w+n)%7 == 0 { // some transactions take their time
							tx.AtEnd("linger", func(context.Context, *db.Tx) error { time.Sleep(time.Millisecond); return nil })
						}
						return nil
					})
					if err != nil {
						t.Error(err)
					}
				}
			})
		}
		go func() { wait.Wait(); done.Store(true) }()
		h := &journal.Horizon{DB: d, Patience: 20 * time.Second}
		seen, at, rounds := 0, int64(0), 0
		for last := false; !last; rounds++ {
			last = done.Load()
			upTo := advance(t, h)
			rows, err := journal.After(t.Context(), d, journal.Filter{Organizations: []id.ID{acme}}, at, upTo, 1<<20)
			if err != nil {
				t.Fatal(err)
			}
			seen, at = seen+len(rows), upTo
		}
		if seen != 2*writers*each {
			t.Errorf("%d changes were read, %d were made", seen, 2*writers*each)
		}
		t.Logf("%d changes in %d rounds", seen, rounds)
	})
}
