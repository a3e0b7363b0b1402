package listing

import (
	"strings"

	"floe/internal/db"
)

// Beginning are the first rows of a list that is in the order of a time.
type Beginning struct {
	Time string // the column
	Down bool   // the latest come first
	From string // where the rows lie in that order
	// All are the rows that the list might show, whatever it is filtered by, and
	// Where is what it shows of them, by looking at each.
	All   *db.W
	Where func() *db.W
	// Sizes are how many rows are looked at, and then how many if those do not fill
	// the page, and so on.
	Sizes []int
}

// Begin has the list look for its page at its beginning, before it looks in its
// own way. PostgreSQL, too, is to find all then and sort them: it takes no index
// for the order of a sum.
func (l *Query) Begin(engine string, b Beginning) {
	compare, direction := "<=", "ASC"
	if b.Down {
		compare, direction = ">=", "DESC"
	}
	within := b.Time + " " + compare + " (SELECT " + b.Time + " FROM " + b.From + b.All.SQL() + " ORDER BY " + b.Time + " " + direction + " LIMIT 1 OFFSET ?)"
	for _, n := range b.Sizes {
		where := b.Where().And(within, append(b.All.Args(), n-1)...)
		l.First = append(l.First, Part{Rows: Rows{From: b.From, Where: where}, Order: l.Order})
	}
	if engine == "postgres" {
		l.Order = strings.Replace(l.Order, b.Time, b.Time+" + INTERVAL '0'", 1)
	}
}
