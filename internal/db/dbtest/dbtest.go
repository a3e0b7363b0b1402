// Package dbtest gives each test a fresh, migrated database within
// milliseconds, on SQLite and on PostgreSQL. It is imported by tests only.
//
// PostgreSQL is the server that FLOE_TEST_POSTGRES names (a postgres:// URL
// whose user may create databases), or else a private one that is started
// from the installed programs and shared by the packages under test. Where
// neither is to be had the PostgreSQL half of a test is skipped, unless
// FLOE_REQUIRE_ALL=1 makes that a failure.
package dbtest

import (
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"floe/internal/db"
)

// Each runs fn as a subtest for each engine, on a fresh database.
func Each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Helper()
	Engines(t, func(t *testing.T, open Opener) { fn(t, open()) })
}

// An Opener opens one more handle on the database of a test, as another
// process would. It is closed when the test ends.
type Opener func(change ...func(*db.Config)) *db.DB

// Engines runs fn as a subtest for each engine, with a way to open its
// database as often as wanted.
func Engines(t *testing.T, fn func(t *testing.T, open Opener)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { fn(t, opener(t, db.Config{DataDir: DataDir(t)})) })
	t.Run("postgres", func(t *testing.T) { fn(t, opener(t, db.Config{URL: URL(t)})) })
}

// SQLite opens a fresh, migrated SQLite database.
func SQLite(t testing.TB) *db.DB {
	t.Helper()
	return opener(t, db.Config{DataDir: DataDir(t)})()
}

// Postgres opens a fresh, migrated PostgreSQL database.
func Postgres(t testing.TB) *db.DB {
	t.Helper()
	return opener(t, db.Config{URL: URL(t)})()
}

func opener(t testing.TB, config db.Config) Opener {
	return func(change ...func(*db.Config)) *db.DB {
		t.Helper()
		config := config
		config.Logger = slog.New(slog.DiscardHandler)
		for _, c := range change {
			c(&config)
		}
		d, err := db.Open(t.Context(), config)
		if err != nil {
			t.Fatalf("open the test database: %v", err)
		}
		t.Cleanup(func() {
			if err := d.Close(); err != nil {
				t.Errorf("close the test database: %v", err)
			}
		})
		return d
	}
}

// DataDir returns a folder with a fresh, migrated SQLite database, for tests
// that start a whole server.
func DataDir(t testing.TB) string {
	t.Helper()
	file, err := template()
	if err != nil {
		t.Fatalf("make the template database: %v", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "floe.db"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// template is the migrated file every test starts from, made once.
var template = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "floe-template-*")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := migrate(db.Config{DataDir: dir}); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, "floe.db"))
})
