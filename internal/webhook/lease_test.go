package webhook_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/webhook"
)

// eventually waits for what takes a while.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
	}
}

// count is how many requests have come since a sink was last emptied.
func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

// drained sends what is due and answers how many that were.
func drained(t *testing.T, f *floetest.Floe) int {
	t.Helper()
	n, err := f.Server.Webhooks.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestLeftBehind: what a process had in hand that was killed is sent by
// another, on PostgreSQL when the lease has ended, and not before; a file of
// SQLite has no other server, so there it is sent at once.
func TestLeftBehind(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		endpoint(t, f, s.URL, "customer.created")
		f.Customer(nil)
		if n, err := f.Server.Webhooks.Claim(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d lanes were claimed, %v", n, err)
		}
		g := f.Beside(private)
		if n := drained(t, g); n != 0 {
			t.Errorf("%d were taken from a process that has their lease", n)
		}
		g.Server.Webhooks.Poll = 20 * time.Millisecond
		g.URL()
		if f.DB.Engine() == "postgres" {
			time.Sleep(200 * time.Millisecond)
			if n := s.count(); n != 0 {
				t.Errorf("%d arrived before the lease had ended", n)
			}
			f.Clock.Advance(webhook.Lease)
		}
		eventually(t, "what was left behind arrives", func() bool { return s.count() == 1 })
	})
}

// TestGivenUp: a process that ends in order gives up what it has not begun with:
// nobody waits for its leases to end.
func TestGivenUp(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		endpoint(t, f, s.URL, "customer.created")
		f.Customer(nil)
		if n, err := f.Server.Webhooks.Claim(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d lanes were claimed, %v", n, err)
		}
		ended, end := context.WithCancel(t.Context())
		end()
		f.Server.Webhooks.Run(ended)
		if n := drained(t, f.Beside(private)); n != 1 || s.count() != 1 {
			t.Errorf("%d were given up, %d have arrived", n, s.count())
		}
	})
}

// TestEndsWithRecord: what arrives while a process ends in order is on record
// when it has ended, and is not sent again.
func TestEndsWithRecord(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s, answer := newSink(t), make(chan struct{})
		s.answers(func(got, http.ResponseWriter) { <-answer })
		endpoint(t, f, s.URL, "customer.created")
		f.Customer(nil)
		running, end := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); f.Server.Webhooks.Run(running) }()
		eventually(t, "it is sent", func() bool { return s.count() == 1 })
		end()
		time.Sleep(20 * time.Millisecond)
		close(answer)
		<-ended
		f.Clock.Advance(webhook.Lease)
		if n := drained(t, f.Beside(private)); n != 0 || s.count() != 1 || total(t, deliveries(f, "succeeded=true")) != 1 {
			t.Errorf("%d were sent again; %d have arrived", n, s.count())
		}
	})
}

// TestRenewed: a receiver that takes longer than a lease lasts is sent an event
// once, because who waits for it renews the lease.
func TestRenewed(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s, answer := newSink(t), make(chan struct{})
		s.answers(func(got, http.ResponseWriter) { <-answer })
		endpoint(t, f, s.URL, "customer.created")
		f.Server.Webhooks.Poll = 20 * time.Millisecond
		f.URL()
		f.Customer(nil)
		eventually(t, "it is sent", func() bool { return s.count() == 1 })
		defer close(answer)
		due := func() time.Time {
			t.Helper()
			at, err := db.One[time.Time](t.Context(), f.DB, `SELECT due_at FROM webhook_lanes WHERE organization_id = ? AND pending > 0`, f.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			return at
		}
		f.Clock.Advance(webhook.Lease / 2)
		until := f.Clock.Now().Add(webhook.Lease)
		eventually(t, "the lease is renewed", func() bool { return !due().Before(until) })
		f.Clock.Advance(webhook.Lease * 3 / 4)
		if n := drained(t, f.Beside(private)); n != 0 || s.count() != 1 {
			t.Errorf("%d were sent again; %d have arrived", n, s.count())
		}
		// What another has taken over, as from who stood still, is its own to renew.
		theirs := f.Clock.Now().Add(webhook.Lease)
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `UPDATE webhook_lanes SET lease = 'another', due_at = ? WHERE organization_id = ? AND pending > 0`, theirs, f.Org.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		f.Clock.Advance(time.Second)
		time.Sleep(5 * f.Server.Webhooks.Poll)
		if at := due(); !at.Equal(theirs) {
			t.Errorf("the lease of another lasts until %s, want %s", at, theirs)
		}
	})
}

// TestRecoveredBesideOthers: when something arrives again where nothing did, all
// that waits is sent at once, but for what another process has in hand.
func TestRecoveredBesideOthers(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		const others = 12 // failures enough to be left alone
		s := newSink(t)
		s.status(500)
		endpoint(t, f, s.URL, "customer.created")
		f.Customer(nil)
		if n, err := f.Server.Webhooks.Claim(t.Context()); n != 1 || err != nil {
			t.Fatalf("%d lanes were claimed, %v", n, err)
		}
		for range others {
			f.Customer(nil)
		}
		g := f.Beside(private)
		if n := drained(t, g); n != others {
			t.Fatalf("%d of the others failed", n)
		}
		s.status(200)
		f.Clock.Advance(webhook.Lease / 2)
		if n := drained(t, g); n != others {
			t.Errorf("%d were sent, want the others and not what is in hand", n)
		}
	})
}
