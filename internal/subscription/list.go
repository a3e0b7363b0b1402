package subscription

import (
	"context"
	"reflect"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/listing"
	"floe/internal/schema"
)

// SortKey is a sorting criterion of the list.
type SortKey string

// Enum lists the criteria.
func (SortKey) Enum() []string {
	var out []string
	for _, k := range []string{"customer", "status", "started_at", "current_period_end", "ended_at", "ends_at", "amount", "product", "discount"} {
		out = append(out, k, "-"+k)
	}
	return out
}

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "SubscriptionSortProperty" }

// other is an expression for a column of what a subscription refers to.
func other(column, table, key string) string {
	return "(SELECT o." + column + " FROM " + table + " o WHERE o.organization_id = subscriptions.organization_id AND o.id = subscriptions." + key + ")"
}

var sortKeys = listing.Keys{
	"customer": {SQL: customer.AddressOf("subscriptions"), Nullable: true},
	"status": {SQL: `CASE status WHEN 'incomplete' THEN 1 WHEN 'incomplete_expired' THEN 2 WHEN 'trialing' THEN 3
		WHEN 'active' THEN CASE WHEN cancel_at_period_end THEN 5 ELSE 4 END
		WHEN 'paused' THEN 6 WHEN 'past_due' THEN 7 WHEN 'canceled' THEN 8 ELSE 9 END`},
	"started_at":         {SQL: "started_at"},
	"current_period_end": {SQL: "current_period_end"},
	"ended_at":           {SQL: "ended_at", Nullable: true},
	"ends_at":            {SQL: "ends_at", Nullable: true},
	// Of twelve months, so that nothing is rounded off.
	"amount":   {SQL: "amount * CASE recurring_interval WHEN 'year' THEN 1 WHEN 'week' THEN 48 WHEN 'day' THEN 360 ELSE 12 END"},
	"product":  {SQL: other("name_key", "products", "product_id")},
	"discount": {SQL: other("name_key", "discounts", "discount_id"), Nullable: true},
}

type listInput struct {
	listing.Page
	Sorting            []SortKey              `query:"sorting" first:"" default:"[\"-started_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	Organizations      schema.Many[id.ID]     `query:"organization_id" doc:"Filter by organization ID."`
	Products           schema.Many[id.ID]     `query:"product_id" doc:"Filter by product ID."`
	Customers          schema.Many[id.ID]     `query:"customer_id" doc:"Filter by customer ID."`
	ExternalCustomers  schema.Many[string]    `query:"external_customer_id" doc:"Filter by your own ID of the customer."`
	Discounts          schema.Many[id.ID]     `query:"discount_id" doc:"Filter by discount ID."`
	Active             *bool                  `query:"active" doc:"Only those that are active or trialing, or only those that have ended. Use status instead."`
	Statuses           schema.Many[Status]    `query:"status" doc:"Filter by status."`
	CancelAtPeriodEnd  *bool                  `query:"cancel_at_period_end" doc:"Only those that end with the period, or only the others."`
	Reasons            schema.Many[Reason]    `query:"customer_cancellation_reason" doc:"Filter by why the customer has canceled."`
	CanceledAtOrAfter  *time.Time             `query:"canceled_at_after" doc:"Only those that were canceled at this time or later."`
	CanceledAtOrBefore *time.Time             `query:"canceled_at_before" doc:"Only those that were canceled at this time or earlier."`
	StartedAfter       *time.Time             `query:"started_after" doc:"Only those that began after this time."`
	StartedBefore      *time.Time             `query:"started_before" doc:"Only those that began before this time."`
	Metadata           listing.MetadataFilter `query:"metadata,deepObject" doc:"Filter by metadata, as in metadata[key]=value."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (out listing.Result[Subscription], err error) {
	orgs := visible(&sub, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[Subscription](), nil
	}
	err = s.DB.Read(ctx, func(r db.Querier) error {
		l, err := in.query(ctx, r, orgs)
		if err != nil {
			return err
		}
		rows, err := listing.Run[Row](ctx, r, l)
		if err != nil {
			return err
		}
		out.Pagination = rows.Pagination
		out.Items, err = s.Public(ctx, r, rows.Items...)
		return err
	})
	return out, err
}

// query is the list of subscriptions of organizations.
func (in *listInput) query(ctx context.Context, q db.Querier, orgs []id.ID) (listing.Query, error) {
	criteria := listing.Names(in.Sorting)
	where := func(orgs []id.ID) *db.W { return in.filter(orgs, in.ofFew()) }
	l := listing.Query{Columns: columns, From: "subscriptions", Where: where(orgs), Several: listing.AmongSeveral(orgs, where),
		Order: sortKeys.Order(criteria), Page: in.Page}
	if len(in.Metadata) == 0 || in.ofFew() {
		return l, nil
	}
	rest := *in
	rest.Metadata = nil
	alone := reflect.DeepEqual(rest, listInput{Page: in.Page, Sorting: in.Sorting, Organizations: in.Organizations})
	err := in.Metadata.Seek(ctx, q, &l, criteria, listing.Sought{Described: described, Orgs: orgs, Alone: alone, Time: "started_at",
		All: db.Where(begun).In("organization_id", orgs), Where: func(check bool) *db.W { return in.filter(orgs, check) }})
	return l, err
}

// ofFew says that the filter leads to the few subscriptions of somebody,
// whatever their metadata.
func (in *listInput) ofFew() bool { return in.Customers != nil || in.ExternalCustomers != nil }

// begun is the condition of the subscriptions that are shown.
const begun = "started_at IS NOT NULL"

// filter is the condition of the list. With check it looks at the metadata of
// each subscription, where otherwise these lead to the subscriptions.
func (in *listInput) filter(orgs []id.ID, check bool) *db.W {
	w := db.Where(begun).In("organization_id", orgs)
	listing.Among(w, "product_id", in.Products)
	listing.Among(w, "customer_id", in.Customers)
	listing.Among(w, "discount_id", in.Discounts)
	listing.Among(w, "status", in.Statuses)
	if in.Statuses != nil && !slices.Contains(in.Statuses, Active) && !slices.Contains(in.Statuses, Canceled) {
		w.And("status NOT IN ('active', 'canceled')") // as the index of the few of them says it
	}
	listing.Among(w, "customer_cancellation_reason", in.Reasons)
	w.If(in.CancelAtPeriodEnd, "cancel_at_period_end = ?")
	w.If(in.CanceledAtOrAfter, "canceled_at >= ?").If(in.CanceledAtOrBefore, "canceled_at <= ?")
	w.If(in.StartedAfter, "started_at > ?").If(in.StartedBefore, "started_at < ?")
	if in.Active != nil && *in.Active {
		w.In("status", []Status{Trialing, Active})
	} else if in.Active != nil {
		w.In("status", []Status{Canceled, Unpaid})
	}
	customer.Externally(w, orgs, in.ExternalCustomers)
	if len(in.Metadata) > schema.MaxMetadata {
		return w.And("FALSE") // nothing has so many, and no engine takes so many conditions
	}
	if check {
		in.Metadata.Check(w, described)
	} else {
		in.Metadata.Narrow(w, orgs, described)
	}
	return w
}
