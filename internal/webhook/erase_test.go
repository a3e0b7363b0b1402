package webhook_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// TestErasedWhileRecorded: a person is erased while the delivery of an event
// about them is being recorded. Nothing of the event is left, whichever of the
// two transactions is first.
func TestErasedWhileRecorded(t *testing.T) {
	t.Parallel()
	f := floetest.Postgres(t, private)
	f.Do("POST", endpoints, f.AllToken, map[string]any{"url": "http://127.0.0.1:1/", "format": "raw", "events": []string{"customer.created"}})
	c := f.Customer(nil)
	half, erased := make(chan struct{}), make(chan int, 1)
	go func() {
		<-half
		erased <- f.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", f.AllToken, nil).Status
	}()
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error { // as package webhook records it
		for _, text := range []string{
			`DELETE FROM webhook_queue WHERE organization_id = ?`,
			`UPDATE webhook_events SET succeeded = TRUE, attempts = 1, payload = CASE WHEN erased THEN NULL ELSE payload END WHERE organization_id = ?`,
		} {
			if _, err := db.Exec(t.Context(), tx, text, f.Org.ID); err != nil {
				return err
			}
		}
		close(half)
		return waitForLock(t, f)
	})
	if err != nil {
		t.Fatal(err)
	}
	if status := <-erased; status != 204 {
		t.Fatalf("the deletion answers %d", status)
	}
	left, err := db.All[string](t.Context(), f.DB, `SELECT payload FROM webhook_events WHERE organization_id = ? AND customer_id = ? AND payload IS NOT NULL`, f.Org.ID, c.ID())
	if err != nil || len(left) > 0 {
		t.Errorf("left are %q, %v", left, err)
	}
}

// TestErasedWhileWaiting: a person is erased while an event about them waits to
// be sent again, and its receiver repeats in its answers what it was sent. The
// log keeps none of that, and when it has arrived nothing at all.
func TestErasedWhileWaiting(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		const secret = "secret@example.com"
		s := newSink(t)
		repeat := func(status int) {
			s.answers(func(g got, w http.ResponseWriter) {
				w.WriteHeader(status)
				_, _ = io.WriteString(w, g.body)
			})
		}
		repeat(500)
		e := endpoint(t, f, s.URL, "customer.created")
		c := f.Customer(map[string]any{"email": secret})
		f.Drain()
		if answer, _ := deliveries(f, "").Path("items.0.response").(string); !strings.Contains(answer, secret) {
			t.Fatalf("the log has %q", answer)
		}
		elsewhere := map[string]any{"endpoint_id": e.ID(), "url": s.URL + "/other"}
		replay := f.Do("POST", "/v1/webhooks/replays", f.AllToken, elsewhere)
		f.Drain()
		f.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", f.AllToken, nil)
		if r := deliveries(f, ""); strings.Contains(r.Body, secret) {
			t.Errorf("while it waits the log has %s", r.Body)
		}
		later(f, time.Minute)
		late := f.Do("POST", "/v1/webhooks/replays", f.AllToken, elsewhere)
		f.Drain()
		if r := f.Do("GET", "/v1/webhooks/replays/"+late.ID(), f.AllToken, nil); r.Text("status") != "finished" || fmt.Sprint(r.Path("total")) != "0" {
			t.Errorf("it is sent elsewhere, too, by a replay that came later: %s", r.Body)
		}
		r := deliveries(f, "")
		if n := total(t, r); n < 2 {
			t.Fatalf("%d attempts: %s", n, replay.Body)
		}
		for i := range total(t, r) {
			if answer := r.Path(fmt.Sprintf("items.%d.response", i)); answer != nil {
				t.Errorf("attempt %d: the log has %q", i, answer)
			}
		}
		repeat(200)
		later(f, time.Hour)
		if r := deliveries(f, ""); strings.Contains(r.Body, secret) || r.Path("items.0.succeeded") != true {
			t.Errorf("after it has arrived the log has %s", r.Body)
		}
		kept, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM webhook_events WHERE organization_id = ? AND customer_id = ? AND payload IS NOT NULL`, f.Org.ID, c.ID())
		if err != nil || kept != 0 {
			t.Errorf("after it has arrived %d events have what was sent, %v", kept, err)
		}
	})
}

// TestErasedAfterFailing: what was sent about a person is erased also where it
// never arrived, because it was given up or skipped, before that or after.
func TestErasedAfterFailing(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		s.status(500)
		e := endpoint(t, f, s.URL, "customer.created").ID()
		enable := func(on bool) { f.Do("PATCH", endpoints+"/"+e, f.AllToken, map[string]any{"enabled": on}) }
		for name, end := range map[string]func(){
			"given up": func() {
				err := f.DB.Write(t.Context(), func(tx *db.Tx) error { // as if it had been tried for two days
					_, err := db.Exec(t.Context(), tx, `UPDATE webhook_queue SET attempt = 28 WHERE organization_id = ?`, f.Org.ID)
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				later(f, time.Minute)
			},
			"skipped": func() {
				enable(false)
				later(f, time.Minute)
				enable(true)
			},
		} {
			for _, before := range []bool{false, true} {
				c := f.Customer(nil).ID()
				f.Drain()
				if !before {
					end()
				}
				f.Do("DELETE", "/v1/customers/"+c+"?anonymize=true", f.AllToken, nil)
				if before {
					end()
				}
				n, err := db.One[int64](t.Context(), f.DB, `SELECT (SELECT COUNT(*) FROM webhook_queue WHERE organization_id = e.organization_id) + COUNT(payload)
					FROM webhook_events e WHERE organization_id = ? AND customer_id = ? GROUP BY organization_id`, f.Org.ID, c)
				if err != nil || n != 0 {
					t.Errorf("%s, erased before: %v: %d wait or are kept, %v", name, before, n, err)
				}
			}
		}
	})
}

// waitForLock waits until another transaction waits for this one.
func waitForLock(t *testing.T, f *floetest.Floe) error {
	t.Helper()
	for range 1000 {
		n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		if err != nil || n > 0 {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
	t.Error("the deletion does not wait for the record")
	return nil
}
