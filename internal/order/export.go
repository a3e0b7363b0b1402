package order

import (
	"context"
	"iter"
	"slices"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/money"
	"floe/internal/schema"
)

// Column is a column of the export.
type Column string

// Enum lists the columns.
func (Column) Enum() []string {
	return []string{"email", "created_at", "product", "net_amount", "currency", "status", "invoice_number", "customer_name", "billing_name",
		"billing_country", "subtotal_amount", "discount_amount", "tax_amount", "total_amount", "refunded_amount", "billing_reason"}
}

// SchemaName is the name of the reference.
func (Column) SchemaName() string { return "OrderExportColumn" }

var defaultColumns = []Column{"email", "created_at", "product", "net_amount", "currency", "status", "invoice_number"}

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
	"net_amount":      {"Net Amount", func(e *exported, _ schema.Zone) string { return money.Hundredths(e.NetAmount) }},
	"currency":        {"Currency", func(e *exported, _ schema.Zone) string { return e.Currency }},
	"status":          {"Status", func(e *exported, _ schema.Zone) string { return string(e.Status) }},
	"invoice_number":  {"Invoice number", func(e *exported, _ schema.Zone) string { return text(e.InvoiceNumber) }},
	"customer_name":   {"Customer Name", func(e *exported, _ schema.Zone) string { return text(e.CustomerName) }},
	"billing_name":    {"Billing Name", func(e *exported, _ schema.Zone) string { return text(e.BillingName) }},
	"billing_country": {"Billing Country", func(e *exported, _ schema.Zone) string { return e.AddressPart("country") }},
	"subtotal_amount": {"Subtotal", func(e *exported, _ schema.Zone) string { return money.Hundredths(e.SubtotalAmount) }},
	"discount_amount": {"Discount", func(e *exported, _ schema.Zone) string { return money.Hundredths(e.DiscountAmount) }},
	"tax_amount":      {"Tax", func(e *exported, _ schema.Zone) string { return money.Hundredths(e.TaxAmount) }},
	"total_amount":    {"Total", func(e *exported, _ schema.Zone) string { return money.Hundredths(e.TotalAmount()) }},
	"refunded_amount": {"Refunded Amount", func(e *exported, _ schema.Zone) string { return money.Hundredths(e.RefundedAmount) }},
	"billing_reason":  {"Billing Reason", func(e *exported, _ schema.Zone) string { return string(e.Reason.Public()) }},
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// AddressPart is one line of the billing address.
func (r *Row) AddressPart(key string) string {
	return schema.Metadata(r.BillingAddress).Node().TextAt(key)
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
	e := listing.Export[Column, exported]{Name: "polar-orders", Columns: in.Columns, Default: defaultColumns, Zone: in.Zone,
		Cell:    func(c Column) (string, func(*exported, schema.Zone) string) { return cells[c].header, cells[c].text },
		Between: [2]*schema.Aware{in.CreatedAfter, in.CreatedBefore}}
	return e.Table(s.exported(ctx, visible(&sub, in.Organizations...), &in)), nil
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
	listing.Among(w, "product_id", in.Products)
	listing.Among(w, "status", in.Statuses)
	if in.CreatedAfter != nil {
		w.And("created_at > ?", in.CreatedAfter.Time)
	}
	if in.CreatedBefore != nil {
		w.And("created_at < ?", in.CreatedBefore.Time)
	}
	return w
}
