package doctor_test

import (
	"errors"
	"fmt"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/doctor"
	"floe/internal/id"
)

// alone are the tables of which nothing else says whose their rows are, so that
// no rule can.
var alone = map[string]string{
	"payers": "the processor's name for somebody says nothing",
}

// TestWhoseEverythingIs: what is given to another customer than it belongs to is
// refused by the schema or found by a rule, whatever table it is in. A new table
// of what customers have needs a rule, or stands in alone.
func TestWhoseEverythingIs(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		t.Parallel()
		d := open()
		fill(t, d)
		query := `SELECT m.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table' AND c.name = 'customer_id' ORDER BY 1`
		if d.Engine() != "sqlite" {
			query = `SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'customer_id' ORDER BY 1`
		}
		tables, err := db.All[string](t.Context(), d, query)
		if err != nil || len(tables) < len(alone) {
			t.Fatalf("%d tables, %v", len(tables), err)
		}
		for _, table := range tables {
			found := misplaced(t, d, table)
			if _, ok := alone[table]; ok == found {
				t.Errorf("%s: that something is another's is found: %v; it is among those that stand alone: %v", table, found, ok)
			}
		}
	})
}

// misplaced gives what one customer has in a table to another, says whether that
// is found, and takes it back.
func misplaced(t *testing.T, d *db.DB, table string) (found bool) {
	t.Helper()
	ctx := t.Context()
	err := d.Write(ctx, func(tx *db.Tx) error {
		from, err := db.One[struct{ OrganizationID, CustomerID id.ID }](ctx, tx, fmt.Sprintf(
			`SELECT organization_id, customer_id FROM %s x WHERE customer_id IS NOT NULL AND EXISTS (SELECT 1 FROM customers c
				WHERE c.organization_id = x.organization_id AND c.id <> x.customer_id AND c.deleted_at IS NULL) ORDER BY customer_id LIMIT 1`, table))
		if err != nil {
			return fmt.Errorf("nothing is in it: %w", err)
		}
		to, err := db.One[id.ID](ctx, tx, fmt.Sprintf(`SELECT id FROM customers c WHERE organization_id = ? AND deleted_at IS NULL
			AND NOT EXISTS (SELECT 1 FROM %s o WHERE o.organization_id = c.organization_id AND o.customer_id = c.id)
			ORDER BY id LIMIT 1`, table), from.OrganizationID)
		if errors.Is(err, db.ErrNoRows) { // everybody has some
			to, err = db.One[id.ID](ctx, tx, `SELECT id FROM customers WHERE organization_id = ? AND id <> ? AND deleted_at IS NULL ORDER BY id LIMIT 1`,
				from.OrganizationID, from.CustomerID)
		}
		if err != nil {
			return err
		}
		if _, err := db.Exec(ctx, tx, fmt.Sprintf(`UPDATE %s SET customer_id = ? WHERE organization_id = ? AND customer_id = ?`, table),
			to, from.OrganizationID, from.CustomerID); err != nil {
			found = true // refused
			return errUndo
		}
		for i := range doctor.Invariants {
			if inv := &doctor.Invariants[i]; !found && (inv.Engine == "" || inv.Engine == d.Engine()) {
				list, err := inv.Broken(ctx, tx, 1)
				if err != nil {
					return err
				}
				found = len(list) > 0
			}
		}
		return errUndo
	})
	if !errors.Is(err, errUndo) {
		t.Errorf("%s: %v", table, err)
	}
	return found
}
