package grant_test

import (
	"errors"
	"strings"
	"testing"

	"floe/internal/floetest"
	"floe/internal/grant"
	"floe/internal/id"
)

func TestMembers(t *testing.T) { // 53 to 55, 57, 64
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c := f.Customer(fields{"type": "team"}).ID()
		member := func(email string) string {
			return f.Do("POST", "/v1/customers/"+c+"/members", f.AllToken, fields{"email": email}).ID()
		}
		one, two := member("one@example.com"), member("two@example.com")
		src, m := subscription(), f.credit(5)
		seat := func(who string, entitled bool) error {
			return f.task(grant.Task{Source: src, Benefits: ids([]string{m}), Entitled: entitled, Member: id.ID(who), Seats: true}, c)
		}
		for _, who := range []string{one, two} {
			if err := seat(who, true); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(f.grants(m)); n != 2 {
			t.Fatalf("55 %d grants, want two", n)
		}
		if err := seat(one, false); err != nil {
			t.Fatal(err)
		}
		for _, r := range f.grants(m) {
			if r.IsGranted != (*r.MemberID == two) {
				t.Errorf("55 %+v", r)
			}
		}
		if p := f.stored(m); !strings.Contains(p[0], `"last_credited_units":-5,`) || !strings.Contains(p[1], `"last_credited_units":5,`) {
			t.Errorf("another member's grant keeps nothing of one's own: %v", p)
		}
		if err := f.task(grant.Task{Source: subscription(), Benefits: ids([]string{m}), Entitled: true, Seats: true}, c); !errors.Is(err, grant.ErrMemberRequired) {
			t.Errorf("57 %v", err)
		}
		if err := seat(unknownID, true); !errors.Is(err, grant.ErrMemberNotFound) {
			t.Errorf("unknown member: %v", err)
		}
		f.Run(floetest.Scenario{Name: "64 by member", Do: "GET /v1/benefits/" + m + "/grants?member_id=" + one, As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"member_id": one, "member": fields{"email": "one@example.com"}}}}})
		f.Run(floetest.Scenario{Name: "8.4 deleting a member", Do: "DELETE /v1/customers/" + c + "/members/" + two, As: f.AllToken, Status: 204,
			Events: []string{"member.deleted", revoked}})
		f.Run(floetest.Scenario{Name: "the deleted member is still shown", Do: "GET /v1/benefits/" + m + "/grants?member_id=" + two, As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"is_revoked": true, "member": fields{"id": two}}}}})
		if err := seat(two, true); !errors.Is(err, grant.ErrMemberNotFound) {
			t.Errorf("a deleted member gets nothing: %v", err)
		}
	})
}

// TestKeyOfWhoHasLeft: the license key of a member who was deleted can be made
// to work again, but its grant is nobody's any more. What an owner has already is
// not given once more when a former one leaves.
func TestKeyOfWhoHasLeft(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		k := f.Benefit(fields{"type": "license_keys"}).ID()
		free := f.Product(fields{"prices": []any{fields{"amount_type": "fixed", "price_amount": 0}}}).ID()
		f.Do("POST", "/v1/products/"+free+"/benefits", f.AllToken, fields{"benefits": []string{k}})
		c := f.Customer(fields{"type": "team"}).ID()
		s := f.Do("POST", "/v1/subscriptions/", f.AllToken, fields{"product_id": free, "customer_id": c}).ID()
		members := "/v1/customers/" + c + "/members"
		former := f.ownerOf(c)
		key := f.Do("GET", keys, f.AllToken, nil).Text("items.0.id")
		patch := func(key, status string, events ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Do: "PATCH " + keys + key, As: f.AllToken, Body: fields{"status": status}, Status: 200, Want: fields{"status": status},
				Events: append(events, "license_key.updated")})
		}
		patch(key, "revoked", revoked)
		next := f.Do("POST", members, f.AllToken, fields{"email": "next@example.com"}).ID()
		f.Do("PATCH", members+"/"+next, f.AllToken, fields{"role": "owner"})
		other := f.Benefit(nil).ID()
		f.Do("POST", "/v1/products/"+free+"/benefits", f.AllToken, fields{"benefits": []string{k, other}}) // the owner gets what is not granted
		patch(key, "granted", created)
		nexts := f.Do("GET", keys, f.AllToken, nil).Text("items.1.id")
		f.Run(floetest.Scenario{Do: "PATCH " + keys + nexts, As: f.AllToken, Body: `{"limit_usage":7}`, Status: 200})
		f.Run(floetest.Scenario{Name: "who has it already", Do: "DELETE " + members + "/" + former, As: f.AllToken, Status: 204, Events: []string{"member.deleted", revoked}})
		f.Run(floetest.Scenario{Do: "GET " + keys + nexts, As: f.AllToken, Status: 200, Want: `{"status":"granted","limit_usage":7}`})
		patch(key, "granted")
		patch(key, "disabled")
		for _, g := range f.grants(k) {
			if g.IsGranted != (*g.MemberID == next) || *g.SubscriptionID != s {
				t.Errorf("%+v", g)
			}
		}
		f.Sound("grants.", "license_keys.")
	})
}

func TestOwnerIsMade(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		f.Feature(f.Org, "member_model_enabled", false)
		c, b := f.Customer(nil).ID(), f.Benefit(nil).ID()
		f.sync(c, subscription(), true, []string{b}, created)
		if r := f.one(b); r.MemberID != nil {
			t.Errorf("without members: %+v", r)
		}
		f.Feature(f.Org, "member_model_enabled", true)
		b = f.Benefit(nil).ID()
		f.sync(c, subscription(), true, []string{b}, "member.created", created)
		if r := f.one(b); r.MemberID == nil || *r.MemberID != f.ownerOf(c) {
			t.Errorf("56 %+v", r)
		}
	})
}
