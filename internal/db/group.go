package db

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"floe/internal/clock"
)

// Group makes one transaction of what many callers want to do alike at the same
// time: one statement with a hundred rows costs either engine a small part of
// what a hundred statements do, and one commit a small part of a hundred.
//
// Nobody waits for company. Whoever finds nobody before them asks for a turn to
// write, and takes along those who have come by the time it is there.
type Group[T any] struct {
	db   *DB
	most int // how many share a transaction
	do   func(ctx context.Context, tx *Tx, items []T) error
	// slots bounds the transactions that are under way on PostgreSQL: with many,
	// there would be little company in each. SQLite has one writer anyway.
	slots chan struct{}

	mu      sync.Mutex
	waiting []*member[T] // the first of them leads
}

// member is a caller and what it wants.
type member[T any] struct {
	item  T
	view  *View
	leads chan struct{}
	done  chan error
}

const (
	// groupsAtOnce is enough to keep PostgreSQL busy while this program is.
	groupsAtOnce = 2
	// beginImpatient begins a transaction that does not wait long for somebody
	// else's lock. Its members then go on alone, and only those wait whom it
	// concerns.
	beginImpatient = `BEGIN; SET LOCAL lock_timeout = '50ms'`
)

// errAlone tells a member that its group has failed and left nothing behind.
var errAlone = errors.New("db: the group has failed")

// NewGroup makes a group of at most so many. Its function does what all items ask for, in their
// order, and whatever comes of an item it keeps in that item. When it fails,
// nothing has been done and it is called for each item alone; so it may run more
// than once for an item, as with Write.
func NewGroup[T any](d *DB, most int, do func(ctx context.Context, tx *Tx, items []T) error) *Group[T] {
	return &Group[T]{db: d, most: most, do: do, slots: make(chan struct{}, groupsAtOnce)}
}

// Write has the item done, and is DB.Write in all else.
func (g *Group[T]) Write(ctx context.Context, item T) error {
	if _, clocked := clock.TimeOf(ctx); clocked { // a time of its own
		return g.alone(ctx, item)
	}
	m := &member[T]{item: item, view: viewOf(ctx), leads: make(chan struct{}), done: make(chan error, 1)}
	err := g.shared(ctx, m)
	if errors.Is(err, errAlone) {
		return g.alone(ctx, item)
	}
	return err
}

// shared has the item done in a group, as its leader or not.
func (g *Group[T]) shared(ctx context.Context, m *member[T]) error {
	if g.join(m) {
		return g.lead(ctx, m)
	}
	select {
	case <-m.leads:
		return g.lead(ctx, m)
	case err := <-m.done:
		return err
	case <-ctx.Done():
	}
	if g.leave(m) {
		return ctx.Err()
	}
	return <-m.done
}

func (g *Group[T]) alone(ctx context.Context, item T) error {
	return g.db.Write(ctx, func(tx *Tx) error { return g.do(ctx, tx, []T{item}) })
}

// join adds a member and says whether it leads.
func (g *Group[T]) join(m *member[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = append(g.waiting, m)
	return len(g.waiting) == 1
}

// leave takes back a member that waits, unless its group has begun.
func (g *Group[T]) leave(m *member[T]) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := slices.Index(g.waiting, m)
	if at < 0 {
		return false
	}
	g.waiting = slices.Delete(g.waiting, at, at+1)
	if at == 0 {
		g.promote()
	}
	return true
}

// take begins a group of those who wait; the next who comes, or is left, leads
// another.
func (g *Group[T]) take() []*member[T] {
	g.mu.Lock()
	defer g.mu.Unlock()
	n := min(len(g.waiting), g.most)
	taken := slices.Clone(g.waiting[:n])
	g.waiting = slices.Delete(g.waiting, 0, n)
	g.promote()
	return taken
}

func (g *Group[T]) promote() {
	if len(g.waiting) > 0 {
		close(g.waiting[0].leads)
	}
}

// lead writes for a member and those who wait with it. When it returns, they
// have been told and its slot is free, whatever the leader does next.
func (g *Group[T]) lead(ctx context.Context, m *member[T]) error {
	if g.db.postgres {
		select {
		case g.slots <- struct{}{}:
			defer func() { <-g.slots }()
		case <-ctx.Done():
			g.leave(m)
			return ctx.Err()
		}
	}
	var taken []*member[T]
	outcome := errAlone // of a panic
	defer func() { tell(taken, m, outcome) }()
	begun := false
	err := g.lasting(ctx, func(lasting context.Context, tx *Tx) error {
		if !begun {
			taken, begun = g.take(), true
			if ctx.Err() != nil {
				taken = taken[1:] // its caller has gone
			}
		}
		return g.together(lasting, tx, taken)
	}, func(at Position) { wrote(taken, at) })
	outcome = verdict(err, len(taken))
	switch {
	case !begun:
		g.leave(m)
	case !slices.Contains(taken, m):
		return ctx.Err()
	}
	return outcome
}

// lasting writes in a context that does not end with the leader's: the others
// have not asked for that.
func (g *Group[T]) lasting(ctx context.Context, fn func(lasting context.Context, tx *Tx) error, wrote func(Position)) error {
	v := &View{}
	lasting, cancel := context.WithTimeout(WithView(context.WithoutCancel(ctx), v), g.db.config.QueueTimeout)
	defer cancel()
	err := g.write(lasting, func(tx *Tx) error { return fn(lasting, tx) })
	if at := v.Written(); at > 0 {
		wrote(at)
	}
	return err
}

// tell answers all members but the one who leads.
func tell[T any](taken []*member[T], leader *member[T], outcome error) {
	for _, m := range taken {
		if m != leader {
			m.done <- outcome
		}
	}
}

// wrote has later reads of all members see the change.
func wrote[T any](taken []*member[T], at Position) {
	for _, m := range taken {
		if m.view != nil {
			m.view.wrote(at)
		}
	}
}

// write is DB.Write, but that on PostgreSQL it does not wait long for others.
func (g *Group[T]) write(ctx context.Context, fn func(*Tx) error) error {
	switch {
	case g.db.config.ReadOnly:
		return errReadOnly
	case g.db.postgres:
		return g.db.writePostgres(ctx, beginImpatient, fn)
	}
	return g.db.writer.write(ctx, fn)
}

// verdict is what the members are told. When the database fails, the commit
// may have got through; then nobody tries again. What fails a member that is
// alone is its own, unless it was for want of patience.
func verdict(err error, members int) error {
	switch {
	case err == nil, errors.Is(err, ErrUnavailable):
		return err
	case members > 1, errors.Is(err, ErrBusy), errors.Is(err, context.DeadlineExceeded):
		return errAlone
	}
	return err
}

// together runs the function for all. A panic in it fails the group, and then
// the one that it comes of.
func (g *Group[T]) together(ctx context.Context, tx *Tx, taken []*member[T]) (err error) {
	items := make([]T, len(taken))
	for i, m := range taken {
		items[i] = m.item
	}
	if len(items) == 0 {
		return nil
	}
	if len(items) > 1 {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("db: panic in a group: %v", p)
			}
		}()
	}
	return g.do(ctx, tx, items)
}
