package db

import (
	"context"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// lite is one connection to a SQLite file, without the layers that
// database/sql and a driver put around the library: for a read by key they
// cost more than the read. It is used by one goroutine at a time; only
// interrupt may come from another.
type lite struct {
	tls *libc.TLS
	db  uintptr
	out uintptr // room for one pointer that the library answers
}

// sqliteFailure is an error of SQLite.
type sqliteFailure struct {
	code int
	msg  string
}

func (e *sqliteFailure) Error() string { return e.msg }

// Code is the extended result code.
func (e *sqliteFailure) Code() int { return e.code }

// openLite opens the file, which is made when it is missing unless it is only
// read, and runs the pragmas.
func openLite(path string, readOnly bool, busy time.Duration, pragmas []string) (*lite, error) {
	c := &lite{tls: libc.NewTLS()}
	c.out = libc.Xmalloc(c.tls, libc.Tsize_t(unsafe.Sizeof(uintptr(0))))
	if err := c.open(path, readOnly); err != nil {
		c.close()
		return nil, err
	}
	sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	c.noQuotedStrings()
	c.setBusy(busy)
	for _, p := range pragmas {
		if err := c.run("PRAGMA " + p); err != nil {
			c.close()
			return nil, err
		}
	}
	return c, nil
}

func (c *lite) open(path string, readOnly bool) error {
	name, err := libc.CString(path)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, name)
	how := int32(sqlite3.SQLITE_OPEN_READWRITE | sqlite3.SQLITE_OPEN_CREATE)
	if readOnly {
		how = sqlite3.SQLITE_OPEN_READONLY
	}
	rc := sqlite3.Xsqlite3_open_v2(c.tls, name, c.out, how|sqlite3.SQLITE_OPEN_NOMUTEX, 0)
	c.db = *(*uintptr)(pointer(c.out))
	return c.check(rc)
}

// noQuotedStrings makes a misspelled column an error, instead of a text.
func (c *lite) noQuotedStrings() {
	room := libc.Xmalloc(c.tls, 16)
	defer libc.Xfree(c.tls, room)
	for _, option := range []int32{sqlite3.SQLITE_DBCONFIG_DQS_DDL, sqlite3.SQLITE_DBCONFIG_DQS_DML} {
		sqlite3.Xsqlite3_db_config(c.tls, c.db, option, libc.VaList(room, int32(0), uintptr(0)))
	}
}

// setBusy bounds how long a statement waits for other connections.
func (c *lite) setBusy(d time.Duration) {
	sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(d.Milliseconds())) //nolint:gosec // seconds at most
}

// run runs statements that answer nothing of interest.
func (c *lite) run(text string) error {
	z, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, z)
	return c.check(sqlite3.Xsqlite3_exec(c.tls, c.db, z, 0, 0, 0))
}

// check turns a result code into an error, which carries the words of the
// connection's last failure.
func (c *lite) check(rc int32) error {
	switch rc {
	case sqlite3.SQLITE_OK, sqlite3.SQLITE_ROW, sqlite3.SQLITE_DONE:
		return nil
	}
	general := libc.GoString(sqlite3.Xsqlite3_errstr(c.tls, rc))
	if c.db != 0 {
		if detail := libc.GoString(sqlite3.Xsqlite3_errmsg(c.tls, c.db)); detail != general {
			general += ": " + detail
		}
	}
	return &sqliteFailure{int(rc), fmt.Sprintf("%s (%d)", general, rc)}
}

// watch interrupts what runs when the context ends, until stop is called.
func (c *lite) watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	ended := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		sqlite3.Xsqlite3_interrupt(c.tls, c.db)
		close(ended)
	})
	return func() {
		if !unwatch() {
			<-ended // or it would hit the next statement
		}
	}
}

func (c *lite) close() {
	if c.db != 0 {
		sqlite3.Xsqlite3_close_v2(c.tls, c.db)
		c.db = 0
	}
	libc.Xfree(c.tls, c.out)
	c.tls.Close()
}

// liteStmt is a prepared statement.
type liteStmt struct {
	c       *lite
	p       uintptr
	params  int
	columns []string
	// texts is where arguments lie while the statement runs: the library
	// reads them there, and does not copy them.
	texts uintptr
	room  int
}

func (c *lite) prepare(text string) (*liteStmt, error) {
	z, err := libc.CString(text)
	if err != nil {
		return nil, err
	}
	defer libc.Xfree(c.tls, z)
	rc := sqlite3.Xsqlite3_prepare_v3(c.tls, c.db, z, -1, sqlite3.SQLITE_PREPARE_PERSISTENT, c.out, 0)
	if err := c.check(rc); err != nil {
		return nil, err
	}
	s := &liteStmt{c: c, p: *(*uintptr)(pointer(c.out))}
	if s.p == 0 {
		return nil, fmt.Errorf("db: no statement in %q", text)
	}
	s.params = int(sqlite3.Xsqlite3_bind_parameter_count(c.tls, s.p))
	for i := range sqlite3.Xsqlite3_column_count(c.tls, s.p) {
		s.columns = append(s.columns, libc.GoString(sqlite3.Xsqlite3_column_name(c.tls, s.p, i)))
	}
	return s, nil
}

func (s *liteStmt) close() {
	sqlite3.Xsqlite3_finalize(s.c.tls, s.p)
	libc.Xfree(s.c.tls, s.texts)
	s.p, s.texts = 0, 0
}

// step runs the statement up to its next row.
func (s *liteStmt) step() (row bool, err error) {
	rc := sqlite3.Xsqlite3_step(s.c.tls, s.p)
	return rc == sqlite3.SQLITE_ROW, s.c.check(rc)
}

// maxRoom is how much memory a statement keeps for its arguments.
const maxRoom = 64 << 10

// reset makes the statement ready to be run again.
func (s *liteStmt) reset() {
	sqlite3.Xsqlite3_reset(s.c.tls, s.p) // its code is that of the step before
	if s.room > maxRoom {
		libc.Xfree(s.c.tls, s.texts)
		s.texts, s.room = 0, 0
	}
}

// bind sets the arguments.
func (s *liteStmt) bind(args []any) error {
	if len(args) != s.params {
		return fmt.Errorf("db: the statement takes %d arguments, not %d", s.params, len(args))
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
			return fmt.Errorf("db: an argument of type %T", a)
		}
		if err := s.c.check(rc); err != nil {
			return err
		}
	}
	return nil
}

// reserve makes room for the texts among the arguments.
func (s *liteStmt) reserve(args []any) error {
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
		return &sqliteFailure{sqlite3.SQLITE_TOOBIG, "the arguments are too large"}
	}
	if need <= s.room {
		return nil
	}
	libc.Xfree(s.c.tls, s.texts)
	s.room = max(need, 256)
	s.texts = libc.Xmalloc(s.c.tls, libc.Tsize_t(s.room)) //nolint:gosec // positive
	if s.texts == 0 {
		s.room = 0
		return &sqliteFailure{sqlite3.SQLITE_NOMEM, "out of memory"}
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
