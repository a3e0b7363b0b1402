package subscription_test

import (
	"testing"
)

// TestDeletedInBulk: a customer with ten times as much is deleted in one
// transaction, with a few statements more and not ten times as many. The few
// are because rows are put in by powers of two.
func TestDeletedInBulk(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		p := b.fixed(1000)
		var benefits []string
		for i := range 10 {
			kind := []obj{nil, {"type": "license_keys"}}[i%2]
			benefits = append(benefits, b.Benefit(kind).ID())
		}
		if r := b.Do("POST", "/v1/products/"+p+"/benefits", b.AllToken, obj{"benefits": benefits}); r.Status != 200 {
			t.Fatal(r.Status, r.Body)
		}
		deleted := func(subscriptions int) int64 {
			t.Helper()
			c := b.Customer(nil).ID()
			for range subscriptions {
				b.subscribe(p, invoiced, obj{"customer_id": c})
			}
			before, seq := b.DB.Stats(), b.LastSeq()
			if r := b.Do("DELETE", "/v1/customers/"+c+"?anonymize=true", b.AllToken, nil); r.Status != 204 {
				t.Fatal(r.Status, r.Body)
			}
			after, events := b.DB.Stats(), map[string]int{}
			for _, e := range b.EventsSince(seq) {
				events[e]++
			}
			if events["subscription.revoked"] != subscriptions || events["benefit_grant.revoked"] != 10*subscriptions || after.Writes != before.Writes+1 {
				t.Errorf("%v in %d transactions", events, after.Writes-before.Writes)
			}
			return after.Queries - before.Queries
		}
		deleted(1) // what is asked for once
		small, large := deleted(10), deleted(100)
		t.Logf("%d statements for 10 subscriptions and 100 grants, %d for ten times as much", small, large)
		if large > small+10 || large > 45 {
			t.Errorf("%d statements, want at most %d and at most 45", large, small+10)
		}
	})
}
