package api

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"floe/internal/db"
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

// Where a request comes from is the other end of the connection, or somebody
// named in the list by one who is trusted: nobody who is not trusted can make
// it anything else, whatever they write in front of what the proxy adds.
func FuzzForwardedFor(f *testing.F) {
	for _, s := range []string{"", "198.51.100.7", "1.1.1.1, 198.51.100.7", "10.1.1.1,10.1.1.2", "[2001:db8::1]:80", "::ffff:10.0.0.1", "fe80::1%eth0", "unknown", ",", "1.1.1.1:", "::1, [", "\"[::1]:80\""} {
		f.Add(s, "10.0.0.2", true)
		f.Add(s, "198.51.100.9, 127.0.0.1", false)
	}
	r := &rates{trusted: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}}
	from := func(t *testing.T, remote string, lists ...string) netip.Addr {
		addr, ok := r.address(&http.Request{RemoteAddr: remote, Header: http.Header{"X-Forwarded-For": lists}})
		if !ok || !addr.IsValid() || addr.Zone() != "" || addr.Is4In6() || addr != network(addr) {
			t.Errorf("%s %q: %s, %v", remote, lists, addr, ok)
		}
		return addr
	}
	f.Fuzz(func(t *testing.T, first, second string, apart bool) {
		lists := []string{first, second}
		if !apart {
			lists = []string{first + "," + second}
		}
		if got := from(t, "192.0.2.1:1000", lists...); got.String() != "192.0.2.1" {
			t.Errorf("somebody who is not trusted says %q, and is %s", lists, got)
		}
		got := from(t, "127.0.0.1:1000", lists...)
		if split := from(t, "127.0.0.1:1000", strings.Split(strings.Join(lists, ","), ",")...); split != got {
			t.Errorf("%q is %s, and in headers of their own %s", lists, got, split)
		}
		// Whatever the client sent, the proxies have added whom they got it from.
		const client = "203.0.113.5"
		if got := from(t, "127.0.0.1:1000", append(lists, client+", 10.0.0.3")...); got.String() != client {
			t.Errorf("behind %q is %s", lists, got)
		}
		if got.String() != "127.0.0.1" && !named(strings.Join(lists, ","), got) {
			t.Errorf("%s is not in %q", got, lists)
		}
	})
}

// named says whether a list has an address in some way of writing it.
func named(list string, want netip.Addr) bool {
	for one := range strings.SplitSeq(list, ",") {
		one = strings.TrimSpace(one)
		for _, text := range []string{one, strings.Trim(one, "[]"), one[:max(0, strings.LastIndexByte(one, ':'))]} {
			if addr, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil && network(plainAddr(addr)) == want {
				return true
			}
		}
	}
	return false
}

// A version is one that there is, to the letter, and is said again in the
// answer; any other is refused and said nowhere.
func FuzzVersion(f *testing.F) {
	for _, s := range []string{"", "2026-04", "2026-10", "2027-01", "1999-01", "2026-04 ", "2026-4", "2026-04,2026-10", "２０２６-04", "2026-04\r\nX: y"} {
		f.Add(s)
	}
	h := &Handler{}
	f.Fuzz(func(t *testing.T, name string) {
		w := httptest.NewRecorder()
		ok := h.version(&call{w: w, r: &http.Request{Header: http.Header{"Polar-Version": {name}}}})
		want := name
		if name == "" {
			want = DefaultVersion
		}
		if ok != slices.Contains([]string{"2026-04", "2026-10", "2027-01"}, want) {
			t.Fatalf("%q: %v", name, ok)
		}
		if !ok {
			want = ""
		}
		if got := w.Header()["Polar-Version"]; strings.Join(got, ";") != want || len(got) > 1 {
			t.Errorf("%q is answered with %q", name, got)
		}
	})
}

// What readers ask to see is the latest of what they name, and a name that means
// nothing is refused wherever it stands.
func FuzzConsistency(f *testing.F) {
	for _, s := range []string{"", eventual, "0/0", "16/B374D848", "16/B374D848, 17/0", "Eventual", "1/1/1", "FF/0,,1/1", " , eventual"} {
		f.Add(s, "FF/0")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		after, asked, err := freshness(http.Header{Consistency: {a, b}})
		var want db.Position
		var bad bool
		some := false
		for _, text := range strings.Split(a+","+b, ",") {
			text = strings.Trim(text, " \t")
			some = some || text != ""
			if p, broken := db.ParsePosition(text); broken == nil {
				want = max(want, p)
			} else {
				bad = bad || text != "" && text != eventual
			}
		}
		if (err != nil) != bad || !bad && (after != want || asked != some) {
			t.Errorf("%q and %q: %s, %v, %v; want %s", a, b, after, asked, err, want)
		}
		if other, _, reversed := freshness(http.Header{Consistency: {b, a}}); other != after || (reversed == nil) != (err == nil) {
			t.Errorf("%q and %q are %s, and the other way round %s", a, b, after, other)
		}
	})
}
