package db

import (
	"context"
	"strings"
	"sync"
)

// constraints finds the name of a unique index from what SQLite says, which
// is the columns. Two unique indexes over the same columns of a table cannot
// be told apart and should not be made.
type constraints struct {
	mu      sync.Mutex
	columns map[string]string // "table.a, table.b" -> index name
}

// fromSQLite reads "UNIQUE constraint failed: t.a, t.b (2067)" or, for an
// index over an expression, "UNIQUE constraint failed: index 'name' (2067)".
func (c *constraints) fromSQLite(ctx context.Context, d *DB, failure sqliteError, err error) error {
	_, what, _ := strings.Cut(failure.Error(), "constraint failed: ")
	if i := strings.LastIndex(what, " ("); i >= 0 {
		what = what[:i]
	}
	// The driver repeats the words before the message of SQLite.
	if _, after, ok := strings.Cut(what, "constraint failed: "); ok {
		what = after
	}
	if name, ok := strings.CutPrefix(what, "index '"); ok {
		name = strings.TrimSuffix(name, "'")
		return &UniqueError{Constraint: name, Table: c.table(ctx, d, name), cause: err}
	}
	table, _, _ := strings.Cut(what, ".")
	return &UniqueError{Constraint: c.name(ctx, d, what), Table: table, cause: err}
}

// name looks the columns up, reading the schema again when they are new.
func (c *constraints) name(ctx context.Context, d *DB, columns string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if name, ok := c.columns[columns]; ok {
		return name
	}
	if loaded, err := loadConstraints(context.WithoutCancel(ctx), d); err == nil {
		c.columns = loaded
	}
	if name, ok := c.columns[columns]; ok {
		return name
	}
	// What is left is the rowid: an INTEGER PRIMARY KEY has no index.
	table, _, _ := strings.Cut(columns, ".")
	return table + "_pkey"
}

func (c *constraints) table(ctx context.Context, d *DB, index string) string {
	name, err := One[string](context.WithoutCancel(ctx), d,
		`SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND name = ?`, index)
	if err != nil {
		return ""
	}
	return name
}

type indexColumn struct {
	Table  string
	Index  string
	Origin string
	Column string
}

func loadConstraints(ctx context.Context, d *DB) (map[string]string, error) {
	rows, err := All[indexColumn](ctx, d, `
		SELECT m.name AS "table", l.name AS "index", l.origin AS origin, i.name AS "column"
		FROM sqlite_schema m, pragma_index_list(m.name) l, pragma_index_info(l.name) i
		WHERE m.type = 'table' AND l."unique" AND i.name IS NOT NULL
		ORDER BY m.name, l.name, i.seqno`)
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Index == rows[0].Index {
			n++
		}
		columns, name := describe(rows[:n])
		out[columns] = name
		rows = rows[n:]
	}
	return out, nil
}

// describe returns SQLite's words for an index and PostgreSQL's name for it.
func describe(index []indexColumn) (columns, name string) {
	var qualified, plain []string
	for _, c := range index {
		qualified = append(qualified, c.Table+"."+c.Column)
		plain = append(plain, c.Column)
	}
	columns = strings.Join(qualified, ", ")
	switch index[0].Origin {
	case "pk":
		return columns, index[0].Table + "_pkey"
	case "u":
		return columns, index[0].Table + "_" + strings.Join(plain, "_") + "_key"
	}
	return columns, index[0].Index
}
