package order

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/payment"
)

const (
	// patient is how long a processor may take to say what became of a charge.
	patient = time.Hour
	// soon is when a processor that could not be reached is asked again.
	soon = 5 * time.Minute
)

// charges says whether the processor is asked for what subscriptions cost. For
// an organization with a test clock it never is: nobody pays for a time that is
// only tried out.
func (s *Service) charges(tx *db.Tx) bool {
	return s.Processor.Capabilities().OffSession && !tx.Clocked()
}

// chargeable says whether an order that is to be paid now is charged: it is a
// subscription's, and not sent as an invoice.
func (r *Row) chargeable() bool {
	return r.Status == Pending && r.SubscriptionID != nil && r.DueAt == nil
}

// charge takes an order in hand to be charged. Should no answer come, because
// the processor has none yet or this server ended before it was recorded, the
// same is asked again under the same key: the money may have been taken.
func (r *Row) charge(now time.Time) payment.Charge {
	trigger := payment.Cycle
	if r.Attempts > 0 {
		trigger = payment.RetryDunning
	}
	late := now.Add(patient)
	r.ChargingSince, r.CheckAt = &now, &late
	return payment.Charge{
		Order: r.ID, Organization: r.OrganizationID, Customer: r.CustomerID, Amount: r.OpenAmount(), Currency: r.Currency,
		OffSession: true, Trigger: trigger, Description: r.Description,
		IdempotencyKey: "order:" + string(r.ID) + ":default:" + strconv.Itoa(r.Attempts),
	}
}

// collect makes charges, one after the other, and records what becomes of
// each. One that cannot be made or recorded does not keep the others.
func (s *Service) collect(ctx context.Context, charges []payment.Charge) error {
	var all error
	for _, c := range charges {
		result, err := s.Processor.Charge(ctx, c)
		all = errors.Join(all, err, s.DB.Write(ctx, func(tx *db.Tx) error {
			r, failed := s.locked(ctx, tx, []id.ID{c.Organization}, c.Order)
			switch {
			case failed != nil:
				return failed
			case r.ChargingSince != nil && r.Status == Pending:
				return s.collected(ctx, tx, &r, &c, result, err)
			case result.State == payment.StateSucceeded:
				return fmt.Errorf("order %s was given up while %s was charged: give the money back", r.ID, result.Reference)
			}
			return nil
		}))
	}
	if all != nil {
		return fmt.Errorf("charge for orders: %w", all)
	}
	return nil
}

// collected is what follows from a charge. Trouble on the way says nothing
// about the money: the processor is asked again, under the same key.
func (s *Service) collected(ctx context.Context, tx *db.Tx, r *Row, c *payment.Charge, result payment.ChargeResult, trouble error) error {
	p := Payment{Status: Failed, Amount: c.Amount, Reference: result.Reference, Processor: s.Processor.Name(), Hard: result.Hard}
	if p.Reference == "" {
		p.Reference = c.IdempotencyKey
	}
	switch {
	case trouble != nil:
		again := tx.Now().Add(soon)
		r.ChargingSince, r.CheckAt = nil, &again
		return save(ctx, tx, r)
	case result.State == payment.StatePending: // the processor will tell
		return nil
	case result.State == payment.StateAwaiting:
		days, err := NetDays(ctx, tx, r.OrganizationID)
		if err != nil {
			return err
		}
		r.ChargingSince, r.CheckAt = nil, nil
		r.payWithin(tx.Now(), days)
		return save(ctx, tx, r)
	case result.State == payment.StateSucceeded:
		p.Status = Succeeded
	}
	r.ChargingSince, r.CheckAt = nil, nil
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	return s.Settle(ctx, tx, cycleActor, r, p)
}
