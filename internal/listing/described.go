package listing

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Described are the rows of a table whose metadata another table has, for
// filters to look in: a row for each key, with its value as text.
type Described struct {
	Table    string // of the rows
	Metadata string // the other one
	Owner    string // its column that says whose metadata it is
	Longest  int    // how long a value may be to stand there as it is; see db.IndexText
}

// LongestText is how long a text may be in metadata that callers give: 500
// letters. Numbers may be longer.
const LongestText = 4 * 500

// Entries adds what the table of metadata has of a row to the values of an
// Insert.
func (d Described) Entries(values []any, organization, row id.ID, metadata json.RawMessage) []any {
	if len(metadata) <= len("{}") {
		return values
	}
	n := schema.Metadata(metadata).Node()
	for i, key := range n.Keys {
		values = append(values, organization, row, key, db.IndexText(scalarText(&n.Items[i]), d.Longest))
	}
	return values
}

// Insert fills the table of metadata, where there is any.
func (d Described) Insert(ctx context.Context, tx *db.Tx, entries []any) error {
	if len(entries) == 0 {
		return nil
	}
	err := db.InsertLater(ctx, tx, db.Into{Table: d.Metadata, Columns: "organization_id, " + d.Owner + ", key, value"}, entries)
	if err != nil {
		return fmt.Errorf("index metadata: %w", err)
	}
	return nil
}

// Clear takes rows out of the table of metadata.
func (d Described) Clear(ctx context.Context, tx *db.Tx, organization id.ID, rows ...id.ID) error {
	w := db.Where("organization_id = ?", organization).In(d.Owner, rows)
	if err := db.Later(ctx, tx, "DELETE FROM "+d.Metadata+w.SQL(), w.Args()...); err != nil {
		return fmt.Errorf("clear the index of metadata: %w", err)
	}
	return nil
}

// scalarText is a metadata value as filters compare it.
func scalarText(n *schema.Node) string {
	if n.Kind == schema.String {
		return n.Text
	}
	return string(n.Append(nil))
}

// Joined is how many keys of a filter lead to rows by the index of metadata.
// PostgreSQL plans a join for each of them, which for fifty takes it seconds.
const Joined = 5

// Narrow adds the condition that rows match. Keys beyond the first few are
// looked up for each row that these leave.
func (m MetadataFilter) Narrow(w *db.W, orgs []id.ID, d Described) {
	few := m[:min(Joined, len(m))]
	few.In(w, orgs, "id", d)
	m[len(few):].Check(w, d)
}

// In adds, for each key, the condition that a column is among the owners of
// metadata that match.
func (m MetadataFilter) In(w *db.W, orgs []id.ID, column string, d Described) {
	for _, k := range m {
		inner := db.Where("key = ?", k.Key).In("value", db.IndexTexts(k.Values, d.Longest)).In("organization_id", orgs)
		w.And(column+" IN (SELECT "+d.Owner+" FROM "+d.Metadata+inner.SQL()+")", inner.Args()...)
	}
}

// Check adds the condition that the metadata of a row match, whichever way led
// to the row.
func (m MetadataFilter) Check(w *db.W, d Described) {
	if len(m) == 0 {
		return
	}
	var or []string
	var args []any
	for _, k := range m {
		in, values := db.InList("value", db.IndexTexts(k.Values, d.Longest))
		or, args = append(or, "key = ? AND "+in), append(append(args, k.Key), values...)
	}
	w.And("(SELECT COUNT(*) FROM "+d.Metadata+" m WHERE m.organization_id = "+d.Table+".organization_id AND m."+d.Owner+" = "+d.Table+".id AND ("+
		strings.Join(or, " OR ")+")) = "+strconv.Itoa(len(or)), args...)
}

// Entry is the condition of entries in the table of metadata whose owners
// match: one for each of them. There must be a key.
func (m MetadataFilter) Entry(orgs []id.ID, d Described) *db.W {
	w := db.Where("").In("organization_id", orgs).And("key = ?", m[0].Key).In("value", db.IndexTexts(m[0].Values, d.Longest))
	m[1:].In(w, orgs, d.Owner, d)
	return w
}

// Sought are rows that a list shows by their metadata.
type Sought struct {
	Described
	Orgs []id.ID
	// Alone says that the list is filtered by nothing but metadata and
	// organizations, so that it shows every row that matches.
	Alone bool
	// Time is the name of the criterion by time, which is that of its column, too,
	// and All are all rows that have one.
	Time string
	All  *db.W
	// Where is the filter of the list, by looking at the metadata of each row or by
	// what these lead to.
	Where func(check bool) *db.W
}

// How many rows metadata may lead to at once, and how many are counted where a
// guess will do.
const (
	few    = 1000
	enough = 20_000
)

// Seek has a list of rows with some metadata say how many there are, as their
// index tells, and begin with its first rows where there are many: SQLite is told
// the same of every database (docs/decisions/0022), so it goes to each of them,
// and PostgreSQL may go past all others. See docs/decisions/0014.
func (m MetadataFilter) Seek(ctx context.Context, q db.Querier, l *Query, criteria []string, s Sought) error {
	if len(m) == 0 || len(m) > Joined {
		return nil
	}
	most := enough
	if s.Alone {
		most = 0
	}
	n, err := Rows{From: s.Metadata, Where: m.Entry(s.Orgs, s.Described)}.count(ctx, q, most)
	if err != nil {
		return fmt.Errorf("count metadata: %w", err)
	}
	if s.Alone {
		l.Known = &n
	}
	if len(s.Orgs) > 1 || len(criteria) == 0 || strings.TrimPrefix(criteria[0], "-") != s.Time {
		return nil // no index has them in this order
	}
	if sizes := firstOf(n, l.Page.Last(), q.Engine()); len(sizes) > 0 {
		l.Begin(q.Engine(), Beginning{Time: s.Time, Down: criteria[0] != s.Time, From: s.Table, All: s.All,
			Where: func() *db.W { return s.Where(true) }, Sizes: sizes})
	}
	return nil
}

// firstOf is how many rows are looked at before going to each of those that
// metadata lead to: so many that it costs at most about half as much. To go to
// one costs SQLite as much as to look at four in the order of the list and at
// their metadata, and PostgreSQL a third of that.
func firstOf(lead, last int, engine string) (sizes []int) {
	const growsBy, mostTries = 4, 8
	most := 2 * lead
	if engine == "postgres" {
		most /= 3
	}
	for n := max(few, growsBy*last); lead > few && n <= most && len(sizes) < mostTries; n *= growsBy {
		sizes = append(sizes, n)
	}
	return sizes
}
