package webhook_test

import (
	"net/http"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// nearlyOver has an event fail as if it had been tried for two days already,
// while new ones are behind it.
func nearlyOver(t *testing.T, f *floetest.Floe, behind int) {
	t.Helper()
	f.Customer(nil)
	if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, `UPDATE webhook_queue SET attempt = 28 WHERE organization_id = ?`, f.Org.ID)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for range behind {
		f.Customer(nil)
	}
	f.Clock.Advance(2 * time.Minute) // an endpoint in trouble is left alone for a while
	f.Drain()
}

// TestStreak: cases 56 to 59; TestNotice shows who is told.
func TestStreak(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		s.status(404)
		e := endpoint(t, f, s.URL, "customer.created")
		enabled := func() any { return f.Do("GET", endpoints+"/"+e.ID(), f.AllToken, nil).Path("enabled") }
		for range 9 {
			nearlyOver(t, f, 0)
		}
		if enabled() != true {
			t.Fatal("switched off after nine")
		}
		s.status(200)
		f.Customer(nil)
		f.Drain()
		s.status(404)
		nearlyOver(t, f, 0)
		if enabled() != true {
			t.Fatal("switched off in spite of a success")
		}
		for range 8 {
			nearlyOver(t, f, 0)
		}
		nearlyOver(t, f, 2)
		if enabled() != false {
			t.Fatal("still on after ten")
		}
		later(f, time.Hour)
		n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM webhook_events WHERE organization_id = ? AND skipped AND succeeded IS NULL`, f.Org.ID)
		if err != nil || n != 2 {
			t.Errorf("%d of the two that were pending are skipped: %v", n, err)
		}
	})
}

// TestLeftAlone: a receiver in trouble gets one event at a time, once a minute,
// until one arrives, and then all that waits.
func TestLeftAlone(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		const customers = 12 // failures enough to be left alone
		s := newSink(t)
		s.status(500)
		endpoint(t, f, s.URL, "customer.created")
		for range customers {
			f.Customer(nil)
		}
		f.Drain()
		for i, c := range []struct {
			later  time.Duration
			status int
			comes  int
		}{
			{10 * time.Minute, 500, 1},
			{time.Minute - time.Second, 500, 0},
			{time.Second, 500, 1},
			{time.Minute, 200, customers},
		} {
			s.take()
			s.status(c.status)
			if later(f, c.later); s.count() != c.comes {
				t.Errorf("%d: %d came, want %d", i, s.count(), c.comes)
			}
		}
	})
}

// TestInTheTimeOfATestClock: receivers live in real time, whatever a test clock
// shows to the organization: its endpoints are switched off, and its replays sent.
func TestInTheTimeOfATestClock(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		f.Run(floetest.Scenario{Do: "POST /v1/test-clock", As: f.AllToken, Body: map[string]any{"now": floetest.Start.AddDate(1, 0, 0)}, Status: 201})
		s := newSink(t)
		e := endpoint(t, f, s.URL, "customer.created")
		f.Customer(nil)
		f.Drain()
		s.take()
		replay := f.Do("POST", "/v1/webhooks/replays", f.AllToken, map[string]any{"endpoint_id": e.ID()})
		f.Drain()
		r := f.Run(floetest.Scenario{Do: "GET /v1/webhooks/replays/" + replay.ID(), As: f.AllToken, Status: 200,
			Want: map[string]any{"status": "finished", "total": 1, "delivered": 1}})
		if n := len(s.take()); n != 1 || r.Text("created_at") > r.Text("finished_at") {
			t.Errorf("%d came, of a replay from %s to %s", n, r.Text("created_at"), r.Text("finished_at"))
		}
		s.status(404)
		for range 10 {
			nearlyOver(t, f, 0)
		}
		if on := f.Do("GET", endpoints+"/"+e.ID(), f.AllToken, nil).Path("enabled"); on != false {
			t.Errorf("enabled is %v after ten were given up", on)
		}
	})
}

// TestOutdatedAnswers: that an address wants no more says nothing about the one
// that the endpoint has been given meanwhile, nor about an endpoint that was
// switched on since.
func TestOutdatedAnswers(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		old, next := newSink(t), newSink(t)
		e := endpoint(t, f, old.URL, "customer.created")
		path := endpoints + "/" + e.ID()
		for _, c := range []struct {
			name    string
			bodies  []string
			enabled bool
		}{
			{"another address", []string{`{"url": "` + next.URL + `"}`}, true},
			{"switched off and on", []string{`{"enabled": false}`, `{"enabled": true}`}, true},
			{"another name", []string{`{"name": "x"}`}, false},
		} {
			gone := func(_ got, w http.ResponseWriter) {
				for _, body := range c.bodies {
					if r := f.Do("PATCH", path, f.AllToken, body); r.Status != 200 {
						t.Errorf("%s: %d %s", c.name, r.Status, r.Body)
					}
				}
				w.WriteHeader(http.StatusGone)
			}
			old.answers(gone)
			next.answers(gone)
			f.Customer(nil)
			f.Drain()
			if on := f.Do("GET", path, f.AllToken, nil).Path("enabled"); on != c.enabled {
				t.Errorf("%s: enabled is %v", c.name, on)
			}
		}
	})
}
