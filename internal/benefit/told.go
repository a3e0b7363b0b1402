package benefit

import (
	"context"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
)

// Told is a benefit as webhooks show it, also one that is deleted.
func (s *Service) Told(ctx context.Context, q db.Querier, e *journal.Entry) (any, error) {
	rows, err := ByIDs(ctx, q, []id.ID{e.Organization}, []id.ID{e.Subject})
	if err != nil {
		return nil, err
	}
	out := s.Public(rows[e.Subject])
	return &out, nil
}
