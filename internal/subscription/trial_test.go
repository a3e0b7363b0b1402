package subscription_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestTrials(t *testing.T) { // 28 to 30, 48, 49, 68; orders 38
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		trial := obj{"trial_interval": "day", "trial_interval_count": 15}
		p := b.fixed(1000, trial)
		var s string
		b.said(b.events(func() { s = b.subscribe(p, invoiced).ID() }, "subscription.", "order."),
			"subscription.created", "subscription.active", "subscription.updated", "order.created", "order.updated", "order.paid")
		b.want(b.get(s), obj{"status": "trialing", "current_period_end": b.get(s).Path("trial_end")})
		label := b.orders(s)[0].(obj)["items"].([]any)[0].(obj)["label"]
		if label != "Trial period for Plan 1000 (Jan 10, 2026 - Jan 25, 2026)" {
			b.t.Errorf("trial item %v", label)
		}
		once := b.Discount(obj{"duration": "once"}).ID()
		b.patch(s, obj{"discount_id": once})
		b.said(b.events(func() { b.due("2026-01-26T00:00:00Z") }), "subscription.cycled", "subscription.updated")
		b.want(b.get(s), obj{"status": "active", "discount_id": once})
		b.pay(s)
		b.due("2026-02-26T00:00:00Z")
		list := b.orders(s)
		if len(list) != 3 || list[1].(obj)["billing_reason"] != "subscription_cycle" || list[1].(obj)["net_amount"].(interface{ String() string }).String() != "900" ||
			list[2].(obj)["net_amount"].(interface{ String() string }).String() != "1000" {
			b.t.Errorf("orders: %v", list)
		}
		b.ends(s, "2026-03-25")

		b.at("2026-01-10T00:00:00Z")
		benefit := b.Benefit(nil).ID()
		b.Do("POST", "/v1/products/"+p+"/benefits", b.AllToken, obj{"benefits": []string{benefit}})
		ending := b.subscribe(p, invoiced).ID()
		b.refused(b.patch(ending, obj{"pause_at_period_end": true}), 409, "CannotPauseSubscription")
		b.patch(ending, obj{"cancel_at_period_end": true})
		b.said(b.events(func() { b.due("2026-01-26T00:00:00Z") }, "subscription.canceled", "subscription.revoked", "benefit_grant."),
			"subscription.canceled", "subscription.revoked", "benefit_grant.revoked")
		if got := b.orders(ending); len(got) != 1 {
			b.t.Errorf("a trial that ended was billed: %v", got)
		}

		b.at("2026-01-10T00:00:00Z")
		x := b.subscribe(p, invoiced).ID()
		b.want(b.patch(x, obj{"trial_end": "2026-02-01T00:00:00Z"}), obj{"trial_end": "2026-02-01T00:00:00Z", "current_period_end": "2026-02-01T00:00:00Z", "status": "trialing"})
		b.want(b.patch(x, obj{"trial_end": "2026-01-20T00:00:00Z"}), obj{"trial_end": "2026-01-20T00:00:00Z"})
		b.refused(b.patch(x, obj{"trial_end": "2026-01-01T00:00:00Z"}), 422, "datetime_future", "Input should be in the future")
		b.want(b.patch(x, obj{"trial_end": "now"}), obj{"status": "active"})
		if o := b.lastOrder(x); o["status"] != "pending" || num(o["due_amount"]) != "1000" || o["billing_reason"] != "subscription_cycle" {
			b.t.Errorf("the trial ended and was billed %v", o)
		}
		b.refused(b.patch(x, obj{"trial_end": "now"}), 422, "The subscription is not currently trialing.")
		b.refused(b.patch(x, obj{"trial_end": "2026-01-20T00:00:00Z"}), 422, "Trial end must be after the current period end.")
		b.want(b.patch(x, obj{"trial_end": "2026-03-20T00:00:00Z"}), obj{"status": "trialing", "current_period_end": "2026-03-20T00:00:00Z"})

		for _, c := range []struct {
			trial  obj
			status string
			end    string
		}{
			{obj{"trial_interval": "day", "trial_interval_count": 30}, "trialing", "2026-02-09"},
			{obj{"trial_interval": "day", "trial_interval_count": 7}, "trialing", "2026-01-17"},
			{obj{"trial_interval": "day", "trial_interval_count": 2}, "active", "2026-02-15"},
			{obj{}, "active", "2026-02-15"},
		} {
			b.at("2026-01-10T00:00:00Z")
			y := b.subscribe(p, invoiced).ID()
			b.at("2026-01-15T00:00:00Z")
			r := b.patch(y, obj{"product_id": b.fixed(3000, c.trial)})
			b.want(r, obj{"status": c.status, "amount": 3000})
			if !strings.HasPrefix(r.Text("current_period_end"), c.end) {
				b.t.Errorf("%v: ends %s", c, r.Text("current_period_end"))
			}
			for _, o := range b.orders(y) {
				for _, i := range o.(obj)["items"].([]any) {
					if i.(obj)["proration"] == true {
						b.t.Errorf("a proration during a trial: %v", i)
					}
				}
			}
		}
	})
}

// What a customer owes from before is no part of a trial: its order costs
// nothing, and nobody loses the trial over it.
func TestTrialWithADebt(t *testing.T) {
	each(t, func(b *bench) {
		b.Processor()
		paid, customer := b.paying()
		b.at("2026-02-09T12:00:00Z") // half a day of 31 is left: too little to be charged
		b.want(b.patch(paid, obj{"product_id": b.fixed(1000), "proration_behavior": "invoice"}), obj{"amount": 1000})
		if n := b.Balance(customer); n != -16 {
			t.Fatalf("balance %d, want a debt of 16", n)
		}
		trial := obj{"trial_interval": "day", "trial_interval_count": 30}
		s := b.subscribe(b.fixed(1000, trial), invoiced, obj{"customer_id": customer}).ID()
		o := b.lastOrder(s)
		if got := fmt.Sprintln(o["status"], o["total_amount"], o["applied_balance_amount"], o["due_amount"]); got != "paid 0 0 0\n" {
			t.Errorf("the order of the trial: %s", got)
		}
		if n := b.Balance(customer); n != -16 {
			t.Errorf("balance %d after it", n)
		}
		b.due("2026-02-24T00:00:00Z") // the net days are over
		b.want(b.get(s), obj{"status": "trialing"})
		b.Sound("orders.", "balances.", "payments.")
	})
}
