package listing_test

import (
	"math"
	"slices"
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

// How many rows are looked at before going to each of those with some metadata.
func TestFirstOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		lead, last int
		engine     string
		want       []int
	}{
		{0, 10, "sqlite", nil},
		{1000, 10, "sqlite", nil},
		{1001, 10, "sqlite", []int{1000}},
		{20_000, 10, "sqlite", []int{1000, 4000, 16_000}},
		{20_000, 10, "postgres", []int{1000, 4000}},
		{20_000, 2000, "sqlite", []int{8000, 32_000}},
		{20_000, 20_000, "sqlite", nil},
		{1 << 40, 10, "sqlite", []int{1000, 4000, 16_000, 64_000, 256_000, 1_024_000, 4_096_000, 16_384_000}},
	} {
		if got := listing.FirstOf(c.lead, c.last, c.engine); !slices.Equal(got, c.want) {
			t.Errorf("%d, page up to %d, %s: %v, want %v", c.lead, c.last, c.engine, got, c.want)
		}
	}
}
