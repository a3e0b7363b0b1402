package db

import (
	"fmt"
	"unsafe"

	sqlite3 "modernc.org/sqlite/lib"
)

// liteRows are the rows of a statement on a session.
type liteRows struct {
	session   *session
	statement *statement
	prepared  *prepared
	stop      func() // watching the context
	first     bool   // a row is there that Next has not told of
	done      bool
	err       error
	closed    bool
}

// Columns are the names of the columns.
func (r *liteRows) Columns() ([]string, error) { return r.prepared.stmt.columns, nil }

// Next goes to the next row and reports whether there is one.
func (r *liteRows) Next() bool {
	if r.err != nil || r.done || r.closed {
		return false
	}
	if r.first {
		r.first = false
		return true
	}
	var row bool
	row, r.err = r.prepared.stmt.step()
	r.done = !row
	return row
}

// Err is what went wrong in Next.
func (r *liteRows) Err() error { return r.err }

// Close ends the statement; it can be run again.
func (r *liteRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.stop()
	r.prepared.stmt.reset()
	r.prepared.busy = false
	r.session.discard(r.statement, r.prepared)
	return nil
}

// fill stores the current row. The texts of a row are copied into one piece
// of memory, which lives as long as any of them.
func (s *scratch) fill(stmt *liteStmt) error {
	total := 0
	for i := range s.cells {
		if kind := sqlite3.Xsqlite3_column_type(stmt.c.tls, stmt.p, int32(i)); kind == sqlite3.SQLITE_TEXT { //nolint:gosec // columns are few
			total += int(sqlite3.Xsqlite3_column_bytes(stmt.c.tls, stmt.p, int32(i))) //nolint:gosec // as above
		}
	}
	texts := make([]byte, 0, total)
	for i := range s.cells {
		if err := s.cells[i].fill(stmt, int32(i), &texts); err != nil { //nolint:gosec // as above
			return fmt.Errorf("db: column %q: %w", s.cells[i].name, err)
		}
	}
	return nil
}

func (c *cell) fill(stmt *liteStmt, i int32, texts *[]byte) error {
	tls, p, dst := stmt.c.tls, stmt.p, unsafe.Add(c.owner.base, c.offset)
	switch sqlite3.Xsqlite3_column_type(tls, p, i) {
	case sqlite3.SQLITE_NULL:
		return c.null(dst)
	case sqlite3.SQLITE_TEXT:
		at := sqlite3.Xsqlite3_column_text(tls, p, i)
		return c.text(dst, keep(texts, unsafe.Slice((*byte)(pointer(at)), int(sqlite3.Xsqlite3_column_bytes(tls, p, i)))))
	case sqlite3.SQLITE_INTEGER:
		return c.set(dst, sqlite3.Xsqlite3_column_int64(tls, p, i))
	case sqlite3.SQLITE_FLOAT:
		return c.set(dst, sqlite3.Xsqlite3_column_double(tls, p, i))
	}
	at := sqlite3.Xsqlite3_column_blob(tls, p, i)
	n := int(sqlite3.Xsqlite3_column_bytes(tls, p, i))
	blob := make([]byte, n)
	if n > 0 {
		copy(blob, unsafe.Slice((*byte)(pointer(at)), n))
	}
	return c.set(dst, blob)
}
