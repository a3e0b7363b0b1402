package webhook_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// TestOutcomes: cases 42 to 45 and 47.
func TestOutcomes(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		endpoint(t, f, s.URL, "customer.created")
		redirected := newSink(t)
		for _, c := range []struct {
			name      string
			answer    func(w http.ResponseWriter)
			code      any
			response  any
			succeeded bool
		}{
			{"empty 200", func(http.ResponseWriter) {}, json.Number("200"), nil, true},
			{"204", func(w http.ResponseWriter) { w.WriteHeader(204) }, json.Number("204"), nil, true},
			{"long with NUL", func(w http.ResponseWriter) { _, _ = fmt.Fprint(w, strings.Repeat("é\x00", 2500)) }, json.Number("200"), strings.Repeat("é", 2048), true},
			{"302", func(w http.ResponseWriter) { w.Header().Set("Location", redirected.URL); w.WriteHeader(302) }, json.Number("302"), nil, false},
			{"500", func(w http.ResponseWriter) { w.WriteHeader(500); _, _ = fmt.Fprint(w, "oh") }, json.Number("500"), "oh", false},
			{"101", switchProtocols, json.Number("101"), nil, false},
			{"dropped", func(w http.ResponseWriter) { panic(http.ErrAbortHandler) }, nil, "EOF", false},
		} {
			s.answers(func(_ got, w http.ResponseWriter) { c.answer(w) })
			f.Customer(nil)
			f.Drain()
			want := map[string]any{"items": []any{map[string]any{
				"http_code": c.code, "response": c.response, "succeeded": c.succeeded,
				"webhook_event": map[string]any{"last_http_code": c.code, "succeeded": orNil(c.succeeded), "skipped": false, "type": "customer.created", "is_archived": false},
			}}}
			if diff := f.Do("GET", "/v1/webhooks/deliveries?limit=1", f.AllToken, nil).Differs(want); diff != "" {
				t.Errorf("%s: %s", c.name, diff)
			}
		}
		if len(redirected.take()) > 0 {
			t.Error("a redirect was followed")
		}
		s.status(200)
		if n := later(f, 5*time.Second); n != 4 {
			t.Errorf("%d of the four that failed were tried again", n)
		}
	})
}

// switchProtocols answers 101 and keeps the connection, for a while that no
// attempt may last.
func switchProtocols(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	_, _ = fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nno answer")
	time.AfterFunc(30*time.Second, func() { _ = c.Close() })
}

func orNil(ok bool) any {
	if ok {
		return true
	}
	return nil
}

// due is when the lane of the only waiting event is to be looked at.
func due(t *testing.T, f *floetest.Floe) time.Duration {
	t.Helper()
	at, err := db.One[time.Time](t.Context(), f.DB, `SELECT due_at FROM webhook_lanes WHERE organization_id = ? AND pending > 0`, f.Org.ID)
	if err != nil {
		t.Fatal(err)
	}
	return at.Sub(f.Clock.Now())
}

// checkDelay holds the time until the next attempt against docs/webhooks.md.
func checkDelay(t *testing.T, attempts int, got time.Duration) {
	t.Helper()
	least, most := time.Second<<attempts, time.Second<<(attempts+1)
	if attempts > 12 {
		least, most = 3*time.Hour, 4*time.Hour
	}
	if got < least || got > most {
		t.Errorf("after attempt %d the next one comes after %s, want %s to %s", attempts, got, least, most)
	}
}

// TestSchedule: cases 46 and 49, with the schedule that lasts for two days,
// and 56: nothing having arrived for three days, the endpoint is switched off,
// what it missed is kept, and can be replayed.
func TestSchedule(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		s.status(503)
		e := endpoint(t, f, s.URL, "customer.created")
		f.Customer(nil)
		start, attempts := f.Clock.Now(), f.Drain()
		if open := deliveries(f, "").Path("items.0.webhook_event.succeeded"); open != nil {
			t.Errorf("after the first attempt the event has succeeded: %v", open)
		}
		for {
			n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM webhook_queue WHERE organization_id = ?`, f.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				break
			}
			checkDelay(t, attempts, due(t, f))
			attempts += later(f, max(due(t, f), time.Minute))
		}
		if took := f.Clock.Now().Sub(start); attempts != 29 || took < 50*time.Hour || took > 72*time.Hour {
			t.Errorf("%d attempts within %s", attempts, took)
		}
		r := deliveries(f, "")
		if total(t, r) != 29 || r.Path("items.0.webhook_event.succeeded") != false {
			t.Errorf("%d deliveries, %v", total(t, r), r.Path("items.0.webhook_event.succeeded"))
		}
		f.Customer(nil) // waits, and is tried for the time that is left
		f.Drain()
		before := f.LastSeq()
		enabled := func() any { return f.Do("GET", endpoints+"/"+e.ID(), f.AllToken, nil).Path("enabled") }
		for f.Clock.Now().Sub(start) < 80*time.Hour && enabled() == true {
			later(f, time.Hour)
		}
		if after := f.Clock.Now().Sub(start); after < 72*time.Hour || after > 78*time.Hour {
			t.Errorf("after %s it is switched off, or still on", after)
		}
		if off := enabled(); off != false {
			t.Fatalf("enabled is %v", off)
		}
		if got := f.EventsSince(before); len(got) != 1 || got[0] != "webhook_endpoint.disabled" {
			t.Errorf("the journal has %q", got)
		}
		f.Run(floetest.Scenario{Do: "GET /v1/changes?type=webhook_endpoint.disabled&full=true", As: f.AllToken, Status: 200, Want: map[string]any{"items": []any{
			map[string]any{"before": map[string]any{"enabled": true, "modified_at": nil},
				"after": map[string]any{"enabled": false, "modified_at": floetest.Any, "reason": "failing"},
				"data":  map[string]any{"id": e.ID(), "enabled": false}},
		}}})
		if !strings.Contains(f.Log(), "switched off") {
			t.Error("nothing in the log")
		}
		missed := f.Customer(map[string]any{"name": "Missed"}).ID()
		f.Drain()
		s.take()
		s.status(200)
		f.Do("PATCH", endpoints+"/"+e.ID(), f.AllToken, `{"enabled": true}`)
		f.Drain()
		if n := len(s.take()); n != 0 {
			t.Errorf("%d events came by themselves", n)
		}
		p := f.Run(floetest.Scenario{Do: "POST /v1/webhooks/replays", As: f.AllToken, Body: map[string]any{"endpoint_id": e.ID(), "missed": true}, Status: 202, Want: `{"status": "gathering"}`})
		f.Drain()
		all := s.take()
		if len(all) != 3 || !strings.Contains(all[0].body+all[1].body+all[2].body, missed) {
			t.Errorf("%d events were replayed", len(all))
		}
		f.Run(floetest.Scenario{Do: "GET /v1/webhooks/replays/" + p.ID(), As: f.AllToken, Status: 200, Want: `{"status": "finished", "total": 3, "delivered": 3, "failed": 0}`})
	})
}

// TestClockPutBack: a receiver that was left alone when the clock is put back by
// hours gets what happens then, and with that what had waited.
func TestClockPutBack(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		s.status(503)
		endpoint(t, f, s.URL, "customer.created")
		for range 12 { // failures enough to be left alone
			f.Customer(nil)
		}
		f.Drain()
		f.Clock.Set(f.Clock.Now().Add(-6 * time.Hour))
		s.status(200)
		s.take()
		f.Customer(nil)
		later(f, time.Second)
		if n := len(s.take()); n != 13 {
			t.Errorf("%d events arrived, want 13", n)
		}
	})
}

// TestRetryAfter: 429 is tried again when the receiver says so, 410 ends it.
func TestRetryAfter(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		e := endpoint(t, f, s.URL, "customer.created")
		for header, want := range map[string]time.Duration{"90": 90 * time.Second, "date": time.Hour, "1": 2 * time.Second, "soon": 2 * time.Second} {
			if header == "date" {
				header = f.Clock.Now().Add(time.Hour).Format(http.TimeFormat)
			}
			s.answers(func(_ got, w http.ResponseWriter) { w.Header().Set("Retry-After", header); w.WriteHeader(429) })
			f.Customer(nil)
			f.Drain()
			if d := due(t, f); d < want-2*time.Second || d > want+4*time.Second {
				t.Errorf("%s: the next attempt comes after %s", header, d)
			}
			s.status(200)
			f.Clock.Set(f.Clock.Now().Add(due(t, f)))
			f.Drain()
		}
		s.status(410)
		f.Customer(nil)
		f.Drain()
		if off := f.Do("GET", endpoints+"/"+e.ID(), f.AllToken, nil).Path("enabled"); off != false {
			t.Errorf("after 410 enabled is %v", off)
		}
	})
}

// TestOrder: events of a customer come in order, also behind one that fails,
// and nobody waits for another customer. That takes the place of cases 50 to 52,
// whose order ends with the first attempt.
func TestOrder(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		endpoint(t, f, s.URL, "customer.created", "customer.updated")
		endpoint(t, f, s.URL+"/other", "organization.updated")
		a, b := f.Customer(nil).ID(), f.Customer(nil).ID()
		f.Drain()
		s.take()
		s.answers(func(g got, w http.ResponseWriter) {
			if strings.Contains(g.body, a) {
				w.WriteHeader(500)
			}
		})
		for i := range 3 {
			for _, c := range []string{a, b} {
				f.Do("PATCH", "/v1/customers/"+c, f.AllToken, map[string]any{"name": fmt.Sprint(i)})
			}
		}
		f.Drain()
		later(f, 5*time.Second)
		var ofA, ofB int
		for _, g := range s.take() {
			if strings.Contains(g.body, a) {
				ofA++
				if !strings.Contains(g.body, `"name":"0"`) || g.header.Get("Webhook-Sequence") != "3" || g.header.Get("Webhook-Previous-Sequence") != "2" {
					t.Errorf("out of order: %s %v", g.body, g.header)
				}
			} else {
				ofB++
			}
		}
		if ofA != 2 || ofB != 3 {
			t.Errorf("%d attempts for the one in trouble, %d for the other", ofA, ofB)
		}
		s.status(200)
		later(f, time.Minute)
		for i, g := range s.take() {
			if !strings.Contains(g.body, fmt.Sprintf(`"name":"%d"`, i)) || g.header.Get("Webhook-Sequence") != fmt.Sprint(3+i) {
				t.Errorf("out of order: %s", g.body)
			}
		}
	})
}

// TestFanOut: cases 22 and 23; what is refused tells nobody, either.
func TestFanOut(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		one, two, three, off := newSink(t), newSink(t), newSink(t), newSink(t)
		endpoint(t, f, one.URL, "customer.created")
		endpoint(t, f, two.URL, "customer.created")
		endpoint(t, f, three.URL, "customer.updated")
		disabled := endpoint(t, f, off.URL, "customer.created")
		f.Do("PATCH", endpoints+"/"+disabled.ID(), f.AllToken, `{"enabled": false}`)
		c := f.Customer(map[string]any{"email": "one@example.com"})
		f.Do("POST", "/v1/customers/", f.AllToken, map[string]any{"email": "one@example.com"}) // refused, rolled back
		f.Drain()
		a, b := one.take(), two.take()
		if len(a) != 1 || len(b) != 1 || a[0].body != b[0].body || a[0].id() == b[0].id() {
			t.Errorf("%d and %d events", len(a), len(b))
		}
		if len(three.take())+len(off.take()) > 0 {
			t.Error("an event went where nobody wants it")
		}
		n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM webhook_events`+floetest.AllOrganizations)
		if err != nil || n != 2 {
			t.Errorf("%d events are stored, %v", n, err)
		}
		_ = c
	})
}

// TestNotWorthSaying: case 68. What a chat is not told leaves no event.
func TestNotWorthSaying(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		e := endpoint(t, f, s.URL, "subscription.updated").ID()
		f.Do("PATCH", endpoints+"/"+e, f.AllToken, map[string]any{"format": "slack"})
		free := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 0}}}).ID()
		subscription := f.Do("POST", "/v1/subscriptions/", f.AllToken, map[string]any{"product_id": free, "customer_id": f.Customer(nil).ID()}).ID()
		for _, c := range []struct {
			change map[string]any
			events int64
		}{
			{map[string]any{"metadata": map[string]any{"a": 1}}, 0},
			{map[string]any{"cancel_at_period_end": true}, 1},
			{map[string]any{"cancel_at_period_end": false}, 1},
		} {
			f.Do("PATCH", "/v1/subscriptions/"+subscription, f.AllToken, c.change)
			n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM webhook_events WHERE organization_id = ?`, f.Org.ID)
			if err != nil || n != c.events {
				t.Errorf("after %v there are %d events, want %d: %v", c.change, n, c.events, err)
			}
		}
		f.Drain()
		if all := s.take(); len(all) != 1 || !strings.HasPrefix(all[0].body, `{"text":"Canceled Subscription",`) {
			t.Errorf("the chat is told %v", all)
		}
	})
}

// TestArrivedMeanwhile: case 54. What has arrived, because somebody had it sent
// once more, is not sent again when the time of its next attempt comes.
func TestArrivedMeanwhile(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		s.status(500)
		endpoint(t, f, s.URL, "customer.created")
		f.Customer(nil)
		f.Drain()
		s.status(200)
		f.Do("POST", "/v1/webhooks/events/"+deliveries(f, "").Text("items.0.webhook_event.id")+"/redeliver", f.AllToken, nil)
		f.Sound("webhooks.")
		f.Drain()
		s.take()
		later(f, time.Hour)
		if r := deliveries(f, ""); len(s.take()) != 0 || total(t, r) != 2 || r.Path("items.0.webhook_event.succeeded") != true {
			t.Errorf("it was sent again: %s", r.Body)
		}
		f.Sound("webhooks.")
	})
}

// TestSkipped: cases 53, 55 and 66.
func TestSkipped(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		s.status(500)
		e := endpoint(t, f, s.URL, "customer.created")
		f.Customer(nil)
		f.Drain()
		event, _ := deliveries(f, "").Path("items.0.webhook_event.id").(string)
		f.Do("PATCH", endpoints+"/"+e.ID(), f.AllToken, `{"enabled": false}`)
		s.take()
		later(f, time.Minute)
		r := deliveries(f, "")
		if len(s.take()) != 0 || total(t, r) != 1 || r.Path("items.0.webhook_event.skipped") != true || r.Path("items.0.webhook_event.succeeded") != nil {
			t.Errorf("not skipped: %s", r.Body)
		}
		f.Do("PATCH", endpoints+"/"+e.ID(), f.AllToken, `{"enabled": true}`)
		s.status(200)
		f.Run(floetest.Scenario{Do: "POST /v1/webhooks/events/" + event + "/redeliver", As: f.AllToken, Status: 202,
			Check: func(t testing.TB, r *floetest.Response) {
				if r.Body != "null" {
					t.Errorf("the body is %s", r.Body)
				}
			}})
		f.Drain()
		r = deliveries(f, "")
		if len(s.take()) != 1 || r.Path("items.0.webhook_event.skipped") != false || r.Path("items.0.webhook_event.succeeded") != true {
			t.Errorf("not sent: %s", r.Body)
		}
		f.Do("PATCH", endpoints+"/"+e.ID(), f.AllToken, `{"enabled": false}`)
		f.Do("POST", "/v1/webhooks/events/"+event+"/redeliver", f.AllToken, nil)
		f.Drain()
		f.Do("PATCH", endpoints+"/"+e.ID(), f.AllToken, `{"enabled": true}`)
		missed := f.Do("POST", "/v1/webhooks/replays", f.AllToken, map[string]any{"endpoint_id": e.ID(), "missed": true})
		f.Drain()
		f.Run(floetest.Scenario{Name: "what has arrived is not missed for having been skipped since", Do: "GET /v1/webhooks/replays/" + missed.ID(), As: f.AllToken,
			Status: 200, Want: `{"status": "finished", "total": 0}`})
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `UPDATE webhook_events SET payload = NULL`+floetest.AllOrganizations)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		f.Run(floetest.Scenario{Do: "POST /v1/webhooks/events/" + event + "/redeliver", As: f.AllToken, Status: 202})
		f.Drain()
		if len(s.take()) != 0 || total(t, deliveries(f, "")) != 2 {
			t.Error("an archived event was sent")
		}
	})
}

// TestLog: cases 61, 62, 64 and 65.
func TestLog(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		e := endpoint(t, f, s.URL, "customer.created", "customer.updated")
		c := f.Customer(nil)
		f.Drain()
		middle := f.Clock.Advance(time.Second)
		f.Clock.Advance(time.Second)
		for _, code := range []int{404, 500} {
			s.status(code)
			f.Do("PATCH", "/v1/customers/"+c.ID(), f.AllToken, "{}")
			f.Drain()
			s.status(200)
			later(f, time.Minute)
		}
		stamp := middle.Format(time.RFC3339Nano)
		first := deliveries(f, "event_type=customer.created")
		event, _ := first.Path("items.0.webhook_event.id").(string)
		for query, want := range map[string]int{
			"": 5, "http_code_class=4xx": 1, "http_code_class=5xx": 1, "http_code_class=2xx": 3, "http_code_class=3xx": 0, "succeeded=false": 2,
			"event_type=customer.created": 1, "event_type=customer.created&event_type=customer.updated": 5, "endpoint_id=" + e.ID(): 5,
			"endpoint_id=00000000-0000-4000-8000-000000000000": 0, "query=" + event: 1,
			"start_timestamp=" + stamp: 4, "end_timestamp=" + stamp: 1,
		} {
			if r := deliveries(f, query); r.Status != 200 || total(t, r) != want {
				t.Errorf("%q: %d %s, want %d", query, r.Status, r.Path("pagination.total_count"), want)
			}
		}
		for query, code := range map[string]string{"http_code_class=4xx": "404", "http_code_class=5xx": "500"} {
			if got := deliveries(f, query).Path("items.0.http_code"); got != json.Number(code) {
				t.Errorf("%s lists %v", query, got)
			}
		}
		if r := f.Do("GET", "/v1/webhooks/deliveries", f.Organization("Other").Token, nil); total(t, r) != 0 {
			t.Errorf("another organization sees %s", r.Body)
		}
		f.Run(floetest.Scenario{Do: "GET /v1/webhooks/deliveries?http_code_class=1xx", As: f.AllToken, Status: 422})
		s.take()
		f.Run(floetest.Scenario{Do: "POST /v1/webhooks/events/" + event + "/redeliver", As: f.AllToken, Status: 202})
		f.Drain()
		if all := s.take(); len(all) != 1 || all[0].id() != event || total(t, deliveries(f, "query="+event)) != 2 {
			t.Errorf("%d redeliveries", len(all))
		}
		s.status(500)
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `UPDATE webhook_events SET attempts = 29`+floetest.AllOrganizations)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		f.Do("POST", "/v1/webhooks/events/"+event+"/redeliver", f.AllToken, nil)
		f.Drain()
		later(f, 24*time.Hour)
		if r := deliveries(f, "query="+event); total(t, r) != 3 || r.Path("items.0.webhook_event.succeeded") != true {
			t.Errorf("a failed redelivery: %s", r.Body)
		}
	})
}

// TestArchive: case 67, at the midnight after 90 days, and erasing a person.
func TestArchive(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		s.answers(func(g got, w http.ResponseWriter) { _, _ = fmt.Fprint(w, g.body) })
		endpoint(t, f, s.URL, "customer.created", "customer.deleted")
		c := f.Customer(map[string]any{"email": "secret@example.com"})
		f.Drain()
		f.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", f.AllToken, nil)
		f.Drain()
		if r := deliveries(f, ""); strings.Contains(r.Body, "secret@example.com") || total(t, r) != 2 {
			t.Errorf("the log still knows: %s", r.Body)
		}
		f.Customer(nil)
		f.Drain()
		if r := deliveries(f, "limit=1"); r.Path("items.0.webhook_event.is_archived") != false {
			t.Error("archived already")
		}
		f.Customer(nil) // of whom nothing was sent before the server was away
		f.Clock.Advance(91 * 24 * time.Hour)
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error { return f.Server.Webhooks.Archive(t.Context(), tx, nil) }); err != nil {
			t.Fatal(err)
		}
		r := deliveries(f, "")
		s.take()
		f.Drain()
		if len(s.take()) != 1 {
			t.Error("what waited was not sent")
		}
		for i := range 3 {
			if at := fmt.Sprintf("items.%d.", i); r.Path(at+"webhook_event.is_archived") != true || r.Path(at+"webhook_event.payload") != nil || r.Path(at+"response") != nil {
				t.Errorf("not archived: %s", r.Body)
			}
		}
		f.Customer(nil)
		f.Drain()
		for _, c := range []struct {
			days     time.Duration
			archived bool
		}{{89, false}, {2, true}} {
			later(f, c.days*24*time.Hour) // the job comes by itself from now on
			if got := deliveries(f, "").Path("items.0.webhook_event.is_archived"); got != c.archived {
				t.Errorf("%d days later it is archived: %v", c.days, got)
			}
		}
	})
}
