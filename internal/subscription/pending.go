package subscription

import (
	"context"
	"fmt"
	"time"

	"floe/internal/db"
	"floe/internal/id"
)

// Pending is a change that waits for the end of the period.
type Pending struct {
	ID             id.ID      `json:"id" doc:"The ID of the change."`
	CreatedAt      time.Time  `json:"created_at" doc:"When the change was asked for."`
	ModifiedAt     *time.Time `json:"modified_at" doc:"When more was added to it; null until then."`
	AppliesAt      time.Time  `json:"applies_at" doc:"When the change will be made."`
	ProductID      *id.ID     `json:"product_id" doc:"The product to change to; null when it stays."`
	Seats          *int       `json:"seats" doc:"The number of seats to change to; null when it stays."`
	Units          *int       `json:"units" required:"false" doc:"The number of units to change to; null when it stays."`
	OrganizationID id.ID      `json:"-"`
	SubscriptionID id.ID      `json:"-"`
	DiscountID     *id.ID     `json:"-"`
}

// SchemaName is the name of the reference.
func (Pending) SchemaName() string { return "PendingSubscriptionUpdate" }

const pendingColumns = `id, created_at, modified_at, applies_at, product_id, seats, units, organization_id, subscription_id, discount_id`

// pendings reads what waits, by subscription.
func pendings(ctx context.Context, q db.Querier, orgs, subscriptions []id.ID) (map[id.ID]*Pending, error) {
	out := map[id.ID]*Pending{}
	w := db.Where("").In("organization_id", orgs).In("subscription_id", subscriptions)
	list, err := db.All[Pending](ctx, q, `SELECT `+pendingColumns+` FROM subscription_updates`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read pending updates: %w", err)
	}
	for i := range list {
		out[list[i].SubscriptionID] = &list[i]
	}
	return out, nil
}

// keep stores what waits for a subscription, in place of what did before.
func (p *Pending) keep(ctx context.Context, tx *db.Tx) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO subscription_updates (`+pendingColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (organization_id, subscription_id) DO UPDATE SET modified_at = excluded.modified_at, applies_at = excluded.applies_at,
			product_id = excluded.product_id, seats = excluded.seats, units = excluded.units, discount_id = excluded.discount_id`,
		p.ID, p.CreatedAt, p.ModifiedAt, p.AppliesAt, p.ProductID, p.Seats, p.Units, p.OrganizationID, p.SubscriptionID, p.DiscountID)
	if err != nil {
		return fmt.Errorf("keep a pending update: %w", err)
	}
	return nil
}

// wait makes a change wait for the end of a subscription's period.
func (w *work) wait(it *item, p Pending) {
	it.keepPending, it.dropPending = &p, false
	if w.pendings == nil {
		w.pendings = map[id.ID]*Pending{}
	}
	w.pendings[it.ID] = &p
}

// forget makes a subscription wait for nothing any more.
func (w *work) forget(it *item) {
	if w.pendings[it.ID] == nil {
		return
	}
	it.keepPending, it.dropPending = nil, true
	delete(w.pendings, it.ID)
}

// dropPendings forgets what waits for some subscriptions.
func dropPendings(ctx context.Context, tx *db.Tx, org id.ID, subscriptions []id.ID) error {
	w := db.Where("organization_id = ?", org).In("subscription_id", subscriptions)
	if _, err := db.Exec(ctx, tx, `DELETE FROM subscription_updates`+w.SQL(), w.Args()...); err != nil {
		return fmt.Errorf("drop pending updates: %w", err)
	}
	return nil
}
