package testclock_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// What happens does not depend on how far a clock is advanced at once: going
// four months in one step tells each customer the same, in the same order and
// at the same times, as going there day by day.
func TestStepsMakeNoDifference(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		end := start.AddDate(0, 4, 3)
		for _, o := range []floetest.Org{f.Org, other} {
			live(t, f, o.Token, start, testClock(t, f, o.Token, start))
		}
		advance(t, f, f.Org.Token, end)
		for at := start.AddDate(0, 0, 3); !at.After(end); at = at.Add(24 * time.Hour) {
			advance(t, f, other.Token, at)
		}
		agree(t, "at once", told(t, f, f.Org), "day by day", told(t, f, other))
	})
}

// A test clock does what time does: two months of it tell each customer the same
// as two months in which the server looks every hour for what is due, to the
// hour.
func TestAsTimeDoes(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		real, end := f.Organization("Real"), start.AddDate(0, 2, 3)
		live(t, f, f.Org.Token, start, testClock(t, f, f.Org.Token, start))
		advance(t, f, f.Org.Token, end)
		now := start
		f.Clock.Set(now)
		pass := func(to time.Time) {
			for ; now.Before(to); now = now.Add(time.Hour) {
				f.Clock.Set(now.Add(10 * time.Second)) // what requests have made has fractions of a second
				if err := f.Server.RunDue(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			f.Clock.Set(to)
		}
		live(t, f, real.Token, start, pass)
		pass(end)
		times := regexp.MustCompile(`(T\d\d):\d\d:\d\d[0-9.]*Z`)
		hours := func(list []string) []string {
			for i := range list {
				list[i] = times.ReplaceAllString(list[i], "$1")
			}
			return list
		}
		agree(t, "a test clock", hours(told(t, f, f.Org)), "time", hours(told(t, f, real)))
	})
}

func testClock(t *testing.T, f *floetest.Floe, token string, start time.Time) func(time.Time) {
	t.Helper()
	if r := f.Do("POST", "/v1/test-clock", token, obj{"now": start}); r.Status != 201 {
		t.Fatal(r.Status, r.Body)
	}
	return func(to time.Time) { advance(t, f, token, to) }
}

func advance(t *testing.T, f *floetest.Floe, token string, to time.Time) {
	t.Helper()
	if r := f.Do("POST", "/v1/test-clock/advance", token, obj{"to": to}); r.Status != 200 {
		t.Fatal(r.Status, r.Body)
	}
}

// agree compares what was told in two ways.
func agree(t *testing.T, a string, one []string, b string, other []string) {
	t.Helper()
	if len(one) < 100 {
		t.Fatalf("only %d entries", len(one))
	}
	for i := range min(len(one), len(other)) {
		if one[i] != other[i] {
			t.Fatalf("entry %d of %d and %d: %s\n%s\n%s\n%s", i, len(one), len(other), a, one[i], b, other[i])
		}
	}
	if len(one) != len(other) {
		t.Errorf("%d entries %s, %d %s", len(one), a, len(other), b)
	}
}

// live fills an organization with subscriptions of all kinds, which begin at
// different hours of three days, by a clock that is told to go on.
func live(t *testing.T, f *floetest.Floe, token string, start time.Time, to func(time.Time)) {
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
		"benefit_revocation_grace_period": 2, "prevent_trial_abuse": false, "allow_customer_updates": true}})
	do("POST", "/v1/webhooks/endpoints", obj{"url": "https://example.com/hook", "format": "raw", "events": []string{"customer.state_changed"}})
	var products []string
	for i, p := range []obj{
		{"prices": []any{obj{"amount_type": "free"}}},
		{"prices": []any{obj{"amount_type": "fixed", "price_amount": 1000}}},
		{"prices": []any{obj{"amount_type": "free"}}, "trial_interval": "day", "trial_interval_count": 10},
		{"prices": []any{obj{"amount_type": "free"}}, "recurring_interval": "week"},
	} {
		if p["name"] = fmt.Sprintf("Product %d", i); p["recurring_interval"] == nil {
			p["recurring_interval"] = "month"
		}
		id := do("POST", "/v1/products/", p).ID()
		b := do("POST", "/v1/benefits/", obj{"type": []string{"custom", "license_keys"}[i%2], "description": "Benefit", "properties": obj{}}).ID()
		do("POST", "/v1/products/"+id+"/benefits", obj{"benefits": []string{b}})
		products = append(products, id)
	}
	for i := range 12 {
		to(start.Add(time.Duration(i) * 5 * time.Hour))
		c := do("POST", "/v1/customers/", obj{"email": fmt.Sprintf("c%02d@example.com", i)}).ID()
		for j := range 1 + i%2 {
			body := obj{"product_id": products[(i+j)%4], "customer_id": c}
			kind := (i + j) % 4
			if kind == 1 || kind == 2 { // for its price, or for its trial
				body["collection_method"] = "send_invoice"
			}
			r := do("POST", "/v1/subscriptions/", body)
			if s := r.Text("status"); (s == "trialing") != (kind == 2) {
				t.Fatalf("a subscription of kind %d is %s", kind, s)
			}
			s := r.ID()
			switch (i / 2) % 4 {
			case 1:
				do("PATCH", "/v1/subscriptions/"+s, obj{"cancel_at_period_end": true})
			case 2:
				if kind != 2 {
					do("PATCH", "/v1/subscriptions/"+s, obj{"pause_at_period_end": true, "resumes_at": start.AddDate(0, 2, i)})
				}
			}
		}
	}
	to(start.AddDate(0, 0, 3))
}

// told is what the journal says of each customer, without what differs between
// organizations.
func told(t *testing.T, f *floetest.Floe, o floetest.Org) []string {
	t.Helper()
	rows, err := db.All[struct {
		Email, Type string
		CreatedAt   time.Time
		After       *string
	}](t.Context(), f.DB, `SELECT c.email, j.type, j.created_at, j.after FROM journal j
		JOIN customers c ON c.organization_id = j.organization_id AND c.id = j.customer_id
		WHERE j.organization_id = ? ORDER BY c.email, j.customer_seq`, o.ID)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, r := range rows {
		line := r.Email + " " + r.CreatedAt.Format(time.RFC3339) + " " + r.Type
		for _, field := range strings.Split(value(r.After), ",") {
			if key, _, _ := strings.Cut(field, ":"); slices.Contains([]string{`"status"`, `"modified_at"`, `"invoice_number"`, `"current_period_end"`, `"due_amount"`}, key) {
				if key == `"invoice_number"` { // what comes before the count is the organization's and the customer's
					field = field[max(0, len(field)-len(`0001"`)):]
				}
				line += " " + field
			}
		}
		out = append(out, line)
	}
	return out
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
