package organization_test

import (
	"context"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/organization"
)

func TestSwitch(t *testing.T) {
	each(t, func(b *bench) {
		org := b.organization("mine")
		bearer, path := b.orgToken(org), "/v1/organizations/"+string(org)
		to := func(o id.ID, features map[organization.Feature]bool) error {
			return b.db.Write(t.Context(), func(tx *db.Tx) error {
				_, err := b.orgs.Switch(t.Context(), tx, system, o, features)
				return err
			})
		}
		refused := func(text string, err error) {
			t.Helper()
			if err == nil || !strings.Contains(err.Error(), text) {
				t.Errorf("%v, want %q", err, text)
			}
		}
		for name, field := range map[organization.Feature]string{
			organization.ResetProration: "reset_proration_behavior_enabled", organization.OffSessionCharges: "off_session_charges_enabled",
			organization.MeterCycling: "meter_cycling_enabled", organization.UnitBasedPricing: "unit_based_pricing_enabled",
		} {
			for _, on := range []bool{false, true} {
				if err := to(org, map[organization.Feature]bool{name: on}); err != nil {
					t.Fatal(err)
				}
				b.call(bearer, "GET", path, "").is(200).has(on, "feature_settings", field)
			}
		}
		refused("there is no feature", to(org, map[organization.Feature]bool{"wallets": true}))
		refused("Not found", to(id.New(), nil))

		// What changes do by default is not taken from under them.
		b.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE organizations SET subscription_settings = ? WHERE id = ?`, `{"proration_behavior":"reset"}`, org)
			return err
		})
		refused("change that first", to(org, map[organization.Feature]bool{organization.ResetProration: false}))
	})
}
