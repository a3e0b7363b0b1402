package customer

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"floe/internal/listing"
)

// How a search is gone about: by the index where few are found, one after the
// other where many are or where there are few to look at; and in between by the
// index after some tries with those who come first.
func TestWay(t *testing.T) {
	t.Parallel()
	var texts []string
	for i := range sampleSize {
		texts = append(texts, fmt.Sprintf("user%d@example.com\x1fname %c%c%c", i, 'a'+i%8, 'a'+i/8%8, 'a'+i/64%8))
	}
	s := newSample(1_000_000, texts)
	const million = 1_000_000
	page := func(n int) listInput {
		query := "any"
		return listInput{Page: listing.Page{Number: n, Limit: 10}, Query: &query}
	}
	sorted := func(key SortKey) listInput { in := page(1); in.Sorting = []SortKey{key}; return in }
	for _, c := range []struct {
		name, query string
		in          listInput
		orgs        int
		live, rows  float64
		page, count string
		glance      bool
		tries       int
	}{
		{"nobody in the sample", "unheard of", page(1), 1, million, million, byNumber, byNumber, false, 0},
		{"nobody, of few", "unheard of", page(1), 1, 150, million, inOrder, inOrder, false, 0},
		{"everybody", "example", page(1), 1, million, million, inOrder, inOrder, false, 0},
		{"everybody, of a few among many", "example", page(1), 1, 1500, million, inOrder, inOrder, false, 0},
		{"every eighth", "name a", page(1), 1, million, million, byNumber, inOrder, true, 5},
		{"everybody by name", "example", sorted("name"), 1, million, million, byName, inOrder, false, 0},
		{"everybody by e-mail", "example", sorted("-email"), 1, million, million, byEmail, inOrder, false, 0},
		{"one of 64", "name ab", page(1), 1, million, million, byNumber, byNumber, true, 2},
		{"one of 64, far on", "name ab", page(1000), 1, million, million, byNumber, byNumber, true, 0},
		{"one of 512", "name abc", page(1), 1, million, million, byNumber, byNumber, true, 1},
		{"one of 512 by name", "name abc", sorted("-name"), 1, million, million, byNumber, byNumber, true, 0},
		{"one of 512, of two organizations", "name abc", page(1), 2, million, million, byNumber, byNumber, true, 0},
		{"one of 2048", "user2000", page(1), 1, million, million, byNumber, byNumber, false, 0},
	} {
		w := choose(c.in, crowd{orgs: c.orgs, rows: c.rows, live: c.live, have: c.live, ids: math.Inf(1)}, s.look(c.query, anyGram))
		if w.page.from != c.page || w.count.from != c.count || len(w.first) != c.tries || (len(w.glance) > 0) != c.glance ||
			(len(w.page.ask) > 0) != (c.page == byNumber) || (len(w.count.ask) > 0) != (c.count == byNumber) {
			t.Errorf("%s: %+v", c.name, w)
		}
	}
	for query, want := range map[string]int{"abc": 1, "example": 3, "name a": 3, "unheard of": 3} {
		if got := s.look(query, anyGram).ask; len(got) != want {
			t.Errorf("%s asks for %s", query, match(got))
		}
	}
	var long strings.Builder
	for i := range 60_000 {
		long.WriteRune(rune('a' + i*i%8191%1000))
	}
	o, begins := s.look(long.String(), anyGram), grams(firstLetters(long.String(), mostLetters))
	for _, g := range o.ask {
		if len(o.ask) > atMost || !slices.Contains(begins, g) {
			t.Errorf("a long text asks for %s", match(o.ask))
		}
	}
	if firstLetters("žof", 2) != "žo" || firstLetters("žof", 3) != "žof" || firstLetters("", 3) != "" {
		t.Error("the first letters of a text are others")
	}
	if o := newSample(0, nil).look("abc", anyGram); o.found <= 0 || match(o.ask) != `"abc"` {
		t.Errorf("without anybody: %+v", o)
	}
	if got := match(s.look("name abc@žof.x12", ofWords).ask); got != `"x12" AND "nam" AND "abc"` && got != `"x12" AND "abc" AND "nam"` {
		t.Errorf("of words: %s", got)
	}
}

// How customers with some metadata or a subscription are found: by going to each
// where few have it, and otherwise past one after the other.
func TestWayOfNarrowed(t *testing.T) {
	t.Parallel()
	s := newSample(1_000_000, []string{"somebody@example.com"})
	metadata := listing.MetadataFilter{{Key: "plan", Values: []string{"a"}}}
	for _, c := range []struct {
		name        string
		sorting     SortKey
		query       string
		page        int
		have, ids   float64
		from, count string
		first       []int
	}{
		{"nobody", "-created_at", "", 1, 0, 0, anyhow, "", nil},
		{"few", "-created_at", "", 1, 100, 100, anyhow, "", nil},
		{"few by name", "name", "", 1, 100, 100, anyhow, "", nil},
		{"many, who may lie anywhere", "-created_at", "", 1, 60_000, 60_000, anyhow, "", []int{666, 2666, 10666, 42666}},
		{"many by name", "-name", "", 1, 60_000, 60_000, byName, "", nil},
		{"many by e-mail", "email", "", 1, 60_000, 60_000, byEmail, "", nil},
		{"many, far on", "-created_at", "", 9000, 60_000, 60_000, anyhow, "", nil},
		{"nearly all", "-created_at", "", 1, 900_000, 900_000, inOrder, "", nil},
		{"all but some", "-created_at", "", 1, 900_000, math.Inf(1), inOrder, "", nil},
		{"few of whom a text is looked for", "-created_at", "example", 1, 100, 100, anyhow, anyhow, nil},
		{"few of whom letters are looked for that are in no index", "-created_at", "ex", 1, 100, 100, anyhow, anyhow, nil},
	} {
		in := listInput{Page: listing.Page{Number: c.page, Limit: 10}, Sorting: []SortKey{c.sorting}, Metadata: metadata}
		of, o := crowd{orgs: 1, live: 1_000_000, have: c.have, ids: c.ids, look: checkCost}, everybody
		if c.query != "" {
			in.Query = &c.query
		}
		if hasTrigram(c.query) {
			of.rows, o = 1_000_000, s.look(c.query, anyGram)
		}
		w := choose(in, of, o)
		if w.page.from != c.from || w.page.check == (c.from == anyhow) || w.count.from != c.count || !slices.Equal(w.first, c.first) {
			t.Errorf("%s: %+v", c.name, w)
		}
	}
}
