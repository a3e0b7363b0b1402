// Package email checks an e-mail address and brings it into the form in which
// it is stored and compared.
//
// It judges the text alone, with the rules and the words that clients of the
// API know: those of python's email-validator 2. It is not for finding out
// whether a domain takes mail, nor for sending any.
package email

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const (
	maxInput   = 2048 // characters
	maxAddress = 254  // bytes
	maxDomain  = 253  // bytes in ASCII form
	maxLabel   = 63   // bytes in ASCII form
)

// refusal is why an address is not accepted, in the words of the API. The
// empty refusal means that nothing is wrong.
type refusal = string

// sharedMailboxes are names that mean the same in any letter case (RFC 2142).
var sharedMailboxes = map[string]bool{
	"info": true, "marketing": true, "sales": true, "support": true,
	"abuse": true, "noc": true, "security": true,
	"postmaster": true, "hostmaster": true, "usenet": true, "news": true,
	"webmaster": true, "www": true, "uucp": true, "ftp": true,
}

// Parse returns the normalised form of an address: the local part as written,
// in Unicode form C, and the domain in lower case and in its Unicode form.
// "Name <addr>" counts as addr. When the address is not accepted, reason says
// why; otherwise it is empty.
func Parse(s string) (normalised string, reason string) {
	if normalised, ok := parsePlain(s); ok {
		return normalised, ""
	}
	if utf8.RuneCountInString(s) > maxInput {
		return "", fmt.Sprintf("Length must not exceed %d characters", maxInput)
	}
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	return parse(trimSpace(stripName(s)))
}

// Key returns the form under which two spellings of a stored address are the
// same: mail systems that tell "A@x.com" and "a@x.com" apart are a theory.
func Key(s string) string { return strings.ToLower(s) }

// Domain returns what follows the last "@", in lower case.
func Domain(s string) string {
	return strings.ToLower(s[strings.LastIndexByte(s, '@')+1:])
}

// parse handles a bare address.
func parse(s string) (normalised string, reason refusal) {
	a, reason := split(s)
	if reason != "" {
		return "", reason
	}
	if a.named {
		return "", "A display name and angle brackets around the email address are not permitted here."
	}
	local, reason := parseLocal(a.local, a.quoted)
	if reason != "" {
		return "", reason
	}
	if a.quoted {
		return "", "Quoting the part before the @-sign is not allowed here."
	}
	domain, ascii, reason := parseDomain(a.domain)
	if reason != "" {
		return "", reason
	}
	normalised = local + "@" + domain
	if reason = checkLength(a.local+"@"+a.domain, normalised, local+"@"+ascii); reason != "" {
		return "", reason
	}
	return normalised, ""
}

// parseLocal checks what stands before the "@". Normalisation can yield
// characters that are not allowed, so its result is checked as well.
func parseLocal(local string, quoted bool) (string, refusal) {
	if reason := checkLocal(local, quoted); reason != "" {
		return "", reason
	}
	normalised := norm.NFC.String(local)
	if normalised != local {
		if reason := checkLocal(normalised, quoted); reason != "" {
			return "", "After Unicode normalization: " + reason
		}
	}
	if lower := strings.ToLower(normalised); sharedMailboxes[lower] {
		return lower, ""
	}
	return normalised, ""
}

func checkLocal(local string, quoted bool) refusal {
	if local == "" {
		return "There must be something before the @-sign."
	}
	bad := badChars(local, func(r rune) bool { return r >= 0x80 || isAtext(r) || r == '.' })
	dots := checkDots(local, "An email address cannot start with a %s.",
		"An email address cannot have a %s immediately before the @-sign.")
	switch {
	case bad == "" && dots == "":
		return checkUnsafe(local, false)
	case quoted:
		// Quotes allow nearly everything. That they are not allowed
		// themselves is said only when nothing worse is wrong.
		if bad = badChars(local, func(r rune) bool { return r >= ' ' && r != 0x7f }); bad != "" {
			return "The email address contains invalid characters in quotes before the @-sign: " + bad + "."
		}
		return checkUnsafe(local, true)
	case bad != "":
		return "The email address contains invalid characters before the @-sign: " + bad + "."
	}
	return dots
}

// checkDots refuses periods where no word is. The texts get the word "period".
func checkDots(s, atStart, atEnd string) refusal {
	switch {
	case strings.HasSuffix(s, "."):
		return fmt.Sprintf(atEnd, "period")
	case strings.HasPrefix(s, "."):
		return fmt.Sprintf(atStart, "period")
	case strings.Contains(s, ".."):
		return "An email address cannot have two periods in a row."
	}
	return ""
}

// checkLength applies the limit of SMTP to every form in which the address may
// end up in an envelope.
func checkLength(original, normalised, ascii string) refusal {
	const tooLong = "The email address is too long "
	if over := len(original) - maxAddress; over > 0 {
		return tooLong + "(" + excess(original, over) + " too many)."
	}
	if over := len(normalised) - maxAddress; over > 0 {
		return tooLong + "after normalization (" + plural(over, "byte") + " too many)."
	}
	if over := len(ascii) - maxAddress; over > 0 {
		return tooLong + "when the part after the @-sign is converted to IDNA ASCII (" + plural(over, "byte") + " too many)."
	}
	return ""
}

// excess says by how many characters an address is too long. The limit is in
// bytes, so with characters of several bytes the answer is a range.
func excess(s string, over int) string {
	widest := 1
	for _, r := range s {
		widest = max(widest, utf8.RuneLen(r))
	}
	if least := max(1, over/widest); least != over {
		return fmt.Sprintf("%d-%s", least, plural(over, "character"))
	}
	return plural(over, "character")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
