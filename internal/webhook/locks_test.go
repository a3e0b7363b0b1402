package webhook_test

import (
	"context"
	"encoding/json"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
)

// TestLocksInOrder: whoever records deliveries holds their lanes and then locks
// events and replays. What erases a person or gathers a replay meanwhile locks
// in that order too, so that neither waits for the other in a circle.
func TestLocksInOrder(t *testing.T) {
	t.Parallel()
	f := floetest.Postgres(t, private)
	s := newSink(t)
	e := endpoint(t, f, s.URL, "customer.created", "customer.deleted")
	c := f.Customer(nil)
	f.Drain()
	replay := f.Do("POST", "/v1/webhooks/replays", f.AllToken, map[string]any{"endpoint_id": e.ID()})
	if _, err := f.Server.Jobs.Drain(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := f.DB.Write(t.Context(), func(tx *db.Tx) error { // as if there were more to gather
		_, err := db.Exec(t.Context(), tx, `UPDATE webhook_replays SET status = 'gathering', position = 0 WHERE organization_id = ?`, f.Org.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	args, _ := json.Marshal(map[string]string{"organization_id": string(f.Org.ID), "id": replay.ID()})
	for _, x := range []struct {
		name, rows string
		meanwhile  func(ctx context.Context) error
	}{
		{"gathering", `SELECT id FROM webhook_replays WHERE organization_id = ?`, func(ctx context.Context) error {
			return f.DB.Write(ctx, func(tx *db.Tx) error { return f.Server.Webhooks.Gather(ctx, tx, args) })
		}},
		{"erasing", `SELECT id FROM webhook_events WHERE organization_id = ?`, func(context.Context) error {
			f.Run(floetest.Scenario{Do: "DELETE /v1/customers/" + c.ID() + "?anonymize=true", As: f.AllToken, Status: 204})
			return nil
		}},
	} {
		done := make(chan error, 1)
		err := f.DB.Write(t.Context(), func(tx *db.Tx) error { // as package webhook records deliveries
			if _, err := db.All[string](t.Context(), tx, `SELECT lane FROM webhook_lanes WHERE organization_id = ? FOR UPDATE`, f.Org.ID); err != nil {
				return err
			}
			go func() { done <- x.meanwhile(t.Context()) }()
			if err := waitForLock(t, f); err != nil {
				return err
			}
			_, err := db.All[string](t.Context(), tx, x.rows+` FOR UPDATE NOWAIT`, f.Org.ID)
			return err
		})
		if err != nil {
			t.Errorf("%s and recording wait for each other: %v", x.name, err)
		}
		if err := <-done; err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
	}
}

// TestHurryHoldsNothing: who records that a receiver wants nothing any more, or
// is back after an outage, has all that waits for it come at once. While that
// waits for those who write to the lanes, nothing else does.
func TestHurryHoldsNothing(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]int{"gone": 410, "back": 200} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := floetest.Postgres(t, private)
			s := newSink(t)
			s.status(500)
			endpoint(t, f, s.URL, "customer.created")
			waits := f.Customer(nil)
			f.Drain()
			if err := f.DB.Write(t.Context(), func(tx *db.Tx) error { // a long outage
				_, err := db.Exec(t.Context(), tx, `UPDATE webhook_targets SET failures = 100 WHERE organization_id = ?`, f.Org.ID)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			f.Customer(nil)
			s.status(status)
			done := make(chan int, 1)
			err := f.DB.Write(t.Context(), func(tx *db.Tx) error { // as who tells of the first customer
				if _, err := db.All[string](t.Context(), tx, `SELECT lane FROM webhook_lanes WHERE organization_id = ? AND lane = ? FOR UPDATE`, f.Org.ID, waits.ID()); err != nil {
					return err
				}
				go func() { done <- f.Drain() }()
				if err := waitForLock(t, f); err != nil {
					return err
				}
				for _, table := range []string{"webhook_endpoints", "webhook_targets", "webhook_events"} {
					if _, err := db.All[string](t.Context(), tx, `SELECT id FROM `+table+` WHERE organization_id = ? FOR UPDATE NOWAIT`, f.Org.ID); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Errorf("it holds what others wait for: %v", err)
			}
			if n := <-done; n != 2 {
				t.Errorf("%d were sent or skipped, want the one that waited, too", n)
			}
		})
	}
}
