package invoice

import (
	"slices"
	"strings"
)

// sign is a Thai sign that does not stand where the font has it: a tone goes
// above a vowel that is there already, and what stands over a letter with a tall
// stem goes to the left of the stem. A font says so in tables that the library
// for PDF does not read. Both are parts of the size of the font.
type sign struct {
	at       int // where in the text it belongs
	text     string
	up, left float64
}

const (
	above  = 0.21 // how much higher a tone over a vowel is
	beside = 0.17 // how far to the left of a stem
)

func isTone(r rune) bool { return r >= 0x0e48 && r <= 0x0e4c }
func isUpper(r rune) bool {
	return r == 0x0e31 || r >= 0x0e34 && r <= 0x0e37 || r == 0x0e47 || r == 0x0e4d
}
func isTall(r rune) bool { return r == 0x0e1b || r == 0x0e1d || r == 0x0e1f || r == 0x0e2c }

// lift takes the signs out of a text that have to be moved.
func lift(text string) (rest string, moved []sign) {
	letters := []rune(text)
	if !slices.ContainsFunc(letters, func(r rune) bool { return isTone(r) || isUpper(r) }) {
		return text, nil
	}
	var out strings.Builder
	var base rune
	vowel := false // whether there is one over the base
	for i, r := range letters {
		if !isTone(r) && !isUpper(r) {
			if r < 0x0e38 || r > 0x0e3a { // a vowel below changes nothing above
				base, vowel = r, false
			}
			out.WriteRune(r)
			continue
		}
		m := sign{at: out.Len(), text: string(r)}
		am := i+1 < len(letters) && letters[i+1] == 0x0e33 // which begins with a ring over the base
		if isTone(r) && (vowel || am) {
			m.up = above
		}
		if isTall(base) {
			m.left = beside
		}
		vowel = vowel || isUpper(r)
		if m.up == 0 && m.left == 0 {
			out.WriteRune(r)
			continue
		}
		moved = append(moved, m)
	}
	return out.String(), moved
}

// piece draws text of one font at the place where the page is, and goes on
// behind it.
func (p page) piece(text string, h float64) {
	x, y := p.GetXY()
	rest, moved := lift(text)
	end := x + p.GetStringWidth(rest)
	p.CellFormat(end-x, h, rest, "", 0, "L", false, 0, "")
	_, size := p.GetFontSize()
	for _, m := range moved {
		p.SetXY(x+p.GetStringWidth(rest[:m.at])-m.left*size, y-m.up*size)
		p.CellFormat(size, h, m.text, "", 0, "L", false, 0, "")
	}
	p.SetXY(end, y)
}
