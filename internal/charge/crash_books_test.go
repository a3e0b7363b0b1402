package charge_test

import (
	"encoding/json"
	"strings"
	"time"

	"floe/internal/db"
	"floe/internal/doctor"
	"floe/internal/id"
)

// looks reads what a server that is gone has logged: nothing went wrong but the
// connections of its processor, and its database if that is killed, too.
func (s *siege) looks(n *node) {
	for line := range strings.Lines(n.log.String()) {
		if strings.Contains(line, "the connection broke") || !strings.HasPrefix(line, "{") && !strings.Contains(line, "panic") {
			continue
		}
		if s.base != nil && strings.Contains(line, db.ErrUnavailable.Error()) {
			continue
		}
		s.t.Errorf("the server's log: %s", line)
	}
}

// sound holds the database against all that the doctor knows.
func (s *siege) sound(d *db.DB) {
	s.t.Helper()
	for i := range doctor.Invariants {
		x := &doctor.Invariants[i]
		if x.Engine != "" && x.Engine != d.Engine() {
			continue
		}
		found, err := x.Broken(s.t.Context(), d, 3)
		if err != nil {
			s.t.Errorf("%s: %v", x.Name, err)
		}
		for _, f := range found {
			s.t.Errorf("%s: %s %s", x.Name, f.ID, f.Detail)
		}
	}
}

// once looks whether somebody was charged twice for one order, and whether what
// was told is so.
func (s *siege) once(d *db.DB) {
	moved := map[id.ID]string{}
	for reference, p := range s.books {
		if other := moved[p.order]; other != "" {
			s.t.Errorf("order %s was charged for twice: %s and %s", p.order, other, reference)
		}
		moved[p.order] = reference
	}
	for o := range s.paid {
		status, err := db.One[string](s.t.Context(), d, `SELECT status FROM orders WHERE organization_id = ? AND id = ?`, s.org, o)
		if err != nil || status != "paid" && status != "partially_refunded" && status != "refunded" {
			s.t.Errorf("order %s was paid, and is %q: %v", o, status, err)
		}
	}
	events, err := db.All[struct{ ID, Detail string }](s.t.Context(), d, `SELECT CAST(id AS text) AS id, type || ' of ' || created_at || ', skipped ' || skipped ||
		', attempts ' || attempts || ', answered ' || COALESCE(last_http_code, 0) AS detail FROM webhook_events WHERE organization_id = ?`, s.org)
	if err != nil {
		s.t.Error(err)
	}
	for _, e := range events {
		if !s.hooks.arrived[e.ID] {
			s.t.Errorf("webhook %s has not arrived: %s", e.ID, e.Detail)
		}
	}
}

// term is a subscription as its journal tells of it.
type term struct {
	Status             string
	CurrentPeriodStart time.Time `json:"current_period_start"`
	CurrentPeriodEnd   time.Time `json:"current_period_end"`
}

// periods looks whether each period of each subscription was ordered once, and
// begins where the one before ended.
func (s *siege) periods(d *db.DB) (n int) {
	ctx := s.t.Context()
	entries, err := db.All[struct {
		Type    string
		Subject id.ID
		After   []byte
	}](ctx, d, `SELECT type, subject_id AS subject, after FROM journal WHERE organization_id = ? AND type LIKE 'subscription.%' ORDER BY seq`, s.org)
	if err != nil {
		s.t.Fatal(err)
	}
	last, begun := map[id.ID]term{}, map[id.ID]int64{}
	for _, e := range entries {
		var now term
		if err := json.Unmarshal(e.After, &now); err != nil || now.CurrentPeriodStart.IsZero() {
			s.t.Fatalf("%s: %s: %v", e.Type, e.After, err)
		}
		was, ok := last[e.Subject]
		last[e.Subject] = now
		switch {
		case !ok:
		case e.Type == "subscription.cycled":
			begun[e.Subject]++
			if now.CurrentPeriodStart.After(was.CurrentPeriodEnd) || was.Status != "trialing" && now.CurrentPeriodStart.Before(was.CurrentPeriodEnd) {
				s.t.Errorf("subscription %s was renewed to %v after %v", e.Subject, now, was)
			}
		case e.Type == "subscription.resumed":
			begun[e.Subject]++
		case now.CurrentPeriodStart.After(was.CurrentPeriodEnd) && was.Status != "paused": // a pause leaves a gap
			s.t.Errorf("subscription %s has a gap between %v and %v", e.Subject, was, now)
		}
	}
	ordered, err := db.All[struct {
		Subscription id.ID
		N            int64
	}](ctx, d, `SELECT subscription_id AS subscription, COUNT(*) AS n FROM orders
		WHERE organization_id = ? AND reason IN ('subscription_cycle', 'subscription_cycle_after_trial') GROUP BY subscription_id`, s.org)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, o := range ordered {
		begun[o.Subscription] -= o.N
		n += int(o.N)
	}
	for x, off := range begun {
		if off != 0 {
			s.t.Errorf("subscription %s has %d periods more than orders for them", x, off)
		}
	}
	late, err := db.All[id.ID](ctx, d, `SELECT id FROM subscriptions WHERE organization_id = ? AND due_at <= ?`, s.org, time.Now().Add(s.ahead-time.Minute).UTC())
	if err != nil || len(late) > 0 {
		s.t.Errorf("not renewed: %v, %v", late, err)
	}
	return n
}
