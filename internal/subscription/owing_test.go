package subscription_test

import (
	"context"
	"strconv"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
)

// A subscription that owes for several periods is late until what is overdue is
// paid, whichever is paid first; what is not overdue does not count. With its end
// all that is still owed is void.
func TestOwesTwice(t *testing.T) { // orders 46, 59
	each(t, func(b *bench) {
		weekly := b.fixed(1000, obj{"recurring_interval": "week"})
		for first := range 2 {
			b.at("2026-01-20T00:00:00Z")
			s := b.subscribe(weekly, invoiced).ID()
			b.pay(s)
			for _, day := range []string{"01-28", "02-04", "02-11", "02-18"} { // the first of them was due on February 10, the next on the 17th
				b.due("2026-" + day + "T00:00:00Z")
			}
			b.want(b.get(s), obj{"status": "past_due"})
			owed := b.orders(s)[1:]
			if len(owed) != 4 {
				b.t.Fatalf("%d orders are owed", len(owed))
			}
			for i, status := range []string{"past_due", "active"} {
				id := owed[first^i].(obj)["id"].(string)
				r := b.Do("POST", "/v1/orders/"+id+"/payments", b.AllToken, obj{"status": "succeeded", "amount": 1000, "reference": id})
				if r.Status != 201 {
					b.t.Fatalf("pay: %d %s", r.Status, r.Body)
				}
				b.want(b.get(s), obj{"status": status})
			}
			b.Do("DELETE", "/v1/subscriptions/"+s, b.AllToken, nil)
			for _, o := range b.orders(s)[3:] {
				if o := o.(obj); o["status"] != "void" {
					b.t.Errorf("after the end %v is %v", o["id"], o["status"])
				}
			}
		}
	})
}

// Who gives up the only order that is overdue owes nothing any more. What was
// given up as well stays so when it is taken up again: it is never overdue.
func TestGivenUpIsNotOwed(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-20T00:00:00Z")
		weekly := b.fixed(1000, obj{"recurring_interval": "week"})
		b.Do("POST", "/v1/products/"+weekly+"/benefits", b.AllToken, obj{"benefits": []string{b.Benefit(nil).ID()}})
		s := b.subscribe(weekly, invoiced).ID()
		b.pay(s)
		for _, day := range []string{"01-28", "02-04", "02-11", "02-18"} { // the first of them was due on February 10, the next on the 17th
			b.due("2026-" + day + "T00:00:00Z")
		}
		b.want(b.get(s), obj{"status": "past_due"})
		orders, owed := b.Server.Orders, b.orders(s)
		change := func(do func(ctx context.Context, tx *db.Tx, actor auth.Subject, r *order.Row) error, i int) {
			b.Write(func(ctx context.Context, tx *db.Tx) error {
				r, err := orders.Locked(ctx, tx, []id.ID{b.Org.ID}, id.ID(owed[i].(obj)["id"].(string)))
				if err != nil {
					return err
				}
				return do(ctx, tx, ordertest.System, &r)
			})
		}
		b.said(b.events(func() { change(orders.Void, 2) }, "subscription.", "order.", "benefit_grant."), "order.updated")
		b.want(b.get(s), obj{"status": "past_due"})
		b.said(b.events(func() { change(orders.Void, 1) }, "subscription.", "order.", "benefit_grant."),
			"order.updated", "subscription.updated", "subscription.active", "benefit_grant.created")
		b.want(b.get(s), obj{"status": "active", "past_due_at": nil})
		b.said(b.events(func() { change(orders.Void, 3) }, "subscription."))
		b.said(b.events(func() { change(orders.Unvoid, 1) }, "subscription."))
		b.want(b.get(s), obj{"status": "active"})
	})
}

// The days of grace are for those who may still pay: with the end
// of a subscription its benefits are revoked at once.
func TestCanceledInGrace(t *testing.T) { // benefits 60
	each(t, func(b *bench) {
		r := b.Do("PATCH", "/v1/organizations/"+string(b.Org.ID), b.AllToken, obj{"subscription_settings": obj{
			"allow_multiple_subscriptions": false, "proration_behavior": "prorate", "benefit_revocation_grace_period": 7,
			"prevent_trial_abuse": false, "allow_customer_updates": true}})
		if r.Status != 200 {
			b.t.Fatal(r.Body)
		}
		b.at("2026-01-01T00:00:00Z")
		s := b.subscribe(b.granting(1000), invoiced).ID()
		b.said(b.events(func() { b.due("2026-01-16T00:00:00Z") }, "benefit_grant."))
		b.want(b.get(s), obj{"status": "past_due"})
		b.said(b.events(func() { b.want(b.patch(s, obj{"revoke": true}), obj{"status": "canceled"}) }, "benefit_grant."), "benefit_grant.revoked")
	})
}

// Moving the end of a paid period bills nothing, and gives nothing back.
func TestMovedEndIsNotBilled(t *testing.T) { // subscriptions 69
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		b.pay(s)
		b.said(b.events(func() {
			b.want(b.patch(s, obj{"current_billing_period_end": "2026-03-20T00:00:00Z"}), obj{"current_period_end": "2026-03-20T00:00:00Z"})
		}, "subscription.", "order."), "subscription.updated")
		b.left(s)
		b.due("2026-03-19T00:00:00Z")
		if n := len(b.orders(s)); n != 1 {
			b.t.Errorf("%d orders", n)
		}
		b.due("2026-03-20T12:00:00Z")
		if o := b.lastOrder(s); o["billing_reason"] != "subscription_cycle" || num(o["net_amount"]) != "1000" {
			b.t.Errorf("the renewal is %v", o)
		}
	})
}

// A percentage is taken off what the period costs. What a change in the last one
// costs was reckoned with it already.
func TestDiscountLeavesProrations(t *testing.T) { // orders 23
	each(t, func(b *bench) {
		from, to := b.fixed(10000), b.fixed(30000)
		b.at("2026-06-01T00:00:00Z")
		s := b.subscribe(from, invoiced).ID()
		b.patch(s, obj{"discount_id": b.Discount(obj{"basis_points": 2500}).ID()})
		b.pay(s)
		b.at("2026-06-16T00:00:00Z")
		b.want(b.patch(s, obj{"product_id": to, "proration_behavior": "prorate"}), obj{"amount": 22500})
		b.due("2026-07-01T12:00:00Z")
		o := b.lastOrder(s)
		sum, prorated := int64(0), int64(0)
		for _, i := range o["items"].([]any) {
			amount, err := strconv.ParseInt(num(i.(obj)["amount"]), 10, 64)
			if err != nil {
				b.t.Fatal(err)
			}
			if sum += amount; i.(obj)["proration"] == true {
				prorated += amount
			}
		}
		if len(o["items"].([]any)) != 3 || sum-prorated != 30000 || prorated < 7495 || prorated > 7505 { // 11250 less 3750, to the second
			b.t.Errorf("items of %d, %d of them for the change: %v", sum, prorated, o["items"])
		}
		if num(o["subtotal_amount"]) != strconv.FormatInt(sum, 10) || num(o["discount_amount"]) != "7500" || num(o["net_amount"]) != strconv.FormatInt(sum-7500, 10) {
			b.t.Errorf("subtotal %v, discount %v, net %v", o["subtotal_amount"], o["discount_amount"], o["net_amount"])
		}
	})
}
