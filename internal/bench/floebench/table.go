package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"floe/internal/bench"
)

// result is one comparison.
type result struct {
	Engine    string `json:"engine"`
	Rows      int    `json:"rows"`
	Operation string `json:"operation"`
	Against   string `json:"against"`
	bench.Ratio
	// Times is how many times as long ours takes.
	Times float64 `json:"times_bare"`
	// Growth is how many times as long it takes as with the fewest rows, both
	// measured against the bare program.
	Growth float64 `json:"growth,omitempty"`
	PeakMB int     `json:"peak_mb,omitempty"`
}

// printTable prints the results, engine by engine.
func printTable(out io.Writer, results []result) error {
	w := tabwriter.NewWriter(out, 2, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "engine\tcustomers\toperation\tours/s\tbare/s\tof bare\ttimes bare\tgrowth\tCPU us\tbare us\tpeak MB\tagainst\t")
	for _, r := range results {
		growth, peak, bareCPU := "", "", ""
		if g := growthOf(results, r); g > 0 {
			growth = fmt.Sprintf("%.2f", g)
		}
		if r.PeakMB > 0 {
			peak = fmt.Sprint(r.PeakMB)
		}
		if r.BareCPU > 0 {
			bareCPU = fmt.Sprintf("%.0f", r.BareCPU)
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%.0f\t%.0f\t%.2f\t%.2f\t%s\t%.0f\t%s\t%s\t%s\t\n",
			r.Engine, r.Rows, r.Operation, r.Ours, r.Bare, r.Ours/r.Bare, r.Times, growth, r.OursCPU, bareCPU, peak, r.Against)
	}
	return w.Flush()
}

// growthOf compares with the same operation on the fewest rows.
func growthOf(results []result, r result) float64 {
	for _, first := range results {
		if first.Engine == r.Engine && first.Operation == r.Operation {
			if first.Rows == r.Rows {
				return 0
			}
			return r.Times / first.Times
		}
	}
	return 0
}

// medians keeps, of several runs, the middle one of each operation.
func medians(runs [][]result) []result {
	out := slices.Clone(runs[0])
	for i := range out {
		var same []result
		for _, run := range runs {
			same = append(same, run[i])
		}
		slices.SortFunc(same, func(a, b result) int {
			return strings.Compare(fmt.Sprintf("%020.6f", a.Times), fmt.Sprintf("%020.6f", b.Times))
		})
		out[i] = same[len(same)/2]
	}
	return out
}
