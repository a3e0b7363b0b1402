package subscription

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/product"
)

// candidate is a subscription that is due.
type candidate struct {
	ID             id.ID
	OrganizationID id.ID
	CustomerID     id.ID
	DueAt          time.Time
}

const (
	// hold is how long the cycle leaves a subscription alone that it failed on.
	hold = 5 * time.Minute
	// Batch is how many subscriptions the cycle takes into one transaction: two
	// pieces of rows.
	Batch = 512
)

// scheduler is whom the journal names for what the cycle does.
var scheduler = auth.NewSystem("billing cycle")

// RunDue does one batch of what is due on the wall clock: at most limit
// subscriptions, those that wait longest first, all or none of them. It
// answers how many it took and when the next one is due (zero when none is).
//
// Any number of nodes may call it. Those that come to the same subscriptions
// wait for each other's row locks, which end with the transaction however that
// ends, and find the period stepped that they wanted to step. A subscription
// that cannot be renewed does not hold up the others: it is left alone for a
// while and tried again.
func (s *Service) RunDue(ctx context.Context, limit int) (done int, next time.Time, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		done, err = s.runDue(ctx, tx, limit)
		return err
	})
	if err != nil && !errors.Is(err, db.ErrUnavailable) && ctx.Err() == nil {
		done, err = s.oneByOne(ctx, limit, err)
	}
	if err != nil {
		return done, next, err
	}
	next, err = s.nextDue(ctx, s.DB)
	return done, next, err
}

// DueQuery finds what is due on the wall clock. The index holds nothing that
// has no date, in the order of the dates, so nothing else is read.
const DueQuery = `SELECT id, organization_id, customer_id, due_at FROM subscriptions
	WHERE due_at IS NOT NULL AND NOT clocked AND due_at <= ? AND (held_until IS NULL OR held_until <= ?)
	ORDER BY due_at, seq LIMIT ?`

// due lists what is due on the wall clock, what waits longest first.
func due(ctx context.Context, tx *db.Tx, limit int) ([]candidate, error) {
	list, err := db.All[candidate](ctx, tx, DueQuery, tx.Now(), tx.Now(), limit)
	if err != nil {
		return nil, fmt.Errorf("find subscriptions that are due: %w", err)
	}
	return list, nil
}

// nextDue is when something is due on the wall clock again.
func (s *Service) nextDue(ctx context.Context, q db.Querier) (time.Time, error) {
	t, err := db.One[*time.Time](ctx, q, `SELECT MIN(due_at) FROM subscriptions WHERE due_at IS NOT NULL AND NOT clocked`)
	if err != nil || t == nil {
		return time.Time{}, err
	}
	return *t, nil
}

func (s *Service) runDue(ctx context.Context, tx *db.Tx, limit int) (int, error) {
	list, err := due(ctx, tx, limit)
	if err != nil {
		return 0, err
	}
	for _, org := range organizations(list) {
		if _, err := s.turnAll(ctx, tx, org, list); err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

// organizations are those of candidates, each once, in a fixed order of their
// ids, so that nodes lock in the same order.
func organizations(list []candidate) []id.ID {
	var out []id.ID
	seen := map[id.ID]bool{}
	for _, c := range list {
		if !seen[c.OrganizationID] {
			seen[c.OrganizationID] = true
			out = append(out, c.OrganizationID)
		}
	}
	slices.Sort(out)
	return out
}

// turnAll makes a step of each candidate of an organization, and answers whom
// it took. On the wall clock that is all of them, now. A test clock lets each
// happen when it was due, and ends the batch before the first that has to wait
// for something that came of those before it.
func (s *Service) turnAll(ctx context.Context, tx *db.Tx, org id.ID, list []candidate) ([]*item, error) {
	var ids, customers []id.ID
	dueAt := make(map[id.ID]time.Time, len(list))
	for _, c := range list {
		if c.OrganizationID == org {
			ids, customers, dueAt[c.ID] = append(ids, c.ID), append(customers, c.CustomerID), c.DueAt
		}
	}
	if len(ids) == Batch { // more will follow, and tables grow fast
		if err := tx.Replan(ctx); err != nil {
			return nil, err
		}
	}
	w, err := s.takeAll(ctx, tx, scheduler, org, customers, ids)
	if err != nil {
		return nil, err
	}
	if tx.Clocked() {
		slices.SortStableFunc(w.items, func(a, b *item) int { return dueAt[a.ID].Compare(dueAt[b.ID]) })
	}
	if err := w.loadPending(ctx); err != nil {
		return nil, err
	}
	if err := w.turnThose(ctx, dueAt); err != nil {
		return nil, err
	}
	return w.items, w.finish(ctx)
}

// turnThose makes the steps, of those that were due at some times.
func (w *work) turnThose(ctx context.Context, dueAt map[id.ID]time.Time) error {
	reach, err := w.newReach(ctx)
	if err != nil {
		return err
	}
	for i, it := range w.items {
		if w.tx.Clocked() {
			it.at = latest(dueAt[it.ID], w.tx.Now()) // the clock never goes back
			if reach.over(it, dueAt[it.ID]) {
				w.items = w.items[:i]
				return nil
			}
		} else if it.HeldUntil != nil && it.HeldUntil.After(it.at) { // since it was found to be due
			it.quiet = true
			continue
		}
		it.HeldUntil = nil
		if err := w.turn(ctx, it); err != nil {
			return fmt.Errorf("subscription %s: %w", it.ID, err)
		}
		it.quiet = len(it.says) == 0 && reflect.DeepEqual(it.bare(), it.was.bare())
		reach.shorten(it, dueAt[it.ID])
	}
	return nil
}

// loadPending loads the products that pending updates lead to.
func (w *work) loadPending(ctx context.Context) error {
	var wanted []id.ID
	for _, it := range w.items {
		if p := w.pendings[it.ID]; p != nil && p.ProductID != nil && !slices.Contains(wanted, *p.ProductID) {
			wanted = append(wanted, *p.ProductID)
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	some, err := product.Hold(ctx, w.tx, []id.ID{w.org}, wanted...)
	for k, v := range some {
		w.products[k] = v
	}
	return err
}

// RunDueOf is RunDue for one organization with a test clock, in the caller's
// transaction: what is due until a time, each at its own. It answers how many
// it took and when the last of them was due.
func (s *Service) RunDueOf(ctx context.Context, tx *db.Tx, org id.ID, until time.Time, limit int) (done int, last time.Time, err error) {
	list, err := db.All[candidate](ctx, tx, `SELECT id, organization_id, customer_id, due_at FROM subscriptions
		WHERE organization_id = ? AND clocked AND due_at IS NOT NULL AND due_at <= ? ORDER BY due_at, seq LIMIT ?`, org, until, limit)
	if err != nil {
		return 0, last, fmt.Errorf("find subscriptions that are due: %w", err)
	}
	if len(list) == 0 {
		return 0, last, nil
	}
	took, err := s.turnAll(ctx, tx, org, list)
	if err != nil || len(took) == 0 { // gone since they were found
		return len(list), latest(list[0].DueAt, tx.Now()), err
	}
	return len(took), took[len(took)-1].at, nil
}

// NextDueOf is when something is due in an organization with a test clock;
// zero when nothing ever is.
func (s *Service) NextDueOf(ctx context.Context, q db.Querier, org id.ID) (time.Time, error) {
	t, err := db.One[*time.Time](ctx, q, `SELECT MIN(due_at) FROM subscriptions
		WHERE organization_id = ? AND clocked AND due_at IS NOT NULL`, org)
	if err != nil || t == nil {
		return time.Time{}, err
	}
	return *t, nil
}

// FollowClock says of all subscriptions of an organization whether they follow
// a test clock.
func (s *Service) FollowClock(ctx context.Context, tx *db.Tx, org id.ID, clocked bool) error {
	_, err := db.Exec(ctx, tx, `UPDATE subscriptions SET clocked = ? WHERE organization_id = ? AND clocked <> ?`, clocked, org, clocked)
	return err
}

// oneByOne finds out which subscription made a batch fail: each has its own
// transaction, and those that fail are left alone for a while.
func (s *Service) oneByOne(ctx context.Context, limit int, cause error) (done int, err error) {
	var list []candidate
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		list, err = due(ctx, tx, limit)
		return err
	})
	if err != nil {
		return 0, errors.Join(cause, err)
	}
	for _, c := range list {
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := s.turnAll(ctx, tx, c.OrganizationID, []candidate{c})
			return err
		})
		if err == nil {
			done++
			continue
		}
		if errors.Is(err, db.ErrUnavailable) || ctx.Err() != nil {
			return done, err
		}
		s.Logger.Error("a subscription could not be renewed", "subscription", c.ID, "error", err)
		err = s.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE subscriptions SET held_until = ? WHERE organization_id = ? AND id = ?`,
				tx.Now().Add(hold), c.OrganizationID, c.ID)
			return err
		})
		if err != nil {
			return done, err
		}
		done++
	}
	return done, nil
}
