package order

import (
	"context"
	"log/slog"
	"time"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/payment"
)

// Service is the operations on orders and what they need.
type Service struct {
	DB            *db.DB
	Logger        *slog.Logger
	Customers     *customer.Service
	Grants        *grant.Service
	Subscriptions Subscriptions
	Refunds       Refunds
	// Payments knows the processor, which moves money or does not.
	Payments *payment.Service
	// Charges asks it.
	Charges *charge.Service
	// Tax reckons taxes; nil reckons none.
	Tax Tax
}

// Subscriptions is what orders tell subscriptions. The row is the order as it
// is stored when the method is called.
type Subscriptions interface {
	// OrderPaid is called when an order of a subscription has been paid that
	// was not paid at once when it was made.
	OrderPaid(ctx context.Context, tx *db.Tx, actor auth.Subject, o Row) error
	// OrderVoided is called when somebody has given up an order of a
	// subscription that goes on.
	OrderVoided(ctx context.Context, tx *db.Tx, actor auth.Subject, o Row) error
	// OrdersOverdue is called when orders of subscriptions were to be paid and
	// are not, each of another customer: their due dates have passed, or another
	// attempt has failed. Row.Exhausted says whether it was the last.
	OrdersOverdue(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, list []Overdue) error
	// MakeChange is called when a change has been paid for, or is being paid
	// for, that waited for that. It makes the change and its order, which has the
	// id that the charge has, and answers it; the order awaits the payment. A
	// change that cannot be made any more is a fault or a problem.
	MakeChange(ctx context.Context, tx *db.Tx, actor auth.Subject, c charge.Row) (Row, error)
	// DropChange is called when a change was not paid for, and is not made.
	DropChange(ctx context.Context, tx *db.Tx, c charge.Row) error
}

// Refunds is what orders ask of refunds. The order is locked.
type Refunds interface {
	// Recorded is called with a payment that says that money of an order was
	// given back outside.
	Recorded(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, p PaymentRow) error
	// GiveBack is called with a processor's payment that an order does not need.
	GiveBack(ctx context.Context, tx *db.Tx, r *Row, p *PaymentRow) error
}

// Overdue is an order that was to be paid at a time.
type Overdue struct {
	Row
	At time.Time
}
