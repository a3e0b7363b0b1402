package order

import (
	"context"
	"fmt"
	"slices"

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
	return s.voidThese(ctx, tx, actor, slices.Clone(rows), rows)
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
	return s.void(ctx, tx, actor, fresh, r)
}

func (s *Service) void(ctx context.Context, tx *db.Tx, actor auth.Subject, was Row, r *Row) error {
	is := []Row{*r}
	err := s.voidThese(ctx, tx, actor, []Row{was}, is)
	*r = is[0]
	return err
}

// voidThese ends orders without money, in a number of statements that does not
// grow with theirs. Credit that a customer has is reduced by what was due: it
// came from what the order would have paid. What the order had taken of the
// balance goes back, and so does what was paid of it.
func (s *Service) voidThese(ctx context.Context, tx *db.Tx, actor auth.Subject, was, rows []Row) error {
	if len(rows) == 0 {
		return nil
	}
	open, err := openAccounts(ctx, tx, accountsOf(rows))
	if err != nil {
		return err
	}
	now := tx.Now()
	for i := range rows {
		r := &rows[i]
		if credit := open.amounts[r.account()]; credit > 0 {
			open.move(r, -min(credit, r.OpenAmount()))
		}
		open.move(r, r.PaidAmount-r.AppliedBalanceAmount)
		r.to(Void)
		r.ModifiedAt, r.NextPaymentAttemptAt, r.CheckAt = &now, nil, nil
		updated(tx, actor, &was[i], r)
	}
	if err := open.close(ctx, tx); err != nil {
		return err
	}
	for some := range slices.Chunk(rows, 512) {
		_, ids := keysOf(some)
		w := db.Where("organization_id = ?", rows[0].OrganizationID).In("id", ids)
		_, err := db.Exec(ctx, tx, `UPDATE orders SET modified_at = ?, status = 'void', next_payment_attempt_at = NULL, check_at = NULL`+w.SQL(),
			append([]any{now}, w.Args()...)...)
		if err != nil {
			return fmt.Errorf("void orders: %w", err)
		}
	}
	return nil
}

// accountsOf are the balances that orders are about, each once.
func accountsOf(rows []Row) (out []account) {
	for i := range rows {
		if a := rows[i].account(); !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
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
