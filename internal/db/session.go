package db

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"

	"modernc.org/sqlite"
)

// session is one SQLite connection with the statements prepared on it. It is
// used by one goroutine at a time. It talks to the driver itself: what
// database/sql does for any driver (locks, conversions, a pool) costs as much
// as a short statement, and is not needed here.
type session struct {
	conn     driver.Conn
	prepared map[*statement]*prepared
	tick     uint64
	args     []driver.NamedValue // of the statement that is about to run
}

type prepared struct {
	stmt driver.Stmt
	used uint64
	// busy is set while rows of the statement are open: SQLite would start it
	// over if it were run a second time.
	busy bool
}

// maxPrepared bounds the statements of one connection: each costs SQLite
// some 10 to 40 KB.
const maxPrepared = 256

var liteDriver = &sqlite.Driver{}

// openSession connects to the file that a DSN names.
func openSession(dsn string) (*session, error) {
	conn, err := liteDriver.Open(dsn)
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, prepared: make(map[*statement]*prepared)}, nil
}

// prepare returns the prepared form of st. While that is in use it is one that
// is good for one time, and not kept.
func (s *session) prepare(ctx context.Context, st *statement) (*prepared, error) {
	s.tick++
	p := s.prepared[st]
	if p != nil && !p.busy {
		p.used = s.tick
		return p, nil
	}
	if p == nil && len(s.prepared) >= maxPrepared {
		s.forgetOldest()
	}
	stmt, err := s.conn.(driver.ConnPrepareContext).PrepareContext(ctx, st.text)
	if err != nil {
		return nil, err
	}
	fresh := &prepared{stmt: stmt, used: s.tick}
	if p == nil {
		s.prepared[st] = fresh
	}
	return fresh, nil
}

func (s *session) forgetOldest() {
	var oldest *statement
	for st, p := range s.prepared {
		if !p.busy && (oldest == nil || p.used < s.prepared[oldest].used) {
			oldest = st
		}
	}
	if oldest != nil {
		_ = s.prepared[oldest].stmt.Close()
		delete(s.prepared, oldest)
	}
}

// named numbers the arguments, as drivers want them. They are good until the
// next statement of the session.
func (s *session) named(stmt driver.Stmt, args []any) ([]driver.NamedValue, error) {
	if want := stmt.NumInput(); want >= 0 && want != len(args) {
		return nil, fmt.Errorf("db: the statement takes %d arguments, not %d", want, len(args))
	}
	s.args = s.args[:0]
	for i, a := range args {
		if !driver.IsValue(a) {
			return nil, fmt.Errorf("db: an argument of type %T", a)
		}
		s.args = append(s.args, driver.NamedValue{Ordinal: i + 1, Value: a})
	}
	return s.args, nil
}

func (s *session) query(ctx context.Context, st *statement, args []any) (result, error) {
	p, err := s.prepare(ctx, st)
	if err != nil {
		return result{}, err
	}
	named, err := s.named(p.stmt, args)
	if err != nil {
		return result{}, err
	}
	rows, err := p.stmt.(driver.StmtQueryContext).QueryContext(ctx, named)
	if err != nil {
		s.discard(st, p)
		return result{}, err
	}
	p.busy = true
	return result{statement: st, rows: &liteRows{rows: rows, session: s, statement: st, prepared: p}}, nil
}

func (s *session) exec(ctx context.Context, st *statement, args []any) (int64, error) {
	p, err := s.prepare(ctx, st)
	if err != nil {
		return 0, err
	}
	defer s.discard(st, p)
	named, err := s.named(p.stmt, args)
	if err != nil {
		return 0, err
	}
	r, err := p.stmt.(driver.StmtExecContext).ExecContext(ctx, named)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// discard closes a statement that was good for one time.
func (s *session) discard(st *statement, p *prepared) {
	if s.prepared[st] != p {
		_ = p.stmt.Close()
	}
}

func (s *session) close() error {
	for _, p := range s.prepared {
		_ = p.stmt.Close()
	}
	return s.conn.Close()
}

// liteRows are the rows of a statement on a session.
type liteRows struct {
	rows      driver.Rows
	session   *session
	statement *statement
	prepared  *prepared
	values    []driver.Value
	err       error
	closed    bool
}

// Columns are the names of the columns.
func (r *liteRows) Columns() ([]string, error) { return r.rows.Columns(), nil }

// Next reads the next row and reports whether there is one.
func (r *liteRows) Next() bool {
	if r.err != nil || r.closed {
		return false
	}
	if r.values == nil {
		r.values = make([]driver.Value, len(r.rows.Columns()))
	}
	r.err = r.rows.Next(r.values)
	return r.err == nil
}

// Err is what went wrong in Next.
func (r *liteRows) Err() error {
	if errors.Is(r.err, io.EOF) {
		return nil
	}
	return r.err
}

// Close ends the statement; it can be run again.
func (r *liteRows) Close() error {
	if r.closed {
		return nil
	}
	r.closed = true
	err := r.rows.Close()
	r.prepared.busy = false
	r.session.discard(r.statement, r.prepared)
	return err
}
