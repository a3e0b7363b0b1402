package db

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"floe/internal/clock"
	"floe/internal/id"
)

// Tx is a transaction that changes rows. It belongs to the function that Write
// gave it to, and to one goroutine at a time.
type Tx struct {
	dialect
	db  *DB
	run runner
	now time.Time
	// clocked is set when the time is not the database's clock's.
	clocked bool

	// ids are where new ids come from, when that is not chance.
	ids *id.Source

	before []hook
	last   []hook // run when before is empty
	keys   map[string]bool
	after  []func()
	values map[any]any

	shared  []shared        // put off until the commit
	batch   *batch          // whom the commit is shared with; nil on PostgreSQL
	settled map[string]bool // what of the batch's this transaction has done

	touched []uint16 // see Versions
	told    bool     // what it changes

	level  int   // savepoints that are open
	failed error // a statement failed, outside of a Try
	broken bool  // and the engine may have rolled everything back
	ended  bool
}

type hook struct {
	key string
	fn  func(context.Context, *Tx) error
}

// runner is the connection a transaction runs on.
type runner interface {
	query(ctx context.Context, st *statement, args []any) (result, error)
	exec(ctx context.Context, st *statement, args []any) (int64, error)
}

func (d *DB) newTx(ctx context.Context, run runner) *Tx {
	now, given := clock.TimeOf(ctx)
	if !given {
		now = clock.Normal(d.config.Clock.Now())
	}
	return &Tx{dialect: d.dialect, db: d, run: run, now: now, clocked: given}
}

// Now is the time of the transaction: the same from its start to its end,
// unless a test clock moves it.
func (tx *Tx) Now() time.Time { return tx.now }

// Wall is the time of the machine, whatever a test clock shows: for what waits
// to be done, or asked for, outside of the organization.
func (tx *Tx) Wall() time.Time { return clock.Normal(tx.db.config.Clock.Now()) }

// Clocked says whether the time is a test clock's.
func (tx *Tx) Clocked() bool { return tx.clocked }

// MoveTo makes a time the present. It is for test clocks, which let a
// transaction do what was due at several times.
func (tx *Tx) MoveTo(t time.Time) { tx.now = clock.Normal(t) }

// NewID returns a new id, as if it were made at a time of the transaction.
func (tx *Tx) NewID(at time.Time) id.ID {
	if tx.ids != nil {
		return tx.ids.New(at)
	}
	return id.NewAt(at)
}

// TakeIDs makes new ids come from a source, which gives the same ones again. It
// is for demonstration data.
func (tx *Tx) TakeIDs(from *id.Source) { tx.ids = from }

// BeforeCommit runs fn when everything else of the transaction is done. A key
// that is known already changes nothing: the first registration decides what
// runs and when. fn may register more.
func (tx *Tx) BeforeCommit(key string, fn func(ctx context.Context, tx *Tx) error) {
	if tx.keys[key] {
		return
	}
	if tx.keys == nil {
		tx.keys = map[string]bool{}
	}
	tx.keys[key] = true
	tx.before = append(tx.before, hook{key, fn})
}

// AtEnd is BeforeCommit for what must see all that the others have done: it
// runs when no other hook is left. Hooks that fn registers run after it, and
// of several that come at the end the first registered is the first to run.
func (tx *Tx) AtEnd(key string, fn func(ctx context.Context, tx *Tx) error) {
	before := len(tx.before)
	tx.BeforeCommit(key, fn)
	if len(tx.before) > before {
		tx.last = append(tx.last, tx.before[before])
		tx.before = tx.before[:before]
	}
}

// nextHook takes the hook that is to run now.
func (tx *Tx) nextHook() (h hook, ok bool) {
	from := &tx.before
	if len(*from) == 0 {
		from = &tx.last
	}
	if len(*from) == 0 {
		return h, false
	}
	h, *from = (*from)[0], (*from)[1:]
	return h, true
}

// Attached is what Attach has stored with the database, nil for nothing.
func (tx *Tx) Attached(key any) any { return tx.db.Attached(key) }

// AfterCommit runs fn once the transaction is durable, before Write returns.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// Value returns what SetValue has stored under key in this transaction, nil
// when nothing was.
func (tx *Tx) Value(key any) any { return tx.values[key] }

// SetValue stores a value that lives as long as the transaction.
func (tx *Tx) SetValue(key, value any) {
	if tx.values == nil {
		tx.values = map[any]any{}
	}
	tx.values[key] = value
}

// Try runs fn so that its error undoes only what it did, and the transaction
// can go on. Without it, nothing can be done after a failed statement: that is
// how PostgreSQL is, and the same holds on SQLite. Hooks that fn registered
// stay registered.
func (tx *Tx) Try(ctx context.Context, fn func() error) error {
	tx.level++
	name := fmt.Sprintf("try_%d", tx.level)
	defer func() { tx.level-- }()
	if _, err := tx.exec(ctx, "SAVEPOINT "+name, nil); err != nil {
		return err
	}
	if err := fn(); err != nil {
		if !tx.broken {
			tx.failed = nil
		}
		for _, undo := range []string{"ROLLBACK TO SAVEPOINT ", "RELEASE SAVEPOINT "} {
			if _, failed := tx.exec(ctx, undo+name, nil); failed != nil {
				return fmt.Errorf("%w (after: %w)", failed, err)
			}
		}
		return err
	}
	_, err := tx.exec(ctx, "RELEASE SAVEPOINT "+name, nil)
	return err
}

// do runs the function and what it put off until before the commit.
func (tx *Tx) do(ctx context.Context, fn func(*Tx) error) error {
	defer func() { tx.ended = true }()
	if err := fn(tx); err != nil {
		return err
	}
	for h, ok := tx.nextHook(); ok; h, ok = tx.nextHook() {
		if err := h.fn(ctx, tx); err != nil {
			return fmt.Errorf("before commit, %s: %w", h.key, err)
		}
	}
	if tx.postgres {
		return runShared(ctx, tx, tx.shared)
	}
	return tx.failure()
}

func (tx *Tx) committed() {
	for _, fn := range tx.after {
		fn()
	}
}

// usable refuses statements that would run outside of the transaction: after
// its end, or after the engine rolled it back on its own.
func (tx *Tx) usable() error {
	if tx.ended {
		return fmt.Errorf("db: %w", sql.ErrTxDone)
	}
	return tx.failure()
}

// failure is the error of a statement that fn has not passed on.
func (tx *Tx) failure() error {
	if tx.failed == nil {
		return nil
	}
	return fmt.Errorf("db: an earlier statement of the transaction failed: %w", tx.failed)
}

// note remembers that a statement failed.
func (tx *Tx) note(err error) {
	if tx.failed == nil {
		tx.failed = err
	}
	tx.broken = tx.broken || !tx.postgres && fatal(err)
}

func (tx *Tx) query(ctx context.Context, text string, args []any) (result, error) {
	if err := tx.usable(); err != nil {
		return result{}, err
	}
	tx.db.stats.queries.Add(1)
	ctx = tx.context(ctx)
	r, err := tx.run.query(ctx, tx.db.texts.get(text), tx.bind(args))
	if err != nil {
		err = tx.db.translate(ctx, err)
		tx.note(err)
		return result{}, err
	}
	r.db, r.tx = tx.db, tx
	return r, nil
}

func (tx *Tx) exec(ctx context.Context, text string, args []any) (int64, error) {
	if err := tx.usable(); err != nil {
		return 0, err
	}
	tx.db.stats.queries.Add(1)
	ctx = tx.context(ctx)
	n, err := tx.run.exec(ctx, tx.db.texts.get(text), tx.bind(args))
	if err != nil {
		err = tx.db.translate(ctx, err)
		tx.note(err)
	}
	return n, err
}

// context is what statements run with. On SQLite a cancelled statement would
// roll back the transaction that the callers share, so nothing is cancelled.
func (tx *Tx) context(ctx context.Context) context.Context {
	if tx.postgres {
		return ctx
	}
	return context.WithoutCancel(ctx)
}

// snapshot is what Read gives: a transaction that changes nothing.
type snapshot struct {
	dialect
	db   *DB
	run  runner
	view *View // of a snapshot of the replica
}

func (s *snapshot) query(ctx context.Context, text string, args []any) (result, error) {
	s.db.stats.queries.Add(1)
	r, err := s.run.query(ctx, s.db.texts.get(text), s.bind(args))
	if err != nil {
		if s.view != nil {
			s.db.abandon(ctx, s.view, err)
		}
		return result{}, s.db.translate(ctx, err)
	}
	r.db, r.view = s.db, s.view
	return r, nil
}

func (s *snapshot) exec(context.Context, string, []any) (int64, error) { return 0, errReadOnly }
