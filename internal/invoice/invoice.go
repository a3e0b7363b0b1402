// Package invoice draws the pages of invoices and receipts. It is given words
// and amounts that are written out already, and knows nothing of orders. The
// same document always gives the same bytes.
package invoice

import (
	"bytes"
	"fmt"
	"time"

	"codeberg.org/go-pdf/fpdf"
)

// Document is what stands on the pages.
type Document struct {
	Title   string    `json:"title"` // Invoice, Receipt
	Facts   []Fact    `json:"facts"` // number, dates
	Seller  Party     `json:"seller"`
	Buyer   Party     `json:"buyer"`
	Lines   []Line    `json:"lines"`
	Totals  []Total   `json:"totals"`
	Tables  []Table   `json:"tables"` // payments, refunds
	Notes   []string  `json:"notes"`
	Created time.Time `json:"created"` // the date in the file
}

// Fact is a name and a value, such as a number or a date.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Party is who sells or who buys: a name, and lines below it.
type Party struct {
	Heading string   `json:"heading"`
	Name    string   `json:"name"`
	Lines   []string `json:"lines"`
}

// Line is one thing that was bought.
type Line struct {
	Label  string `json:"label"`
	Amount string `json:"amount"`
}

// Total is one line of the sums.
type Total struct {
	Label  string `json:"label"`
	Amount string `json:"amount"`
	Strong bool   `json:"strong"`
}

// Table is a small table below the sums. The last column stands at the right.
type Table struct {
	Heading string     `json:"heading"`
	Columns []string   `json:"columns"`
	Rows    [][]string `json:"rows"`
}

// The page, in millimetres: A4, which prints on US letter too.
const (
	margin  = 20.0
	width   = 210.0 - 2*margin
	bottom  = 22.0
	amounts = 38.0 // the column of amounts
	sums    = 90.0 // the block of totals
)

const (
	small  = 8.5
	normal = 9.5
	large  = 22.0
)

// pages stands for the number of pages until it is known. printable lets no such
// text through, because what people write would turn into that number, too.
const pages = "{\x01pages}"

// page draws one document.
type page struct {
	*fpdf.Fpdf
	shapes *shapes
}

// Render draws a document as a PDF file.
func Render(d Document) ([]byte, error) {
	s := newShapes()
	p, err := draw(&d, s)
	if err != nil {
		return nil, err
	}
	if len(s.forms) > 0 { // now that they are known, with fonts that have them
		s.known = true
		if p, err = draw(&d, s); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	if err := p.Output(&out); err != nil {
		return nil, fmt.Errorf("draw a document: %w", err)
	}
	if len(s.forms) > 0 {
		return withTexts(out.Bytes(), s.forms), nil
	}
	return out.Bytes(), nil
}

func draw(d *Document, s *shapes) (page, error) {
	p := page{fpdf.New("P", "mm", "A4", ""), s}
	p.SetCreationDate(d.Created)
	p.SetModificationDate(d.Created)
	p.SetCatalogSort(true)
	p.SetProducer("Floe", true)
	p.SetTitle(inMetadata(d.Title+" "+d.number()), false)
	p.SetAuthor(inMetadata(d.Seller.Name), false)
	for _, t := range []*typeface{dejavu, dejavuBold} {
		font, err := t.load()
		if err != nil {
			return p, err
		}
		p.AddUTF8FontFromBytes(t.family, t.style, font)
	}
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, bottom)
	p.AliasNbPages(pages)
	p.SetFooterFunc(func() { p.footer(d) })
	p.AddPage()
	p.head(d)
	p.parties(d)
	p.lines(d)
	p.totals(d)
	for i := range d.Tables {
		p.table(&d.Tables[i])
	}
	p.notes(d)
	return p, p.Error()
}

// number is the first fact, which is what the document is called.
func (d *Document) number() string {
	if len(d.Facts) == 0 {
		return ""
	}
	return d.Facts[0].Value
}

func (p page) set(style string, size float64, gray int) {
	p.SetFont(family, style, size)
	p.SetTextColor(gray, gray, gray)
}

// height is that of a line of text of a size in points.
func height(size float64) float64 { return size * 0.5 }

// write puts text into a box, in as many lines as it needs.
func (p page) write(w float64, text, align string, size float64) {
	x := p.GetX()
	for _, l := range p.wrap(text, w) {
		p.SetX(x)
		p.line(w, height(size), l, 2, align)
	}
}

// fitting is text as far as one line has room for it.
func (p page) fitting(text string, w float64) string {
	lines := p.wrap(text, w)
	if len(lines) == 1 {
		return lines[0]
	}
	const more = "…"
	return p.wrap(text, w-p.measure(more))[0] + more
}

// cell puts text into one line.
func (p page) cell(w, h float64, text string, next int, align string) {
	p.line(w, h, printable(text), next, align)
}

func (p page) head(d *Document) {
	top := p.GetY()
	p.set("B", large, 20)
	p.cell(width/2, 11, d.Title, 2, "L")
	p.SetXY(margin, top+15)
	for _, f := range d.Facts {
		y := p.GetY()
		p.set("", normal, 110)
		p.SetXY(margin, y)
		p.write(40, f.Name, "L", normal)
		p.set("B", normal, 20)
		p.SetXY(margin+40, y)
		p.write(width-40, f.Value, "L", normal)
	}
	p.Ln(7)
}

func (p page) parties(d *Document) {
	top, lowest := p.GetY(), 0.0
	for i, party := range []*Party{&d.Seller, &d.Buyer} {
		x := margin + float64(i)*width/2
		p.SetXY(x, top)
		p.set("", small, 110)
		p.write(width/2-4, party.Heading, "L", small)
		p.SetX(x)
		p.set("B", normal, 20)
		p.write(width/2-4, party.Name, "L", normal)
		p.set("", normal, 60)
		for _, l := range party.Lines {
			p.SetX(x)
			p.write(width/2-4, l, "L", normal)
		}
		lowest = max(lowest, p.GetY())
	}
	p.SetXY(margin, lowest+9)
}

func (p page) rule(gray int) {
	p.SetDrawColor(gray, gray, gray)
	p.SetLineWidth(0.2)
	p.Line(margin, p.GetY(), margin+width, p.GetY())
}

// heads is how high the names of the columns are.
const heads = 7.5

func (p page) lineHead() {
	p.set("", small, 110)
	p.CellFormat(width-amounts, 6, "Description", "", 0, "L", false, 0, "")
	p.CellFormat(amounts, 6, "Amount", "", 1, "R", false, 0, "")
	p.rule(150)
	p.Ln(1.5)
}

// room makes sure that something of a height is not torn apart, and says
// whether that took a new page.
func (p page) room(h float64) bool {
	_, pageHeight := p.GetPageSize()
	if p.GetY()+h <= pageHeight-bottom {
		return false
	}
	p.AddPage()
	return true
}

func (p page) lines(d *Document) {
	p.set("", normal, 20)
	for i, l := range d.Lines {
		need := float64(len(p.wrap(l.Label, width-amounts)))*height(normal) + 3
		if i == 0 {
			need += heads
		}
		if p.room(need) || i == 0 {
			p.lineHead()
			p.set("", normal, 20)
		}
		y := p.GetY()
		p.SetXY(margin+width-amounts, y)
		p.cell(amounts, height(normal), l.Amount, 0, "R")
		p.SetXY(margin, y)
		p.write(width-amounts, l.Label, "L", normal)
		p.SetX(margin)
		p.Ln(1.5)
		p.rule(225)
		p.Ln(1.5)
	}
	p.Ln(3)
}

func (p page) totals(d *Document) {
	p.room(float64(len(d.Totals)) * (height(normal) + 2))
	for _, t := range d.Totals {
		style, gray := "", 60
		if t.Strong {
			style, gray = "B", 20
		}
		p.set(style, normal, gray)
		p.SetX(margin + width - sums)
		p.cell(sums-amounts, height(normal)+2, t.Label, 0, "L")
		p.cell(amounts, height(normal)+2, t.Amount, 1, "R")
	}
	p.Ln(6)
}

func (p page) table(t *Table) {
	if len(t.Rows) == 0 {
		return
	}
	p.room(20)
	p.set("B", normal, 20)
	p.cell(width, 6, t.Heading, 1, "L")
	column := (width - amounts) / float64(max(1, len(t.Columns)-1))
	p.set("", small, 110)
	p.row(t.Columns, column)
	p.rule(150)
	p.Ln(1)
	p.set("", normal, 20)
	for _, r := range t.Rows {
		p.row(r, column)
	}
	p.Ln(6)
}

// row writes the cells of a row, in as many lines as the longest takes: a part of
// a payment's reference would be another reference.
func (p page) row(cells []string, column float64) {
	h, most := height(normal)+0.5, 1
	widths, texts := make([]float64, len(cells)), make([][]string, len(cells))
	for i, c := range cells {
		widths[i] = column
		if i == len(cells)-1 {
			widths[i] = amounts
		}
		texts[i] = p.wrap(c, widths[i])
		most = max(most, len(texts[i]))
	}
	p.room(float64(most) * h)
	x, y := p.GetXY()
	for i, lines := range texts {
		align := "L"
		if i == len(cells)-1 {
			align = "R"
		}
		for j, l := range lines {
			p.SetXY(x, y+float64(j)*h)
			p.line(widths[i], h, l, 0, align)
		}
		x += widths[i]
	}
	p.SetXY(margin, y+float64(most)*h)
}

func (p page) notes(d *Document) {
	p.set("", small, 110)
	for _, n := range d.Notes {
		p.room(height(small) * 2)
		p.SetX(margin)
		p.write(width, n, "L", small)
	}
}

func (p page) footer(d *Document) {
	p.SetY(-15)
	p.set("", small-1, 140)
	// The number of pages is not known yet, so nothing can be set from the right.
	const counted = 21.0
	p.cell(width-counted, 5, p.fitting(d.Title+" "+d.number()+" · "+d.Seller.Name, width-counted), 0, "L")
	p.SetX(margin + width - counted)
	p.CellFormat(counted, 5, fmt.Sprintf("Page %d of %s", p.PageNo(), pages), "", 0, "L", false, 0, "")
}
