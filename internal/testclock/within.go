package testclock

import (
	"context"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/id"
)

// AdvanceIn is Advance in a transaction of the caller's, whose time is that of
// the organization's clock and becomes to. Release the clock in the same
// transaction: it is not moved itself.
func (s *Service) AdvanceIn(ctx context.Context, tx *db.Tx, org id.ID, to time.Time) (done int, err error) {
	to = clock.Normal(to)
	for {
		n, last, err := s.next(ctx, tx, org, to)
		if err != nil {
			return done, err
		}
		if n == 0 {
			tx.MoveTo(to)
			return done, nil
		}
		done += n
		if last.After(tx.Now()) {
			tx.MoveTo(last)
		}
	}
}
