package refund

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/money"
	"floe/internal/order"
	"floe/internal/payment"
	"floe/internal/schema"
)

const columns = `id, created_at, modified_at, metadata, status, reason, amount, tax_amount, currency, organization_id, order_id,
	subscription_id, customer_id, revoke_benefits, payment_id, comment, processor, reference`

func insert(ctx context.Context, tx *db.Tx, f *Refund) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO refunds (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.ID, f.CreatedAt, f.ModifiedAt, []byte(f.Metadata), string(f.Status), string(f.Reason), f.Amount, f.TaxAmount, f.Currency,
		f.OrganizationID, f.OrderID, f.SubscriptionID, f.CustomerID, f.RevokeBenefits, f.PaymentID, f.Comment, f.Processor, f.Reference)
	if err != nil {
		return fmt.Errorf("insert a refund: %w", err)
	}
	return nil
}

// Erase removes the remarks on what was given back to a customer.
func (s *Service) Erase(ctx context.Context, tx *db.Tx, org, customerID id.ID) error {
	for _, table := range []string{"refunds", "refund_requests"} {
		err := db.Later(ctx, tx, `UPDATE `+table+` SET comment = NULL WHERE organization_id = ? AND comment IS NOT NULL
			AND order_id IN (SELECT id FROM orders WHERE organization_id = ? AND customer_id = ?)`, org, org, customerID)
		if err != nil {
			return fmt.Errorf("erase remarks on refunds: %w", err)
		}
	}
	return nil
}

// Recorded is called with a payment that says that money of an order was given
// back outside. Its amount has its share of the taxes in it.
func (s *Service) Recorded(ctx context.Context, tx *db.Tx, actor auth.Subject, r *order.Row, p order.PaymentRow) error {
	if err := possible(ctx, tx, r, 0); err != nil {
		return err
	}
	tax, err := taxWithin(r, p.Amount)
	if err != nil {
		return err
	}
	_, err = s.record(ctx, tx, actor, r, Refund{Reason: "other", Amount: p.Amount - tax, TaxAmount: tax, Comment: p.Note, PaymentID: &p.ID})
	return err
}

// taxWithin is the part of the taxes in an amount that is given back: its share,
// as far as there is so much of the one and of the other. Where the balance has
// paid a part of the taxes too, that part is not given back.
func taxWithin(r *order.Row, amount int64) (int64, error) {
	if amount > min(r.RefundableAmount()+r.RefundableTaxAmount(), r.DueAmount()-r.RefundedAmount-r.RefundedTaxAmount) {
		return 0, tooMuch(amount)
	}
	if r.TaxAmount <= 0 {
		return 0, nil
	}
	share := money.MulDiv(amount, r.TaxAmount, r.TotalAmount(), money.HalfAwayFromZero)
	return min(max(share, amount-r.RefundableAmount()), r.RefundableTaxAmount()), nil
}

func tooMuch(amount int64) error {
	return schema.ValueError("Refund amount exceeds refundable amount", schema.IntNode(amount), "body", "amount")
}

// possible says whether anything, and this much, can be given back.
func possible(ctx context.Context, q db.Querier, r *order.Row, amount int64) error {
	switch {
	case r.Status == order.Refunded:
		return fault.RefundedAlready.New(fmt.Sprintf("Order is already fully refunded: %s", r.ID))
	case amount > r.RefundableAmount():
		return tooMuch(amount)
	}
	waits, err := pending(ctx, q, r)
	if err != nil {
		return err
	}
	if waits {
		return fault.RefundPendingCreation.New(fmt.Sprintf("A refund of order %s is in progress", r.ID))
	}
	_, err = db.One[int64](ctx, q, `SELECT 1 FROM order_payments WHERE organization_id = ? AND order_id = ? AND status = 'succeeded' AND NOT surplus LIMIT 1`,
		r.OrganizationID, r.ID)
	if errors.Is(err, db.ErrNoRows) || err == nil && !r.Status.Paid() {
		return fault.RefundUnknownPayment.New(fmt.Sprintf("Refund issued for unknown order: %s", r.ID))
	}
	return err
}

// record stores a refund that was made, and changes the order by it.
func (s *Service) record(ctx context.Context, tx *db.Tx, actor auth.Subject, r *order.Row, f Refund) (Refund, error) {
	if f.ID == "" {
		f.ID = tx.NewID(tx.Now())
	}
	if f.Status == "" {
		f.Status = payment.RefundSucceeded
	}
	f.CreatedAt, f.Currency = tx.Now(), r.Currency
	f.OrganizationID, f.OrderID, f.SubscriptionID, f.CustomerID = r.OrganizationID, r.ID, r.SubscriptionID, r.CustomerID
	if len(f.Metadata) == 0 {
		f.Metadata = schema.EmptyMetadata
	}
	if err := insert(ctx, tx, &f); err != nil {
		return f, err
	}
	journal.Append(tx, actor, f.entry("refund.created", nil))
	if !f.Status.Counts() {
		return f, nil
	}
	return f, s.Orders.GivenBack(ctx, tx, actor, r, f.ofOrder())
}

// ofOrder is the refund as its order counts it.
func (f *Refund) ofOrder() order.Refund {
	return order.Refund{Amount: f.Amount, TaxAmount: f.TaxAmount, RevokeBenefits: f.RevokeBenefits}
}

func (f *Refund) entry(typ string, before json.RawMessage) journal.Entry {
	return journal.Entry{Organization: f.OrganizationID, Type: typ, Customer: f.CustomerID, Subject: f.ID, Before: before, After: schema.JSON(f)}
}

// became is what a processor says later of a refund. What is told late
// changes nothing: a refund goes from pending to succeeded, and from either to
// an end without money. Then the order counts it no longer.
func (s *Service) became(ctx context.Context, tx *db.Tx, actor auth.Subject, r *order.Row, f Refund, status payment.RefundStatus) error {
	if f.Status == status || f.Status.Final() || status == payment.RefundPending {
		return nil
	}
	before, now := f, tx.Now()
	f.Status, f.ModifiedAt = status, &now
	_, err := db.Exec(ctx, tx, `UPDATE refunds SET modified_at = ?, status = ? WHERE organization_id = ? AND id = ?`,
		now, string(status), f.OrganizationID, f.ID)
	if err != nil {
		return fmt.Errorf("change a refund: %w", err)
	}
	old, _ := journal.Differing(schema.JSON(&before), schema.JSON(&f))
	journal.Append(tx, actor, f.entry("refund.updated", old))
	if status.Counts() {
		return nil
	}
	return s.Orders.NotGivenBack(ctx, tx, actor, r, f.ofOrder())
}
