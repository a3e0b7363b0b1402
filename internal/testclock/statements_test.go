package testclock_test

import (
	"encoding/json"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/id"
)

// A clock that is advanced takes many renewals, trials that end and
// cancellations together, however their times are spread: there are few
// statements, and hardly more of them for eight times as much.
func TestStatementsOfAnAdvance(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	advance := func(t *testing.T, f *floetest.Floe, n int) (statements, entries int64) {
		f.Do("POST", "/v1/test-clock", f.AllToken, obj{"now": start})
		price := []any{obj{"amount_type": "free"}}
		benefits := []string{f.Benefit(nil).ID(), f.Benefit(obj{"type": "license_keys"}).ID()}
		for _, extra := range []obj{{}, {"trial_interval": "day", "trial_interval_count": 20}} {
			extra["prices"] = price
			p := f.Product(extra).ID()
			f.Do("POST", "/v1/products/"+p+"/benefits", f.AllToken, obj{"benefits": benefits})
			subscribeMany(t, f, id.ID(p), n, start)
		}
		list := f.Do("GET", "/v1/subscriptions/?limit=100&sorting=started_at", f.AllToken, nil)
		for i, s := range list.Path("items").([]any) {
			if i%4 == 0 {
				f.Do("PATCH", "/v1/subscriptions/"+s.(obj)["id"].(string), f.AllToken, obj{"cancel_at_period_end": true})
			}
		}
		since, before := f.LastSeq(), f.DB.Stats().Queries
		r := f.Do("POST", "/v1/test-clock/advance", f.AllToken, obj{"to": start.AddDate(0, 4, 0)})
		if r.Status != 200 {
			t.Fatal(r.Status, r.Body)
		}
		return f.DB.Stats().Queries - before, f.LastSeq() - since
	}
	for name, open := range map[string]func(testing.TB, ...floetest.Option) *floetest.Floe{"sqlite": floetest.New, "postgres": floetest.Postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			few, of := advance(t, open(t), 8)
			many, all := advance(t, open(t), 64)
			t.Logf("%d statements for %d entries of the journal, %d for %d", few, of, many, all)
			if all < 7*of || many > 2*few || 2*many > all {
				t.Errorf("%d statements for %d entries of the journal, but %d for %d", few, of, many, all)
			}
		})
	}
}

// Invoices that were not paid in time are handled together, on the wall clock
// and on a test clock whatever their times are: hardly more statements for
// eight times as many.
func TestStatementsOfOverdue(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	run := func(t *testing.T, f *floetest.Floe, n int, clocked bool) (statements int64) {
		p := f.Product(obj{"prices": []any{obj{"amount_type": "fixed", "price_amount": 1000}}}).ID()
		f.Do("POST", "/v1/products/"+p+"/benefits", f.AllToken, obj{"benefits": []string{f.Benefit(nil).ID()}})
		if clocked {
			f.Do("POST", "/v1/test-clock", f.AllToken, obj{"now": start})
		}
		subscribeMany(t, f, id.ID(p), n, start)
		before := f.DB.Stats().Queries
		if clocked {
			f.Do("POST", "/v1/test-clock/advance", f.AllToken, obj{"to": start.AddDate(0, 0, 30)})
		} else {
			f.Clock.Set(start.AddDate(0, 2, 0))
			if done, _, err := f.Server.Orders.RunOverdue(t.Context(), n); done != n || err != nil {
				t.Fatalf("%d orders, %v", done, err)
			}
		}
		statements = f.DB.Stats().Queries - before
		late := f.Do("GET", "/v1/subscriptions/?status=past_due", f.AllToken, nil).Path("pagination.total_count").(json.Number)
		if got, _ := late.Int64(); got < int64(n)/2 {
			t.Errorf("%d of %d are past due", got, n)
		}
		return statements
	}
	for name, open := range map[string]func(testing.TB, ...floetest.Option) *floetest.Floe{"sqlite": floetest.New, "postgres": floetest.Postgres} {
		for clock, clocked := range map[string]bool{"wall clock": false, "test clock": true} {
			t.Run(name+", "+clock, func(t *testing.T) {
				t.Parallel()
				few, many := run(t, open(t), 32, clocked), run(t, open(t), 256, clocked)
				t.Logf("%d statements for 32 orders, %d for 256", few, many)
				if many > 2*few {
					t.Errorf("%d statements for 32 orders, but %d for 256", few, many)
				}
			})
		}
	}
}
