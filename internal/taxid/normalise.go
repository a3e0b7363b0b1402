package taxid

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLength bounds the work one value can cause. The longest real tax id,
// with every separator anyone puts in it, is under half of this.
const maxLength = 64

// lookalikes maps characters that word processors, spreadsheets and keyboards
// put in place of plain punctuation. Whole Unicode categories and digit
// blocks are handled in foldRune.
var lookalikes = mapTo(map[rune]string{
	// Minus signs, macrons, line-drawing strokes and the Ogham space, which
	// prints as a stroke.
	'-':  "\u2212\u207B\u208B\u02D7\u2043\u00AF\u203E\uFFE3\u1680\u180A\u23AF\u23BA\u23BB\u23BC\u23BD\u23E4\u2500\u2501\u00AD",
	'.':  "\u00B7\u0387\u06D4\u3002\uFF61\u0701\u0702\u2022\u2024\u2027\u2E31\u2E33\u30FB\uFF65\uFE52\uFF0E\u02D9\u2219\u22C5\u16EB\u0F0B",
	',':  "\u060C\u066B\u066C\u201A\u3001\uFF64\uFE10\uFE50\uFE51\uFF0C\u2E34\u2E32\u00B8\u2032",
	'/':  "\u2044\u2215\u27CB\u29F8\uFF0F",
	':':  "\u1361\u16EC\u1804\uFE13\uFE30\uFE55\uFF1A\u2236",
	'*':  "\u066D\u070D\u2055\uFE61\uFF0A\u2217\u22C6\u204E\u2731\u2732\u2733\u273A\u273B\u273C\u273D",
	'+':  "\uFF0B\uFE62\u207A\u208A",
	'\'': "\u2018\u2019\u201B\u02BC\u02B9\u02BB\u02BD\u00B4\uFF07\u05F3\uA78C",
})

// mapTo turns "this character stands for these" round into a lookup table.
func mapTo(byTarget map[rune]string) map[rune]rune {
	table := make(map[rune]rune)
	for target, sources := range byTarget {
		for _, source := range sources {
			table[source] = target
		}
	}
	return table
}

// fold replaces look-alike characters by their ASCII counterparts and trims
// the ends. It refuses values too long to be any tax id.
func fold(value string) (string, bool) {
	value = strings.TrimSpace(value)
	if utf8.RuneCountInString(value) > maxLength {
		return "", false
	}
	return strings.TrimSpace(strings.Map(foldRune, value)), true
}

// foldRune maps one character to its plain form, or leaves it alone.
func foldRune(r rune) rune {
	if r < utf8.RuneSelf {
		return r
	}
	if plain, ok := lookalikes[r]; ok {
		return plain
	}
	switch {
	case r >= '\uFF10' && r <= '\uFF19': // full-width digits
		return '0' + r - '\uFF10'
	case r >= 0x1D7CE && r <= 0x1D7FF: // mathematical digits, five styles of ten
		return '0' + (r-0x1D7CE)%10
	case unicode.Is(unicode.Pd, r):
		return '-'
	case unicode.Is(unicode.Zs, r):
		return ' '
	}
	return r
}

// A rule says how one kind of number is written and when it is right. The
// steps run in the order of the fields.
type rule struct {
	strip    string                   // characters to delete wherever they are
	upper    bool                     // letters are upper-cased
	drop     []string                 // country prefixes, of which one is removed
	complete func(s string) string    // adds what people leave out
	accept   func(s string) (ok bool) // judges the result; any string may come in
}

// validate normalises s by the rule and judges the outcome.
func (r rule) validate(s string) (string, bool) {
	s = stripAll(s, r.strip)
	if r.upper {
		s = strings.ToUpper(s)
	}
	s = strings.TrimSpace(s)
	for _, prefix := range r.drop {
		if rest, found := strings.CutPrefix(s, prefix); found {
			s = rest
			break
		}
	}
	if r.complete != nil {
		s = r.complete(s)
	}
	return s, r.accept(s)
}

// stripAll deletes every character of set from s.
func stripAll(s, set string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(set, r) {
			return -1
		}
		return r
	}, s)
}

// padTo returns a completion that puts zeros in front up to n characters.
func padTo(n int) func(string) string {
	return func(s string) string {
		if missing := n - len(s); missing > 0 {
			return strings.Repeat("0", missing) + s
		}
		return s
	}
}

// padFrom returns a completion that puts one zero in front of a number of
// exactly n characters: registers that outgrew a digit print both lengths.
func padFrom(n int) func(string) string {
	return func(s string) string {
		if len(s) == n {
			return "0" + s
		}
		return s
	}
}
