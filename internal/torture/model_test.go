//go:build unix

package torture

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// rows makes a table of what lies in the database.
func rows(list ...row) *table {
	t := &table{byID: map[string]*row{}, byKey: map[string]*row{}}
	for _, r := range list {
		kind, _, _ := strings.Cut(r.ID, "-")
		t.put(kind, r)
	}
	return t
}

func at(id, state string) row { return row{ID: id, Key: &id, State: state} }

// TestSettle: what was promised and is not there is noticed, and so is what
// happened by half.
func TestSettle(t *testing.T) {
	t.Parallel()
	someone := func(doubt bool) *person {
		p := &person{thing: thing{kind: "customer", key: "customer-1", id: "customer-1", state: "version 2"}, version: 2}
		s := p.add("subscription", "subscription-1")
		s.id, s.state = "subscription-1", "active"
		if doubt {
			p.doubt, p.asked = []change{{&p.thing, gone}, {s, "canceled"}}, "DELETE"
		}
		return p
	}
	for _, c := range []struct {
		name     string
		doubt    bool
		table    *table
		problem  string
		happened bool
	}{
		{"all is there", false, rows(at("customer-1", "version 2"), at("subscription-1", "active")), "", false},
		{"a customer is lost", false, rows(at("subscription-1", "active")), "customer customer-1 (customer-1) is lost", false},
		{"a subscription is lost", false, rows(at("customer-1", "version 2")), "subscription-1) is lost", false},
		{"an update is lost", false, rows(at("customer-1", "version 1"), at("subscription-1", "active")), "is version 1, and should be version 2", false},
		{"a deletion that nobody asked for", false, rows(at("customer-1", gone), at("subscription-1", "active")), "is gone, and should be", false},
		{"a doubt that happened", true, rows(at("customer-1", gone), at("subscription-1", "canceled")), "", true},
		{"a doubt that did not", true, rows(at("customer-1", "version 2"), at("subscription-1", "active")), "", false},
		{"half a doubt", true, rows(at("customer-1", gone), at("subscription-1", "active")), "DELETE happened by half", false},
		{"the other half", true, rows(at("customer-1", "version 2"), at("subscription-1", "canceled")), "DELETE happened by half", false},
	} {
		var problems []string
		p := someone(c.doubt)
		happened := p.settle(c.table, func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) })
		all := strings.Join(problems, "\n")
		if happened != c.happened || (c.problem == "") != (all == "") || !strings.Contains(all, c.problem) {
			t.Errorf("%s: happened %v, problems %q", c.name, happened, all)
		}
		if p.doubt != nil || happened && p.state != gone {
			t.Errorf("%s: the doubt stays, or what happened is not taken for the truth: %+v", c.name, p)
		}
	}
}

// TestSink: an event that is missing, invented, or out of order is noticed; one
// that comes twice is not a fault.
func TestSink(t *testing.T) {
	t.Parallel()
	journal := []told{{"c", 1, "customer.created"}, {"c", 3, "customer.updated"}}
	send := func(s *sink, event, typ string, seq, previous int) {
		h := http.Header{}
		h.Set("Webhook-Sequence", strconv.Itoa(seq))
		h.Set("Webhook-Previous-Sequence", strconv.Itoa(previous))
		s.take(event, typ, h, []byte(`{"id":"c"}`))
	}
	for _, c := range []struct {
		name, problem string
		all           bool
		send          func(s *sink)
	}{
		{"all", "", true, func(s *sink) {
			send(s, "a", "customer.created", 1, 0)
			send(s, "a", "customer.created", 1, 0)
			send(s, "b", "customer.updated", 3, 1)
		}},
		{"not yet all", "", false, func(s *sink) { send(s, "a", "customer.created", 1, 0) }},
		{"missing", "no webhook has told of customer.updated 3", true, func(s *sink) { send(s, "a", "customer.created", 1, 0) }},
		{"invented", "tells what did not happen", false, func(s *sink) { send(s, "a", "customer.deleted", 1, 0) }},
		{"under two ids", "tells what did not happen", false, func(s *sink) {
			send(s, "a", "customer.created", 1, 0)
			send(s, "b", "customer.created", 1, 1)
		}},
		{"out of order", "arrived after 0", false, func(s *sink) { send(s, "b", "customer.updated", 3, 1) }},
	} {
		s := &sink{tried: map[string]bool{}, arrived: map[string]told{}, last: map[string]int64{}, states: map[string]holding{}}
		c.send(s)
		var problems []string
		s.compare(journal, c.all, func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) })
		all := strings.Join(problems, "\n")
		if (c.problem == "") != (all == "") || !strings.Contains(all, c.problem) {
			t.Errorf("%s: %q", c.name, all)
		}
	}
}

// TestReader: a change that the feed has left out, invented, or shown in
// another order is noticed.
func TestReader(t *testing.T) {
	t.Parallel()
	journal := []told{{"c", 1, "customer.created"}, {"d", 1, "customer.created"}, {"c", 2, "customer.updated"}}
	for name, c := range map[string]struct {
		changes []told
		wrong   bool
	}{
		"a part":       {journal[:2], false},
		"all":          {journal, false},
		"left out":     {[]told{journal[0], journal[2]}, true},
		"invented":     {append(journal[:3:3], told{"c", 3, "customer.deleted"}), true},
		"out of order": {[]told{journal[1], journal[0]}, true},
	} {
		n := 0
		(&reader{changes: c.changes}).compare(journal, func(string, ...any) { n++ })
		if n > 0 != c.wrong {
			t.Errorf("%s: %d problems", name, n)
		}
	}
}
