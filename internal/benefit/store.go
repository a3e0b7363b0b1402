package benefit

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

const columns = `id, organization_id, created_at, modified_at, deleted_at, type, description, selectable, deletable, visibility, properties, metadata`

// byID reads a live benefit of the organizations.
func byID(ctx context.Context, q db.Querier, orgs []id.ID, benefit id.ID, lock string) (Row, error) {
	w := db.Where("id = ?", benefit).In("organization_id", orgs).And("deleted_at IS NULL")
	r, err := db.One[Row](ctx, q, `SELECT `+columns+` FROM benefits`+w.SQL()+lock, w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.NotFound.New()
	}
	return r, err
}

// ByIDs reads benefits by their ids, also those that have been deleted. What
// does not exist in the organizations is not in the answer.
func ByIDs(ctx context.Context, q db.Querier, orgs []id.ID, ids []id.ID) (map[id.ID]Row, error) {
	out := make(map[id.ID]Row, len(ids))
	for some := range db.Batches(ids) {
		w := db.Where("").In("organization_id", orgs).In("id", some)
		rows, err := db.All[Row](ctx, q, `SELECT `+columns+` FROM benefits`+w.SQL(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read benefits: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r
		}
	}
	return out, nil
}

// Find reads a live benefit that the subject can see, for other packages'
// operations on it.
func (s *Service) Find(ctx context.Context, q db.Querier, sub auth.Subject, benefit id.ID) (Row, error) {
	return byID(ctx, q, visible(&sub), benefit, "")
}

func insert(ctx context.Context, tx *db.Tx, r *Row) error {
	err := db.Insert(ctx, tx, db.Into{Table: "benefits", Columns: columns + `, description_key`}, []any{
		r.ID, r.OrganizationID, r.CreatedAt, r.ModifiedAt, r.DeletedAt, r.Type, r.Description, r.Selectable, r.Deletable, r.Visibility,
		r.Properties, r.Metadata, fold(r.Description)})
	if err != nil {
		return fmt.Errorf("insert a benefit: %w", err)
	}
	return nil
}

// save writes every column that can change.
func save(ctx context.Context, tx *db.Tx, r *Row) error {
	_, err := db.Exec(ctx, tx, `UPDATE benefits
		SET modified_at = ?, deleted_at = ?, description = ?, description_key = ?, visibility = ?, properties = ?, metadata = ?
		WHERE organization_id = ? AND id = ?`,
		r.ModifiedAt, r.DeletedAt, r.Description, fold(r.Description), r.Visibility, r.Properties, r.Metadata, r.OrganizationID, r.ID)
	if err != nil {
		return fmt.Errorf("save a benefit: %w", err)
	}
	return nil
}

// unlink takes a benefit off every product at once.
func unlink(ctx context.Context, tx *db.Tx, r *Row) error {
	_, err := db.Exec(ctx, tx, `DELETE FROM product_benefits WHERE organization_id = ? AND benefit_id = ?`, r.OrganizationID, r.ID)
	if err != nil {
		return fmt.Errorf("take a benefit off products: %w", err)
	}
	return nil
}

// Live reads benefits that are not deleted and keeps them from being changed
// or deleted before the transaction ends.
func Live(ctx context.Context, tx *db.Tx, org id.ID, ids []id.ID) (map[id.ID]Row, error) {
	out := make(map[id.ID]Row, len(ids))
	for some := range db.Batches(ids) {
		w := db.Where("organization_id = ? AND deleted_at IS NULL", org).In("id", some)
		rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM benefits`+w.SQL()+` ORDER BY id`+tx.ForShare(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read live benefits: %w", err)
		}
		for _, r := range rows {
			out[r.ID] = r
		}
	}
	return out, nil
}

// StoredMeters says which meters an organization has.
func StoredMeters(ctx context.Context, q db.Querier, org id.ID, ids []id.ID) (map[id.ID]bool, error) {
	w := db.Where("organization_id = ?", org).In("id", ids)
	known, err := db.All[id.ID](ctx, q, `SELECT id FROM meters`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read meters: %w", err)
	}
	out := make(map[id.ID]bool, len(known))
	for _, m := range known {
		out[m] = true
	}
	return out, nil
}

// fold is how text is compared without regard to case, on both engines alike.
func fold(s string) string { return strings.ToLower(s) }

// visible are the organizations whose benefits the subject may see.
func visible(sub *auth.Subject, wanted ...id.ID) []id.ID {
	return sub.Organizations(auth.ProductsView, wanted...)
}
