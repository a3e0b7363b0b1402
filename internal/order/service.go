package order

import (
	"context"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
)

// Service is the operations on orders and what they need.
type Service struct {
	DB            *db.DB
	Customers     *customer.Service
	Subscriptions Subscriptions
}

// Create makes one order; see CreateMany.
func (s *Service) Create(ctx context.Context, tx *db.Tx, actor auth.Subject, n New) (Row, error) {
	rows, err := s.CreateMany(ctx, tx, actor, []New{n})
	if err != nil {
		return Row{}, err
	}
	return rows[0], nil
}

// CreateMany makes orders: it adds up their amounts, takes their numbers,
// moves balances, keeps the billing details of the customers and tells the
// journal: order.created, and order.updated and order.paid of those that cost
// nothing. The statements are few however many orders there are, so that a
// cycle can make hundreds at once. The orders come back in the order of list.
// Subscriptions.OrderPaid is not called: the caller knows.
func (s *Service) CreateMany(ctx context.Context, tx *db.Tx, actor auth.Subject, list []New) ([]Row, error) {
	panic("not built")
}

// Settle records a payment of an order. A payment whose reference is known
// changes nothing. When the payments reach what is due the order is paid:
// order.updated, order.paid, and whoever waits for it is told.
func (s *Service) Settle(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, p Payment) error {
	panic("not built")
}

// VoidPending gives up what a subscription still owes, but for some orders.
func (s *Service) VoidPending(ctx context.Context, tx *db.Tx, actor auth.Subject, org, subscription id.ID, except ...id.ID) error {
	panic("not built")
}

// RunOverdue handles one batch of orders that were to be paid by now and are
// not, of organizations that live by the wall clock. It answers how many, and
// when the next one is due (zero when none is). Many nodes may call it at once:
// each order is handled once.
func (s *Service) RunOverdue(ctx context.Context, limit int) (done int, next time.Time, err error) {
	panic("not built")
}

// RunOverdueOf is RunOverdue for one organization, up to a time, in the
// caller's transaction.
func (s *Service) RunOverdueOf(ctx context.Context, tx *db.Tx, org id.ID, until time.Time, limit int) (done int, err error) {
	panic("not built")
}

// NextOverdueOf is when the next order of an organization will be overdue;
// zero when none will.
func (s *Service) NextOverdueOf(ctx context.Context, q db.Querier, org id.ID) (time.Time, error) {
	panic("not built")
}

// Owing says whether a subscription has an order that is overdue and not paid,
// other than one.
func (s *Service) Owing(ctx context.Context, q db.Querier, org, subscription, except id.ID) (bool, error) {
	panic("not built")
}

// PaymentStatus is what became of a payment.
type PaymentStatus string

// The statuses of payments.
const (
	Succeeded PaymentStatus = "succeeded"
	Failed    PaymentStatus = "failed"
	Returned  PaymentStatus = "refunded"
)

// Payment is what somebody says of money that moved outside.
type Payment struct {
	Status    PaymentStatus
	Amount    int64
	At        time.Time // the time of the transaction when zero
	Reference string    // the caller's name for it, which makes it one
	Note      *string
}
