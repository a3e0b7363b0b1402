package db_test

import (
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// TestAnalyze: a transaction's own rows count, before anybody else sees them.
func TestAnalyze(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		d := open(func(*db.Config) {})
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			for _, text := range []string{`CREATE TABLE many (id bigint PRIMARY KEY)`, `INSERT INTO many (id) VALUES (1), (2), (3)`} {
				if _, err := db.Exec(t.Context(), tx, text); err != nil {
					return err
				}
			}
			if err := tx.Analyze(t.Context()); err != nil || tx.Engine() == "sqlite" {
				return err
			}
			n, err := db.One[float64](t.Context(), tx, `SELECT reltuples FROM pg_class WHERE relname = 'many'`)
			if err == nil && n != 3 {
				t.Errorf("the planner knows of %v rows, want 3", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}
