package subscription_test

import (
	"encoding/json"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/floetest"
)

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
		long := strings.Repeat("x", 600) // than an index takes
		theirs := b.subscribe(p, obj{"customer_id": b.Customer(obj{"external_id": long}).ID(), "metadata": obj{"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "6": 6, "7": 7}}).ID()
		check(url.Values{"external_customer_id": {long}}, theirs)
		check(url.Values{"external_customer_id": {long + "x"}})
		many := url.Values{}
		for _, n := range "1234567" {
			many.Set("metadata["+string(n)+"]", string(n))
		}
		check(many, theirs)
		many["metadata[7]"] = []string{"6", "7"}
		check(many, theirs)
		many["metadata[7]"] = []string{"6"}
		check(many)
		digits := new(big.Int).Exp(big.NewInt(3), big.NewInt(8380), nil).String() // and a number, too
		long = b.subscribe(p, obj{"metadata": obj{"n": json.RawMessage(digits)}}).ID()
		check(url.Values{"metadata[n]": {digits}}, long)
		check(url.Values{"metadata[n]": {digits[1:]}})
	})
}

// Amounts sort by what a month costs, not rounded, and customers by their
// addresses, also when they are deleted.
func TestSorting(t *testing.T) {
	each(t, func(b *bench) {
		interval := func(name string) obj { return obj{"recurring_interval": name} }
		names := map[string]string{}
		for _, p := range []struct {
			name, product, email string
		}{
			{"101 a month", b.fixed(101), "D@example.com"},
			{"1205 a year", b.fixed(1205, interval("year")), "b@example.com"},
			{"1209 a year", b.fixed(1209, interval("year")), "F@example.com"},
			{"1201 a year", b.fixed(1201, interval("year")), "a@example.com"},
			{"1207 a year", b.fixed(1207, interval("year")), "C@example.com"},
			{"1203 a year", b.fixed(1203, interval("year")), "e@example.com"},
			{"100 a month", b.fixed(100), "G@example.com"},
			{"60 a week", b.fixed(60, interval("week")), "h@example.com"},
			{"50 a day", b.fixed(50, interval("day")), "i@example.com"},
		} {
			c := b.Customer(obj{"email": p.email}).ID()
			names[b.subscribe(p.product, invoiced, obj{"customer_id": c}).ID()] = p.name
			if p.email < "F" { // in upper case
				b.Do("DELETE", "/v1/customers/"+c, b.AllToken, nil)
			}
		}
		sorted := func(key string, want ...string) {
			b.t.Helper()
			var got []string
			for _, s := range b.listed(url.Values{"sorting": {key}}) {
				got = append(got, names[s])
			}
			if !slices.Equal(got, want) {
				b.t.Errorf("by %s: %q, want %q", key, got, want)
			}
		}
		sorted("amount", "100 a month", "1201 a year", "1203 a year", "1205 a year", "1207 a year", "1209 a year", "101 a month", "60 a week", "50 a day")
		sorted("-customer", "50 a day", "60 a week", "100 a month", "1209 a year", "1203 a year", "101 a month", "1207 a year", "1205 a year", "1201 a year")
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
		if again := b.patch(s, obj{"metadata": obj{"b": true}}); again.Text("modified_at") == r.Text("modified_at") {
			b.t.Errorf("nothing was modified by %s", again.Body)
		}
		if got := b.listed(url.Values{"metadata[b]": {"true"}}); len(got) != 1 {
			b.t.Errorf("filtered: %v", got)
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
