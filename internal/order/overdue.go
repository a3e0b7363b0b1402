package order

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/payment"
)

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
	var charges []charge.Row
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
	if err := s.Charges.MakeAll(ctx, charges); err != nil {
		return len(list), next, err
	}
	next, err = s.NextOverdue(ctx, s.DB)
	return len(list), next, err
}

// oneByOne finds out which order made a batch fail: each has its own
// transaction, and those that fail are left alone for a while.
func (s *Service) oneByOne(ctx context.Context, list []due) (charges []charge.Row, err error) {
	for _, d := range list {
		var some []charge.Row
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

// NextOverdue is when the next order of an organization that lives by the wall
// clock is to be looked at; zero when none is.
func (s *Service) NextOverdue(ctx context.Context, q db.Querier) (time.Time, error) {
	return nextCheck(ctx, q, wallClock)
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
func (s *Service) overdue(ctx context.Context, tx *db.Tx, list []due) (charges []charge.Row, err error) {
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
func (s *Service) overdueOf(ctx context.Context, tx *db.Tx, org id.ID, list []due) (charges []charge.Row, err error) {
	ids := make([]id.ID, len(list))
	for i, d := range list {
		ids[i] = d.ID
	}
	rows, err := byIDs(ctx, tx, org, ids)
	if err != nil {
		return nil, err
	}
	var changed []*Row
	var unpaid []*failure
	for _, d := range list {
		r, ok := rows[d.ID]
		if !ok || r.CheckAt == nil || !r.CheckAt.Equal(d.CheckAt) {
			continue // an order before this one has ended the subscription
		}
		if r.Status != Pending { // of versions before, which went on and on looking at it
			r.CheckAt = nil
			changed = append(changed, &r)
			continue
		}
		at := tx.Now()
		if tx.Clocked() { // a test clock lets it happen when it was due
			at = latest(d.CheckAt, at)
		}
		var c *charge.Row
		if r.chargeable() && s.Payments.Charges(tx) {
			if c, err = s.charge(ctx, tx, &r, at); err != nil {
				return nil, err
			}
		}
		if r.Status.Paid() { // it was too little to be charged
			continue
		}
		if c != nil {
			charges, changed = append(charges, *c), append(changed, &r)
			r.ModifiedAt = &at
		} else {
			r.ChargingSince = nil // who was asked has not answered for too long
			unpaid = append(unpaid, &failure{Row: &r, at: at})
		}
	}
	if err := saveAll(ctx, tx, changed); err != nil {
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

// chargeable says whether an order that is to be paid now is charged: it is a
// subscription's, and not sent as an invoice.
func (r *Row) chargeable() bool {
	return r.Status == Pending && r.SubscriptionID != nil && r.DueAt == nil
}

// charge is what an order costs, to be charged. Nil means that there is nothing
// to charge it to, or that it was too little and is paid.
func (s *Service) charge(ctx context.Context, tx *db.Tx, r *Row, at time.Time) (*charge.Row, error) {
	if s.tooLittle(r.OpenAmount(), r.Currency) {
		if m, err := s.chargedTo(ctx, tx, r); err != nil || m == nil {
			return nil, err
		}
		return nil, s.owe(ctx, tx, r)
	}
	c := charge.Row{OrganizationID: r.OrganizationID, OrderID: r.ID, CustomerID: r.CustomerID, SubscriptionID: r.SubscriptionID, Purpose: charge.ForOrder,
		Amount: r.OpenAmount(), Currency: r.Currency, Cause: payment.Cycle, Description: r.Description, CreatedAt: at, CheckAt: at.Add(charge.Soon)}
	if r.Attempts > 0 {
		c.Cause = payment.RetryDunning
	}
	ok, err := s.Charges.Ask(ctx, tx, &c, payment.Choice{Subscription: r.SubscriptionID}, strconv.Itoa(r.Attempts))
	if err != nil || !ok {
		return nil, err
	}
	r.ChargingSince, r.CheckAt = &at, nil
	return &c, nil
}
