package discount

import (
	"context"

	"floe/internal/db"
	"floe/internal/journal"
)

// Told is a discount as webhooks show it, also one that is deleted.
func Told(ctx context.Context, q db.Querier, e *journal.Entry) (any, error) {
	r, err := Find(ctx, q, e.Organization, e.Subject)
	if err != nil {
		return nil, err
	}
	out, err := single(ctx, q, r)
	return &out, err
}
