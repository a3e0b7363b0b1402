package invoice

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
	"github.com/go-text/typesetting/font/opentype/tables"
)

//go:embed fonts/*.gz
var packedFonts embed.FS

// typeface is a font that letters are printed with. It is unpacked when the
// first of them is: one is large, and most people never need any but DejaVu.
type typeface struct {
	family string
	style  string // "B" for bold
	file   string
	// The letters that it is asked for, which change with their neighbours; nil
	// where it is asked last.
	letters []*unicode.RangeTable
	bold    *typeface // where there is one

	load  func() ([]byte, error)     // the TrueType font
	cmap  func() (font.Cmap, error)  // the letters that it has
	parse func() (*font.Font, error) // all that shaping reads
}

func newTypeface(family, style, file string, letters ...*unicode.RangeTable) *typeface {
	t := &typeface{family: family, style: style, file: "fonts/" + file + ".ttf.gz", letters: letters}
	t.load = sync.OnceValues(func() ([]byte, error) { return unpack(t.file) })
	t.cmap = sync.OnceValues(t.readCmap)
	t.parse = sync.OnceValues(t.readAll)
	return t
}

// DejaVu Sans Condensed covers what is written in Latin, Greek, Cyrillic,
// Armenian, Georgian and Hebrew letters, among others. Noto Sans has one font for
// each of the scripts of South and South East Asia, of Ethiopia, and for Arabic.
// Droid Sans Fallback has Chinese, Japanese and Korean, and nothing else.
const family = "dejavu"

var (
	dejavu     = withBold(dejavuBold, newTypeface(family, "", "DejaVuSansCondensed"))
	dejavuBold = newTypeface(family, "B", "DejaVuSansCondensed-Bold")
	droid      = newTypeface("droid", "", "DroidSansFallback")
	arabic     = withBold(arabicBold, newTypeface("notoarabic", "", "NotoSansArabic-Regular", arabicLetters))
	arabicBold = newTypeface("notoarabic", "B", "NotoSansArabic-Bold", arabicLetters)

	noto = []*typeface{
		arabic,
		newNoto("Devanagari", unicode.Devanagari, danda),
		newNoto("Bengali", unicode.Bengali),
		newNoto("Gurmukhi", unicode.Gurmukhi),
		newNoto("Gujarati", unicode.Gujarati),
		newNoto("Oriya", unicode.Oriya),
		newNoto("Tamil", unicode.Tamil),
		newNoto("Telugu", unicode.Telugu),
		newNoto("Kannada", unicode.Kannada),
		newNoto("Malayalam", unicode.Malayalam),
		newNoto("Sinhala", unicode.Sinhala),
		newNoto("Thai", unicode.Thai),
		newNoto("Lao", unicode.Lao),
		newNoto("Khmer", unicode.Khmer),
		newNoto("Myanmar", unicode.Myanmar),
		newNoto("Ethiopic", unicode.Ethiopic),
	}
)

// arabicLetters are all that are written with them, with their digits and signs.
var arabicLetters = &unicode.RangeTable{R16: []unicode.Range16{
	{Lo: 0x0600, Hi: 0x06ff, Stride: 1}, {Lo: 0x0750, Hi: 0x077f, Stride: 1}, {Lo: 0x08a0, Hi: 0x08ff, Stride: 1},
	{Lo: 0xfb50, Hi: 0xfdff, Stride: 1}, {Lo: 0xfe70, Hi: 0xfefc, Stride: 1},
}}

func withBold(bold, t *typeface) *typeface {
	t.bold = bold
	return t
}

// danda ends a sentence in all scripts of India. It is none's own.
var danda = &unicode.RangeTable{R16: []unicode.Range16{{Lo: 0x0964, Hi: 0x0965, Stride: 1}}}

func newNoto(script string, letters ...*unicode.RangeTable) *typeface {
	return newTypeface("noto"+strings.ToLower(script), "", "NotoSans"+script+"-Regular", letters...)
}

// typefaceOf is what a letter is printed with, or nothing where no font has it.
// A font that cannot be read is said to have it: who draws with it says why not.
func typefaceOf(r rune) *typeface {
	if r >= 0x0600 { // those below are in none of Noto's
		for _, t := range noto {
			if unicode.In(r, t.letters...) && t.has(r) {
				return t
			}
		}
	}
	for _, t := range []*typeface{dejavu, droid} {
		if t.has(r) {
			return t
		}
	}
	return nil
}

// shapes says whether text in a font is shaped, all of it or that which asks for
// it. Droid's letters never change, and reading all of it takes long.
func (t *typeface) shapes(asked bool) bool {
	return t.letters != nil || asked && t != droid
}

// has says whether a font has a letter that the library can print, which knows
// no others than the first 65,536.
func (t *typeface) has(r rune) bool {
	if r > 0xffff {
		return false
	}
	cmap, err := t.cmap()
	if err != nil {
		return true
	}
	glyph, _ := cmap.Lookup(r)
	return glyph != 0
}

// copied is the font for one document. Where glyphs are made of those at the end of
// a font, as Korean ones are, the library writes to what it is given.
func (t *typeface) copied() ([]byte, error) {
	data, err := t.load()
	return bytes.Clone(data), err
}

func (t *typeface) loader() (*opentype.Loader, error) {
	data, err := t.load()
	if err != nil {
		return nil, err
	}
	l, err := opentype.NewLoader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("read the font %s: %w", t.family, err)
	}
	return l, nil
}

func (t *typeface) readCmap() (font.Cmap, error) {
	l, err := t.loader()
	if err != nil {
		return nil, err
	}
	raw, err := l.RawTable(opentype.MustNewTag("cmap"))
	if err != nil {
		return nil, fmt.Errorf("read the letters of the font %s: %w", t.family, err)
	}
	table, _, err := tables.ParseCmap(raw)
	if err != nil {
		return nil, fmt.Errorf("read the letters of the font %s: %w", t.family, err)
	}
	cmap, _, err := font.ProcessCmap(table, tables.FPNone)
	return cmap, err
}

func (t *typeface) readAll() (*font.Font, error) {
	l, err := t.loader()
	if err != nil {
		return nil, err
	}
	f, err := font.NewFont(l)
	if err != nil {
		return nil, fmt.Errorf("read the font %s: %w", t.family, err)
	}
	return f, nil
}

func unpack(name string) ([]byte, error) {
	file, err := packedFonts.Open(name)
	if err != nil {
		return nil, fmt.Errorf("unpack a font: %w", err)
	}
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpack %s: %w", name, err)
	}
	return data, nil
}
