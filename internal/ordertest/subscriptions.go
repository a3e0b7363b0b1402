package ordertest

import (
	"context"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
)

// NoSubscriptions stands where nobody has subscriptions.
type NoSubscriptions struct{}

// OrderPaid does nothing.
func (NoSubscriptions) OrderPaid(context.Context, *db.Tx, auth.Subject, order.Row) error { return nil }

// OrderVoided does nothing.
func (NoSubscriptions) OrderVoided(context.Context, *db.Tx, auth.Subject, order.Row) error {
	return nil
}

// OrdersOverdue does nothing.
func (NoSubscriptions) OrdersOverdue(context.Context, *db.Tx, auth.Subject, id.ID, []order.Overdue) error {
	return nil
}

// MakeChange makes nothing.
func (NoSubscriptions) MakeChange(context.Context, *db.Tx, auth.Subject, charge.Row) (order.Row, error) {
	return order.Row{}, fault.NotFound.New()
}

// DropChange does nothing.
func (NoSubscriptions) DropChange(context.Context, *db.Tx, charge.Row) error { return nil }
