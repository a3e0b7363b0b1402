package invoice

import (
	"math"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/font/opentype"
)

// pen draws forms from left to right. Those that stand in a row are drawn at once.
// Readers find words by the places of what is written, and marks are nowhere in a
// row, so these are drawn as lines.
type pen struct {
	page
	shaper     *shaper
	forms      *forms
	x, y, size float64 // where the next cluster begins, and the size of the font

	row      []rune
	from, to float64 // where the row begins and ends
	up       float64 // how high it is above the line
}

// word draws a word and the space before it. Where its glyphs are not its letters, one
// after the other, readers are told what is written.
func (p *pen) word(list []cluster) {
	var text string
	hidden := false
	for _, c := range list {
		text += c.text
		hidden = hidden || c.hidden
	}
	if hidden {
		p.end()
		p.RawWriteStr("/Span <</ActualText <FEFF" + utf16Hex(text) + ">>> BDC")
	}
	from := p.x
	for _, c := range list {
		for _, g := range c.row {
			p.glyph(g)
		}
		p.x += c.width * p.size
	}
	if p.end(); hidden {
		p.RawWriteStr("EMC")
	}
	p.x = from
	for _, c := range list {
		for _, g := range c.marks {
			p.outline(g)
		}
		p.x += c.width * p.size
	}
}

func (p *pen) glyph(g glyph) {
	at := p.x + g.x*p.size
	if math.Abs(at-p.to) > near*p.size || g.y != p.up {
		p.end()
	}
	if len(p.row) == 0 {
		p.from, p.to, p.up = at, at, g.y
	}
	p.row = append(p.row, p.forms.letter(g.id, g.text))
	p.to += g.advance * p.size
}

// end draws the row.
func (p *pen) end() {
	if len(p.row) > 0 && p.shapes.known {
		p.Text(p.from, p.y-p.up*p.size, string(p.row))
	}
	p.row = p.row[:0]
}

// outline draws the form of a glyph.
func (p *pen) outline(g glyph) {
	outline, ok := p.shaper.face.GlyphData(g.id).(font.GlyphOutline)
	if !ok || !p.shapes.known || len(outline.Segments) == 0 {
		return
	}
	p.SetFillColor(p.GetTextColor())
	em := float64(p.shaper.face.Upem())
	at := func(s opentype.SegmentPoint) (x, y float64) {
		return p.x + (g.x+float64(s.X)/em)*p.size, p.y - (g.y+float64(s.Y)/em)*p.size
	}
	for _, s := range outline.Segments {
		x, y := at(s.Args[0])
		switch s.Op {
		case opentype.SegmentOpMoveTo:
			p.MoveTo(x, y)
		case opentype.SegmentOpLineTo:
			p.LineTo(x, y)
		case opentype.SegmentOpQuadTo:
			x2, y2 := at(s.Args[1])
			p.CurveTo(x, y, x2, y2)
		}
	}
	p.DrawPath("F")
}
