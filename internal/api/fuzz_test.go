package api

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// What a query says is what net/url finds in it, where that finds no fault; and
// nothing is lost where it does.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"a=b&a=c", "a;b=c", "a=%", "a=%zz&b", "metadata[x]=1&metadata[x]=2", "%C3%28=1", "=", "&&", "a=b=c", "a=%2B+%20"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := parseQuery(raw)
		pairs := 0
		for key, values := range got {
			pairs += len(values)
			for _, s := range append(slices.Clone(values), key) {
				if !utf8.ValidString(s) {
					t.Errorf("%q of %q is not UTF-8", s, raw)
				}
			}
		}
		want := 0
		for pair := range strings.SplitSeq(raw, "&") {
			if pair != "" {
				want++
			}
		}
		if pairs != want {
			t.Errorf("%q has %d pairs, not %d", raw, want, pairs)
		}
		theirs, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		for key, values := range theirs {
			for _, value := range values {
				if !slices.Contains(got[valid(key)], valid(value)) {
					t.Errorf("%q lacks %q: %q", raw, key, value)
				}
			}
		}
	})
}

// Brackets never make a filter that was not sent.
func FuzzDeepObject(f *testing.F) {
	f.Add("metadata[a]=1&metadata[a]=2&metadata[b][c]=3&metadata[=4&metadata=5")
	f.Fuzz(func(t *testing.T, raw string) {
		query := parseQuery(raw)
		n := deepObject(query, "metadata")
		if n == nil {
			return
		}
		for i, key := range n.Keys {
			for _, value := range n.Items[i].Items {
				sent := false
				for name, values := range query {
					rest, ok := strings.CutPrefix(name, "metadata["+key+"]")
					sent = sent || ok && strings.Contains(name, "]") && slices.Contains(values, value.Text) && rest == name[len("metadata["+key+"]"):]
				}
				if !sent {
					t.Errorf("%q does not say %q: %q", raw, key, value.Text)
				}
			}
		}
	})
}

// A credential is what stands after the word, and never anything that a header
// of an answer or a log could not hold.
func FuzzBearer(f *testing.F) {
	for _, s := range []string{"Bearer x", "bearer  x ", "BEARER\tx", "Basic x", "Bearer é", "Bearer ", "Bearer a b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := bearerOf(header)
		if got == "" {
			return
		}
		if !strings.EqualFold(header[:6], "bearer") || header[6] != ' ' || !strings.Contains(header[7:], got) || strings.TrimSpace(got) != got {
			t.Errorf("%q of %q", got, header)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return r > 126 }) {
			t.Errorf("%q is no ASCII", got)
		}
		if again := bearerOf("Bearer " + got); again != got {
			t.Errorf("%q is read as %q", got, again)
		}
	})
}

// A tag is found in any list that has it, and in none that does not.
func FuzzIfNoneMatch(f *testing.F) {
	f.Add(`W/"x", "y"`, "x")
	f.Add(`*`, "abc")
	f.Add(`"a,b"`, "b")
	f.Fuzz(func(t *testing.T, list, sum string) {
		tag := `W/"` + strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return 'x'
		}, sum) + `"`
		if !matches([]string{list, tag}, tag) || !matches([]string{list + "," + tag}, tag) || !matches([]string{tag[2:] + " , " + list}, tag) {
			t.Errorf("%q is not found beside %q", tag, list)
		}
		if matches([]string{list}, tag) && !strings.Contains(list, tag[2:]) && !strings.Contains(list, "*") {
			t.Errorf("%q is found in %q", tag, list)
		}
	})
}

// A spreadsheet reads what was written.
func FuzzCSV(f *testing.F) {
	f.Add("a", "b,c", `d"e`)
	f.Add("", "x\r\ny", " z ")
	f.Add("\n", "\"", "é")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if a == "" && b == "" && c == "" {
			return
		}
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		writeRecord(w, []string{a, b, c})
		writeRecord(w, []string{"end", "", ""})
		_ = w.Flush()
		got, err := csv.NewReader(&out).ReadAll()
		if err != nil {
			t.Fatalf("%q: %v", []string{a, b, c}, err)
		}
		want := []string{a, b, c}
		for i := range want { // Go's reader joins the two characters of a line break
			want[i] = strings.ReplaceAll(want[i], "\r\n", "\n")
		}
		if len(got) != 2 || !slices.Equal(got[0], want) {
			t.Errorf("%q is read as %q", want, got)
		}
	})
}

// What asks for events is a list of media types with that one in it.
func FuzzMediaType(f *testing.F) {
	for _, s := range []string{"application/json", "application/json; charset=utf-8", "APPLICATION/problem+json", "text/json", "application/x/y+json", ";", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if isJSON(s) && !strings.Contains(strings.ToLower(s), "json") {
			t.Errorf("%q", s)
		}
		if media, _, found := strings.Cut(s, ";"); found && isJSON(s) != isJSON(media) {
			t.Errorf("parameters change what %q is", s)
		}
	})
}
