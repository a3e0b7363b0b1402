package subscription_test

import "testing"

// What one change leaves behind, as the next one finds it.

// A discount that has been used up takes nothing off a period that a change
// begins: it ends with the first period that starts after the one it was for.
func TestUsedDiscountAndANewPeriod(t *testing.T) {
	each(t, func(b *bench) {
		b.Switch(b.Org, "reset_proration_behavior", true)
		b.Feature(b.Org, "seat_based_pricing_enabled", true)
		half := obj{"basis_points": 5000, "duration": "once"}
		used := func(product string) string {
			b.t.Helper()
			b.at("2026-01-15T00:00:00Z")
			s := b.subscribe(product, invoiced).ID()
			b.patch(s, obj{"discount_id": b.Discount(half).ID()})
			b.due("2026-02-15T01:00:00Z") // what it is for
			if o := b.lastOrder(s); num(o["discount_amount"]) != "500" {
				b.t.Fatalf("the discount was not used: %v", o)
			}
			b.at("2026-03-01T00:00:00Z")
			return s
		}
		s := used(b.fixed(1000))
		b.want(b.patch(s, obj{"product_id": b.fixed(8000, obj{"recurring_interval": "year"})}), obj{"discount_id": nil, "discount": nil, "amount": 8000})
		// 14 of 28 days: half of what was paid for them, and a whole year.
		if o := b.lastOrder(s); num(o["net_amount"]) != "7750" {
			b.t.Errorf("the year costs %v", o["net_amount"])
		}
		s = used(b.fixed(1000))
		b.want(b.patch(s, obj{"product_id": b.fixed(3000), "proration_behavior": "reset"}), obj{"discount_id": nil, "amount": 3000})
		if o := b.lastOrder(s); num(o["net_amount"]) != "3000" {
			b.t.Errorf("beginning anew costs %v", o["net_amount"])
		}
		s = used(b.seats(1, 10, 1000))
		b.want(b.patch(s, obj{"seats": 4, "proration_behavior": "reset"}), obj{"discount_id": nil, "amount": 4000})
		if o := b.lastOrder(s); num(o["net_amount"]) != "4000" {
			b.t.Errorf("beginning anew with four seats costs %v", o["net_amount"])
		}
		s = used(b.fixed(1000)) // the period that it is for goes on
		b.want(b.patch(s, obj{"product_id": b.fixed(3000), "proration_behavior": "invoice"}), obj{"amount": 1500})
		if o := b.lastOrder(s); num(o["net_amount"]) != "500" {
			b.t.Errorf("the rest of the period costs %v", o["net_amount"])
		}
	})
}

// A period that seats begin anew is billed with all that it costs.
func TestSeatsThatBeginAPeriod(t *testing.T) {
	each(t, func(b *bench) {
		b.Switch(b.Org, "reset_proration_behavior", true)
		b.Feature(b.Org, "seat_based_pricing_enabled", true)
		b.at("2026-01-15T00:00:00Z")
		product := b.Product(obj{"prices": []any{obj{"amount_type": "fixed", "price_amount": 5000, "price_currency": "usd"},
			obj{"amount_type": "seat_based", "price_currency": "usd", "seat_tiers": obj{"tiers": []any{obj{"min_seats": 1, "price_per_seat": 1000}}}}}}).ID()
		s := b.subscribe(product, invoiced).ID()
		b.patch(s, obj{"discount_id": b.Discount(obj{"basis_points": 1000, "duration": "forever"}).ID()})
		b.at("2026-01-20T00:00:00Z")
		b.want(b.patch(s, obj{"seats": 3, "proration_behavior": "reset"}), obj{"seats": 3, "amount": 7200})
		o := b.lastOrder(s)
		if items := o["items"].([]any); len(items) != 2 || num(o["net_amount"]) != "7200" {
			b.t.Errorf("ordered %v", o)
		}
		b.ends(s, "2026-02-20")
	})
}

// How a subscription is paid can be said in any change of what it costs, and by itself.
func TestCollectionMethodIsKept(t *testing.T) {
	each(t, func(b *bench) {
		b.Feature(b.Org, "seat_based_pricing_enabled", true)
		b.at("2026-01-15T00:00:00Z")
		s := b.subscribe(b.fixed(0)).ID()
		b.want(b.patch(s, invoiced), obj{"status": "active"})
		b.want(b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "invoice"}), obj{"amount": 1000})
		b.want(b.patch(s, obj{"collection_method": "charge_automatically", "metadata": obj{"a": 1}}), obj{"status": "active"})
		b.refused(b.patch(s, obj{"product_id": b.fixed(2000), "proration_behavior": "invoice"}), 402)

		s = b.subscribe(b.seats(1, 10, 1000), invoiced).ID()
		same := func(method string) func() {
			return func() { b.want(b.patch(s, obj{"seats": 1, "collection_method": method}), obj{"seats": 1}) }
		}
		b.said(b.events(same("send_invoice")))
		b.said(b.events(same("charge_automatically")), "subscription.updated")
		b.refused(b.patch(s, obj{"seats": 2, "proration_behavior": "invoice"}), 402)
	})
}

// A change of product that leaves the interval leaves the day of the month to
// aim for, whatever day the period began on.
func TestChangeKeepsTheDayOfTheMonth(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-31T00:00:00Z")
		for _, how := range []string{"prorate", "invoice", "next_period"} {
			b.at("2026-01-31T00:00:00Z")
			s := b.subscribe(b.fixed(1000), invoiced).ID()
			b.due("2026-02-28T01:00:00Z")
			b.patch(s, obj{"product_id": b.fixed(2000), "proration_behavior": how})
			b.ends(s, "2026-03-31", "2026-04-30")
			b.want(b.get(s), obj{"amount": 2000})
		}
		b.at("2026-01-01T00:00:00Z") // and somebody has moved the end
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		b.patch(s, obj{"current_billing_period_end": "2026-01-31T00:00:00Z"})
		b.patch(s, obj{"product_id": b.fixed(2000), "proration_behavior": "prorate"})
		b.ends(s, "2026-01-31", "2026-02-28", "2026-03-31")

		b.at("2026-01-31T00:00:00Z") // a month that began in February becomes a year
		s = b.subscribe(b.fixed(0)).ID()
		b.due("2026-02-28T01:00:00Z")
		b.patch(s, obj{"product_id": b.fixed(0, obj{"recurring_interval": "year"}), "proration_behavior": "next_period"})
		b.ends(s, "2026-03-31", "2027-03-31")
		b.at("2026-01-31T00:00:00Z") // and weeks become months
		s = b.subscribe(b.fixed(0, obj{"recurring_interval": "week"})).ID()
		b.patch(s, obj{"product_id": b.fixed(0), "proration_behavior": "next_period"})
		b.ends(s, "2026-02-07", "2026-03-07", "2026-04-07")
	})
}

// What waits for the end of a period is there when the next one begins, also
// where a pause is between.
func TestResumeMakesThePendingChange(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-15T00:00:00Z")
		s := b.subscribe(b.granting(3000), invoiced).ID()
		b.pay(s)
		next, half := b.granting(1000), b.Discount(obj{"basis_points": 5000, "duration": "once"}).ID()
		b.patch(s, obj{"product_id": next, "discount_id": half, "proration_behavior": "next_period"})
		b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2026-04-20T00:00:00Z"})
		b.due("2026-02-15T01:00:00Z")
		b.want(b.get(s), obj{"status": "paused", "amount": 3000, "pending_update": obj{"product_id": next}})
		b.due("2026-04-20T00:00:00Z")
		b.want(b.get(s), obj{"status": "active", "product_id": next, "amount": 500, "discount_id": half, "pending_update": nil})
		if o := b.lastOrder(s); num(o["net_amount"]) != "500" {
			b.t.Errorf("the first period after the pause costs %v", o["net_amount"])
		}
		b.ends(s, "2026-05-20", "2026-06-20")
	})
}

// A change for the end of the trial that ends in the same request is made.
func TestChangeForATrialThatEndsNow(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(1000, obj{"trial_interval": "month", "trial_interval_count": 1}), invoiced).ID()
		next := b.fixed(3000)
		b.want(b.patch(s, obj{"product_id": next, "proration_behavior": "next_period", "trial_end": "2026-03-05T00:00:00Z"}),
			obj{"status": "trialing", "pending_update": obj{"product_id": next, "applies_at": "2026-03-05T00:00:00Z"}})
		b.want(b.patch(s, obj{"pending_update": nil}), obj{"pending_update": nil})
		b.want(b.patch(s, obj{"product_id": next, "proration_behavior": "next_period", "trial_end": "now"}),
			obj{"status": "active", "product_id": next, "amount": 3000, "pending_update": nil})
		if o := b.lastOrder(s); num(o["net_amount"]) != "3000" {
			b.t.Errorf("the first period costs %v", o["net_amount"])
		}
	})
}

// What has ended waits for nothing, and its last change holds no product back.
func TestNothingWaitsForAnEnd(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		for _, end := range []func(s, customer string){
			func(s, _ string) { b.Do("DELETE", "/v1/subscriptions/"+s, b.AllToken, nil) },
			func(s, _ string) { b.patch(s, obj{"cancel_at_period_end": true}); b.due("2026-02-11T00:00:00Z") },
			func(_, customer string) { b.Do("DELETE", "/v1/customers/"+customer, b.AllToken, nil) },
		} {
			r, next := b.subscribe(b.fixed(0)), b.fixed(0)
			s := r.ID()
			b.want(b.patch(s, obj{"product_id": next, "proration_behavior": "next_period"}), obj{"pending_update": obj{"product_id": next}})
			b.refused(b.Do("DELETE", "/v1/products/"+next, b.AllToken, nil), 409)
			end(s, r.Text("customer_id"))
			b.want(b.get(s), obj{"status": "canceled", "pending_update": nil})
			b.refused(b.Do("DELETE", "/v1/products/"+next, b.AllToken, nil), 204)
		}
	})
}

// A cancellation that a trial's end brings forward was due then.
func TestTrialEndsNowAndWasCanceled(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(1000, obj{"trial_interval": "month", "trial_interval_count": 1}), invoiced).ID()
		b.patch(s, obj{"cancel_at_period_end": true})
		r := b.patch(s, obj{"trial_end": "now"})
		b.want(r, obj{"status": "canceled", "ends_at": r.Path("ended_at"), "current_period_end": r.Path("ended_at")})
	})
}

// A pause that is over before what was unpaid is paid never begins.
func TestPauseIsOverBeforeWhatWasOwedIsPaid(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-31T00:00:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2026-03-20T00:00:00Z"})
		b.due("2026-02-14T01:00:00Z")
		b.want(b.get(s), obj{"status": "past_due", "pause_at_period_end": true, "resumes_at": "2026-03-20T00:00:00Z"})
		b.due("2026-02-28T01:00:00Z")
		b.want(b.get(s), obj{"status": "past_due", "pause_at_period_end": false, "resumes_at": nil})
		b.pay(s)
		b.want(b.get(s), obj{"status": "active"})
		b.ends(s, "2026-03-31", "2026-04-30")
	})
}

// A trial that an unpaid order has ended leaves a whole period to pay for.
func TestPeriodAfterALostTrial(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-01T00:00:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		b.want(b.patch(s, obj{"trial_end": "2026-03-31T00:00:00Z"}), obj{"status": "trialing"})
		b.due("2026-01-16T00:00:00Z")
		b.want(b.get(s), obj{"status": "past_due", "current_period_end": "2026-03-31T00:00:00Z"})
		b.pay(s)
		b.want(b.get(s), obj{"status": "active"})
		b.ends(s, "2026-03-31", "2026-04-30", "2026-05-31")
	})
}

// A license key that was given back when its subscription had ended is taken
// when the product does not grant it any more.
func TestBenefitIsTakenFromWhatWasGivenBack(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		product := b.fixed(0)
		key := b.Benefit(obj{"type": "license_keys", "properties": obj{}}).ID()
		attach := func(benefits ...string) {
			b.t.Helper()
			b.refused(b.Do("POST", "/v1/products/"+product+"/benefits", b.AllToken, obj{"benefits": append([]string{}, benefits...)}), 200)
		}
		attach(key)
		keys := func() *obj {
			list := b.Do("GET", "/v1/license-keys/?benefit_id="+key, b.AllToken, nil).Path("items").([]any)
			one := list[0].(obj)
			return &one
		}
		s := b.subscribe(product).ID()
		b.patch(s, obj{"revoke": true})
		b.refused(b.Do("PATCH", "/v1/license-keys/"+(*keys())["id"].(string), b.AllToken, obj{"status": "granted"}), 200)
		if k := *keys(); k["status"] != "granted" {
			b.t.Fatalf("not given back: %v", k)
		}
		attach()
		if k := *keys(); k["status"] != "revoked" {
			b.t.Errorf("not taken: %v", k)
		}

		b.Feature(b.Org, "seat_based_pricing_enabled", true) // and from one that has come to have seats
		product, key = b.fixed(0), b.Benefit(obj{"type": "license_keys", "properties": obj{}}).ID()
		attach(key)
		s = b.subscribe(product).ID()
		product = b.seats(1, 10, 0)
		attach(key)
		b.want(b.patch(s, obj{"product_id": product}), obj{"seats": 1})
		if k := *keys(); k["status"] != "revoked" {
			b.t.Fatalf("still there: %v", k)
		}
		b.refused(b.Do("PATCH", "/v1/license-keys/"+(*keys())["id"].(string), b.AllToken, obj{"status": "granted"}), 200)
		attach()
		if k := *keys(); k["status"] != "revoked" {
			b.t.Errorf("not taken from seats: %v", k)
		}
	})
}

// A change to a product with periods of usage begins the one that runs, and
// goes through none that would be over.
func TestMeterOfAnotherProduct(t *testing.T) {
	each(t, func(b *bench) {
		b.Switch(b.Org, "meter_cycling", true)
		b.at("2026-01-31T00:00:00Z")
		s := b.subscribe(b.fixed(0, obj{"recurring_interval": "year"})).ID()
		metered := b.fixed(0, obj{"recurring_interval": "year", "meter_interval": "month"})
		b.at("2026-06-15T00:00:00Z")
		r := b.patch(s, obj{"product_id": metered})
		if from, to := r.Text("current_meter_period_start")[:10], r.Text("current_meter_period_end")[:10]; from != "2026-05-31" || to != "2026-06-30" {
			b.t.Errorf("usage is counted from %s to %s", from, to)
		}
		b.said(b.events(func() { b.due("2026-06-16T00:00:00Z") }))
		quarterly := b.fixed(0, obj{"recurring_interval": "year", "meter_interval": "month", "meter_interval_count": 3})
		r = b.patch(s, obj{"product_id": quarterly})
		if from, to := r.Text("current_meter_period_start")[:10], r.Text("current_meter_period_end")[:10]; from != "2026-04-30" || to != "2026-07-31" {
			b.t.Errorf("usage of three months is counted from %s to %s", from, to)
		}
	})
}

// Whether a discount fits a product is asked when it is known that there will be the product.
func TestProductBeforeItsDiscount(t *testing.T) {
	each(t, func(b *bench) {
		s, other := b.subscribe(b.fixed(0)).ID(), b.fixed(0)
		limited := b.Discount(obj{"products": []string{b.fixed(1000)}}).ID()
		b.refused(b.patch(s, obj{"product_id": limited, "discount_id": limited}), 422, `["body","product_id"]`, "Product does not exist.")
		b.refused(b.patch(s, obj{"product_id": other, "discount_id": limited}), 422, `["body","discount_id"]`)
		b.patch(s, obj{"cancel_at_period_end": true})
		b.refused(b.patch(s, obj{"product_id": other, "discount_id": limited}), 403, "AlreadyCanceledSubscription")
	})
}
