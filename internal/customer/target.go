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

	err  error // what is wrong; nothing was done then
	left bool  // out of its group, because the customer is in it once already
}

// forEach does something with the customers of a group, which somebody may
// manage. They are asked for together, in one order on every node: then none
// waits for one that waits for it.
func forEach[T any](ctx context.Context, tx *db.Tx, list []T, of func(T) *target, do func(T, Row) error) error {
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
	seen := make(map[id.ID]bool, len(list))
	for i, item := range list {
		r, ok := of(item).claim(*found[i], seen)
		if !ok {
			continue
		}
		if err := do(item, r); err != nil {
			return err
		}
	}
	if len(list) == 1 {
		return of(list[0]).err
	}
	return nil
}

// claim says whether a customer was found that nobody before in the group has
// asked for.
func (t *target) claim(found []Row, seen map[id.ID]bool) (r Row, ok bool) {
	r, t.err = theOne(found)
	if t.err == nil {
		t.err = mayManage(&t.sub, &r)
	}
	t.left = t.err == nil && seen[r.ID]
	if t.err != nil || t.left {
		return r, false
	}
	seen[r.ID] = true
	return r, true
}
