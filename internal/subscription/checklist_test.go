package subscription_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/floetest"
)

// The numbers are those of the checklist in the specification;
// internal/checklists.txt says where each is tested, and why some are not.

func (b *bench) refused(r *floetest.Response, status int, parts ...string) {
	b.t.Helper()
	if r.Status != status {
		b.t.Errorf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	for _, p := range parts {
		if !strings.Contains(r.Body, p) {
			b.t.Errorf("no %q in %d %s", p, r.Status, r.Body)
		}
	}
}

// events are the types that fn adds to the journal, of subscriptions or of
// all when prefixes are given.
func (b *bench) events(fn func(), prefixes ...string) []string {
	b.t.Helper()
	if len(prefixes) == 0 {
		prefixes = []string{"subscription."}
	}
	seq := b.LastSeq()
	fn()
	return slices.DeleteFunc(b.EventsSince(seq), func(e string) bool {
		return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(e, p) })
	})
}

func (b *bench) said(got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("events %q, want %q", got, want)
	}
}

func TestAccess(t *testing.T) { // 1, 2
	each(t, func(b *bench) {
		s := b.subscribe(b.fixed(0)).ID()
		other := b.Organization("Other")
		for _, do := range []string{"GET /v1/subscriptions/", "POST /v1/subscriptions/", "GET /v1/subscriptions/export", "GET /v1/subscriptions/" + s,
			"PATCH /v1/subscriptions/" + s, "DELETE /v1/subscriptions/" + s} {
			method, path, _ := strings.Cut(do, " ")
			var body any
			if method == "POST" || method == "PATCH" {
				body = obj{}
			}
			b.refused(b.Do(method, path, "", body), 401)
			if strings.HasSuffix(path, s) {
				b.refused(b.Do(method, path, other.Token, body), 404, "ResourceNotFound")
			}
		}
		b.want(b.Do("GET", "/v1/subscriptions/", other.Token, nil), obj{"items": []any{}})
		if r := b.Do("GET", "/v1/subscriptions/export", other.Token, nil); strings.Count(r.Body, "\r\n") != 1 {
			b.t.Errorf("export of another organization: %s", r.Body)
		}
		b.refused(b.Do("PATCH", "/v1/subscriptions/"+s, b.Token(auth.SubscriptionsRead), obj{}), 403, "insufficient_scope")
	})
}

func (b *bench) listed(query url.Values) []string {
	b.t.Helper()
	r := b.Do("GET", "/v1/subscriptions/?"+query.Encode(), b.AllToken, nil)
	if r.Status != 200 {
		b.t.Fatalf("list %v: %d %s", query, r.Status, r.Body)
	}
	var out []string
	for _, i := range r.Path("items").([]any) {
		out = append(out, i.(obj)["id"].(string))
	}
	return out
}

func TestFilters(t *testing.T) { // 3 to 6
	each(t, func(b *bench) {
		p := b.fixed(0)
		var ids []string
		times := []string{"2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2026-01-03T00:00:00Z"}
		for i, at := range times {
			b.at(at)
			ids = append(ids, b.subscribe(p, obj{"metadata": obj{"k": []string{"a", "b", "c"}[i]}}).ID())
		}
		one, two, three := ids[0], ids[1], ids[2]
		started := b.get(one).Text("started_at")
		check := func(q url.Values, want ...string) {
			b.t.Helper()
			got := b.listed(q)
			slices.Sort(got)
			want = slices.Clone(want)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				b.t.Errorf("%v: %v, want %v", q, got, want)
			}
		}
		check(url.Values{"metadata[k]": {"b"}}, two)
		check(url.Values{"started_after": {started}}, two, three)
		check(url.Values{"started_before": {b.get(two).Text("started_at")}}, one)
		canceled := map[string]string{}
		for i, id := range ids {
			b.at(strings.Replace(times[i], "-01-", "-01-1", 1)[:8] + "1" + times[i][9:])
			reason := []string{"unused", "other", "too_complex"}[i]
			r := b.patch(id, obj{"cancel_at_period_end": true, "customer_cancellation_reason": reason})
			canceled[id] = r.Text("canceled_at")
		}
		check(url.Values{"customer_cancellation_reason": {"unused"}}, one)
		check(url.Values{"customer_cancellation_reason": {"unused", "other"}}, one, two)
		check(url.Values{"canceled_at_after": {canceled[two]}, "canceled_at_before": {canceled[three]}}, two, three)
		check(url.Values{"cancel_at_period_end": {"false"}})
		check(url.Values{"active": {"true"}}, ids...)
		check(url.Values{"active": {"false"}})
		check(url.Values{"status": {"active", "paused"}}, ids...)
		check(url.Values{"product_id": {p}}, ids...)
		for _, key := range []string{"customer", "status", "started_at", "current_period_end", "ended_at", "ends_at", "amount", "product", "discount"} {
			if got := b.listed(url.Values{"sorting": {"-" + key, "started_at"}}); len(got) != 3 {
				b.t.Errorf("sorting %s: %v", key, got)
			}
		}
	})
}

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

// seats is a product sold by seats.
func (b *bench) seats(least, most, price int) string {
	b.t.Helper()
	return b.Product(obj{"prices": []any{obj{"amount_type": "seat_based", "price_currency": "usd",
		"seat_tiers": obj{"tiers": []any{obj{"min_seats": least, "max_seats": most, "price_per_seat": price}}}}}}).ID()
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

// pay records payments of all pending orders of a subscription.
func (b *bench) pay(s string) {
	b.t.Helper()
	for _, o := range b.orders(s) {
		if o := o.(obj); o["status"] == "pending" {
			r := b.Do("POST", "/v1/orders/"+o["id"].(string)+"/payments", b.AllToken, obj{"status": "succeeded", "amount": o["due_amount"], "reference": "ref"})
			if r.Status/100 != 2 {
				b.t.Fatalf("pay: %d %s", r.Status, r.Body)
			}
		}
	}
}

func (b *bench) ends(s string, want ...string) {
	b.t.Helper()
	for _, w := range want {
		end, err := time.Parse(time.RFC3339Nano, b.get(s).Text("current_period_end"))
		if err != nil {
			b.t.Fatal(err)
		}
		if got := end.Format("2006-01-02"); got != w {
			b.t.Errorf("the period ends %s, want %s", got, w)
		}
		b.due(end.Add(time.Minute).Format(time.RFC3339))
	}
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

func TestTrials(t *testing.T) { // 28 to 30, 48, 49, 68
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

func TestCancel(t *testing.T) { // 27, 45, 59 to 63
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(0)).ID()
		end := b.get(s).Text("current_period_end")
		b.refused(b.patch(s, obj{"cancel_at_period_end": false}), 400, "BadRequest")
		later := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC).Format(time.RFC3339)
		b.want(b.patch(s, obj{"pause_at_period_end": true, "resumes_at": later}), obj{"pause_at_period_end": true, "resumes_at": later})
		b.said(b.events(func() {
			r := b.patch(s, obj{"cancel_at_period_end": true, "customer_cancellation_reason": "other", "customer_cancellation_comment": "bye"})
			b.want(r, obj{"status": "active", "cancel_at_period_end": true, "ends_at": end, "ended_at": nil, "canceled_at": floetest.Any,
				"customer_cancellation_reason": "other", "customer_cancellation_comment": "bye", "pause_at_period_end": false, "resumes_at": nil})
		}), "subscription.updated", "subscription.canceled")
		b.refused(b.patch(s, obj{"cancel_at_period_end": true}), 403, "AlreadyCanceledSubscription")
		b.refused(b.patch(s, obj{"product_id": b.fixed(0)}), 403, "AlreadyCanceledSubscription")
		b.said(b.events(func() {
			b.want(b.patch(s, obj{"cancel_at_period_end": false}), obj{"status": "active", "cancel_at_period_end": false, "ends_at": nil,
				"canceled_at": nil, "customer_cancellation_reason": nil, "customer_cancellation_comment": nil})
		}), "subscription.updated", "subscription.uncanceled")
		b.patch(s, obj{"cancel_at_period_end": true})
		b.said(b.events(func() { b.due("2026-02-12T00:00:00Z") }), "subscription.updated", "subscription.canceled", "subscription.revoked")
		r := b.get(s)
		b.want(r, obj{"status": "canceled", "ends_at": end, "current_period_end": end})
		if !strings.HasPrefix(r.Text("ended_at"), "2026-02-12") || len(b.orders(s)) != 0 {
			b.t.Errorf("the end: %s", r.Body)
		}
		b.refused(b.patch(s, obj{"cancel_at_period_end": false}), 410, "ResourceUnavailable")

		paid := b.subscribe(b.granting(1000), invoiced).ID()
		b.said(b.events(func() {
			r := b.Do("DELETE", "/v1/subscriptions/"+paid, b.AllToken, nil)
			b.want(r, obj{"status": "canceled", "canceled_at": r.Path("ended_at"), "ends_at": r.Path("ended_at")})
			if r.Status != http.StatusOK {
				b.t.Errorf("DELETE: %d", r.Status)
			}
		}, "subscription.", "benefit_grant."), "subscription.updated", "subscription.canceled", "subscription.revoked", "benefit_grant.revoked")
		if o := b.orders(paid)[0].(obj); o["status"] != "void" {
			b.t.Errorf("a pending order is %v", o["status"])
		}
		b.refused(b.Do("DELETE", "/v1/subscriptions/"+paid, b.AllToken, nil), 403, "AlreadyCanceledSubscription")
		b.refused(b.patch(paid, obj{"revoke": true}), 403, "AlreadyCanceledSubscription")

		// 60, 71
		b.at("2026-03-01T00:00:00Z")
		late := b.subscribe(b.fixed(1000), invoiced).ID()
		b.said(b.events(func() { b.due("2026-03-16T00:00:00Z") }), "subscription.updated", "subscription.past_due")
		since := b.get(late).Text("past_due_at")
		b.want(b.patch(late, obj{"cancel_at_period_end": true}), obj{"status": "past_due", "cancel_at_period_end": true})
		b.want(b.patch(late, obj{"cancel_at_period_end": false}), obj{"status": "past_due", "cancel_at_period_end": false, "past_due_at": since})
		b.due("2026-03-19T00:00:00Z")
		b.want(b.get(late), obj{"past_due_at": since})
		b.said(b.events(func() { b.pay(late) }, "subscription.", "order."), "subscription.updated", "subscription.active", "order.updated", "order.paid")
		b.want(b.get(late), obj{"status": "active", "past_due_at": nil})
	})
}

// granting is a product at a price that grants a benefit.
func (b *bench) granting(price int) string {
	b.t.Helper()
	p := b.fixed(price)
	b.Do("POST", "/v1/products/"+p+"/benefits", b.AllToken, obj{"benefits": []string{b.Benefit(nil).ID()}})
	return p
}

func TestPause(t *testing.T) { // 64 to 67
	each(t, func(b *bench) {
		b.at("2026-01-31T00:00:00Z")
		s := b.subscribe(b.granting(1000), invoiced).ID()
		b.pay(s)
		b.refused(b.patch(s, obj{"resume": true}), 409, "NotPausedSubscription")
		b.refused(b.patch(s, obj{"pause_at_period_end": false}), 409, "NoScheduledPause")
		b.refused(b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2026-02-20T00:00:00Z"}), 422, "resumes_at must be after the current period end.")
		b.refused(b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2025-02-20T00:00:00Z"}), 422, "datetime_future")
		b.patch(s, obj{"pause_at_period_end": true})
		b.want(b.patch(s, obj{"pause_at_period_end": false}), obj{"pause_at_period_end": false})
		b.want(b.patch(s, obj{"pause_at_period_end": true, "resumes_at": "2026-04-15T12:00:00Z"}), obj{"pause_at_period_end": true, "status": "active"})
		b.refused(b.patch(s, obj{"pause_at_period_end": true}), 409, "CannotPauseSubscription")
		b.said(b.events(func() { b.due("2026-03-02T00:00:00Z") }, "subscription.", "benefit_grant."),
			"subscription.updated", "subscription.paused", "benefit_grant.revoked")
		b.want(b.get(s), obj{"status": "paused", "pause_at_period_end": false, "paused_at": floetest.Any, "resumes_at": "2026-04-15T12:00:00Z"})
		b.due("2026-04-01T00:00:00Z")
		b.want(b.get(s), obj{"status": "paused"})
		if n := len(b.orders(s)); n != 1 {
			b.t.Errorf("%d orders", n)
		}
		b.refused(b.patch(s, obj{"cancel_at_period_end": true}), 403, "AlreadyCanceledSubscription")
		b.said(b.events(func() { b.due("2026-04-15T13:00:00Z") }, "subscription.", "benefit_grant."),
			"subscription.updated", "subscription.resumed", "benefit_grant.created")
		b.want(b.get(s), obj{"status": "active", "paused_at": nil, "resumes_at": nil})
		if n := len(b.orders(s)); n != 2 {
			b.t.Errorf("%d orders after the pause", n)
		}
		b.ends(s, "2026-05-15")

		forever := b.subscribe(b.fixed(0)).ID()
		b.patch(forever, obj{"pause_at_period_end": true})
		b.due("2026-08-01T00:00:00Z")
		b.want(b.get(forever), obj{"status": "paused", "resumes_at": nil})
		b.want(b.patch(forever, obj{"resume": true}), obj{"status": "active"})
		b.ends(forever, "2026-09-01")
		revoked := b.subscribe(b.fixed(0)).ID()
		b.patch(revoked, obj{"pause_at_period_end": true})
		b.due("2026-11-20T00:00:00Z")
		b.want(b.patch(revoked, obj{"revoke": true}), obj{"status": "canceled"})
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

func TestShapes(t *testing.T) { // 57, 58
	each(t, func(b *bench) {
		s := b.subscribe(b.fixed(0), obj{"metadata": obj{"a": 1}}).ID()
		b.refused(b.patch(s, obj{"seats": 5, "discount_id": nil}), 422, "extra_forbidden", "SubscriptionUpdateBase", "SubscriptionUpdateSeats")
		b.refused(b.patch(s, obj{"customer_cancellation_reason": "other"}), 422, "SubscriptionCancel", "cancel_at_period_end")
		b.said(b.events(func() { b.want(b.patch(s, obj{}), obj{"modified_at": nil, "metadata": obj{"a": 1}}) }), "subscription.updated")
		b.patch(s, obj{"cancel_at_period_end": true})
		b.want(b.get(s), obj{"metadata": obj{"a": 1}})
		r := b.patch(s, obj{"metadata": obj{"b": true}})
		if m := r.Path("metadata").(obj); len(m) != 1 || m["b"] != true {
			b.t.Errorf("metadata %v", m)
		}
		if got := b.listed(url.Values{"metadata[b]": {"true"}}); len(got) != 1 {
			b.t.Errorf("filtered: %v", got)
		}
	})
}

func TestCustomerDeleted(t *testing.T) { // 72
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		c := b.Customer(nil).ID()
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
			b.want(b.get(s), obj{"status": "canceled", "customer": obj{"deleted_at": floetest.Any}})
			for _, o := range b.orders(s) {
				if o.(obj)["status"] == "pending" {
					b.t.Errorf("still pending: %v", o)
				}
			}
		}
	})
}

func TestExport(t *testing.T) { // 73
	each(t, func(b *bench) {
		b.at("2026-06-15T23:00:00Z")
		c := b.Customer(obj{"email": "a@example.com", "name": "Ada, B"}).ID()
		b.subscribe(b.fixed(1250), invoiced, obj{"customer_id": c})
		get := func(query string) *floetest.Response {
			return b.Do("GET", "/v1/subscriptions/export"+query, b.AllToken, nil)
		}
		r := get("")
		if !strings.HasPrefix(r.Body, "Email,Started At,Product,Amount,Currency,Status,Billing Interval\r\na@example.com,2026-06-15T23:00:00") ||
			!strings.Contains(r.Body, ",Plan 1250,12.5,usd,active,month\r\n") {
			b.t.Error(r.Body)
		}
		r = get("?timezone=Europe/Paris&columns=started_at&columns=customer_name&columns=cancel_at_period_end&started_after=2026-06-14T22:30:00Z")
		if !strings.HasPrefix(r.Body, "Started At,Customer Name,Cancels At Period End\r\n2026-06-16T01:00:00") || !strings.Contains(r.Body, "+02:00,\"Ada, B\",false\r\n") {
			b.t.Error(r.Body)
		}
		if name := r.Header.Get("Content-Disposition"); !strings.Contains(name, "polar-subscriptions-2026-06-15.csv") {
			b.t.Error(name)
		}
		b.refused(get("?started_after=2026-06-14T22:30:00"), 422)
		b.refused(get("?timezone=Mars"), 422, "is not a valid IANA time zone")
		b.refused(get("?columns=nope"), 422, "enum")
	})
}
