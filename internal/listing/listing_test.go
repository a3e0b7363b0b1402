package listing_test

import (
	"math"
	"testing"

	"floe/internal/listing"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	keys := listing.Keys{"at": {SQL: "created_at"}, "name": {SQL: "name_key", Nullable: true}}
	for want, criteria := range map[string][]string{
		" ORDER BY id ASC":                                            nil,
		" ORDER BY created_at DESC, id DESC":                          {"-at"},
		" ORDER BY created_at ASC, id ASC":                            {"at"},
		" ORDER BY name_key DESC NULLS FIRST, created_at ASC, id ASC": {"-name", "at"},
		" ORDER BY name_key ASC NULLS LAST, id ASC":                   {"name", "-name", "name"},
	} {
		if got := keys.Order(criteria); got != want {
			t.Errorf("%v: %q, want %q", criteria, got, want)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	for _, s := range []struct{ limit, total, pages int }{{10, 0, 0}, {10, 1, 1}, {10, 10, 1}, {10, 11, 2}, {1000, 250, 3}, {math.MaxInt, 250, 3}} {
		got := listing.Of([]int{}, s.total, listing.Page{Number: 1, Limit: s.limit}).Pagination
		if got.MaxPage != s.pages || got.TotalCount != s.total {
			t.Errorf("limit %d of %d: %+v, want %d pages", s.limit, s.total, got, s.pages)
		}
	}
}
