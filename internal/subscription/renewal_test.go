package subscription_test

import (
	"strings"
	"testing"
	"time"
)

func TestRenewal(t *testing.T) { // 17, 18, 21, 24
	each(t, func(b *bench) {
		b.at("2026-01-15T00:00:00Z")
		p := b.fixed(1000)
		s := b.subscribe(p, invoiced).ID()
		b.want(b.get(s), obj{"status": "active", "amount": 1000})
		if got := b.orders(s); len(got) != 1 || got[0].(obj)["status"] != "pending" || got[0].(obj)["billing_reason"] != "subscription_create" {
			b.t.Fatalf("first order: %v", got)
		}
		b.pay(s)
		end := b.get(s).Text("current_period_end")
		b.said(b.events(func() { b.due("2026-02-20T00:00:00Z") }), "subscription.cycled", "subscription.updated")
		r := b.get(s)
		if r.Text("current_period_start") != end || !strings.HasPrefix(r.Text("current_period_end"), "2026-03-15") {
			b.t.Errorf("renewed to %s", r.Body)
		}
		orders := b.orders(s)
		if len(orders) != 2 || orders[1].(obj)["billing_reason"] != "subscription_cycle" || orders[1].(obj)["due_amount"].(interface{ String() string }).String() != "1000" {
			b.t.Fatalf("orders: %v", orders)
		}
		item := orders[1].(obj)["items"].([]any)[0].(obj)
		if item["label"] != "Plan 1000 — From Feb 15, 2026 to Mar 15, 2026" || item["proration"] != false {
			b.t.Errorf("item: %v", item)
		}
		b.due("2026-03-08T00:00:00Z") // the net days of the renewal are over
		b.want(b.get(s), obj{"status": "past_due"})
		b.said(b.events(func() { b.due("2026-03-15T12:00:00Z") }, "subscription.cycled"), "subscription.cycled")
		b.want(b.get(s), obj{"status": "past_due"})
		if got := b.orders(s); len(got) != 3 {
			b.t.Errorf("%d orders", len(got))
		}
		free := b.subscribe(b.fixed(0)).ID()
		b.due("2026-04-20T00:00:00Z")
		b.want(b.get(s), obj{"status": "canceled"}) // given up meanwhile
		orders = b.orders(free)
		if len(orders) != 1 || orders[0].(obj)["status"] != "paid" || orders[0].(obj)["invoice_number"] == nil {
			b.t.Errorf("free renewal: %v", orders)
		}
	})
}

func TestPeriods(t *testing.T) { // 19, 20, 21
	each(t, func(b *bench) {
		b.at("2024-01-31T10:15:00Z")
		monthly := b.subscribe(b.fixed(0)).ID()
		b.ends(monthly, "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31")
		b.at("2024-01-31T10:15:00Z")
		other := b.subscribe(b.fixed(0, obj{"recurring_interval_count": 2})).ID()
		b.ends(other, "2024-03-31", "2024-05-31", "2024-07-31")
		b.at("2024-02-29T00:00:00Z")
		yearly := b.subscribe(b.fixed(0, obj{"recurring_interval": "year"})).ID()
		b.ends(yearly, "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29")
	})
}

// After a downtime every period has its own order.
func TestCatchUp(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-31T00:00:00Z")
		s := b.subscribe(b.fixed(0)).ID()
		b.due("2026-06-15T00:00:00Z")
		if got := b.orders(s); len(got) != 4 {
			b.t.Errorf("%d orders", len(got))
		}
		b.ends(s, "2026-06-30")
	})
}

// What is not sold any more is renewed: at a price that its product has given up,
// and of a product that is archived.
func TestRenewedWithoutBeingSold(t *testing.T) { // 85, 88
	each(t, func(b *bench) {
		b.at("2026-01-15T00:00:00Z")
		dearer, archived := b.fixed(1000), b.fixed(2000)
		prices := map[string]string{b.subscribe(dearer, invoiced).ID(): "1000", b.subscribe(archived, invoiced).ID(): "2000"}
		b.want(b.Do("PATCH", "/v1/products/"+dearer, b.AllToken, obj{"prices": []any{obj{"amount_type": "fixed", "price_amount": 5000}}}),
			obj{"prices": []any{obj{"price_amount": 5000}}})
		b.want(b.Do("PATCH", "/v1/products/"+archived, b.AllToken, obj{"is_archived": true}), obj{"is_archived": true})
		for s := range prices {
			b.pay(s)
		}
		b.due("2026-02-15T12:00:00Z")
		for s, price := range prices {
			b.want(b.get(s), obj{"status": "active"})
			if o := b.lastOrder(s); o["billing_reason"] != "subscription_cycle" || num(o["net_amount"]) != price {
				b.t.Errorf("the renewal is %v, want one for %s", o, price)
			}
		}
	})
}

// A period, or a trial, that is over is not longer because it is changed before
// that was noticed.
func TestChangeBeforeRenewal(t *testing.T) {
	each(t, func(b *bench) {
		year := b.fixed(9000, obj{"recurring_interval": "year"})
		b.at("2026-01-31T00:00:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		trial := b.subscribe(b.fixed(1000, obj{"trial_interval": "month", "trial_interval_count": 1}), invoiced).ID()
		other := b.subscribe(b.fixed(1000, obj{"trial_interval": "month", "trial_interval_count": 1}), invoiced).ID()
		end, trialEnd, otherEnd := b.get(s).Text("current_period_end"), b.get(trial).Text("trial_end"), b.get(other).Text("trial_end")
		b.at("2026-03-05T00:00:00Z") // nobody has noticed
		b.want(b.patch(s, obj{"product_id": year, "proration_behavior": "prorate"}), obj{"current_period_start": end})
		b.want(b.patch(trial, obj{"trial_end": "now"}), obj{"current_period_start": trialEnd, "trial_end": trialEnd, "status": "active"})
		b.want(b.patch(other, obj{"product_id": year}), obj{"current_period_start": otherEnd, "status": "active"})
		if o := b.lastOrder(s); num(o["due_amount"]) != "9000" {
			t.Errorf("%v", o)
		}
		b.due("2026-03-05T00:01:00Z")
		b.ends(trial, "2026-03-28")
		b.ends(s, "2027-02-28")
	})
}

func TestDiscounts(t *testing.T) { // 26, 30, 51
	each(t, func(b *bench) {
		for _, c := range []struct {
			fields obj
			due    []string
		}{
			{obj{"duration": "repeating", "duration_in_months": 3}, []string{"900", "900", "900", "1000"}},
			{obj{"duration": "once"}, []string{"900", "1000"}},
			{obj{}, []string{"900", "900", "900"}},
		} {
			b.at("2026-01-01T00:00:00Z")
			s := b.subscribe(b.fixed(1000), invoiced).ID()
			d := b.Discount(c.fields).ID()
			r := b.patch(s, obj{"discount_id": d})
			b.want(r, obj{"amount": 900, "discount_id": d})
			b.refused(b.patch(s, obj{"discount_id": d}), 422, "This discount is already applied to the subscription.")
			b.pay(s)
			for i, due := range c.due {
				b.due(time.Date(2026, time.Month(2+i), 2, 0, 0, 0, 0, time.UTC).Format(time.RFC3339))
				b.pay(s)
				list := b.orders(s)
				if got := list[len(list)-1].(obj)["due_amount"].(interface{ String() string }).String(); len(list) != i+2 || got != due {
					b.t.Errorf("%v, period %d of %d: %s, want %s", c.fields, i+1, len(list), got, due)
				}
			}
		}
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		const bad = "Discount does not exist, is not applicable to this product or is not redeemable."
		b.refused(b.patch(s, obj{"discount_id": s}), 422, bad, `"body","discount_id"`)
		eur := b.Discount(obj{"type": "fixed", "amount": 100, "currency": "eur", "basis_points": nil}).ID()
		b.refused(b.patch(s, obj{"discount_id": eur}), 422, bad)
		d := b.Discount(obj{"basis_points": 5000}).ID()
		b.want(b.patch(s, obj{"discount_id": d}), obj{"amount": 500})
		b.want(b.patch(s, obj{"discount_id": nil}), obj{"amount": 1000, "discount": nil, "discount_id": nil})
		// 50
		to := b.fixed(2000)
		only := b.Discount(obj{"products": []string{to}}).ID()
		b.refused(b.patch(s, obj{"discount_id": only}), 422, bad)
		b.want(b.patch(s, obj{"discount_id": only, "product_id": to}), obj{"product_id": to, "amount": 1800})
	})
}

// A discount of so many months takes off so many monthly invoices, also where
// the first of them came on the last day of a shorter month.
func TestDiscountAtMonthEnds(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-31T10:15:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		b.patch(s, obj{"discount_id": b.Discount(obj{"duration": "repeating", "duration_in_months": 3}).ID()})
		b.pay(s)
		for _, c := range []struct{ day, due string }{{"02-28", "900"}, {"03-31", "900"}, {"04-30", "900"}, {"05-31", "1000"}} {
			b.due("2026-" + c.day + "T12:00:00Z")
			if o := b.lastOrder(s); !strings.HasPrefix(o["created_at"].(string), "2026-"+c.day) || num(o["due_amount"]) != c.due {
				b.t.Errorf("%s: order of %s over %v, want %s", c.day, o["created_at"], o["due_amount"], c.due)
			}
			b.pay(s)
		}
		b.want(b.get(s), obj{"discount_id": nil, "amount": 1000})
	})
}

// What begins a period that is billed at once begins the months of a discount
// too: one that applies once takes off that bill and not the renewal as well.
func TestDiscountOfARestartedPeriod(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-31T00:00:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		b.pay(s)
		once := b.Discount(obj{"duration": "once", "basis_points": 5000}).ID()
		b.want(b.patch(s, obj{"product_id": b.fixed(12000, obj{"recurring_interval": "year"}), "discount_id": once}), obj{"amount": 6000})
		b.pay(s)
		b.due("2027-02-01T00:00:00Z")
		b.want(b.get(s), obj{"discount_id": nil, "amount": 12000})
		if o := b.lastOrder(s); num(o["due_amount"]) != "12000" || num(o["discount_amount"]) != "0" {
			b.t.Errorf("the second year: %v off %v", o["discount_amount"], o["due_amount"])
		}
	})
}

// A discount that is taken away with a change for the next period is gone, and
// so is one that an earlier change for then would have brought.
func TestNoDiscountNextPeriod(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-01T00:00:00Z")
		s, to := b.subscribe(b.fixed(1000), invoiced).ID(), b.fixed(2000)
		b.pay(s)
		b.patch(s, obj{"discount_id": b.Discount(nil).ID()})
		later := obj{"product_id": to, "proration_behavior": "next_period"}
		b.patch(s, obj{"product_id": to, "proration_behavior": "next_period", "discount_id": b.Discount(nil).ID()})
		b.want(b.patch(s, later), obj{"amount": 900})
		later["discount_id"] = nil
		b.want(b.patch(s, later), obj{"amount": 1000, "discount_id": nil})
		b.due("2026-02-02T00:00:00Z")
		b.want(b.get(s), obj{"amount": 2000, "discount_id": nil, "product_id": to})
		if o := b.lastOrder(s); num(o["due_amount"]) != "2000" {
			b.t.Errorf("the renewal costs %v", o["due_amount"])
		}
	})
}

// Of a discount that waits with a product and one that was chosen later, the
// later one counts, and so does that there is to be none. The product stays.
func TestLaterDiscountCounts(t *testing.T) {
	each(t, func(b *bench) {
		for name, c := range map[string]struct {
			half bool
			due  string
		}{"another": {true, "1000"}, "none": {false, "2000"}} {
			b.at("2026-01-01T00:00:00Z")
			s, to := b.subscribe(b.fixed(1000), invoiced).ID(), b.fixed(2000)
			b.pay(s)
			b.patch(s, obj{"product_id": to, "proration_behavior": "next_period", "discount_id": b.Discount(obj{"duration": "once"}).ID()})
			var chosen any
			if c.half {
				chosen = b.Discount(obj{"basis_points": 5000, "duration": "forever"}).ID()
			}
			b.want(b.patch(s, obj{"discount_id": chosen}), obj{"discount_id": chosen, "pending_update": obj{"product_id": to}})
			b.due("2026-02-02T00:00:00Z")
			b.want(b.get(s), obj{"discount_id": chosen, "product_id": to, "pending_update": nil})
			if o := b.lastOrder(s); num(o["due_amount"]) != c.due {
				b.t.Errorf("%s: the renewal costs %v, want %s", name, o["due_amount"], c.due)
			}
		}
	})
}

func TestBillingPeriod(t *testing.T) { // 69, 70
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		p := b.fixed(0)
		s := b.subscribe(p).ID()
		b.refused(b.patch(s, obj{"pending_update": nil}), 422, "This subscription has no pending update to clear.", `"body","pending_update"`)
		b.patch(s, obj{"product_id": b.fixed(0), "proration_behavior": "next_period"})
		b.want(b.patch(s, obj{"current_billing_period_end": "2026-03-20T00:00:00Z"}),
			obj{"current_period_end": "2026-03-20T00:00:00Z", "pending_update": obj{"applies_at": "2026-03-20T00:00:00Z"}})
		b.want(b.patch(s, obj{"pending_update": nil}), obj{"pending_update": nil})
		b.ends(s, "2026-03-20", "2026-04-20")
		b.refused(b.patch(s, obj{"current_billing_period_end": "2026-01-20T00:00:00Z"}), 422, "datetime_future")
		b.patch(s, obj{"cancel_at_period_end": true})
		b.refused(b.patch(s, obj{"current_billing_period_end": "2026-12-20T00:00:00Z"}), 403, "AlreadyCanceledSubscription")
		b.patch(s, obj{"revoke": true})
		b.refused(b.patch(s, obj{"current_billing_period_end": "2026-12-20T00:00:00Z"}), 403, "AlreadyCanceledSubscription")
		b.at("2026-01-10T00:00:00Z")
		late := b.subscribe(b.fixed(1000), invoiced).ID()
		b.due("2026-01-25T00:00:00Z")
		b.refused(b.patch(late, obj{"current_billing_period_end": "2026-12-20T00:00:00Z"}), 403, "InactiveSubscription")
	})
}
