// Package locale checks the language tag of a customer and brings it into one
// spelling.
//
// It is for tags that people and programs write in many ways ("en_us", "eng",
// "iw"). It is not for choosing a translation, naming languages or formatting
// numbers.
//
// The rules are those of BCP 47 with the CLDR replacements: "_" separates like
// "-", deprecated and three-letter codes give way to the current ones, and a
// script that goes without saying is dropped. A tag must start with a
// registered language: "und" and purely private tags say nothing that we could
// use, although BCP 47 allows them.
package locale

import (
	"slices"
	"strings"
)

// tag is a language tag in pieces, in the order in which they are written.
type tag struct {
	language, script, region string
	variants, extensions     []string
	private                  string
}

// Parse returns the standard spelling of a language tag, or false when s is
// not a valid one. It does not trim: a tag with spaces around it is invalid.
func Parse(s string) (canonical string, ok bool) {
	// The longest useful tags have some 40 characters; the bound keeps absurd
	// private-use tails out of the database.
	if len(s) > maxLength || !isASCII(s) {
		return "", false
	}
	s = strings.ReplaceAll(strings.ToLower(s), "_", "-")
	if modern, found := wholeTags[s]; found {
		s = modern
	}
	t, ok := parse(strings.Split(s, "-"))
	if !ok {
		return "", false
	}
	t.dropDefaultScript()
	return t.String(), true
}

const maxLength = 255

// parse reads the subtags in the order that BCP 47 prescribes. What is left
// over at the end is out of place and makes the whole tag invalid.
func parse(subtags []string) (t tag, ok bool) {
	if subtags, ok = t.takeLanguage(subtags); !ok {
		return t, false
	}
	for _, take := range []func([]string) ([]string, bool){
		t.takeScript, t.takeRegion, t.takeVariants, t.takeExtensions, t.takePrivate,
	} {
		if subtags, ok = take(subtags); !ok {
			return t, false
		}
	}
	return t, len(subtags) == 0
}

// takeLanguage reads the language, and the extended language that may follow
// it. "zh-yue" and "yue" are the same; the short form is the preferred one.
func (t *tag) takeLanguage(subtags []string) (rest []string, ok bool) {
	code, rest := subtags[0], subtags[1:]
	if len(rest) > 0 && len(rest[0]) == 3 && isAlpha(rest[0]) {
		if code, ok = extended(code, rest[0]); !ok {
			return nil, false
		}
		rest = rest[1:]
	}
	t.language, t.script, t.region, ok = canonicalLanguage(code)
	return rest, ok
}

func (t *tag) takeScript(subtags []string) (rest []string, ok bool) {
	if len(subtags) == 0 || len(subtags[0]) != 4 || !isAlpha(subtags[0]) {
		return subtags, true
	}
	t.script, ok = canonicalScript(subtags[0])
	return subtags[1:], ok
}

func (t *tag) takeRegion(subtags []string) (rest []string, ok bool) {
	if len(subtags) == 0 || !looksLikeRegion(subtags[0]) {
		return subtags, true
	}
	t.region, ok = canonicalRegion(subtags[0])
	return subtags[1:], ok
}

func looksLikeRegion(s string) bool {
	return len(s) == 2 && isAlpha(s) || len(s) == 3 && isDigit(s)
}

// takeVariants reads the variants and sorts them: their order means nothing.
// The same variant twice is invalid.
func (t *tag) takeVariants(subtags []string) (rest []string, ok bool) {
	for len(subtags) > 0 && len(subtags[0]) > 3 {
		v := subtags[0]
		if !isVariant(v) || slices.Contains(t.variants, v) {
			return nil, false
		}
		t.variants = append(t.variants, v)
		subtags = subtags[1:]
	}
	slices.Sort(t.variants)
	return subtags, true
}

// takeExtensions reads groups such as "u-ca-japanese". Each letter may start
// one group only. What the groups mean is not looked at.
func (t *tag) takeExtensions(subtags []string) (rest []string, ok bool) {
	for len(subtags) > 0 && len(subtags[0]) == 1 && subtags[0] != "x" {
		end := 1
		for end < len(subtags) && len(subtags[end]) > 1 {
			end++
		}
		group := strings.Join(subtags[:end], "-")
		if end == 1 || !isAlpha(subtags[0]) || !areSubtags(subtags[:end]) || t.hasExtension(group[:2]) {
			return nil, false
		}
		t.extensions = append(t.extensions, group)
		subtags = subtags[end:]
	}
	return subtags, true
}

func (t *tag) hasExtension(start string) bool {
	return slices.ContainsFunc(t.extensions, func(e string) bool { return strings.HasPrefix(e, start) })
}

// takePrivate reads what follows an "x": anything, up to the end.
func (t *tag) takePrivate(subtags []string) (rest []string, ok bool) {
	if len(subtags) == 0 || subtags[0] != "x" {
		return subtags, true
	}
	t.private = strings.Join(subtags, "-")
	return nil, len(subtags) > 1 && areSubtags(subtags)
}

// String writes the tag with the usual casing, which the pieces already have.
func (t *tag) String() string {
	parts := []string{t.language}
	for _, part := range []string{t.script, t.region} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	parts = append(parts, t.variants...)
	parts = append(parts, t.extensions...)
	if t.private != "" {
		parts = append(parts, t.private)
	}
	return strings.Join(parts, "-")
}

func areSubtags(subtags []string) bool {
	return !slices.ContainsFunc(subtags, func(s string) bool {
		return len(s) == 0 || len(s) > 8 || !isAlnum(s)
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

func isAlpha(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < 'a' || r > 'z' })
}

func isDigit(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}

func isAlnum(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
}
