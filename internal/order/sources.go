package order

import (
	"context"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/grant"
	"floe/internal/id"
)

// takenBack are the refunds of an order that took back what it granted.
const takenBack = `SELECT 1 FROM refunds f WHERE f.organization_id = o.organization_id AND f.order_id = o.id
	AND f.revoke_benefits AND f.status IN ('pending', 'succeeded')`

// OfProduct lists the orders whose grants follow what a product grants: bought
// once, paid, without seats, by customers who are still there. What was given
// back grants it all the same, unless that was taken back too: such an order is
// entitled to nothing, and is listed where somebody has given back a license key,
// and with it the grant.
func (s *Service) OfProduct(ctx context.Context, tx *db.Tx, org, product id.ID) ([]grant.SourceState, error) {
	return granting(ctx, tx, db.Where("o.organization_id = ? AND o.product_id = ?", org, product))
}

// OfCustomer lists those of a customer.
func (s *Service) OfCustomer(ctx context.Context, tx *db.Tx, org, customerID id.ID) ([]grant.SourceState, error) {
	return granting(ctx, tx, db.Where("o.organization_id = ? AND o.customer_id = ? AND o.product_id IS NOT NULL", org, customerID))
}

func granting(ctx context.Context, tx *db.Tx, w *db.W) ([]grant.SourceState, error) {
	rows, err := db.All[struct {
		ID         id.ID
		CustomerID id.ID
		ProductID  id.ID
		Entitled   bool
	}](ctx, tx, `SELECT id, customer_id, product_id, entitled FROM (
			SELECT o.seq, o.organization_id, o.id, o.customer_id, o.product_id, NOT EXISTS (`+takenBack+`) AS entitled FROM orders o
			JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id`+w.SQL()+` AND o.subscription_id IS NULL
				AND o.seats IS NULL AND o.status IN ('paid', 'partially_refunded', 'refunded') AND c.deleted_at IS NULL
		) AS bought WHERE entitled OR EXISTS (SELECT 1 FROM benefit_grants g
			WHERE g.organization_id = bought.organization_id AND g.source_id = bought.id AND g.granted_at IS NOT NULL)
		ORDER BY seq`, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("find the orders that grant: %w", err)
	}
	out := make([]grant.SourceState, len(rows))
	for i, r := range rows {
		out[i] = grant.SourceState{Source: grant.Source{OrderID: r.ID}, Product: r.ProductID, Customer: r.CustomerID, Entitled: r.Entitled}
	}
	return out, nil
}

// grantsAgain gives back what refunds had taken, when none of those that did is
// left.
func (s *Service) grantsAgain(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) error {
	taken, err := db.Exists(ctx, tx, `SELECT 1 FROM orders o WHERE o.organization_id = ? AND o.id = ? AND EXISTS (`+takenBack+`)`, r.OrganizationID, r.ID)
	switch {
	case err != nil:
		return fmt.Errorf("look what refunds took back: %w", err)
	case taken:
		return nil
	}
	return s.grants(ctx, tx, actor, r, true)
}

// InUse says whether there is an order of a product.
func (s *Service) InUse(ctx context.Context, q db.Querier, org, product id.ID) (bool, error) {
	return db.Exists(ctx, q, `SELECT 1 FROM orders WHERE organization_id = ? AND product_id = ? LIMIT 1`, org, product)
}
