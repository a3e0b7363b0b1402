package webhook_test

import (
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/webhook"
)

// TestOvertaken: an event that two have sent at once, because one stood still
// until its lease had ended, is taken off once, and no other in its place.
func TestOvertaken(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		endpoint(t, f, s.URL, "customer.created", "customer.updated")
		var customers []string
		for range 4 {
			customers = append(customers, f.Customer(nil).ID())
		}
		change := func() {
			for _, c := range customers {
				f.Do("PATCH", "/v1/customers/"+c, f.AllToken, map[string]any{"name": string(id.New())})
			}
		}
		for range 3 {
			change()
			// What changes meanwhile must not get the numbers that have just gone.
			if err := f.Server.Webhooks.Overtaken(t.Context(), change); err != nil {
				t.Fatal(err)
			}
			f.Clock.Advance(webhook.Lease)
			f.Drain()
		}
		f.Clock.Advance(webhook.Lease)
		f.Drain()
		arrived := map[string]bool{}
		for _, g := range s.take() {
			arrived[g.id()] = true
		}
		want, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM webhook_events`+floetest.AllOrganizations)
		if err != nil {
			t.Fatal(err)
		}
		waiting, err := db.One[int64](t.Context(), f.DB, `SELECT COALESCE(SUM(pending), 0) + (SELECT COUNT(*) FROM webhook_queue) FROM webhook_lanes`+floetest.AllOrganizations)
		if err != nil {
			t.Fatal(err)
		}
		if len(arrived) != int(want) || want != 28 || waiting != 0 {
			t.Errorf("%d events of %d have arrived, and %d wait", len(arrived), want, waiting)
		}
	})
}
