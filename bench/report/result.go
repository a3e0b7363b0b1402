// Package report writes down what was measured: as JSON, as tables in a page
// of documentation, and as charts.
package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Result is everything that was measured, in one or several runs.
type Result struct {
	Machine  Machine       `json:"machine"`
	Compared []Measurement `json:"compared,omitempty"`
	Grown    []Measurement `json:"grown,omitempty"`
	Facts    []Fact        `json:"facts,omitempty"`
}

// Machine is what it was measured on and with.
type Machine struct {
	Date       string            `json:"date"`
	Commit     string            `json:"commit"`
	Processors int               `json:"processors"`
	Model      string            `json:"model"`
	MemoryGB   int               `json:"memory_gb"`
	Versions   map[string]string `json:"versions"`
	Commands   []string          `json:"commands"`
}

// Measurement is one operation of one system, in turns with the others of its
// comparison.
type Measurement struct {
	System        string  `json:"system"`
	Operation     string  `json:"operation"`
	Customers     int     `json:"customers"`
	Organizations int     `json:"organizations"`
	Clients       int     `json:"clients"`
	PerSecond     float64 `json:"per_second"`
	CPUMicros     float64 `json:"cpu_us"` // of the whole server for one request; 0 where that is not known
	Done          int64   `json:"done"`
	// Latency of one client alone for reads, and of all clients for writes; for
	// webhooks from the answer to the change to the arrival, of one client's.
	P50Millis float64 `json:"p50_ms"`
	P95Millis float64 `json:"p95_ms"`
	P99Millis float64 `json:"p99_ms"`
	// OfBare is the rate as a part of that of the bare program.
	OfBare float64 `json:"of_bare,omitempty"`
	// Failed is what kept it from being measured.
	Failed string `json:"failed,omitempty"`
}

// Waits takes down how long it took.
func (m *Measurement) Waits(percentile func(p float64) time.Duration) {
	m.P50Millis, m.P95Millis, m.P99Millis = Millis(percentile(50)), Millis(percentile(95)), Millis(percentile(99))
}

// Fail says that it could not be measured, unless err is nil.
func (m *Measurement) Fail(err error) {
	if err != nil {
		m.Failed, m.PerSecond, m.CPUMicros = err.Error(), 0, 0
	}
}

// Fact is a figure of a system that is no rate.
type Fact struct {
	System string  `json:"system"`
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	Unit   string  `json:"unit"`
}

// Systems that are measured.
const (
	FloeSQLite     = "Floe, SQLite"
	FloePostgres   = "Floe, PostgreSQL"
	PocketBase     = "PocketBase"
	PocketBaseFull = "PocketBase, full sync"
	Bare           = "bare"
	BarePostgres   = "bare, PostgreSQL"
)

// Load reads results from a file; one that is missing holds none.
func Load(file string) (r Result, err error) {
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	return r, json.Unmarshal(text, &r)
}

// Save writes results to a file.
func (r Result) Save(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(text, '\n'), 0o644) //nolint:gosec // not a secret
}

// Failed is what kept Floe from being measured, if anything did.
func (r Result) Failed() (err error) {
	for _, m := range slices.Concat(r.Compared, r.Grown) {
		if m.Failed != "" && (m.System == FloeSQLite || m.System == FloePostgres) {
			err = errors.Join(err, fmt.Errorf("%s, %d customers, %s: %s", m.System, m.Customers, m.Operation, m.Failed))
		}
	}
	return err
}

// Merge replaces what another run has measured anew, and keeps the rest.
func (r *Result) Merge(n Result) {
	r.Machine.take(n.Machine)
	r.Compared = merge(r.Compared, n.Compared)
	r.Grown = merge(r.Grown, n.Grown)
	for _, f := range n.Facts {
		r.setFact(f)
	}
}

func (m *Machine) take(n Machine) {
	commands := m.Commands
	*m = n
	for _, c := range commands {
		if len(n.Commands) == 0 || c != n.Commands[0] {
			m.Commands = append(m.Commands, c)
		}
	}
}

func (m Measurement) key() Measurement {
	return Measurement{System: m.System, Operation: m.Operation, Customers: m.Customers, Organizations: m.Organizations}
}

func merge(old, found []Measurement) []Measurement {
	at := map[Measurement]int{}
	for i := range old {
		at[old[i].key()] = i
	}
	for _, m := range found {
		if i, ok := at[m.key()]; ok {
			old[i] = m
		} else {
			old = append(old, m)
		}
	}
	return old
}

func (r *Result) setFact(f Fact) {
	for i := range r.Facts {
		if r.Facts[i].System == f.System && r.Facts[i].Name == f.Name {
			r.Facts[i] = f
			return
		}
	}
	r.Facts = append(r.Facts, f)
}

// Millis is a duration in milliseconds.
func Millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
