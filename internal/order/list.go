package order

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
	return []string{"created_at", "-created_at", "status", "-status", "invoice_number", "-invoice_number", "amount", "-amount", "net_amount",
		"-net_amount", "customer", "-customer", "product", "-product", "discount", "-discount", "subscription", "-subscription"}
}

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "OrderSortProperty" }

// sortKeys: what lies in other tables is looked up by key for each order.
var sortKeys = listing.Keys{
	"created_at": {SQL: "created_at"},
	"status": {SQL: `CASE status WHEN 'draft' THEN 1 WHEN 'pending' THEN 2 WHEN 'paid' THEN 3 WHEN 'partially_refunded' THEN 4
		WHEN 'refunded' THEN 5 ELSE 6 END`},
	"invoice_number": {SQL: "invoice_number", Nullable: true},
	"amount":         {SQL: "net_amount"},
	"net_amount":     {SQL: "net_amount"},
	"customer":       {SQL: customer.AddressOf("orders"), Nullable: true},
	"product": {SQL: `(SELECT p.name_key FROM products p WHERE p.organization_id = orders.organization_id AND p.id = orders.product_id)`,
		Nullable: true},
	"discount": {SQL: `(SELECT d.name_key FROM discounts d WHERE d.organization_id = orders.organization_id AND d.id = orders.discount_id)`,
		Nullable: true},
	"subscription": {SQL: "subscription_id", Nullable: true},
}

// BillingType tells what is bought once from what recurs.
type BillingType string

// Enum lists the types.
func (BillingType) Enum() []string { return []string{"one_time", "recurring"} }

// SchemaName is the name of the reference.
func (BillingType) SchemaName() string { return "ProductBillingType" }

type listInput struct {
	listing.Page
	Sorting           []SortKey                `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	Organizations     schema.Many[id.ID]       `query:"organization_id" doc:"Filter by organization ID."`
	Products          schema.Many[id.ID]       `query:"product_id" doc:"Filter by product ID."`
	BillingTypes      schema.Many[BillingType] `query:"product_billing_type" doc:"Filter by the kind of product: bought once, or recurring."`
	Discounts         schema.Many[id.ID]       `query:"discount_id" doc:"Filter by discount ID."`
	Customers         schema.Many[id.ID]       `query:"customer_id" doc:"Filter by customer ID."`
	ExternalCustomers schema.Many[string]      `query:"external_customer_id" doc:"Filter by customer external ID."`
	Checkouts         schema.Many[id.ID]       `query:"checkout_id" doc:"Filter by checkout ID."`
	Subscriptions     schema.Many[id.ID]       `query:"subscription_id" doc:"Filter by subscription ID."`
	Statuses          schema.Many[Status]      `query:"status" doc:"Filter by status."`
	CreatedAfter      *time.Time               `query:"created_after" doc:"Only orders that were created after this time."`
	CreatedBefore     *time.Time               `query:"created_before" doc:"Only orders that were created before this time."`
	Metadata          listing.MetadataFilter   `query:"metadata,deepObject" doc:"Filter by metadata, as in metadata[key]=value."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (listing.Result[Order], error) {
	orgs := visible(&sub, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[Order](), nil
	}
	var out listing.Result[Order]
	err := s.DB.Read(ctx, func(q db.Querier) error {
		l, err := in.query(ctx, q, orgs)
		if err != nil {
			return err
		}
		rows, err := listing.Run[Row](ctx, q, l)
		if err != nil {
			return err
		}
		items, err := s.Public(ctx, q, rows.Items...)
		out = listing.Result[Order]{Items: items, Pagination: rows.Pagination}
		return err
	})
	return out, err
}

// query is the list of orders of organizations.
func (in *listInput) query(ctx context.Context, q db.Querier, orgs []id.ID) (listing.Query, error) {
	criteria := listing.Names(in.Sorting)
	where := func(orgs []id.ID) *db.W { return in.filter(orgs, in.ofFew()) }
	l := listing.Query{Columns: columns, From: "orders", Where: where(orgs), Several: listing.AmongSeveral(orgs, where),
		Order: sortKeys.Order(criteria), Page: in.Page}
	if len(in.Metadata) == 0 || in.ofFew() {
		return l, nil
	}
	rest := *in
	rest.Metadata = nil
	alone := reflect.DeepEqual(rest, listInput{Page: in.Page, Sorting: in.Sorting, Organizations: in.Organizations})
	err := in.Metadata.Seek(ctx, q, &l, criteria, listing.Sought{Described: described, Orgs: orgs, Alone: alone, Time: "created_at",
		All: db.Where("").In("organization_id", orgs), Where: func(check bool) *db.W { return in.filter(orgs, check) }})
	return l, err
}

// ofFew says that the filter leads to the few orders of somebody, whatever
// their metadata.
func (in *listInput) ofFew() bool {
	return in.Customers != nil || in.ExternalCustomers != nil || in.Subscriptions != nil
}

// filter is the condition of the list. With check it looks at the metadata of
// each order, where otherwise these lead to the orders.
func (in *listInput) filter(orgs []id.ID, check bool) *db.W {
	w := db.Where("").In("organization_id", orgs)
	listing.Among(w, "product_id", in.Products)
	listing.Among(w, "discount_id", in.Discounts)
	listing.Among(w, "customer_id", in.Customers)
	listing.Among(w, "checkout_id", in.Checkouts)
	listing.Among(w, "subscription_id", in.Subscriptions)
	listing.Among(w, "status", in.Statuses)
	if in.Statuses != nil && !slices.Contains(in.Statuses, Paid) {
		w.And("status <> 'paid'") // as the index of the few of them says it
	}
	customer.Externally(w, orgs, in.ExternalCustomers)
	ofType(w, orgs, in.BillingTypes)
	w.If(in.CreatedAfter, "created_at > ?").If(in.CreatedBefore, "created_at < ?")
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

// ofType filters by whether the product recurs. Both types together are all
// orders that have a product.
func ofType(w *db.W, orgs []id.ID, types schema.Many[BillingType]) {
	if types == nil {
		return
	}
	inner := db.Where("").In("organization_id", orgs)
	once, recurring := slices.Contains(types, "one_time"), slices.Contains(types, "recurring")
	if once != recurring {
		inner.And("is_recurring = ?", recurring)
	}
	w.And("product_id IN (SELECT id FROM products"+inner.SQL()+")", inner.Args()...)
}

// visible are the organizations whose orders the subject may see.
func visible(sub *auth.Subject, wanted ...id.ID) []id.ID {
	return sub.Organizations(auth.SalesView, wanted...)
}
