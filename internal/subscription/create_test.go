package subscription_test

import (
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/floetest"
)

func TestCreateRefuses(t *testing.T) { // 7 to 10, 15
	each(t, func(b *bench) {
		c := b.Customer(nil).ID()
		post := func(body obj) *floetest.Response { return b.Do("POST", "/v1/subscriptions/", b.AllToken, body) }
		b.refused(post(obj{"product_id": c, "customer_id": c}), 422, "Product does not exist.", `"body","product_id"`)
		once := b.Product(obj{"recurring_interval": nil}).ID()
		b.refused(post(obj{"product_id": once, "customer_id": c}), 422, "Product is not a recurring product.")
		b.refused(post(obj{"product_id": b.fixed(1000), "customer_id": c}), 422,
			"Product is not free. The customer should go through a checkout to create a paid subscription.")
		b.refused(post(obj{"product_id": b.fixed(1000), "customer_id": c, "collection_method": "charge_automatically"}), 422, "Product is not free.")
		free := b.fixed(0)
		b.refused(post(obj{"product_id": free, "customer_id": free}), 422, "Customer does not exist.", `"body","customer_id"`)
		b.refused(post(obj{"product_id": free, "external_customer_id": "nobody"}), 422, "Customer does not exist.", `"body","external_customer_id"`)
		b.refused(post(obj{"product_id": free}), 422, `"body","SubscriptionCreateCustomer","customer_id"`,
			`"body","SubscriptionCreateExternalCustomer","external_customer_id"`)
		b.refused(post(obj{"product_id": b.seats(1, 20, 1000), "customer_id": c}), 422, "Product is not free.")
		custom := b.Product(obj{"prices": []any{obj{"amount_type": "custom", "minimum_amount": 0}}}).ID()
		b.refused(post(obj{"product_id": custom, "customer_id": c}), 422, "Product is not free.")
		b.refused(b.Do("POST", "/v1/subscriptions/", b.User(auth.Finance), obj{"product_id": free, "customer_id": c}), 403, "manage customers")
	})
}

// A product that comes back from the archive may have no price in what has
// become the organization's currency meanwhile.
func TestCreateWithoutPrice(t *testing.T) {
	each(t, func(b *bench) {
		p, c := b.fixed(0), b.Customer(nil).ID()
		b.want(b.Do("PATCH", "/v1/products/"+p, b.AllToken, obj{"is_archived": true}), obj{"is_archived": true})
		b.want(b.Do("PATCH", "/v1/organizations/"+string(b.Org.ID), b.AllToken, obj{"default_presentment_currency": "eur"}), obj{"default_presentment_currency": "eur"})
		b.want(b.Do("PATCH", "/v1/products/"+p, b.AllToken, obj{"is_archived": false}), obj{"is_archived": false})
		b.refused(b.Do("POST", "/v1/subscriptions/", b.AllToken, obj{"product_id": p, "customer_id": c}), 422,
			`"body","product_id"`, "Product is not priced in the organization's default currency ('eur').")
	})
}

func TestCreate(t *testing.T) { // 11 to 16
	each(t, func(b *bench) {
		b.at("2026-01-31T10:15:00Z")
		benefit := b.Benefit(nil).ID()
		p := b.fixed(0)
		b.Do("POST", "/v1/products/"+p+"/benefits", b.AllToken, obj{"benefits": []string{benefit}})
		c := b.Customer(obj{"external_id": "ext"}).ID()
		var r *floetest.Response
		b.said(b.events(func() {
			r = b.subscribe(p, obj{"customer_id": "x", "external_customer_id": "ext", "metadata": obj{"a": "b"}})
		}, "subscription.", "benefit_grant."), "subscription.created", "subscription.active", "subscription.updated", "benefit_grant.created")
		b.want(r, obj{"status": "active", "customer_id": c, "product_id": p, "amount": 0, "currency": "usd", "metadata": obj{"a": "b"},
			"recurring_interval": "month", "recurring_interval_count": 1, "trial_end": nil, "seats": nil, "ends_at": nil,
			"current_meter_period_start": nil, "current_meter_period_end": nil, "pending_update": nil, "meters": []any{}})
		if r.Text("started_at") != r.Text("current_period_start") || !strings.HasPrefix(r.Text("current_period_end"), "2026-02-28T10:15:00") {
			b.t.Errorf("period: %s", r.Body)
		}
		if got := b.orders(r.ID()); len(got) != 0 {
			b.t.Errorf("orders of a free subscription: %v", got)
		}
		both := b.subscribe(p, obj{"customer_id": c, "external_customer_id": "nobody"})
		b.want(both, obj{"customer_id": c, "modified_at": nil})
		s := b.subscribe(b.seats(3, 20, 0))
		b.want(s, obj{"seats": 3, "customer": obj{"type": "team"}})
		b.Switch(b.Org, "meter_cycling", true)
		yearly := b.fixed(0, obj{"recurring_interval": "year", "meter_interval": "month"})
		m := b.subscribe(yearly)
		if !strings.HasPrefix(m.Text("current_meter_period_end"), "2026-02-28T10:15:00") || !strings.HasPrefix(m.Text("current_period_end"), "2027-01-31T10:15:00") {
			b.t.Errorf("meter period: %s", m.Body)
		}
	})
}
