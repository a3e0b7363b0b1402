package webhook_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/floetest"
)

// TestCustomerEvents: cases 25 and 26, and the member's own events; 47 of the
// checklist of customers and 13 of that of organizations.
func TestCustomerEvents(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		endpoint(t, f, s.URL, "customer.created", "customer.updated", "customer.deleted", "customer.state_changed",
			"member.created", "member.updated", "member.deleted", "organization.updated")
		c := f.Customer(map[string]any{"external_id": "ext", "name": "Zoë"})
		f.Drain()
		expect(t, s, "member.created", "customer.created", "customer.state_changed")
		f.Do("PATCH", "/v1/customers/"+c.ID(), f.AllToken, map[string]any{})
		f.Drain()
		expect(t, s, "customer.updated", "customer.state_changed")
		f.Do("PATCH", "/v1/organizations/"+string(f.Org.ID), f.AllToken, map[string]any{"name": "New"})
		f.Drain()
		expect(t, s, "organization.updated")
		f.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", f.AllToken, nil)
		f.Drain()
		expect(t, s, "member.deleted", "customer.deleted", "customer.state_changed")
	})
}

// TestCustomerGone: cases 30 and 31. A deletion is told with the external id,
// which is free by then, and that of a person who is erased with hashes.
func TestCustomerGone(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		endpoint(t, f, s.URL, "customer.updated", "customer.deleted")
		person := map[string]any{"external_id": "ext", "email": "zoe@example.com", "name": "Zoë"}
		for query, want := range map[string]string{
			"":                `"external_id":"ext",.*"email":"zoe@example\.com",.*"name":"Zoë"`,
			"?anonymize=true": `"external_id":"ext",.*"email":"[0-9a-f]{64}@anonymized\.invalid",.*"name":"[0-9a-f]{64}"`,
		} {
			f.Do("DELETE", "/v1/customers/"+f.Customer(person).ID()+query, f.AllToken, nil)
			f.Drain()
			if all := s.take(); len(all) != 1 || all[0].typ(t) != "customer.deleted" || !regexp.MustCompile(want).MatchString(all[0].body) {
				t.Errorf("%q: told %v, want %s", query, all, want)
			}
		}
		f.Customer(person)
	})
}

// TestWhatCustomersOwn: cases 27 to 29, 32, 33, 36 and 37. What happens in one
// transaction changes the state once; the reference waits for a second in which
// nothing happens.
func TestWhatCustomersOwn(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		do := func(method, path string, body any) *floetest.Response { return f.Do(method, path, f.AllToken, body) }
		customer := f.Customer(map[string]any{"external_id": "ext"}).ID()
		free := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 0}}}).ID()
		benefits := make([]any, 10)
		for i := range benefits {
			benefits[i] = f.Benefit(nil).ID()
		}
		do("POST", "/v1/products/"+free+"/benefits", map[string]any{"benefits": benefits[:2]})
		subscription := do("POST", "/v1/subscriptions/", map[string]any{"product_id": free, "customer_id": customer}).ID()
		alike := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 0}}}).ID()
		do("POST", "/v1/products/"+alike+"/benefits", map[string]any{"benefits": benefits[2:3]})
		do("POST", "/v1/subscriptions/", map[string]any{"product_id": alike, "customer_id": f.Customer(nil).ID()})
		endpoint(t, f, s.URL, "customer.deleted", "customer.state_changed", "member.deleted", "subscription.updated", "subscription.canceled",
			"subscription.uncanceled", "subscription.revoked", "subscription.cycled", "subscription.past_due", "benefit.updated",
			"benefit_grant.created", "benefit_grant.revoked")
		told := func(method, path string, body any, want ...string) {
			t.Helper()
			do(method, path, body)
			f.Drain()
			expect(t, s, want...)
		}
		// 27
		do("POST", "/v1/products/"+free+"/benefits", map[string]any{"benefits": benefits})
		f.Drain()
		if got := s.types(t); len(got) != 9 || got[8] != "customer.state_changed" {
			t.Errorf("eight more benefits: %q", got)
		}
		do("POST", "/v1/products/"+free+"/benefits", map[string]any{"benefits": benefits[:3]})
		f.Drain()
		s.take()
		// 36, 37
		do("DELETE", "/v1/benefits/"+benefits[2].(string), nil)
		f.Drain()
		got := s.types(t) // a benefit's events and those of two customers are in no order
		if slices.Sort(got); !slices.Equal(got, []string{"benefit.updated", "benefit_grant.revoked", "benefit_grant.revoked", "customer.state_changed", "customer.state_changed"}) {
			t.Errorf("a benefit is deleted: %q", got)
		}
		told("POST", "/v1/products/"+free+"/benefits", map[string]any{"benefits": benefits[:2]})
		// 33, 32
		cancel := map[string]any{"cancel_at_period_end": true}
		told("PATCH", "/v1/subscriptions/"+subscription, cancel, "subscription.updated", "subscription.canceled", "customer.state_changed")
		told("PATCH", "/v1/subscriptions/"+subscription, map[string]any{"cancel_at_period_end": false}, "subscription.updated", "subscription.uncanceled", "customer.state_changed")
		other := do("POST", "/v1/subscriptions/", map[string]any{"product_id": free, "customer_id": f.Customer(nil).ID()}).ID()
		do("PATCH", "/v1/subscriptions/"+other, cancel)
		f.Drain()
		s.take()
		f.Clock.Advance(32 * 24 * time.Hour)
		f.RunDue()
		f.Drain()
		var ended []string
		for _, g := range s.take() {
			if typ := g.typ(t); strings.Contains(g.body, other) && typ != "customer.state_changed" && !strings.HasPrefix(typ, "benefit_grant.") {
				ended = append(ended, typ)
			}
		}
		if want := []string{"subscription.updated", "subscription.canceled", "subscription.revoked"}; !slices.Equal(ended, want) {
			t.Errorf("at the end of its period: %q, want %q", ended, want)
		}
		// 28
		late := do("POST", "/v1/subscriptions/", map[string]any{"product_id": f.Product(nil).ID(), "customer_id": customer, "collection_method": "send_invoice"}).ID()
		f.Drain()
		s.take()
		f.Clock.Advance(20 * 24 * time.Hour)
		f.RunDue()
		f.Drain()
		all := s.take()
		if last := all[len(all)-1]; last.typ(t) != "customer.state_changed" || strings.Contains(last.body, late) || !strings.Contains(last.body, subscription) {
			t.Errorf("the state of somebody who is late: %s", last.body)
		}
		do("DELETE", "/v1/subscriptions/"+late, nil)
		f.Drain()
		s.take()
		// 29
		told("DELETE", "/v1/customers/"+customer, nil, "member.deleted", "subscription.updated", "subscription.canceled", "subscription.revoked",
			"benefit_grant.revoked", "benefit_grant.revoked", "customer.deleted", "customer.state_changed")
	})
}

func expect(t *testing.T, s *sink, want ...string) {
	t.Helper()
	if got := s.types(t); !slices.Equal(got, want) {
		t.Errorf("the sink got %q, want %q", got, want)
	}
}

// TestBecomesTeam: who buys seats for the first time becomes a team, by a new
// subscription or by a change of one, and receivers are told so before they are
// told of the subscription.
func TestBecomesTeam(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		seats := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "seat_based",
			"seat_tiers": map[string]any{"tiers": []any{map[string]any{"min_seats": 1, "price_per_seat": 100}}}}}}).ID()
		single := f.Product(nil).ID()
		subscribe := func(product string) (customer, subscription string) {
			customer = f.Customer(nil).ID()
			subscription = f.Do("POST", "/v1/subscriptions/", f.AllToken, map[string]any{"product_id": product, "customer_id": customer,
				"collection_method": "send_invoice"}).ID()
			return customer, subscription
		}
		_, changed := subscribe(single)
		endpoint(t, f, s.URL, "customer.updated", "subscription.updated", "customer.state_changed")
		for _, buy := range []func(){
			func() { subscribe(seats) },
			func() {
				f.Do("PATCH", "/v1/subscriptions/"+changed, f.AllToken, map[string]any{"product_id": seats, "proration_behavior": "prorate"})
			},
		} {
			buy()
			f.Drain()
			all := slices.DeleteFunc(s.take(), func(g got) bool { // the new customer's first
				return g.typ(t) == "customer.state_changed" && g.header.Get("Webhook-Sequence") == "3"
			})
			var types []string
			for _, g := range all {
				types = append(types, g.typ(t))
			}
			if want := []string{"customer.updated", "subscription.updated", "customer.state_changed"}; !slices.Equal(types, want) ||
				!strings.Contains(all[0].body, `"type":"team"`) {
				t.Errorf("told %q, want %q: %v", types, want, all)
			}
		}
	})
}
