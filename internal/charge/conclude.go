package charge

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/payment"
)

// Conclude is what follows from the answer to a charge, whether it came at once
// or as an event. The customer is locked.
func (s *Service) Conclude(ctx context.Context, tx *db.Tx, actor auth.Subject, c *Row, result payment.ChargeResult, givenUp bool) error {
	if err := s.methodOf(ctx, tx, c, &result); err != nil {
		return err
	}
	var err error
	if result.State == payment.StatePending {
		err = c.again(ctx, tx, patient) // an event tells what became of it
	} else {
		err = s.close(ctx, tx, actor, c, result)
	}
	if err != nil {
		return err
	}
	return s.Orders.Answered(ctx, tx, actor, c, result, givenUp)
}

// close ends a charge, and the method with it when it can never be charged again.
func (s *Service) close(ctx context.Context, tx *db.Tx, actor auth.Subject, c *Row, result payment.ChargeResult) error {
	_, err := db.Exec(ctx, tx, `DELETE FROM charges WHERE organization_id = ? AND order_id = ?`, c.OrganizationID, c.OrderID)
	if err != nil {
		return fmt.Errorf("close a charge: %w", err)
	}
	if err := s.Payments.Forget(ctx, tx, c.OrganizationID, c.CustomerID); err != nil {
		return err
	}
	if result.Unusable && c.MethodID != nil {
		return s.Payments.Delete(ctx, tx, actor, c.OrganizationID, c.CustomerID, *c.MethodID, false)
	}
	return nil
}

// methodOf completes what is known of the method that was charged: another than
// the one that was asked for is kept, and that one is known already.
func (s *Service) methodOf(ctx context.Context, tx *db.Tx, c *Row, result *payment.ChargeResult) (err error) {
	switch {
	case result.Method != nil && result.Method.Reference != c.Method:
		_, err = s.Payments.Save(ctx, tx, c.OrganizationID, c.CustomerID, result.Method)
	case result.Method == nil && c.MethodID != nil:
		result.Method, err = s.Payments.Known(ctx, tx, c.OrganizationID, *c.MethodID)
	}
	if err != nil || result.Method == nil {
		return err
	}
	who, err := s.Customers.Lock(ctx, tx, c.OrganizationID, c.CustomerID)
	if who.AnonymizedAt != nil { // of whom nothing is kept
		result.Method = &payment.Method{Type: result.Method.Type}
	}
	return err
}

// Shown says that callers see the draft that is being charged as pending.
func (c *Row) Shown(ctx context.Context, tx *db.Tx) error {
	_, err := db.Exec(ctx, tx, `UPDATE charges SET purpose = ? WHERE organization_id = ? AND order_id = ?`, string(ForPending), c.OrganizationID, c.OrderID)
	return err
}

// Changed says that the change is made: what is left is that its order is paid.
func (c *Row) Changed(ctx context.Context, tx *db.Tx) error {
	_, err := db.Exec(ctx, tx, `UPDATE charges SET purpose = ?, change = NULL WHERE organization_id = ? AND order_id = ?`,
		string(ForOrder), c.OrganizationID, c.OrderID)
	return err
}

// impossible is why a change cannot be made any more: the subscription has
// ended, or the product is sold no longer. Trying again would not help.
type impossible struct{ error }

// Impossible is an error that makes Settle give a change up.
func Impossible(err error) error { return impossible{err} }

// Settle does what follows from a charge, and undoes it to do it again without
// the change of a subscription when that turns out to be impossible.
func (s *Service) Settle(ctx context.Context, fn func(tx *db.Tx, givenUp bool) error) error {
	err := s.DB.Write(ctx, func(tx *db.Tx) error { return fn(tx, false) })
	var why impossible
	if !errors.As(err, &why) {
		return err
	}
	s.Logger.Warn("a change of a subscription cannot be made any more", "error", why.error)
	return s.DB.Write(ctx, func(tx *db.Tx) error { return fn(tx, true) })
}

// Refusal is what the caller is told of a charge that brought no money.
func Refusal(order id.ID, c payment.ChargeResult) error {
	switch c.State {
	case payment.StateFailed:
		return fault.PaymentFailed.New(fmt.Sprintf("Payment failed with reason: %s.", cmp.Or(c.Code, "card_error")))
	case payment.StateRequiresAction:
		return fault.PaymentActionRequired.New(fmt.Sprintf(
			"Order %s payment requires customer authentication (e.g. 3DS challenge); off-session charge cannot complete.", order))
	}
	return nil
}

// MissingMethod is what is said when there is nothing to charge.
func MissingMethod() error {
	return fault.PaymentFailed.New(fmt.Sprintf("Payment failed with reason: %s.", payment.MissingMethod))
}
