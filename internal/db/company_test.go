package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// ask starts a caller and waits until it is the n-th of those who wait.
func ask(t *testing.T, d *db.DB, wg *sync.WaitGroup, n int, fn func()) {
	t.Helper()
	wg.Go(fn)
	for end := time.Now().Add(20 * time.Second); d.WaitingReads() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d wait, not %d", d.WaitingReads(), n)
		}
	}
}

// Those who ask while others are answered are answered together, each with what
// it asked for, and with what was committed while they waited.
func TestCompany(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	mustExec(t, d, `INSERT INTO settings (name, value) VALUES ('company', 'old')`)
	free := d.OccupyReads()
	before := d.Stats().Reads
	const callers = 12
	var wg sync.WaitGroup
	var whens [callers]string
	for i := range callers {
		ask(t, d, &wg, i+1, func() {
			type seen struct{ N, At, Value string }
			rows, err := db.Lookup[seen](t.Context(), d, `SELECT CAST(? AS text) AS n, CAST(now() AS text) AS at, value FROM settings WHERE name = 'company'`, fmt.Sprint(i))
			if err != nil || len(rows) != 1 || rows[0].N != fmt.Sprint(i) || rows[0].Value != "new" {
				t.Errorf("%d: %v, %v", i, rows, err)
				return
			}
			whens[i] = rows[0].At
		})
	}
	mustExec(t, d, `UPDATE settings SET value = 'new' WHERE name = 'company'`)
	free()
	wg.Wait()
	for i, at := range whens {
		if at != whens[0] { // when their transaction began
			t.Errorf("%d was answered at %s, the first at %s", i, at, whens[0])
		}
	}
	if n := d.Stats().Reads - before; n != callers {
		t.Errorf("%d reads counted, not %d", n, callers)
	}
}

// Statements of one caller are answered on one snapshot also in company.
func TestCompanySnapshot(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	mustExec(t, d, `INSERT INTO settings (name, value) VALUES ('a', '0'), ('b', '0')`)
	stop := make(chan struct{})
	var writer, wg sync.WaitGroup
	writer.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				mustExec(t, d, fmt.Sprintf(`UPDATE settings SET value = '%d' WHERE name IN ('a', 'b')`, i))
			}
		}
	})
	for range 16 {
		wg.Go(func() {
			for range 100 {
				var reads db.Reads
				a := db.Ask[string](&reads, `SELECT value FROM settings WHERE name = 'a'`)
				b := db.Ask[string](&reads, `SELECT value FROM settings WHERE name = 'b'`)
				if err := reads.Run(t.Context(), d); err != nil || (*a)[0] != (*b)[0] {
					t.Errorf("%v, %v, %v", *a, *b, err)
					return
				}
			}
		})
	}
	wg.Wait()
	close(stop)
	writer.Wait()
}

// What is wrong with one is no harm to the others, wherever it stands.
func TestCompanyFails(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	for wrong := range 3 {
		free := d.OccupyReads()
		var wg sync.WaitGroup
		for i := range 3 {
			ask(t, d, &wg, i+1, func() {
				by := 1
				if i == wrong {
					by = 0
				}
				rows, err := db.Lookup[int64](t.Context(), d, `SELECT 7 / CAST(? AS bigint)`, by)
				if (err != nil) != (i == wrong) || err == nil && rows[0] != 7 {
					t.Errorf("%d, with %d wrong: %v, %v", i, wrong, rows, err)
				}
			})
		}
		free()
		wg.Wait()
	}
}

// Whoever hangs up is let go at once, and keeps nobody: not the one who leads,
// nor one in the middle.
func TestCompanyHangsUp(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	for gone := range 3 {
		free := d.OccupyReads()
		var wg sync.WaitGroup
		left := make(chan struct{})
		ctx, hangUp := context.WithCancel(t.Context())
		for i := range 3 {
			ask(t, d, &wg, i+1, func() {
				if i == gone {
					defer close(left)
					if _, err := db.Lookup[int64](ctx, d, `SELECT 7`); !errors.Is(err, context.Canceled) {
						t.Errorf("%d has gone: %v", i, err)
					}
					return
				}
				if rows, err := db.Lookup[int64](t.Context(), d, `SELECT 7`); err != nil || rows[0] != 7 {
					t.Errorf("%d, without %d: %v, %v", i, gone, rows, err)
				}
			})
		}
		hangUp()
		<-left
		free()
		wg.Wait()
	}
}
