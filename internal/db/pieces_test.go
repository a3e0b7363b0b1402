package db_test

import (
	"errors"
	"slices"
	"testing"

	"floe/internal/db"
	"floe/internal/id"
)

// TestInPieces: everything comes once, in order, whatever the sizes are.
func TestInPieces(t *testing.T) {
	t.Parallel()
	for _, sizes := range [][]int{{}, {0}, {1}, {499}, {500}, {501}, {1000}, {3, 0, 1200}, {700, 700, 700}} {
		sources := make([][]int, len(sizes))
		var want []int
		for i, n := range sizes {
			for j := range n {
				sources[i] = append(sources[i], j*len(sizes)+i)
			}
			want = append(want, sources[i]...)
		}
		slices.Sort(want)
		reads := 0
		read := func(source int, last *int, limit int) ([]int, error) {
			reads++
			rest := sources[source]
			if last != nil {
				rest = rest[slices.Index(rest, *last)+1:]
			}
			return slices.Clone(rest[:min(limit, len(rest))]), nil
		}
		before := func(a, b *int) bool { return *a < *b }
		for _, most := range []int{1_000_000, 600, 1} {
			var got []int
			for v, err := range db.InPieces(len(sizes), most, read, before) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, v)
			}
			if w := want[:min(most, len(want))]; !slices.Equal(got, w) {
				t.Errorf("%v, at most %d: %d rows, want %d in order", sizes, most, len(got), len(w))
			}
		}
	}
	broken := errors.New("broken")
	n := 0
	for _, err := range db.InPieces(1, 10, func(int, *int, int) ([]int, error) { return nil, broken }, func(_, _ *int) bool { return false }) {
		if n++; !errors.Is(err, broken) {
			t.Error(err)
		}
	}
	if n != 1 {
		t.Errorf("%d yields after a failure", n)
	}
}

// TestBatches: every id comes, where there are many once and in order, and
// never more at a time than a statement takes.
func TestBatches(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 512, 513, 1024, 40_000} {
		ids := make([]id.ID, n)
		for i := range ids {
			ids[i] = id.New()
		}
		var got []id.ID
		for some := range db.Batches(slices.Concat(ids, ids)) {
			if len(some) == 0 || len(some) > 512 {
				t.Errorf("%d ids come %d at a time", 2*n, len(some))
			}
			got = append(got, some...)
		}
		if n > 256 && !slices.IsSorted(got) {
			t.Errorf("%d ids come in no order", 2*n)
		}
		slices.Sort(got)
		slices.Sort(ids)
		if !slices.Equal(slices.Compact(got), ids) || n > 256 && len(got) != n {
			t.Errorf("of %d ids %d have come", n, len(got))
		}
	}
}
