// Package weburl checks a web address that a request sends and writes it in
// the normal form of the WHATWG URL standard.
//
// It is for absolute http and https URLs, and it forgives what browsers
// forgive: backslashes, stray tabs, missing slashes. It is not for resolving
// relative references, for other schemes, or for deciding whether it is safe
// to send a request to the result.
package weburl

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxLength is counted in bytes of the input, before normalisation makes it
// longer; the message calls them characters.
const maxLength = 2083

// Problem says why a URL was refused, in the words of the API. The zero
// Problem means that nothing is wrong.
type Problem struct {
	Type string
	Msg  string
	Ctx  []Pair
}

// Pair is one entry of a Problem's context. Their order is part of the answer.
type Pair struct {
	Key   string
	Value any
}

// Why a text is not a URL; the words are part of the API.
const (
	inputEmpty    = "input is empty"
	noBase        = "relative URL without a base"
	emptyHost     = "empty host"
	badPort       = "invalid port number"
	badDomain     = "invalid international domain name"
	badDomainChar = "invalid domain character"
	badIPv4       = "invalid IPv4 address"
	badIPv6       = "invalid IPv6 address"
)

// defaultPorts has the schemes that the standard calls special: their URLs have
// a host that is a name, whatever follows the colon.
var defaultPorts = map[string]string{"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}

// Parse returns the normal form of s: scheme and host in lower case, the host
// in ASCII, the default port dropped, a path of at least "/", and all that may
// not stand in a URL percent-encoded.
func Parse(s string) (normalised string, problem Problem) {
	if len(s) > maxLength {
		return "", Problem{"url_too_long", "URL should have at most 2083 characters", []Pair{{"max_length", maxLength}}}
	}
	if s == "" {
		return "", parsing(inputEmpty)
	}
	scheme, rest, ok := cutScheme(clean(s))
	if !ok {
		return "", parsing(noBase)
	}
	normalised, reason := parse(scheme, rest)
	if reason != "" {
		return "", parsing(reason)
	}
	if scheme != "http" && scheme != "https" {
		const expected = "'http' or 'https'"
		return "", Problem{"url_scheme", "URL scheme should be " + expected, []Pair{{"expected_schemes", expected}}}
	}
	return normalised, Problem{}
}

func parsing(reason string) Problem {
	return Problem{"url_parsing", "Input should be a valid URL, " + reason, []Pair{{"error", reason}}}
}

// clean drops what is not part of the URL: spaces and controls around it, and
// the tabs and line breaks that copying a long URL leaves inside.
func clean(s string) string {
	s = strings.TrimFunc(s, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(s, "\t\n\r") {
		s = strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(s)
	}
	return strings.ToValidUTF8(s, string(utf8.RuneError))
}

func cutScheme(s string) (scheme, rest string, ok bool) {
	scheme, rest, ok = strings.Cut(s, ":")
	if !ok || scheme == "" || !isAlpha(scheme[0]) {
		return "", "", false
	}
	for i := range len(scheme) {
		if c := scheme[i]; !isAlpha(c) && !isDigit(c) && c != '+' && c != '-' && c != '.' {
			return "", "", false
		}
	}
	return strings.ToLower(scheme), rest, true
}

// parse handles what follows the colon of the scheme. Of unwanted schemes only
// the host is looked at: what is wrong with it is reported first.
func parse(scheme, s string) (normalised, reason string) {
	if _, special := defaultPorts[scheme]; !special {
		return "", checkOpaque(scheme, s)
	}
	s = strings.TrimLeft(s, `/\`)
	authority, s := splitAt(s, strings.IndexAny(s, `/\?#`))
	userinfo, hostport := splitAfter(authority, strings.LastIndexByte(authority, '@'))
	host, port, reason := parseHostPort(scheme, hostport)
	if reason != "" {
		return "", reason
	}

	var b strings.Builder
	b.Grow(len(scheme) + len("://") + len(authority) + len(s) + 1)
	b.WriteString(scheme)
	b.WriteString("://")
	writeUserinfo(&b, userinfo)
	b.WriteString(host)
	if port != "" {
		b.WriteByte(':')
		b.WriteString(port)
	}

	s, fragment := splitAt(s, strings.IndexByte(s, '#'))
	path, query := splitAt(s, strings.IndexByte(s, '?'))
	writePath(&b, path)
	writeMarked(&b, query, inQuery)
	writeMarked(&b, fragment, inFragment)
	return b.String(), ""
}

func splitAt(s string, i int) (before, from string) {
	if i < 0 {
		return s, ""
	}
	return s[:i], s[i:]
}

func splitAfter(s string, i int) (upTo, after string) {
	return s[:i+1], s[i+1:]
}

// writeUserinfo writes credentials and their "@", or nothing when both the
// name and the password are empty.
func writeUserinfo(b *strings.Builder, s string) {
	name, password, _ := strings.Cut(strings.TrimSuffix(s, "@"), ":")
	if name == "" && password == "" {
		return
	}
	encode(b, name, inUserinfo)
	if password != "" {
		b.WriteByte(':')
		encode(b, password, inUserinfo)
	}
	b.WriteByte('@')
}

func parseHostPort(scheme, s string) (host, port, reason string) {
	host, port = cutPort(s)
	if host == "" {
		return "", "", emptyHost
	}
	if host, reason = parseHost(host); reason != "" {
		return "", "", reason
	}
	port, reason = parsePort(port, defaultPorts[scheme])
	return host, port, reason
}

// cutPort cuts at the first colon that is not inside brackets.
func cutPort(s string) (host, port string) {
	inBrackets := false
	for i := range len(s) {
		switch s[i] {
		case '[':
			inBrackets = true
		case ']':
			inBrackets = false
		case ':':
			if !inBrackets {
				return s[:i], s[i+1:]
			}
		}
	}
	return s, ""
}

// parsePort drops leading zeros and a port that goes without saying.
func parsePort(s, standard string) (port, reason string) {
	if s == "" {
		return "", ""
	}
	for i := range len(s) {
		if !isDigit(s[i]) {
			return "", badPort
		}
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return "", badPort
	}
	if port = strconv.FormatUint(n, 10); port == standard {
		return "", ""
	}
	return port, ""
}

// writePath writes an absolute path without "." and ".." segments. A path that
// ends in one of them ends in a slash.
func writePath(b *strings.Builder, s string) {
	var segments []string
	if s != "" {
		segments = strings.Split(strings.ReplaceAll(s, `\`, "/")[1:], "/")
	}
	kept := segments[:0]
	for i, segment := range segments {
		dots := countDots(segment)
		if dots == 2 && len(kept) > 0 {
			kept = kept[:len(kept)-1]
		}
		switch {
		case dots == 0:
			kept = append(kept, segment)
		case i == len(segments)-1:
			kept = append(kept, "")
		}
	}
	if len(kept) == 0 {
		kept = append(kept, "")
	}
	for _, segment := range kept {
		b.WriteByte('/')
		encode(b, segment, inPath)
	}
}

// countDots returns 1 for ".", 2 for "..", else 0. "%2e" is a dot too.
func countDots(segment string) int {
	if len(segment) > len("%2e%2e") {
		return 0
	}
	switch strings.ReplaceAll(strings.ToLower(segment), "%2e", ".") {
	case ".":
		return 1
	case "..":
		return 2
	}
	return 0
}

// writeMarked writes a query or fragment, which starts with its mark.
func writeMarked(b *strings.Builder, s string, part place) {
	if s == "" {
		return
	}
	b.WriteByte(s[0])
	encode(b, s[1:], part)
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
