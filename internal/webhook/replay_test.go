package webhook_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"floe/internal/floetest"
)

// TestReplayFilters: what is sent again is what matches, in the order of each
// customer, with the same ids, and to the other address where one is given.
func TestReplayFilters(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s, other := newSink(t), newSink(t)
		e := endpoint(t, f, s.URL, "customer.created", "customer.updated").ID()
		var customers []string
		var times []time.Time
		for i := range 3 {
			times = append(times, f.Clock.Now())
			f.Clock.Advance(time.Minute)
			c := f.Customer(nil).ID()
			f.Do("PATCH", "/v1/customers/"+c, f.AllToken, map[string]any{"name": fmt.Sprint(i)})
			customers = append(customers, c)
			f.Clock.Advance(time.Minute)
		}
		f.Drain()
		ids := map[string]bool{}
		for _, g := range s.take() {
			ids[g.id()] = true
		}
		for _, c := range []struct {
			name   string
			filter map[string]any
			want   []string
		}{
			{"after", map[string]any{"after": times[2]}, []string{"2 customer.created", "2 customer.updated"}},
			{"before", map[string]any{"before": times[1]}, []string{"0 customer.created", "0 customer.updated"}},
			{"between", map[string]any{"after": times[1], "before": times[2]}, []string{"1 customer.created", "1 customer.updated"}},
			{"customer", map[string]any{"customer_id": customers[1]}, []string{"1 customer.created", "1 customer.updated"}},
			{"type", map[string]any{"types": []string{"customer.updated"}}, []string{"0 customer.updated", "1 customer.updated", "2 customer.updated"}},
			{"customer and type", map[string]any{"customer_id": customers[0], "types": []string{"customer.created"}}, []string{"0 customer.created"}},
			{"missed", map[string]any{"missed": true}, nil},
		} {
			for _, to := range []*sink{s, other} {
				body := map[string]any{"endpoint_id": e}
				for k, v := range c.filter {
					body[k] = v
				}
				if to == other {
					body["url"] = other.URL
				}
				replay := f.Do("POST", "/v1/webhooks/replays", f.AllToken, body)
				f.Drain()
				got := map[string][]string{} // customers are in no order
				for _, g := range to.take() {
					var m struct{ Data struct{ ID string } }
					if err := json.Unmarshal([]byte(g.body), &m); err != nil || !ids[g.id()] {
						t.Errorf("%s: %s is new: %v", c.name, g.id(), err)
					}
					n := fmt.Sprint(slices.Index(customers, m.Data.ID))
					got[n] = append(got[n], n+" "+g.typ(t))
				}
				if all := slices.Concat(got["0"], got["1"], got["2"]); !slices.Equal(all, c.want) {
					t.Errorf("%s: %q, want %q", c.name, all, c.want)
				}
				f.Run(floetest.Scenario{Name: c.name, Do: "GET /v1/webhooks/replays/" + replay.ID(), As: f.AllToken, Status: 200,
					Want: map[string]any{"status": "finished", "total": len(c.want), "delivered": len(c.want)}})
			}
		}
		if n := len(s.take()) + len(other.take()); n != 0 {
			t.Errorf("%d more came", n)
		}
	})
}
