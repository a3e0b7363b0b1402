package order

import (
	"context"
	"fmt"
	"strconv"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/payment"
)

// PayWith makes a method what a customer pays with. What they are behind with
// is charged to it at once, beside the attempts that are planned, and becomes
// their subscriptions' own.
func (s *Service) PayWith(ctx context.Context, tx *db.Tx, actor auth.Subject, c customer.Row, method id.ID) error {
	if err := s.Payments.SetDefault(ctx, tx, actor, c, method); err != nil || !s.Payments.Charges(tx) {
		return err
	}
	rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM orders
		WHERE organization_id = ? AND customer_id = ? AND status = 'pending' AND attempts > 0 AND charging_since IS NULL AND due_at IS NULL
			AND subscription_id IN (SELECT id FROM subscriptions
				WHERE organization_id = ? AND customer_id = ? AND status = 'past_due' AND NOT cancel_at_period_end)
		ORDER BY seq`+tx.ForUpdate(), c.OrganizationID, c.ID, c.OrganizationID, c.ID)
	if err != nil {
		return fmt.Errorf("find what a customer is behind with: %w", err)
	}
	for i := range rows {
		if err := s.retry(ctx, tx, &rows[i], method); err != nil {
			return err
		}
	}
	return nil
}

// retry charges an order to a method as soon as this is committed.
func (s *Service) retry(ctx context.Context, tx *db.Tx, r *Row, method id.ID) error {
	if s.tooLittle(r.OpenAmount(), r.Currency) {
		return s.owe(ctx, tx, r)
	}
	now := tx.Now()
	c := charge.Row{OrganizationID: r.OrganizationID, OrderID: r.ID, CustomerID: r.CustomerID, SubscriptionID: r.SubscriptionID, Purpose: charge.ForOrder,
		Amount: r.OpenAmount(), Currency: r.Currency, Cause: payment.RetryNewMethod, Description: r.Description, CreatedAt: now, CheckAt: now}
	attempt := strconv.Itoa(r.Attempts) + ":" + strconv.FormatInt(now.UnixMicro(), 10)
	ok, err := s.Charges.Ask(ctx, tx, &c, payment.Choice{Wanted: &method}, attempt)
	if err != nil || !ok {
		return err
	}
	_, err = db.Exec(ctx, tx, `UPDATE subscriptions SET payment_method_id = ? WHERE organization_id = ? AND id = ?`, method, r.OrganizationID, *r.SubscriptionID)
	if err != nil {
		return fmt.Errorf("give a subscription its payment method: %w", err)
	}
	r.ChargingSince, r.CheckAt = &now, nil
	return save(ctx, tx, r)
}
