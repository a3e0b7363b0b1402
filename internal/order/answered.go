package order

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/payment"
	"floe/internal/schema"
)

// Answered is what follows from the answer to a charge.
func (s *Service) Answered(ctx context.Context, tx *db.Tx, actor auth.Subject, c *charge.Row, result payment.ChargeResult, givenUp bool) error {
	if c.Purpose == charge.ForChange {
		return s.changeAnswered(ctx, tx, actor, c, result, givenUp)
	}
	r, err := byID(ctx, tx, []id.ID{c.OrganizationID}, c.OrderID, tx.ForUpdate())
	switch {
	case err != nil:
		return err
	case result.State == payment.StatePending:
		return s.pending(ctx, tx, actor, &r, c, result)
	case r.Status != Pending && result.State == payment.StateSucceeded:
		return s.surplus(ctx, tx, actor, &r, s.paymentOf(c, result))
	case r.Status != Pending: // it was given up: no more than what became of the payment
		_, _, err = s.note(ctx, tx, &r, s.paymentOf(c, result))
		return err
	case c.Purpose == charge.ForOrder:
		return s.orderAnswered(ctx, tx, actor, &r, c, result)
	}
	return s.draftAnswered(ctx, tx, actor, &r, c, result)
}

// paymentOf is what is recorded of a charge.
func (s *Service) paymentOf(c *charge.Row, result payment.ChargeResult) Payment {
	p := Payment{Status: Failed, Amount: c.Amount, Reference: result.Reference, Processor: s.Payments.Processor.Name(), Hard: result.Hard,
		Method: result.Method, Cause: c.Cause, DeclineReason: result.Code, DeclineMessage: result.Message}
	switch result.State {
	case payment.StateSucceeded:
		p.Status = Succeeded
	case payment.StatePending:
		p.Status = Underway
	case payment.StateRequiresAction:
		p.DeclineReason = string(result.State)
	}
	return p
}

// pending notes a payment of which an event will tell what became of it. Callers
// see from now on that the order is pending.
func (s *Service) pending(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, c *charge.Row, result payment.ChargeResult) error {
	if result.Reference != "" {
		if _, _, err := s.note(ctx, tx, r, s.paymentOf(c, result)); err != nil {
			return err
		}
	}
	if c.Purpose != charge.ForDraft {
		return nil
	}
	was := *r
	was.Status, was.ChargingSince = Draft, nil
	updated(tx, actor, &was, r)
	return c.Shown(ctx, tx)
}

// orderAnswered settles what a subscription owes, or counts the attempt.
func (s *Service) orderAnswered(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, c *charge.Row, result payment.ChargeResult) error {
	r.ChargingSince, r.CheckAt = nil, nil
	switch result.State {
	case payment.StateSucceeded:
		return s.took(ctx, tx, actor, r, s.paymentOf(c, result))
	case payment.StateAwaiting:
		days, err := organization.NetDays(ctx, tx, r.OrganizationID)
		if err != nil {
			return err
		}
		r.payWithin(tx.Now(), days)
		return save(ctx, tx, r)
	}
	if _, _, err := s.note(ctx, tx, r, s.paymentOf(c, result)); err != nil {
		return err
	}
	if counts(c) {
		return s.failed(ctx, tx, actor, r, result.Hard)
	}
	r.CheckAt = r.NextPaymentAttemptAt
	return save(ctx, tx, r)
}

// counts says whether a failure is one of the attempts that end in giving up.
// What is tried in between, because there is a new card, is not.
func counts(c *charge.Row) bool {
	return c.Cause == payment.Purchase || c.Cause == payment.Cycle || c.Cause == payment.RetryDunning
}

// draftAnswered finalizes a draft, or leaves it one.
func (s *Service) draftAnswered(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, c *charge.Row, result payment.ChargeResult) error {
	was := *r
	if c.Purpose == charge.ForDraft {
		was.Status, was.ChargingSince = Draft, nil // what callers have seen
	}
	r.ChargingSince = nil
	switch result.State {
	case payment.StateSucceeded:
		if err := number(ctx, tx, r); err != nil {
			return err
		}
		return s.tookAll(ctx, tx, actor, &was, r, s.paymentOf(c, result))
	case payment.StateAwaiting:
		r.to(Draft)
		return s.await(ctx, tx, actor, &was, r)
	}
	r.to(Draft)
	r.Attempts++ // another try is another charge
	who, err := s.Customers.Lock(ctx, tx, r.OrganizationID, r.CustomerID)
	if err != nil {
		return err
	}
	if who.AnonymizedAt != nil { // while it was charged; the journal does not say either who it was
		r.BillingName, r.BillingAddress = nil, nil
		was.BillingName, was.BillingAddress = nil, nil
	}
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	if _, _, err := s.note(ctx, tx, r, s.paymentOf(c, result)); err != nil {
		return err
	}
	if c.Purpose == charge.ForPending {
		updated(tx, actor, &was, r)
	}
	return nil
}

// took counts a processor's payment, once.
func (s *Service) took(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, p Payment) error {
	row, known, err := s.note(ctx, tx, r, p)
	if err != nil || known {
		return err
	}
	return s.received(ctx, tx, actor, r, row.Amount)
}

// tookAll is took of what makes a draft an order that is paid.
func (s *Service) tookAll(ctx context.Context, tx *db.Tx, actor auth.Subject, was, r *Row, p Payment) error {
	row, known, err := s.note(ctx, tx, r, p)
	if err != nil || known {
		return err
	}
	r.PaidAmount += row.Amount
	return s.paid(ctx, tx, actor, was, r)
}

// note records a processor's payment, or what has become of one that is known.
// It says whether it was known to have succeeded.
func (s *Service) note(ctx context.Context, tx *db.Tx, r *Row, p Payment) (row PaymentRow, known bool, err error) {
	old, err := PaymentNamed(ctx, tx, r.OrganizationID, r.ID, p.Reference)
	switch {
	case err != nil:
		return row, false, err
	case old == nil:
		row, err = insertPayment(ctx, tx, r, &p)
		return row, false, err
	case old.Status == Succeeded:
		return *old, true, nil
	}
	row = *old
	row.Status = p.Status
	_, err = db.Exec(ctx, tx, `UPDATE order_payments SET modified_at = ?, paid_at = ?, status = ?, surplus = ?, decline_reason = ?, decline_message = ?
		WHERE organization_id = ? AND id = ?`, tx.Now(), tx.Now(), string(p.Status), p.Surplus, orNil(p.DeclineReason), orNil(p.DeclineMessage),
		row.OrganizationID, row.ID)
	if err != nil {
		return row, false, fmt.Errorf("change a payment: %w", err)
	}
	return row, false, nil
}

// PaymentNamed is the payment of an order that has a reference, nil when there
// is none.
func PaymentNamed(ctx context.Context, q db.Querier, org, order id.ID, reference string) (*PaymentRow, error) {
	if reference == "" {
		return nil, nil
	}
	p, err := db.One[PaymentRow](ctx, q, `SELECT `+paymentColumns+` FROM order_payments WHERE organization_id = ? AND order_id = ? AND reference = ?`,
		org, order, reference)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for a payment: %w", err)
	}
	return &p, nil
}

// Unexpected takes money that came when nobody waited for it any more, or
// without having been asked for: for an order that is still to be paid it
// counts, and else it is given back.
func (s *Service) Unexpected(ctx context.Context, tx *db.Tx, actor auth.Subject, c *charge.Row, result payment.ChargeResult) error {
	r, err := byID(ctx, tx, []id.ID{c.OrganizationID}, c.OrderID, tx.ForUpdate())
	if errors.Is(err, fault.NotFound.New()) {
		r, err = s.lost(ctx, tx, actor, c)
	}
	if err != nil {
		return err
	}
	p := s.paymentOf(c, result)
	switch {
	case r.Status == Pending && p.Amount <= r.OpenAmount():
		return s.took(ctx, tx, actor, &r, p)
	case r.Status == Draft && p.Amount == r.DueAmount():
		was := r
		r.to(Pending)
		if err := number(ctx, tx, &r); err != nil {
			return err
		}
		return s.tookAll(ctx, tx, actor, &was, &r, p)
	}
	return s.surplus(ctx, tx, actor, &r, p)
}

// surplus records money that an order does not need. It is given back, or put
// on the customer's balance where the processor cannot.
func (s *Service) surplus(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, p Payment) error {
	p.Surplus = true
	row, known, err := s.note(ctx, tx, r, p)
	if err != nil || known {
		return err
	}
	s.Logger.Warn("money came that an order does not need; it is given back", "order", r.ID, "payment", row.ID)
	if !s.Payments.Processor.Capabilities().Refund {
		return Credit(ctx, tx, r, row.Amount)
	}
	return s.Refunds.GiveBack(ctx, tx, r, &row)
}

// Credit puts money on the balance of an order's customer.
func Credit(ctx context.Context, tx *db.Tx, r *Row, amount int64) error {
	open, err := openAccounts(ctx, tx, []account{r.account()})
	if err != nil {
		return err
	}
	open.move(r, tx.Now(), amount)
	return open.close(ctx, tx)
}

// lost makes the order of a charge that has none: it says what was paid, and is
// void.
func (s *Service) lost(ctx context.Context, tx *db.Tx, actor auth.Subject, c *charge.Row) (Row, error) {
	who, err := s.Customers.Lock(ctx, tx, c.OrganizationID, c.CustomerID)
	if err != nil {
		return Row{}, err
	}
	return s.Create(ctx, tx, actor, New{ID: c.OrderID, Organization: c.OrganizationID, Customer: who, SubscriptionID: c.SubscriptionID,
		Reason: SubUpdate, Currency: c.Currency, Description: c.Description, Lines: []Line{{Label: c.Description, Amount: c.Amount}}, GivenUp: true})
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// changeAnswered makes a change that was paid for, or drops it. Money that was
// taken for one that cannot be made is given back.
func (s *Service) changeAnswered(ctx context.Context, tx *db.Tx, actor auth.Subject, c *charge.Row, result payment.ChargeResult, givenUp bool) error {
	if result.State == payment.StatePending {
		return s.changePending(ctx, tx, actor, c, result, givenUp)
	}
	paid := result.State == payment.StateSucceeded
	if givenUp || !paid && result.State != payment.StateAwaiting {
		if err := s.Subscriptions.DropChange(ctx, tx, *c); err != nil || !paid {
			return err
		}
		return s.Unexpected(ctx, tx, actor, c, result)
	}
	r, err := s.makeChange(ctx, tx, actor, c)
	if err != nil {
		return err
	}
	if paid {
		return s.square(ctx, tx, actor, r, s.paymentOf(c, result))
	}
	if r.Status != Pending { // the balance has paid it meanwhile: nothing is awaited, and nobody looks at it again
		return nil
	}
	days, err := organization.NetDays(ctx, tx, r.OrganizationID)
	if err != nil {
		return err
	}
	r.ChargingSince = nil
	r.payWithin(tx.Now(), days)
	return save(ctx, tx, r)
}

// makeChange makes a change with its order.
func (s *Service) makeChange(ctx context.Context, tx *db.Tx, actor auth.Subject, c *charge.Row) (*Row, error) {
	r, err := s.Subscriptions.MakeChange(ctx, tx, actor, *c)
	var f *fault.Fault
	var p *schema.Problems
	if errors.As(err, &f) || errors.As(err, &p) {
		err = charge.Impossible(err)
	}
	return &r, err
}

// changePending makes a change whose payment the processor will tell of: the
// order is pending until then.
func (s *Service) changePending(ctx context.Context, tx *db.Tx, actor auth.Subject, c *charge.Row, result payment.ChargeResult, givenUp bool) error {
	if givenUp {
		return nil
	}
	r, err := s.makeChange(ctx, tx, actor, c)
	if err != nil {
		return err
	}
	if was := *r; r.Status == Pending && r.DueAmount() != c.Amount {
		if err := r.agreed(ctx, tx, c.Amount); err != nil {
			return err
		}
		if err := save(ctx, tx, r); err != nil {
			return err
		}
		updated(tx, actor, &was, r)
	}
	if err := c.Changed(ctx, tx); err != nil || result.Reference == "" {
		return err
	}
	_, _, err = s.note(ctx, tx, r, s.paymentOf(c, result))
	return err
}

// square settles the order of a change by what was charged for it.
func (s *Service) square(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, p Payment) error {
	if r.Status != Pending { // it came to nothing
		return s.surplus(ctx, tx, actor, r, p)
	}
	r.ChargingSince, r.CheckAt = nil, nil
	if err := r.agreed(ctx, tx, p.Amount); err != nil {
		return err
	}
	return s.took(ctx, tx, actor, r, p)
}

// agreed makes the order of a change cost what was charged for it. Should it
// come to something else by now, because a balance has moved, the balance takes
// the difference.
func (r *Row) agreed(ctx context.Context, tx *db.Tx, amount int64) error {
	off := amount - r.DueAmount()
	if off == 0 {
		return nil
	}
	r.AppliedBalanceAmount += off
	return Credit(ctx, tx, r, off)
}
