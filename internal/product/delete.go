package product

import (
	"context"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/journal"
	"floe/internal/schema"
)

func (s *Service) delete(ctx context.Context, sub auth.Subject, in byIDInput) error {
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		l, err := s.lock(ctx, tx, sub, in.ID)
		if err != nil {
			return err
		}
		return s.Delete(ctx, tx, sub, &l)
	})
}

// Delete hides a product that nothing refers to. The contract has no event of
// its own for it: who follows a product learns of it by its last change.
func (s *Service) Delete(ctx context.Context, tx *db.Tx, actor auth.Subject, l *Loaded) error {
	used, err := s.Usage.InUse(ctx, tx, l.OrganizationID, l.ID)
	if err != nil {
		return err
	}
	if used {
		return fault.ProductNotDeletable.New()
	}
	now := tx.Now()
	l.DeletedAt, l.ModifiedAt = &now, &now
	if err := save(ctx, tx, l); err != nil {
		return err
	}
	gone := recordOf(l)
	journal.Append(tx, actor, journal.Entry{Organization: l.OrganizationID, Type: "product.deleted", Subject: l.ID, After: schema.JSON(&gone)})
	return nil
}
