package report

import (
	"fmt"
	"math"
	"strings"
)

// The charts are drawn by hand: bars and lines on a grid need no library. They
// follow the reader's choice of a light or a dark page.
const style = `<style>
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-size: 15px; font-weight: 600 }
.grid { stroke: #ddd }
.one { stroke: #888; stroke-dasharray: 4 3 }
path { fill: none; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #ccc }
  .grid { stroke: #444 }
  .one { stroke: #999 }
}
</style>
`

var colors = []string{"#0b7285", "#e8590c", "#5f3dc4", "#2f9e44", "#c2255c", "#1971c2", "#f08c00", "#868e96", "#087f5b", "#9c36b5", "#846358", "#3b5bdb", "#66a80f"}

// canvas is an SVG that is being drawn.
type canvas struct {
	strings.Builder
	width, height int
}

func newCanvas(width, height int, title string) *canvas {
	c := &canvas{width: width, height: height}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="%s">`+"\n", width, height, width, height, title)
	c.WriteString(style)
	c.text(16, 24, "title", "start", title)
	return c
}

func (c *canvas) text(x, y float64, class, anchor, text string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>`+"\n", x, y, class, anchor, text)
}

func (c *canvas) line(class string, x1, y1, x2, y2 float64) {
	fmt.Fprintf(c, `<line class="%s" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`+"\n", class, x1, y1, x2, y2)
}

func (c *canvas) bar(color string, x, y, width, height float64) {
	fmt.Fprintf(c, `<rect fill="%s" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`+"\n", color, x, y, max(width, 1), height)
}

func (c *canvas) done() string { return c.String() + "</svg>\n" }

// comparedChart has one group of bars for each operation, on a logarithmic
// scale: the bare program is 1.
func (r Result) comparedChart() string {
	systems := []string{FloeSQLite, FloePostgres, PocketBase, PocketBaseFull}
	names := operations(r.Compared)
	const left, top, thick, gap, width = 170, 70, 13, 8, 860
	least := 1.0
	for _, m := range r.Compared {
		if m.OfBare > 0 {
			least = min(least, m.OfBare)
		}
	}
	low := math.Floor(math.Log10(least))
	x := func(v float64) float64 { return left + (math.Log10(v)-low)/(0.5-low)*(width-left-60) }
	each := float64(thick*len(systems) + gap)
	c := newCanvas(width, top+int(each)*len(names)+40, "Rate as a part of the bare program's (logarithmic)")
	for i, s := range systems {
		at := float64(left + i*160)
		c.bar(colors[i], at, 40, 12, 12)
		c.text(at+18, 50, "", "start", s)
	}
	bottom := float64(top) + each*float64(len(names))
	for e := low; e <= 0; e++ {
		c.line("grid", x(math.Pow(10, e)), top-6, x(math.Pow(10, e)), bottom)
		c.text(x(math.Pow(10, e)), bottom+18, "", "middle", strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.6f", math.Pow(10, e)), "0"), "."))
	}
	c.line("one", x(1), top-6, x(1), bottom)
	for i, name := range names {
		y := float64(top) + each*float64(i)
		c.text(left-10, y+each/2, "", "end", name)
		for k, s := range systems {
			m, ok := r.get(s, name)
			if !ok || m.OfBare == 0 {
				continue
			}
			at := y + float64(k*thick)
			c.bar(colors[k], x(math.Pow(10, low)), at, x(m.OfBare)-x(math.Pow(10, low)), thick-1)
			c.text(x(m.OfBare)+4, at+thick-1, "", "start", ratio(m.OfBare))
		}
	}
	return c.done()
}

// growthChart has a line for each operation: the time of a request as a
// multiple of that with the fewest customers.
func (r Result) growthChart(g group) string {
	const left, top, right, bottom, width = 60, 50, 560, 380, 800
	var names []string
	least, most, high := math.MaxInt, 0, 2.0
	for _, o := range operations(r.Grown) {
		list := r.sizes(g, o)
		if len(list) == 0 {
			continue
		}
		names = append(names, o)
		for _, m := range list {
			least, most = min(least, m.Customers), max(most, m.Customers)
			if m.PerSecond > 0 {
				high = max(high, list[0].PerSecond/m.PerSecond)
			}
		}
	}
	top10 := math.Log10(high * 1.2)
	const floor = -0.3 // half of the time
	x := func(n int) float64 {
		return left + (math.Log10(float64(n))-math.Log10(float64(least)))/max(math.Log10(float64(most))-math.Log10(float64(least)), 1)*(right-left)
	}
	y := func(v float64) float64 {
		return bottom - (math.Log10(max(v, 0.5))-floor)/(top10-floor)*(bottom-top)
	}
	c := newCanvas(width, 420, g.title()+": time of a request, fewest customers = 1")
	for _, v := range []float64{0.5, 1, 1.5, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000} {
		if v <= high*1.2 {
			c.line("grid", left, y(v), right, y(v))
			c.text(left-8, y(v)+4, "", "end", strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0"))
		}
	}
	for n := least; n <= most; n *= 10 {
		c.line("grid", x(n), top, x(n), bottom)
		c.text(x(n), bottom+20, "", "middle", number(n))
	}
	c.line("one", left, y(1), right, y(1))
	for i, o := range names {
		color := colors[i%len(colors)]
		var d strings.Builder
		for k, m := range r.sizes(g, o) {
			if m.PerSecond == 0 {
				continue
			}
			fmt.Fprintf(&d, "%s%.1f,%.1f", map[bool]string{true: "M", false: "L"}[k == 0], x(m.Customers), y(r.sizes(g, o)[0].PerSecond/m.PerSecond))
		}
		fmt.Fprintf(c, `<path stroke="%s" d="%s"/>`+"\n", color, d.String())
		c.bar(color, right+30, float64(top+i*22), 14, 4)
		c.text(right+52, float64(top+i*22+6), "", "start", o)
	}
	return c.done()
}
