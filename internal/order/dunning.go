package order

import (
	"context"
	"fmt"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

const day = 24 * time.Hour

// retries is how long after a failed attempt the next one comes.
var retries = []time.Duration{2 * day, 5 * day, 7 * day, 7 * day}

// patience is how long after the first failure the last attempt is made when
// others are of no use.
const patience = 21*day + time.Minute

// Exhausted says whether nothing more will be tried to be paid.
func (r *Row) Exhausted() bool { return r.Attempts > len(retries) }

// attempted counts an attempt that has failed and says when the next one is.
func (r *Row) attempted(now time.Time, hard bool) {
	r.Attempts++
	if hard && r.Attempts == 1 {
		r.Attempts = len(retries)
		r.again(now.Add(patience))
		return
	}
	if r.Exhausted() {
		r.NextPaymentAttemptAt, r.CheckAt = nil, nil
		return
	}
	r.again(now.Add(retries[r.Attempts-1]))
}

func (r *Row) again(at time.Time) { r.NextPaymentAttemptAt, r.CheckAt = &at, &at }

// failure is an order that was to be paid at a time and was not.
type failure struct {
	*Row
	was   Row
	at    time.Time
	hard  bool // trying again is of no use
	ended bool // its subscription is over
}

// told says whether the subscription hears of it.
func (f *failure) told() bool { return !f.ended && f.Reason != SubMeterCycle }

// failed is what follows when an order was to be paid and is not. What is not
// a subscription's stays as it is: nothing is tried again.
func (s *Service) failed(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, hard bool) error {
	return s.allFailed(ctx, tx, actor, r.OrganizationID, []*failure{{Row: r, at: tx.Now(), hard: hard}})
}

// allFailed is failed for many orders of an organization, each of another
// customer, in a number of statements that hardly grows with them.
func (s *Service) allFailed(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, list []*failure) error {
	list = slices.DeleteFunc(list, func(f *failure) bool { return f.Status != Pending || f.SubscriptionID == nil })
	if len(list) == 0 {
		return nil
	}
	if err := findEnded(ctx, tx, org, list); err != nil {
		return err
	}
	rows := make([]*Row, len(list))
	for i, f := range list {
		f.was, rows[i] = *f.Row, f.Row
		f.ModifiedAt = &f.at
		if f.ended {
			f.NextPaymentAttemptAt, f.CheckAt = nil, nil
		} else {
			f.attempted(f.at, f.hard)
		}
	}
	if err := saveAll(ctx, tx, rows); err != nil {
		return err
	}
	if err := s.giveUpUsage(ctx, tx, actor, list); err != nil {
		return err
	}
	if err := s.tellOverdue(ctx, tx, actor, org, list); err != nil {
		return err
	}
	for _, f := range list {
		if f.Status == Pending { // others have said what became of them
			updatedAt(tx, actor, &f.was, f.Row, f.at)
		}
	}
	return nil
}

// giveUpUsage voids orders for usage that nothing more will be tried for.
func (s *Service) giveUpUsage(ctx context.Context, tx *db.Tx, actor auth.Subject, list []*failure) error {
	var of []*failure
	var was, rows []Row
	var at []time.Time
	for _, f := range list {
		if f.Reason == SubMeterCycle && f.Exhausted() {
			of, was, rows, at = append(of, f), append(was, f.was), append(rows, *f.Row), append(at, f.at)
		}
	}
	err := s.voidThese(ctx, tx, actor, was, rows, at)
	for i, f := range of {
		*f.Row = rows[i]
	}
	return err
}

// tellOverdue tells subscriptions that they were not paid. Some may end, and
// their orders with them.
func (s *Service) tellOverdue(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, list []*failure) error {
	var told []Overdue
	for _, f := range list {
		if f.told() {
			told = append(told, Overdue{*f.Row, f.at})
		}
	}
	if len(told) == 0 {
		return nil
	}
	if err := s.Subscriptions.OrdersOverdue(ctx, tx, actor, org, told); err != nil {
		return fmt.Errorf("tell subscriptions that they were not paid: %w", err)
	}
	ids := make([]id.ID, len(told))
	for i := range told {
		ids[i] = told[i].ID
	}
	now, err := byIDs(ctx, tx, org, ids)
	for _, f := range list {
		if r, ok := now[f.ID]; ok && f.told() {
			*f.Row = r
		}
	}
	return err
}

// findEnded marks those whose subscription is over.
func findEnded(ctx context.Context, q db.Querier, org id.ID, list []*failure) error {
	ids := make([]id.ID, len(list))
	for i, f := range list {
		ids[i] = *f.SubscriptionID
	}
	w := db.Where("organization_id = ? AND ended_at IS NOT NULL", org).In("id", ids)
	ended, err := db.All[id.ID](ctx, q, `SELECT id FROM subscriptions`+w.SQL(), w.Args()...)
	if err != nil {
		return fmt.Errorf("look which subscriptions have ended: %w", err)
	}
	over := make(map[id.ID]bool, len(ended))
	for _, subscription := range ended {
		over[subscription] = true
	}
	for _, f := range list {
		f.ended = over[*f.SubscriptionID]
	}
	return nil
}

// cycleActor is who finds out that nobody has paid.
var cycleActor = auth.NewSystem("billing cycle")

// Owing says whether a subscription has an order, other than one, that was to
// be paid and is not.
func (s *Service) Owing(ctx context.Context, q db.Querier, org, subscription, except id.ID) (bool, error) {
	return db.Exists(ctx, q, `SELECT 1 FROM orders WHERE organization_id = ? AND subscription_id = ? AND id <> ?
		AND status = 'pending' AND attempts > 0 AND reason <> 'subscription_meter_cycle' LIMIT 1`, org, subscription, except)
}
