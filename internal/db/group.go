package db

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	line  line[T]
}

const (
	// groupsAtOnce is enough to keep PostgreSQL busy while this program is.
	groupsAtOnce = 2
)

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
	err := g.line.wait(ctx, newMember(ctx, item), g.lead)
	if errors.Is(err, errAlone) {
		return g.alone(ctx, item)
	}
	return err
}

func (g *Group[T]) alone(ctx context.Context, item T) error {
	return g.db.Write(ctx, func(tx *Tx) error { return g.do(ctx, tx, []T{item}) })
}

// lead writes for a member and those who wait with it. When it returns, they
// have been told and its slot is free, whatever the leader does next.
func (g *Group[T]) lead(ctx context.Context, m *member[T]) error {
	if g.db.postgres {
		select {
		case g.slots <- struct{}{}:
			defer func() { <-g.slots }()
		case <-ctx.Done():
			g.line.leave(m)
			return ctx.Err()
		}
	}
	var taken []*member[T]
	outcome := errAlone // of a panic
	defer func() { tell(taken, m, outcome) }()
	begun := false
	err := g.lasting(ctx, func(lasting context.Context, tx *Tx) error {
		if !begun {
			if err := g.gather(lasting, tx); err != nil {
				return err
			}
			taken, begun = g.line.take(g.most), true
			if ctx.Err() != nil {
				taken = taken[1:] // its caller has gone
			}
		}
		return g.together(lasting, tx, taken)
	}, func(at Position) { wrote(taken, at) })
	outcome = verdict(err, len(taken))
	switch {
	case !begun:
		g.line.leave(m)
	case !slices.Contains(taken, m):
		return ctx.Err()
	}
	return outcome
}

// gather begins the transaction before anybody is taken along when another one is
// under way: while that takes its round trip, more come. Alone it begins with
// its first statement.
func (g *Group[T]) gather(ctx context.Context, tx *Tx) error {
	pg, ok := tx.run.(*pgRunner)
	if !ok || len(g.slots) == 1 {
		return nil
	}
	return g.db.translate(ctx, pg.flush(ctx, false))
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
