package customer

import (
	"context"
	"strings"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/schema"
)

// SortKey is a sorting criterion of the list.
type SortKey string

// Enum lists the criteria.
func (SortKey) Enum() []string {
	return []string{"created_at", "-created_at", "email", "-email", "name", "-name"}
}

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "CustomerSortProperty" }

// sortKeys: text sorts by its folded form, so that both engines agree and
// letter case does not tear names apart.
var sortKeys = listing.Keys{
	"created_at": {SQL: "created_at"},
	"email":      {SQL: "email_key", Nullable: true},
	"name":       {SQL: "name_key", Nullable: true},
}

type listInput struct {
	listing.Page
	Sorting       []SortKey              `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	Organizations schema.Many[id.ID]     `query:"organization_id" doc:"Filter by organization ID."`
	Email         *string                `query:"email" doc:"Filter by exact email, whatever its letter case."`
	Query         *string                `query:"query" doc:"Filter by a part of the name, email or billing name, or by the start of the external ID."`
	Active        *bool                  `query:"active" doc:"Only customers with, or only those without, a trialing, active or past-due subscription."`
	Metadata      listing.MetadataFilter `query:"metadata,deepObject" doc:"Filter by metadata, as in metadata[key]=value."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (listing.Result[Customer], error) {
	orgs := visible(&sub, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[Customer](), nil
	}
	q := listing.Query{Columns: columns, From: "customers", Order: sortKeys.Order(names(in.Sorting)), Page: in.Page, Where: filter(orgs, in, s.DB.Engine())}
	if in.unfiltered() {
		q.Total = func(ctx context.Context, q db.Querier) (int, error) { return total(ctx, q, orgs) }
	}
	rows, err := listing.Run[Row](ctx, s.DB, q)
	if err != nil {
		return listing.Result[Customer]{}, err
	}
	out := listing.Result[Customer]{Items: make([]Customer, len(rows.Items)), Pagination: rows.Pagination}
	for i, r := range rows.Items {
		out.Items[i] = s.Public(r)
	}
	return out, nil
}

func names(keys []SortKey) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = string(k)
	}
	return out
}

// unfiltered lists have a total that is maintained and need not be counted.
func (in *listInput) unfiltered() bool {
	return in.Email == nil && in.Query == nil && in.Active == nil && len(in.Metadata) == 0
}

// subscribed is what makes a customer active. The table is that of a package
// above, whose rows are few for each customer.
const subscribed = `SELECT 1 FROM subscriptions s WHERE s.organization_id = customers.organization_id
	AND s.customer_id = customers.id AND s.status IN ('trialing', 'active', 'past_due')`

func filter(orgs []id.ID, in listInput, engine string) *db.W {
	w := db.Where("deleted_at IS NULL").In("organization_id", orgs)
	if in.Email != nil {
		w.And("email_key = ?", fold(*in.Email))
	}
	if in.Query != nil {
		searching(w, engine, *in.Query)
	}
	if in.Active != nil && *in.Active {
		w.And("EXISTS (" + subscribed + ")")
	} else if in.Active != nil {
		w.And("NOT EXISTS (" + subscribed + ")")
	}
	for _, m := range in.Metadata {
		inner := db.Where("key = ?", m.Key).In("value", m.Values).In("organization_id", orgs)
		w.And("id IN (SELECT customer_id FROM customer_metadata"+inner.SQL()+")", inner.Args()...)
	}
	return w
}

type exportInput struct {
	Organizations schema.Many[id.ID] `query:"organization_id" doc:"Filter by organization ID."`
}

var exportHeader = []string{"ID", "External ID", "Created At", "Email", "Name", "Tax ID", "Billing Address Line 1", "Billing Address Line 2",
	"Billing Address City", "Billing Address State", "Billing Address Zip", "Billing Address Country", "Metadata"}

func (s *Service) export(ctx context.Context, sub auth.Subject, in exportInput) (api.Table, error) {
	orgs := visible(&sub, in.Organizations...)
	w := db.Where("deleted_at IS NULL").In("organization_id", orgs)
	rows := db.Each[Row](ctx, s.DB, `SELECT `+columns+` FROM customers`+w.SQL()+` ORDER BY created_at, id`, w.Args()...)
	return api.Table{Name: "polar-customers", Header: exportHeader, Rows: func(yield func([]string, error) bool) {
		for r, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(r.record(), nil) {
				return
			}
		}
	}}, nil
}

// record is a customer as a line of the export.
func (r *Row) record() []string {
	address := r.address()
	part := func(key string) string {
		if v := address.Get(key); v != nil && v.Kind == schema.String {
			return v.Text
		}
		return ""
	}
	external := r.ExternalID
	if external == nil {
		external = r.keptExternalID()
	}
	return []string{string(r.ID), orEmpty(external), schema.Offset(r.CreatedAt), orEmpty(r.Email), orEmpty(r.Name), orEmpty(r.TaxID),
		part("line1"), part("line2"), part("city"), part("state"), part("postal_code"), part("country"), spacedJSON(r.Metadata)}
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// spacedJSON writes metadata as text exports do: with a space after commas and
// colons, and everything but ASCII escaped. Nothing stands for an empty map.
func spacedJSON(metadata []byte) string {
	n := schema.Metadata(metadata).Node()
	if len(n.Keys) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, key := range n.Keys {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(asciiJSON(schema.AppendString(nil, key)))
		b.WriteString(": ")
		b.WriteString(asciiJSON(n.Items[i].Append(nil)))
	}
	b.WriteByte('}')
	return b.String()
}

func asciiJSON(text []byte) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	unit := func(u rune) {
		b.WriteString(`\u`)
		for shift := 12; shift >= 0; shift -= 4 {
			b.WriteByte(hex[u>>shift&15])
		}
	}
	for _, r := range string(text) {
		switch {
		case r == 0x7f || r < 0x7f:
			b.WriteRune(r)
		case r > 0xffff:
			unit(0xd800 + (r-0x10000)>>10)
			unit(0xdc00 + (r-0x10000)&0x3ff)
		default:
			unit(r)
		}
	}
	return b.String()
}
