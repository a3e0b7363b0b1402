package email

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// stripName returns addr when s reads "Name <addr>", `"Name" <addr>` or
// "<addr>", and s itself when it does not.
func stripName(s string) string {
	t := trimSpace(s)
	if !strings.HasSuffix(t, ">") {
		return s
	}
	open := nameEnd(t)
	if open < 0 {
		return s
	}
	addr := t[open+1 : len(t)-1]
	if addr == "" || strings.Contains(addr, "\n") {
		return s
	}
	return addr
}

// nameEnd returns where the "<" after the name stands, or -1. A quoted name
// ends at the last quote that has a "<" behind it, so it may contain both.
func nameEnd(t string) int {
	if t[0] != '"' {
		open := strings.IndexByte(t, '<')
		if strings.ContainsFunc(t[:max(open, 0)], func(r rune) bool { return !isSpace(r) && !isNameRune(r) }) {
			return -1
		}
		return open
	}
	for quote := strings.LastIndexByte(t, '"'); quote > 1; quote = strings.LastIndexByte(t[:quote], '"') {
		behind := strings.TrimLeftFunc(t[quote+1:], isSpace)
		if len(behind) > len("<>") && behind[0] == '<' {
			return len(t) - len(behind)
		}
	}
	return -1
}

func isNameRune(r rune) bool {
	return isAtext(r) || r >= 0x80 && (unicode.IsLetter(r) || unicode.IsNumber(r))
}

// address is an address taken apart but not judged.
type address struct {
	local, domain string
	quoted        bool // local stood in quotes, which are removed
	named         bool // there were angle brackets
}

// split takes an address apart at the first "@" outside quotes. Names in front
// of it are recognised only to say what is wrong with them: [stripName] has
// removed the acceptable ones.
func split(s string) (a address, reason refusal) {
	local, rest, reason := cutUnquoted(s, "@<")
	if reason != "" {
		return a, reason
	}
	if rest[0] == '<' {
		a.named = true
		if rest, reason = cutBrackets(strings.TrimRightFunc(local, isSpace), rest); reason != "" {
			return a, reason
		}
		if local, rest, reason = cutUnquoted(rest, "@"); reason != "" {
			return a, reason
		}
	}
	a.domain = rest[1:]
	a.local, a.quoted, reason = unquote(local)
	return a, reason
}

// cutUnquoted cuts s before the first special that is not in quotes.
func cutUnquoted(s, specials string) (before, from string, reason refusal) {
	inQuotes, escaped := false, false
	for i, r := range s {
		switch {
		case escaped:
			escaped = false
		case inQuotes && r == '\\':
			escaped = true
		case r == '"':
			inQuotes = !inQuotes
		case !inQuotes && strings.ContainsRune(specials, r) && !isOverlaid(s[i:]):
			return s[:i], s[i:], ""
		}
	}
	return "", "", withoutAt(s)
}

// isOverlaid reports whether the bracket that s starts with is half of another
// character: "<" and a combining stroke make "≮", which opens nothing. No
// other special combines with anything.
func isOverlaid(s string) bool {
	if s[0] != '<' {
		return false
	}
	end := 1
	for end < len(s) && s[end] >= 0x80 {
		end++
	}
	return norm.NFC.String(s[:end])[0] != '<'
}

func withoutAt(s string) refusal {
	switch {
	case strings.ContainsRune(s, '＠'):
		return `The email address has the "full-width" at-sign (@) character instead of a regular at-sign.`
	case strings.ContainsRune(s, '﹫'):
		return `The email address has the "small commercial at" character instead of a regular at-sign.`
	}
	return "An email address must have an @-sign."
}

// cutBrackets returns what stands between the angle brackets behind a name.
func cutBrackets(name, rest string) (addr string, reason refusal) {
	name, quoted, reason := unquote(name)
	if reason != "" {
		return "", reason
	}
	if !quoted {
		if bad := badChars(name, func(r rune) bool { return isAtext(r) || r == ' ' }); bad != "" {
			return "", "The display name contains invalid characters when not quoted: " + bad + "."
		}
	}
	if reason := checkUnsafe(name, true); reason != "" {
		return "", reason
	}
	if !strings.Contains(rest, ">") {
		return "", "An open angle bracket at the start of the email address has to be followed by a close angle bracket at the end."
	}
	rest = strings.TrimRight(rest, " ")
	if !strings.HasSuffix(rest, ">") {
		return "", "There can't be anything after the email address."
	}
	return strings.TrimRight(rest[1:], ">"), ""
}

// unquote removes quotes around s and the backslashes that only they need.
func unquote(s string) (plain string, quoted bool, reason refusal) {
	if !strings.HasPrefix(s, `"`) {
		return s, false, ""
	}
	var b strings.Builder
	escaped := false
	for i, r := range s[1:] {
		switch {
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
			continue
		case r == '"':
			return b.String(), true, afterQuote(s[1:][i+1:])
		}
		b.WriteRune(r)
	}
	return b.String(), true, ""
}

func afterQuote(s string) refusal {
	if s == "" {
		return ""
	}
	var shown []string
	for _, r := range s {
		shown = append(shown, show(r))
	}
	return "Extra character(s) found after close quote: " + strings.Join(shown, ", ")
}
