package order

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/db"
	"floe/internal/grant"
	"floe/internal/id"
)

// OfProduct lists the orders that grant what a product grants: bought once,
// paid and not given back, without seats, by customers who are still there.
func (s *Service) OfProduct(ctx context.Context, tx *db.Tx, org, product id.ID) ([]grant.SourceState, error) {
	rows, err := db.All[struct {
		ID         id.ID
		CustomerID id.ID
	}](ctx, tx, `SELECT o.id, o.customer_id FROM orders o
		JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
		WHERE o.organization_id = ? AND o.product_id = ? AND o.subscription_id IS NULL AND o.seats IS NULL
			AND o.status IN ('paid', 'partially_refunded') AND c.deleted_at IS NULL
		ORDER BY o.seq`, org, product)
	if err != nil {
		return nil, fmt.Errorf("find the orders of a product: %w", err)
	}
	out := make([]grant.SourceState, len(rows))
	for i, r := range rows {
		out[i] = grant.SourceState{Source: grant.Source{OrderID: r.ID}, Customer: r.CustomerID, Entitled: true}
	}
	return out, nil
}

// InUse says whether there is an order of a product.
func (s *Service) InUse(ctx context.Context, q db.Querier, org, product id.ID) (bool, error) {
	_, err := db.One[int64](ctx, q, `SELECT 1 FROM orders WHERE organization_id = ? AND product_id = ? LIMIT 1`, org, product)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}
