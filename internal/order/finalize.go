package order

import (
	"context"
	"fmt"
	"strconv"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/payment"
)

// CollectionMethod is how an order is to be paid.
type CollectionMethod string

// The ways to collect: with a saved payment method, or by invoice.
const (
	ChargeAutomatically CollectionMethod = "charge_automatically"
	SendInvoice         CollectionMethod = "send_invoice"
)

// Enum lists the ways.
func (CollectionMethod) Enum() []string { return []string{"charge_automatically", "send_invoice"} }

// SchemaName says that the list is written in place.
func (CollectionMethod) SchemaName() string { return "" }

// Finalize is the body of a finalization.
type Finalize struct {
	PaymentMethodID  *id.ID            `json:"payment_method_id" doc:"What to charge; the customer's default payment method when there is none."`
	CollectionMethod *CollectionMethod `json:"collection_method" doc:"With send_invoice the order awaits payment for the organization's net days, and nothing is charged."`
}

// SchemaName is the name of the reference.
func (Finalize) SchemaName() string { return "OrderFinalize" }

type finalizeInput struct {
	ID   id.ID    `path:"id" doc:"The order ID."`
	Body Finalize `default:"{}"`
}

// finalize makes a draft an order that counts: paid at once when it costs
// nothing, pending when it is paid by invoice, and else charged. No
// transaction is open while a processor is asked.
func (s *Service) finalize(ctx context.Context, sub auth.Subject, in finalizeInput) (out Order, err error) {
	var c *charge.Row
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.Managed(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		if c, err = s.claim(ctx, tx, sub, &r, &in.Body); err != nil || c != nil {
			return err
		}
		out, err = s.Shown(ctx, tx, r)
		return err
	})
	if err != nil || c == nil {
		return out, err
	}
	result, err := s.Charges.Make(ctx, sub, c)
	if err != nil {
		return out, err
	}
	if err := charge.Refusal(c.OrderID, result); err != nil {
		return out, err
	}
	return s.get(ctx, sub, byIDInput{c.OrderID})
}

// claim takes a draft in hand. It answers the charge that is to be made, nil
// when the order is done without one.
func (s *Service) claim(ctx context.Context, tx *db.Tx, sub auth.Subject, r *Row, b *Finalize) (*charge.Row, error) {
	if r.Status != Draft {
		return nil, fault.OrderNotDraft.New(fmt.Sprintf(
			"Order %s is not in draft status (current: %s). Only draft orders can be modified or finalized.", r.ID, r.Status))
	}
	if err := allowsCharges(ctx, tx, r.OrganizationID); err != nil {
		return nil, err
	}
	was := *r
	byInvoice := b.CollectionMethod != nil && *b.CollectionMethod == SendInvoice
	switch {
	case r.DueAmount() == 0:
		if err := number(ctx, tx, r); err != nil {
			return nil, err
		}
		return nil, s.paid(ctx, tx, sub, &was, r)
	case byInvoice:
		return nil, s.await(ctx, tx, sub, &was, r)
	case !s.Payments.Charges(tx):
		return nil, charge.MissingMethod()
	}
	now := tx.Now()
	c := &charge.Row{OrganizationID: r.OrganizationID, OrderID: r.ID, CustomerID: r.CustomerID, Purpose: charge.ForDraft, Amount: r.DueAmount(),
		Currency: r.Currency, Cause: payment.Purchase, Description: r.Description, CreatedAt: now, CheckAt: now.Add(charge.Soon)}
	attempt := ""
	if r.Attempts > 0 {
		attempt = strconv.Itoa(r.Attempts)
	}
	ok, err := s.Charges.Ask(ctx, tx, c, payment.Choice{Wanted: b.PaymentMethodID, Any: true}, attempt)
	if err != nil {
		return nil, err
	}
	if !ok {
		return nil, charge.MissingMethod()
	}
	r.to(Pending)
	r.ChargingSince = &now
	return c, save(ctx, tx, r)
}

// await makes a draft an order that is paid by invoice.
func (s *Service) await(ctx context.Context, tx *db.Tx, sub auth.Subject, was, r *Row) error {
	days, err := organization.NetDays(ctx, tx, r.OrganizationID)
	if err != nil {
		return err
	}
	if err := number(ctx, tx, r); err != nil {
		return err
	}
	r.to(Pending)
	r.payWithin(tx.Now(), days)
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	updated(tx, sub, was, r)
	return nil
}

// Bill finalizes a draft that is to be paid by invoice: it becomes pending, or
// paid when it costs nothing.
func (s *Service) Bill(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) error {
	method := SendInvoice
	_, err := s.claim(ctx, tx, actor, r, &Finalize{CollectionMethod: &method})
	return err
}
