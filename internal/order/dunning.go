package order

import (
	"context"
	"errors"
	"fmt"
	"maps"
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

// failed is what follows when an order was to be paid and is not. What is not
// a subscription's stays as it is: nothing is tried again.
func (s *Service) failed(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, hard bool) error {
	if r.Status != Pending || r.SubscriptionID == nil {
		return nil
	}
	was := *r
	ended, err := hasEnded(ctx, tx, r)
	if err != nil {
		return err
	}
	switch {
	case ended:
		r.NextPaymentAttemptAt, r.CheckAt = nil, nil
	default:
		r.attempted(tx.Now(), hard)
	}
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	if r.Reason == SubMeterCycle && r.Exhausted() {
		return s.void(ctx, tx, actor, was, r)
	}
	if !ended && r.Reason != SubMeterCycle {
		if err := s.Subscriptions.OrderOverdue(ctx, tx, actor, *r); err != nil {
			return fmt.Errorf("tell a subscription that it was not paid: %w", err)
		}
		// The subscription may have ended, and this order with it.
		if *r, err = byID(ctx, tx, []id.ID{r.OrganizationID}, r.ID, ""); err != nil || r.Status != Pending {
			return err
		}
	}
	updated(tx, actor, &was, r)
	return nil
}

// hasEnded says whether the order's subscription is over.
func hasEnded(ctx context.Context, q db.Querier, r *Row) (bool, error) {
	ended, err := db.One[bool](ctx, q, `SELECT ended_at IS NOT NULL FROM subscriptions WHERE organization_id = ? AND id = ?`,
		r.OrganizationID, *r.SubscriptionID)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look whether a subscription has ended: %w", err)
	}
	return ended, nil
}

// cycleActor is who finds out that nobody has paid.
var cycleActor = auth.NewSystem("billing cycle")

// due is an order that was to be paid by now.
type due struct {
	ID             id.ID
	OrganizationID id.ID
	CustomerID     id.ID
	CheckAt        time.Time
}

const wallClock = `organization_id NOT IN (SELECT organization_id FROM test_clocks)`

// RunOverdue handles one batch of orders that were to be paid by now and are
// not, of organizations that live by the wall clock. It answers how many, and
// when the next one is to be looked at (zero when none is). Many nodes may call
// it at once: each order is handled once, because its customer is locked and
// it is looked at again.
func (s *Service) RunOverdue(ctx context.Context, limit int) (done int, next time.Time, err error) {
	var charges []Charge
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		list, err := db.All[due](ctx, tx, `SELECT id, organization_id, customer_id, check_at FROM orders
			WHERE check_at <= ? AND `+wallClock+` ORDER BY check_at, seq LIMIT ?`, tx.Now(), limit)
		if err != nil {
			return fmt.Errorf("find overdue orders: %w", err)
		}
		if done, charges, err = s.overdue(ctx, tx, list); err != nil {
			return err
		}
		next, err = nextCheck(ctx, tx, wallClock)
		return err
	})
	if err != nil {
		return done, next, err
	}
	return done, next, s.collect(ctx, charges)
}

// RunOverdueOf is RunOverdue for one organization, up to a time, in the
// caller's transaction.
func (s *Service) RunOverdueOf(ctx context.Context, tx *db.Tx, org id.ID, until time.Time, limit int) (done int, err error) {
	list, err := db.All[due](ctx, tx, `SELECT id, organization_id, customer_id, check_at FROM orders
		WHERE organization_id = ? AND check_at <= ? ORDER BY check_at, seq LIMIT ?`, org, until, limit)
	if err != nil {
		return 0, fmt.Errorf("find overdue orders: %w", err)
	}
	done, _, err = s.overdue(ctx, tx, list)
	return done, err
}

// NextOverdueOf is when the next order of an organization is to be looked at;
// zero when none is.
func (s *Service) NextOverdueOf(ctx context.Context, q db.Querier, org id.ID) (time.Time, error) {
	return nextCheck(ctx, q, `organization_id = ?`, org)
}

func nextCheck(ctx context.Context, q db.Querier, condition string, args ...any) (time.Time, error) {
	at, err := db.One[time.Time](ctx, q, `SELECT check_at FROM orders WHERE check_at IS NOT NULL AND `+condition+` ORDER BY check_at LIMIT 1`, args...)
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("find the next overdue order: %w", err)
	}
	return at, nil
}

// overdue handles orders that were to be paid by now. It answers the charges
// that are to be made for some of them once it is committed.
func (s *Service) overdue(ctx context.Context, tx *db.Tx, list []due) (done int, charges []Charge, err error) {
	if err := s.lockCustomers(ctx, tx, list); err != nil {
		return 0, nil, err
	}
	for _, d := range list {
		r, err := byID(ctx, tx, []id.ID{d.OrganizationID}, d.ID, tx.ForUpdate())
		if err != nil {
			return done, nil, err
		}
		done++
		if r.CheckAt == nil || !r.CheckAt.Equal(d.CheckAt) {
			continue // an order before this one has ended the subscription
		}
		if tx.Clocked() { // a test clock lets it happen when it was due
			tx.MoveTo(d.CheckAt)
		}
		if r.chargeable() && s.charges(tx) {
			charges = append(charges, r.charge(tx.Now()))
			err = save(ctx, tx, &r)
		} else {
			r.ChargingSince = nil // who was asked has not answered for too long
			err = s.failed(ctx, tx, cycleActor, &r, false)
		}
		if err != nil {
			return done, nil, err
		}
	}
	return done, charges, nil
}

// lockCustomers locks in one order, so that no two batches wait for each other.
func (s *Service) lockCustomers(ctx context.Context, tx *db.Tx, list []due) error {
	customers := map[id.ID][]id.ID{}
	for _, d := range list {
		customers[d.OrganizationID] = append(customers[d.OrganizationID], d.CustomerID)
	}
	for _, org := range slices.Sorted(maps.Keys(customers)) {
		if _, err := s.Customers.LockAll(ctx, tx, org, customers[org]); err != nil {
			return err
		}
	}
	return nil
}

// Owing says whether a subscription has an order, other than one, that was to
// be paid and is not.
func (s *Service) Owing(ctx context.Context, q db.Querier, org, subscription, except id.ID) (bool, error) {
	_, err := db.One[int64](ctx, q, `SELECT 1 FROM orders WHERE organization_id = ? AND subscription_id = ? AND id <> ?
		AND status = 'pending' AND attempts > 0 AND reason <> 'subscription_meter_cycle' LIMIT 1`, org, subscription, except)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
