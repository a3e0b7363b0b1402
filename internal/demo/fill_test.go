package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/money"
)

// TestFill: there is all that there should be, in every state, and it adds up.
func TestFill(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	fill(t, f, Config{Seed: 1, Now: now}) // the seed of the command line
	checkStates(t, f)
	checkBooks(t, f)
	checkJournal(t, f)
	if err := Fill(t.Context(), f.DB, f.Server, Config{Seed: 7, Now: now, Organization: f.Org.ID}, nil); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("filling twice: %v", err)
	}
}

// TestShelfOfAnyCurrency: whatever an organization's own currency is, all that
// is sold has a price in it, and what costs something is above its least price.
func TestShelfOfAnyCurrency(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	for _, own := range money.Currencies() {
		r := f.Do("PATCH", "/v1/organizations/"+string(f.Org.ID), f.AllToken, map[string]any{"default_presentment_currency": own})
		if r.Status != 200 {
			t.Fatalf("%s: %d %s", own, r.Status, r.Body)
		}
		for _, a := range new(shop).shelf(own) {
			r := f.Do("POST", "/v1/products/", f.AllToken, a.body)
			if r.Status != 201 {
				t.Fatalf("%s: %v: %d %s", own, a.body["name"], r.Status, r.Body)
			}
			if r := f.Do("DELETE", "/v1/products/"+r.ID(), f.AllToken, nil); r.Status != 204 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
		}
	}
}

// TestFillInAnotherCurrency: an organization that sells in another currency than
// dollars is filled, too.
func TestFillInAnotherCurrency(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	r := f.Do("PATCH", "/v1/organizations/"+string(f.Org.ID), f.AllToken, map[string]any{"default_presentment_currency": "huf"})
	if r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	fill(t, f, Config{Seed: 7, Now: now})
	checkBooks(t, f)
	other, err := db.Exists(t.Context(), f.DB, `SELECT 1 FROM subscriptions WHERE organization_id = ? AND currency <> 'huf' LIMIT 1`, f.Org.ID)
	if err != nil || other {
		t.Errorf("somebody subscribed in another currency (%v)", err)
	}
}

// TestFillIsStopped: who has enough is not made to wait until all is there, and
// then nothing is.
func TestFillIsStopped(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		f.Clock.Set(now)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		calls := 0
		err := Fill(ctx, f.DB, f.Server, Config{Seed: 7, Now: now, Organization: f.Org.ID}, func(int, int) {
			calls++
			stop()
		})
		if !errors.Is(err, context.Canceled) || calls != 1 {
			t.Errorf("%d batches were made: %v", calls, err)
		}
		if some, err := db.Exists(t.Context(), f.DB, `SELECT 1 FROM customers WHERE organization_id = ? LIMIT 1`, f.Org.ID); some || err != nil {
			t.Errorf("there are customers: %v", err)
		}
	})
}

// TestFillIsDeterministic: both engines hold the same, to the byte, and so does
// a second run with the same seed.
func TestFillIsDeterministic(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	for _, run := range []string{"sqlite", "sqlite again", "postgres"} {
		t.Run(run, func(t *testing.T) {
			start := floetest.New
			if run == "postgres" {
				start = floetest.Postgres
			}
			f := start(t)
			fill(t, f, Config{Seed: 7, Now: now, Count: 400})
			checkBooks(t, f)
			texts[run] = everything(t, f)
		})
	}
	for run, text := range texts {
		if text != texts["sqlite"] {
			t.Errorf("%s differs from sqlite:\n%s", run, difference(texts["sqlite"], text))
		}
	}
}

func fill(t *testing.T, f *floetest.Floe, c Config) {
	t.Helper()
	f.Clock.Set(now)
	c.Organization = f.Org.ID
	last, began := 0, time.Now()
	err := Fill(t.Context(), f.DB, f.Server, c, func(done, total int) { last = done * 1000 / total })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("filled in %s", time.Since(began))
	if last != 1000 {
		t.Errorf("progress ended at %d of 1000", last)
	}
}

// lists are what the organization has, as callers see it.
var lists = []string{
	"/v1/customers/?sorting=created_at&", "/v1/products/?sorting=created_at&", "/v1/benefits/?sorting=created_at&", "/v1/discounts/?sorting=created_at&",
	"/v1/subscriptions/?sorting=started_at&", "/v1/orders/?sorting=created_at&", "/v1/refunds/?sorting=created_at&",
	"/v1/benefit-grants/?sorting=created_at&", "/v1/license-keys/?",
}

// everything is each page of each list.
func everything(t *testing.T, f *floetest.Floe) string {
	t.Helper()
	var b strings.Builder
	for _, list := range lists {
		for page := 1; ; page++ {
			r := f.Do("GET", fmt.Sprintf("%slimit=100&page=%d", list, page), f.AllToken, nil)
			if r.Status != 200 {
				t.Fatalf("%s: %d %s", list, r.Status, r.Body)
			}
			b.WriteString(strings.ReplaceAll(r.Body, "},{", "},\n{"))
			b.WriteByte('\n')
			if len(r.Path("items").([]any)) < 100 {
				break
			}
		}
	}
	return strings.NewReplacer(string(f.Org.ID), "ORG", strings.ToUpper(f.Org.Slug), "SLUG").Replace(b.String())
}

func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(x), len(y)) {
		if x[i] != y[i] {
			return x[i] + "\n" + y[i]
		}
	}
	return fmt.Sprintf("%d lines and %d", len(x), len(y))
}

// checkStates: there is something of every kind to look at, though not too
// much.
func checkStates(t *testing.T, f *floetest.Floe) {
	t.Helper()
	for text, want := range map[string][2]int64{
		`subscriptions WHERE status = 'active'`:                              {200, 900},
		`subscriptions WHERE status = 'trialing'`:                            {2, 60},
		`subscriptions WHERE status = 'past_due'`:                            {2, 60},
		`subscriptions WHERE status = 'paused'`:                              {2, 60},
		`subscriptions WHERE status = 'canceled'`:                            {20, 300},
		`subscriptions WHERE status = 'active' AND cancel_at_period_end`:     {2, 100},
		`subscriptions WHERE seats > 1`:                                      {20, 300},
		`subscriptions WHERE discount_id IS NOT NULL`:                        {2, 100},
		`subscription_updates WHERE TRUE`:                                    {2, 60},
		`orders WHERE status = 'paid'`:                                       {500, 6000},
		`orders WHERE status = 'pending'`:                                    {5, 200},
		`orders WHERE status = 'void'`:                                       {2, 200},
		`orders WHERE status = 'draft'`:                                      {1, 30},
		`orders WHERE status = 'refunded'`:                                   {1, 60},
		`orders WHERE status = 'partially_refunded'`:                         {1, 100},
		`orders WHERE currency <> 'usd'`:                                     {10, 200},
		`benefit_grants WHERE granted_at IS NOT NULL AND revoked_at IS NULL`: {400, 4000},
		`benefit_grants WHERE revoked_at IS NOT NULL`:                        {50, 1000},
		`license_keys WHERE status = 'granted'`:                              {50, 600},
		`license_keys WHERE status = 'revoked'`:                              {5, 200},
		`license_key_activations WHERE deleted_at IS NULL`:                   {50, 800},
		`test_clocks`: {0, 0},
	} {
		got, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM `+text+floetest.AllOrganizations)
		if err != nil || got < want[0] || got > want[1] {
			t.Errorf("%d of %s, want %d to %d (%v)", got, text, want[0], want[1], err)
		}
	}
}

// checkBooks: what was paid is what was due, and nothing happened before its
// customer or after today.
func checkBooks(t *testing.T, f *floetest.Floe) {
	t.Helper()
	for _, text := range []string{
		`SELECT COUNT(*) FROM orders WHERE status = 'paid' AND paid_amount <> net_amount + tax_amount + applied_balance_amount
			AND net_amount + tax_amount + applied_balance_amount > 0`,
		`SELECT COUNT(*) FROM orders WHERE paid_amount <> (SELECT COALESCE(SUM(amount), 0) FROM order_payments p
			WHERE p.organization_id = orders.organization_id AND p.order_id = orders.id AND p.status = 'succeeded')`,
		`SELECT COUNT(*) FROM orders WHERE net_amount <> subtotal_amount - discount_amount`,
		`SELECT COUNT(*) FROM orders o JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id WHERE o.created_at < c.created_at`,
		`SELECT COUNT(*) FROM subscriptions s JOIN customers c ON c.organization_id = s.organization_id AND c.id = s.customer_id WHERE s.created_at < c.created_at`,
		`SELECT COUNT(*) FROM subscriptions WHERE status IN ('active', 'trialing') AND current_period_end <= ?`,
		`SELECT COUNT(*) FROM subscriptions WHERE clocked OR created_at > ?`,
		`SELECT COUNT(*) FROM orders WHERE created_at > ?`,
		`SELECT COUNT(*) FROM orders WHERE paid_at > ?`,
		`SELECT COUNT(*) FROM orders WHERE check_at <= ?`,
		`SELECT COUNT(*) FROM order_payments WHERE paid_at > ?`,
		`SELECT COUNT(*) FROM journal WHERE created_at > ? AND type NOT LIKE 'organization%' AND type NOT LIKE 'token%'`,
		`SELECT COUNT(*) FROM subscriptions s WHERE s.status = 'past_due' AND NOT EXISTS (SELECT 1 FROM orders o
			WHERE o.organization_id = s.organization_id AND o.subscription_id = s.id AND o.status = 'pending')`,
	} {
		var args []any
		if strings.Contains(text, "?") {
			args = append(args, now)
		}
		if got, err := db.One[int64](t.Context(), f.DB, text+floetest.AllOrganizations, args...); err != nil || got != 0 {
			t.Errorf("%s\nanswers %d (%v), want none", text, got, err)
		}
	}
}

// checkJournal: all is in the journal, numbered from one for each customer.
func checkJournal(t *testing.T, f *floetest.Floe) {
	t.Helper()
	for text, want := range map[string]int64{
		`SELECT COUNT(*) FROM journal WHERE type = 'customer.created'`: defaultCount,
		`SELECT COUNT(*) FROM (SELECT customer_id FROM journal WHERE customer_id IS NOT NULL GROUP BY customer_id
			HAVING MIN(customer_seq) = 1 AND MAX(customer_seq) = COUNT(*)) AS numbered`: defaultCount,
		`SELECT CAST(SUM(live) AS bigint) FROM customer_totals`:                                                   defaultCount,
		`SELECT COUNT(*) FROM members WHERE role = 'owner'`:                                                       defaultCount,
		`SELECT COUNT(*) - (SELECT COUNT(*) FROM members) FROM journal WHERE type = 'member.created'`:             0,
		`SELECT COUNT(*) - (SELECT COUNT(*) FROM orders) FROM journal WHERE type = 'order.created'`:               0,
		`SELECT COUNT(*) - (SELECT COUNT(*) FROM subscriptions) FROM journal WHERE type = 'subscription.created'`: 0,
		`SELECT COUNT(*) FROM journal_heads h WHERE seq <> (SELECT COUNT(*) FROM journal j
			WHERE j.organization_id = h.organization_id AND j.customer_id = h.customer_id)`: 0,
	} {
		if got, err := db.One[int64](t.Context(), f.DB, text+floetest.AllOrganizations); err != nil || got != want {
			t.Errorf("%s\nanswers %d (%v), want %d", text, got, err, want)
		}
	}
}
