package db

import (
	"fmt"
	"unsafe"

	"modernc.org/libc"
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

// liteValue is a value of the current row, where the library has it.
type liteValue struct {
	p    uintptr
	kind int32
	at   uintptr // of a text
	n    int     // bytes of it
}

// fill stores the current row. The texts of a row are copied into one piece
// of memory, which lives as long as any of them.
func (s *scratch) fill(stmt *liteStmt) error {
	tls, total := stmt.c.tls, 0
	for i := range s.cells {
		v := &s.cells[i].lite
		v.p = sqlite3.Xsqlite3_column_value(tls, stmt.p, int32(i)) //nolint:gosec // columns are few
		if v.kind = sqlite3.Xsqlite3_value_type(tls, v.p); v.kind == sqlite3.SQLITE_TEXT {
			// As a text it would be copied first, to have a zero at its end.
			v.at, v.n = sqlite3.Xsqlite3_value_blob(tls, v.p), int(sqlite3.Xsqlite3_value_bytes(tls, v.p))
			total += v.n
		}
	}
	texts := make([]byte, 0, total)
	for i := range s.cells {
		if err := s.cells[i].fill(tls, &texts); err != nil {
			return fmt.Errorf("db: column %q: %w", s.cells[i].name, err)
		}
	}
	return nil
}

func (c *cell) fill(tls *libc.TLS, texts *[]byte) error {
	v, dst := &c.lite, unsafe.Add(c.owner.base, c.offset)
	switch v.kind {
	case sqlite3.SQLITE_NULL:
		return c.null(dst)
	case sqlite3.SQLITE_TEXT:
		return c.text(dst, keep(texts, unsafe.Slice((*byte)(pointer(v.at)), v.n)))
	case sqlite3.SQLITE_INTEGER:
		return c.set(dst, sqlite3.Xsqlite3_value_int64(tls, v.p))
	case sqlite3.SQLITE_FLOAT:
		return c.set(dst, sqlite3.Xsqlite3_value_double(tls, v.p))
	}
	at, n := sqlite3.Xsqlite3_value_blob(tls, v.p), int(sqlite3.Xsqlite3_value_bytes(tls, v.p))
	blob := make([]byte, n)
	if n > 0 {
		copy(blob, unsafe.Slice((*byte)(pointer(at)), n))
	}
	return c.set(dst, blob)
}
