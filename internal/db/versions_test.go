//go:build unix

package db_test

import (
	"context"
	"errors"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

const (
	anna = id.ID("00000000-0000-4000-8000-0000000000a1")
	bert = id.ID("00000000-0000-4000-8000-0000000000b2")
)

// setting changes a row and says what it touches.
func setting(t *testing.T, d *db.DB, tell func(tx *db.Tx)) {
	t.Helper()
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		tell(tx)
		_, err := db.Exec(t.Context(), tx, `INSERT INTO settings (name, value) VALUES (?, '')`, id.New())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestVersions(t *testing.T) {
	t.Parallel()
	dir := dbtest.DataDir(t)
	open := func() *db.DB {
		d, err := db.Open(t.Context(), db.Config{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	d, other := open(), open()
	v := d.Versions()
	stamp := func() db.Stamp {
		t.Helper()
		s, ok := v.Stamp(v.Moment(), anna)
		if !ok || !v.Holds(&s) {
			v.Holds(&s) // hears of what others have done
			if s, ok = v.Stamp(v.Moment(), anna); !ok || !v.Holds(&s) {
				t.Fatal("a fresh stamp does not hold")
			}
		}
		return s
	}
	failed := errors.New("no")
	for _, c := range []struct {
		name string
		do   func()
		want bool
	}{
		{"nothing", func() {}, true},
		{"another customer's change", func() { setting(t, d, func(tx *db.Tx) { tx.Touch(bert) }) }, true},
		{"a change of nothing that matters", func() { setting(t, d, (*db.Tx).TouchNothing) }, true},
		{"the customer's change", func() { setting(t, d, func(tx *db.Tx) { tx.Touch(bert, anna) }) }, false},
		{"a change that says nothing", func() { setting(t, d, func(*db.Tx) {}) }, false},
		{"a look that says nothing and changes nothing", func() {
			if err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.Exec(t.Context(), tx, `UPDATE settings SET value = '' WHERE name = 'no such name'`)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}, true},
		{"what says nothing and is put off to the commit", func() {
			if err := d.Write(t.Context(), func(tx *db.Tx) error {
				tx.Together("later", id.New(), func(ctx context.Context, tx *db.Tx, names []any) error {
					_, err := db.Exec(ctx, tx, `INSERT INTO settings (name, value) VALUES (?, '')`, names[0])
					return err
				})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}, false},
		{"another process", func() { setting(t, other, (*db.Tx).TouchNothing) }, false},
		{"another process after ours", func() {
			setting(t, d, (*db.Tx).TouchNothing)
			setting(t, other, (*db.Tx).TouchNothing)
			setting(t, d, (*db.Tx).TouchNothing)
		}, false},
		{"another process, just when ours has got through", func() {
			v.While(func() { setting(t, other, (*db.Tx).TouchNothing) })
		}, false},
		{"a change that is undone", func() {
			_ = d.Write(t.Context(), func(tx *db.Tx) error { tx.Touch(anna); return failed })
		}, true},
		{"a checkpoint", func() {
			if _, err := db.All[struct{ Busy, Log, Checkpointed int64 }](t.Context(), d, `PRAGMA wal_checkpoint(PASSIVE)`); err != nil {
				t.Fatal(err)
			}
		}, true},
	} {
		s := stamp()
		c.do()
		for range 2 { // whoever asks first ends it for all
			if got := v.Holds(&s); got != c.want {
				t.Errorf("after %s a stamp holds: %v, want %v", c.name, got, c.want)
			}
		}
	}
}

// TestVersionsMoment: what was read while something was committed is not kept,
// whatever that was, and whoever did it.
func TestVersionsMoment(t *testing.T) {
	t.Parallel()
	dir := dbtest.DataDir(t)
	d, err := db.Open(t.Context(), db.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	other, err := db.Open(t.Context(), db.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	v := d.Versions()
	for name, by := range map[string]*db.DB{"us": d, "another process": other} {
		since := v.Moment()
		setting(t, by, (*db.Tx).TouchNothing)
		if s, ok := v.Stamp(since, anna); ok {
			t.Errorf("a stamp for what was read before a commit by %s: %+v", name, s)
		}
	}
	inside := false
	err = d.Write(t.Context(), func(tx *db.Tx) error {
		tx.Touch(anna)
		tx.AfterCommit(func() {
			s, ok := v.Stamp(v.Moment(), anna)
			inside = ok && v.Holds(&s)
		})
		_, err := db.Exec(context.Background(), tx, `INSERT INTO settings (name, value) VALUES (?, '')`, id.New())
		return err
	})
	if err != nil || !inside {
		t.Errorf("after the commit: %v, %v", inside, err)
	}
}

// TestVersionsWhileCommitting: what a commit changes ends the use of what was
// read before, and what is read while it is on its way is not kept, before
// anybody can see the change.
func TestVersionsWhileCommitting(t *testing.T) {
	t.Parallel()
	var committing func()
	d, err := db.Open(t.Context(), db.Config{DataDir: dbtest.DataDir(t), Reached: func(p db.Point) {
		if p == db.Committing && committing != nil {
			committing()
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	v := d.Versions()
	for name, tell := range map[string]func(*db.Tx){
		"the customer's change":      func(tx *db.Tx) { tx.Touch(anna) },
		"a change that says nothing": func(*db.Tx) {},
	} {
		s, ok := v.Stamp(v.Moment(), anna)
		if !ok || !v.Holds(&s) {
			t.Fatal("a fresh stamp does not hold")
		}
		reached := false
		committing = func() {
			reached = true
			if v.Holds(&s) {
				t.Errorf("%s: what was read before is used while it is being committed", name)
			}
			if _, ok := v.Stamp(v.Moment(), anna); ok {
				t.Errorf("%s: what is read while it is being committed is kept", name)
			}
		}
		setting(t, d, tell)
		if committing = nil; !reached {
			t.Errorf("%s: nothing was committed", name)
		}
	}
}

func TestVersionsOfPostgres(t *testing.T) {
	t.Parallel()
	if v := dbtest.Postgres(t).Versions(); v != nil {
		t.Error("there are versions on PostgreSQL, where other nodes write")
	}
}
