package db_test

import (
	"context"
	"errors"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// TestExists: a row, none, and a statement that fails, which is neither.
func TestExists(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for text, want := range map[string]bool{`SELECT 1 WHERE 1 = ?`: true, `SELECT 1 WHERE 0 = ?`: false} {
			if got, err := db.Exists(t.Context(), d, text, 1); err != nil || got != want {
				t.Errorf("%s: %v, %v", text, got, err)
			}
		}
		ended, end := context.WithCancel(t.Context())
		end()
		if got, err := db.Exists(ended, d, `SELECT 1`); got || !errors.Is(err, context.Canceled) {
			t.Errorf("a statement that fails: %v, %v", got, err)
		}
	})
}
