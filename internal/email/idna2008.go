package email

import (
	"slices"
	"strings"
	"unicode"
)

// isRegistrable reports whether a character may stand in a domain label under
// RFC 5892. That RFC derives the answer from properties of characters; the
// parts of its formula that only concern characters which mapping has already
// replaced are left out.
func isRegistrable(r rune) bool {
	switch {
	case strings.ContainsRune("-ßς۽۾་〇", r) || 0x13a0 <= r && r <= 0x13f5: // Cherokee folds to upper case
		return true
	case strings.ContainsRune("ـߺ〮〯〱〲〳〴〵〻", r) || unicode.Is(unregistrable, r) || unicode.IsUpper(r):
		return false
	case r < 0x80:
		return isAlnum(byte(r))
	}
	return unicode.In(r, unicode.Ll, unicode.Lo, unicode.Lm, unicode.Mn, unicode.Mc, unicode.Nd)
}

// unregistrable has blocks of letters that are not for names: conjoining Hangul
// and marks for symbols and music, and invisible selectors.
var unregistrable = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0x034f, 0x034f, 1},
		{0x1100, 0x11ff, 1},
		{0x17b4, 0x17b5, 1},
		{0x180b, 0x180f, 1},
		{0x20d0, 0x20ff, 1},
		{0xa960, 0xa97c, 1},
		{0xd7b0, 0xd7fb, 1},
		{0xfe00, 0xfe0f, 1},
	},
	R32: []unicode.Range32{
		{0x1d100, 0x1d24f, 1},
		{0xe0100, 0xe01ef, 1},
	},
}

// isContextual reports whether a character is allowed only among certain
// others (RFC 5892, appendix A).
func isContextual(r rune) bool {
	return strings.ContainsRune("\u200c\u200d·͵׳״・", r) || isArabicDigit(r) || isExtendedDigit(r)
}

func isArabicDigit(r rune) bool { return 0x660 <= r && r <= 0x669 }

func isExtendedDigit(r rune) bool { return 0x6f0 <= r && r <= 0x6f9 }

// fitsContext applies the rule of the contextual character at i. Joiners are
// checked with the label as a whole.
func fitsContext(label []rune, i int) bool {
	around := func(offset int) rune {
		if j := i + offset; j >= 0 && j < len(label) {
			return label[j]
		}
		return -1
	}
	switch r := label[i]; {
	case r == '·':
		return around(-1) == 'l' && around(1) == 'l'
	case r == '͵':
		return unicode.Is(unicode.Greek, around(1))
	case r == '׳' || r == '״':
		return unicode.Is(unicode.Hebrew, around(-1))
	case r == '・':
		return slices.ContainsFunc(label, func(r rune) bool {
			return r != '・' && unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han)
		})
	case isArabicDigit(r):
		return !slices.ContainsFunc(label, isExtendedDigit)
	case isExtendedDigit(r):
		return !slices.ContainsFunc(label, isArabicDigit)
	}
	return true
}
