package discount

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/product"
)

const stored = `id, organization_id, created_at, modified_at, deleted_at, name, type, duration, duration_in_months, code, amounts, basis_points,
	starts_at, ends_at, max_redemptions, max_redemptions_per_customer, redemptions_count, metadata`

const columns = stored + `,
	(SELECT o.default_presentment_currency FROM organizations o WHERE o.id = discounts.organization_id) AS default_currency`

// byID reads a live discount that the subject can see.
func byID(ctx context.Context, q db.Querier, orgs []id.ID, discount id.ID, lock string) (Row, error) {
	return one(ctx, q, db.Where("id = ?", discount).In("organization_id", orgs).And("deleted_at IS NULL"), lock)
}

// Find reads a discount of an organization, also one that has been deleted:
// subscriptions and orders still show it.
func Find(ctx context.Context, q db.Querier, org, discount id.ID) (Row, error) {
	return one(ctx, q, db.Where("id = ?", discount).And("organization_id = ?", org), "")
}

func one(ctx context.Context, q db.Querier, w *db.W, lock string) (Row, error) {
	r, err := db.One[Row](ctx, q, `SELECT `+columns+` FROM discounts`+w.SQL()+lock, w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.NotFound.New()
	}
	return r, err
}

// ByIDs reads discounts by their ids, also those that have been deleted. What
// does not exist in the organizations is not in the answer.
func ByIDs(ctx context.Context, q db.Querier, orgs []id.ID, ids []id.ID) (map[id.ID]Row, error) {
	out := make(map[id.ID]Row, len(ids))
	if len(ids) == 0 || len(orgs) == 0 {
		return out, nil
	}
	w := db.Where("").In("organization_id", orgs).In("id", ids)
	rows, err := db.All[Row](ctx, q, `SELECT `+columns+` FROM discounts`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read discounts: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = r
	}
	return out, nil
}

// UsesProduct says whether a discount is limited to a product.
func UsesProduct(ctx context.Context, q db.Querier, org, product id.ID) (bool, error) {
	return db.Exists(ctx, q, `SELECT 1 FROM discount_products p JOIN discounts d ON d.organization_id = p.organization_id AND d.id = p.discount_id
		WHERE p.organization_id = ? AND p.product_id = ? AND d.deleted_at IS NULL LIMIT 1`, org, product)
}

// codeTaken says whether another live discount has a code.
func codeTaken(ctx context.Context, q db.Querier, r *Row) (bool, error) {
	if r.Code == nil {
		return false, nil
	}
	return db.Exists(ctx, q, `SELECT 1 FROM discounts WHERE organization_id = ? AND code_key = ? AND deleted_at IS NULL AND id <> ? LIMIT 1`,
		r.OrganizationID, fold(*r.Code), r.ID)
}

func insert(ctx context.Context, tx *db.Tx, r *Row) error {
	err := db.Insert(ctx, tx, db.Into{Table: "discounts", Columns: stored + `, name_key, code_key`}, []any{
		r.ID, r.OrganizationID, r.CreatedAt, r.ModifiedAt, r.DeletedAt, r.Name, r.Type, r.Duration, r.DurationInMonths, r.Code, r.Amounts,
		r.BasisPoints, r.StartsAt, r.EndsAt, r.MaxRedemptions, r.MaxRedemptionsPerCustomer, r.RedemptionsCount, r.Metadata,
		fold(r.Name), foldOrNull(r.Code)})
	if err != nil {
		return fmt.Errorf("insert a discount: %w", err)
	}
	return nil
}

// save writes every column that a change can touch.
func save(ctx context.Context, tx *db.Tx, r *Row) error {
	_, err := db.Exec(ctx, tx, `UPDATE discounts
		SET modified_at = ?, deleted_at = ?, name = ?, name_key = ?, duration_in_months = ?, code = ?, code_key = ?, amounts = ?, basis_points = ?,
			starts_at = ?, ends_at = ?, max_redemptions = ?, max_redemptions_per_customer = ?, metadata = ?
		WHERE organization_id = ? AND id = ?`,
		r.ModifiedAt, r.DeletedAt, r.Name, fold(r.Name), r.DurationInMonths, r.Code, foldOrNull(r.Code), r.Amounts, r.BasisPoints,
		r.StartsAt, r.EndsAt, r.MaxRedemptions, r.MaxRedemptionsPerCustomer, r.Metadata, r.OrganizationID, r.ID)
	if err != nil {
		return fmt.Errorf("save a discount: %w", err)
	}
	return nil
}

// setProducts replaces the products that a discount is limited to.
func setProducts(ctx context.Context, tx *db.Tx, r *Row, products []id.ID) error {
	if _, err := db.Exec(ctx, tx, `DELETE FROM discount_products WHERE organization_id = ? AND discount_id = ?`, r.OrganizationID, r.ID); err != nil {
		return fmt.Errorf("clear the products of a discount: %w", err)
	}
	var args []any
	for i := range products {
		args = append(args, r.OrganizationID, r.ID, products[i], i)
	}
	err := db.Insert(ctx, tx, db.Into{Table: "discount_products", Columns: "organization_id, discount_id, product_id, position"}, args)
	if err != nil {
		return fmt.Errorf("limit a discount to products: %w", err)
	}
	return nil
}

type link struct {
	DiscountID id.ID
	ProductID  id.ID
}

// productsOf reads which products discounts are limited to, in order.
func productsOf(ctx context.Context, q db.Querier, orgs []id.ID, discounts []id.ID) ([]link, error) {
	w := db.Where("").In("organization_id", orgs).In("discount_id", discounts)
	return db.All[link](ctx, q, `SELECT discount_id, product_id FROM discount_products`+w.SQL()+` ORDER BY discount_id, position`, w.Args()...)
}

// public is the form in which the API shows discounts.
func public(ctx context.Context, q db.Querier, rows ...Row) ([]Discount, error) {
	out := make([]Discount, len(rows))
	if len(rows) == 0 {
		return out, nil
	}
	var orgs, ids, products []id.ID
	at := make(map[id.ID]*Discount, len(rows))
	for i, r := range rows {
		out[i] = Discount{r, []Product{}}
		at[r.ID], ids, orgs = &out[i], append(ids, r.ID), append(orgs, r.OrganizationID)
	}
	links, err := productsOf(ctx, q, orgs, ids)
	if err != nil {
		return nil, fmt.Errorf("read the products of discounts: %w", err)
	}
	for _, l := range links {
		products = append(products, l.ProductID)
	}
	known, err := product.Rows(ctx, q, orgs, products)
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		if p, ok := known[l.ProductID]; ok {
			d := at[l.DiscountID]
			d.products = append(d.products, Product{product.ReducedOf(p)})
		}
	}
	return out, nil
}

// fold is how text is compared without regard to case, on both engines alike.
func fold(s string) string { return strings.ToLower(s) }

func foldOrNull(s *string) *string {
	if s == nil {
		return nil
	}
	f := fold(*s)
	return &f
}

// visible are the organizations whose discounts the subject may see.
func visible(sub *auth.Subject, wanted ...id.ID) []id.ID {
	return sub.Organizations(auth.ProductsView, wanted...)
}
