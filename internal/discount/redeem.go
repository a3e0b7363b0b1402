package discount

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// Redeemable says whether a discount may be used now for a product and a
// currency, and reads it. Until the transaction ends nobody else can use it
// up or change it: of two who want the last use, the second finds it gone.
func Redeemable(ctx context.Context, tx *db.Tx, org, discount, product id.ID, currency string) (Row, bool, error) {
	r, err := byID(ctx, tx, []id.ID{org}, discount, tx.ForUpdate())
	if errors.Is(err, fault.NotFound.New()) {
		return r, false, nil
	}
	if err != nil {
		return r, false, err
	}
	now := tx.Now()
	switch {
	case !r.Applies(currency),
		r.StartsAt != nil && now.Before(*r.StartsAt),
		r.EndsAt != nil && now.After(*r.EndsAt),
		r.MaxRedemptions != nil && r.RedemptionsCount >= *r.MaxRedemptions:
		return r, false, nil
	}
	links, err := productsOf(ctx, tx, []id.ID{org}, []id.ID{discount})
	if err != nil {
		return r, false, err
	}
	for _, l := range links {
		if l.ProductID == product {
			return r, true, nil
		}
	}
	return r, len(links) == 0, nil
}

// Redeem records that a subscription has got a discount. The use counts even
// when the subscription gives the discount back.
func Redeem(ctx context.Context, tx *db.Tx, org, discount, subscription id.ID) error {
	if _, err := db.Exec(ctx, tx, `UPDATE discounts SET redemptions_count = redemptions_count + 1 WHERE organization_id = ? AND id = ?`, org, discount); err != nil {
		return fmt.Errorf("count a redemption: %w", err)
	}
	_, err := db.Exec(ctx, tx, `INSERT INTO discount_redemptions (id, organization_id, discount_id, subscription_id, created_at) VALUES (?, ?, ?, ?, ?)`,
		tx.NewID(tx.Now()), org, discount, subscription, tx.Now())
	if err != nil {
		return fmt.Errorf("record a redemption: %w", err)
	}
	return nil
}
