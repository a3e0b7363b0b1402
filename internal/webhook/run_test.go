package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// TestRunning: a server that runs sends by itself what clients cause side by
// side, also what another endpoint never answers.
func TestRunning(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s, dead := newSink(t), "http://127.0.0.1:1/"
		endpoint(t, f, s.URL, "customer.created", "customer.updated", "customer.state_changed")
		endpoint(t, f, dead, "customer.created", "customer.updated")
		f.URL()
		var writers sync.WaitGroup
		for i := range 4 {
			writers.Go(func() {
				r := f.Do("POST", "/v1/customers/", f.AllToken, map[string]any{"email": fmt.Sprintf("w%d@example.com", i)})
				for n := range 10 {
					f.Do("PATCH", "/v1/customers/"+r.ID(), f.AllToken, map[string]any{"name": fmt.Sprint(n)})
				}
			})
		}
		writers.Wait()
		var all []got
		for deadline := time.Now().Add(20 * time.Second); len(all) < 4*22 && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			all = append(all, s.take()...)
		}
		if len(all) != 4*22 {
			t.Errorf("%d events arrived, want %d", len(all), 4*22)
		}
		last := map[string]string{}
		for _, g := range all {
			var e struct{ Data struct{ ID string } }
			if err := json.Unmarshal([]byte(g.body), &e); err != nil {
				t.Fatal(err)
			}
			if before := last[e.Data.ID]; before != "" && g.header.Get("Webhook-Previous-Sequence") != before {
				t.Errorf("%s follows %s and says it follows %s", g.header.Get("Webhook-Sequence"), before, g.header.Get("Webhook-Previous-Sequence"))
			}
			last[e.Data.ID] = g.header.Get("Webhook-Sequence")
		}
	})
}

// TestHeldUp: a transaction that takes long holds up the events of those that
// it is about, and of nobody else.
func TestHeldUp(t *testing.T) {
	t.Parallel()
	f := floetest.Postgres(t, private)
	s := newSink(t)
	endpoint(t, f, s.URL, "customer.updated")
	held, other := f.Customer(nil).ID(), f.Customer(nil).ID()
	f.URL()
	change := func(customer string) {
		f.Do("PATCH", "/v1/customers/"+customer, f.AllToken, map[string]any{"name": "N"})
	}
	waiting := func() int64 {
		n, err := db.One[int64](t.Context(), f.DB, `SELECT CAST(COALESCE(SUM(pending), 0) AS bigint) FROM webhook_lanes WHERE organization_id = ?`, f.Org.ID)
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	until := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Errorf("never: %s", what)
				return
			}
		}
	}
	s.answers(func(g got, w http.ResponseWriter) {
		if !strings.Contains(g.body, held) {
			return
		}
		locked := make(chan struct{})
		go func() { // the answer comes when the lane is locked
			_ = f.DB.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.All[string](t.Context(), tx, `SELECT lane FROM webhook_lanes WHERE organization_id = ? AND lane = ?`+tx.ForUpdate(), f.Org.ID, held)
				close(locked)
				change(other)
				until("the other's event is on record", func() bool { return waiting() == 1 })
				return err
			})
		}()
		<-locked
	})
	change(held)
	until("all is on record", func() bool { return waiting() == 0 })
	if n := total(t, deliveries(f, "succeeded=true")); n != 2 {
		t.Errorf("%d deliveries, want 2", n)
	}
}
