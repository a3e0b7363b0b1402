package order

import (
	"context"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

// Draft makes a draft order, in a transaction of the caller's.
func (s *Service) Draft(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, in CreateDraft) (Row, error) {
	n, err := s.draft(ctx, tx, org, &in)
	if err != nil {
		return Row{}, err
	}
	return s.Create(ctx, tx, actor, n)
}

// Bill finalizes a draft that is to be paid by invoice: it becomes pending, or
// paid when it costs nothing.
func (s *Service) Bill(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) error {
	method := SendInvoice
	_, err := s.claim(ctx, tx, actor, r, &Finalize{CollectionMethod: &method})
	return err
}
