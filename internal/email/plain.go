package email

import "strings"

// parsePlain is the short way for what nearly every address is: ASCII, without
// a name, quotes or punycode. It only ever says yes; what it does not
// understand goes the long way, which finds the reason.
func parsePlain(s string) (normalised string, ok bool) {
	at := strings.IndexByte(s, '@')
	if at <= 0 || len(s) > maxAddress || !isPlainLocal(s[:at]) {
		return "", false
	}
	hasUpper, ok := scanPlainDomain(s[at+1:])
	if !ok || isReserved(s[at+1:]) {
		return "", false
	}
	if len(s[:at]) <= longestShared && sharedMailboxes[strings.ToLower(s[:at])] {
		return strings.ToLower(s), true
	}
	if hasUpper {
		return s[:at+1] + strings.ToLower(s[at+1:]), true
	}
	return s, true
}

const longestShared = len("postmaster")

func isPlainLocal(s string) bool {
	dot := true
	for i := range len(s) {
		if s[i] == '.' {
			if dot {
				return false
			}
			dot = true
			continue
		}
		if !isAtext(rune(s[i])) {
			return false
		}
		dot = false
	}
	return !dot
}

// scanPlainDomain accepts labels of letters, digits and single inner hyphens,
// at least two of them and the last one ending in a letter. It leaves upper
// case to the caller when it reports none of it.
func scanPlainDomain(s string) (hasUpper, ok bool) {
	var previous byte = '.'
	start, labels := 0, 1
	for i := range len(s) {
		c := s[i]
		switch {
		case isASCIILetter(c):
			hasUpper = hasUpper || c < 'a'
		case '0' <= c && c <= '9':
		case c == '.' && isAlnum(previous) && i-start <= maxLabel:
			start = i + 1
			labels++
		case c == '-' && isAlnum(previous):
		default:
			return false, false
		}
		previous = c
	}
	return hasUpper, labels > 1 && isASCIILetter(previous) && len(s)-start <= maxLabel && len(s) <= maxDomain
}

// isReserved compares without regard to case. The suffixes are compared from
// the last period on, so a lower-case copy of the rest is not needed.
func isReserved(domain string) bool {
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	for _, name := range reservedDomains {
		if strings.EqualFold(last, name) {
			return true
		}
	}
	return false
}

// reservedDomains are the top-level domains that never take mail from outside.
// "example" and its like are not among them: samples shall work.
var reservedDomains = []string{"arpa", "invalid", "local", "localhost", "onion", "test"}

func isAlnum(c byte) bool { return isASCIILetter(c) || '0' <= c && c <= '9' }

func isASCIILetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// isAtext reports whether r may stand in a local part without quotes, besides
// periods (RFC 5322).
func isAtext(r rune) bool { return r < 0x80 && atext[r] }

var atext = func() (table [0x80]bool) {
	for _, c := range "!#$%&'*+-/=?^_`{|}~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		table[c] = true
	}
	return table
}()
