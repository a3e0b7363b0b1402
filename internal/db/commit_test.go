package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// noting makes a group that counts, for each item, how often it ran.
func noting(d *db.DB) *db.Group[*named] {
	return db.NewGroup(d, 128, func(ctx context.Context, tx *db.Tx, items []*named) error {
		for _, n := range items {
			n.with++
			if err := insert(ctx, tx, n.name); err != nil {
				return err
			}
		}
		return nil
	})
}

// TestAnsweredWhenCommitted: whoever is told that a write was done finds it
// with any other connection, however long the commit takes; alone, beside
// others and in a group.
func TestAnsweredWhenCommitted(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		other := open()
		createThings(t, other)
		d := open(func(c *db.Config) {
			c.Reached = func(p db.Point) {
				if p == db.Committing {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
		g := noting(d)
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				for j := range 10 {
					name := fmt.Sprint(i, " ", j)
					var err error
					if i%2 == 0 {
						err = g.Write(t.Context(), &named{name: name})
					} else {
						err = d.Write(t.Context(), func(tx *db.Tx) error { return insert(t.Context(), tx, name) })
					}
					n, failed := db.One[int64](t.Context(), other, `SELECT COUNT(*) FROM things WHERE name = ?`, name)
					if err != nil || failed != nil || n != 1 {
						t.Errorf("%s: %v; afterwards %d rows, %v", name, err, n, failed)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// TestLostCommit: when a connection ends while a commit is on its way, nobody
// can know whether that got through. So nobody tries again, which might do it
// twice, and who asked is told that it is not known: alone and in a group.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	other, err := db.Open(t.Context(), db.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	createThings(t, other)
	var armed atomic.Bool
	d, err := db.Open(t.Context(), db.Config{URL: url, Reached: func(p db.Point) {
		if p == db.Committing && armed.Swap(false) {
			cutOff(t, other)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()

	armed.Store(true)
	runs := 0
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		runs++
		return insert(t.Context(), tx, "alone")
	})
	if !errors.Is(err, db.ErrUnavailable) || runs != 1 || armed.Load() {
		t.Errorf("it ran %d times: %v", runs, err)
	}

	armed.Store(true)
	var list []*named
	for i := range 20 {
		list = append(list, &named{name: fmt.Sprint("member ", i)})
	}
	company(t, d, noting(d), list)
	lost := 0
	for _, n := range list {
		if n.with > 1 {
			t.Errorf("%s was done %d times: %v", n.name, n.with, n.err)
		}
		if n.err != nil {
			lost++
		}
		if n.err != nil && !errors.Is(n.err, db.ErrUnavailable) {
			t.Errorf("%s: %v", n.name, n.err)
		}
	}
	if lost < 2 || armed.Load() {
		t.Errorf("of %d only %d have lost their commit", len(list), lost)
	}
}

// cutOff ends the connections that are in a transaction and wait for more.
func cutOff(t *testing.T, d *db.DB) {
	t.Helper()
	const those = ` FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'`
	ended, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FILTER (WHERE pg_terminate_backend(pid))`+those)
	if err != nil || ended == 0 {
		t.Errorf("%d connections were ended, %v", ended, err)
	}
	for left := int64(1); left > 0 && err == nil; time.Sleep(time.Millisecond) {
		left, err = db.One[int64](t.Context(), d, `SELECT COUNT(*)`+those)
	}
	if err != nil {
		t.Error(err)
	}
}
