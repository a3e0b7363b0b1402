package report

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The part of the page that is written here stands between two comments.
const (
	begin = "<!-- written by bench: begin -->"
	end   = "<!-- written by bench: end -->"
)

// Write puts tables into performance.md of a folder of documentation, and
// charts and the figures themselves into a folder beside it.
func (r Result) Write(docs string) error {
	page := filepath.Join(docs, "performance.md")
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok1 := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return fmt.Errorf("%s has no %q and %q to write between", page, begin, end)
	}
	folder := filepath.Join(docs, "performance")
	if err := os.MkdirAll(folder, 0o755); err != nil { //nolint:gosec // documentation
		return err
	}
	var b strings.Builder
	charts := map[string]string{}
	r.write(&b, charts)
	for name, svg := range charts {
		err = errors.Join(err, os.WriteFile(filepath.Join(folder, name), []byte(svg), 0o644)) //nolint:gosec // documentation
	}
	err = errors.Join(err, r.Save(filepath.Join(folder, "results.json")))
	return errors.Join(err, os.WriteFile(page, []byte(before+begin+"\n\n"+b.String()+"\n"+end+after), 0o644)) //nolint:gosec // documentation
}

func (r Result) write(b *strings.Builder, charts map[string]string) {
	m := r.Machine
	fmt.Fprintf(b, "Measured %s at commit `%s` on %d processors (%s), %d GB of memory; %s. The figures are in\n[results.json](performance/results.json). Commands, in `bench/`:\n\n```sh\n%s\n```\n",
		m.Date, m.Commit, m.Processors, m.Model, m.MemoryGB, m.versions(), strings.Join(m.Commands, "\n"))
	if len(r.Compared) > 0 {
		r.writeCompared(b, charts)
	}
	if len(r.Facts) > 0 {
		r.writeFacts(b)
	}
	if len(r.Grown) > 0 {
		r.writeGrown(b, charts)
	}
}

func (m Machine) versions() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m.Versions)) {
		out = append(out, name+" "+m.Versions[name])
	}
	return strings.Join(out, ", ")
}

// table writes a table of Markdown.
func table(b *strings.Builder, head []string, rows [][]string) {
	line := func(cells []string) { b.WriteString("| " + strings.Join(cells, " | ") + " |\n") }
	line(head)
	rule := make([]string, len(head))
	for i := range rule {
		rule[i] = "---:"
	}
	rule[0] = "---"
	line(rule)
	for _, row := range rows {
		line(row)
	}
	b.WriteString("\n")
}

// get finds a measurement of the comparison.
func (r Result) get(system, operation string) (Measurement, bool) {
	for _, m := range r.Compared {
		if m.System == system && m.Operation == operation {
			return m, true
		}
	}
	return Measurement{}, false
}

// operations are the names of what was compared, in the order of measuring.
func operations(list []Measurement) (out []string) {
	for _, m := range list {
		if !slices.Contains(out, m.Operation) {
			out = append(out, m.Operation)
		}
	}
	return out
}

func (r Result) writeCompared(b *strings.Builder, charts map[string]string) {
	fmt.Fprintf(b, "\n### Beside others, at %s customers\n\n", number(r.Compared[0].Customers))
	var rows [][]string
	for _, o := range operations(r.Compared) {
		lite, _ := r.get(FloeSQLite, o)
		pg, _ := r.get(FloePostgres, o)
		pocket, _ := r.get(PocketBase, o)
		full, _ := r.get(PocketBaseFull, o)
		times := func(m, other Measurement) string {
			if m.PerSecond == 0 || other.PerSecond == 0 {
				return "–"
			}
			return ratio(m.PerSecond/other.PerSecond) + "×"
		}
		rows = append(rows, []string{o, lite.ofBare(), pg.ofBare(), pocket.ofBare(), times(lite, pocket), times(lite, full), times(pg, pocket)})
	}
	b.WriteString("Rates. *Of bare* is the part of what the bare program reaches in the same turns.\n\n")
	table(b, []string{"Operation", "Floe on SQLite, of bare", "Floe on PostgreSQL, of bare", "PocketBase, of bare",
		"Floe on SQLite ÷ PocketBase", "÷ PocketBase with full sync", "Floe on PostgreSQL ÷ PocketBase"}, rows)
	rows = nil
	for _, o := range operations(r.Compared) {
		row := []string{o}
		for _, system := range []string{FloeSQLite, FloePostgres, PocketBase, Bare} {
			m, _ := r.get(system, o)
			row = append(row, micros(m.CPUMicros))
			if system != Bare {
				row = append(row, millis(m.P50Millis)+" / "+millis(m.P99Millis))
			}
		}
		rows = append(rows, row)
	}
	b.WriteString("Processor of the whole server for one request (for PostgreSQL with the database server), and how long a caller waits:\nthe median and the slowest of a hundred, of one client alone for reads, of all clients for writes; for webhooks, how long\nafter the answers to 2,000 changes they arrive: changes as fast as 64 clients make them, or one client.\n\n")
	table(b, []string{"Operation", "Floe on SQLite, µs", "ms, 50 / 99 %", "Floe on PostgreSQL, µs", "ms, 50 / 99 %", "PocketBase, µs", "ms, 50 / 99 %", "bare, µs"}, rows)
	b.WriteString("![Rates of each system as a part of the bare program's](performance/compared.svg)\n")
	charts["compared.svg"] = r.comparedChart()
}

func (r Result) writeFacts(b *strings.Builder) {
	b.WriteString("\n### Starts, memory, size\n\n")
	var systems, names []string
	for _, f := range r.Facts {
		if !slices.Contains(systems, f.System) {
			systems = append(systems, f.System)
		}
		if !slices.Contains(names, f.Name) {
			names = append(names, f.Name)
		}
	}
	slices.SortFunc(systems, func(x, y string) int { return rank(x) - rank(y) })
	var rows [][]string
	for _, name := range names {
		row := []string{""}
		for _, s := range systems {
			cell := "–"
			for _, f := range r.Facts {
				if f.System == s && f.Name == name {
					cell, row[0] = fact(f.Value), name+", "+f.Unit
				}
			}
			row = append(row, cell)
		}
		rows = append(rows, row)
	}
	table(b, append([]string{""}, systems...), rows)
}

var order = []string{FloeSQLite, FloePostgres, PocketBase, PocketBaseFull, Bare, BarePostgres}

func rank(system string) int { return slices.Index(order, system) }

// group is what is drawn as one chart: the sizes of one system.
type group struct {
	system        string
	organizations int
}

func (g group) file() string {
	return fmt.Sprintf("growth-%s-%d.svg", map[string]string{FloeSQLite: "sqlite", FloePostgres: "postgres"}[g.system], g.organizations)
}

func (g group) title() string {
	if g.organizations == 1 {
		return g.system + ", one organization"
	}
	return g.system + ", " + number(g.organizations) + " organizations"
}

func (r Result) groups() (out []group) {
	for _, m := range r.Grown {
		if g := (group{m.System, m.Organizations}); !slices.Contains(out, g) {
			out = append(out, g)
		}
	}
	return out
}

// sizes are the measurements of one operation, fewest customers first.
func (r Result) sizes(g group, operation string) (out []Measurement) {
	for _, m := range r.Grown {
		if m.System == g.system && m.Organizations == g.organizations && m.Operation == operation {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b Measurement) int { return a.Customers - b.Customers })
	return out
}

func (r Result) writeGrown(b *strings.Builder, charts map[string]string) {
	b.WriteString("\n### Growth\n\nThe time that a request takes, of an export a row and of webhooks an event, as a multiple of that with the fewest\ncustomers; in brackets how long the slowest of a hundred waits, in milliseconds. All sizes of a table were measured in turns.\n")
	for _, g := range r.groups() {
		var counts []int
		for _, m := range r.Grown {
			if m.System == g.system && m.Organizations == g.organizations && !slices.Contains(counts, m.Customers) {
				counts = append(counts, m.Customers)
			}
		}
		slices.Sort(counts)
		head := []string{"Operation"}
		for _, n := range counts {
			head = append(head, number(n))
		}
		var rows [][]string
		for _, o := range operations(r.Grown) {
			list := r.sizes(g, o)
			if len(list) == 0 {
				continue
			}
			row := []string{o}
			for _, n := range counts {
				cell := "–"
				for _, m := range list {
					if m.Customers == n {
						cell = m.growth(list[0])
					}
				}
				row = append(row, cell)
			}
			rows = append(rows, row)
		}
		b.WriteString("\n#### " + g.title() + "\n\n")
		table(b, head, rows)
		fmt.Fprintf(b, "![%s: time of a request as customers grow](performance/%s)\n", g.title(), g.file())
		charts[g.file()] = r.growthChart(g)
	}
}

func (m Measurement) ofBare() string {
	if m.Failed != "" {
		return "failed"
	}
	return ratio(m.OfBare)
}

// growth is a cell of the table.
func (m Measurement) growth(fewest Measurement) string {
	if m.Failed != "" || m.PerSecond == 0 {
		return "failed"
	}
	return fmt.Sprintf("%.2f (%s)", fewest.PerSecond/m.PerSecond, millis(m.P99Millis))
}

func ratio(v float64) string {
	switch {
	case v == 0:
		return "–"
	case v >= 10:
		return fmt.Sprintf("%.0f", v)
	case v >= 1:
		return fmt.Sprintf("%.1f", v)
	case v < 0.01:
		return fmt.Sprintf("%.4f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func micros(v float64) string {
	if v == 0 {
		return "–"
	}
	return number(int(v + 0.5))
}

func millis(v float64) string {
	switch {
	case v == 0:
		return "–"
	case v >= 10:
		return number(int(v + 0.5))
	case v >= 1:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func fact(v float64) string {
	if v >= 100 {
		return number(int(v + 0.5))
	}
	return fmt.Sprintf("%.1f", v)
}

// number writes thousands apart.
func number(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
