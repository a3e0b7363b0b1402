package discount

import (
	"context"
	"encoding/json"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/listing"
	"floe/internal/organization"
	"floe/internal/product"
	"floe/internal/schema"
)

// Service is the operations on discounts and what they need.
type Service struct{ DB *db.DB }

// Operations are the operations on discounts.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.DiscountsRead, auth.DiscountsWrite
	const notFound = "Discount not found."
	return []*api.Operation{
		api.Get("/v1/discounts/", s.list).Scopes(read, write).Named("discounts:list", "List Discounts"),
		api.Post("/v1/discounts/", s.create).Scopes(write).Named("discounts:create", "Create Discount"),
		api.Get("/v1/discounts/{id}", s.get).Scopes(read, write).Named("discounts:get", "Get Discount").Fails(fault.NotFound, notFound),
		api.Patch("/v1/discounts/{id}", s.update).Scopes(write).Named("discounts:update", "Update Discount").Fails(fault.NotFound, notFound),
		api.Delete("/v1/discounts/{id}", s.delete).Scopes(write).Named("discounts:delete", "Delete Discount").
			About("Delete a discount. Subscriptions that have it keep it, and its code is free for another.").Fails(fault.NotFound, notFound),
	}
}

// SortKey is a sorting criterion of the list.
type SortKey string

// Enum lists the criteria.
func (SortKey) Enum() []string {
	return []string{"created_at", "-created_at", "name", "-name", "code", "-code", "redemptions_count", "-redemptions_count", "ends_at", "-ends_at"}
}

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "DiscountSortProperty" }

var sortKeys = listing.Keys{
	"created_at":        {SQL: "created_at"},
	"name":              {SQL: "name_key"},
	"code":              {SQL: "code_key", Nullable: true},
	"redemptions_count": {SQL: "redemptions_count"},
	"ends_at":           {SQL: "ends_at", Nullable: true},
}

type listInput struct {
	listing.Page
	Sorting       []SortKey          `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	Organizations schema.Many[id.ID] `query:"organization_id" doc:"Filter by organization ID."`
	Query         *string            `query:"query" doc:"Filter by a part of the name or the code."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (out listing.Result[Discount], err error) {
	orgs := visible(&sub, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[Discount](), nil
	}
	w := db.Where("deleted_at IS NULL").In("organization_id", orgs)
	if in.Query != nil && *in.Query != "" {
		like := db.LikeContains(fold(*in.Query))
		w.And(`(name_key LIKE ? ESCAPE '\' OR code_key LIKE ? ESCAPE '\')`, like, like)
	}
	err = s.DB.Read(ctx, func(q db.Querier) error {
		rows, err := listing.Run[Row](ctx, q, listing.Query{Columns: columns, From: "discounts", Order: sortKeys.Order(listing.Names(in.Sorting)), Page: in.Page, Where: w})
		if err != nil {
			return err
		}
		out.Pagination = rows.Pagination
		out.Items, err = public(ctx, q, rows.Items...)
		return err
	})
	return out, err
}

type byIDInput struct {
	ID id.ID `path:"id" doc:"The discount ID."`
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in byIDInput) (out Discount, err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		r, err := byID(ctx, q, visible(&sub), in.ID, "")
		if err != nil {
			return err
		}
		out, err = single(ctx, q, r)
		return err
	})
	return out, err
}

func single(ctx context.Context, q db.Querier, r Row) (Discount, error) {
	list, err := public(ctx, q, r)
	if err != nil {
		return Discount{}, err
	}
	return list[0], nil
}

type createInput struct{ Body Create }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Discount, err error) {
	common := in.Body.common()
	org, err := organization.ForCreate(sub, common.OrganizationID, auth.ProductsManage)
	if err != nil {
		return out, err
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		out, err = s.Create(ctx, tx, sub, org, in.Body)
		return err
	})
	return out, raced(err, common.Code.text())
}

func (c *Create) common() *CreateCommon {
	if c.Fixed != nil {
		return &c.Fixed.CreateCommon
	}
	return &c.Percentage.CreateCommon
}

// Create adds a discount to an organization.
func (s *Service) Create(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, in Create) (out Discount, err error) {
	owner, err := organization.ByID(ctx, tx, org)
	if err != nil {
		return out, err
	}
	c := in.common()
	r := Row{
		ID: tx.NewID(tx.Now()), OrganizationID: org, CreatedAt: tx.Now(), Name: c.Name, Type: Percentage, Duration: c.Duration,
		DurationInMonths: c.DurationInMonths, Code: c.Code.text(), StartsAt: c.StartsAt, EndsAt: c.EndsAt, MaxRedemptions: c.MaxRedemptions,
		MaxRedemptionsPerCustomer: c.MaxRedemptionsPerCustomer, Metadata: json.RawMessage(c.Metadata.Metadata()),
		DefaultCurrency: string(owner.DefaultPresentmentCurrency),
	}
	if in.Fixed != nil {
		r.Type, r.Amounts = Fixed, in.Fixed.amounts()
	} else {
		r.BasisPoints = &in.Percentage.BasisPoints
	}
	if taken, err := codeTaken(ctx, tx, &r); err != nil {
		return out, err
	} else if taken {
		return out, codeProblem(*r.Code)
	}
	products, err := knownProducts(ctx, tx, org, c.Products)
	if err != nil {
		return out, err
	}
	if err := insert(ctx, tx, &r); err != nil {
		return out, err
	}
	if err := setProducts(ctx, tx, &r, products); err != nil {
		return out, err
	}
	after := record{Embedded{r}, products}
	journal.Append(tx, actor, journal.Entry{Organization: org, Type: "discount.created", Subject: r.ID, After: schema.JSON(&after)})
	return single(ctx, tx, r)
}

func codeProblem(code string) *schema.Problems {
	return schema.ValueError("Discount with this code already exists.", schema.StringNode(code), "body", "code")
}

// raced turns the unique index that a concurrent request reached first into
// the problem that a check before would have found.
func raced(err error, code *string) error {
	if code != nil && db.IsUnique(err, "discounts_code_key") {
		return codeProblem(*code)
	}
	return err
}

// knownProducts answers the wanted products, each once, or what is wrong with
// the first that is not one of the organization's.
func knownProducts(ctx context.Context, tx *db.Tx, org id.ID, wanted *[]id.ID) ([]id.ID, error) {
	out := []id.ID{}
	if wanted == nil {
		return out, nil
	}
	known, err := product.Live(ctx, tx, org, *wanted)
	if err != nil {
		return nil, err
	}
	seen := map[id.ID]bool{}
	for i, p := range *wanted {
		if _, ok := known[p]; !ok {
			return nil, schema.ValueError("Product not found.", schema.StringNode(string(p)), "body", "products", i)
		}
		if !seen[p] {
			seen[p], out = true, append(out, p)
		}
	}
	return out, nil
}

// record is a discount as the journal keeps it: products by their ids.
type record struct {
	discount Embedded
	products []id.ID
}

// AppendJSON writes the discount with one more key.
func (r record) AppendJSON(dst []byte) []byte {
	dst = r.discount.AppendJSON(dst)
	dst = append(dst[:len(dst)-1], `,"product_ids":`...)
	return append(schema.Append(dst, r.products), '}')
}

func (s *Service) delete(ctx context.Context, sub auth.Subject, in byIDInput) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := lock(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		return s.Delete(ctx, tx, sub, r)
	})
}

// lock reads a live discount that the subject may manage and that is about to
// change.
func lock(ctx context.Context, tx *db.Tx, sub auth.Subject, discount id.ID) (Row, error) {
	r, err := byID(ctx, tx, visible(&sub), discount, tx.ForUpdate())
	if err == nil && !sub.May(r.OrganizationID, auth.ProductsManage) {
		err = fault.NotPermitted.New(auth.ProductsManage.Denied())
	}
	return r, err
}

// Delete hides a discount. Who has it keeps it.
func (s *Service) Delete(ctx context.Context, tx *db.Tx, actor auth.Subject, r Row) error {
	now := tx.Now()
	r.DeletedAt, r.ModifiedAt = &now, &now
	if err := save(ctx, tx, &r); err != nil {
		return err
	}
	gone, err := recordOf(ctx, tx, r)
	if err != nil {
		return err
	}
	journal.Append(tx, actor, journal.Entry{Organization: r.OrganizationID, Type: "discount.deleted", Subject: r.ID, After: schema.JSON(&gone)})
	return nil
}

func recordOf(ctx context.Context, tx *db.Tx, r Row) (record, error) {
	links, err := productsOf(ctx, tx, []id.ID{r.OrganizationID}, []id.ID{r.ID})
	out := record{Embedded{r}, []id.ID{}}
	for _, l := range links {
		out.products = append(out.products, l.ProductID)
	}
	return out, err
}
