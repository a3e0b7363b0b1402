package email

import (
	"fmt"
	"slices"
	"strings"
)

// parseDomain checks what stands after the "@" and returns it in its Unicode
// form and in the ASCII form that the DNS knows.
func parseDomain(s string) (domain, ascii string, reason refusal) {
	if s == "" {
		return "", "", "There must be something after the @-sign."
	}
	if s[0] == '[' && s[len(s)-1] == ']' {
		return "", "", checkLiteral(strings.TrimSuffix(s[1:], "]"))
	}
	mapped, reason := mapDomain(s)
	if reason != "" {
		return "", "", reason
	}
	if ascii, reason = encodeDomain(mapped); reason != "" {
		return "", "", reason
	}
	if reason = checkASCIIDomain(s, ascii); reason != "" {
		return "", "", reason
	}
	domain, reason = decodeDomain(ascii)
	return domain, ascii, reason
}

// mapDomain folds case, width and the many kinds of periods, and checks the
// labels that come out.
func mapDomain(s string) (mapped string, reason refusal) {
	const invalid = "The part after the @-sign contains invalid characters"
	if bad := badChars(s, isHostRune); bad != "" {
		return "", invalid + ": " + bad + "."
	}
	if reason = checkUnsafe(s, false); reason != "" {
		return "", reason
	}
	if bad := badChars(s, isMappable); bad != "" {
		return "", invalid + ": " + bad + "."
	}
	if mapped, reason = mapUnicode(s); reason != "" {
		return "", invalid + " (" + reason + ")."
	}
	if bad := badChars(mapped, isHostRune); bad != "" {
		return "", invalid + " after Unicode normalization: " + bad + "."
	}
	return mapped, checkLabels(mapped)
}

func isHostRune(r rune) bool {
	return r >= 0x80 || isAlnum(byte(r)) || r == '-' || r == '.'
}

func checkLabels(domain string) refusal {
	const (
		atStart = "An email address cannot have a %s immediately after the @-sign."
		atEnd   = "An email address cannot end with a %s."
	)
	if domain == "" {
		// Only characters that the mapping drops.
		return fmt.Sprintf(atEnd, "period")
	}
	if reason := checkDots(domain, atStart, atEnd); reason != "" {
		return reason
	}
	switch {
	case strings.HasSuffix(domain, "-"):
		return fmt.Sprintf(atEnd, "hyphen")
	case strings.HasPrefix(domain, "-"):
		return fmt.Sprintf(atStart, "hyphen")
	case strings.Contains(domain, ".-") || strings.Contains(domain, "-."):
		return "An email address cannot have a period and a hyphen next to each other."
	case slices.ContainsFunc(strings.Split(domain, "."), isTagged):
		return "An email address cannot have two letters followed by two dashes immediately after the @-sign or after a period, except Punycode."
	}
	return ""
}

// isTagged reports whether a label has the two hyphens that mark an encoding,
// and not the one encoding that exists.
func isTagged(label string) bool {
	runes := []rune(label)
	return len(runes) >= 4 && runes[2] == '-' && runes[3] == '-' && !strings.HasPrefix(label, punycode)
}

// checkASCIIDomain checks lengths and the top-level domain. The excess is
// counted in characters when the address was sent in this form.
func checkASCIIDomain(sent, ascii string) refusal {
	if over := len(ascii) - maxDomain; over > 0 {
		unit := plural(over, "byte") + " too many after IDNA encoding"
		if ascii == sent {
			unit = plural(over, "character") + " too many"
		}
		return "The email address is too long after the @-sign (" + unit + ")."
	}
	labels := strings.Split(ascii, ".")
	for _, label := range labels {
		if over := len(label) - maxLabel; over > 0 {
			return "After the @-sign, periods cannot be separated by so many characters (" + plural(over, "character") + " too many)."
		}
	}
	switch {
	case len(labels) == 1:
		return "The part after the @-sign is not valid. It should have a period."
	case !isASCIILetter(ascii[len(ascii)-1]):
		return "The part after the @-sign is not valid. It is not within a valid top-level domain."
	case isReserved(ascii):
		return "The part after the @-sign is a special-use or reserved name that cannot be used with email."
	}
	return ""
}
