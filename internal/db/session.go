package db

import (
	"context"

	"floe/internal/db/lite"
)

// session is one SQLite connection with the statements prepared on it. It is
// used by one goroutine at a time.
type session struct {
	conn     *lite.Conn
	prepared map[*statement]*prepared
	tick     uint64

	// Of the snapshot of a connection that reads:
	count uint32 // how many commits there were before it
	round uint64 // of readers.sweep, when it was last used
}

type prepared struct {
	stmt *lite.Stmt
	used uint64
	// busy is set while rows of the statement are open: SQLite would start it
	// over if it were run a second time.
	busy bool
}

// maxPrepared bounds the statements of one connection: each costs SQLite
// some 10 to 40 KB.
const maxPrepared = 256

// prepare returns the prepared form of st. While that is in use it is one that
// is good for one time, and not kept.
func (s *session) prepare(st *statement) (*prepared, error) {
	s.tick++
	p := s.prepared[st]
	if p != nil && !p.busy {
		p.used = s.tick
		return p, nil
	}
	if p == nil && len(s.prepared) >= maxPrepared {
		s.forgetOldest()
	}
	stmt, err := s.conn.Prepare(st.text)
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
		s.prepared[oldest].stmt.Close()
		delete(s.prepared, oldest)
	}
}

// start runs a statement up to its first row. The caller ends it.
func (s *session) start(ctx context.Context, st *statement, args []any) (p *prepared, row bool, stop func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, nil, err
	}
	if p, err = s.prepare(st); err != nil {
		return nil, false, nil, err
	}
	stop = s.conn.Watch(ctx)
	if err = p.stmt.Bind(args); err == nil {
		row, err = p.stmt.Step()
	}
	if err != nil {
		stop()
		p.stmt.Reset()
		s.discard(st, p)
	}
	return p, row, stop, err
}

func (s *session) query(ctx context.Context, st *statement, args []any) (result, error) {
	p, row, stop, err := s.start(ctx, st, args)
	if err != nil {
		return result{}, err
	}
	p.busy = true
	return result{statement: st, rows: &sessionRows{session: s, statement: st, prepared: p, stop: stop, first: row, done: !row}}, nil
}

// exec runs a statement to its end and answers how many rows it changed.
func (s *session) exec(ctx context.Context, st *statement, args []any) (int64, error) {
	p, row, stop, err := s.start(ctx, st, args)
	if err != nil {
		return 0, err
	}
	for row && err == nil {
		row, err = p.stmt.Step()
	}
	stop()
	n := s.conn.Changed()
	p.stmt.Reset()
	s.discard(st, p)
	if err != nil {
		return 0, err
	}
	return n, nil
}

var (
	beginRead = internal("BEGIN")
	endRead   = internal("ROLLBACK")
)

// renew puts a connection that reads into a snapshot that has all commits until
// now: the one it is in, where the index counts none since. SQLite begins it
// with the first statement, so it may be younger than the count, never older.
func (s *session) renew(index *lite.WALIndex) error {
	if index != nil {
		count := index.Commits()
		if count == s.count && s.inSnapshot() {
			return nil
		}
		s.count = count
	}
	s.leave()
	_, err := s.exec(context.Background(), beginRead, nil)
	return err
}

// leave ends the snapshot that a connection is in.
func (s *session) leave() {
	if s.inSnapshot() {
		_, _ = s.exec(context.Background(), endRead, nil) // it has changed nothing
	}
}

func (s *session) inSnapshot() bool {
	return s.conn.InTransaction()
}

// discard closes a statement that was good for one time.
func (s *session) discard(st *statement, p *prepared) {
	if s.prepared[st] != p {
		p.stmt.Close()
	}
}

func (s *session) close() error {
	for _, p := range s.prepared {
		p.stmt.Close()
	}
	s.conn.Close()
	return nil
}
