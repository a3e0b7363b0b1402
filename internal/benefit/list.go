package benefit

import (
	"context"
	"slices"
	"strings"

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
	return []string{"created_at", "-created_at", "description", "-description", "type", "-type", "user_order", "-user_order"}
}

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "BenefitSortProperty" }

var sortKeys = listing.Keys{
	"created_at":  {SQL: "created_at"},
	"description": {SQL: "description_key"},
	"type":        {SQL: "type"},
	"user_order":  {SQL: "created_at"}, // without ids there is no order of the user's
}

type listInput struct {
	listing.Page
	Sorting       []SortKey              `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it. user_order is that of the id filter."`
	Organizations schema.Many[id.ID]     `query:"organization_id" doc:"Filter by organization ID."`
	Types         schema.Many[Type]      `query:"type" doc:"Filter by type of benefit."`
	IDs           schema.Many[id.ID]     `query:"id" doc:"Filter by benefit ID."`
	Except        schema.Many[id.ID]     `query:"exclude_id" doc:"Leave out benefits with these IDs."`
	Query         *string                `query:"query" doc:"Filter by a part of the description, whatever its letter case; % and _ stand for any characters."`
	Metadata      listing.MetadataFilter `query:"metadata,deepObject" doc:"Filter by metadata, as in metadata[key]=value."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (listing.Result[Benefit], error) {
	rows, err := s.rows(ctx, visible(&sub, in.Organizations...), in)
	out := listing.Result[Benefit]{Items: make([]Benefit, len(rows.Items)), Pagination: rows.Pagination}
	for i, r := range rows.Items {
		out.Items[i] = s.Public(r)
	}
	return out, err
}

func (s *Service) rows(ctx context.Context, orgs []id.ID, in listInput) (listing.Result[Row], error) {
	if len(orgs) == 0 {
		return listing.Empty[Row](), nil
	}
	w := in.filter(s.DB, orgs)
	keys := make([]string, len(in.Sorting))
	for i, k := range in.Sorting {
		keys[i] = string(k)
		if strings.HasSuffix(keys[i], "user_order") && len(in.IDs) > 0 {
			return s.inUserOrder(ctx, w, in, strings.HasPrefix(keys[i], "-"))
		}
	}
	return listing.Run[Row](ctx, s.DB, listing.Query{Columns: columns, From: "benefits", Where: w, Order: sortKeys.Order(keys), Page: in.Page})
}

// inUserOrder sorts by the place in the filter of ids. There are no more rows
// than ids, and the statement stays the same for all of them.
func (s *Service) inUserOrder(ctx context.Context, w *db.W, in listInput, reversed bool) (listing.Result[Row], error) {
	rows, err := db.All[Row](ctx, s.DB, `SELECT `+columns+` FROM benefits`+w.SQL(), w.Args()...)
	if err != nil {
		return listing.Result[Row]{}, err
	}
	place := make(map[id.ID]int, len(in.IDs))
	for i, v := range slices.Backward(in.IDs) {
		place[v] = i
	}
	slices.SortFunc(rows, func(a, b Row) int { return place[a.ID] - place[b.ID] })
	if reversed {
		slices.Reverse(rows)
	}
	return listing.Cut(rows, in.Page), nil
}

func (in *listInput) filter(q db.Querier, orgs []id.ID) *db.W {
	w := db.Where("deleted_at IS NULL").In("organization_id", orgs)
	if in.Types != nil {
		w.In("type", in.Types)
	}
	if in.IDs != nil {
		w.In("id", in.IDs)
	}
	if in.Except != nil {
		inner := new(db.W).In("id", in.Except)
		w.And("NOT ("+strings.TrimPrefix(inner.SQL(), " WHERE ")+")", inner.Args()...)
	}
	if in.Query != nil {
		w.And(`description_key LIKE ? ESCAPE '\'`, "%"+fold(*in.Query)+"%")
	}
	if len(in.Metadata) > schema.MaxMetadata {
		return w.And("FALSE") // nothing has so many, and no engine takes so many conditions
	}
	for _, m := range in.Metadata {
		condition, values := db.InList(q.JSONText("metadata"), m.Values)
		w.And(condition, append([]any{m.Key}, values...)...)
	}
	return w
}
