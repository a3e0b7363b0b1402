package lite

import (
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Kind is how SQLite stores a value (https://www.sqlite.org/datatype3.html).
type Kind int32

// The kinds.
const (
	Integer Kind = sqlite3.SQLITE_INTEGER
	Float   Kind = sqlite3.SQLITE_FLOAT
	Text    Kind = sqlite3.SQLITE_TEXT
	Blob    Kind = sqlite3.SQLITE_BLOB
	Null    Kind = sqlite3.SQLITE_NULL
)

// Value is a value of the current row, where the library has it. It ends with
// the row.
type Value struct {
	Kind Kind
	tls  *libc.TLS
	p    uintptr
	at   uintptr // of a text or blob
	n    int     // bytes of it
}

// Read finds a value of the current row by its column's number, from 0.
func (s *Stmt) Read(column int, v *Value) {
	v.tls, v.p = s.c.tls, sqlite3.Xsqlite3_column_value(s.c.tls, s.p, int32(column)) //nolint:gosec // columns are few
	v.Kind = Kind(sqlite3.Xsqlite3_value_type(v.tls, v.p))
	v.at, v.n = 0, 0
	if v.Kind == Text || v.Kind == Blob {
		// As a text it would be copied first, to have a zero at its end.
		v.at, v.n = sqlite3.Xsqlite3_value_blob(v.tls, v.p), int(sqlite3.Xsqlite3_value_bytes(v.tls, v.p))
	}
}

// Len is how many bytes a text or blob has.
func (v *Value) Len() int { return v.n }

// Bytes are those of a text or blob, in memory of the library: whoever wants
// them for longer than the row copies them.
func (v *Value) Bytes() []byte {
	if v.n == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(pointer(v.at)), v.n)
}

// Int is an integer.
func (v *Value) Int() int64 { return sqlite3.Xsqlite3_value_int64(v.tls, v.p) }

// Float is a number with a fraction.
func (v *Value) Float() float64 { return sqlite3.Xsqlite3_value_double(v.tls, v.p) }
