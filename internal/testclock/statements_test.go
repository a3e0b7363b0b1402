package testclock_test

import (
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
