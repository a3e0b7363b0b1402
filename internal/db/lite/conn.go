// Package lite calls SQLite, without the layers that database/sql and a driver
// put around the library: for a read by key they cost more than the read. All
// that Floe does with memory that is not Go's is here.
package lite

import (
	"context"
	"fmt"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// Conn is one connection to a file. It is used by one goroutine at a time; only
// the end of a context that is watched may come from another.
type Conn struct {
	tls *libc.TLS
	db  uintptr
	out uintptr // room for one pointer that the library answers
}

// Error is an error of SQLite (https://www.sqlite.org/rescode.html).
type Error struct {
	code int
	msg  string
}

// Error says what is wrong, in SQLite's words.
func (e *Error) Error() string { return e.msg }

// Code is the extended result code.
func (e *Error) Code() int { return e.code }

// Open opens the file, which is made when it is missing unless it is only
// read, and runs the pragmas.
func Open(path string, readOnly bool, busy time.Duration, pragmas []string) (*Conn, error) {
	c := &Conn{tls: libc.NewTLS()}
	c.out = libc.Xmalloc(c.tls, libc.Tsize_t(unsafe.Sizeof(uintptr(0))))
	if err := c.open(path, readOnly); err != nil {
		c.Close()
		return nil, err
	}
	sqlite3.Xsqlite3_extended_result_codes(c.tls, c.db, 1)
	c.noQuotedStrings()
	c.SetBusy(busy)
	for _, p := range pragmas {
		if err := c.Run("PRAGMA " + p); err != nil {
			c.Close()
			return nil, err
		}
	}
	return c, nil
}

func (c *Conn) open(path string, readOnly bool) error {
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
func (c *Conn) noQuotedStrings() {
	room := libc.Xmalloc(c.tls, 16)
	defer libc.Xfree(c.tls, room)
	for _, option := range []int32{sqlite3.SQLITE_DBCONFIG_DQS_DDL, sqlite3.SQLITE_DBCONFIG_DQS_DML} {
		sqlite3.Xsqlite3_db_config(c.tls, c.db, option, libc.VaList(room, int32(0), uintptr(0)))
	}
}

// SetBusy bounds how long a statement waits for other connections.
func (c *Conn) SetBusy(d time.Duration) {
	sqlite3.Xsqlite3_busy_timeout(c.tls, c.db, int32(d.Milliseconds())) //nolint:gosec // seconds at most
}

// Run runs statements that answer nothing of interest.
func (c *Conn) Run(text string) error {
	z, err := libc.CString(text)
	if err != nil {
		return err
	}
	defer libc.Xfree(c.tls, z)
	return c.check(sqlite3.Xsqlite3_exec(c.tls, c.db, z, 0, 0, 0))
}

// check turns a result code into an error, which carries the words of the
// connection's last failure.
func (c *Conn) check(rc int32) error {
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
	return &Error{int(rc), fmt.Sprintf("%s (%d)", general, rc)}
}

// Watch interrupts what runs when the context ends, until stop is called. It
// does so again and again: SQLite forgets an interrupt that comes just before a
// statement begins.
func (c *Conn) Watch(ctx context.Context) (stop func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	stopping := make(chan struct{})
	unwatch := context.AfterFunc(ctx, func() {
		for {
			sqlite3.Xsqlite3_interrupt(c.tls, c.db)
			select {
			case <-stopping:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
	return func() {
		if !unwatch() {
			stopping <- struct{}{} // or it would hit the next statement
		}
	}
}

// Changed is how many rows the last statement has changed.
func (c *Conn) Changed() int64 { return sqlite3.Xsqlite3_changes64(c.tls, c.db) }

// Changes is how many rows the connection has changed since it was opened.
func (c *Conn) Changes() int64 { return sqlite3.Xsqlite3_total_changes64(c.tls, c.db) }

// InTransaction says whether one has begun that has not ended.
func (c *Conn) InTransaction() bool { return sqlite3.Xsqlite3_get_autocommit(c.tls, c.db) == 0 }

// Close ends the connection. Its statements must be closed by then.
func (c *Conn) Close() {
	if c.db != 0 {
		sqlite3.Xsqlite3_close_v2(c.tls, c.db)
		c.db = 0
	}
	libc.Xfree(c.tls, c.out)
	c.tls.Close()
}
