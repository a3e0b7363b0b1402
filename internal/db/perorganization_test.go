package db_test

import (
	"fmt"
	"slices"
	"testing"

	"floe/internal/db"
	"floe/internal/id"
)

// Each organization is asked for its own, in pieces, and nothing is lost or
// asked for twice.
func TestPerOrganization(t *testing.T) {
	t.Parallel()
	type key struct{ org, row id.ID }
	var keys []key
	for i := range 1300 {
		org := id.ID("a")
		if i%13 == 12 {
			org = "b"
		}
		keys = append(keys, key{org, id.ID(fmt.Sprint(i))})
	}
	got, pieces := map[id.ID][]id.ID{}, []string{}
	for org, ids := range db.PerOrganization(keys, func(k key) (id.ID, id.ID) { return k.org, k.row }) {
		got[org] = append(got[org], ids...)
		pieces = append(pieces, fmt.Sprint(org, len(ids)))
	}
	if want := []string{"a512", "a512", "a176", "b100"}; !slices.Equal(pieces, want) {
		t.Errorf("pieces %q, want %q", pieces, want)
	}
	for _, k := range keys {
		if len(got[k.org]) == 0 || got[k.org][0] != k.row {
			t.Fatalf("%s of %s is not where it belongs", k.row, k.org)
		}
		got[k.org] = got[k.org][1:]
	}
}
