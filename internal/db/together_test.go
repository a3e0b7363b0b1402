package db_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// writeItems writes an item of Together where a test can see it.
func writeItems(ctx context.Context, tx *db.Tx, items []any) error {
	for _, item := range items {
		if item == "poison" {
			return errors.New("poisoned")
		}
		if err := db.Later(ctx, tx, `INSERT INTO settings (name, value) VALUES (?, ?)`, item, fmt.Sprint(len(items))); err != nil {
			return err
		}
	}
	return nil
}

func settings(t *testing.T, d *db.DB, like string) int64 {
	t.Helper()
	n, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FROM settings WHERE name LIKE ?`, like)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Items of those who succeed are written, those of the others are not, and one
// whose item cannot be written fails alone.
func TestTogether(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		errs := make([]error, 90)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				errs[i] = d.Write(t.Context(), func(tx *db.Tx) error {
					item := any(fmt.Sprintf("item-%d", i))
					if i%30 == 7 {
						item = "poison"
					}
					tx.Together("test", item, writeItems)
					if i%30 == 3 {
						return errors.New("refused")
					}
					return nil
				})
			})
		}
		wg.Wait()
		for i, err := range errs {
			if bad := i%30 == 7 || i%30 == 3; bad != (err != nil) {
				t.Errorf("write %d: %v", i, err)
			}
		}
		if n := settings(t, d, "item-%"); n != 84 {
			t.Errorf("%d items, want 84", n)
		}
	})
}

// Settle makes what was put off readable, and no failure loses or repeats it.
func TestSettle(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				_ = d.Write(t.Context(), func(tx *db.Tx) error {
					name := fmt.Sprintf("item-%d", i)
					tx.Together("test", name, writeItems)
					if i%3 != 0 {
						return nil
					}
					if err := tx.Settle(t.Context(), "test"); err != nil {
						return err
					}
					if _, err := db.One[string](t.Context(), tx, `SELECT value FROM settings WHERE name = ?`, name); err != nil {
						t.Errorf("after Settle: %v", err)
					}
					if i%2 == 0 {
						return errors.New("undone, and with it what was settled for others")
					}
					return nil
				})
			})
		}
		wg.Wait()
		if n := settings(t, d, "item-%"); n != 50 {
			t.Errorf("%d items, want 50", n)
		}
	})
}

// The error of a statement that was sent later comes with the commit.
func TestLater(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for range 2 {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				for _, name := range []string{"item-a", "item-b", "item-a"} {
					if err := db.Later(t.Context(), tx, `INSERT INTO settings (name, value) VALUES (?, '')`, name); err != nil {
						return err
					}
				}
				return nil
			})
			if !db.IsUnique(err) {
				t.Errorf("got %v, want a UniqueError", err)
			}
		}
		if n := settings(t, d, "item-%"); n != 0 {
			t.Errorf("%d rows of a transaction that failed", n)
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if err := db.Later(t.Context(), tx, `INSERT INTO settings (name, value) VALUES (?, '')`, "item-a"); err != nil {
				return err
			}
			// A read sees what was to be sent later.
			_, err := db.One[string](t.Context(), tx, `SELECT value FROM settings WHERE name = ?`, "item-a")
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
