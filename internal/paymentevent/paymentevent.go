// Package paymentevent takes in what a payment processor tells by itself: each
// event once, in whatever order they come. It finds out whom an event is about
// and hands it to charges, orders or payment methods, in one transaction.
package paymentevent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/money"
	"floe/internal/order"
	"floe/internal/payment"
	"floe/internal/refund"
)

// Service takes in events.
type Service struct {
	DB        *db.DB
	Logger    *slog.Logger
	Customers *customer.Service
	Payments  *payment.Service
	Charges   *charge.Service
	Orders    *order.Service
	Refunds   *refund.Service
}

// actor is whom the journal names for what a processor tells.
var actor = auth.NewSystem("payment processor")

// errNameless is of an event that could not be told from others.
var errNameless = errors.New("an event of the processor has no id")

// Hear takes in one thing that the processor tells, once, in one transaction.
// What is about nothing that is known here is let go.
func (s *Service) Hear(ctx context.Context, e payment.Event) error {
	if e.ID == "" {
		return errNameless
	}
	return s.Charges.Settle(ctx, func(tx *db.Tx, givenUp bool) error {
		e := e
		known, err := s.whose(ctx, tx, &e)
		if err != nil || !known {
			return err
		}
		first, err := s.firstTime(ctx, tx, &e)
		if err != nil || !first {
			return err
		}
		switch e.Type {
		case payment.PaymentSucceeded, payment.PaymentFailed, payment.PaymentPending:
			return s.hearPayment(ctx, tx, &e, givenUp)
		case payment.RefundUpdated:
			return s.Refunds.Hear(ctx, tx, actor, &e)
		case payment.DisputeUpdated:
			return s.Refunds.HearDispute(ctx, tx, &e)
		case payment.SetupSucceeded:
			return s.hearSetup(ctx, tx, &e)
		case payment.MethodUpdated:
			if e.Method == nil {
				return nil
			}
			return s.Payments.Updated(ctx, tx, e.Organization, e.Method)
		case payment.MethodDetached:
			if e.Method == nil {
				return nil
			}
			return s.Payments.Detached(ctx, tx, actor, e.Organization, e.Method.Reference)
		}
		return nil // a setup that failed, or what there will be one day
	})
}

// firstTime says whether an event has not been taken in before, and remembers
// it. Of two that come at once the second waits for the first.
func (s *Service) firstTime(ctx context.Context, tx *db.Tx, e *payment.Event) (bool, error) {
	n, err := db.Exec(ctx, tx, `INSERT INTO processor_events (organization_id, processor, event, type, created_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (organization_id, processor, event) DO NOTHING`,
		e.Organization, s.Payments.Processor.Name(), e.ID, string(e.Type), tx.Now())
	if err != nil {
		return false, fmt.Errorf("remember an event: %w", err)
	}
	return n == 1, nil
}

// kept is how long it is remembered which events were taken in. No
// processor tells again after so long.
const kept = 90 * 24 * time.Hour

// Forget forgets old events of all organizations.
func (s *Service) Forget(ctx context.Context, tx *db.Tx) error {
	_, err := db.Exec(ctx, tx, `DELETE FROM processor_events WHERE created_at < ?`, tx.Now().Add(-kept))
	return err
}

// whose finds out whom an event is about when it does not say so: by what it
// names, in the organization that it says, if it says one. It answers false when
// nobody is found.
func (s *Service) whose(ctx context.Context, q db.Querier, e *payment.Event) (bool, error) {
	if e.Organization != "" {
		if !isID(e.Organization) || e.Order != "" && !isID(e.Order) || e.Customer != "" && !isID(e.Customer) {
			return false, nil
		}
		if e.Order != "" || e.Customer != "" {
			return true, nil
		}
	}
	method := ""
	if e.Method != nil {
		method = e.Method.Reference
	}
	for _, x := range []struct{ reference, columns, table string }{
		{e.Payment, "organization_id, order_id, customer_id", "order_payments"},
		{e.Refund, "organization_id, order_id, customer_id", "refunds"},
		{e.Payer, "organization_id, NULL AS order_id, customer_id", "payers"},
		{method, "organization_id, NULL AS order_id, customer_id", "payment_methods"},
	} {
		if x.reference == "" {
			continue
		}
		where := db.Where("processor = ? AND reference = ?", s.Payments.Processor.Name(), x.reference)
		if e.Organization != "" {
			where = where.And("organization_id = ?", e.Organization)
		}
		found, err := db.One[struct {
			OrganizationID id.ID
			OrderID        *id.ID
			CustomerID     *id.ID
		}](ctx, q, `SELECT `+x.columns+` FROM `+x.table+where.SQL()+` LIMIT 1`, where.Args()...)
		switch {
		case errors.Is(err, db.ErrNoRows):
			continue
		case err != nil:
			return false, fmt.Errorf("find out whose event it is: %w", err)
		}
		e.Organization = found.OrganizationID
		if found.OrderID != nil && e.Order == "" {
			e.Order = *found.OrderID
		}
		if found.CustomerID != nil && e.Customer == "" {
			e.Customer = *found.CustomerID
		}
		return true, nil
	}
	return false, nil
}

// hearPayment is what a processor says of a charge after its answer, or instead
// of it.
func (s *Service) hearPayment(ctx context.Context, tx *db.Tx, e *payment.Event, givenUp bool) error {
	if e.Order == "" {
		return nil
	}
	c, err := s.charged(ctx, tx, e)
	if err != nil || c == nil {
		return err
	}
	known, err := order.PaymentNamed(ctx, tx, e.Organization, e.Order, e.Payment)
	if err != nil {
		return err
	}
	result := chargeTold(e)
	asked, err := charge.Of(ctx, tx, e.Organization, e.Order)
	switch {
	case err != nil:
		return err
	case known != nil && (known.Status == order.Succeeded || known.Status == order.Failed && e.Type != payment.PaymentSucceeded):
		return nil // told late
	case asked != nil && (e.Key == "" || e.Key == asked.IdempotencyKey):
		return s.Charges.Conclude(ctx, tx, actor, asked, result, givenUp)
	case e.Type == payment.PaymentSucceeded && e.Payment != "" && c.Amount > 0:
		return s.Orders.Unexpected(ctx, tx, actor, c, result)
	}
	return nil
}

// charged is the charge that an event is about, as far as it can be told, with
// its customer locked. Nil means that nothing is known of it.
func (s *Service) charged(ctx context.Context, tx *db.Tx, e *payment.Event) (*charge.Row, error) {
	c, err := charge.Of(ctx, tx, e.Organization, e.Order)
	if err != nil {
		return nil, err
	}
	if c == nil {
		c = &charge.Row{OrganizationID: e.Organization, OrderID: e.Order, CustomerID: e.Customer, Currency: strings.ToLower(e.Currency), Description: "Payment"}
		r, err := order.Find(ctx, tx, e.Organization, e.Order)
		switch {
		case err == nil:
			c.CustomerID, c.Currency, c.SubscriptionID = r.CustomerID, r.Currency, r.SubscriptionID
		case !errors.Is(err, fault.NotFound.New()):
			return nil, err
		case c.CustomerID == "" || !money.Known(c.Currency):
			return nil, nil
		}
	}
	if e.Amount > 0 {
		c.Amount = e.Amount
	}
	if e.Trigger != "" {
		c.Cause = e.Trigger
	}
	_, err = s.Customers.Lock(ctx, tx, c.OrganizationID, c.CustomerID)
	if errors.Is(err, fault.NotFound.New()) {
		return nil, nil
	}
	return c, err
}

// chargeTold is an event as the answer to a charge.
func chargeTold(e *payment.Event) payment.ChargeResult {
	r := payment.ChargeResult{Reference: e.Payment, Method: e.Method, Code: e.Code, Message: e.Message, Hard: e.Hard, Unusable: e.Unusable,
		State: payment.StateFailed}
	switch e.Type {
	case payment.PaymentSucceeded:
		r.State = payment.StateSucceeded
	case payment.PaymentPending:
		r.State = payment.StatePending
	}
	return r
}

// hearSetup saves a way to pay. With Default the customer pays with it from now
// on, and so is what they owe.
func (s *Service) hearSetup(ctx context.Context, tx *db.Tx, e *payment.Event) error {
	if e.Customer == "" {
		return nil
	}
	c, err := s.Customers.Lock(ctx, tx, e.Organization, e.Customer)
	if errors.Is(err, fault.NotFound.New()) || err == nil && c.DeletedAt != nil {
		return nil
	}
	if err != nil {
		return err
	}
	m, err := s.Payments.Save(ctx, tx, c.OrganizationID, c.ID, e.Method)
	if err != nil || m == "" || !e.Default {
		return err
	}
	return s.Orders.PayWith(ctx, tx, actor, c, m)
}

// isID says whether a processor, which keeps texts, has kept an id.
func isID(x id.ID) bool {
	_, problem := id.Parse(string(x))
	return problem.OK()
}
