package testclock_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/clock"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/subscription"
)

// BenchmarkYear advances a year over many monthly subscriptions: 10,000, or as
// many as FLOE_BENCH_SUBSCRIPTIONS says, with a benefit each when
// FLOE_BENCH_BENEFIT is set. One turn is a whole year.
func BenchmarkYear(b *testing.B) {
	each(b, func(b *testing.B, f *floetest.Floe, n int) {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		f.Do("POST", "/v1/test-clock", f.AllToken, map[string]any{"now": start})
		fill(b, f, n, start)
		renew(b, f, func() {
			r := f.Do("POST", "/v1/test-clock/advance", f.AllToken, map[string]any{"to": start.AddDate(1, 1, 0)})
			if r.Status != 200 {
				b.Fatal(r.Status, r.Body)
			}
		})
	})
}

// BenchmarkMonth is what the billing cycle does on the wall clock when the
// subscriptions have not been looked at for a month.
func BenchmarkMonth(b *testing.B) {
	each(b, func(b *testing.B, f *floetest.Floe, n int) {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		fill(b, f, n, start)
		f.Clock.Set(start.AddDate(0, 2, 0))
		renew(b, f, func() {
			if err := f.Server.RunDue(b.Context()); err != nil {
				b.Fatal(err)
			}
		})
	})
}

// BenchmarkOverdue is what the billing cycle does when 2,000 invoices, or as
// many as FLOE_BENCH_SUBSCRIPTIONS says, have not been paid in time.
func BenchmarkOverdue(b *testing.B) {
	many(b, 2_000, func(b *testing.B, f *floetest.Floe, n int) {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		fillPriced(b, f, n, start, 1000)
		f.Clock.Set(start.AddDate(0, 2, 0))
		statements, begun, done := f.DB.Stats().Queries, time.Now(), 0
		b.StartTimer()
		for {
			some, _, err := f.Server.Orders.RunOverdue(b.Context(), subscription.Batch)
			if err != nil {
				b.Fatal(err)
			}
			if some == 0 {
				break
			}
			done += some
		}
		if took := time.Since(begun); done != n {
			b.Fatalf("%d orders were overdue, want %d", done, n)
		} else {
			b.ReportMetric(float64(done)/took.Seconds(), "orders/s")
		}
		b.ReportMetric(float64(f.DB.Stats().Queries-statements), "statements")
	})
}

func each(b *testing.B, run func(b *testing.B, f *floetest.Floe, n int)) { many(b, 10_000, run) }

func many(b *testing.B, n int, run func(b *testing.B, f *floetest.Floe, n int)) {
	if text := os.Getenv("FLOE_BENCH_SUBSCRIPTIONS"); text != "" {
		if _, err := fmt.Sscan(text, &n); err != nil {
			b.Fatal(err)
		}
	}
	for engine, open := range map[string]func(testing.TB, ...floetest.Option) *floetest.Floe{"sqlite": floetest.New, "postgres": floetest.Postgres} {
		b.Run(engine, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				run(b, open(b), n)
			}
		})
	}
}

// fill makes what renews, and lets the database learn how much that is: the
// servers of tests do not do it by themselves.
func fill(b *testing.B, f *floetest.Floe, n int, start time.Time) { fillPriced(b, f, n, start, 0) }

func fillPriced(b *testing.B, f *floetest.Floe, n int, start time.Time, price int) {
	p := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": price}}}).ID()
	if os.Getenv("FLOE_BENCH_BENEFIT") != "" {
		f.Do("POST", "/v1/products/"+p+"/benefits", f.AllToken, map[string]any{"benefits": []string{f.Benefit(nil).ID()}})
	}
	subscribeMany(b, f, id.ID(p), n, start)
	if err := f.DB.Write(b.Context(), func(tx *db.Tx) error { return tx.Analyze(b.Context()) }); err != nil {
		b.Fatal(err)
	}
}

// renew times what makes subscriptions renew, by the orders that come of it.
func renew(b *testing.B, f *floetest.Floe, run func()) {
	orders := func() int64 {
		n, err := db.One[int64](b.Context(), f.DB, `SELECT COUNT(*) FROM orders WHERE organization_id = ?`, f.Org.ID)
		if err != nil {
			b.Fatal(err)
		}
		return n
	}
	before, begun := orders(), time.Now()
	b.StartTimer()
	run()
	took := time.Since(begun)
	b.ReportMetric(float64(orders()-before)/took.Seconds(), "renewals/s")
}

// subscribeMany makes customers with a subscription each, spread over a month.
func subscribeMany(b testing.TB, f *floetest.Floe, product id.ID, n int, start time.Time) {
	const batch = 500
	invoiced := subscription.SendInvoice
	actor := auth.Subject{Kind: auth.Organization, ID: f.Org.ID, Memberships: []auth.Membership{{OrganizationID: f.Org.ID}}}
	for from := 0; from < n; from += batch {
		err := f.DB.Write(clock.WithTime(b.Context(), start), func(tx *db.Tx) error {
			if from == batch {
				if err := tx.Analyze(b.Context()); err != nil {
					return err
				}
			}
			for i := from; i < min(from+batch, n); i++ {
				tx.MoveTo(start.Add(time.Duration(i) * 31 * 24 * time.Hour / time.Duration(n)))
				email, c := fmt.Sprintf("c%d@%s.example.com", i, product), id.NewAt(tx.Now())
				g := customer.Given{Row: customer.Row{ID: c, OrganizationID: f.Org.ID, CreatedAt: tx.Now(), Type: customer.Individual, Email: &email, Metadata: []byte("{}")}}
				if err := f.Server.Customers.AddGiven(b.Context(), tx, actor, []customer.Given{g}); err != nil {
					return err
				}
				in := subscription.Create{ByID: &subscription.CreateByID{CreateCommon: subscription.CreateCommon{ProductID: product, CollectionMethod: &invoiced}, CustomerID: c}}
				if _, err := f.Server.Subscriptions.Subscribe(b.Context(), tx, actor, in); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
