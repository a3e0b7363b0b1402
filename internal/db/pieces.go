package db

import (
	"iter"
	"slices"

	"floe/internal/id"
)

// pieceSize is how many rows a piece has.
const pieceSize = 500

// InPieces yields the rows of several sources, merged, and at most so many. Each
// source is read piece by piece: read gets its last row so far, nil at the
// start, and answers what comes after it, in the order of before. In between no
// connection is held: whoever reads an export slowly would keep one from
// everybody else.
func InPieces[T any](sources, most int, read func(source int, last *T, limit int) ([]T, error), before func(a, b *T) bool) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		list := make([]source[T], sources)
		for left := most; left > 0; left-- {
			next := -1
			for i := range list {
				s := &list[i]
				if err := s.fill(func(last *T) ([]T, error) { return read(i, last, min(pieceSize, left)) }, min(pieceSize, left)); err != nil {
					var zero T
					yield(zero, err)
					return
				}
				if len(s.rows) > 0 && (next < 0 || before(&s.rows[0], &list[next].rows[0])) {
					next = i
				}
			}
			if next < 0 || !yield(list[next].take(), nil) {
				return
			}
		}
	}
}

type source[T any] struct {
	rows []T
	last *T
	done bool
}

// fill reads the next piece when the one before is used up.
func (s *source[T]) fill(read func(last *T) ([]T, error), limit int) (err error) {
	if len(s.rows) > 0 || s.done {
		return nil
	}
	s.rows, err = read(s.last)
	s.done = len(s.rows) < limit
	return err
}

func (s *source[T]) take() T {
	s.last = &s.rows[0]
	s.rows = s.rows[1:]
	return *s.last
}

// perStatement is how many ids a statement is asked for at most.
const perStatement = 512

// PerOrganization yields organizations, in the order in which they come first,
// with their ids among the keys: as many at a time as one statement is asked for.
func PerOrganization[K any](keys []K, of func(K) (organization, row id.ID)) iter.Seq2[id.ID, []id.ID] {
	ids := map[id.ID][]id.ID{}
	var organizations []id.ID
	for _, k := range keys {
		org, row := of(k)
		if ids[org] == nil {
			organizations = append(organizations, org)
		}
		ids[org] = append(ids[org], row)
	}
	return func(yield func(id.ID, []id.ID) bool) {
		for _, org := range organizations {
			for some := range slices.Chunk(ids[org], perStatement) {
				if !yield(org, some) {
					return
				}
			}
		}
	}
}

// Batches yields ids, as many at a time as one statement is asked for. Where
// that is more than once, each id comes once and in order, so that all
// transactions lock what they find in one order.
func Batches(ids []id.ID) iter.Seq[[]id.ID] {
	if len(ids) <= perStatement {
		return slices.Chunk(ids, perStatement)
	}
	return slices.Chunk(slices.Compact(slices.Sorted(slices.Values(ids))), perStatement)
}

// maxPiece is how many rows go into one statement: enough that a thousand rows
// are a handful of statements, few enough for the parameters of the widest
// table (SQLite takes 32,766).
const maxPiece = 256

// Pieces cuts n rows into ranges for statements with many rows of VALUES. The
// sizes are powers of two, so that there are few texts to prepare.
func Pieces(n int) iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for from := 0; from < n; {
			size := maxPiece
			for size > n-from {
				size /= 2
			}
			if !yield(from, from+size) {
				return
			}
			from += size
		}
	}
}
