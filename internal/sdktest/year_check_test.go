package sdktest_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// check compares everybody's subscriptions, orders and benefits with the
// spreadsheet.
func (y *year) check(now time.Time) {
	y.t.Helper()
	got := map[string]*row{}
	latest := map[string]string{}
	for _, p := range y.people {
		got[p.id], latest[p.subscription] = &row{}, p.id
	}
	y.each("subscriptions.list", obj{}, func(s obj) {
		if c, ok := latest[s["id"].(string)]; ok {
			r := got[c]
			r.Plan, r.Status, r.Ends = y.plans[s["product_id"].(string)], s["status"].(string), s["current_period_end"].(string)[:10]
			y.bought(now, c, s)
		}
	})
	y.each("orders.list", obj{"sorting": []string{"created_at"}}, func(o obj) {
		c := o["customer_id"].(string)
		r := got[c]
		r.Orders += bill(o["created_at"].(string)[:10], int64(o["net_amount"].(float64)), o["status"].(string))
		if n := fmt.Sprintf("-%04d", strings.Count(r.Orders, ";")); !strings.HasSuffix(o["invoice_number"].(string), n) {
			y.t.Errorf("%s: invoice %v of %s, want %s", now.Format(time.DateOnly), o["invoice_number"], c, n)
		}
		y.bought(now, c, o)
	})
	y.each("benefitGrants.list", obj{"is_granted": true}, func(g obj) { got[g["customer_id"].(string)].Grants++ })
	for _, p := range y.people {
		want := p.expect(now)
		if *got[p.id] != want {
			y.t.Errorf("%s: customer %s (way %d)\ngot  %+v\nwant %+v", now.Format(time.DateOnly), p.email, p.way, *got[p.id], want)
		}
		y.checkState(now, p, want)
	}
}

// bought checks that an order or a subscription says who has it, also of one who
// is gone.
func (y *year) bought(now time.Time, customer string, o obj) {
	y.t.Helper()
	p := y.person(customer)
	who := o["customer"].(obj)
	email, hidden := who["email"].(string), p.gone && p.anonymised
	if who["id"] != p.id || (who["deleted_at"] != nil) != p.gone || who["external_id"] != p.email ||
		hidden != strings.HasSuffix(email, ".invalid") || !hidden && email != p.email {
		y.t.Errorf("%s: %v has %v for %s", now.Format(time.DateOnly), o["id"], who, p.email)
	}
}

func (y *year) person(customer string) *person {
	y.t.Helper()
	i := slices.IndexFunc(y.people, func(p *person) bool { return p.id == customer })
	if i < 0 {
		y.t.Fatalf("nobody is %s", customer)
	}
	return y.people[i]
}

// checkState compares what one call says of a customer with the spreadsheet.
func (y *year) checkState(now time.Time, p *person, want row) {
	y.t.Helper()
	text, failed := y.sdk.call("customers.getState", p.id)
	if p.gone {
		if !strings.Contains(failed, "404") {
			y.t.Errorf("%s: the state of %s, who is gone: %s", now, p.email, text)
		}
		return
	}
	state := y.object(text)
	var types []string
	for _, g := range state["granted_benefits"].([]any) {
		types = append(types, g.(obj)["benefit_type"].(string))
	}
	slices.Sort(types)
	if got := strings.Join(types, " "); got != kinds[want.Grants] {
		y.t.Errorf("%s: %s has %s, want %s", now, p.email, got, kinds[want.Grants])
	}
	active := state["active_subscriptions"].([]any)
	if want.Status == "past_due" || want.Status == "paused" || len(active) == 0 {
		asked := y.ours("GET", "/v1/customers/"+p.id+"/state?include=past_due,paused", nil)
		for _, status := range []string{"past_due", "paused"} {
			if list := asked[status+"_subscriptions"].([]any); (len(list) == 1) != (want.Status == status) {
				y.t.Errorf("%s: %s, %s, has %d %s subscriptions", now, p.email, want.Status, len(list), status)
			}
		}
	}
	if (len(active) == 1) != (want.Status == "active") {
		y.t.Errorf("%s: %s has %d active subscriptions", now, p.email, len(active))
	}
	for _, s := range active {
		if s := s.(obj); y.plans[s["product_id"].(string)] != want.Plan || s["current_period_end"].(string)[:10] != want.Ends {
			y.t.Errorf("%s: the state of %s has %v", now, p.email, s)
		}
	}
}

// changes reads the feed from its beginning: those of a customer, or all.
func (y *year) changes(customer string, fn func(change obj)) {
	y.t.Helper()
	query := url.Values{"limit": {"1000"}}
	if customer != "" {
		query.Set("customer_id", customer)
	}
	for {
		page := y.ours("GET", "/v1/changes?"+query.Encode(), nil)
		for _, c := range page["items"].([]any) {
			fn(c.(obj))
		}
		if page["has_more"] != true {
			return
		}
		query.Set("after", fmt.Sprintf("%.0f", page["next"]))
	}
}

// journalAddsUp: each customer's entries are numbered without gaps; of the
// orders, subscriptions and grants that there are it tells just what they are,
// and of no others.
func (y *year) journalAddsUp() {
	y.t.Helper()
	numbers, paid, told := map[string]float64{}, map[string]int{}, map[string]map[string]obj{}
	for _, kind := range []string{"order", "subscription", "benefit_grant"} {
		told[kind] = map[string]obj{}
	}
	y.changes("", func(c obj) {
		if customer, ok := c["customer_id"].(string); ok {
			numbers[customer]++
			if c["customer_seq"] != numbers[customer] {
				y.t.Fatalf("%s: entry %v has number %v", customer, numbers[customer], c["customer_seq"])
			}
		}
		subject, _ := c["subject_id"].(string)
		kind, what, _ := strings.Cut(c["type"].(string), ".")
		if c["type"] == "order.paid" {
			paid[subject]++
		}
		after, _ := c["after"].(obj)
		if things := told[kind]; things != nil {
			if known := things[subject] != nil; known == (what == "created") && (!known || kind != "benefit_grant") { // one that is given again is told so
				y.t.Errorf("%s of %s, which is there: %v", c["type"], subject, known)
			}
			if things[subject] == nil {
				things[subject] = obj{}
			}
			maps.Copy(things[subject], after)
		}
	})
	for kind, list := range map[string]struct {
		method string
		fields []string
	}{
		"order":         {"orders.list", []string{"status", "net_amount", "invoice_number", "customer_id", "created_at"}},
		"subscription":  {"subscriptions.list", []string{"status", "amount", "product_id", "customer_id", "current_period_end", "ended_at"}},
		"benefit_grant": {"benefitGrants.list", []string{"is_granted", "is_revoked", "granted_at", "revoked_at", "customer_id"}},
	} {
		y.each(list.method, obj{}, func(is obj) {
			id := is["id"].(string)
			for _, field := range list.fields {
				if said := told[kind][id][field]; said != is[field] {
					y.t.Errorf("the %s of %s %s is %v, the journal ends with %v", field, kind, id, is[field], said)
				}
			}
			delete(told[kind], id)
			if times := paid[id]; kind == "order" && (times == 1) != (is["status"] == "paid") {
				y.t.Errorf("order %s, %s, was paid %d times", id, is["status"], times)
			}
		})
		if len(told[kind]) > 0 {
			y.t.Errorf("in the journal, but not there: %s %v", kind, told[kind])
		}
	}
	if len(numbers) != len(y.people)+y.later {
		y.t.Errorf("%d customers in the journal", len(numbers))
	}
}
