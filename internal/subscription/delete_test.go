package subscription_test

import (
	"testing"

	"floe/internal/floetest"
)

// Deleting a customer, and anonymising one, is one transaction with a number of
// statements that hardly grows with what the customer has: rows are put in by
// 256, and what is left by smaller powers of two.
func TestDeleteTakesAFixedNumberOfStatements(t *testing.T) {
	const benefits = 10
	const perItem = 3 + benefits + 1 // entries: three of a subscription, one of each grant, one of an order
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		product := b.fixed(1000)
		var attached []string
		for i := range benefits {
			attached = append(attached, b.Benefit([]obj{nil, {"type": "license_keys"}}[i%2]).ID())
		}
		b.Do("POST", "/v1/products/"+product+"/benefits", b.AllToken, obj{"benefits": attached})
		b.Settle()
		remove := func(n int64, query string) int64 {
			c := b.Customer(obj{"name": "Ada", "billing_name": "Ada"}).ID()
			for range n {
				b.subscribe(product, invoiced, obj{"customer_id": c})
			}
			before := b.DB.Stats()
			entries := b.events(func() {
				if r := b.Do("DELETE", "/v1/customers/"+c+query, b.AllToken, nil); r.Status != 204 {
					b.t.Fatalf("delete: %d %s", r.Status, r.Body)
				}
			}, "subscription.", "benefit_grant.", "order.")
			if int64(len(entries)) != n*perItem {
				b.t.Errorf("%d entries for %d", len(entries), n)
			}
			after := b.DB.Stats()
			if after.Writes != before.Writes+1 {
				b.t.Errorf("%d transactions", after.Writes-before.Writes)
			}
			return after.Queries - before.Queries
		}
		for _, query := range []string{"", "?anonymize=true"} {
			remove(1, query) // what is asked once, such as for an organization's settings
			few, many := remove(10, query), remove(100, query)
			b.t.Logf("%d statements with 10 subscriptions, %d with 100", few, many)
			if most := few + 12; many > most {
				b.t.Errorf("%s: %d statements with ten of each, %d with a hundred, want at most %d", query, few, many, most)
			}
		}
	})
}

// Benefits of what is not sold by the seat are the owner's. A team that makes
// somebody else its owner and lets the former one go keeps what it pays for.
func TestOwnerInherits(t *testing.T) {
	each(t, func(b *bench) {
		c := b.Customer(obj{"type": "team"}).ID()
		product := b.fixed(1000)
		first, second, gone := b.Benefit(nil).ID(), b.Benefit(obj{"type": "license_keys"}).ID(), b.Benefit(nil).ID()
		attach := func(list ...string) {
			b.Do("POST", "/v1/products/"+product+"/benefits", b.AllToken, obj{"benefits": list})
		}
		attach(first, second, gone)
		b.subscribe(product, invoiced, obj{"customer_id": c})
		ended := b.subscribe(product, invoiced, obj{"customer_id": c}).ID()
		members := "/v1/customers/" + c + "/members"
		former := b.Do("GET", members, b.AllToken, nil).Text("items.0.id")
		next := b.Do("POST", members, b.AllToken, obj{"email": "next@example.com"}).ID()
		b.Do("PATCH", members+"/"+next, b.AllToken, obj{"role": "owner"})
		b.Do("DELETE", "/v1/subscriptions/"+ended, b.AllToken, nil)
		attach(first, second)
		b.Run(floetest.Scenario{Name: "the former owner goes", Do: "DELETE " + members + "/" + former, As: b.AllToken, Status: 204,
			Events: []string{"member.deleted", "benefit_grant.revoked", "benefit_grant.revoked", "benefit_grant.created", "benefit_grant.created"}})
		for _, benefit := range []string{first, second} {
			b.Run(floetest.Scenario{Name: "the owner has it", Do: "GET /v1/benefits/" + benefit + "/grants?is_granted=true", As: b.AllToken, Status: 200,
				Want: obj{"items": []any{obj{"member_id": next}}}})
		}
		b.Run(floetest.Scenario{Name: "nobody else goes with benefits", Do: "DELETE " + members + "/" +
			b.Do("POST", members, b.AllToken, obj{"email": "third@example.com"}).ID(), As: b.AllToken, Status: 204, Events: []string{"member.deleted"}})
	})
}

func TestCustomerDeleted(t *testing.T) { // 72; customers 80, 82
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		c := b.Customer(obj{"external_id": "ext"}).ID()
		p := b.fixed(1000)
		trialing := b.subscribe(b.fixed(1000, obj{"trial_interval": "year", "trial_interval_count": 1}), invoiced, obj{"customer_id": c}).ID()
		late := b.subscribe(p, invoiced, obj{"customer_id": c}).ID()
		paused := b.subscribe(b.fixed(0), obj{"customer_id": c}).ID()
		b.patch(paused, obj{"pause_at_period_end": true})
		b.due("2026-02-11T00:00:00Z")
		active := b.subscribe(p, invoiced, obj{"customer_id": c}).ID()
		b.want(b.get(late), obj{"status": "past_due"})
		b.want(b.get(paused), obj{"status": "paused"})
		r := b.Do("DELETE", "/v1/customers/"+c, b.AllToken, nil)
		if r.Status != 204 {
			b.t.Fatalf("delete: %d %s", r.Status, r.Body)
		}
		for _, s := range []string{trialing, late, paused, active} {
			r := b.get(s)
			b.want(r, obj{"status": "canceled", "customer": obj{"external_id": "ext"}})
			if r.Text("ended_at") == "" || r.Text("customer.deleted_at") == "" {
				b.t.Errorf("neither has ended: %s", r.Body)
			}
			for _, o := range b.orders(s) {
				if o.(obj)["customer"].(obj)["external_id"] != "ext" {
					b.t.Errorf("the external id is lost: %v", o)
				}
				if o.(obj)["status"] == "pending" {
					b.t.Errorf("still pending: %v", o)
				}
			}
		}
		b.Customer(obj{"external_id": "ext"}) // which is free again
	})
}

// What is told of a deletion comes in the order of its steps, whether or not
// the customer is anonymised: members; subscriptions, one after the other; orders
// that were still owed; benefits; the customer. Nothing is told after that.
func TestOrderOfADeletion(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		for _, query := range []string{"", "?anonymize=true"} {
			c := b.Customer(obj{"type": "team", "external_id": "acme"}).ID()
			for _, email := range []string{"a@example.com", "b@example.com"} {
				b.Do("POST", "/v1/customers/"+c+"/members", b.AllToken, obj{"email": email})
			}
			owed, free := b.granting(1000), b.granting(0)
			b.subscribe(owed, invoiced, obj{"customer_id": c})
			b.subscribe(free, obj{"customer_id": c})
			b.said(b.events(func() {
				if r := b.Do("DELETE", "/v1/customers/external/acme"+query, b.AllToken, nil); r.Status != 204 {
					b.t.Fatalf("delete: %d %s", r.Status, r.Body)
				}
			}, ""),
				"member.deleted", "member.deleted", "member.deleted",
				"subscription.updated", "subscription.canceled", "subscription.revoked",
				"subscription.updated", "subscription.canceled", "subscription.revoked",
				"order.updated",
				"benefit_grant.revoked", "benefit_grant.revoked",
				"customer.deleted")
		}
	})
}
