package email

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/runenames"
)

// badChars lists the characters of s that are not allowed, each once, sorted
// by how they are shown.
func badChars(s string, allowed func(rune) bool) string {
	var shown []string
	for _, r := range s {
		if !allowed(r) {
			shown = append(shown, show(r))
		}
	}
	slices.Sort(shown)
	return strings.Join(slices.Compact(shown), ", ")
}

// checkUnsafe refuses characters that change how text around them looks or
// that nobody can see: controls, spaces, and marks that would join the "@".
func checkUnsafe(s string, spaceAllowed bool) refusal {
	var bad []rune
	for i, r := range s {
		if !isSafe(r, i == 0, spaceAllowed) {
			bad = append(bad, r)
		}
	}
	if len(bad) == 0 {
		return ""
	}
	slices.Sort(bad)
	var shown []string
	for _, r := range slices.Compact(bad) {
		shown = append(shown, show(r))
	}
	return "The email address contains unsafe characters: " + strings.Join(shown, ", ") + "."
}

func isSafe(r rune, first, spaceAllowed bool) bool {
	switch {
	case isVisible(r):
		return true
	case unicode.Is(unicode.M, r):
		return !first
	case unicode.Is(unicode.Zs, r):
		return spaceAllowed
	}
	return false
}

func isVisible(r rune) bool {
	return unicode.In(r, unicode.L, unicode.N, unicode.P, unicode.S)
}

// show names a character in a message so that the message stays readable:
// quoted when it can be seen, else by its Unicode name or number.
func show(r rune) string {
	switch {
	case r == '\\' || r == '\'':
		return `"` + string(r) + `"`
	case isVisible(r):
		return "'" + string(r) + "'"
	}
	// Ranges of nameless characters have a label in angle brackets.
	if name := runenames.Name(r); name != "" && name[0] != '<' {
		return name
	}
	if r < 0xffff {
		return fmt.Sprintf("U+%04X", r)
	}
	return fmt.Sprintf("U+%08X", r)
}

// isSpace is what python calls white space: four ASCII separators more than Go.
func isSpace(r rune) bool { return unicode.IsSpace(r) || 0x1c <= r && r <= 0x1f }

func trimSpace(s string) string { return strings.TrimFunc(s, isSpace) }
