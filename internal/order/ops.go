package order

import (
	"context"
	"strings"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/schema"
)

// Operations are the operations on orders and what was paid for them.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.OrdersRead, auth.OrdersWrite
	const notFound = "Order not found."
	finalize := api.Post("/v1/orders/{id}/finalize", s.finalize).Scopes(write).Named("orders:finalize", "Finalize Order").
		About(aboutFinalize).
		Fails(fault.PaymentFailed, "The order could not be charged.").Fails(fault.PaymentActionRequired, "The customer has to agree to the charge.").
		Fails(fault.OffSessionChargesNotEnabled, "Off-session charges are not enabled for this organization.").
		Fails(fault.NotFound, notFound).Fails(fault.OrderNotDraft, "The order is not a draft.")
	finalize.Status = 200
	return []*api.Operation{
		api.Get("/v1/orders/", s.list).Scopes(read).Named("orders:list", "List Orders"),
		api.Post("/v1/orders/", s.create).Scopes(write).Named("orders:create", "Create Order").About(aboutCreate),
		api.CSV("/v1/orders/export", s.export).Scopes(read).Named("orders:export", "Export Orders").About("Export orders as a CSV file, newest first."),
		api.Get("/v1/orders/{id}", s.get).Scopes(read).Named("orders:get", "Get Order").Fails(fault.NotFound, notFound),
		api.Patch("/v1/orders/{id}", s.update).Scopes(write).Named("orders:update", "Update Order").
			About("Change the billing details of an order.").Fails(fault.NotFound, notFound),
		finalize,
		api.Get("/v1/orders/{id}/payments", s.payments).Scopes(read, write).Named("orders:list_payments", "List Order Payments").
			About("List what was recorded of payments for an order, oldest first. This operation is Floe's own.").Fails(fault.NotFound, notFound),
		api.Post("/v1/orders/{id}/payments", s.recordPayment).Scopes(write).Named("orders:record_payment", "Record Order Payment").
			About(aboutPayment).Fails(fault.NotFound, notFound).
			Fails(fault.OrderNotAwaitingPayment, "The order is not pending.").
			Fails(fault.PaymentAlreadyInProgress, "A processor has been asked and has not answered.").
			Fails(fault.PaymentReferenceTaken, "Another payment of the order has the reference.").
			Fails(fault.RefundPendingCreation, "A refund of the order is in progress.").
			Fails(fault.RefundedAlready, "Everything was given back before.").
			Fails(fault.RefundUnknownPayment, "Nothing was paid that could be given back."),
	}
}

const (
	aboutCreate = "Create a draft order for a product that is bought once. It has no invoice number and nothing is due " +
		"until `POST /v1/orders/{id}/finalize`."
	aboutFinalize = "Finalize a draft order. It is paid at once when it costs nothing. " +
		"With `\"collection_method\": \"send_invoice\"` it becomes pending and is due in the organization's net days. " +
		"Otherwise a payment method is charged, and the order stays a draft when that fails: without a payment processor it always does."
	aboutPayment = "Record a payment that happened outside of this server. This operation is Floe's own.\n\n" +
		"`succeeded` payments add up, and the order is paid when they reach what is due; `failed` is a missed attempt; " +
		"`refunded` says that money was given back. Sending the same payment again, under its reference, changes nothing."
)

type byIDInput struct {
	ID id.ID `path:"id" doc:"The order ID."`
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in byIDInput) (out Order, err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		r, err := Visible(ctx, q, sub, in.ID)
		if err != nil {
			return err
		}
		out, err = s.Shown(ctx, q, r)
		return err
	})
	return out, err
}

// Visible reads an order that a caller may see.
func Visible(ctx context.Context, q db.Querier, sub auth.Subject, order id.ID) (Row, error) {
	return byID(ctx, q, visible(&sub), order, "")
}

// Locked reads an order that is about to change. Its customer is locked first,
// as everything that hangs off a customer is.
func (s *Service) Locked(ctx context.Context, tx *db.Tx, orgs []id.ID, order id.ID) (Row, error) {
	r, err := byID(ctx, tx, orgs, order, "")
	if err != nil {
		return r, err
	}
	if _, err := s.Customers.Lock(ctx, tx, r.OrganizationID, r.CustomerID); err != nil {
		return r, err
	}
	return byID(ctx, tx, orgs, order, tx.ForUpdate())
}

// Named is Locked for somebody who has the id of an order or its invoice number.
func (s *Service) Named(ctx context.Context, tx *db.Tx, org id.ID, name string) (Row, error) {
	order, problem := id.Parse(name)
	if !problem.OK() {
		var err error
		if order, err = numbered(ctx, tx, org, name); err != nil {
			return Row{}, err
		}
	}
	return s.Locked(ctx, tx, []id.ID{org}, order)
}

// Managed is Locked for a caller who must be allowed to manage sales.
func (s *Service) Managed(ctx context.Context, tx *db.Tx, sub auth.Subject, order id.ID) (Row, error) {
	r, err := s.Locked(ctx, tx, visible(&sub), order)
	if err == nil && !sub.May(r.OrganizationID, auth.SalesManage) {
		err = fault.NotPermitted.New(auth.SalesManage.Denied())
	}
	return r, err
}

// Payments is a list of payments.
type Payments struct {
	Items []PaymentRow `json:"items"`
}

// SchemaName is not a name of the reference.
func (Payments) SchemaName() string { return "OrderPayments" }

func (s *Service) payments(ctx context.Context, sub auth.Subject, in byIDInput) (out Payments, err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		r, err := Visible(ctx, q, sub, in.ID)
		if err != nil {
			return err
		}
		out.Items, err = PaymentsOf(ctx, q, &r)
		return err
	})
	return out, err
}

// RecordPayment is the body of a payment that is recorded.
type RecordPayment struct {
	Status    givenStatus `json:"status" doc:"What became of it."`
	Amount    int64       `json:"amount" gt:"0" doc:"The amount, with taxes, in the smallest unit of the order's currency." example:"10000"`
	Currency  *string     `json:"currency" doc:"The currency, to have it checked: it must be the order's." example:"\"usd\""`
	PaidAt    *time.Time  `json:"paid_at" doc:"When the money moved; now, when there is none. Not in the future."`
	Reference string      `json:"reference" minLength:"1" maxLength:"255" doc:"Your own name for the payment, unique within the order." example:"\"bank-2026-0042\""`
	Note      *string     `json:"note" maxLength:"1000" trim:"null" doc:"A remark."`
}

// SchemaName is not a name of the reference.
func (RecordPayment) SchemaName() string { return "OrderPaymentCreate" }

type recordInput struct {
	ID   id.ID `path:"id" doc:"The order ID."`
	Body RecordPayment
}

func (s *Service) recordPayment(ctx context.Context, sub auth.Subject, in recordInput) (out PaymentRow, err error) {
	b := in.Body
	p := Payment{Status: PaymentStatus(b.Status), Amount: b.Amount, Reference: b.Reference, Note: b.Note}
	if b.PaidAt != nil {
		p.At = *b.PaidAt
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.Managed(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		if b.Currency != nil && !strings.EqualFold(*b.Currency, r.Currency) {
			return schema.ValueError("The order's currency is "+r.Currency+".", schema.StringNode(*b.Currency), "body", "currency")
		}
		if err := p.happened(ctx, tx, r.OrganizationID); err != nil {
			return err
		}
		out, _, err = s.record(ctx, tx, sub, &r, p)
		return err
	})
	return out, err
}

// ahead is how far the clock of who records a payment may be before ours.
const ahead = 5 * time.Minute

// happened refuses payments of the future, as it is for the organization.
func (p *Payment) happened(ctx context.Context, tx *db.Tx, org id.ID) error {
	if !p.At.After(tx.Now().Add(ahead)) {
		return nil
	}
	if !tx.Clocked() { // for a caller of several organizations the wall clock's
		now, err := db.All[time.Time](ctx, tx, `SELECT now FROM test_clocks WHERE organization_id = ?`, org)
		if err != nil || len(now) > 0 && !p.At.After(now[0].Add(ahead)) {
			return err
		}
	}
	return schema.ValueError("The payment lies in the future.", schema.StringNode(p.At.Format(time.RFC3339Nano)), "body", "paid_at")
}
