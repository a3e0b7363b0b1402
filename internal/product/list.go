package product

import (
	"context"
	"reflect"

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
	return []string{"created_at", "-created_at", "name", "-name", "price_amount_type", "-price_amount_type", "price_amount", "-price_amount"}
}

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "ProductSortProperty" }

var sortKeys = listing.Keys{
	"created_at":        {SQL: "created_at"},
	"name":              {SQL: "name_key"},
	"price_amount_type": {SQL: "price_rank", Nullable: true},
	"price_amount":      {SQL: "price_sort", Nullable: true},
}

// visibilities is a filter by one or several of them.
type visibilities []Visibility

var visibilitiesPlan = schema.PlanOf(reflect.TypeFor[[]Visibility](), "")

// DecodeNode reads the list.
func (v *visibilities) DecodeNode(n *schema.Node, at *schema.At) {
	visibilitiesPlan.Decode(n, at, reflect.ValueOf((*[]Visibility)(v)).Elem())
}

// SchemaName says that the schema is written in place.
func (visibilities) SchemaName() string { return "" }

// DescribeSchema describes the list.
func (visibilities) DescribeSchema(b *schema.Builder) *schema.Schema {
	return schema.Nullable(visibilitiesPlan.Schema(b))
}

type listInput struct {
	listing.Page
	Sorting       []SortKey              `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	IDs           schema.Many[id.ID]     `query:"id" doc:"Filter by product ID."`
	Organizations schema.Many[id.ID]     `query:"organization_id" doc:"Filter by organization ID."`
	Query         *string                `query:"query" doc:"Filter by a part of the name."`
	IsArchived    *bool                  `query:"is_archived" doc:"Only archived products, or only those that are not. By default both."`
	IsRecurring   *bool                  `query:"is_recurring" doc:"Only subscriptions, or only what is bought once."`
	Benefits      schema.Many[id.ID]     `query:"benefit_id" doc:"Filter by what the products grant."`
	Visibility    visibilities           `query:"visibility" factory:"[]" doc:"Filter by visibility."`
	Metadata      listing.MetadataFilter `query:"metadata,deepObject" doc:"Filter by metadata, as in metadata[key]=value."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (out listing.Result[Full], err error) {
	orgs := visible(&sub, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[Full](), nil
	}
	err = s.DB.Read(ctx, func(q db.Querier) error {
		rows, err := listing.Run[Row](ctx, q, listing.Query{Columns: columns, From: "products", Order: sortKeys.Order(listing.Names(in.Sorting)), Page: in.Page,
			Where: filter(q, orgs, &in)})
		if err != nil {
			return err
		}
		loaded, err := load(ctx, q, rows.Items)
		if err != nil {
			return err
		}
		out.Pagination = rows.Pagination
		out.Items, err = s.Full(ctx, q, loaded...)
		return err
	})
	return out, err
}

func filter(q db.Querier, orgs []id.ID, in *listInput) *db.W {
	w := db.Where("deleted_at IS NULL").In("organization_id", orgs)
	if len(in.IDs) > 0 {
		w.In("id", in.IDs)
	}
	if in.Query != nil && *in.Query != "" {
		w.And(`name_key LIKE ? ESCAPE '\'`, db.LikeContains(fold(*in.Query)))
	}
	w.If(in.IsArchived, "is_archived = ?")
	w.If(in.IsRecurring, "is_recurring = ?")
	if len(in.Benefits) > 0 {
		inner := db.Where("").In("benefit_id", in.Benefits).In("organization_id", orgs)
		w.And("id IN (SELECT product_id FROM product_benefits"+inner.SQL()+")", inner.Args()...)
	}
	if len(in.Visibility) > 0 {
		w.In("visibility", in.Visibility)
	}
	if len(in.Metadata) > schema.MaxMetadata {
		return w.And("FALSE") // nothing has so many, and no engine takes so many conditions
	}
	for _, m := range in.Metadata {
		inner := db.Where("").In(q.JSONText("metadata"), m.Values)
		w.And(inner.SQL()[len(" WHERE "):], append([]any{m.Key}, inner.Args()...)...)
	}
	return w
}
