package document

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/invoice"
	"floe/internal/money"
	"floe/internal/order"
	"floe/internal/organization"
	"floe/internal/payment"
	"floe/internal/refund"
)

// file is a document to be sent.
type file struct {
	Name string
	Body []byte
}

// draw draws the document of an order.
func (s *Service) draw(ctx context.Context, kind string, org, orderID id.ID) (f file, err error) {
	var d invoice.Document
	err = s.DB.Read(ctx, func(q db.Querier) error {
		r, err := order.Find(ctx, q, org, orderID)
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
		content, err := db.One[[]byte](ctx, q, `SELECT content FROM order_documents WHERE organization_id = ? AND order_id = ?`, org, orderID)
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
func invoiceOf(ctx context.Context, q db.Querier, r *order.Row) (invoice.Document, error) {
	d, err := content(ctx, q, r, "Invoice")
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
	list, err := order.PaymentsOf(ctx, q, r)
	if err != nil {
		return d, err
	}
	d.Facts = append(d.Facts, paidOn("Paid on", r, list)...)
	paid, open := r.DueAmount(), int64(0)
	if r.Status == order.Pending {
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
func receiptOf(ctx context.Context, q db.Querier, r *order.Row) (invoice.Document, error) {
	d, err := content(ctx, q, r, "Receipt")
	if err != nil {
		return d, err
	}
	d.Facts = append(d.Facts, invoice.Fact{Name: "Receipt number", Value: text(r.ReceiptNumber)}, invoice.Fact{Name: "Invoice number", Value: text(r.InvoiceNumber)})
	list, err := order.PaymentsOf(ctx, q, r)
	if err != nil {
		return d, err
	}
	d.Facts = append(d.Facts, paidOn("Date paid", r, list)...)
	d.Totals = append(d.Totals, invoice.Total{Label: "Amount paid", Amount: money.Format(r.PaidAmount, r.Currency), Strong: true})
	if back := r.RefundedAmount + r.RefundedTaxAmount; back > 0 {
		d.Totals = append(d.Totals, invoice.Total{Label: "Refunded", Amount: money.Format(-back, r.Currency)})
	}
	came := invoice.Table{Heading: "Payments", Columns: []string{"Date", "Method", "Reference", "Amount"}}
	for _, p := range list {
		amount := p.Amount
		switch {
		case p.Status == order.Returned && p.Surplus: // of before the order was taken up again
			amount = -amount
		case p.Status != order.Succeeded:
			continue
		}
		came.Rows = append(came.Rows, []string{date(p.PaidAt), method(p.Processor), p.Reference, money.Format(amount, r.Currency)})
	}
	went, err := refundTable(ctx, q, r, list)
	if err != nil {
		return d, err
	}
	d.Tables = append(d.Tables, came, went)
	return d, nil
}

// paidOn is the day on which the last of the money moved, which may be before
// it was recorded; where no money had to, the day on which that was so.
func paidOn(name string, r *order.Row, list []order.PaymentRow) []invoice.Fact {
	if r.PaidAt == nil {
		return nil
	}
	day := time.Time{}
	for _, p := range list {
		if p.Status == order.Succeeded && !p.Surplus && p.PaidAt.After(day) {
			day = p.PaidAt
		}
	}
	if day.IsZero() {
		day = *r.PaidAt
	}
	return []invoice.Fact{{Name: name, Value: date(day)}}
}

func method(processor string) string {
	if processor == payment.ManualName {
		return "Outside of this system"
	}
	return processor
}

// refundTable is what was given back, on the day on which the money moved where
// payments say so.
func refundTable(ctx context.Context, q db.Querier, r *order.Row, payments []order.PaymentRow) (invoice.Table, error) {
	t := invoice.Table{Heading: "Refunds", Columns: []string{"Date", "Reason", "", "Amount"}}
	list, err := refund.MadeOf(ctx, q, r)
	if err != nil {
		return t, err
	}
	moved := map[id.ID]time.Time{}
	for _, p := range payments {
		if p.Status == order.Returned { // the payment of another refund is the one that was given back
			moved[p.ID] = p.PaidAt
		}
	}
	for _, f := range list {
		day := f.CreatedAt
		if f.PaymentID != nil && !moved[*f.PaymentID].IsZero() {
			day = moved[*f.PaymentID]
		}
		reason := strings.ReplaceAll(string(f.Reason), "_", " ")
		t.Rows = append(t.Rows, []string{date(day), strings.ToUpper(reason[:1]) + reason[1:], "", money.Format(-f.Amount-f.TaxAmount, r.Currency)})
	}
	return t, nil
}

// content is what invoices and receipts have in common.
func content(ctx context.Context, q db.Querier, r *order.Row, title string) (invoice.Document, error) {
	d := invoice.Document{Title: title, Created: r.CreatedAt}
	t, err := organization.TermsOf(ctx, q, r.OrganizationID)
	if err != nil {
		return d, err
	}
	d.Seller, d.Buyer = seller(&t), buyer(r)
	items, err := order.ItemsOf(ctx, q, r)
	if err != nil {
		return d, err
	}
	for _, item := range items {
		d.Lines = append(d.Lines, invoice.Line{Label: item.Label, Amount: money.Format(item.Amount, r.Currency)})
	}
	add := func(label string, amount int64, strong bool) {
		d.Totals = append(d.Totals, invoice.Total{Label: label, Amount: money.Format(amount, r.Currency), Strong: strong})
	}
	add("Subtotal", r.SubtotalAmount, false)
	if r.DiscountAmount != 0 {
		add("Discount", -r.DiscountAmount, false)
	}
	if r.NetAmount != r.SubtotalAmount { // of a discount, or taxes within
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

func buyer(r *order.Row) invoice.Party {
	p := invoice.Party{Heading: "Bill to", Name: text(r.BillingName)}
	if len(r.BillingAddress) > 0 {
		p.Lines = append(p.Lines, lines(r)...)
	}
	if r.TaxID != nil {
		p.Lines = append(p.Lines, "Tax ID: "+*r.TaxID)
	}
	return p
}

// lines are those of the billing address.
func lines(r *order.Row) (out []string) {
	add := func(line string) {
		if line != "" {
			out = append(out, line)
		}
	}
	add(r.AddressPart("line1"))
	add(r.AddressPart("line2"))
	town := strings.TrimSpace(r.AddressPart("postal_code") + " " + r.AddressPart("city"))
	state := r.AddressPart("state")
	if _, short, ok := strings.Cut(state, "-"); ok { // US-CA
		state = short
	}
	if state != "" && town != "" {
		town += ", "
	}
	add(town + state)
	add(invoice.Country(r.AddressPart("country")))
	return out
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
