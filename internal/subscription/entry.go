package subscription

import (
	"context"
	"fmt"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/order"
)

// Entry is something that the next order of a subscription will bill: a part
// of a period that a change has cost or given back. What a renewal costs needs
// none, because its order is made with it.
type Entry struct {
	ID             id.ID
	OrganizationID id.ID
	SubscriptionID id.ID
	CreatedAt      time.Time
	Type           string // proration, subscription_seats_increase …
	Direction      string // debit or credit
	PriceID        id.ID
	Label          string
	Amount         int64 // never below zero; the discount is taken off already
	Currency       string
	PeriodStart    time.Time
	PeriodEnd      time.Time
	DiscountID     *id.ID
	DiscountAmount int64
	OrderID        *id.ID
}

// The directions of entries.
const (
	debit  = "debit"
	credit = "credit"
)

// line is the entry as an order has it.
func (e *Entry) line() order.Line {
	l := order.Line{Label: e.Label, Amount: e.Amount, Proration: true, PriceID: &e.PriceID}
	if e.Direction == credit {
		l.Amount = -e.Amount
	}
	return l
}

const entryColumns = `id, organization_id, subscription_id, created_at, type, direction, price_id, label, amount, currency,
	period_start, period_end, discount_id, discount_amount, order_id`

func insertEntries(ctx context.Context, tx *db.Tx, list []Entry) error {
	var args []any
	for i := range list {
		e := &list[i]
		args = append(args, e.ID, e.OrganizationID, e.SubscriptionID, e.CreatedAt, e.Type, e.Direction, e.PriceID, e.Label, e.Amount,
			e.Currency, e.PeriodStart, e.PeriodEnd, e.DiscountID, e.DiscountAmount, e.OrderID)
	}
	err := db.Insert(ctx, tx, db.Into{Table: "billing_entries", Columns: entryColumns}, args)
	if err != nil {
		return fmt.Errorf("insert billing entries: %w", err)
	}
	return nil
}

// unbilled reads what no order has taken yet, by subscription.
func unbilled(ctx context.Context, q db.Querier, org id.ID, subscriptions []id.ID) (map[id.ID][]Entry, error) {
	out := map[id.ID][]Entry{}
	w := db.Where("organization_id = ? AND order_id IS NULL", org).In("subscription_id", subscriptions)
	list, err := db.All[Entry](ctx, q, `SELECT `+entryColumns+` FROM billing_entries`+w.SQL()+` ORDER BY seq`, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read billing entries: %w", err)
	}
	for _, e := range list {
		out[e.SubscriptionID] = append(out[e.SubscriptionID], e)
	}
	return out, nil
}

// bill marks entries as taken by an order.
func bill(ctx context.Context, tx *db.Tx, org, orderID id.ID, entries []id.ID) error {
	w := db.Where("organization_id = ?", org).In("id", entries)
	_, err := db.Exec(ctx, tx, `UPDATE billing_entries SET order_id = ?`+w.SQL(), append([]any{orderID}, w.Args()...)...)
	if err != nil {
		return fmt.Errorf("bill entries: %w", err)
	}
	return nil
}
