package order

import (
	"context"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// VoidPending gives up what a subscription still owes, but for some orders.
func (s *Service) VoidPending(ctx context.Context, tx *db.Tx, actor auth.Subject, org, subscription id.ID, except ...id.ID) error {
	w := db.Where("organization_id = ?", org).And("subscription_id = ?", subscription).And("status = 'pending'")
	for _, x := range except {
		w.And("id <> ?", x)
	}
	return s.voidAll(ctx, tx, actor, w)
}

// VoidPendingOf is VoidPending for many subscriptions of an organization.
func (s *Service) VoidPendingOf(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, subscriptions []id.ID) error {
	return s.voidAll(ctx, tx, actor, db.Where("organization_id = ?", org).In("subscription_id", subscriptions).And("status = 'pending'"))
}

func (s *Service) voidAll(ctx context.Context, tx *db.Tx, actor auth.Subject, w *db.W) error {
	rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM orders`+w.SQL()+` ORDER BY seq`+tx.ForUpdate(), w.Args()...)
	if err != nil {
		return fmt.Errorf("find pending orders: %w", err)
	}
	for i := range rows {
		was := rows[i]
		if err := s.void(ctx, tx, actor, &was, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// Void gives up one order that is pending. The customer must be locked.
func (s *Service) Void(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) error {
	fresh, err := byID(ctx, tx, []id.ID{r.OrganizationID}, r.ID, tx.ForUpdate())
	if err != nil {
		return err
	}
	*r = fresh
	if r.Status != Pending {
		return fault.OrderNotPending.New(fmt.Sprintf("Order %s is not pending", r.ID))
	}
	if r.ChargingSince != nil {
		return fault.PaymentAlreadyInProgress.New(fmt.Sprintf("Payment for order %s is already in progress", r.ID))
	}
	return s.void(ctx, tx, actor, &fresh, r)
}

// void ends an order without money. Credit that the customer has is reduced by
// what was due: it came from what this order would have paid. What the order
// had taken of the balance goes back, and so does what was paid of it.
func (s *Service) void(ctx context.Context, tx *db.Tx, actor auth.Subject, was, r *Row) error {
	open, err := openAccounts(ctx, tx, []account{r.account()})
	if err != nil {
		return err
	}
	if credit := open.amounts[r.account()]; credit > 0 {
		open.move(r, -min(credit, r.OpenAmount()))
	}
	open.move(r, r.PaidAmount-r.AppliedBalanceAmount)
	if err := open.close(ctx, tx); err != nil {
		return err
	}
	r.to(Void)
	r.NextPaymentAttemptAt, r.CheckAt = nil, nil
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	updated(tx, actor, was, r)
	return nil
}

// Unvoid takes up an order that was given up: what it had taken of the balance
// is taken again, and nothing is tried by itself.
func (s *Service) Unvoid(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) error {
	fresh, err := byID(ctx, tx, []id.ID{r.OrganizationID}, r.ID, tx.ForUpdate())
	if err != nil {
		return err
	}
	*r = fresh
	if r.Status != Void {
		return fault.OrderNotPending.New(fmt.Sprintf("Order %s is not void", r.ID))
	}
	open, err := openAccounts(ctx, tx, []account{r.account()})
	if err != nil {
		return err
	}
	open.move(r, r.AppliedBalanceAmount-r.PaidAmount)
	if err := open.close(ctx, tx); err != nil {
		return err
	}
	r.to(Pending)
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	updated(tx, actor, &fresh, r)
	return nil
}
