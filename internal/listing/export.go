package listing

import (
	"iter"
	"time"

	"floe/internal/api"
	"floe/internal/schema"
)

// Export is a list as a table, of the columns that a caller has chosen.
type Export[C ~string, R any] struct {
	Name string // of the file, before the days
	// Cell says how a column is headed, and what stands there of a row.
	Cell func(c C) (header string, text func(r *R, zone schema.Zone) string)
	// Columns are the chosen ones; without any they are Default.
	Columns, Default []C
	Zone             schema.Zone
	Between          [2]*schema.Aware // the days that the name ends with, each unless nil
}

// Table writes rows.
func (e *Export[C, R]) Table(rows iter.Seq2[R, error]) api.Table {
	columns := e.Columns
	if len(columns) == 0 {
		columns = e.Default
	}
	t := api.Table{Name: e.Name, Header: make([]string, len(columns))}
	texts := make([]func(*R, schema.Zone) string, len(columns))
	for i, c := range columns {
		t.Header[i], texts[i] = e.Cell(c)
	}
	for _, at := range e.Between {
		if at != nil {
			t.Name += "-" + at.In(e.Zone.Location()).Format(time.DateOnly)
		}
	}
	t.Rows = func(yield func([]string, error) bool) {
		for r, err := range rows {
			if err != nil {
				yield(nil, err)
				return
			}
			record := make([]string, len(columns))
			for i, text := range texts {
				record[i] = text(&r, e.Zone)
			}
			if !yield(record, nil) {
				return
			}
		}
	}
	return t
}
