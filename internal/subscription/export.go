package subscription

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"time"

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
	return []string{"email", "started_at", "product", "amount", "currency", "status", "recurring_interval", "customer_name", "billing_name",
		"billing_country", "net_amount", "discount", "seats", "current_period_start", "current_period_end", "cancel_at_period_end",
		"canceled_at", "ends_at", "ended_at", "cancellation_reason", "trial_start", "trial_end"}
}

// SchemaName is the name of the reference.
func (Column) SchemaName() string { return "SubscriptionExportColumn" }

var defaultColumns = []Column{"email", "started_at", "product", "amount", "currency", "status", "recurring_interval"}

// exported is what the export reads of a subscription.
type exported struct {
	Row
	Email          *string
	CustomerName   *string
	BillingName    *string
	BillingAddress []byte
	ProductName    *string
	DiscountCode   *string
	DiscountName   *string
}

// cells say how each column is headed and written.
var cells = map[Column]struct {
	header string
	text   func(e *exported, zone schema.Zone) string
}{
	"email":                {"Email", func(e *exported, _ schema.Zone) string { return first(e.Email) }},
	"started_at":           {"Started At", func(e *exported, z schema.Zone) string { return when(e.StartedAt, z) }},
	"product":              {"Product", func(e *exported, _ schema.Zone) string { return first(e.ProductName) }},
	"amount":               {"Amount", func(e *exported, _ schema.Zone) string { return money.Hundredths(e.Amount) }},
	"currency":             {"Currency", func(e *exported, _ schema.Zone) string { return e.Currency }},
	"status":               {"Status", func(e *exported, _ schema.Zone) string { return string(e.Status) }},
	"recurring_interval":   {"Billing Interval", func(e *exported, _ schema.Zone) string { return e.interval() }},
	"customer_name":        {"Customer Name", func(e *exported, _ schema.Zone) string { return first(e.CustomerName) }},
	"billing_name":         {"Billing Name", func(e *exported, _ schema.Zone) string { return first(e.BillingName, e.CustomerName) }},
	"billing_country":      {"Billing Country", func(e *exported, _ schema.Zone) string { return e.country() }},
	"net_amount":           {"Net Amount", func(e *exported, _ schema.Zone) string { return money.Hundredths(e.Amount) }},
	"discount":             {"Discount", func(e *exported, _ schema.Zone) string { return first(e.DiscountCode, e.DiscountName) }},
	"seats":                {"Seats", func(e *exported, _ schema.Zone) string { return number(e.Seats) }},
	"current_period_start": {"Current Period Start", func(e *exported, z schema.Zone) string { return z.In(e.CurrentPeriodStart) }},
	"current_period_end":   {"Current Period End", func(e *exported, z schema.Zone) string { return z.In(e.CurrentPeriodEnd) }},
	"cancel_at_period_end": {"Cancels At Period End", func(e *exported, _ schema.Zone) string { return strconv.FormatBool(e.CancelAtPeriodEnd) }},
	"canceled_at":          {"Canceled At", func(e *exported, z schema.Zone) string { return when(e.CanceledAt, z) }},
	"ends_at":              {"Ends At", func(e *exported, z schema.Zone) string { return when(e.EndsAt, z) }},
	"ended_at":             {"Ended At", func(e *exported, z schema.Zone) string { return when(e.EndedAt, z) }},
	"cancellation_reason":  {"Cancellation Reason", func(e *exported, _ schema.Zone) string { return first((*string)(e.CustomerCancellationReason)) }},
	"trial_start":          {"Trial Start", func(e *exported, z schema.Zone) string { return when(e.TrialStart, z) }},
	"trial_end":            {"Trial End", func(e *exported, z schema.Zone) string { return when(e.TrialEnd, z) }},
}

// first is the first text that is there.
func first(texts ...*string) string {
	for _, s := range texts {
		if s != nil && *s != "" {
			return *s
		}
	}
	return ""
}

func when(t *time.Time, z schema.Zone) string {
	if t == nil {
		return ""
	}
	return z.In(*t)
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return strconv.Itoa(*n)
}

func (e *exported) interval() string {
	if e.RecurringIntervalCount == 1 {
		return string(e.RecurringInterval)
	}
	return fmt.Sprintf("%d %ss", e.RecurringIntervalCount, e.RecurringInterval)
}

func (e *exported) country() string {
	return schema.Metadata(e.BillingAddress).Node().TextAt("country")
}

type exportInput struct {
	Organizations     schema.Many[id.ID]  `query:"organization_id" doc:"Filter by organization ID."`
	Products          schema.Many[id.ID]  `query:"product_id" doc:"Filter by product ID."`
	Statuses          schema.Many[Status] `query:"status" doc:"Filter by status."`
	CancelAtPeriodEnd *bool               `query:"cancel_at_period_end" doc:"Only those that end with the period, or only the others."`
	StartedAfter      *schema.Aware       `query:"started_after" doc:"Only those that began after this time, which must say its offset from UTC."`
	StartedBefore     *schema.Aware       `query:"started_before" doc:"Only those that began before this time, which must say its offset from UTC."`
	Zone              schema.Zone         `query:"timezone" default:"\"UTC\"" doc:"The time zone of the dates, by its IANA name."`
	Columns           schema.Many[Column] `query:"columns" doc:"Which columns, in their order. Without any: email, started_at, product, amount, currency, status and recurring_interval."`
}

// maxRows is how many rows an export has at most.
const maxRows = 1_000_000

func (s *Service) export(ctx context.Context, sub auth.Subject, in exportInput) (api.Table, error) {
	e := listing.Export[Column, exported]{Name: "polar-subscriptions", Columns: in.Columns, Default: defaultColumns, Zone: in.Zone,
		Cell:    func(c Column) (string, func(*exported, schema.Zone) string) { return cells[c].header, cells[c].text },
		Between: [2]*schema.Aware{in.StartedAfter, in.StartedBefore}}
	return e.Table(s.exported(ctx, visible(&sub, in.Organizations...), &in)), nil
}

func (s *Service) exported(ctx context.Context, orgs []id.ID, in *exportInput) iter.Seq2[exported, error] {
	more := other("email", "customers", "customer_id") + " AS email, " +
		other("name", "customers", "customer_id") + " AS customer_name, " +
		other("billing_name", "customers", "customer_id") + " AS billing_name, " +
		other("billing_address", "customers", "customer_id") + " AS billing_address, " +
		other("name", "products", "product_id") + " AS product_name, " +
		other("code", "discounts", "discount_id") + " AS discount_code, " +
		other("name", "discounts", "discount_id") + " AS discount_name"
	return db.InPieces(len(orgs), maxRows, func(i int, last *exported, limit int) ([]exported, error) {
		w := in.filter(orgs[i])
		if last != nil {
			w.And("(started_at, id) < (?, ?)", *last.StartedAt, last.ID)
		}
		return db.All[exported](ctx, s.DB, `SELECT `+columns+`, `+more+` FROM subscriptions`+w.SQL()+
			` ORDER BY started_at DESC, id DESC LIMIT ?`, append(slices.Clip(w.Args()), limit)...)
	}, later)
}

// later says which of two comes first in an export.
func later(a, b *exported) bool {
	if !a.StartedAt.Equal(*b.StartedAt) {
		return a.StartedAt.After(*b.StartedAt)
	}
	return a.ID > b.ID
}

func (in *exportInput) filter(org id.ID) *db.W {
	w := db.Where("started_at IS NOT NULL").In("organization_id", []id.ID{org})
	listing.Among(w, "product_id", in.Products)
	listing.Among(w, "status", in.Statuses)
	w.If(in.CancelAtPeriodEnd, "cancel_at_period_end = ?")
	if in.StartedAfter != nil {
		w.And("started_at > ?", in.StartedAfter.Time)
	}
	if in.StartedBefore != nil {
		w.And("started_at < ?", in.StartedBefore.Time)
	}
	return w
}
