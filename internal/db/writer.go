package db

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"floe/internal/db/lite"
)

// Limits of one commit: what runs in it holds everybody else up.
const (
	maxBatch     = 256
	maxBatchTime = 10 * time.Millisecond
)

var (
	errClosed = fmt.Errorf("%w: it is closed", ErrUnavailable)
	errLost   = fmt.Errorf("%w: the transaction was lost", ErrUnavailable)
	errNested = errors.New("waited too long for a turn to write; a Write inside a Write waits for itself")
)

// writer owns the one SQLite connection that writes.
//
// A commit waits for the disk, so callers that wait at the same time share
// one. There is no writer goroutine: the connection is handed from caller to
// caller like a baton. Each runs its function in its own goroutine, inside a
// savepoint, and passes the open transaction on; whoever finds nobody waiting
// commits and answers everyone. A caller that is alone begins, runs and
// commits without waiting for anybody.
type writer struct {
	db   *DB
	conn *session

	mu     sync.Mutex
	held   bool
	closed bool
	queue  []*ticket
}

// ticket is a caller's place in the queue.
type ticket struct {
	turn  chan *batch // the baton; nil when no transaction is open
	done  chan error  // what became of the commit
	alone bool        // shares its commit with nobody
}

// batch is an open transaction and who is in it.
type batch struct {
	started time.Time
	members []*ticket
	// witnesses have failed, maybe because of what a member had done, and say
	// so only once that is durable.
	witnesses []*ticket
	ran       int
	shared    []shared
	closed    bool // to others

	touched    []uint16 // see Versions
	touchedAll bool
	changes    int64 // that the connection had made before
}

var (
	beginWrite  = internal("BEGIN IMMEDIATE")
	commitWrite = internal("COMMIT")
	rollback    = internal("ROLLBACK")
	savepoint   = internal("SAVEPOINT caller")
	release     = internal("RELEASE caller")
	rollbackTo  = internal("ROLLBACK TO caller")
)

func internal(text string) *statement { return &statement{source: text, text: text} }

func newWriter(d *DB) (*writer, error) {
	conn, err := d.openWriter()
	return &writer{db: d, conn: conn}, err
}

// write runs fn until the transaction is not lost through somebody else: a
// neighbour that fills the disk takes everybody's with it.
func (w *writer) write(ctx context.Context, fn func(*Tx) error) error {
	const attempts = 3
	for attempt := 1; ; attempt++ {
		err := w.once(ctx, fn, attempt > 1)
		if attempt == attempts || !errors.Is(err, errLost) {
			return err
		}
		w.db.stats.retries.Add(1)
	}
}

func (w *writer) once(ctx context.Context, fn func(*Tx) error, alone bool) error {
	me := &ticket{alone: alone}
	b, err := w.enter(ctx, me)
	if err != nil {
		return err
	}
	if alone && b != nil {
		answer(b, w.commit(b))
		b = nil
	}
	if err := ctx.Err(); err != nil {
		w.leave(b)
		return err
	}
	tx := w.db.newTx(ctx, w.conn)
	if err := w.turn(ctx, me, b, tx, fn); err != nil {
		return err
	}
	tx.committed()
	return nil
}

// enter waits until the connection is ours.
func (w *writer) enter(ctx context.Context, me *ticket) (*batch, error) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil, errClosed
	}
	if !w.held {
		w.held = true
		w.mu.Unlock()
		return nil, nil
	}
	me.turn, me.done = make(chan *batch, 1), make(chan error, 1)
	w.queue = append(w.queue, me)
	w.mu.Unlock()

	start := time.Now()
	defer func() { w.db.stats.writeWait.Add(int64(time.Since(start))) }()
	timeout := time.NewTimer(w.db.config.QueueTimeout)
	defer timeout.Stop()
	select {
	case b := <-me.turn:
		return b, nil
	case <-ctx.Done():
		return w.giveUp(me, ctx.Err())
	case <-timeout.C:
		return w.giveUp(me, fmt.Errorf("%w: %w", ErrBusy, errNested))
	}
}

// giveUp leaves the queue, unless the baton is on its way already.
func (w *writer) giveUp(me *ticket, reason error) (*batch, error) {
	w.mu.Lock()
	for i, t := range w.queue {
		if t == me {
			w.queue = append(w.queue[:i], w.queue[i+1:]...)
			w.mu.Unlock()
			return nil, reason
		}
	}
	w.mu.Unlock()
	w.leave(<-me.turn)
	return nil, reason
}

// turn runs fn and waits for the commit. The baton is passed on whatever
// happens to fn; a panic goes on its way in the goroutine of its caller.
func (w *writer) turn(ctx context.Context, me *ticket, b *batch, tx *Tx, fn func(*Tx) error) error {
	kept := false
	defer func() {
		if !kept {
			w.leave(w.undo(b))
		}
	}()
	b, err := w.open(ctx, b)
	if err != nil {
		return w.db.translate(ctx, err)
	}
	tx.batch = b
	before := w.conn.conn.Changes()
	if err := tx.do(ctx, fn); err != nil {
		kept = true
		return w.refuse(me, b, err)
	}
	if err := w.settle(b); err != nil {
		return w.db.translate(ctx, err)
	}
	b.adopt(tx, w.conn.conn.Changes() != before)
	b.closed = me.alone
	kept = true
	if me.done == nil {
		me.done = make(chan error, 1)
	}
	b.members = append(b.members, me)
	w.leave(b)
	return <-me.done
}

// refuse drops what the caller did, and returns the reason once it is true: it
// may be a row of a neighbour that is not committed yet. When that is lost, so
// is the reason, and the caller tries again.
func (w *writer) refuse(me *ticket, b *batch, reason error) error {
	first := len(b.members) == 0
	if b = w.undo(b); b == nil {
		w.leave(nil)
		if first {
			return reason
		}
		return fmt.Errorf("%w: %w", errLost, reason)
	}
	b.witnesses = append(b.witnesses, me)
	w.leave(b)
	if err := <-me.done; err != nil {
		return err
	}
	return reason
}

// open makes a transaction for the first caller, which needs no savepoint: if
// it fails there is nothing else to keep. The others get one.
func (w *writer) open(ctx context.Context, b *batch) (*batch, error) {
	if b != nil {
		b.ran++
		return b, w.run(savepoint)
	}
	if err := w.begin(ctx); err != nil {
		return nil, err
	}
	return &batch{started: time.Now(), ran: 1, changes: w.conn.conn.Changes()}, nil
}

// begin opens a transaction. Waiting for another process may take long and is
// safe to give up, so it is done in short pieces.
func (w *writer) begin(ctx context.Context) error {
	const piece = 20 * time.Millisecond
	w.conn.conn.SetBusy(piece)
	defer w.conn.conn.SetBusy(w.db.config.BusyTimeout)
	for start := time.Now(); ; {
		_, err := w.conn.exec(context.WithoutCancel(ctx), beginWrite, nil)
		switch {
		case err == nil || sqliteCode(err)&0xff != lite.Busy || time.Since(start) > w.db.config.BusyTimeout:
			return err
		case ctx.Err() != nil:
			return ctx.Err()
		}
	}
}

// settle keeps what the caller did.
func (w *writer) settle(b *batch) error {
	if b.ran == 1 {
		return nil
	}
	return w.run(release)
}

// undo drops what the caller did. When the transaction is lost with it, the
// others in it are told, and nil is returned.
func (w *writer) undo(b *batch) *batch {
	if b != nil && len(b.members) > 0 && w.run(rollbackTo) == nil && w.run(release) == nil {
		return b
	}
	w.abandon()
	if b != nil {
		answer(b, errLost)
	}
	return nil
}

// leave passes the baton on, or commits when nobody waits or the batch is
// full.
func (w *writer) leave(b *batch) {
	if w.pass(b) {
		return
	}
	if b != nil {
		runtime.Gosched() // who is about to ask for a turn comes along
		if w.pass(b) {
			return
		}
	}
	var err error
	if b != nil {
		err = w.commit(b)
	}
	// The next one begins before the others have answered their callers.
	if next := w.next(true); next != nil {
		next.turn <- nil
	}
	if b != nil {
		answer(b, err)
	}
}

// pass gives the open transaction to the next who waits.
func (w *writer) pass(b *batch) bool {
	if b == nil || b.closed || b.ran >= maxBatch || time.Since(b.started) >= maxBatchTime {
		return false
	}
	next := w.next(false)
	if next != nil {
		next.turn <- b
	}
	return next != nil
}

// next takes the first of the queue. With free, the connection is free when
// nobody waits.
func (w *writer) next(free bool) *ticket {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.queue) == 0 {
		w.held = w.held && !free
		return nil
	}
	t := w.queue[0]
	w.queue[0] = nil
	w.queue = w.queue[1:]
	return t
}

// commit does what the members have put off and makes all of it durable.
func (w *writer) commit(b *batch) error {
	if err := w.finish(b); err != nil {
		w.abandon()
		if len(b.members) > 1 {
			return fmt.Errorf("%w: %w", errLost, err) // each tries again alone
		}
		return w.db.translate(context.Background(), err)
	}
	count := w.db.versions.begin(b)
	w.db.Reached(Committing)
	w.db.readers.pause()
	err := w.run(commitWrite)
	w.db.readers.resume()
	w.db.versions.end(count, err == nil && w.conn.conn.Changes() != b.changes)
	if err != nil {
		w.abandon()
		err = w.db.translate(context.Background(), err)
		if !errors.Is(err, ErrBusy) && !errors.Is(err, ErrUnavailable) {
			err = fmt.Errorf("%w: commit: %w", ErrUnavailable, err)
		}
		return err
	}
	w.db.Reached(Committed)
	w.db.stats.committed(len(b.members))
	return nil
}

// finish runs what the members have put off, in none of their savepoints.
func (w *writer) finish(b *batch) error {
	if len(b.shared) == 0 {
		return nil
	}
	tx := w.db.newTx(context.Background(), w.conn)
	defer func() { tx.ended = true }()
	return runShared(context.Background(), tx, b.shared)
}

func answer(b *batch, err error) {
	for _, t := range b.members {
		t.done <- err
	}
	if err != nil { // which is the members' own
		err = errLost
	}
	for _, t := range b.witnesses {
		t.done <- err
	}
}

// abandon makes sure that no transaction is open, with a new connection if
// the old one does not obey.
func (w *writer) abandon() {
	err := w.run(rollback)
	if err == nil || sqliteCode(err) == lite.General {
		return // rolled back now, or before, when no transaction is active
	}
	conn, err := w.db.openWriter()
	if err != nil {
		return // the next BEGIN will say what is wrong
	}
	_ = w.conn.close()
	w.conn = conn
}

func (w *writer) run(st *statement) error {
	_, err := w.conn.exec(context.Background(), st, nil)
	return err
}

func (w *writer) close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	waiting := w.held
	w.mu.Unlock()
	// Those who wait already get their turn; the last one frees the connection.
	for start := time.Now(); waiting && time.Since(start) < w.db.config.QueueTimeout; {
		time.Sleep(time.Millisecond)
		w.mu.Lock()
		waiting = w.held
		w.mu.Unlock()
	}
	return w.conn.close()
}

func sqliteCode(err error) int {
	if failure, ok := errors.AsType[sqliteError](err); ok {
		return failure.Code()
	}
	return 0
}
