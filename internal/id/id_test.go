package id_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"floe/internal/id"
)

var form = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func millis(t *testing.T, i id.ID) int64 {
	t.Helper()
	ms, err := strconv.ParseInt(strings.ReplaceAll(string(i), "-", "")[:12], 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return ms
}

func TestNew(t *testing.T) {
	t.Parallel()
	before := time.Now().UnixMilli()
	last := id.ID("")
	for range 100000 {
		i := id.New()
		if !form.MatchString(string(i)) {
			t.Fatalf("%s has the wrong form", i)
		}
		if i <= last {
			t.Fatalf("%s came after %s", i, last)
		}
		last = i
	}
	if first := millis(t, last); first < before || first > time.Now().UnixMilli()+1 {
		t.Errorf("%s says %d", last, first)
	}
	if u, err := uuid.Parse(string(last)); err != nil || u.Version() != 4 || u.Variant() != uuid.RFC4122 {
		t.Errorf("%s: %v, %v", last, u, err)
	}
}

func TestNewFromManyGoroutines(t *testing.T) {
	t.Parallel()
	const callers, each = 8, 2000
	lists := make([][]id.ID, callers)
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for range each {
				lists[c] = append(lists[c], id.New())
			}
		})
	}
	wg.Wait()
	var all []id.ID
	for _, l := range lists {
		if !slices.IsSorted(l) {
			t.Error("ids of one goroutine are not in order")
		}
		all = append(all, l...)
	}
	slices.Sort(all)
	if n := len(slices.Compact(all)); n != callers*each {
		t.Errorf("%d ids, want %d", n, callers*each)
	}
}

func TestNewAt(t *testing.T) {
	t.Parallel()
	at := time.Date(2001, 2, 3, 4, 5, 6, 7e6, time.UTC)
	a, b := id.NewAt(at), id.NewAt(at)
	if millis(t, a) != at.UnixMilli() || a >= b {
		t.Errorf("%s, %s", a, b)
	}
	if c := id.NewAt(at.Add(-time.Hour)); c >= a {
		t.Errorf("%s was made an hour before %s", c, a)
	}
	if now := id.New(); millis(t, now) < time.Now().Add(-time.Minute).UnixMilli() {
		t.Errorf("%s lies in the past", now)
	}
}

// TestNewAtByTurns: ids of a time that stands still increase, whatever ids are
// made for between them.
func TestNewAtByTurns(t *testing.T) {
	t.Parallel()
	clocks := []time.Time{time.Unix(0, 0), time.Unix(1, 0), time.Date(2031, 1, 31, 0, 0, 0, 0, time.UTC)}
	last := make([]id.ID, len(clocks))
	for i := range 2000 {
		for c, at := range clocks {
			next := id.NewAt(at)
			if next <= last[c] || millis(t, next) != at.UnixMilli() {
				t.Fatalf("%s came after %s at %s", next, last[c], at)
			}
			last[c] = next
		}
		for n := range i % 60 {
			id.NewAt(time.Unix(int64(i), int64(n)*1e6))
		}
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	one, two, other := id.NewSource(7), id.NewSource(7), id.NewSource(8)
	for i := range 1000 {
		at = at.Add(time.Duration(i%3) * time.Millisecond)
		a, b, c := one.New(at), two.New(at), other.New(at)
		if a != b || a == c || !form.MatchString(string(a)) {
			t.Fatalf("%s, %s, %s", a, b, c)
		}
	}
	// Pinned: demonstration data must not change under its readers.
	if got, want := id.NewSource(1).New(at), id.ID("01941f29-7fe7-4e51-91dc-bcf9e9960e0c"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	const want = id.ID("1b7dc2f5-4a6b-4c52-9d0a-0f1f6e0b8a11")
	for _, s := range []string{
		string(want), strings.ToUpper(string(want)), strings.ReplaceAll(string(want), "-", ""),
		"{" + string(want) + "}", "urn:uuid:" + string(want),
	} {
		if got, p := id.Parse(s); got != want || !p.OK() {
			t.Errorf("%s: got %s, %+v", s, got, p)
		}
	}
}

func TestParseProblems(t *testing.T) {
	t.Parallel()
	const good = "1b7dc2f5-4a6b-4c52-9d0a-0f1f6e0b8a11"
	cases := map[string]string{
		"":                                      "invalid length: expected length 32 for simple format, found 0",
		"abc":                                   "invalid length: expected length 32 for simple format, found 3",
		"not-an-id":                             "invalid character: found `n` at 1",
		"12g4":                                  "invalid character: found `g` at 3",
		"1é":                                    "invalid character: found `é` at 2",
		"{12g4}":                                "invalid character: found `g` at 4",
		"urn:uuid:x":                            "invalid character: found `x` at 10",
		"{" + good:                              "invalid character: found `{` at 1",
		"{1b7dc2f54a6b4c529d0a0f1f6e0b8a11}":    "invalid group count: expected 5, found 1",
		"1b7d-c2f5":                             "invalid group count: expected 5, found 2",
		good + "-":                              "invalid group count: expected 5, found 6",
		"1b7dc2f-54a6b-4c52-9d0a-0f1f6e0b8a11":  "invalid group length in group 0: expected 8, found 7",
		"1b7dc2f5-4a6-b4c52-9d0a-0f1f6e0b8a11":  "invalid group length in group 1: expected 4, found 3",
		"1b7dc2f5-4a6b-4c52-9d0a-0f1f6e0b8a1":   "invalid group length in group 4: expected 12, found 11",
		"1b7dc2f5-4a6b-4c52-9d0a-0f1f6e0b8a111": "invalid group length in group 4: expected 12, found 13",
		"----":                                  "invalid group length in group 0: expected 8, found 0",
	}
	for s, detail := range cases {
		got, p := id.Parse(s)
		if got != "" || p.Type != "uuid_parsing" || p.Detail != detail || p.Msg != "Input should be a valid UUID, "+detail {
			t.Errorf("%q: got %+v, want %s", s, p, detail)
		}
	}
}

func TestParseVersions(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"00000000-0000-0000-0000-000000000000", "0190a5c0-7b1e-7c52-9d0a-0f1f6e0b8a11",
		"1b7dc2f5-4a6b-1c52-9d0a-0f1f6e0b8a11", "1b7dc2f5-4a6b-4c52-cd0a-0f1f6e0b8a11",
	} {
		if _, p := id.Parse(s); p != (id.Problem{Type: "uuid_version", Msg: "UUID version 4 expected"}) {
			t.Errorf("%s: got %+v", s, p)
		}
		if got, p := id.ParseAny(s); string(got) != s || !p.OK() {
			t.Errorf("%s: got %s, %+v", s, got, p)
		}
	}
	if _, p := id.ParseAny("x"); p.Type != "uuid_parsing" {
		t.Errorf("got %+v", p)
	}
}

// FuzzParse holds Parse against another reader of UUIDs.
func FuzzParse(f *testing.F) {
	f.Add("1b7dc2f5-4a6b-4c52-9d0a-0f1f6e0b8a11")
	f.Add("{1b7dc2f5-4a6b-4c52-9d0a-0f1f6e0b8a11}")
	f.Add("----")
	f.Fuzz(func(t *testing.T, s string) {
		got, p := id.ParseAny(s)
		if p.OK() == (got == "") {
			t.Fatalf("%q: %q and %+v", s, got, p)
		}
		if want, err := uuid.Parse(s); p.OK() && (err != nil || want.String() != string(got)) {
			t.Fatalf("%q: got %s, want %s (%v)", s, got, want, err)
		}
	})
}
