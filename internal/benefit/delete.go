package benefit

import (
	"context"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/journal"
	"floe/internal/schema"
)

func (s *Service) delete(ctx context.Context, sub auth.Subject, in byIDInput) error {
	var holders Holders // of all tries
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.manageable(ctx, tx, sub, in.ID, &holders, func(r *Row) { r.hide(tx.Now()) })
		if err != nil {
			return err
		}
		if !r.Deletable {
			return fault.NotPermitted.New()
		}
		return s.Delete(ctx, tx, sub, r)
	})
}

// Delete takes a benefit off every product, hides it, and takes it from all
// who have it. Their grants stay, revoked, for the record. There is no event
// of its own for it: clients are told of a change to a deleted benefit.
func (s *Service) Delete(ctx context.Context, tx *db.Tx, actor auth.Subject, r Row) error {
	before := s.Public(r)
	r.hide(tx.Now())
	if err := unlink(ctx, tx, &r); err != nil {
		return err
	}
	if err := save(ctx, tx, &r); err != nil {
		return err
	}
	after := s.Public(r)
	was, _ := journal.Changes(&before, &after)
	journal.Append(tx, actor, journal.Entry{Organization: r.OrganizationID, Type: "benefit.updated", Subject: r.ID, Before: was, After: schema.JSON(&after)})
	return s.Grants.BenefitDeleted(ctx, tx, actor, r)
}

func (r *Row) hide(now time.Time) { r.DeletedAt, r.ModifiedAt = &now, &now }
