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

// due is an order that was to be paid by now.
type due struct {
	ID             id.ID
	OrganizationID id.ID
	CustomerID     id.ID
	CheckAt        time.Time
}

// wallClock are the orders that the index of dates holds. A server of the
// version before may have missed that some follow a clock now.
const wallClock = `check_at IS NOT NULL AND NOT clocked AND organization_id NOT IN (SELECT organization_id FROM test_clocks)`

// hold is how long an order is left alone that could not be handled.
const hold = 5 * time.Minute

// RunOverdue handles one batch of orders that were to be paid by now and are
// not, of organizations that live by the wall clock. It answers how many, and
// when the next one is to be looked at (zero when none is). Many nodes may call
// it at once: each order is handled once, because its customer is locked and
// it is looked at again. An order that cannot be handled does not hold up the
// others: it is left alone for a while and tried again.
func (s *Service) RunOverdue(ctx context.Context, limit int) (done int, next time.Time, err error) {
	var list []due
	var charges []Charge
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		list, err = db.All[due](ctx, tx, `SELECT id, organization_id, customer_id, check_at FROM orders
			WHERE `+wallClock+` AND check_at <= ? ORDER BY check_at, seq LIMIT ?`, tx.Now(), limit)
		if err != nil {
			return fmt.Errorf("find overdue orders: %w", err)
		}
		charges, err = s.overdue(ctx, tx, list)
		return err
	})
	if err != nil && len(list) > 0 && !errors.Is(err, db.ErrUnavailable) && ctx.Err() == nil {
		charges, err = s.oneByOne(ctx, list)
	}
	if err != nil {
		return 0, next, err
	}
	if err := s.collect(ctx, charges); err != nil {
		return len(list), next, err
	}
	next, err = nextCheck(ctx, s.DB, wallClock)
	return len(list), next, err
}

// oneByOne finds out which order made a batch fail: each has its own
// transaction, and those that fail are left alone for a while.
func (s *Service) oneByOne(ctx context.Context, list []due) (charges []Charge, err error) {
	for _, d := range list {
		var some []Charge
		err := s.DB.Write(ctx, func(tx *db.Tx) error {
			some, err = s.overdue(ctx, tx, []due{d})
			return err
		})
		switch {
		case err == nil:
			charges = append(charges, some...)
			continue
		case errors.Is(err, db.ErrUnavailable) || ctx.Err() != nil:
			return charges, err
		}
		s.Logger.Error("an order that was not paid could not be handled", "order", d.ID, "error", err)
		err = s.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE orders SET check_at = ? WHERE organization_id = ? AND id = ? AND check_at = ?`,
				tx.Now().Add(hold), d.OrganizationID, d.ID, d.CheckAt)
			return err
		})
		if err != nil {
			return charges, err
		}
	}
	return charges, nil
}

// RunOverdueOf is RunOverdue for one organization with a test clock, up to a
// time, in the caller's transaction: each order at its own time. It answers how
// many they were, and when the last of them was looked at.
func (s *Service) RunOverdueOf(ctx context.Context, tx *db.Tx, org id.ID, until time.Time, limit int) (done int, last time.Time, err error) {
	list, err := db.All[due](ctx, tx, `SELECT id, organization_id, customer_id, check_at FROM orders
		WHERE organization_id = ? AND check_at <= ? ORDER BY check_at, seq LIMIT ?`, org, until, limit)
	if err != nil {
		return 0, last, fmt.Errorf("find overdue orders: %w", err)
	}
	if list = oneTimeEach(list); len(list) > 0 {
		last = latest(list[len(list)-1].CheckAt, tx.Now())
	}
	_, err = s.overdue(ctx, tx, list)
	return len(list), last, err
}

// oneTimeEach ends a list before the first order of a customer who has another
// one in it at another time: of each time they are told in a transaction of its
// own.
func oneTimeEach(list []due) []due {
	at := make(map[id.ID]time.Time, len(list))
	for i, d := range list {
		if t, ok := at[d.CustomerID]; ok && !t.Equal(d.CheckAt) {
			return list[:i]
		}
		at[d.CustomerID] = d.CheckAt
	}
	return list
}

// NextOverdueOf is when the next order of an organization is to be looked at;
// zero when none is.
func (s *Service) NextOverdueOf(ctx context.Context, q db.Querier, org id.ID) (time.Time, error) {
	return nextCheck(ctx, q, `organization_id = ? AND check_at IS NOT NULL`, org)
}

// FollowClock says of all orders of an organization whether they follow a test
// clock.
func (s *Service) FollowClock(ctx context.Context, tx *db.Tx, org id.ID, clocked bool) error {
	_, err := db.Exec(ctx, tx, `UPDATE orders SET clocked = ? WHERE organization_id = ? AND clocked <> ?`, clocked, org, clocked)
	return err
}

func nextCheck(ctx context.Context, q db.Querier, condition string, args ...any) (time.Time, error) {
	at, err := db.One[time.Time](ctx, q, `SELECT check_at FROM orders WHERE `+condition+` ORDER BY check_at LIMIT 1`, args...)
	if errors.Is(err, db.ErrNoRows) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("find the next overdue order: %w", err)
	}
	return at, nil
}

// overdue handles orders that were to be paid by now. It answers the charges
// that are to be made for some of them once it is committed. What happens to a
// customer happens in the order in which it was due, so that each round takes
// one order of each.
func (s *Service) overdue(ctx context.Context, tx *db.Tx, list []due) (charges []Charge, err error) {
	if err := s.lockCustomers(ctx, tx, list); err != nil {
		return nil, err
	}
	for len(list) > 0 {
		round, rest := oneOfEach(list)
		for _, org := range slices.Sorted(maps.Keys(round)) {
			some, err := s.overdueOf(ctx, tx, org, round[org])
			if err != nil {
				return nil, err
			}
			charges = append(charges, some...)
		}
		list = rest
	}
	return charges, nil
}

// oneOfEach takes the first order of each customer, by organization.
func oneOfEach(list []due) (round map[id.ID][]due, rest []due) {
	round, seen := map[id.ID][]due{}, map[id.ID]bool{}
	for _, d := range list {
		if seen[d.CustomerID] {
			rest = append(rest, d)
			continue
		}
		seen[d.CustomerID] = true
		round[d.OrganizationID] = append(round[d.OrganizationID], d)
	}
	return round, rest
}

// overdueOf handles orders of an organization, each of another customer.
func (s *Service) overdueOf(ctx context.Context, tx *db.Tx, org id.ID, list []due) (charges []Charge, err error) {
	ids := make([]id.ID, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	rows, err := byIDs(ctx, tx, org, ids)
	if err != nil {
		return nil, err
	}
	var charged []*Row
	var unpaid []*failure
	for _, d := range list {
		r, ok := rows[d.ID]
		if !ok || r.CheckAt == nil || !r.CheckAt.Equal(d.CheckAt) {
			continue // an order before this one has ended the subscription
		}
		at := tx.Now()
		if tx.Clocked() { // a test clock lets it happen when it was due
			at = latest(d.CheckAt, at)
		}
		var c *Charge
		if r.chargeable() && s.Payments.Charges(tx) {
			if c, err = s.charge(ctx, tx, &r, at); err != nil {
				return nil, err
			}
		}
		if r.Status.Paid() { // it was too little to be charged
			continue
		}
		if c != nil {
			charges, charged = append(charges, *c), append(charged, &r)
			r.ModifiedAt = &at
		} else {
			r.ChargingSince = nil // who was asked has not answered for too long
			unpaid = append(unpaid, &failure{Row: &r, at: at})
		}
	}
	if err := saveAll(ctx, tx, charged); err != nil {
		return nil, err
	}
	return charges, s.allFailed(ctx, tx, cycleActor, org, unpaid)
}

// latest is the later of two times: a clock never goes back.
func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
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
