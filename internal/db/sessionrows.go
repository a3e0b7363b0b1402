package db

import (
	"fmt"
	"unsafe"

	"floe/internal/db/lite"
)

// sessionRows are the rows of a statement on a session.
type sessionRows struct {
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
func (r *sessionRows) Columns() ([]string, error) { return r.prepared.stmt.Columns(), nil }

// Next goes to the next row and reports whether there is one.
func (r *sessionRows) Next() bool {
	if r.err != nil || r.done || r.closed {
		return false
	}
	if r.first {
		r.first = false
		return true
	}
	var row bool
	row, r.err = r.prepared.stmt.Step()
	r.done = !row
	return row
}

// Err is what went wrong in Next.
func (r *sessionRows) Err() error { return r.err }

// Close ends the statement; it can be run again.
func (r *sessionRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	r.stop()
	r.prepared.stmt.Reset()
	r.prepared.busy = false
	r.session.discard(r.statement, r.prepared)
	return nil
}

// fill stores the current row. The texts of a row are copied into one piece
// of memory, which lives as long as any of them.
func (s *scratch) fill(stmt *lite.Stmt) error {
	total := 0
	for i := range s.cells {
		v := &s.cells[i].lite
		if stmt.Read(i, v); v.Kind == lite.Text {
			total += v.Len()
		}
	}
	texts := make([]byte, 0, total)
	for i := range s.cells {
		if err := s.cells[i].fill(&texts); err != nil {
			return fmt.Errorf("db: column %q: %w", s.cells[i].name, err)
		}
	}
	return nil
}

func (c *cell) fill(texts *[]byte) error {
	v, dst := &c.lite, unsafe.Add(c.owner.base, c.offset)
	switch v.Kind {
	case lite.Null:
		return c.null(dst)
	case lite.Text:
		return c.text(dst, keep(texts, v.Bytes()))
	case lite.Integer:
		return c.set(dst, v.Int())
	case lite.Float:
		return c.set(dst, v.Float())
	}
	return c.set(dst, append([]byte{}, v.Bytes()...))
}
