package order

import (
	"context"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
)

// Told is an order as webhooks show it: as a GET does.
func (s *Service) Told(ctx context.Context, q db.Querier, e *journal.Entry) (any, error) {
	r, err := byID(ctx, q, []id.ID{e.Organization}, e.Subject, "")
	if err != nil {
		return nil, err
	}
	out, err := s.one(ctx, q, r)
	return &out, err
}
