package floetest

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"floe/internal/db"
)

// Scenario is one request and what must come of it.
type Scenario struct {
	Name string // makes it a subtest
	// Do is method and path, as in "POST /v1/customers/".
	Do      string
	As      string // a token; "" sends none
	Headers map[string]string
	Body    any // see Floe.Do
	Status  int
	// Want is compared with the body: of objects the keys that are given, or
	// that there are none, lists whole. A string is JSON. Nil compares nothing.
	Want any
	// Events are the types that the request has added to the journal, in order.
	// Nil compares nothing; an empty slice means none.
	Events []string
	// Check looks at what Want cannot say.
	Check func(t testing.TB, r *Response)
}

// Any stands in a Want for whatever value is there; null is none.
const Any = "\x00any"

// Run runs a scenario and returns the answer.
func (f *Floe) Run(s Scenario) (r *Response) {
	f.t.Helper()
	t, nests := f.t.(*testing.T)
	if s.Name == "" || !nests {
		return f.run(s)
	}
	t.Run(s.Name, func(t *testing.T) {
		t.Helper()
		r = f.with(t).run(s)
	})
	return r
}

// RunAll runs scenarios one after the other.
func (f *Floe) RunAll(list ...Scenario) {
	f.t.Helper()
	for _, s := range list {
		f.Run(s)
	}
}

func (f *Floe) run(s Scenario) *Response {
	f.t.Helper()
	method, path, ok := strings.Cut(s.Do, " ")
	if !ok {
		f.t.Fatalf("a scenario does %q; it should be method and path", s.Do)
	}
	request := f.Request(method, path, s.As, s.Body)
	for name, value := range s.Headers {
		request.Header.Set(name, value)
	}
	before := f.LastSeq()
	r := f.Send(request)
	if s.Status != 0 && r.Status != s.Status {
		f.t.Errorf("%s: status %d, want %d\nbody: %s", s.Do, r.Status, s.Status, r.Body)
		return r
	}
	if s.Want != nil {
		if diff := r.Differs(s.Want); diff != "" {
			f.t.Errorf("%s: %s\nbody: %s", s.Do, diff, r.Body)
		}
	}
	if s.Events != nil {
		if got := f.EventsSince(before); !slices.Equal(got, s.Events) {
			f.t.Errorf("%s: events %q, want %q", s.Do, got, s.Events)
		}
	}
	if s.Check != nil {
		s.Check(f.t, r)
	}
	return r
}

// LastSeq is the number of the newest entry of the journal.
func (f *Floe) LastSeq() int64 {
	f.t.Helper()
	n, err := db.One[int64](f.t.Context(), f.DB, `SELECT COALESCE(MAX(seq), 0) FROM journal`+AllOrganizations)
	if err != nil {
		f.t.Fatal(err)
	}
	return n
}

// EventsSince are the types in the journal after a number, in order.
func (f *Floe) EventsSince(seq int64) []string {
	f.t.Helper()
	types, err := db.All[string](f.t.Context(), f.DB, `SELECT type FROM journal WHERE seq > ? ORDER BY seq`+AllOrganizations, seq)
	if err != nil {
		f.t.Fatal(err)
	}
	return types
}

// Differs says where the body is not as wanted, in the way of Scenario.Want;
// "" when it is.
func (r *Response) Differs(want any) string {
	r.t.Helper()
	text, isText := want.(string)
	if !isText {
		b, err := json.Marshal(want)
		if err != nil {
			r.t.Fatal(err)
		}
		text = string(b)
	}
	w, err := decode([]byte(text))
	if err != nil {
		r.t.Fatalf("a scenario wants what is not JSON: %v\n%s", err, text)
	}
	got, err := decode([]byte(r.Body))
	if err != nil {
		return "the body is not JSON: " + err.Error()
	}
	return differs("body", w, got)
}

func differs(at string, want, got any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return fmt.Sprintf("%s is %s, want an object", at, show(got))
		}
		return differsObject(at, w, g)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is %s, want a list of %d: %s", at, show(got), len(w), show(want))
		}
		for i := range w {
			if d := differs(at+"."+strconv.Itoa(i), w[i], g[i]); d != "" {
				return d
			}
		}
		return ""
	case string:
		if w == Any {
			if got == nil {
				return fmt.Sprintf("%s is null, want a value", at)
			}
			return ""
		}
	}
	if want != got {
		return fmt.Sprintf("%s is %s, want %s", at, show(got), show(want))
	}
	return ""
}

func differsObject(at string, want, got map[string]any) string {
	if len(want) == 0 && len(got) > 0 {
		return fmt.Sprintf("%s is %s, want an empty object", at, show(got))
	}
	keys := make([]string, 0, len(want))
	for k := range want {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	for _, k := range keys {
		v, ok := got[k]
		if !ok {
			return fmt.Sprintf("%s has no %s", at, k)
		}
		if d := differs(at+"."+k, want[k], v); d != "" {
			return d
		}
	}
	return ""
}

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}
