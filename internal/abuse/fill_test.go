package abuse_test

import (
	"testing"

	"floe/internal/demo"
	"floe/internal/floetest"
)

// fill makes two thousand customers and what they have bought.
func fill(t *testing.T, f *floetest.Floe) {
	t.Helper()
	err := demo.Fill(t.Context(), f.DB, f.Server, demo.Config{Organization: f.Org.ID, Seed: 1, Now: floetest.Start}, func(int, int) {})
	if err != nil {
		t.Fatal(err)
	}
}
