package floetest

import (
	"testing"

	"floe/internal/db"
)

// Replicated starts an instance on an empty PostgreSQL database that has a
// replica; both are given by their URLs.
func Replicated(t testing.TB, primary, replica string, options ...Option) *Floe {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{URL: primary})
	if err != nil {
		t.Fatalf("open the primary: %v", err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatalf("migrate the primary: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Fatalf("close the primary: %v", err)
	}
	return start(t, db.Config{URL: primary, ReadURL: replica}, options)
}
