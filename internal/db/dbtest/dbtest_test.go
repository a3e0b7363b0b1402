package dbtest_test

import (
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

func TestEach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		n, err := db.One[int64](t.Context(), d, `SELECT count(*) FROM jobs`)
		if err != nil || n != 0 {
			t.Fatalf("got %d, %v: want an empty, migrated database", n, err)
		}
	})
}

// Every test pays for its database, so the price is watched.
func TestPrice(t *testing.T) {
	dbtest.SQLite(t)
	start := time.Now()
	for range 10 {
		dbtest.SQLite(t)
	}
	t.Logf("SQLite: %v each", time.Since(start)/10)
	dbtest.Postgres(t)
	start = time.Now()
	for range 10 {
		dbtest.Postgres(t)
	}
	t.Logf("PostgreSQL: %v each", time.Since(start)/10)
}
