package invoice

import (
	"encoding/binary"
	"slices"
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/go-text/typesetting/language"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// unknown stands for letters that the fonts do not have.
const unknown = '\u25A1'

// inMetadata is a text as a file's metadata have it: UTF-16 with the mark of its
// order in front (ISO 32000-1, section 7.9.2.2). The library's own function for
// that knows no characters beyond the first 65,536, and panics at a text that
// breaks off within one.
func inMetadata(s string) string {
	out := []byte{0xfe, 0xff}
	for _, unit := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return string(out)
}

// printable is text that the fonts can show: composed, without control
// characters, and with a box for each letter that none has.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case strings.ContainsRune("\n\t\r\u0085\u2028\u2029", r): // the last ones would end a line of Hebrew
			return ' '
		case r < ' ', r == 0x7f, turns(r):
			return -1
		}
		return r
	}, s) // first, because what stood around them may compose
	return strings.Map(func(r rune) rune {
		if typefaceOf(r) != nil || hint(r) {
			return r
		}
		return unknown
	}, norm.NFC.String(s))
}

// turns are characters that make text run the other way whatever its letters
// are. On an invoice they would only serve to show a name that is not the name.
func turns(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069
}

// hint is an invisible character that says how its neighbours join, run or look.
func hint(r rune) bool {
	return r >= 0x200b && r <= 0x200f || r >= 0x2060 && r <= 0x2064 || r == 0x061c ||
		r >= 0x0300 && unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
}

// run is a piece of text in one font and direction, in the order in which it is
// read. Where it is not shaped, each letter is one that stands for itself.
type run struct {
	text   string
	face   *typeface
	script language.Script
	shaped bool
	right  bool // it runs from the right
}

// layout brings a line of printable text into the pieces that stand on it from
// left to right.
func layout(text string) (out []run) {
	if simple(text) {
		return []run{{text: text, face: dejavu}}
	}
	for _, part := range visual(text) {
		list := split(part.text, part.right())
		if part.right() {
			slices.Reverse(list)
		}
		for _, r := range list {
			if n := len(out) - 1; n >= 0 && out[n].joins(r) {
				out[n].text += r.text
				continue
			}
			out = append(out, r)
		}
	}
	return out
}

// joins says whether two pieces can be drawn as one.
func (r run) joins(next run) bool {
	return !r.shaped && !next.shaped && r.face == next.face && !r.right && !next.right
}

// simple says whether the first font has all of a text, and every letter stands
// for itself, from left to right. Most texts are like that.
func simple(text string) bool {
	for _, r := range text {
		if r >= 0x0300 && (combines(r) || hint(r) || runsRight(r) || typefaceOf(r) != dejavu) {
			return false
		}
	}
	return true
}

// combines says whether a character belongs to the letter before it.
func combines(r rune) bool { return unicode.Is(unicode.M, r) }

func runsRight(r rune) bool {
	return r >= 0x0590 && r <= 0x08ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff
}

// split divides text of one direction by font and script.
func split(text string, right bool) (out []run) {
	for _, r := range text {
		face, script := typefaceOf(r), language.LookupScript(r)
		n := len(out) - 1
		switch {
		case hint(r):
			if n < 0 || !out[n].shaped {
				continue // there is nothing that it could tell
			}
		case n < 0 || !out[n].takes(r, face, script):
			out = append(out, run{face: face, script: script, right: right, shaped: face.shapes(false)})
			n++
		}
		last := &out[n]
		last.text += string(r)
		if !last.script.Strong() {
			last.script = script
		}
		if combines(r) || right && script.Strong() {
			last.shaped = last.face.shapes(true)
		}
	}
	return out
}

// takes says whether a letter goes on with a piece: marks stay with their
// letters, and so does what no script has for itself, such as the danda of India.
// Spaces and commas of what is shaped do because some readers overlook a space
// that stands alone, or see one where there is none.
func (r *run) takes(letter rune, face *typeface, script language.Script) bool {
	switch {
	case combines(letter), !script.Strong() && (face.letters != nil || r.right),
		r.face.letters != nil && strings.ContainsRune(" ,.:;", letter):
		return r.face.has(letter)
	case face != r.face:
		return false
	}
	return script == r.script || !script.Strong() || !r.script.Strong()
}

// level is a piece of text whose letters run in one direction: from the left
// where it is even. A number within what runs from the right is one level deeper.
type level struct {
	text  string
	depth int
}

func (l level) right() bool { return l.depth%2 == 1 }

// visual brings a line from the order in which it is read into that in which its
// pieces stand (UAX 9, rule L2).
func visual(line string) []level {
	list := levels(line)
	for depth := 2; depth > 0; depth-- {
		for i := 0; i < len(list); i++ {
			from := i
			for i < len(list) && list[i].depth >= depth {
				i++
			}
			slices.Reverse(list[from:i])
		}
	}
	return list
}

// levels are the pieces of a line in the order in which they are read.
func levels(line string) (out []level) {
	var p bidi.Paragraph
	if !strings.ContainsFunc(line, runsRight) {
		return []level{{line, 0}}
	}
	if _, err := p.SetString(line); err != nil {
		return []level{{line, 0}}
	}
	order, err := p.Order()
	if err != nil {
		return []level{{line, 0}}
	}
	right := startsRight(line)
	for i := range order.NumRuns() {
		text := order.Run(i)
		switch {
		case text.Direction() == bidi.RightToLeft:
			out = append(out, level{text.String(), 1})
		case right:
			out = append(out, level{text.String(), 2})
		default: // the library does not tell a number from the words behind it
			number := 0
			if i > 0 {
				number = leadingNumber(text.String())
			}
			out = append(out, level{text.String()[:number], 2}, level{text.String()[number:], 0})
		}
	}
	return slices.DeleteFunc(out, func(l level) bool { return l.text == "" })
}

// leadingNumber is how much of a text is a number that it begins with.
func leadingNumber(text string) (n int) {
	for i, r := range text {
		p, size := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.EN, bidi.AN, bidi.ET:
			n = i + size
		case bidi.ES, bidi.CS, bidi.NSM, bidi.BN:
		default:
			return n
		}
	}
	return n
}

// startsRight says whether the first letter of a line that has a direction
// runs from the right: then the whole line does.
func startsRight(line string) bool {
	for _, r := range line {
		p, _ := bidi.LookupRune(r)
		switch p.Class() {
		case bidi.L:
			return false
		case bidi.R, bidi.AL:
			return true
		}
	}
	return false
}

// breaks are the places within a text where a line may end.
func breaks(text string) (out []int) {
	before := rune(0)
	for at, r := range text {
		if at > 0 && (before == ' ' && r != ' ' || parts(before, r)) {
			out = append(out, at)
		}
		before = r
	}
	return append(out, len(text))
}

// parts says whether a line may end between two letters without a space: between
// any two of Chinese, Japanese and Korean, and of the scripts that write words
// without spaces, Thai, Lao, Khmer and Burmese, where whole letters end. Where
// their words end is not known.
func parts(before, r rune) bool {
	if typefaceOf(r) == droid {
		return true
	}
	if !unicode.In(r, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) {
		return false
	}
	behind := r >= 0x0e30 && r <= 0x0e3a || r >= 0x0e45 && r <= 0x0e4e || r >= 0x0eb0 && r <= 0x0ebc
	ahead := before >= 0x0e40 && before <= 0x0e44 || before >= 0x0ec0 && before <= 0x0ec4
	return !behind && !ahead && whole(before, r)
}

// whole says whether a letter ends between two characters: what no line may
// divide even where a word is longer than the line.
func whole(before, r rune) bool {
	return !combines(r) && !hint(r) && !hint(before) && norm.NFC.PropertiesString(string(before)).CCC() != virama
}

// virama is the class of the signs that join a letter with the next one.
const virama = 9
