package server_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/server"
)

// TestTold: what one process writes, another one sends at once: it is told, and
// does not wait until it looks by itself, which here is never.
func TestTold(t *testing.T) {
	t.Parallel()
	private := func(c *server.Config) { c.AllowPrivateWebhooks = true }
	writes := floetest.Postgres(t, private)
	sends := writes.Beside(private)
	sends.Server.Webhooks.Poll, sends.Server.Jobs.Idle = time.Hour, time.Hour
	sends.URL()
	arrived := make(chan string, 10)
	sink := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- r.Header.Get("Webhook-Id")
	}))
	t.Cleanup(sink.Close)
	next := func(what string) string {
		t.Helper()
		select {
		case event := <-arrived:
			return event
		case <-time.After(30 * time.Second):
			t.Fatalf("never arrived: %s", what)
		}
		return ""
	}
	endpoint := writes.Do("POST", "/v1/webhooks/endpoints", writes.AllToken,
		map[string]any{"url": sink.URL, "format": "raw", "events": []string{"customer.created"}}).ID()
	for range 3 {
		writes.Customer(nil)
		next("an event")
	}
	for deadline := time.Now().Add(30 * time.Second); fmt.Sprint(writes.Do("GET", "/v1/webhooks/deliveries", writes.AllToken, nil).Path("pagination.total_count")) != "3"; {
		if time.Now().After(deadline) {
			t.Fatal("three deliveries are not on record")
		}
		time.Sleep(10 * time.Millisecond)
	}
	// A replay is a job, whose events are then sent.
	r := writes.Do("POST", "/v1/webhooks/replays", writes.AllToken, map[string]any{"endpoint_id": endpoint})
	if r.Status != http.StatusAccepted {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	for range 3 {
		next("a replay")
	}
}

// TestIdle: a server that has nothing to do asks its database no more than once
// a second, with endpoints that are there and customers who were.
func TestIdle(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{"url": "https://example.com/", "format": "raw", "events": []string{"order.paid"}})
		f.Customer(nil)
		f.Settle()
		f.URL()
		const seconds = 10
		time.Sleep(3 * time.Second) // what it does when it starts
		before := f.DB.Stats()
		time.Sleep(seconds * time.Second)
		after := f.DB.Stats()
		if n := after.Queries - before.Queries; n > seconds {
			t.Errorf("%d statements in %d idle seconds", n, seconds)
		}
		if n := after.Writes - before.Writes; n > 0 {
			t.Errorf("%d writes in %d idle seconds", n, seconds)
		}
	})
}
