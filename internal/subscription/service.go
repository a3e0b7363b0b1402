package subscription

import (
	"context"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

// Service is the operations on subscriptions and what they need.
type Service struct {
	DB *db.DB
}

// CancelAll ends everything that a customer is subscribed to at once, for the
// customer's deletion, in a bounded number of statements.
func (s *Service) CancelAll(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customer id.ID) error {
	return nil
}

// RunDue does one batch of what is due on the wall clock: at most limit
// subscriptions. It answers how many it looked at and when the next is due.
func (s *Service) RunDue(ctx context.Context, limit int) (done int, next time.Time, err error) {
	return 0, time.Time{}, nil
}

// ForState answers the subscriptions that are part of a customer's state.
func (s *Service) ForState(ctx context.Context, q db.Querier, org, customer id.ID) ([]StateSubscription, error) {
	return nil, nil
}
