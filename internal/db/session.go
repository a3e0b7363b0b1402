package db

import (
	"context"
	"database/sql"
)

// session is one SQLite connection with the statements prepared on it. It is
// used by one goroutine at a time.
type session struct {
	conn     *sql.Conn
	prepared map[*statement]*prepared
	tick     uint64
}

type prepared struct {
	stmt *sql.Stmt
	used uint64
	// busy is set while rows of the statement are open: SQLite would start it
	// over if it were run a second time.
	busy bool
}

// maxPrepared bounds the statements of one connection: each costs SQLite
// some 10 to 40 KB.
const maxPrepared = 256

func newSession(conn *sql.Conn) *session {
	return &session{conn: conn, prepared: make(map[*statement]*prepared)}
}

// prepare returns the prepared form of st, nil when that one is in use.
func (s *session) prepare(ctx context.Context, st *statement) (*prepared, error) {
	s.tick++
	if p := s.prepared[st]; p != nil {
		if p.busy {
			return nil, nil
		}
		p.used = s.tick
		return p, nil
	}
	if len(s.prepared) >= maxPrepared {
		s.forgetOldest()
	}
	stmt, err := s.conn.PrepareContext(ctx, st.text)
	if err != nil {
		return nil, err
	}
	p := &prepared{stmt: stmt, used: s.tick}
	s.prepared[st] = p
	return p, nil
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

func (s *session) query(ctx context.Context, st *statement, args []any) (result, error) {
	p, err := s.prepare(ctx, st)
	if err != nil {
		return result{}, err
	}
	if p == nil {
		rows, err := s.conn.QueryContext(ctx, st.text, args...) //nolint:sqlclosecheck,rowserrcheck // result.close
		return result{statement: st, rows: rows, session: s}, err
	}
	rows, err := p.stmt.QueryContext(ctx, args...) //nolint:sqlclosecheck,rowserrcheck // result.close
	if err != nil {
		return result{}, err
	}
	p.busy = true
	return result{statement: st, rows: rows, session: s, prepared: p}, nil
}

func (s *session) exec(ctx context.Context, st *statement, args []any) (int64, error) {
	p, err := s.prepare(ctx, st)
	if err != nil {
		return 0, err
	}
	var r sql.Result
	if p == nil {
		r, err = s.conn.ExecContext(ctx, st.text, args...)
	} else {
		r, err = p.stmt.ExecContext(ctx, args...)
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

func (s *session) close() error {
	for _, p := range s.prepared {
		_ = p.stmt.Close()
	}
	return s.conn.Close()
}
