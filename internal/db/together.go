package db

import (
	"context"
	"fmt"
)

// shared is work that all who share a commit have put off, done once for all
// of them.
type shared struct {
	key   string
	fn    SharedFunc
	items []any
}

// SharedFunc does what several transactions have put off: the items are those
// of all of them, in the order in which the transactions ran.
type SharedFunc func(ctx context.Context, tx *Tx, items []any) error

// Together puts an item off until just before the commit. There, fn gets the
// items of everybody who shares the commit: on SQLite those of many callers,
// whose rows then go into a few statements; on PostgreSQL those of this
// transaction. fn must be the same for all items of a key.
//
// What is put off is not there to be read before. Code that reads it in a
// transaction that changes rows calls Settle first.
func (tx *Tx) Together(key string, item any, fn SharedFunc) {
	for i := range tx.shared {
		if tx.shared[i].key == key {
			tx.shared[i].items = append(tx.shared[i].items, item)
			return
		}
	}
	tx.shared = append(tx.shared, shared{key, fn, []any{item}})
}

// Settle does now what was put off under a key, by this transaction and by
// those before it that it shares a commit with.
func (tx *Tx) Settle(ctx context.Context, key string) error {
	var own, theirs *shared
	for i := range tx.shared {
		if tx.shared[i].key == key {
			own = &tx.shared[i]
		}
	}
	if tx.batch != nil && !tx.settled[key] {
		theirs = tx.batch.of(key)
	}
	var fn SharedFunc
	var items []any
	if theirs != nil {
		fn, items = theirs.fn, append(items, theirs.items...)
	}
	if own != nil {
		fn, items = own.fn, append(items, own.items...)
		own.items = nil
	}
	if theirs != nil {
		// Theirs are forgotten only once this transaction is kept: when it is
		// undone, so is what is done for them here.
		if tx.settled == nil {
			tx.settled = map[string]bool{}
		}
		tx.settled[key] = true
	}
	if len(items) == 0 {
		return nil
	}
	return fn(ctx, tx, items)
}

// runShared does all that was put off.
func runShared(ctx context.Context, tx *Tx, list []shared) error {
	for _, s := range list {
		if len(s.items) == 0 {
			continue
		}
		if err := s.fn(ctx, tx, s.items); err != nil {
			return fmt.Errorf("before commit, %s: %w", s.key, err)
		}
	}
	return tx.failure()
}

func (b *batch) of(key string) *shared {
	for i := range b.shared {
		if b.shared[i].key == key {
			return &b.shared[i]
		}
	}
	return nil
}

// adopt takes over what a transaction that is kept has put off, and forgets
// what it has done for those before it. One that has changed no row touches
// nothing, such as a look at what is due when nothing is.
func (b *batch) adopt(tx *Tx, changed bool) {
	b.touched = append(b.touched, tx.touched...)
	b.touchedAll = b.touchedAll || !tx.told && (changed || len(tx.shared) > 0)
	for key := range tx.settled {
		b.of(key).items = nil
	}
	for _, s := range tx.shared {
		if mine := b.of(s.key); mine != nil {
			mine.items = append(mine.items, s.items...)
		} else {
			b.shared = append(b.shared, s)
		}
	}
}
