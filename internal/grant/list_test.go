package grant_test

import (
	"fmt"
	"testing"

	"floe/internal/benefit"
	"floe/internal/floetest"
)

func TestLists(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		other := f.Organization("Other")
		b := f.Benefit(nil).ID()
		c1, c2 := f.Customer(nil).ID(), f.Customer(nil).ID()
		s1, s2 := subscription(), subscription()
		f.sync(c1, s1, true, []string{b}, created)
		f.sync(c2, s2, true, []string{b}, created)
		f.sync(c2, s2, false, nil, revoked)
		d := f.broughtIn(benefit.Discord, discordBenefit)
		f.sync(c1, s1, true, []string{b, d}, created)
		total := func(name, path string, n int) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "GET " + path, As: f.AllToken, Status: 200, Want: fmt.Sprintf(`{"pagination":{"total_count":%d,"max_page":%d}}`, n, min(n, 1))})
		}
		f.Run(floetest.Scenario{Name: "63 flags", Do: "GET /v1/benefits/" + b + "/grants", As: f.AllToken, Status: 200, Want: fields{"items": []any{
			fields{"customer_id": c2, "is_granted": false, "is_revoked": true, "granted_at": nil, "error": nil, "subscription_id": s2.SubscriptionID, "order_id": nil,
				"customer": fields{"id": c2}, "member": fields{"customer_id": c2, "role": "owner"}, "benefit": fields{"id": b, "type": "custom"}, "properties": fields{}},
			fields{"customer_id": c1, "is_granted": true, "is_revoked": false, "revoked_at": nil, "error": nil},
		}}})
		f.Run(floetest.Scenario{Name: "63 errored", Do: "GET /v1/benefits/" + d + "/grants", As: f.AllToken, Status: 200, Want: fields{"items": []any{
			fields{"is_granted": false, "is_revoked": false, "error": fields{"type": "BenefitActionRequiredError"}}}}})
		total("granted", "/v1/benefits/"+b+"/grants?is_granted=true", 1)
		total("not granted", "/v1/benefits/"+b+"/grants?is_granted=false", 1)
		total("by customers", "/v1/benefits/"+b+"/grants?customer_id="+c1+"&customer_id="+c2, 2)
		total("by customer", "/v1/benefits/"+b+"/grants?customer_id="+c1, 1)
		total("all", "/v1/benefit-grants/", 3)
		total("all granted", "/v1/benefit-grants/?is_granted=true", 1)
		total("everything else", "/v1/benefit-grants/?is_granted=false", 2)
		total("customer and unknown external id", "/v1/benefit-grants/?customer_id="+c1+"&external_customer_id=x", 0)
		total("66 organization", "/v1/benefit-grants/?organization_id="+string(f.Org.ID), 3)
		total("66 foreign organization", "/v1/benefit-grants/?organization_id="+string(other.ID), 0)
		f.Run(floetest.Scenario{Name: "66 foreign token", Do: "GET /v1/benefit-grants/", As: other.Token, Status: 200, Want: `{"items":[]}`})
		f.Run(floetest.Scenario{Name: "66 foreign token names it", Do: "GET /v1/benefit-grants/?organization_id=" + string(f.Org.ID), As: other.Token, Status: 200, Want: `{"items":[]}`})
		sorted := func(name, sorting string, want ...any) {
			t.Helper()
			items := make([]any, len(want))
			for i, w := range want {
				items[i] = fields{"benefit_id": w}
			}
			f.Run(floetest.Scenario{Name: name, Do: "GET /v1/benefit-grants/?sorting=" + sorting, As: f.AllToken, Status: 200, Want: fields{"items": items}})
		}
		sorted("newest first", "-created_at", d, b, b)
		f.Run(floetest.Scenario{Name: "nulls last", Do: "GET /v1/benefit-grants/?sorting=revoked_at", As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"is_revoked": true}, fields{"is_revoked": false}, fields{"is_revoked": false}}}})
		f.Run(floetest.Scenario{Name: "nulls first", Do: "GET /v1/benefit-grants/?sorting=-granted_at", As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"is_granted": false}, fields{"is_granted": false}, fields{"is_granted": true}}}})
	})
}
