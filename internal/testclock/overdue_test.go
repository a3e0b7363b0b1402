package testclock_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/subscription"
)

// What follows from invoices that nobody pays does not depend on how many of
// them are handled at once: each customer is told the same, in the same order,
// as when they are handled one by one.
func TestOverdueTogetherOrOneByOne(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	days := []int{15, 17, 24, 31, 32, 38, 46, 60, 75, 90, 120}
	for name, open := range map[string]func(testing.TB, ...floetest.Option) *floetest.Floe{"sqlite": floetest.New, "postgres": floetest.Postgres} {
		t.Run(name+", wall clock", func(t *testing.T) {
			t.Parallel()
			run := func(limit int) ([]string, []string) {
				f := open(t)
				owing(t, f, f.AllToken, func(at time.Duration) { f.Clock.Set(start.Add(at)) })
				for _, d := range days {
					f.Clock.Set(start.AddDate(0, 0, d))
					untilDone(t, f.Server.Subscriptions.RunDue, subscription.Batch)
					untilDone(t, f.Server.Orders.RunOverdue, limit)
				}
				return told(t, f, f.Org), standing(t, f, f.Org)
			}
			some, stand := run(1)
			all, stands := run(subscription.Batch)
			state := func(line string) bool { return strings.Contains(line, "customer.state_changed") } // once in a transaction
			same(t, slices.DeleteFunc(some, state), slices.DeleteFunc(all, state))
			same(t, stand, stands)
		})
		t.Run(name+", test clock", func(t *testing.T) {
			t.Parallel()
			f := open(t)
			other := f.Organization("Other")
			advance := func(token string, to time.Time) {
				t.Helper()
				if r := f.Do("POST", "/v1/test-clock/advance", token, obj{"to": to}); r.Status != 200 {
					t.Fatal(r.Status, r.Body)
				}
			}
			for _, o := range []floetest.Org{f.Org, other} {
				f.Do("POST", "/v1/test-clock", o.Token, obj{"now": start})
				owing(t, f, o.Token, func(at time.Duration) { advance(o.Token, start.Add(at)) })
			}
			end := start.AddDate(0, 0, 120)
			advance(f.Org.Token, end)
			for {
				at, err := db.One[*time.Time](t.Context(), f.DB, `SELECT MIN(at) FROM (SELECT check_at AS at FROM orders WHERE organization_id = ?
					UNION ALL SELECT due_at FROM subscriptions WHERE organization_id = ?) d`, other.ID, other.ID)
				if err != nil {
					t.Fatal(err)
				}
				if at == nil || at.After(end) {
					break
				}
				advance(other.Token, *at)
			}
			advance(other.Token, end)
			same(t, told(t, f, other), told(t, f, f.Org))
			same(t, standing(t, f, other), standing(t, f, f.Org))
		})
	}
}

// owing fills an organization with customers who have one to three
// subscriptions by invoice, which begin at some hours.
func owing(t *testing.T, f *floetest.Floe, token string, at func(time.Duration)) {
	t.Helper()
	do := func(method, path string, body obj) *floetest.Response {
		t.Helper()
		r := f.Do(method, path, token, body)
		if r.Status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, r.Status, r.Body)
		}
		return r
	}
	org := do("GET", "/v1/organizations/", nil).Path("items").([]any)[0].(obj)["id"].(string)
	do("PATCH", "/v1/organizations/"+org, obj{"subscription_settings": obj{"allow_multiple_subscriptions": true, "proration_behavior": "prorate",
		"benefit_revocation_grace_period": 0, "prevent_trial_abuse": false, "allow_customer_updates": true}})
	do("POST", "/v1/webhooks/endpoints", obj{"url": "https://example.com/hook", "format": "raw", "events": []string{"customer.state_changed"}})
	shared := do("POST", "/v1/benefits/", obj{"type": "custom", "description": "Benefit", "properties": obj{}}).ID()
	var products []string
	for i := range 3 {
		id := do("POST", "/v1/products/", obj{"name": fmt.Sprintf("Product %d", i), "recurring_interval": "month",
			"prices": []any{obj{"amount_type": "fixed", "price_amount": 1000 + i}}}).ID()
		key := do("POST", "/v1/benefits/", obj{"type": "license_keys", "description": "Key", "properties": obj{}}).ID()
		do("POST", "/v1/products/"+id+"/benefits", obj{"benefits": []string{shared, key}})
		products = append(products, id)
	}
	for i := range 8 {
		c := do("POST", "/v1/customers/", obj{"email": fmt.Sprintf("c%02d@example.com", i)}).ID()
		for j := range 1 + i%3 {
			at(time.Duration(3*i+min(j, 1)) * time.Hour)
			do("POST", "/v1/subscriptions/", obj{"product_id": products[j], "customer_id": c, "collection_method": "send_invoice"})
		}
	}
}

// untilDone runs batch after batch until nothing is due.
func untilDone(t *testing.T, run func(context.Context, int) (int, time.Time, error), limit int) {
	t.Helper()
	for {
		done, _, err := run(t.Context(), limit)
		if err != nil {
			t.Fatal(err)
		}
		if done == 0 {
			return
		}
	}
}

// standing is how orders and subscriptions stand in the end.
func standing(t *testing.T, f *floetest.Floe, o floetest.Org) []string {
	t.Helper()
	rows, err := db.All[struct {
		Email, Product, Status, Whole, Description string
		Attempts                                   int
		CreatedAt                                  time.Time
		ModifiedAt, NextPaymentAttemptAt, CheckAt  *time.Time
	}](t.Context(), f.DB, `SELECT c.email, p.name AS product, o.status, s.status AS whole, o.description, o.attempts, o.created_at, o.modified_at,
			o.next_payment_attempt_at, o.check_at
		FROM orders o JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
		JOIN products p ON p.organization_id = o.organization_id AND p.id = o.product_id
		JOIN subscriptions s ON s.organization_id = o.organization_id AND s.id = o.subscription_id
		WHERE o.organization_id = ? ORDER BY c.email, p.name, o.created_at`, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		out = append(out, fmt.Sprint(r.Email, r.Product, r.Status, r.Whole, r.Description, r.Attempts, r.CreatedAt, r.ModifiedAt, r.NextPaymentAttemptAt, r.CheckAt))
	}
	return out
}

// same compares two accounts of what happened.
func same(t *testing.T, want, got []string) {
	t.Helper()
	if len(want) < 20 {
		t.Fatalf("only %d lines", len(want))
	}
	for i := range min(len(want), len(got)) {
		if want[i] != got[i] {
			t.Fatalf("line %d of %d and %d: one by one\n%s\ntogether\n%s", i, len(want), len(got), want[i], got[i])
		}
	}
	if len(want) != len(got) {
		t.Errorf("%d lines one by one, %d together", len(want), len(got))
	}
}

// Invoices of an organization with a test clock are overdue by that, those from
// before it as well, and by the wall clock when it is released.
func TestInvoicesFollowTheClock(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p := f.Product(obj{}).ID()
		subscribe := func() string {
			t.Helper()
			r := f.Do("POST", "/v1/subscriptions/", f.AllToken, obj{"product_id": p, "customer_id": f.Customer(nil).ID(), "collection_method": "send_invoice"})
			if r.Status != 201 {
				t.Fatal(r.Status, r.Body)
			}
			return r.ID()
		}
		before := subscribe()
		f.Clock.Advance(time.Minute)
		f.Do("POST", "/v1/test-clock", f.AllToken, obj{"now": f.Clock.Now()})
		within := subscribe()
		is := func(want string) {
			t.Helper()
			f.RunDue()
			for _, s := range []string{before, within} {
				if got := f.Do("GET", "/v1/subscriptions/"+s, f.AllToken, nil).Text("status"); got != want {
					t.Errorf("%s is %s, want %s", s, got, want)
				}
			}
		}
		f.Clock.Advance(20 * 24 * time.Hour)
		is("active")
		f.Do("DELETE", "/v1/test-clock", f.AllToken, nil)
		is("past_due")
	})
}

// Sessions of an organization with a test clock expire by that, so that they
// are not cleared away by the wall clock.
func TestSessionsFollowTheClock(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		f.Do("POST", "/v1/test-clock", f.AllToken, obj{"now": f.Clock.Now().AddDate(-1, 0, 0)})
		f.Do("POST", "/v1/customer-sessions/", f.AllToken, obj{"customer_id": f.Customer(nil).ID()})
		purge := func(want int64) {
			t.Helper()
			err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
				n, err := f.Server.Customers.PurgeSessions(t.Context(), tx)
				if n != want {
					t.Errorf("%d sessions were purged, want %d", n, want)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		purge(0)
		f.Do("DELETE", "/v1/test-clock", f.AllToken, nil)
		purge(1)
	})
}
