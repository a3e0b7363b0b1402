package subscription

import (
	"testing"
	"time"

	"floe/internal/id"
)

// An order takes the entries of the period that it bills; later ones wait for
// the next. Case 22 of the checklist of orders.
func TestOrderTakesWhatIsDue(t *testing.T) {
	t.Parallel()
	cutoff := time.Date(2026, 2, 15, 0, 0, 0, 0, time.UTC)
	entry := func(label string, at time.Time) Entry {
		return Entry{ID: id.New(), Label: label, Amount: 1, Direction: debit, PeriodStart: at}
	}
	it := &item{Row: Row{ID: id.New()}, bill: &billing{cutoff: cutoff}}
	it.newEntries = []Entry{entry("at once", cutoff), entry("later on", cutoff.Add(time.Microsecond))}
	w := &work{entries: map[id.ID][]Entry{it.ID: {entry("before", cutoff.AddDate(0, 0, -3)), entry("after", cutoff.AddDate(0, 0, 3))}}}
	n, taken := w.newOrder(it)
	if len(n.Lines) != 2 || n.Lines[0].Label != "before" || n.Lines[1].Label != "at once" || len(taken) != 2 {
		t.Errorf("took %+v", n.Lines)
	}
}
