package weburl

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// domains maps names the way browsers do: more is allowed than in the DNS, such
// as underscores, emoji and hyphens in odd places.
var domains = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.StrictDomainName(false),
	idna.CheckHyphens(false),
	idna.BidiRule(),
)

// parseHost returns a host in its one spelling: an IPv6 address in brackets, an
// IPv4 address with four decimal numbers, or a name in ASCII.
func parseHost(s string) (host, reason string) {
	if s[0] == '[' {
		return parseIPv6(s)
	}
	name, reason := parseDomain(s)
	if reason != "" || !endsInNumber(name) {
		return name, reason
	}
	return parseIPv4(name)
}

func parseDomain(s string) (name, reason string) {
	s = unescape(s)
	name = strings.ToLower(s)
	if !isASCII(s) || strings.Contains(name, "xn--") {
		var err error
		if name, err = domains.ToASCII(s); err != nil || hasEmptyPunycode(strings.ToLower(s)) {
			return "", badDomain
		}
	}
	if name == "" {
		return "", emptyHost
	}
	// What the mapping of exotic characters yields is checked too.
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f }) || strings.ContainsAny(name, `#%/:<>?@[\]^|`) {
		return "", badDomain
	}
	return name, ""
}

// hasEmptyPunycode reports a label that is nothing but the punycode prefix. It
// decodes to an empty label, which as such would be accepted.
func hasEmptyPunycode(name string) bool {
	return slices.Contains(strings.Split(name, "."), "xn--")
}

// checkOpaque checks the authority of a URL whose scheme gives hosts no rules
// of their own. Without "//" there is none.
func checkOpaque(scheme, s string) (reason string) {
	s, found := strings.CutPrefix(s, "//")
	if !found || scheme == "file" {
		return ""
	}
	s, _ = splitAt(s, strings.IndexAny(s, "/?#"))
	userinfo, hostport := splitAfter(s, strings.LastIndexByte(s, '@'))
	host, port := cutPort(hostport)
	switch {
	case host == "" && (len(userinfo) > 1 || port != ""):
		return emptyHost
	case strings.HasPrefix(host, "["):
		_, reason = parseIPv6(host)
	case strings.ContainsAny(host, "\x00 <>[\\]^|"):
		reason = badDomainChar
	}
	if reason == "" {
		_, reason = parsePort(port, "")
	}
	return reason
}

// unescape decodes "%41". A "%" without two digits is left for the check of the
// characters to refuse.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	decoded, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return strings.ToValidUTF8(decoded, string(utf8.RuneError))
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// endsInNumber reports whether a name can only be meant as an IPv4 address: no
// top-level domain is a number.
func endsInNumber(name string) bool {
	name = strings.TrimSuffix(name, ".")
	last := name[strings.LastIndexByte(name, '.')+1:]
	if digits, isHex := strings.CutPrefix(last, "0x"); isHex {
		return strings.Trim(digits, "0123456789abcdef") == ""
	}
	return last != "" && strings.Trim(last, "0123456789") == ""
}

// parseIPv4 reads the historical forms too: octal and hexadecimal numbers, and
// fewer than four of them, the last one filling the rest.
func parseIPv4(name string) (host, reason string) {
	parts := strings.Split(strings.TrimSuffix(name, "."), ".")
	if len(parts) > 4 {
		return "", badIPv4
	}
	var addr uint64
	for i, part := range parts {
		n, ok := parseNumber(part)
		if i == len(parts)-1 {
			if !ok || n >= 1<<(8*(5-len(parts))) {
				return "", badIPv4
			}
			addr |= n
			break
		}
		if !ok || n > 255 {
			return "", badIPv4
		}
		addr |= n << (8 * (3 - i))
	}
	return netip.AddrFrom4([4]byte{byte(addr >> 24), byte(addr >> 16), byte(addr >> 8), byte(addr)}).String(), ""
}

func parseNumber(s string) (n uint64, ok bool) {
	base := 10
	switch {
	case s == "":
		return 0, false
	case strings.HasPrefix(s, "0x"):
		s, base = s[2:], 16
	case len(s) > 1 && s[0] == '0':
		s, base = s[1:], 8
	}
	if s == "" {
		return 0, true
	}
	// ParseUint takes no signs and, with an explicit base, no underscores.
	n, err := strconv.ParseUint(s, base, 64)
	return n, err == nil
}

func parseIPv6(s string) (host, reason string) {
	inner, closed := strings.CutSuffix(s[1:], "]")
	addr, err := netip.ParseAddr(inner)
	if !closed || err != nil || !addr.Is6() || addr.Zone() != "" {
		return "", badIPv6
	}
	return "[" + formatIPv6(addr.As16()) + "]", ""
}

// formatIPv6 differs from netip in one case: an embedded IPv4 address is
// written like the rest.
func formatIPv6(b [16]byte) string {
	zeros, end := longestZeros(b)
	var s strings.Builder
	for i := 0; i < 8; i++ {
		if i == zeros {
			s.WriteString("::")
			i = end - 1
			continue
		}
		if i > 0 && i != end {
			s.WriteByte(':')
		}
		s.WriteString(strconv.FormatUint(uint64(b[2*i])<<8|uint64(b[2*i+1]), 16))
	}
	return s.String()
}

// longestZeros finds the first longest run of zero groups, or -1 when no two
// stand together.
func longestZeros(b [16]byte) (start, end int) {
	start, end = -1, -1
	for i := 0; i < 8; i++ {
		j := i
		for j < 8 && b[2*j] == 0 && b[2*j+1] == 0 {
			j++
		}
		if j-i >= 2 && j-i > end-start {
			start, end = i, j
		}
		i = max(i, j-1)
	}
	return start, end
}
