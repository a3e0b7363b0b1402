package db

import (
	"context"
	"fmt"
	"sync"
	"time"

	"floe/internal/db/lite"
)

// readers is the pool of connections that read. The one used last is used
// next: its cache is the warmest.
//
// To begin and to end a snapshot takes a fifth of the time of a read by key, in
// locks of files. So one that is given back keeps its snapshot, and whoever
// takes it next goes on with that if nothing has been committed since. Kept
// snapshots would hold up the checkpoints of SQLite's log; therefore those of
// idle connections end before a commit (pause), which is when this process
// makes checkpoints, and when they have been idle for a while (sweep), for the
// sake of other processes.
type readers struct {
	open     func() (*session, error)
	slots    chan struct{}
	patience time.Duration

	mu       sync.Mutex
	idle     []*session
	closed   bool
	index    *lite.WALIndex // counts commits; nil where it cannot be read, and nothing is kept
	pauses   int            // commits on their way
	round    uint64         // of sweeping
	sweeping bool
}

// keepSnapshots is how long an idle connection keeps its snapshot, or up to
// twice as long.
const keepSnapshots = 100 * time.Millisecond

// acquire takes a connection, in a snapshot of what is committed by now.
func (r *readers) acquire(ctx context.Context) (*session, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	s, err := r.take()
	if err == nil {
		if err = s.renew(r.index); err == nil {
			return s, nil
		}
		r.release(s)
		return nil, err
	}
	<-r.slots
	return nil, err
}

func (r *readers) take() (*session, error) {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil, errClosed
	}
	if n := len(r.idle); n > 0 {
		s := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return s, nil
	}
	r.mu.Unlock()
	return r.open()
}

// enter waits for a free connection, not for ever: whoever reads through the
// DB while holding a connection may be waiting for itself.
func (r *readers) enter(ctx context.Context) error {
	select {
	case r.slots <- struct{}{}:
		return nil
	default:
	}
	timeout := time.NewTimer(r.patience)
	defer timeout.Stop()
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return fmt.Errorf("%w: no connection to read with became free", ErrBusy)
	}
}

func (r *readers) release(s *session) {
	r.mu.Lock()
	if r.closed {
		_ = s.close()
	} else {
		if r.index == nil || r.pauses > 0 {
			s.leave()
		}
		r.idle = append(r.idle, s)
		s.round = r.round
		if !r.sweeping && s.inSnapshot() {
			r.sweeping = true
			time.AfterFunc(keepSnapshots, r.sweep)
		}
	}
	r.mu.Unlock()
	<-r.slots
}

// pause ends the snapshots that nobody uses, and keeps none until resume.
func (r *readers) pause() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.pauses++
	for _, s := range r.idle {
		s.leave()
	}
}

func (r *readers) resume() {
	r.mu.Lock()
	r.pauses--
	r.mu.Unlock()
}

// sweep ends the snapshots that nobody has used since it was last here.
func (r *readers) sweep() {
	r.mu.Lock()
	defer r.mu.Unlock()
	again := false
	for _, s := range r.idle {
		if s.round < r.round {
			s.leave()
		}
		again = again || s.inSnapshot()
	}
	r.round++
	if r.sweeping = again && !r.closed; r.sweeping {
		time.AfterFunc(keepSnapshots, r.sweep)
	}
}

func (r *readers) close() error {
	r.mu.Lock()
	r.closed = true
	for _, s := range r.idle {
		_ = s.close()
	}
	r.idle = nil
	r.mu.Unlock()
	// Those in use are closed when they come back.
	deadline := time.After(5 * time.Second)
	for range cap(r.slots) {
		select {
		case r.slots <- struct{}{}:
		case <-deadline:
			return nil
		}
	}
	defer func() {
		for range cap(r.slots) {
			<-r.slots
		}
	}()
	return nil
}

func (d *DB) readSQLite(ctx context.Context, fn func(Querier) error) error {
	s, err := d.readers.acquire(ctx)
	if err != nil {
		return d.translate(ctx, err)
	}
	defer d.readers.release(s)
	return fn(&snapshot{dialect: d.dialect, db: d, run: s})
}
