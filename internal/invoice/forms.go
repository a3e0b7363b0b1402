package invoice

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf16"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
)

// The library draws a letter with the glyph that a font's table of letters,
// "cmap", names for it, and knows no others. So what was shaped is drawn with a
// copy of the font that has another such table: it numbers the glyphs of one
// document, each with the text that it stands for there. That text is told to
// readers afterwards, so that names can be found and copied.

// form is a glyph and what it stands for.
type form struct {
	glyph font.GID
	text  string
}

// forms are those of one font that a document needs. The number of one is its
// place in the list.
type forms struct {
	list    []form
	numbers map[form]int
}

const (
	firstForm = 0x0100 // the library gives widths to all below
	mostForms = 32_000 // as many as such a table has room for
)

// letter is what the library is told to draw. Where there are too many forms, one
// is drawn whose text is another's.
func (f *forms) letter(g font.GID, text string) rune {
	want := form{g, text}
	n, ok := f.numbers[want]
	if !ok && len(f.list) < mostForms {
		n, ok = len(f.list), true
		f.list = append(f.list, want)
		f.numbers[want] = n
	}
	if !ok {
		n = max(0, slices.IndexFunc(f.list, func(x form) bool { return x.glyph == g }))
	}
	return rune(firstForm + n)
}

// file is the font with these forms as its letters.
func (f *forms) file(t *typeface) ([]byte, error) {
	l, err := t.loader()
	if err != nil {
		return nil, err
	}
	var out []opentype.Table
	for _, tag := range l.Tables() {
		content, err := l.RawTable(tag)
		if err != nil {
			return nil, fmt.Errorf("read the font %s: %w", t.family, err)
		}
		switch tag.String() {
		case "GDEF", "GPOS", "GSUB", "kern": // what shaping has read
			continue
		case "cmap":
			content = f.cmap()
		}
		out = append(out, opentype.Table{Tag: tag, Content: content})
	}
	slices.SortFunc(out, func(a, b opentype.Table) int { return int(int64(a.Tag) - int64(b.Tag)) })
	return opentype.WriteTTF(out), nil
}

// cmap is a table of letters in format 4, with one range of them and the one
// that ends it.
func (f *forms) cmap() []byte {
	n := uint16(len(f.list))
	words := []uint16{
		0, 1, 3, 1, 0, 12, // version, one table, for Windows and the basic plane, which begins behind this
		4, 16 + 2*8 + 2*n, 0, 2 * 2, 4, 1, 0, // format, length, language, twice the ranges, and how to search in them
		firstForm + n - 1, 0xffff, 0, firstForm, 0xffff, 0, 1, // their ends and beginnings, and what is added
		4, 0, // where the glyphs are, counted from here
	}
	for _, x := range f.list {
		words = append(words, uint16(x.glyph))
	}
	var out []byte
	for _, w := range words {
		out = binary.BigEndian.AppendUint16(out, w)
	}
	return out
}

// texts is the table by which readers know what forms stand for (ISO 32000-1,
// section 9.10.3).
func (f *forms) texts() string {
	var b strings.Builder
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n/CMapName /Adobe-Identity-UCS def\n" +
		"/CMapType 2 def\n1 begincodespacerange\n<0000> <FFFF>\nendcodespacerange\n")
	number := firstForm
	for part := range slices.Chunk(f.list, 100) { // more are not allowed
		fmt.Fprintf(&b, "%d beginbfchar\n", len(part))
		for _, x := range part {
			text := x.text
			if text == "" {
				text = nothing
			}
			fmt.Fprintf(&b, "<%04X> <%s>\n", number, utf16Hex(text))
			number++
		}
		b.WriteString("endbfchar\n")
	}
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend")
	return b.String()
}

// nothing is the text of a glyph that has none of its own: a space without width,
// which readers leave out.
const nothing = "\u200b"

func utf16Hex(s string) string {
	var out []byte
	for _, unit := range utf16.Encode([]rune(s)) {
		out = binary.BigEndian.AppendUint16(out, unit)
	}
	return strings.ToUpper(hex.EncodeToString(out))
}

// formsName is what the library knows a font with forms by.
func formsName(t *typeface) string { return strings.ToLower(t.family+t.style) + "forms" }

// formFonts is where a file names a font with forms and the table of its texts.
var formFonts = regexp.MustCompile(`/BaseFont /utf8(\w+forms)\n/Encoding /Identity-H\n/DescendantFonts \[\d+ 0 R\]\n/ToUnicode (\d+) 0 R`)

// withTexts adds the texts of forms to a file, in the way in which files are
// changed: newer versions of objects stand at the end (ISO 32000-1, section 7.5.6).
func withTexts(pdf []byte, all map[string]*forms) []byte {
	trailer, start := bytes.LastIndex(pdf, []byte("trailer\n")), bytes.LastIndex(pdf, []byte("startxref\n"))
	keys := bytes.TrimSuffix(bytes.TrimSpace(pdf[trailer:start]), []byte(">>"))
	before := bytes.TrimSuffix(bytes.TrimSpace(pdf[start+len("startxref\n"):]), []byte("%%EOF"))
	out, table := slices.Clone(pdf), "xref\n"
	for _, m := range formFonts.FindAllSubmatch(pdf, -1) {
		text := all[string(m[1])].texts()
		table += fmt.Sprintf("%s 1\n%010d 00000 n \n", m[2], len(out))
		out = fmt.Appendf(out, "%s 0 obj\n<</Length %d>>\nstream\n%s\nendstream\nendobj\n", m[2], len(text), text)
	}
	return fmt.Appendf(out, "%s%s/Prev %s>>\nstartxref\n%d\n%%%%EOF\n", table, keys, before, len(out))
}
