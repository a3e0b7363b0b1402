package lite

import (
	"fmt"
	"runtime"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Stmt is a prepared statement.
type Stmt struct {
	c       *Conn
	p       uintptr
	params  int
	columns []string
	// texts is where arguments lie while the statement runs: the library
	// reads them there, and does not copy them.
	texts uintptr
	room  int
}

// Prepare makes a statement that can be run many times.
func (c *Conn) Prepare(text string) (*Stmt, error) {
	z, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, z)
	rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, z, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, c.out, 0)
	if err := c.check(rc); err != nil {
		return nil, err
	}
	s := &Stmt{c: c, p: *(*uintptr)(pointer(c.out))}
	if s.p == 0 {
		return nil, fmt.Errorf("lite: no statement in %q", text)
	}
	s.params = int(sqlite3.Xsqlite3_bind_parameter_count(c.tls, s.p))
	for i := range sqlite3.Xsqlite3_column_count(c.tls, s.p) {
		s.columns = append(s.columns, libc.GoString(sqlite3.Xsqlite3_column_name(c.tls, s.p, i)))
	}
	return s, nil
}

// Columns are the names of what the statement answers.
func (s *Stmt) Columns() []string { return s.columns }

// Close ends the statement.
func (s *Stmt) Close() {
	sqlite3.Xsqlite3_finalize(s.c.tls, s.p)
	libc.Xfree(s.c.tls, s.texts)
	s.p, s.texts = 0, 0
}

// Step runs the statement up to its next row, and says whether there is one.
func (s *Stmt) Step() (row bool, err error) {
	rc := sqlite3.Xsqlite3_step(s.c.tls, s.p)
	return rc == sqlite3.SQLITE_ROW, s.c.check(rc)
}

// maxRoom is how much memory a statement keeps for its arguments.
const maxRoom = 64 << 10

// Reset makes the statement ready to be run again.
func (s *Stmt) Reset() {
	sqlite3.Xsqlite3_reset(s.c.tls, s.p) // its code is that of the step before
	if s.room > maxRoom {
		libc.Xfree(s.c.tls, s.texts)
		s.texts, s.room = 0, 0
	}
}

// Bind sets the arguments: nil, string, []byte, int64, bool or float64 each.
func (s *Stmt) Bind(args []any) error {
	if len(args) != s.params {
		return fmt.Errorf("lite: the statement takes %d arguments, not %d", s.params, len(args))
	}
	if err := s.reserve(args); err != nil {
		return err
	}
	next := s.texts
	for i, a := range args {
		at, rc := int32(i+1), int32(0) //nolint:gosec // parameters are few
		switch v := a.(type) {
		case nil:
			rc = sqlite3.Xsqlite3_bind_null(s.c.tls, s.p, at)
		case string:
			rc = sqlite3.Xsqlite3_bind_text(s.c.tls, s.p, at, place(next, unsafe.StringData(v), len(v)), int32(len(v)), 0) //nolint:gosec // checked by reserve
			next += uintptr(len(v)) + 1
		case []byte:
			rc = sqlite3.Xsqlite3_bind_blob(s.c.tls, s.p, at, place(next, unsafe.SliceData(v), len(v)), int32(len(v)), 0) //nolint:gosec // as above
			next += uintptr(len(v)) + 1
		case int64:
			rc = sqlite3.Xsqlite3_bind_int64(s.c.tls, s.p, at, v)
		case bool:
			rc = sqlite3.Xsqlite3_bind_int64(s.c.tls, s.p, at, int64(*(*uint8)(unsafe.Pointer(&v))))
		case float64:
			rc = sqlite3.Xsqlite3_bind_double(s.c.tls, s.p, at, v)
		default:
			return fmt.Errorf("lite: an argument of type %T", a)
		}
		if err := s.c.check(rc); err != nil {
			return err
		}
	}
	return nil
}

// reserve makes room for the texts among the arguments.
func (s *Stmt) reserve(args []any) error {
	need := 1
	for _, a := range args {
		switch v := a.(type) {
		case string:
			need += len(v) + 1
		case []byte:
			need += len(v) + 1
		}
	}
	if need > 1<<30 {
		return &Error{sqlite3.SQLITE_TOOBIG, "the arguments are too large"}
	}
	if need <= s.room {
		return nil
	}
	libc.Xfree(s.c.tls, s.texts)
	s.room = max(need, 256)
	s.texts = libc.Xmalloc(s.c.tls, libc.Tsize_t(s.room)) //nolint:gosec // positive
	if s.texts == 0 {
		s.room = 0
		return &Error{sqlite3.SQLITE_NOMEM, "out of memory"}
	}
	return nil
}

// pointer makes one of an address in memory of the library, which the garbage
// collector neither knows nor moves.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// place copies bytes to memory of the library and answers where.
func place(to uintptr, from *byte, n int) uintptr {
	if n > 0 {
		copy(unsafe.Slice((*byte)(pointer(to)), n), unsafe.Slice(from, n))
		runtime.KeepAlive(from)
	}
	return to
}
