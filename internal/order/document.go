package order

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/invoice"
	"floe/internal/money"
	"floe/internal/organization"
	"floe/internal/payment"
)

// The kinds of document.
const (
	invoices = "invoice"
	receipts = "receipt"
)

// layout is raised when invoices look different, so that they can be made again.
const layout = "1"

// billed says what an invoice that is made now would say of who is billed.
func (r *Row) billed() string {
	sum := sha256.New()
	for _, part := range []string{layout, text(r.BillingName), string(r.BillingAddress), text(r.TaxID)} {
		_, _ = fmt.Fprintf(sum, "%d:%s", len(part), part) // a hash takes everything
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// generateInvoice makes the invoice of an order, or makes it again when the
// billing details have changed. What it says is kept, so that later changes do
// not reach it.
func (s *Service) generateInvoice(ctx context.Context, sub auth.Subject, in byIDInput) (null, error) {
	return null{}, s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.managed(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		if r.Status == Draft || r.Status == Void {
			return fault.OrderNotEligibleForInvoice.New(fmt.Sprintf(
				"Order %s is not eligible for invoice generation (current status: %s).", r.ID, r.Status))
		}
		if text(r.BillingName) == "" || len(r.BillingAddress) == 0 {
			return fault.MissingInvoiceBillingDetails.New()
		}
		sum := r.billed()
		if r.InvoiceSum != nil && *r.InvoiceSum == sum {
			return nil
		}
		return s.issue(ctx, tx, sub, &r, sum)
	})
}

func (s *Service) issue(ctx context.Context, tx *db.Tx, sub auth.Subject, r *Row, sum string) error {
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
	was := *r
	r.InvoiceSum = &sum
	if err := save(ctx, tx, r); err != nil {
		return err
	}
	updated(tx, sub, &was, r)
	return nil
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

func (s *Service) invoice(ctx context.Context, sub auth.Subject, in byIDInput) (InvoiceLink, error) {
	r, err := byID(ctx, s.DB, visible(&sub), in.ID, "")
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
func (s *Service) receipt(ctx context.Context, sub auth.Subject, in byIDInput) (ReceiptLink, error) {
	r, err := byID(ctx, s.DB, visible(&sub), in.ID, "")
	if err != nil {
		return ReceiptLink{}, err
	}
	if r.ReceiptNumber == nil {
		return ReceiptLink{}, fault.ReceiptNotAllocated.New(fmt.Sprintf("No receipt allocated for order %s.", r.ID))
	}
	return ReceiptLink{Link{s.link(receipts, &r)}}, nil
}

// File is a document to be sent.
type File struct {
	Name string
	Body []byte
}

// document draws the document of an order.
func (s *Service) document(ctx context.Context, kind string, org, order id.ID) (f File, err error) {
	var d invoice.Document
	err = s.DB.Read(ctx, func(q db.Querier) error {
		r, err := Find(ctx, q, org, order)
		if err != nil {
			return err
		}
		if kind == receipts {
			if r.ReceiptNumber == nil {
				return fault.NotFound.New()
			}
			f.Name = "Receipt-" + *r.ReceiptNumber + ".pdf"
			d, err = receiptOf(ctx, q, &r)
			return err
		}
		content, err := db.One[[]byte](ctx, q, `SELECT content FROM order_documents WHERE organization_id = ? AND order_id = ?`, org, order)
		if errors.Is(err, db.ErrNoRows) || r.InvoiceNumber == nil {
			return fault.NotFound.New()
		}
		if err != nil {
			return fmt.Errorf("read an invoice: %w", err)
		}
		f.Name = "Invoice-" + *r.InvoiceNumber + ".pdf"
		return json.Unmarshal(content, &d)
	})
	if err != nil {
		return f, err
	}
	f.Body, err = invoice.Render(d)
	return f, err
}

const dateLayout = "January 2, 2006"

func date(t time.Time) string { return t.UTC().Format(dateLayout) }

// invoiceOf is what an invoice says now.
func invoiceOf(ctx context.Context, q db.Querier, r *Row) (invoice.Document, error) {
	d, err := r.document(ctx, q, "Invoice")
	if err != nil {
		return d, err
	}
	d.Facts = append(d.Facts, invoice.Fact{Name: "Invoice number", Value: text(r.InvoiceNumber)})
	if r.IssuedAt != nil {
		d.Facts = append(d.Facts, invoice.Fact{Name: "Date of issue", Value: date(*r.IssuedAt)})
	}
	if r.DueAt != nil {
		d.Facts = append(d.Facts, invoice.Fact{Name: "Due date", Value: date(*r.DueAt)})
	}
	if r.PaidAt != nil {
		d.Facts = append(d.Facts, invoice.Fact{Name: "Paid on", Value: date(*r.PaidAt)})
	}
	paid, open := r.DueAmount(), int64(0)
	if r.Status == Pending {
		paid, open = r.PaidAmount, r.OpenAmount()
	}
	d.Totals = append(d.Totals,
		invoice.Total{Label: "Amount paid", Amount: money.Format(paid, r.Currency)},
		invoice.Total{Label: "Amount due", Amount: money.Format(open, r.Currency), Strong: true})
	if open > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("Please name the invoice number %s with your payment.", text(r.InvoiceNumber)))
	}
	return d, nil
}

// receiptOf is what a receipt says now: what was paid, how, and what was given
// back.
func receiptOf(ctx context.Context, q db.Querier, r *Row) (invoice.Document, error) {
	d, err := r.document(ctx, q, "Receipt")
	if err != nil {
		return d, err
	}
	d.Facts = append(d.Facts, invoice.Fact{Name: "Receipt number", Value: text(r.ReceiptNumber)}, invoice.Fact{Name: "Invoice number", Value: text(r.InvoiceNumber)})
	if r.PaidAt != nil {
		d.Facts = append(d.Facts, invoice.Fact{Name: "Date paid", Value: date(*r.PaidAt)})
	}
	d.Totals = append(d.Totals, invoice.Total{Label: "Amount paid", Amount: money.Format(r.PaidAmount, r.Currency), Strong: true})
	if back := r.RefundedAmount + r.RefundedTaxAmount; back > 0 {
		d.Totals = append(d.Totals, invoice.Total{Label: "Refunded", Amount: money.Format(-back, r.Currency)})
	}
	list, err := paymentsOf(ctx, q, r)
	if err != nil {
		return d, err
	}
	came := invoice.Table{Heading: "Payments", Columns: []string{"Date", "Method", "Reference", "Amount"}}
	for _, p := range list {
		if p.Status == Succeeded {
			came.Rows = append(came.Rows, []string{date(p.PaidAt), method(p.Processor), p.Reference, money.Format(p.Amount, r.Currency)})
		}
	}
	went, err := refundTable(ctx, q, r)
	if err != nil {
		return d, err
	}
	d.Tables = append(d.Tables, came, went)
	return d, nil
}

func method(processor string) string {
	if processor == payment.ManualName {
		return "Outside of this system"
	}
	return processor
}

// refundTable is what was given back.
func refundTable(ctx context.Context, q db.Querier, r *Row) (invoice.Table, error) {
	t := invoice.Table{Heading: "Refunds", Columns: []string{"Date", "Reason", "", "Amount"}}
	list, err := db.All[Refund](ctx, q, `SELECT `+refundColumns+` FROM refunds WHERE organization_id = ? AND order_id = ? AND status = 'succeeded'
		ORDER BY seq`, r.OrganizationID, r.ID)
	if err != nil {
		return t, fmt.Errorf("read the refunds of an order: %w", err)
	}
	for _, f := range list {
		reason := strings.ReplaceAll(string(f.Reason), "_", " ")
		t.Rows = append(t.Rows, []string{date(f.CreatedAt), strings.ToUpper(reason[:1]) + reason[1:], "", money.Format(-f.Amount-f.TaxAmount, r.Currency)})
	}
	return t, nil
}

// document is what invoices and receipts have in common.
func (r *Row) document(ctx context.Context, q db.Querier, title string) (invoice.Document, error) {
	d := invoice.Document{Title: title, Created: r.CreatedAt}
	t, err := organization.TermsOf(ctx, q, r.OrganizationID)
	if err != nil {
		return d, err
	}
	d.Seller, d.Buyer = seller(&t), r.buyer()
	items, err := itemsOf(ctx, q, *r)
	if err != nil {
		return d, err
	}
	for _, item := range items[r.ID] {
		d.Lines = append(d.Lines, invoice.Line{Label: item.Label, Amount: money.Format(item.Amount, r.Currency)})
	}
	add := func(label string, amount int64, strong bool) {
		d.Totals = append(d.Totals, invoice.Total{Label: label, Amount: money.Format(amount, r.Currency), Strong: strong})
	}
	add("Subtotal", r.SubtotalAmount, false)
	if r.DiscountAmount != 0 {
		add("Discount", -r.DiscountAmount, false)
		add("Total without tax", r.NetAmount, false)
	}
	add("Tax", r.TaxAmount, false)
	add("Total ("+strings.ToUpper(r.Currency)+")", r.TotalAmount(), true)
	switch {
	case r.AppliedBalanceAmount < 0:
		add("Paid from balance", r.AppliedBalanceAmount, false)
	case r.AppliedBalanceAmount > 0:
		add("Debt carried over", r.AppliedBalanceAmount, false)
	}
	if over := r.TotalAmount() + r.AppliedBalanceAmount; over < 0 {
		add("Credited to balance", -over, false)
	}
	return d, nil
}

func seller(t *organization.Terms) invoice.Party {
	p := invoice.Party{Heading: "From", Name: t.Name}
	var company struct {
		RegisteredName string `json:"registered_name"`
	}
	if len(t.LegalEntity) > 0 && json.Unmarshal(t.LegalEntity, &company) == nil && company.RegisteredName != "" && company.RegisteredName != t.Name {
		p.Lines = append(p.Lines, company.RegisteredName)
	}
	for _, line := range []*string{t.InvoiceAddress, t.Email, t.Website} {
		if line != nil {
			p.Lines = append(p.Lines, strings.Split(*line, "\n")...)
		}
	}
	if t.Country != nil {
		p.Lines = append(p.Lines, invoice.Country(*t.Country))
	}
	if t.InvoiceTaxID != nil {
		p.Lines = append(p.Lines, "Tax ID: "+*t.InvoiceTaxID)
	}
	return p
}

func (r *Row) buyer() invoice.Party {
	p := invoice.Party{Heading: "Bill to", Name: text(r.BillingName)}
	if len(r.BillingAddress) > 0 {
		for _, key := range []string{"line1", "line2"} {
			p.Lines = appendText(p.Lines, r.addressPart(key))
		}
		town := strings.TrimSpace(r.addressPart("postal_code") + " " + r.addressPart("city"))
		state := r.addressPart("state")
		if _, short, ok := strings.Cut(state, "-"); ok { // US-CA
			state = short
		}
		if state != "" && town != "" {
			town += ", "
		}
		p.Lines = appendText(p.Lines, town+state)
		p.Lines = appendText(p.Lines, invoice.Country(r.addressPart("country")))
	}
	if r.TaxID != nil {
		p.Lines = append(p.Lines, "Tax ID: "+*r.TaxID)
	}
	return p
}

func appendText(lines []string, s string) []string {
	if s == "" {
		return lines
	}
	return append(lines, s)
}
