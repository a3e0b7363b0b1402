// Package history records what clients asked a running Floe and what they were
// told, each with the time of its question and of its answer, and says whether
// there is an order in which one copy of the data, asked one question at a
// time, would have told them the same (linearizability). Its tests do so over
// HTTP on each engine. It is imported by tests only.
package history

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// A cell holds one value or nothing, and everything that is recorded is about
// one cell: the fields of a customer, who has an external id, who has an e-mail
// address. That each cell is linearizable for itself is what linearizability of
// all means, and it is what makes the check quick.

// Action is what was asked of a cell.
type Action string

// What can be asked.
const (
	Put    Action = "put"    // fill an empty cell
	Write  Action = "write"  // change what is there
	Read   Action = "read"   // say what is there
	Remove Action = "remove" // empty the cell; with a value, only if it holds that
)

// Outcome is what was answered.
type Outcome string

// What can be answered.
const (
	Done    Outcome = "done"
	Missing Outcome = "missing" // 404: the cell was empty, or did not hold the value
	Taken   Outcome = "taken"   // 422: the cell was not empty
)

// Event is a question and its answer.
type Event struct {
	Client       int
	Cell         string
	Action       Action
	Value        string // what was put, written, read or to be removed
	Outcome      Outcome
	How          string // the request, for people
	Call, Return time.Duration
}

type input struct {
	action Action
	value  string
	how    string
}

type output struct {
	outcome Outcome
	value   string
}

// nothing is the state of an empty cell; no value is.
const nothing = ""

// cell is what one cell may do.
var cell = porcupine.Model{
	Init: func() any { return nothing },
	Step: func(state, in, out any) (bool, any) {
		return step(state.(string), in.(input), out.(output))
	},
	DescribeOperation: func(in, out any) string {
		i, o := in.(input), out.(output)
		return fmt.Sprintf("%s %s: %s %s (%s)", i.action, i.value, o.outcome, o.value, i.how)
	},
	DescribeState: func(state any) string {
		if state == nothing {
			return "nothing"
		}
		return state.(string)
	},
}

// step says whether an answer is right for a cell that holds this, and what it
// holds next.
func step(holds string, in input, out output) (ok bool, next string) {
	full := holds != nothing
	switch {
	case in.action == Put && out.outcome == Done:
		return !full, in.value
	case in.action == Put && out.outcome == Taken:
		return full, holds
	case in.action == Write && out.outcome == Done:
		return full, in.value
	case in.action == Read && out.outcome == Done:
		return full && holds == out.value, holds
	case in.action == Remove && out.outcome == Done:
		return full && (in.value == "" || in.value == holds), nothing
	case in.action == Remove && out.outcome == Missing && in.value != "":
		return holds != in.value, holds
	case out.outcome == Missing:
		return !full, holds
	}
	return false, holds
}

// Log collects events. It may be used by several goroutines.
type Log struct {
	mu     sync.Mutex
	events []Event
}

// Add adds what one request has shown: of more than one cell when it touched
// several.
func (l *Log) Add(events ...Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, events...)
}

// Events are all that were added.
func (l *Log) Events() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.events)
}

// undecided is how long one cell may take to check.
const undecided = time.Minute

// Check is nil when every cell has behaved. Otherwise the error names the
// first that has not, and a page that shows its history, which is kept.
func Check(events []Event) error {
	cells := map[string][]porcupine.Operation{}
	for _, e := range events {
		in, out := input{action: e.Action, value: e.Value, how: e.How}, output{outcome: e.Outcome}
		if e.Action == Read {
			in.value, out.value = "", e.Value
		}
		cells[e.Cell] = append(cells[e.Cell], porcupine.Operation{
			ClientId: e.Client, Input: in, Output: out, Call: int64(e.Call), Return: int64(e.Return),
		})
	}
	for _, name := range slices.Sorted(maps.Keys(cells)) {
		switch result := porcupine.CheckOperationsTimeout(cell, cells[name], undecided); result {
		case porcupine.Ok:
		case porcupine.Unknown:
			return fmt.Errorf("%s: %d events are too many to decide in %s", name, len(cells[name]), undecided)
		default:
			return fmt.Errorf("%s: no order explains its %d events; they are drawn in %s", name, len(cells[name]), draw(name, cells[name]))
		}
	}
	return nil
}

// draw writes a page that shows the history of a cell and as much of an order
// as could be found.
func draw(name string, history []porcupine.Operation) (path string) {
	f, err := os.CreateTemp("", "floe-history-"+fileName(name)+"-*.html")
	if err != nil {
		return err.Error()
	}
	_, info := porcupine.CheckOperationsVerbose(cell, history, undecided)
	if err := porcupine.Visualize(cell, info, f); err != nil {
		return err.Error()
	}
	if err := f.Close(); err != nil {
		return err.Error()
	}
	return f.Name()
}

func fileName(cell string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '-' {
			return r
		}
		return '-'
	}, strings.ToLower(cell))
}

// Summary counts what a history is made of.
func Summary(events []Event) string {
	cells, kinds, meetings := map[string]time.Duration{}, map[string]int{}, 0
	slices.SortFunc(events, func(a, b Event) int { return int(a.Call - b.Call) })
	for _, e := range events {
		kinds[string(e.Action)+" "+string(e.Outcome)]++
		if e.Call <= cells[e.Cell] {
			meetings++
		}
		cells[e.Cell] = max(cells[e.Cell], e.Return)
	}
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		parts = append(parts, fmt.Sprintf("%d %s", kinds[kind], kind))
	}
	return fmt.Sprintf("%d events on %d cells, %d while another of its cell was under way: %s",
		len(events), len(cells), meetings, strings.Join(parts, ", "))
}
