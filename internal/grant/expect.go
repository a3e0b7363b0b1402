package grant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/id"
)

// expecting is the key of the customers who were locked before what they have
// was: a product or a benefit.
type expecting struct{ of id.ID }

// patience is how often a change of what customers have begins anew because
// somebody has come to have it. Where somebody always comes, that has an end:
// they are then locked late, and db.Write runs again what met in a circle.
const patience = 8

var errNewcomer = errors.New("somebody has come to have what changes")

// LockOwners locks the customers who hold a product, which is locked after
// them.
func (s *Service) LockOwners(ctx context.Context, tx *db.Tx, org, productID id.ID, known *benefit.Holders) error {
	found, err := s.Sources.OfProduct(ctx, tx, org, productID)
	if err != nil {
		return err
	}
	return s.expect(ctx, tx, org, productID, customersOf(found), known)
}

// LockHolders locks the customers who have a benefit, which is locked after
// them, when it makes a difference to them what it becomes.
func (s *Service) LockHolders(ctx context.Context, tx *db.Tx, before, after benefit.Row, known *benefit.Holders) error {
	if after.DeletedAt == nil && !matters(before, after) {
		return nil
	}
	found, err := holdersOf(ctx, tx, before)
	if err != nil {
		return err
	}
	return s.expect(ctx, tx, before.OrganizationID, before.ID, found, known)
}

func (s *Service) expect(ctx context.Context, tx *db.Tx, org, of id.ID, found []id.ID, known *benefit.Holders) error {
	known.Tries++
	known.Customers = append(known.Customers, found...)
	slices.Sort(known.Customers)
	known.Customers = slices.Compact(known.Customers)
	if known.Tries <= patience {
		tx.SetValue(expecting{of}, known.Customers)
	}
	_, err := s.lockAll(ctx, tx, org, known.Customers)
	return err
}

// expected has the transaction begin anew when there is somebody whom expect
// has not locked.
func expected(tx *db.Tx, of id.ID, found []id.ID) error {
	known, ok := tx.Value(expecting{of}).([]id.ID)
	if !ok {
		return nil
	}
	for _, c := range found {
		if _, ok := slices.BinarySearch(known, c); !ok {
			return db.Collision(errNewcomer)
		}
	}
	return nil
}

func expectedHolders(ctx context.Context, tx *db.Tx, r benefit.Row) error {
	if tx.Value(expecting{r.ID}) == nil {
		return nil
	}
	found, err := holdersOf(ctx, tx, r)
	if err != nil {
		return err
	}
	return expected(tx, r.ID, found)
}

func holdersOf(ctx context.Context, tx *db.Tx, r benefit.Row) ([]id.ID, error) {
	found, err := db.All[id.ID](ctx, tx, `SELECT DISTINCT customer_id FROM benefit_grants
		WHERE organization_id = ? AND benefit_id = ? AND granted_at IS NOT NULL`, r.OrganizationID, r.ID)
	if err != nil {
		return nil, fmt.Errorf("find who has a benefit: %w", err)
	}
	return found, nil
}

func customersOf(list []SourceState) []id.ID {
	ids := make([]id.ID, len(list))
	for i := range list {
		ids[i] = list[i].Customer
	}
	return ids
}
