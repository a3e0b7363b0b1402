package order

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// Ended is a subscription that owes nothing any more.
type Ended struct {
	Subscription id.ID
	At           time.Time // the time of the transaction when zero
	Except       id.ID     // an order that is to be paid all the same
}

// VoidPending gives up what subscriptions of an organization still owe.
func (s *Service) VoidPending(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, list ...Ended) error {
	of := make(map[id.ID]Ended, len(list))
	for _, e := range list {
		of[e.Subscription] = e
	}
	w := db.Where("organization_id = ?", org).In("subscription_id", slices.Sorted(maps.Keys(of))).And("status = 'pending'")
	rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM orders`+w.SQL()+` ORDER BY seq`+tx.ForUpdate(), w.Args()...)
	if err != nil {
		return fmt.Errorf("find pending orders: %w", err)
	}
	rows = slices.DeleteFunc(rows, func(r Row) bool { return of[*r.SubscriptionID].Except == r.ID })
	at := make([]time.Time, len(rows))
	for i := range rows {
		if at[i] = of[*rows[i].SubscriptionID].At; at[i].IsZero() {
			at[i] = tx.Now()
		}
	}
	return s.voidThese(ctx, tx, actor, slices.Clone(rows), rows, at)
}

// Void gives up one order that is pending. The customer must be locked.
func (s *Service) Void(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) error {
	fresh, err := byID(ctx, tx, []id.ID{r.OrganizationID}, r.ID, tx.ForUpdate())
	if err != nil {
		return err
	}
	*r = fresh
	if r.Status != Pending {
		return fault.OrderNotPending.New(fmt.Sprintf("Order %s is not pending (current status: %s)", r.ID, r.Status))
	}
	if r.ChargingSince != nil {
		return fault.PaymentAlreadyInProgress.New(fmt.Sprintf("Payment for order %s is already in progress", r.ID))
	}
	if err := s.void(ctx, tx, actor, fresh, r); err != nil || r.SubscriptionID == nil {
		return err
	}
	return s.Subscriptions.OrderVoided(ctx, tx, actor, *r)
}

func (s *Service) void(ctx context.Context, tx *db.Tx, actor auth.Subject, was Row, r *Row) error {
	is := []Row{*r}
	err := s.voidThese(ctx, tx, actor, []Row{was}, is, []time.Time{tx.Now()})
	*r = is[0]
	return err
}

// voidThese ends orders without money, each at its time, many in a statement.
// Credit that a customer has is reduced by what a subscription's order still
// cost: it came from what the order would have paid. Other orders have nothing
// to do with it. Then what the orders had taken of the balance goes back, and so
// does what was paid of them: that is no credit which another one takes.
func (s *Service) voidThese(ctx context.Context, tx *db.Tx, actor auth.Subject, was, rows []Row, at []time.Time) error {
	if len(rows) == 0 {
		return nil
	}
	open, err := openAccounts(ctx, tx, accountsOf(rows))
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		if credit := open.amounts[r.account()]; credit > 0 && r.SubscriptionID != nil {
			open.move(r, at[i], -min(credit, r.OpenAmount()))
		}
	}
	voided := make([]*Row, len(rows))
	for i := range rows {
		r := &rows[i]
		open.move(r, at[i], r.PaidAmount-r.AppliedBalanceAmount)
		r.to(Void)
		r.ModifiedAt, r.NextPaymentAttemptAt, r.CheckAt, r.ChargingSince = &at[i], nil, nil, nil
		updatedAt(tx, actor, &was[i], r, at[i])
		voided[i] = r
	}
	if err := open.close(ctx, tx); err != nil {
		return err
	}
	return saveAll(ctx, tx, voided)
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
// is taken again, and nothing is tried by itself. What only says that money came
// for nothing was never an order that could be paid. The customer must be locked.
func (s *Service) Unvoid(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) error {
	fresh, err := byID(ctx, tx, []id.ID{r.OrganizationID}, r.ID, tx.ForUpdate())
	if err != nil {
		return err
	}
	*r = fresh
	if r.Status != Void || r.InvoiceNumber == nil {
		return fault.OrderNotPending.New(fmt.Sprintf("Order %s is not one that was given up", r.ID))
	}
	if c, err := charge.Of(ctx, tx, r.OrganizationID, r.ID); err != nil || c != nil {
		return cmp.Or(err, error(fault.PaymentAlreadyInProgress.New(fmt.Sprintf("Payment for order %s is already in progress", r.ID))))
	}
	open, err := openAccounts(ctx, tx, []account{r.account()})
	if err != nil {
		return err
	}
	open.move(r, tx.Now(), r.AppliedBalanceAmount-r.PaidAmount)
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
