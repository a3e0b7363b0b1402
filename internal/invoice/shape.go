package invoice

import (
	"math"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/go-text/typesetting/font"
	"github.com/go-text/typesetting/harfbuzz"
	"golang.org/x/text/unicode/bidi"
	"golang.org/x/text/unicode/norm"
)

// glyph is a form of letters and where it is drawn, in parts of the size of the
// font, counted from where its cluster begins.
type glyph struct {
	id      font.GID
	text    string // what it stands for
	x, y    float64
	advance float64 // how far the next one goes on by itself
}

// cluster is a group of glyphs that cannot be told apart in the text: a letter
// and its marks, or letters that are written as one.
type cluster struct {
	text   string
	row    []glyph // those that stand beside each other; they have all of the text
	marks  []glyph // those that stand above, below and within them
	width  float64
	hidden bool // whether the text is not that of the row, one after the other
}

// space says whether words end here.
func (c cluster) space() bool { return c.text == " " }

// shaper finds the glyphs of text in one font. It is not safe for concurrent use.
type shaper struct {
	face   *font.Face
	font   *harfbuzz.Font
	buffer *harfbuzz.Buffer // keeps what it found out about the font
	// A glyph without width and form; where there is none, one without form.
	nothing glyph
}

func newShaper(t *typeface) (*shaper, error) {
	f, err := t.parse()
	if err != nil {
		return nil, err
	}
	face := font.NewFace(f)
	s := &shaper{face: face, font: harfbuzz.NewFont(face), buffer: harfbuzz.NewBuffer()}
	id, ok := f.NominalGlyph('\u200b')
	if !ok {
		id, _ = f.NominalGlyph(' ')
	}
	s.nothing = glyph{id: id, advance: s.advance(id)}
	return s, nil
}

// shape is the text of a run as clusters from left to right.
func (s *shaper) shape(r run) (out []cluster) {
	text := []rune(r.text)
	s.buffer.Clear()
	s.buffer.Invisible = s.nothing.id
	// Where a letter becomes more glyphs the library turns around places that it has
	// no room for yet.
	s.buffer.Pos = slices.Grow(s.buffer.Pos, 4*len(text))
	s.buffer.AddRunes(text, 0, len(text))
	s.buffer.Props.Script = r.script
	s.buffer.Props.Direction = harfbuzz.LeftToRight
	if r.right {
		s.buffer.Props.Direction = harfbuzz.RightToLeft
	}
	s.buffer.Shape(s.font, nil)
	ends := s.ends(len(text))
	for i := 0; i < len(s.buffer.Info); {
		first := s.buffer.Info[i].Cluster
		c := cluster{text: string(text[first:ends[first]])}
		for ; i < len(s.buffer.Info) && s.buffer.Info[i].Cluster == first; i++ {
			c.add(s.glyph(i))
		}
		c.tell(r.right, s.nothing)
		out = append(out, c)
	}
	return out
}

// always shapes a run even where the library fails, which is a large port of
// another one: then each letter is drawn as it is. No name keeps an invoice from
// being made.
func (s *shaper) always(shape func(run) []cluster, r run) (out []cluster) {
	defer func() {
		if recover() != nil {
			s.buffer = harfbuzz.NewBuffer()
			out = s.unshaped(r)
		}
	}()
	return shape(r)
}

func (s *shaper) unshaped(r run) (out []cluster) {
	for _, letter := range r.text {
		id, _ := s.face.NominalGlyph(letter)
		c := cluster{text: string(letter)}
		c.add(glyph{id: id, advance: s.advance(id)}, s.advance(id))
		c.tell(r.right, s.nothing)
		out = append(out, c)
	}
	if r.right {
		slices.Reverse(out)
	}
	return out
}

// ends are where clusters end in the text, by where they begin.
func (s *shaper) ends(length int) map[int]int {
	starts := []int{length}
	for _, g := range s.buffer.Info {
		starts = append(starts, g.Cluster)
	}
	slices.Sort(starts)
	out := make(map[int]int, len(starts))
	for i, at := range starts[1:] {
		if starts[i] < at {
			out[starts[i]] = at
		}
	}
	return out
}

// glyph is one that shaping found, and how far it made the next one go on.
func (s *shaper) glyph(i int) (g glyph, advance float64) {
	em := float64(s.face.Upem())
	info, pos := s.buffer.Info[i], s.buffer.Pos[i]
	return glyph{
		id:      info.Glyph,
		x:       float64(pos.XOffset) / em,
		y:       float64(pos.YOffset) / em,
		advance: s.advance(info.Glyph),
	}, float64(pos.XAdvance) / em
}

func (s *shaper) advance(id font.GID) float64 {
	return float64(s.face.HorizontalAdvance(id)) / float64(s.face.Upem())
}

// add puts a glyph behind the others of its cluster.
func (c *cluster) add(g glyph, advance float64) {
	g.x += c.width
	c.width += advance
	if advance == 0 && (g.y != 0 || g.advance != 0 || math.Abs(g.x-c.width) > near) {
		c.marks = append(c.marks, g)
		return
	}
	c.row = append(c.row, g)
}

// near is how far apart two places may be that nobody tells apart.
const near = 0.002

// tell gives each glyph of a row a part of the text: one letter, since readers turn
// text from the right around by glyphs or by letters, and since some take a glyph
// with a mark for one without width. Letters without a glyph of their own, marks
// before others, get nothing, which has no width.
func (c *cluster) tell(right bool, nothing glyph) {
	text := c.letters(right)
	bases := slices.DeleteFunc(slices.Clone(text), mark) // those that are still to come
	glyphs := c.row
	c.row = nil
	for _, r := range text {
		if !mark(r) {
			bases = bases[1:]
		}
		g := nothing
		if n := len(c.row); n > 0 {
			g.x = c.row[n-1].x + c.row[n-1].advance
		}
		if len(glyphs) > 0 && (!mark(r) || len(bases) < len(glyphs)) {
			g, glyphs = glyphs[0], glyphs[1:]
		}
		g.text = string(r)
		c.row = append(c.row, g)
	}
	c.row = append(c.row, glyphs...)
}

// letters are the text of a cluster as its glyphs stand. A vowel that is written on
// both sides of its letter has two glyphs, and two parts.
func (c *cluster) letters(right bool) []rune {
	text := c.text
	if utf8.RuneCountInString(text) < len(c.row) {
		text = norm.NFD.String(text)
	}
	if right {
		return []rune(bidi.ReverseString(text)) // with brackets as they are seen
	}
	out := []rune(text)
	c.hidden = len(out) > 1 || len(c.row) > 1
	return out
}

func mark(r rune) bool { return unicode.Is(unicode.Mn, r) }
