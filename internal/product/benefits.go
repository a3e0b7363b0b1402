package product

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// BenefitsUpdate is the whole list of benefits that a product is to grant.
type BenefitsUpdate struct {
	Benefits []id.ID `json:"benefits" doc:"The IDs of the benefits, in order. An ID that stands twice counts once."`
}

// SchemaName is the name of the reference.
func (BenefitsUpdate) SchemaName() string { return "ProductBenefitsUpdate" }

type benefitsInput struct {
	ID   id.ID `path:"id" doc:"The product ID."`
	Body BenefitsUpdate
}

func (s *Service) updateBenefits(ctx context.Context, sub auth.Subject, in benefitsInput) (out Full, err error) {
	var owners benefit.Holders // of all tries
	moved := false
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		locked, err := s.lockOwners(ctx, tx, sub, &in, &owners, moved)
		if err != nil {
			return err
		}
		out, err = s.changeIn(ctx, tx, sub, in.ID, func(tx *db.Tx, l *Loaded) error {
			if !locked && !sameBenefits(in.Body.Benefits, l.BenefitIDs) {
				moved = true
				return db.Collision(errMoved)
			}
			return s.SetBenefits(ctx, tx, sub, l, in.Body.Benefits)
		})
		return err
	})
	return out, err
}

// lockOwners locks the customers whose grants are going to change, before the
// product; see customer.Service.Lock. It says whether it had to: for a list that
// only has another order nobody is locked, unless it turned out to be another
// list once the product was locked. Where there are no locks nobody has to be.
func (s *Service) lockOwners(ctx context.Context, tx *db.Tx, sub auth.Subject, in *benefitsInput, owners *benefit.Holders, moved bool) (locked bool, err error) {
	if tx.ForUpdate() == "" {
		return true, nil
	}
	l, err := manageable(ctx, tx, sub, in.ID, "")
	if err != nil || !moved && sameBenefits(in.Body.Benefits, l.BenefitIDs) {
		return false, err
	}
	if err := s.Grants.LockOwners(ctx, tx, l.OrganizationID, l.ID, owners); err != nil {
		return false, fmt.Errorf("lock the owners of product %s: %w", l.ID, err)
	}
	return true, nil
}

var errMoved = errors.New("the benefits of the product have changed meanwhile")

// sameBenefits says whether two lists name the same benefits, in any order.
func sameBenefits(a, b []id.ID) bool {
	within := func(a, b []id.ID) bool {
		return !slices.ContainsFunc(a, func(x id.ID) bool { return !slices.Contains(b, x) })
	}
	return within(a, b) && within(b, a)
}

// SetBenefits replaces the list of benefits. Only when something was added or
// removed, and not merely moved, are grants looked at. The event is recorded
// in any case.
func (s *Service) SetBenefits(ctx context.Context, tx *db.Tx, actor auth.Subject, l *Loaded, wanted []id.ID) error {
	before := recordOf(l)
	next, err := l.checkBenefits(ctx, tx, actor, wanted)
	if err != nil {
		return err
	}
	same := sameBenefits(next, l.BenefitIDs)
	if !slices.Equal(next, l.BenefitIDs) {
		l.BenefitIDs = next
		if err := setBenefits(ctx, tx, &l.Row, next); err != nil {
			return err
		}
	}
	recordUpdate(tx, actor, l, before)
	if same {
		return nil
	}
	if err := s.Grants.Resync(ctx, tx, actor, l.OrganizationID, l.ID); err != nil {
		return fmt.Errorf("grant and revoke the benefits of product %s: %w", l.ID, err)
	}
	return nil
}

// checkBenefits answers the wanted benefits, each once, or what is wrong with
// the first that cannot be.
func (l *Loaded) checkBenefits(ctx context.Context, tx *db.Tx, actor auth.Subject, wanted []id.ID) ([]id.ID, error) {
	rows, err := benefit.ByIDs(ctx, tx, reachable(&actor, l.OrganizationID), slices.Concat(wanted, l.BenefitIDs))
	if err != nil {
		return nil, err
	}
	live, err := benefit.Live(ctx, tx, l.OrganizationID, wanted)
	if err != nil {
		return nil, err
	}
	next := make([]id.ID, 0, len(wanted))
	for i, b := range wanted {
		r, ok := live[b]
		elsewhere, seen := rows[b]
		msg := ""
		switch {
		case !ok && seen && elsewhere.DeletedAt == nil && elsewhere.OrganizationID != l.OrganizationID:
			msg = "Benefit must be on the same organization as the product."
		case !ok:
			msg = "Benefit does not exist."
		case !r.Selectable && !slices.Contains(l.BenefitIDs, b):
			msg = "Benefit is not selectable."
		}
		if msg != "" {
			return nil, schema.ValueError(msg, schema.StringNode(string(b)), "body", "benefits", i)
		}
		if !slices.Contains(next, b) {
			next = append(next, b)
		}
	}
	for _, b := range l.BenefitIDs {
		if r, ok := rows[b]; ok && !r.Selectable && !slices.Contains(next, b) {
			return nil, schema.ValueError("Benefit is not selectable.", schema.StringNode(string(b)), "body", "benefits")
		}
	}
	return next, nil
}

// reachable are the organizations whose benefits the caller may name: their
// own ones, or that of the product when the server itself calls.
func reachable(actor *auth.Subject, org id.ID) []id.ID {
	if actor.Kind == auth.System {
		return []id.ID{org}
	}
	return visible(actor)
}
