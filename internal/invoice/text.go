package invoice

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"unicode/utf16"

	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// DejaVu Sans Condensed covers what is written in Latin, Greek, Cyrillic,
// Armenian, Georgian, Hebrew and Arabic letters, among others. Droid Sans
// Fallback has Chinese, Japanese and Korean, and nothing else, Noto Sans Thai
// has Thai. None has the letters of India, whose forms depend on their
// neighbours in ways that nothing here knows.
const family = "dejavu"

var (
	//go:embed fonts/DejaVuSansCondensed.ttf.gz
	regularFont []byte
	//go:embed fonts/DejaVuSansCondensed-Bold.ttf.gz
	boldFont []byte
	//go:embed fonts/DroidSansFallback.ttf.gz
	droidFont []byte
	//go:embed fonts/NotoSansThai-Regular.ttf.gz
	thaiFont []byte
)

type fonts struct{ regular, bold []byte }

var loadFonts = sync.OnceValues(func() (f fonts, err error) {
	if f.regular, err = unpack(regularFont); err != nil {
		return f, err
	}
	f.bold, err = unpack(boldFont)
	return f, err
})

// other is a font for letters that the first does not have. It is unpacked when
// there is such a letter: one is large, and most never need any. It has no bold.
type other struct {
	family   string
	load     func() ([]byte, error)
	coverage func() func(rune) bool
}

func newOther(family string, packed *[]byte) *other {
	o := &other{family: family, load: sync.OnceValues(func() ([]byte, error) { return unpack(*packed) })}
	o.coverage = sync.OnceValue(func() func(rune) bool { return covers(o.load()) })
	return o
}

// others are asked in this order, the small one first.
var others = []*other{newOther("thai", &thaiFont), newOther("droid", &droidFont)}

func unpack(packed []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("unpack a font: %w", err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpack a font: %w", err)
	}
	return text, nil
}

// unknown stands for letters that the font does not have.
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
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case r < ' ', r == 0x7f:
			return -1
		}
		return r
	}, s) // first, because what stood around them may compose
	known := coverage()
	return strings.Map(func(r rune) rune {
		if known(r) || otherOf(r) != nil {
			return r
		}
		return unknown
	}, shape(norm.NFC.String(s)))
}

// otherOf is the font that a letter is printed with when it is not the first.
func otherOf(r rune) *other {
	if coverage()(r) {
		return nil
	}
	for _, o := range others {
		if o.coverage()(r) {
			return o
		}
	}
	return nil
}

func inOther(r rune) bool { return otherOf(r) != nil }

// run is a piece of text in one font.
type run struct {
	text  string
	other *other
}

func runs(text string) (out []run) {
	from, was := 0, (*other)(nil)
	for at, r := range text {
		if o := otherOf(r); o != was {
			if at > from {
				out = append(out, run{text[from:at], was})
			}
			from, was = at, o
		}
	}
	return append(out, run{text[from:], was})
}

// parts says whether a line may end between two letters, the second of which is
// in another font: between any two of Chinese, Japanese and Korean; in Thai not
// before what stands on or behind a letter, nor after what is written before one.
// Where its words end is not known.
func parts(before, r rune) bool {
	behind := r >= 0x0e30 && r <= 0x0e3a || r >= 0x0e45 && r <= 0x0e4e
	ahead := before >= 0x0e40 && before <= 0x0e44
	return inOther(r) && !behind && !ahead
}

// visual brings a line from the order in which it is read into that in which
// it stands: Hebrew and Arabic run from the right.
func visual(line string) string {
	if !strings.ContainsFunc(line, rightToLeft) {
		return line
	}
	var p bidi.Paragraph
	if _, err := p.SetString(line); err != nil {
		return line
	}
	order, err := p.Order()
	if err != nil {
		return line
	}
	// Runs come in the order in which they are read.
	runs := make([]string, order.NumRuns())
	for i := range runs {
		run := order.Run(i)
		runs[i] = run.String()
		if run.Direction() == bidi.RightToLeft {
			runs[i] = bidi.ReverseString(runs[i])
		}
	}
	if startsRight(line) {
		slices.Reverse(runs)
	}
	return strings.Join(runs, "")
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

func rightToLeft(r rune) bool {
	return r >= 0x0590 && r <= 0x08ff || r >= 0xfb1d && r <= 0xfdff || r >= 0xfe70 && r <= 0xfeff
}

// coverage says which letters the regular font has. Where one cannot be read all
// are said to be there: Render says it.
var coverage = sync.OnceValue(func() func(rune) bool {
	f, err := loadFonts()
	return covers(f.regular, err)
})

func covers(font []byte, err error) func(rune) bool {
	if err != nil {
		return func(rune) bool { return true }
	}
	ranges := cmapRanges(font)
	return func(r rune) bool {
		_, ok := slices.BinarySearchFunc(ranges, r, func(x [2]rune, r rune) int {
			switch {
			case r < x[0]:
				return 1
			case r > x[1]:
				return -1
			}
			return 0
		})
		return ok
	}
}

// cmapRanges reads the ranges of a TrueType font's table of letters, "cmap", in
// the format for the basic plane.
func cmapRanges(font []byte) [][2]rune {
	u16 := func(at int) int { return int(binary.BigEndian.Uint16(font[at:])) }
	u32 := func(at int) int { return int(binary.BigEndian.Uint32(font[at:])) }
	var out [][2]rune
	for i := range u16(4) {
		entry := 12 + 16*i
		if string(font[entry:entry+4]) != "cmap" {
			continue
		}
		cmap := u32(entry + 8)
		for j := range u16(cmap + 2) {
			table := cmap + u32(cmap+4+8*j+4)
			if u16(table) != 4 {
				continue
			}
			segments := u16(table+6) / 2
			for k := range segments {
				last, first := u16(table+14+2*k), u16(table+16+2*segments+2*k)
				if last != 0xffff {
					out = append(out, [2]rune{rune(first), rune(last)})
				}
			}
			return out
		}
	}
	return out
}
