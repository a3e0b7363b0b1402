package grant

import (
	"context"
	"fmt"

	"floe/internal/db"
	"floe/internal/id"
)

// Erase removes what the devices are called on which a customer has used
// license keys, and what programs have noted there. The keys are locked, so
// whoever activates one now waits, and finds it revoked: also one that somebody
// had given back without its grant.
func (s *Service) Erase(ctx context.Context, tx *db.Tx, org, customerID id.ID) error {
	if tx.ForUpdate() != "" {
		err := db.Later(ctx, tx, `SELECT id FROM license_keys WHERE organization_id = ? AND customer_id = ? ORDER BY seq`+tx.ForUpdate(), org, customerID)
		if err != nil {
			return fmt.Errorf("lock license keys: %w", err)
		}
	}
	err := db.Later(ctx, tx, `UPDATE license_keys SET status = 'revoked', modified_at = ?
		WHERE organization_id = ? AND customer_id = ? AND status <> 'revoked'`, tx.Now(), org, customerID)
	if err != nil {
		return fmt.Errorf("revoke license keys: %w", err)
	}
	for _, those := range []string{"deleted_at IS NULL", "deleted_at IS NOT NULL"} { // each with its own index
		err := db.Later(ctx, tx, `UPDATE license_key_activations SET label = '', meta = '{}', conditions = '{}' WHERE organization_id = ? AND `+those+`
			AND license_key_id IN (SELECT id FROM license_keys WHERE organization_id = ? AND customer_id = ?)`, org, org, customerID)
		if err != nil {
			return fmt.Errorf("erase activations of license keys: %w", err)
		}
	}
	return nil
}
