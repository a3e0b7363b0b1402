package weburl_test

import (
	"reflect"
	"strings"
	"testing"

	"floe/internal/weburl"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"https://example.com":             "https://example.com/",
		"HTTPS://EXAMPLE.com:443":         "https://example.com/",
		"http://a:80/":                    "http://a/",
		"https://a:80/":                   "https://a:80/",
		"http://a:080/":                   "http://a/",
		"http://a:0":                      "http://a:0/",
		"http://a:":                       "http://a/",
		"https://example.com/a?b=c#d":     "https://example.com/a?b=c#d",
		"https://example.com?b":           "https://example.com/?b",
		"https://example.com#d":           "https://example.com/#d",
		"http://a/?#":                     "http://a/?#",
		"http://a/b#c?d#e":                "http://a/b#c?d#e",
		"http://ü.com/ü?ü#ü":              "http://xn--tda.com/%C3%BC?%C3%BC#%C3%BC",
		"http://a/%E9é":                   "http://a/%E9%C3%A9",
		"http://a/%7e %zz":                "http://a/%7e%20%zz",
		"http://a?x y'\"<>`#a `<>\"":      "http://a/?x%20y%27%22%3C%3E`#a%20%60%3C%3E%22",
		"http://a/{}|^`<>\"'":             "http://a/%7B%7D|^%60%3C%3E%22'",
		"http://a/\x01\x7f?\x01#\x01b":    "http://a/%01%7F?%01#%01b",
		"http://a/b;c=1,2!$&'()*+@:[]~":   "http://a/b;c=1,2!$&'()*+@:[]~",
		"http://a/?a=[b]{c}|\\^":          "http://a/?a=[b]{c}|\\^",
		"http://a/\xff":                   "http://a/%EF%BF%BD",
		"https://a/?c={CHECKOUT_ID}":      "https://a/?c={CHECKOUT_ID}",
		"https://a/{CHECKOUT_ID}":         "https://a/%7BCHECKOUT_ID%7D",
		"https://u:p@example.com:8443/a":  "https://u:p@example.com:8443/a",
		" \x00http://a \t":                "http://a/",
		"ht\ttp://a\n.com\r":              "http://a.com/",
		"http:\\\\a.com\\b?\\#\\":         "http://a.com/b?\\#\\",
		"https:example.com":               "https://example.com/",
		"https:/example.com":              "https://example.com/",
		"http:////a//b":                   "http://a//b",
		"http:///a":                       "http://a/",
		"http://a/../b/./c":               "http://a/b/c",
		"http://a/b/..":                   "http://a/",
		"http://a/b/.":                    "http://a/b/",
		"http://a/b/%2e%2E":               "http://a/",
		"http://a/b/.%2e/c":               "http://a/c",
		"http://a/..?../..#..":            "http://a/?../..#..",
		"http://a/...":                    "http://a/...",
		"http://a//../b":                  "http://a/b",
		"http://user:p@ss@h/":             "http://user:p%40ss@h/",
		"http://user name:pa:ss@h":        "http://user%20name:pa%3Ass@h/",
		"http://ué:x@h":                   "http://u%C3%A9:x@h/",
		"http://user@h":                   "http://user@h/",
		"http://:pw@h":                    "http://:pw@h/",
		"http://@h":                       "http://h/",
		"http://:@h/":                     "http://h/",
		"http://a_b":                      "http://a_b/",
		"http://-a-.com":                  "http://-a-.com/",
		"http://ab--cd.com":               "http://ab--cd.com/",
		"http://a..b":                     "http://a..b/",
		"http://a.":                       "http://a./",
		"http://%41.com":                  "http://a.com/",
		"http://%E2%98%83.net":            "http://xn--n3h.net/",
		"http://☃.net":                    "http://xn--n3h.net/",
		"http://faß.de":                   "http://xn--fa-hia.de/",
		"http://XN--MNCHEN-3YA.de":        "http://xn--mnchen-3ya.de/",
		"http://日本語。ＪＰ":                   "http://xn--wgv71a119e.jp/",
		"http://a\u00ad.com":              "http://a.com/",
		"http://１.2.3.4":                  "http://1.2.3.4/",
		"http://1.2.3.4.":                 "http://1.2.3.4/",
		"http://0x7f.1":                   "http://127.0.0.1/",
		"http://0300.0250.1":              "http://192.168.0.1/",
		"http://4294967295":               "http://255.255.255.255/",
		"http://0x":                       "http://0.0.0.0/",
		"http://1e3":                      "http://1e3/",
		"http://0x1g":                     "http://0x1g/",
		"http://[::1]":                    "http://[::1]/",
		"http://[::1]:80":                 "http://[::1]/",
		"http://[FE80:0:0:0:0:0:0:A]:8":   "http://[fe80::a]:8/",
		"http://[::]":                     "http://[::]/",
		"http://[1:2:3:4:5:6:7:8]":        "http://[1:2:3:4:5:6:7:8]/",
		"http://[1:0:0:4:0:0:0:8]":        "http://[1:0:0:4::8]/",
		"http://[1:0:3:4:5:6:7:8]":        "http://[1:0:3:4:5:6:7:8]/",
		"http://[::ffff:1.2.3.4]":         "http://[::ffff:102:304]/",
		"http://a/" + longest:             "http://a/" + longest,
		"http://example.com/return?x=1&y": "http://example.com/return?x=1&y",
	} {
		if got, problem := weburl.Parse(in); got != want || problem.Type != "" {
			t.Errorf("Parse(%q) = %q, %q, want %q", in, got, problem.Msg, want)
		}
	}
}

// longest fills a URL that starts with "http://a/" to the limit.
var longest = strings.Repeat("x", 2083-len("http://a/"))

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for in, reason := range map[string]string{
		"":                      "input is empty",
		"   ":                   "relative URL without a base",
		"abc":                   "relative URL without a base",
		"/a":                    "relative URL without a base",
		"//a.com":               "relative URL without a base",
		"example.com":           "relative URL without a base",
		"1http://a":             "relative URL without a base",
		"http ://a":             "relative URL without a base",
		":80":                   "relative URL without a base",
		"\u00a0http://a":        "relative URL without a base",
		"http:":                 "empty host",
		"http://":               "empty host",
		"http:///":              "empty host",
		"http://:80":            "empty host",
		"http://user@/":         "empty host",
		"http://?q":             "empty host",
		"http://#f":             "empty host",
		"http://\u00ad/":        "empty host",
		"ftp://":                "empty host",
		"foo://:80":             "empty host",
		"foo://u@":              "empty host",
		"http://a:x":            "invalid port number",
		"http://a:65536":        "invalid port number",
		"http://a:-1":           "invalid port number",
		"http://a:+80":          "invalid port number",
		"http://a: 80":          "invalid port number",
		"http://a:[":            "invalid port number",
		"http://[::1]:80x":      "invalid port number",
		"foo://a:x":             "invalid port number",
		"http://a b":            "invalid international domain name",
		"http://a%20b":          "invalid international domain name",
		"http://a%zz":           "invalid international domain name",
		"http://%2f":            "invalid international domain name",
		"http://a<b":            "invalid international domain name",
		"http://ex^ample":       "invalid international domain name",
		"http://a]b":            "invalid international domain name",
		"http://a\x00b":         "invalid international domain name",
		"http://xn--a":          "invalid international domain name",
		"http://xn--/":          "invalid international domain name",
		"http://xn--.com":       "invalid international domain name",
		"http://فa.com":         "invalid international domain name",
		"http://a\u200d.com":    "invalid international domain name",
		"http://a\u3000b":       "invalid international domain name",
		"http://256.1":          "invalid IPv4 address",
		"http://1.2.3.999":      "invalid IPv4 address",
		"http://1.2.3.4.5":      "invalid IPv4 address",
		"http://1.2..3":         "invalid IPv4 address",
		"http://4294967296":     "invalid IPv4 address",
		"http://08":             "invalid IPv4 address",
		"http://a.1":            "invalid IPv4 address",
		"http://a.0x":           "invalid IPv4 address",
		"http://99999999999999": "invalid IPv4 address",
		"http://[::1":           "invalid IPv6 address",
		"http://[]":             "invalid IPv6 address",
		"http://[1::2::3]":      "invalid IPv6 address",
		"http://[::1]a":         "invalid IPv6 address",
		"http://[1.2.3.4]":      "invalid IPv6 address",
		"http://[::1%25eth0]":   "invalid IPv6 address",
		"foo://[::1":            "invalid IPv6 address",
		"foo://a b":             "invalid domain character",
		"foo://a^b:1":           "invalid domain character",
	} {
		want := weburl.Problem{
			Type: "url_parsing",
			Msg:  "Input should be a valid URL, " + reason,
			Ctx:  []weburl.Pair{{Key: "error", Value: reason}},
		}
		if got, problem := weburl.Parse(in); got != "" || !reflect.DeepEqual(problem, want) {
			t.Errorf("Parse(%q) = %q, %+v, want %q", in, got, problem, reason)
		}
	}
}

func TestParseScheme(t *testing.T) {
	t.Parallel()
	want := weburl.Problem{
		Type: "url_scheme",
		Msg:  "URL scheme should be 'http' or 'https'",
		Ctx:  []weburl.Pair{{Key: "expected_schemes", Value: "'http' or 'https'"}},
	}
	for _, in := range []string{
		"ftp://a.com", "ws://a", "javascript:alert(1)", "mailto:x", "a:b", "file:///x", "data:,x",
		"foo://a%zz", "foo://", "foo://[::1]:8", "localhost:8000", "httpx://a",
	} {
		if got, problem := weburl.Parse(in); got != "" || !reflect.DeepEqual(problem, want) {
			t.Errorf("Parse(%q) = %q, %+v", in, got, problem)
		}
	}
}

func TestParseTooLong(t *testing.T) {
	t.Parallel()
	want := weburl.Problem{
		Type: "url_too_long",
		Msg:  "URL should have at most 2083 characters",
		Ctx:  []weburl.Pair{{Key: "max_length", Value: 2083}},
	}
	for _, in := range []string{
		"http://a/" + longest + "x",
		strings.Repeat("x", 2084),
		strings.Repeat(" ", 2084),
		"http://a/" + strings.Repeat("é", 1038),
	} {
		if got, problem := weburl.Parse(in); got != "" || !reflect.DeepEqual(problem, want) {
			t.Errorf("Parse of %d bytes = %q, %+v", len(in), got, problem)
		}
	}
	// The limit is on what is sent, not on what becomes of it.
	if got, problem := weburl.Parse("http://a/" + strings.Repeat("é", 1000)); problem.Type != "" || len(got) != 6009 {
		t.Errorf("encoding made the URL %d bytes long: %+v", len(got), problem)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"https://example.com", "http://u:p@ü.com:80/ü/../b?ü'#ü", "http://0x7f.1", "http://[::ffff:1.2.3.4]:8",
		"http:\\\\a\\b", "", "abc", "http://", "ftp://a", "http://a:x", "http://xn--a", "http://a%41", "foo://a b",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, problem := weburl.Parse(s)
		if problem.Type != "" || len(got) > 2083 {
			return
		}
		if again, problem := weburl.Parse(got); again != got {
			t.Errorf("Parse(%q) = %q, then %q, %q", s, got, again, problem.Msg)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		weburl.Parse("https://example.com/return?checkout_id=1")
	}
}
