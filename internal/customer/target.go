package customer

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

// target is a customer that somebody wants to do something with.
type target struct {
	sub    auth.Subject
	column string // that finds the customer, and what stands there
	value  any

	found Row
	err   error // what is wrong; nothing was done then
}

// inRounds does something with the customers of a group, which somebody may
// manage, all at once. Whoever asks for one that another has asked for is in the
// next round, and finds what that one has left.
func inRounds[T any](ctx context.Context, tx *db.Tx, list []T, of func(T) *target, do func([]T) error) error {
	for rest := list; len(rest) > 0; {
		if err := find(ctx, tx, rest, of); err != nil {
			return err
		}
		var now, later []T
		seen := make(map[id.ID]bool, len(rest))
		for _, item := range rest {
			switch t := of(item); {
			case t.err != nil:
			case seen[t.found.ID]:
				later = append(later, item)
			default:
				seen[t.found.ID] = true
				now = append(now, item)
			}
		}
		if err := do(now); err != nil {
			return err
		}
		rest = later
	}
	if len(list) == 1 {
		return of(list[0]).err
	}
	return nil
}

// find reads the customers and keeps others from changing them. They are asked
// for together, in one order on every node: then none waits for one that waits
// for it.
func find[T any](ctx context.Context, tx *db.Tx, list []T, of func(T) *target) error {
	slices.SortStableFunc(list, func(a, b T) int { return cmp.Compare(fmt.Sprint(of(a).value), fmt.Sprint(of(b).value)) })
	var reads db.Reads
	found := make([]*[]Row, len(list))
	for i, item := range list {
		t := of(item)
		orgs := visible(&t.sub)
		found[i] = db.Ask[Row](&reads, selectWhere(orgs, t.column, " LIMIT 2"+tx.ForUpdate()), append([]any{t.value}, ids(orgs)...)...)
	}
	if err := reads.Run(ctx, tx); err != nil {
		return err
	}
	for i, item := range list {
		t := of(item)
		if t.found, t.err = theOne(*found[i]); t.err == nil {
			t.err = mayManage(&t.sub, &t.found)
		}
	}
	return nil
}
