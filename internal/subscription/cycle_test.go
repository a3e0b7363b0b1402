package subscription_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/server"
	"floe/internal/subscription"
	"floe/internal/token"
)

// node is one server of several on a database.
type node struct {
	*server.Server
	db    *db.DB
	hands *clock.Manual
}

func nodes(t *testing.T, open dbtest.Opener, n int, now time.Time) []node {
	t.Helper()
	out := make([]node, n)
	for i := range out {
		hands := clock.NewManual(now)
		d := open(func(c *db.Config) { c.Clock = hands })
		s, err := server.New(t.Context(), server.Config{DB: d, Clock: hands})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		out[i] = node{s, d, hands}
	}
	return out
}

// fill makes an organization with a free product and some subscriptions to it.
func (n node) fill(t *testing.T, subscriptions int) (org id.ID) {
	t.Helper()
	in, err := organization.Draft("Acme", "acme")
	if err != nil {
		t.Fatal(err)
	}
	var clear string
	actor := auth.NewSystem("test")
	err = n.db.Write(t.Context(), func(tx *db.Tx) error {
		o, err := n.Organizations.Create(t.Context(), tx, actor, in)
		if err != nil {
			return err
		}
		org = o.ID
		_, clear, err = n.Tokens.Create(t.Context(), tx, actor, token.Request{OrganizationID: org, Scopes: auth.GrantableScopes()})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, body string) string {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+clear)
		w := httptest.NewRecorder()
		n.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		_, rest, _ := strings.Cut(w.Body.String(), `"id":"`)
		return rest[:36]
	}
	product := post("/v1/products/", `{"name":"Free plan","recurring_interval":"month","prices":[{"amount_type":"free","price_currency":"usd"}]}`)
	for i := range subscriptions {
		c := post("/v1/customers/", `{"email":"c`+string(rune('a'+i/26))+string(rune('a'+i%26))+`@example.com"}`)
		post("/v1/subscriptions/", `{"product_id":"`+product+`","customer_id":"`+c+`"}`)
	}
	return org
}

func count(t *testing.T, q db.Querier, text string, args ...any) int64 {
	t.Helper()
	n, err := db.One[int64](t.Context(), q, text, args...)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// However many nodes run the cycle at once, each period is billed once. 74
func TestManyNodes(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		start := time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)
		list := nodes(t, open, 5, start)
		org := list[0].fill(t, 40)
		for _, n := range list {
			n.hands.Set(time.Date(2026, 5, 15, 0, 0, 0, 0, time.UTC))
		}
		var group sync.WaitGroup
		for _, n := range list {
			group.Go(func() {
				for {
					done, _, err := n.Subscriptions.RunDue(context.Background(), 7)
					if err != nil {
						t.Error(err)
						return
					}
					if done == 0 {
						return
					}
				}
			})
		}
		group.Wait()
		if got := count(t, list[0].db, `SELECT COUNT(*) FROM orders WHERE organization_id = ?`, org); got != 120 {
			t.Errorf("%d orders, want 3 for each of 40", got)
		}
		double := count(t, list[0].db, `SELECT COUNT(*) FROM (SELECT i.label, o.subscription_id FROM order_items i
			JOIN orders o ON o.organization_id = i.organization_id AND o.id = i.order_id WHERE i.organization_id = ?
			GROUP BY i.label, o.subscription_id HAVING COUNT(*) > 1) d`, org)
		if double != 0 {
			t.Errorf("%d periods were billed twice", double)
		}
		if got := count(t, list[0].db, `SELECT COUNT(*) FROM subscriptions WHERE organization_id = ? AND current_period_end < ?`,
			org, time.Date(2026, 5, 31, 0, 0, 0, 0, time.UTC)); got != 0 {
			t.Errorf("%d subscriptions are behind", got)
		}
	})
}

// A crash in the middle of a batch leaves nothing of it, and the next run does
// all of it.
func TestCrash(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		n := nodes(t, open, 1, time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC))[0]
		org := n.fill(t, 10)
		err := n.db.Write(t.Context(), func(tx *db.Tx) error { return n.Subscriptions.FollowClock(t.Context(), tx, org, true) })
		if err != nil {
			t.Fatal(err)
		}
		crash := errors.New("the power went off")
		due := time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC)
		before := count(t, n.db, `SELECT MAX(seq) FROM journal`)
		err = n.db.Write(clock.WithTime(t.Context(), due), func(tx *db.Tx) error {
			done, _, err := n.Subscriptions.RunDueOf(t.Context(), tx, org, due, 100)
			if err != nil || done != 10 {
				t.Errorf("%d, %v", done, err)
			}
			return crash
		})
		if !errors.Is(err, crash) {
			t.Fatal(err)
		}
		if orders, last := count(t, n.db, `SELECT COUNT(*) FROM orders WHERE organization_id = ?`, org), count(t, n.db, `SELECT MAX(seq) FROM journal`); orders != 0 || last != before {
			t.Errorf("%d orders and %d entries survived", orders, last-before)
		}
		err = n.db.Write(clock.WithTime(t.Context(), due), func(tx *db.Tx) error {
			_, _, err := n.Subscriptions.RunDueOf(t.Context(), tx, org, due, 100)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if orders := count(t, n.db, `SELECT COUNT(*) FROM orders WHERE organization_id = ?`, org); orders != 10 {
			t.Errorf("%d orders", orders)
		}
	})
}

// A subscription that cannot be renewed does not keep the others from it, and
// is tried again later.
func TestOneThatFails(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		n := nodes(t, open, 1, time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC))[0]
		org := n.fill(t, 5)
		exec := func(text string, args ...any) {
			t.Helper()
			err := n.db.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.Exec(t.Context(), tx, text, args...)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		bad, err := db.One[string](t.Context(), n.db, `SELECT id FROM subscriptions ORDER BY seq LIMIT 1`)
		if err != nil {
			t.Fatal(err)
		}
		prices, err := db.One[string](t.Context(), n.db, `SELECT price_ids FROM subscriptions ORDER BY seq LIMIT 1`)
		if err != nil {
			t.Fatal(err)
		}
		exec(`UPDATE subscriptions SET price_ids = ? WHERE id = ?`, `["`+string(id.New())+`"]`, bad)
		n.hands.Set(time.Date(2026, 2, 16, 0, 0, 0, 0, time.UTC))
		if err := n.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		orders := func() int64 { return count(t, n.db, `SELECT COUNT(*) FROM orders WHERE organization_id = ?`, org) }
		if got := orders(); got != 4 {
			t.Errorf("%d orders, want those of the others", got)
		}
		exec(`UPDATE subscriptions SET price_ids = ? WHERE id = ?`, prices, bad)
		n.hands.Advance(10 * time.Minute)
		if err := n.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := orders(); got != 5 {
			t.Errorf("%d orders after it was mended", got)
		}
	})
}

// The clock of usage goes its own way. 35, 36; and instead of 37, where the
// reference gives up, periods of usage are caught up with one by one.
func TestMeterCycle(t *testing.T) {
	each(t, func(b *bench) {
		b.Switch(b.Org, "meter_cycling", true)
		b.at("2026-01-31T00:00:00Z")
		p := b.fixed(1000, obj{"recurring_interval": "year", "meter_interval": "month"})
		b.Do("POST", "/v1/products/"+p+"/benefits", b.AllToken, obj{"benefits": []string{b.Benefit(nil).ID()}})
		cycled := func(when string, want ...string) {
			b.t.Helper()
			b.said(b.events(func() { b.due(when) }, "benefit_grant.cycled"), want...)
		}
		const one = "benefit_grant.cycled"
		s := b.subscribe(p, invoiced).ID()
		meter := func() string { return b.get(s).Text("current_meter_period_end")[:10] }
		if got := meter(); got != "2026-02-28" {
			b.t.Errorf("the meter period ends %s", got)
		}
		b.due("2026-02-15T00:00:00Z")
		cycled("2026-03-01T00:00:00Z")              // while the first order is not paid, nothing is credited
		b.want(b.get(s), obj{"status": "past_due"}) // the first order was to be paid by February 14
		if got := meter(); got != "2026-03-31" {
			b.t.Errorf("past due, the meter period ends %s", got)
		}
		b.pay(s)
		cycled("2026-07-15T00:00:00Z", one, one, one, one)
		if got := meter(); got != "2026-07-31" || len(b.orders(s)) != 1 {
			b.t.Errorf("the meter period ends %s", got)
		}
		cycled("2027-01-30T00:01:00Z", one, one, one, one, one, one)
		cycled("2027-01-31T00:01:00Z") // together with the renewal, once that is paid
		b.said(b.events(func() { b.pay(s) }, one), one)
		r := b.get(s)
		if r.Text("current_meter_period_end")[:10] != "2027-02-28" || r.Text("current_period_end")[:10] != "2028-01-31" {
			b.t.Errorf("the second year: %s", r.Body)
		}
	})
}

// Benefits outlast the first days of a payment that is overdue, if the
// organization says so. What has ended is never overdue. 71; benefits 59
func TestGrace(t *testing.T) {
	each(t, func(b *bench) {
		grace := func(days int) {
			b.t.Helper()
			r := b.Do("PATCH", "/v1/organizations/"+string(b.Org.ID), b.AllToken, obj{"subscription_settings": obj{
				"allow_multiple_subscriptions": false, "proration_behavior": "prorate", "benefit_revocation_grace_period": days,
				"prevent_trial_abuse": false, "allow_customer_updates": true}})
			if r.Status != 200 {
				b.t.Fatal(r.Body)
			}
		}
		grace(3)
		b.at("2026-01-01T00:00:00Z")
		p := b.fixed(1000)
		b.Do("POST", "/v1/products/"+p+"/benefits", b.AllToken, obj{"benefits": []string{b.Benefit(nil).ID()}})
		c := b.Customer(nil).ID()
		s := b.subscribe(p, invoiced, obj{"customer_id": c}).ID()
		granted := func() int {
			return len(b.Do("GET", "/v1/customers/"+c+"/state", b.AllToken, nil).Path("granted_benefits").([]any))
		}
		b.pay(s)
		b.due("2026-02-01T12:00:00Z") // it is renewed; the invoice is due on the 15th
		b.want(b.get(s), obj{"status": "active"})
		b.due("2026-02-16T00:00:00Z")
		late := b.get(s)
		b.want(late, obj{"status": "past_due", "past_due_at": floetest.Any})
		b.due("2026-02-18T00:01:00Z") // the next attempt fails, too
		b.want(b.get(s), obj{"status": "past_due", "past_due_at": late.Path("past_due_at")})
		if granted() != 1 {
			b.t.Error("revoked within the grace period")
		}
		b.due("2026-02-19T00:01:00Z")
		if granted() != 0 {
			b.t.Error("kept after the grace period")
		}
		b.pay(s)
		b.want(b.get(s), obj{"status": "active", "past_due_at": nil})
		if granted() != 1 {
			b.t.Error("not granted again")
		}
		b.Do("DELETE", "/v1/subscriptions/"+s, b.AllToken, nil)
		b.said(b.events(func() { b.due("2026-05-01T00:00:00Z") }))
		b.want(b.get(s), obj{"status": "canceled", "past_due_at": nil})

		// Who tries has the benefits, and without days of grace they go with the
		// first day that is late.
		grace(0)
		p = b.granting(1000)
		b.Do("PATCH", "/v1/products/"+p, b.AllToken, obj{"trial_interval": "day", "trial_interval_count": 7})
		var tried string
		b.said(b.events(func() { tried = b.subscribe(p, invoiced).ID() }, "benefit_grant."), "benefit_grant.created")
		b.want(b.get(tried), obj{"status": "trialing"})
		b.due("2026-05-08T01:00:00Z")
		b.said(b.events(func() { b.due("2026-05-23T00:00:00Z") }, "benefit_grant."), "benefit_grant.revoked")
		b.want(b.get(tried), obj{"status": "past_due"})
	})
}

// TestNoScan: what is not due is not looked at.
func TestNoScan(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	plan, err := db.All[struct {
		ID, Parent, Notused int64
		Detail              string
	}](t.Context(), d, `EXPLAIN QUERY PLAN `+subscription.DueQuery, time.Now(), time.Now(), 10)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, p := range plan {
		text += p.Detail + "\n"
	}
	if !strings.Contains(text, "subscriptions_due") || strings.Contains(text, "TEMP B-TREE") {
		t.Errorf("the cycle reads more than it has to:\n%s", text)
	}
}
