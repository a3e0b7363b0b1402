package webhook_test

import (
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/server"
)

// TestMetrics: from an event to its first attempt, what waits and since when,
// and failures by endpoint.
func TestMetrics(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		fails, takes := newSink(t), newSink(t)
		fails.status(500)
		failing := endpoint(t, f, fails.URL, "customer.created").ID()
		taking := endpoint(t, f, takes.URL, "customer.created").ID()
		f.Customer(nil)
		later(f, 2*time.Second) // the first attempts
		f.Clock.Advance(time.Second)
		page := f.Do("GET", "/metrics", "letmein", nil).Body
		for _, line := range []string{
			`floe_webhook_attempts_total{result="delivered"} 1`,
			`floe_webhook_attempts_total{result="retried"} 1`,
			`floe_webhook_failures_total{endpoint="` + failing + `"} 1`,
			`floe_webhook_lag_seconds_sum 4`,
			`floe_webhook_lag_seconds_count 2`,
			`floe_webhook_queue_events 1`,
			`floe_webhook_queue_age_seconds 3`,
		} {
			if !strings.Contains(page, "\n"+line) {
				t.Errorf("there is no %s", line)
			}
		}
		if strings.Contains(page, taking) {
			t.Error("an endpoint that takes everything has failures")
		}
	}, private, func(c *server.Config) { c.MetricsToken = "letmein" })
}

// TestRetention: payloads and answers are kept for as long as the operator says.
func TestRetention(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		endpoint(t, f, newSink(t).URL, "customer.created")
		for range 2 {
			f.Customer(nil)
			f.Drain()
			f.Clock.Advance(30 * time.Hour)
		}
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error { return f.Server.Webhooks.Archive(t.Context(), tx, nil) }); err != nil {
			t.Fatal(err)
		}
		r := deliveries(f, "")
		for i, archived := range []bool{false, true} {
			if got := r.Path("items." + string(rune('0'+i)) + ".webhook_event.is_archived"); got != archived {
				t.Errorf("the event of %d days ago is archived: %v", i+1, got)
			}
		}
	}, private, func(c *server.Config) { c.WebhookRetention = 48 * time.Hour })
}
