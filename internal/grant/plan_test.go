package grant_test

import (
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
)

// What runs for every renewal and every request finds its rows by an index
// that leads to few, also where SQLite would rather have them in order.
func TestPlans(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	for sql, index := range map[string]string{
		`SELECT id FROM benefit_grants WHERE organization_id = 'o' AND source_id IN ('a', 'b') AND granted_at IS NOT NULL`:                       "benefit_grants_identity",
		`SELECT id FROM benefit_grants WHERE organization_id = 'o' AND customer_id = 'c' AND granted_at IS NOT NULL`:                             "benefit_grants_granted",
		`SELECT id FROM benefit_grants WHERE organization_id = 'o' AND customer_id = 'c' AND granted_at IS NOT NULL ORDER BY created_at, id`:     "benefit_grants_granted",
		`SELECT id FROM benefit_grants WHERE organization_id = 'o' AND benefit_id = 'b' ORDER BY created_at DESC, id DESC LIMIT 10`:              "benefit_grants_benefit",
		`SELECT id FROM benefit_grants WHERE organization_id = 'o' AND customer_id = 'c' ORDER BY created_at DESC, id DESC LIMIT 10`:             "benefit_grants_customer",
		`SELECT id FROM license_keys WHERE organization_id = 'o' AND key = 'k'`:                                                                  "license_keys_key",
		`SELECT id FROM license_keys WHERE organization_id = 'o' AND grant_id IN ('a', 'b')`:                                                     "license_keys_grant",
		`SELECT COUNT(*) FROM license_key_activations WHERE organization_id = 'o' AND license_key_id = 'k' AND deleted_at IS NULL`:               "license_key_activations_live",
		`UPDATE license_keys SET status = 'revoked' WHERE organization_id = 'o' AND status <> 'revoked' AND grant_id IN ('a', 'b') RETURNING id`: "license_keys_grant",
	} {
		steps, err := db.All[step](t.Context(), f.DB, "EXPLAIN QUERY PLAN "+sql)
		if err != nil {
			t.Fatal(err)
		}
		if len(steps) == 0 || !strings.Contains(steps[0].Detail, index+" ") {
			t.Errorf("%s\nis read by %v, want %s", sql, steps, index)
		}
	}
}

type step struct {
	ID, Parent, Notused int64
	Detail              string
}
