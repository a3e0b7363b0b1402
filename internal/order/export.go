package order

import (
	"context"
	"iter"
	"slices"
	"strconv"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Column is a column of the export.
type Column string

// Enum lists the columns, those of the default first.
func (Column) Enum() []string {
	return []string{"email", "created_at", "product", "net_amount", "currency", "status", "invoice_number", "customer_name", "billing_name",
		"billing_country", "subtotal_amount", "discount_amount", "tax_amount", "total_amount", "refunded_amount", "billing_reason"}
}

// SchemaName is the name of the reference.
func (Column) SchemaName() string { return "OrderExportColumn" }

const defaultColumns = 7

// exported is what the export reads of an order.
type exported struct {
	Row
	Email        *string
	CustomerName *string
}

// cells say how each column is headed and written.
var cells = map[Column]struct {
	header string
	text   func(e *exported, zone schema.Zone) string
}{
	"email":           {"Email", func(e *exported, _ schema.Zone) string { return text(e.Email) }},
	"created_at":      {"Created At", func(e *exported, z schema.Zone) string { return z.In(e.CreatedAt) }},
	"product":         {"Product", func(e *exported, _ schema.Zone) string { return e.Description }},
	"net_amount":      {"Net Amount", func(e *exported, _ schema.Zone) string { return hundredths(e.NetAmount) }},
	"currency":        {"Currency", func(e *exported, _ schema.Zone) string { return e.Currency }},
	"status":          {"Status", func(e *exported, _ schema.Zone) string { return string(e.Status) }},
	"invoice_number":  {"Invoice number", func(e *exported, _ schema.Zone) string { return text(e.InvoiceNumber) }},
	"customer_name":   {"Customer Name", func(e *exported, _ schema.Zone) string { return text(e.CustomerName) }},
	"billing_name":    {"Billing Name", func(e *exported, _ schema.Zone) string { return text(e.BillingName) }},
	"billing_country": {"Billing Country", func(e *exported, _ schema.Zone) string { return e.addressPart("country") }},
	"subtotal_amount": {"Subtotal", func(e *exported, _ schema.Zone) string { return hundredths(e.SubtotalAmount) }},
	"discount_amount": {"Discount", func(e *exported, _ schema.Zone) string { return hundredths(e.DiscountAmount) }},
	"tax_amount":      {"Tax", func(e *exported, _ schema.Zone) string { return hundredths(e.TaxAmount) }},
	"total_amount":    {"Total", func(e *exported, _ schema.Zone) string { return hundredths(e.TotalAmount()) }},
	"refunded_amount": {"Refunded Amount", func(e *exported, _ schema.Zone) string { return hundredths(e.RefundedAmount) }},
	"billing_reason":  {"Billing Reason", func(e *exported, _ schema.Zone) string { return string(e.Reason.Public()) }},
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// hundredths writes an amount divided by a hundred as the contract does, for
// every currency: 10.0, 12.5, 0.05.
func hundredths(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	out := sign + strconv.FormatInt(n/100, 10) + "." + strconv.FormatInt(n/10%10, 10)
	if n%10 != 0 {
		out += strconv.FormatInt(n%10, 10)
	}
	return out
}

// addressPart is one line of the billing address.
func (r *Row) addressPart(key string) string {
	if len(r.BillingAddress) == 0 {
		return ""
	}
	n, err := schema.Parse(r.BillingAddress)
	if err != nil {
		return ""
	}
	if v := n.Get(key); v != nil && v.Kind == schema.String {
		return v.Text
	}
	return ""
}

type exportInput struct {
	Organizations schema.Many[id.ID]  `query:"organization_id" doc:"Filter by organization ID."`
	Products      schema.Many[id.ID]  `query:"product_id" doc:"Filter by product ID."`
	Statuses      schema.Many[Status] `query:"status" doc:"Filter by status."`
	CreatedAfter  *schema.Aware       `query:"created_after" doc:"Only orders that were created after this time, which must say its offset from UTC."`
	CreatedBefore *schema.Aware       `query:"created_before" doc:"Only orders that were created before this time, which must say its offset from UTC."`
	Zone          schema.Zone         `query:"timezone" default:"\"UTC\"" doc:"The time zone of the dates, by its IANA name."`
	Columns       schema.Many[Column] `query:"columns" doc:"Which columns, in their order. Without any: email, created_at, product, net_amount, currency, status and invoice_number."`
}

// maxRows is how many rows an export has at most.
const maxRows = 1_000_000

func (s *Service) export(ctx context.Context, sub auth.Subject, in exportInput) (api.Table, error) {
	columns := []Column(in.Columns)
	if len(columns) == 0 {
		for _, c := range Column("").Enum()[:defaultColumns] {
			columns = append(columns, Column(c))
		}
	}
	t := api.Table{Name: "polar-orders", Header: make([]string, len(columns))}
	for i, c := range columns {
		t.Header[i] = cells[c].header
	}
	for _, at := range []*schema.Aware{in.CreatedAfter, in.CreatedBefore} {
		if at != nil {
			t.Name += "-" + at.In(in.Zone.Location()).Format(time.DateOnly)
		}
	}
	orgs := visible(&sub, in.Organizations...)
	if len(orgs) == 0 {
		t.Rows = func(func([]string, error) bool) {}
		return t, nil
	}
	t.Rows = records(s.exported(ctx, orgs, &in), columns, in.Zone)
	return t, nil
}

func (s *Service) exported(ctx context.Context, orgs []id.ID, in *exportInput) iter.Seq2[exported, error] {
	return db.InPieces(len(orgs), maxRows, func(i int, last *exported, limit int) ([]exported, error) {
		w := in.filter(orgs[i])
		if last != nil {
			w.And("(created_at, id) < (?, ?)", last.CreatedAt, last.ID)
		}
		return db.All[exported](ctx, s.DB, `SELECT `+columns+`,
			(SELECT c.email FROM customers c WHERE c.organization_id = orders.organization_id AND c.id = orders.customer_id) AS email,
			(SELECT c.name FROM customers c WHERE c.organization_id = orders.organization_id AND c.id = orders.customer_id) AS customer_name
			FROM orders`+w.SQL()+` ORDER BY created_at DESC, id DESC LIMIT ?`, append(slices.Clip(w.Args()), limit)...)
	}, later)
}

// later says which of two comes first in an export.
func later(a, b *exported) bool {
	if !a.CreatedAt.Equal(b.CreatedAt) {
		return a.CreatedAt.After(b.CreatedAt)
	}
	return a.ID > b.ID
}

func (in *exportInput) filter(org id.ID) *db.W {
	w := db.Where("").In("organization_id", []id.ID{org})
	among(w, "product_id", in.Products)
	among(w, "status", in.Statuses)
	if in.CreatedAfter != nil {
		w.And("created_at > ?", in.CreatedAfter.Time)
	}
	if in.CreatedBefore != nil {
		w.And("created_at < ?", in.CreatedBefore.Time)
	}
	return w
}

func records(rows iter.Seq2[exported, error], columns []Column, zone schema.Zone) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		for e, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			record := make([]string, len(columns))
			for i, c := range columns {
				record[i] = cells[c].text(&e, zone)
			}
			if !yield(record, nil) {
				return
			}
		}
	}
}
