package customer

import (
	"context"

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
	way, err := s.way(ctx, orgs, in)
	if err != nil {
		return listing.Result[Customer]{}, err
	}
	where := func(r route) *db.W { return filter(orgs, in, s.DB.Engine(), r.ask) }
	q := listing.Query{Columns: columns, From: way.page.from, Order: sortKeys.Order(listing.Names(in.Sorting)), Page: in.Page,
		Where: where(way.page), Key: in.Email != nil, Far: s.DB.Engine() == "postgres" && len(orgs) == 1}
	if in.Query != nil {
		q.Enough = counted
	}
	if way.count.from != way.page.from {
		q.Counted = &listing.Rows{From: way.count.from, Where: where(way.count)}
	}
	if len(way.glance) > 0 {
		q.AtLeast = func(ctx context.Context, q db.Querier, most int) (int, error) {
			return countNamed(ctx, q, way.glance, where(route{}), most)
		}
	}
	if in.unfiltered() {
		q.Total = func(reads *db.Reads) func() int { return countAll(reads, orgs) }
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

// unfiltered lists have a total that is maintained and need not be counted.
func (in *listInput) unfiltered() bool {
	return in.Email == nil && in.Query == nil && in.Active == nil && len(in.Metadata) == 0
}

// subscribed is what makes a customer active. The table is that of a package
// above, whose rows are few for each customer.
const subscribed = `SELECT 1 FROM subscriptions s WHERE s.organization_id = customers.organization_id
	AND s.customer_id = customers.id AND s.status IN ('trialing', 'active', 'past_due')`

func filter(orgs []id.ID, in listInput, engine string, ask []gram) *db.W {
	w := db.Where("").In("organization_id", orgs)
	if in.Email != nil { // only live customers have a key
		w.And("email_key = ?", fold(*in.Email))
	} else {
		w.And("deleted_at IS NULL")
	}
	if in.Query != nil {
		searching(w, engine, orgs, *in.Query, ask)
	}
	if in.Active != nil && *in.Active {
		w.And("EXISTS (" + subscribed + ")")
	} else if in.Active != nil {
		w.And("NOT EXISTS (" + subscribed + ")")
	}
	if len(in.Metadata) > schema.MaxMetadata {
		return w.And("FALSE") // nobody has so many, and no engine plans so many joins
	}
	metadata := make(listing.MetadataFilter, len(in.Metadata))
	for i, m := range in.Metadata {
		metadata[i] = listing.MetadataMatch{Key: m.Key, Values: indexTexts(m.Values)}
	}
	metadata.Narrow(w, orgs, "customers", "customer_metadata", "customer_id")
	return w
}

// Externally filters what customers own by the caller's own ids for live customers.
func Externally(w *db.W, orgs []id.ID, external schema.Many[string]) {
	if external == nil {
		return
	}
	inner := db.Where("deleted_at IS NULL").In("organization_id", orgs).In("external_id", indexTexts(external))
	w.And("customer_id IN (SELECT id FROM customers"+inner.SQL()+")", inner.Args()...)
}
