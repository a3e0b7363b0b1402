package webhook_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

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
