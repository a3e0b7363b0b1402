package db

import (
	"iter"
	"strings"
)

// maxPiece is how many rows go into one INSERT: enough that a thousand rows are
// a handful of statements, few enough for the parameters of the widest table
// (SQLite takes 32,766) and for what PostgreSQL keeps of each prepared text on
// each connection: a megabyte or two for 256 rows of 44 columns.
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

// Values is a list of rows of question marks: (?, ?), (?, ?).
func Values(rows, columns int) string {
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	if rows == 1 {
		return row
	}
	return row + strings.Repeat(", "+row, rows-1)
}
