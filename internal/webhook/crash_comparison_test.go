package webhook_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/id"
	"floe/internal/schema"
)

// told is what of the journal has to arrive.
type told struct {
	CustomerID  string
	CustomerSeq int64
	Type        string
}

// journal is what has to arrive, in its order.
func (c *crash) journal() []told {
	c.t.Helper()
	want := query[told](c.victim, `SELECT customer_id, customer_seq, type FROM journal
		WHERE type IN ('customer.created', 'customer.updated', 'customer.state_changed') ORDER BY seq`)
	if int64(len(want)) < c.written.Load() {
		c.t.Errorf("%d events were acknowledged, and %d are there", c.written.Load(), len(want))
	}
	return want
}

// await waits until all has arrived, or nothing has for a while: then it says
// what waits, and what the server had to say.
func (c *crash) await(all int) {
	c.t.Helper()
	last, since := 0, time.Now()
	for n := 0; n < all; time.Sleep(50 * time.Millisecond) {
		if n = c.sink.distinct(); n > last {
			last, since = n, time.Now()
		}
		if time.Since(since) > time.Minute {
			c.t.Errorf("nothing has arrived for a minute: %d of %d", n, all)
			c.explain()
			return
		}
	}
}

// explain shows the lanes that have not come to an end.
func (c *crash) explain() {
	type waiting struct {
		URL          string
		Lane         id.ID
		Pending      int64
		DueAt        time.Time
		Lease        *string
		Failures     int64
		BlockedUntil *time.Time
		Queued       int64
		Attempt      *int64
	}
	c.t.Logf("now: %v", time.Now().UTC())
	for _, w := range query[waiting](c.victim, `SELECT e.url, l.lane, l.pending, l.due_at, l.lease, t.failures, t.blocked_until,
			(SELECT COUNT(*) FROM webhook_queue q WHERE q.target_id = l.target_id AND q.lane = l.lane) AS queued,
			(SELECT MAX(attempt) FROM webhook_queue q WHERE q.target_id = l.target_id AND q.lane = l.lane) AS attempt
		FROM webhook_lanes l JOIN webhook_targets t ON t.id = l.target_id
			JOIN webhook_endpoints e ON e.organization_id = t.organization_id AND e.id = t.endpoint_id
		WHERE e.url LIKE '%/hook' AND (l.pending <> 0 OR EXISTS (
			SELECT 1 FROM webhook_queue q WHERE q.target_id = l.target_id AND q.lane = l.lane)) LIMIT 10`) {
		c.t.Log(string(schema.JSON(&w)))
	}
	c.t.Logf("the server said:\n%s", c.log.String())
}

func (r *rogue) compare(t testing.TB, want []told) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t.Logf("%d events of %d customers; refused: %d with 500, %d with 429, %d cut off, %d with 302, %d slowly, %d not answered; %d arrived more than once",
		len(want), len(r.order), r.failed[0], r.failed[1], r.failed[2], r.failed[3], r.failed[4], r.failed[5], r.repeats)
	if r.broken > 0 {
		t.Errorf("%d events do not follow the one that they say they follow", r.broken)
	}
	missing := map[told]bool{}
	for _, w := range want {
		missing[w] = true
	}
	for _, a := range r.arrived {
		if !missing[a] {
			t.Errorf("invented, or twice under two ids: %+v", a)
		}
		delete(missing, a)
	}
	if len(missing) > 0 {
		t.Errorf("%d events never arrived", len(missing))
	}
	for customer, list := range r.order {
		for i := 1; i < len(list); i++ {
			if list[i] <= list[i-1] {
				t.Errorf("customer %s: %v out of order", customer, list)
				break
			}
		}
	}
}
func (r *feedReader) compare(t testing.TB, want []told) {
	t.Helper()
	if diff := firstDifference(r.seen, want); diff >= 0 {
		t.Errorf("the feed has %d changes, want %d; the first difference is at %d", len(r.seen), len(want), diff)
	}
}

// firstDifference is where two lists differ, -1 when they do not.
func firstDifference(a, b []told) int {
	for i := range max(len(a), len(b)) {
		if i >= len(a) || i >= len(b) || a[i] != b[i] {
			return i
		}
	}
	return -1
}

// recorded holds what the server has on record about the deliveries against
// what has happened.
func (c *crash) recorded(want int) {
	t := c.t
	count := func(text string, args ...any) int64 { return query[int64](c.victim, text, args...)[0] }
	const ofEndpoint = ` FROM webhook_events e JOIN webhook_endpoints w ON w.organization_id = e.organization_id AND w.id = e.endpoint_id WHERE w.url LIKE ?`
	for deadline := time.Now().Add(30 * time.Second); count(`SELECT COUNT(*)`+ofEndpoint+` AND e.succeeded IS NULL`, "%/hook") > 0; {
		if time.Now().After(deadline) {
			t.Error("what has arrived is not all on record")
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if n := count(`SELECT COUNT(*)`+ofEndpoint+` AND e.succeeded`, "%/hook"); n != int64(want) {
		t.Errorf("%d events are on record as arrived, want %d", n, want)
	}
	if n := count(`SELECT COUNT(*)`+ofEndpoint+` AND e.succeeded AND NOT EXISTS (SELECT 1 FROM webhook_deliveries d
		WHERE d.organization_id = e.organization_id AND d.event_id = e.id AND d.succeeded)`, "%/hook"); n != 0 {
		t.Errorf("%d events have no attempt that succeeded", n)
	}
	if n := count(`SELECT COUNT(*) FROM webhook_queue q JOIN webhook_endpoints w ON w.organization_id = q.organization_id AND w.id = q.target_id
		WHERE w.url LIKE ?`, "%/hook"); n != 0 {
		t.Errorf("%d events are left in the queue", n)
	}
	created := count(`SELECT COUNT(*) FROM journal WHERE type = 'customer.created'`)
	if n := count(`SELECT COUNT(*)`+ofEndpoint, "%/gone"); n != created {
		t.Errorf("the endpoint that is gone has %d events, want %d", n, created)
	}
	if n := count(`SELECT COUNT(*)`+ofEndpoint+` AND e.skipped AND NOT w.enabled AND w.disabled_reason = 'gone'`, "%/gone"); n == 0 {
		t.Error("what the endpoint missed that is gone was not kept")
	}
	if n := count(`SELECT COUNT(*)`+ofEndpoint+` AND e.succeeded IS NULL AND e.payload IS NOT NULL`, "%/never"); n != created {
		t.Errorf("the endpoint that never answers has %d events waiting, want %d", n, created)
	}
}

// failures is a test that is expected to fail, and says with what.
type failures struct {
	testing.TB
	list []string
}

func (f *failures) Errorf(format string, args ...any) {
	f.list = append(f.list, fmt.Sprintf(format, args...))
}
func (f *failures) Logf(string, ...any) {}
func (f *failures) Helper()             {}

// TestCrashNotices: each comparison fails for what it is there for, and for
// nothing else.
func TestCrashNotices(t *testing.T) {
	t.Parallel()
	want := []told{{"a", 1, "customer.created"}, {"b", 1, "customer.created"}, {"a", 2, "customer.updated"}}
	for _, c := range []struct {
		name   string
		change func(r *rogue, feed *feedReader)
		says   string
	}{
		{"nothing", func(*rogue, *feedReader) {}, ""},
		{"lost", func(r *rogue, _ *feedReader) { delete(r.arrived, "2") }, "1 events never arrived"},
		{"invented", func(r *rogue, _ *feedReader) { r.arrived["3"] = told{"b", 2, "customer.updated"} }, "invented, or twice under two ids: {CustomerID:b CustomerSeq:2"},
		{"twice", func(r *rogue, _ *feedReader) { r.arrived["3"] = want[0] }, "invented, or twice under two ids: {CustomerID:a CustomerSeq:1"},
		{"out of order", func(r *rogue, _ *feedReader) { r.order["a"] = []int64{2, 1} }, "customer a: [2 1] out of order"},
		{"broken", func(r *rogue, _ *feedReader) { r.broken = 1 }, "1 events do not follow the one that they say they follow"},
		{"feed skips", func(_ *rogue, f *feedReader) { f.seen = append(f.seen[:1:1], f.seen[2]) }, "the feed has 2 changes, want 3; the first difference is at 1"},
		{"feed repeats", func(_ *rogue, f *feedReader) { f.seen = append(f.seen, f.seen[2]) }, "the feed has 4 changes, want 3; the first difference is at 3"},
		{"feed out of order", func(_ *rogue, f *feedReader) { f.seen[0], f.seen[1] = f.seen[1], f.seen[0] }, "the feed has 3 changes, want 3; the first difference is at 0"},
	} {
		r, feed := &rogue{arrived: map[string]told{}, order: map[string][]int64{}}, &feedReader{seen: slices.Clone(want)}
		for i, w := range want {
			r.arrived[fmt.Sprint(i)] = w
			r.order[w.CustomerID] = append(r.order[w.CustomerID], w.CustomerSeq)
		}
		c.change(r, feed)
		f := &failures{TB: t}
		r.compare(f, want)
		feed.compare(f, want)
		if got := strings.Join(f.list, "\n"); (got == "") != (c.says == "") || !strings.Contains(got, c.says) || len(f.list) > 1 {
			t.Errorf("%s: %q, want %q", c.name, f.list, c.says)
		}
	}
}

// TestReceiverNotices: what does not follow the event that it says it follows is
// counted, and what comes again is not taken for another.
func TestReceiverNotices(t *testing.T) {
	t.Parallel()
	r := &rogue{t: t, seen: map[string]bool{"1": true, "2": true, "3": true}, arrived: map[string]told{}, order: map[string][]int64{}}
	post := func(event string, seq, previous int) {
		q := httptest.NewRequest("POST", "/hook", strings.NewReader(`{"type":"customer.updated","data":{"id":"a"}}`))
		q.Header.Set("Webhook-Id", event)
		q.Header.Set("Webhook-Sequence", fmt.Sprint(seq))
		q.Header.Set("Webhook-Previous-Sequence", fmt.Sprint(previous))
		r.ServeHTTP(httptest.NewRecorder(), q)
	}
	post("1", 1, 0)
	post("1", 1, 0)
	if post("2", 2, 1); r.broken != 0 || r.repeats != 1 || r.distinct() != 2 {
		t.Errorf("%d broken, %d repeated, %d arrived", r.broken, r.repeats, r.distinct())
	}
	if post("3", 4, 3); r.broken != 1 {
		t.Errorf("%d broken, want 1", r.broken)
	}
}
