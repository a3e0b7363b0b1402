package demo

import (
	"context"
	"fmt"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/order"
)

// openOrder is an order that awaits its payment.
type openOrder struct {
	ID             id.ID
	CustomerID     id.ID
	SubscriptionID *id.ID
	CreatedAt      time.Time
	NetAmount      int64
	TaxAmount      int64
	Balance        int64 `db:"applied_balance_amount"`
	PaidAmount     int64
}

// keepBooks goes through the week's payments: what customers have paid by now,
// which is everything but what is new, and what some of them never pay.
func (p *shop) keepBooks(ctx context.Context) error {
	list, err := db.All[openOrder](ctx, p.tx, `SELECT id, customer_id, subscription_id, created_at, net_amount, tax_amount, applied_balance_amount, paid_amount
		FROM orders WHERE organization_id = ? AND status = 'pending' AND created_at <= ? ORDER BY seq`, p.Organization, p.tx.Now().Add(-3*day))
	if err != nil {
		return fmt.Errorf("look for open orders: %w", err)
	}
	for i := range list {
		if err := p.collect(ctx, &list[i]); err != nil {
			return err
		}
	}
	return nil
}

func (p *shop) collect(ctx context.Context, o *openOrder) error {
	if o.SubscriptionID != nil {
		if since, ok := p.owing[*o.SubscriptionID]; ok && o.CreatedAt.After(since) {
			return nil
		}
	}
	due := o.NetAmount + o.TaxAmount + o.Balance - o.PaidAmount
	if o.SubscriptionID == nil && o.PaidAmount == 0 && p.chance(15) {
		due /= 2 // the rest comes with the next payment
	}
	moved := o.CreatedAt.Add(time.Duration(p.random.Int64N(int64(p.tx.Now().Sub(o.CreatedAt))))).Truncate(time.Second)
	if moved.Before(o.CreatedAt) {
		moved = o.CreatedAt
	}
	if err := p.pay(ctx, o.ID, order.Payment{Status: order.Succeeded, Amount: due, At: moved}); err != nil {
		return err
	}
	switch {
	case o.SubscriptionID == nil && due+o.PaidAmount == o.NetAmount+o.TaxAmount && p.chance(12):
		p.giveBack(o.ID, due+o.PaidAmount)
	case o.SubscriptionID != nil && due >= 2000 && p.chance(2):
		p.giveBack(o.ID, due/4)
	}
	return nil
}

func (p *shop) pay(ctx context.Context, of id.ID, x order.Payment) error {
	p.paid++
	x.Reference = fmt.Sprintf("bank-%d-%05d", p.tx.Now().Year(), p.paid)
	r := order.Row{ID: of, OrganizationID: p.Organization}
	if err := p.Orders.Settle(ctx, p.tx, p.actor, &r, x); err != nil {
		return fmt.Errorf("order %s: %w", of, err)
	}
	return nil
}

func (p *shop) giveBack(of id.ID, amount int64) {
	p.plan(p.in(2, 20), func(ctx context.Context) error {
		return p.pay(ctx, of, order.Payment{Status: order.Returned, Amount: amount, At: p.tx.Now(), Note: text("as agreed")})
	})
}
