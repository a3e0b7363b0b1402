package invoice

import (
	"slices"
	"strings"

	"golang.org/x/text/unicode/bidi"
)

// shapes is what was shaped for a document, so that nothing is shaped twice.
type shapes struct {
	shapers map[*typeface]*shaper
	runs    map[run][]cluster
	forms   map[string]*forms // by the names of their fonts
	known   bool              // whether all forms are known, and can be drawn
}

func newShapes() *shapes {
	return &shapes{shapers: map[*typeface]*shaper{}, runs: map[run][]cluster{}, forms: map[string]*forms{}}
}

func (s *shapes) of(r run) ([]cluster, error) {
	if out, ok := s.runs[r]; ok {
		return out, nil
	}
	with, ok := s.shapers[r.face]
	if !ok {
		var err error
		if with, err = newShaper(r.face); err != nil {
			return nil, err
		}
		s.shapers[r.face] = with
	}
	s.runs[r] = with.always(with.shape, r)
	return s.runs[r], nil
}

// line puts a line of printable text into a box, each letter in a font that has
// it, and goes on where next says: 0 beside it, 1 below at the margin, 2 below.
func (p page) line(w, h float64, text string, next int, align string) {
	list := layout(text)
	if len(list) == 1 && list[0].face == dejavu && !list[0].shaped {
		p.CellFormat(w, h, text, "", next, align, false, 0, "")
		return
	}
	x := p.GetX() + p.GetCellMargin()
	if align == "R" {
		x += w - 2*p.GetCellMargin() - p.measure(text)
	}
	p.CellFormat(w, h, "", "", 0, "", false, 0, "") // begins a new page where one is needed
	behind, y := p.GetXY()
	_, size := p.GetFontSize()
	for _, r := range list {
		x += p.run(r, x, y+h/2+0.3*size)
	}
	switch next {
	case 0:
		p.SetXY(behind, y)
	case 1:
		p.SetXY(margin, y+h)
	default:
		p.SetXY(behind-w, y+h)
	}
}

// measure is how wide printable text is.
func (p page) measure(text string) (w float64) {
	for _, r := range layout(text) {
		w += p.width(r)
	}
	return w
}

// width is how wide a run is.
func (p page) width(r run) (w float64) {
	if !r.shaped {
		p.in(r.face, func() { w = p.GetStringWidth(r.text) })
		return w
	}
	for _, c := range p.clusters(r) {
		w += c.width
	}
	_, size := p.GetFontSize()
	return w * size
}

// run draws a run with its line at a height, and says how wide it is.
func (p page) run(r run, x, y float64) float64 {
	text := r.text
	switch {
	case r.shaped:
		p.shaped(r, x, y)
		return p.width(r)
	case r.right:
		text = bidi.ReverseString(text)
	}
	p.in(r.face, func() { p.Text(x, y, text) })
	return p.width(r)
}

// bold is a run in the font that it is printed with now.
func (p page) bold(r run) run {
	if r.face.bold != nil && p.GetFontStyle() == r.face.bold.style {
		r.face = r.face.bold
	}
	return r
}

func (p page) clusters(r run) []cluster {
	out, err := p.shapes.of(p.bold(r))
	if err != nil {
		p.SetError(err)
	}
	return out
}

// shaped draws the forms of a run.
func (p page) shaped(r run, x, y float64) {
	list, face := p.clusters(r), p.bold(r).face
	p.withForms(face, func(f *forms) {
		_, size := p.GetFontSize()
		out := pen{page: p, shaper: p.shapes.shapers[face], forms: f, x: x, y: y, size: size}
		for len(list) > 0 {
			n := 1 + slices.IndexFunc(list[1:], cluster.space)
			if n == 0 {
				n = len(list)
			}
			out.word(list[:n])
			list = list[n:]
		}
	})
}

// in draws with a font that may be another than the first.
func (p page) in(t *typeface, draw func()) {
	if t.family == family {
		draw()
		return
	}
	p.use(t.family, t.copied, draw)
}

// withForms draws with the forms of a font, once they are known.
func (p page) withForms(t *typeface, draw func(*forms)) {
	name := formsName(t)
	f, ok := p.shapes.forms[name]
	if !ok {
		f = &forms{numbers: map[form]int{}}
		p.shapes.forms[name] = f
	}
	if !p.shapes.known {
		draw(f)
		return
	}
	p.use(name, func() ([]byte, error) { return f.file(t) }, func() { draw(f) })
}

// use draws with a font that the library learns of when it is first used.
func (p page) use(name string, load func() ([]byte, error), draw func()) {
	style := p.GetFontStyle()
	size, _ := p.GetFontSize()
	if p.GetFontDesc(name, "").Ascent == 0 {
		file, err := load()
		if err != nil {
			p.SetError(err)
			return
		}
		p.AddUTF8FontFromBytes(name, "", file)
	}
	p.SetFont(name, "", size)
	draw()
	p.SetFont(family, style, size)
}

// wrap breaks text into lines that fit.
func (p page) wrap(text string, w float64) []string {
	text = printable(text)
	switch {
	case text == "":
		return []string{""}
	case simple(text):
		return p.SplitText(text, w-2)
	}
	var lines []string
	from, used := 0, 0.0
	for _, piece := range p.pieces(text, w-2) {
		need := p.measure(strings.TrimRight(text[piece.from:piece.to], " "))
		if used+need > w-2 && piece.from > from {
			lines = append(lines, strings.TrimSpace(text[from:piece.from]))
			from, used = piece.from, 0
		}
		used += p.measure(text[piece.from:piece.to])
	}
	return append(lines, strings.TrimSpace(text[from:]))
}

type piece struct{ from, to int }

// pieces are what no line divides: words, or letters where words do not fit or
// are not told apart.
func (p page) pieces(text string, w float64) (out []piece) {
	from := 0
	for _, to := range breaks(text) {
		last := from
		if p.measure(text[from:to]) <= w {
			out = append(out, piece{from, to})
			from = to
			continue
		}
		before := rune(0)
		for at, r := range text[from:to] {
			if at > 0 && whole(before, r) {
				out = append(out, piece{last, from + at})
				last = from + at
			}
			before = r
		}
		out = append(out, piece{last, to})
		from = to
	}
	return out
}
