// Package document is what is printed of orders: invoices and receipts, and the
// links by which they are handed out. What an invoice says is kept when it is
// made; a receipt says what is true when it is opened. How a page looks is with
// package invoice, and which number it has with package numbering.
package document

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/schema"
)

// Service is the operations on documents and what they need.
type Service struct {
	DB     *db.DB
	Clock  clock.Clock
	Logger *slog.Logger
	Orders *order.Service
	Links  Links
}

// Operations are the operations on the documents of orders.
func (s *Service) Operations() []*api.Operation {
	read := auth.OrdersRead
	const notFound = "Order not found."
	generate := api.Post("/v1/orders/{id}/invoice", s.generate).Scopes(read).Named("orders:generate_invoice", "Generate Order Invoice").
		About("Make the invoice of an order, or make it again when the billing details have changed. It keeps its number.").
		Fails(fault.NotFound, notFound).
		Fails(fault.OrderNotEligibleForInvoice, "The order is a draft, also while it is being charged, or void.").
		Fails(fault.MissingInvoiceBillingDetails, "The order has no billing name or no billing address.")
	generate.Status = 202
	return []*api.Operation{
		generate,
		api.Get("/v1/orders/{id}/invoice", s.invoice).Scopes(read).Named("orders:invoice", "Get Order Invoice").
			About("Get a link to the invoice, as a PDF file, that works for an hour.").
			Fails(fault.NotFound, notFound).Fails(fault.InvoiceDoesNotExist, "No invoice was made."),
		api.Get("/v1/orders/{id}/receipt", s.receipt).Scopes(read).Named("orders:receipt", "Get Order Receipt").
			About("Get a link to the receipt, as a PDF file, that works for an hour.").
			Fails(fault.NotFound, notFound).Fails(fault.ReceiptNotAllocated, "Nothing was paid for the order."),
	}
}

type input struct {
	ID id.ID `path:"id" doc:"The order ID."`
}

// The kinds of document.
const (
	invoices = "invoice"
	receipts = "receipt"
)

// layout is raised when invoices look different, so that they can be made again.
const layout = "1"

// billed says what an invoice that is made now would say of who is billed.
func billed(r *order.Row) string {
	sum := sha256.New()
	for _, part := range []string{layout, text(r.BillingName), string(r.BillingAddress), text(r.TaxID)} {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(part), part) // a hash takes everything
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// generate makes the invoice of an order, or makes it again when the
// billing details have changed. What it says is kept, so that later changes do
// not reach it. A draft that is being charged is pending and has no number yet.
func (s *Service) generate(ctx context.Context, sub auth.Subject, in input) (null, error) {
	return null{}, s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.Orders.Managed(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		if r.Status == order.Draft || r.Status == order.Void || r.InvoiceNumber == nil {
			return fault.OrderNotEligibleForInvoice.New(fmt.Sprintf(
				"Order %s is not eligible for invoice generation (current status: %s).", r.ID, r.Status))
		}
		if text(r.BillingName) == "" || len(r.BillingAddress) == 0 {
			return fault.MissingInvoiceBillingDetails.New()
		}
		sum := billed(&r)
		if r.InvoiceSum != nil && *r.InvoiceSum == sum {
			return nil
		}
		return s.issue(ctx, tx, sub, &r, sum)
	})
}

func (s *Service) issue(ctx context.Context, tx *db.Tx, sub auth.Subject, r *order.Row, sum string) error {
	d, err := invoiceOf(ctx, tx, r)
	if err != nil {
		return err
	}
	content, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("keep an invoice: %w", err)
	}
	_, err = db.Exec(ctx, tx, `INSERT INTO order_documents (organization_id, order_id, created_at, content) VALUES (?, ?, ?, ?)
		ON CONFLICT (organization_id, order_id) DO UPDATE SET created_at = excluded.created_at, content = excluded.content`,
		r.OrganizationID, r.ID, tx.Now(), json.RawMessage(content))
	if err != nil {
		return fmt.Errorf("keep an invoice: %w", err)
	}
	return s.Orders.Invoiced(ctx, tx, sub, r, sum)
}

// Link is where a document can be downloaded.
type Link struct {
	URL string `json:"url" doc:"The address of the PDF file. It works for an hour, for whoever has it."`
}

// InvoiceLink is the link to an invoice.
type InvoiceLink struct{ Link }

// SchemaName is the name of the reference.
func (InvoiceLink) SchemaName() string { return "OrderInvoice" }

// ReceiptLink is the link to a receipt.
type ReceiptLink struct{ Link }

// SchemaName is the name of the reference.
func (ReceiptLink) SchemaName() string { return "OrderReceipt" }

func (s *Service) invoice(ctx context.Context, sub auth.Subject, in input) (InvoiceLink, error) {
	r, err := order.Visible(ctx, s.DB, sub, in.ID)
	if err != nil {
		return InvoiceLink{}, err
	}
	if r.InvoiceSum == nil {
		return InvoiceLink{}, fault.InvoiceDoesNotExist.New(fmt.Sprintf("No invoice exists for order %s.", r.ID))
	}
	return InvoiceLink{Link{s.link(invoices, &r)}}, nil
}

// receipt answers at once: a receipt is drawn when its link is opened, from
// what was paid and given back by then.
func (s *Service) receipt(ctx context.Context, sub auth.Subject, in input) (ReceiptLink, error) {
	r, err := order.Visible(ctx, s.DB, sub, in.ID)
	if err != nil {
		return ReceiptLink{}, err
	}
	if r.ReceiptNumber == nil {
		return ReceiptLink{}, fault.ReceiptNotAllocated.New(fmt.Sprintf("No receipt allocated for order %s.", r.ID))
	}
	return ReceiptLink{Link{s.link(receipts, &r)}}, nil
}

// null is an answer that says nothing.
type null struct{}

// AppendJSON writes null.
func (null) AppendJSON(dst []byte) []byte { return append(dst, "null"...) }

// DecodeNode is never used.
func (*null) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (null) SchemaName() string { return "" }

// DescribeSchema promises nothing.
func (null) DescribeSchema(*schema.Builder) *schema.Schema { return &schema.Schema{} }
