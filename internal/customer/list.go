package customer

import (
	"context"
	"slices"

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
	where := func(r route) *db.W { return filter(orgs, in, s.DB.Engine(), r, live) }
	q := listing.Query{Columns: columns, From: way.page.from, Order: sortKeys.Order(listing.Names(in.Sorting)), Page: in.Page,
		Where: where(way.page), Key: in.Email != nil, Known: way.known, Parts: s.parts(orgs, in, way.page)}
	if in.Query == nil && in.Email == nil && !in.narrowed() {
		page := way.page
		q.Several = listing.AmongSeveral(orgs, func(orgs []id.ID) *db.W { return filter(orgs, in, s.DB.Engine(), page, live) })
	}
	if s.DB.Engine() == "postgres" && len(orgs) == 1 {
		q.Far = &listing.Far{Column: "id", Of: orgs}
	}
	if in.Query != nil {
		q.Enough = counted
	}
	if len(way.first) > 0 {
		s.begin(&q, orgs, in, way.first)
	}
	if way.count.from != way.page.from {
		q.Counted = &listing.Rows{From: way.count.from, Where: where(way.count)}
	}
	if glance := way.glance; len(glance) > 0 {
		q.AtLeast = func(ctx context.Context, q db.Querier, most int) (int, error) {
			return countNamed(ctx, q, glance, filter(orgs, in, s.DB.Engine(), route{check: true}, live), most)
		}
	}
	if in.unfiltered() {
		q.Total = func(reads *db.Reads) func() int { return countAll(reads, orgs) }
	}
	rows, err := run(ctx, s.DB, q)
	if err != nil {
		return listing.Result[Customer]{}, err
	}
	out := listing.Result[Customer]{Items: make([]Customer, len(rows.Items)), Pagination: rows.Pagination}
	for i, r := range rows.Items {
		out.Items[i] = s.Public(r)
	}
	return out, nil
}

// begin has a list that is in the order of creation look at its first rows.
func (s *Service) begin(q *listing.Query, orgs []id.ID, in listInput, sizes []int) {
	from, engine := inOrder, s.DB.Engine()
	if engine == "postgres" {
		from = anyhow
	}
	q.Begin(engine, listing.Beginning{Time: "created_at", Down: in.descends(), From: from, All: db.Where(live).In("organization_id", orgs),
		Where: func() *db.W { return filter(orgs, in, engine, route{check: true}, live) }, Sizes: sizes})
}

// run reads a list in parts from one snapshot: between two of them, somebody
// may get an address.
func run(ctx context.Context, d *db.DB, l listing.Query) (rows listing.Result[Row], err error) {
	if len(l.Parts) == 0 {
		return listing.Run[Row](ctx, d, l)
	}
	err = d.Read(ctx, func(q db.Querier) error {
		rows, err = listing.Run[Row](ctx, q, l)
		return err
	})
	return rows, err
}

// parts are those with an address and those without, in the order of the list:
// the index of addresses has each once, so nobody in it need be sorted, and does
// not tell who has none from who was deleted.
func (s *Service) parts(orgs []id.ID, in listInput, page route) []listing.Part {
	if len(orgs) > 1 || in.first() != "email" || !in.unfiltered() && page.from != byEmail {
		return nil
	}
	direction := " ASC"
	if in.Sorting[0][0] == '-' {
		direction = " DESC"
	}
	last := " ORDER BY id" + direction
	if len(in.Sorting) > 1 {
		last = sortKeys.Order(listing.Names(in.Sorting[1:]))
	}
	part := func(among, from, order, column string) listing.Part {
		where := filter(orgs, in, s.DB.Engine(), page, among)
		if s.DB.Engine() == "postgres" {
			return listing.Part{Rows: listing.Rows{From: anyhow, Where: where}, Order: order, Far: &listing.Far{Column: column, Of: orgs}}
		}
		return listing.Part{Rows: listing.Rows{From: from, Where: where}, Order: order}
	}
	parts := []listing.Part{
		part("email_key IS NOT NULL", byEmail, " ORDER BY email_key"+direction, "email_key"),
		part("email_key IS NULL AND "+live, without, last, "id"),
	}
	if direction == " DESC" {
		slices.Reverse(parts)
	}
	return parts
}

// unfiltered lists have a total that is maintained and need not be counted.
func (in *listInput) unfiltered() bool {
	return in.Email == nil && in.Query == nil && in.Active == nil && len(in.Metadata) == 0
}

// runs is what makes a customer active, as the index of subscriptions says it.
// Their table is that of a package above, whose rows are few for each customer.
const runs = "status IN ('trialing', 'active', 'past_due')"

const subscribed = `SELECT 1 FROM subscriptions s WHERE s.organization_id = customers.organization_id
	AND s.customer_id = customers.id AND s.` + runs

// live is the condition of those who are not deleted.
const live = "deleted_at IS NULL"

// filter is the condition of the list among some customers, for those who are
// found on a route.
func filter(orgs []id.ID, in listInput, engine string, r route, among string) *db.W {
	w := db.Where("").In("organization_id", orgs)
	if in.Email != nil { // only live customers have a key
		w.And("email_key = ?", fold(*in.Email))
	} else {
		w.And(among)
	}
	if in.Query != nil {
		searching(w, engine, orgs, *in.Query, r.ask)
	}
	check := r.check && engine == "sqlite" // PostgreSQL sees by itself that it can do both
	switch {
	case in.Active != nil && !*in.Active:
		w.And("NOT EXISTS (" + subscribed + ")")
	case in.Active != nil && check:
		w.And("EXISTS (" + subscribed + ")")
	case in.Active != nil:
		running := db.Where("").In("organization_id", orgs).And(runs)
		w.And("id IN (SELECT customer_id FROM subscriptions"+running.SQL()+")", running.Args()...)
	}
	switch {
	case len(in.Metadata) > schema.MaxMetadata:
		w.And("FALSE") // nobody has so many, and no engine plans so many joins
	case check:
		in.Metadata.Check(w, described)
	default:
		in.Metadata.Narrow(w, orgs, described)
	}
	return w
}

// AddressOf is an expression for the e-mail address, in lower case, of the
// customer whom a row of a table belongs to. Who was deleted has no key any more,
// but the text that is searched, which begins with the address.
func AddressOf(table string) string {
	return `(SELECT COALESCE(c.email_key, CASE WHEN c.email IS NOT NULL THEN c.search END) FROM customers c
		WHERE c.organization_id = ` + table + `.organization_id AND c.id = ` + table + `.customer_id)`
}

// Externally filters what customers own by the caller's own ids for live customers.
func Externally(w *db.W, orgs []id.ID, external schema.Many[string]) {
	if external == nil {
		return
	}
	inner := db.Where("deleted_at IS NULL").In("organization_id", orgs).In("external_id", db.IndexTexts(external, maxIndexed))
	w.And("customer_id IN (SELECT id FROM customers"+inner.SQL()+")", inner.Args()...)
}
