// Package gate keeps what the hot paths cost: allocations, SQL statements,
// round trips, pages and instructions of one request. They are counts, so they
// are the same on a busy machine and on an idle one, and a change that makes
// one of them worse is seen where it is made. The package is for tests. It
// measures no time; that is the work of the benchmarks.
package gate

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
)

// Costs are what one request costs, by the name of the count.
type Costs map[string]float64

// Entry is what a hot path may cost, and why that changed last.
type Entry struct {
	Costs  Costs  `json:"costs"`
	Reason string `json:"reason"`
}

// File is what is kept, by engine and hot path.
type File map[string]map[string]*Entry

// Load reads a file.
func Load(path string) (File, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	f := File{}
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return f, nil
}

// Save writes a file.
func (f File) Save(path string) error {
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644) //nolint:gosec // a file of the repository
}

// margin is from how much on somebody has to say why a count has moved.
const margin = 0.1

// moved says whether a count is another one than it was. Counts are means over
// many requests, so that something that happens now and then makes fractions:
// less than half of one is nothing.
func moved(was, is float64) bool {
	by := math.Abs(is - was)
	return by >= margin*was && by > 0.5
}

// Differences are what a hot path costs that it did not cost before, as lines
// for people. Getting better is one, too: what was gained is to be kept.
func (f File) Differences(engine, path string, is Costs) []string {
	was := f[engine][path]
	if was == nil {
		return []string{fmt.Sprintf("%s, %s: it is not in the file", engine, path)}
	}
	var out []string
	if strings.TrimSpace(was.Reason) == "" {
		out = append(out, fmt.Sprintf("%s, %s: no reason is given", engine, path))
	}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		before, known := was.Costs[name]
		switch {
		case !known:
			out = append(out, fmt.Sprintf("%s, %s: %s are not in the file", engine, path, name))
		case moved(before, is[name]):
			out = append(out, fmt.Sprintf("%s, %s: %.1f %s a request, which is %s than %.1f", engine, path, is[name], name,
				map[bool]string{true: "worse", false: "better"}[is[name] > before], before))
		}
	}
	return out
}

// Update puts in what has moved, with the reason. What has not stays as it is,
// so that many small steps are not lost one by one. It answers whether anything
// has changed.
func (f File) Update(engine, path string, is Costs, reason string) bool {
	if f[engine] == nil {
		f[engine] = map[string]*Entry{}
	}
	e := f[engine][path]
	if e == nil {
		e = &Entry{Costs: Costs{}}
		f[engine][path] = e
	}
	changed := false
	for name, n := range is {
		if before, known := e.Costs[name]; !known || moved(before, n) {
			e.Costs[name] = math.Round(10*n) / 10
			changed = true
		}
	}
	if changed {
		e.Reason = reason
	}
	return changed
}

// medians are what a path costs in the middle of several runs, and how far the
// runs are from it at most, as a part of it. What is less than half of one is
// nothing here, too.
func medians(runs []map[string]Costs, path string) (Costs, float64) {
	out, worst := Costs{}, 0.0
	for name := range runs[0][path] {
		var list []float64
		for _, r := range runs {
			list = append(list, r[path][name])
		}
		slices.Sort(list)
		middle := list[len(list)/2]
		out[name] = middle
		for _, n := range list {
			if off := math.Abs(n - middle); off > 0.5 {
				worst = max(worst, off/middle)
			}
		}
	}
	return out, worst
}
