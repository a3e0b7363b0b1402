package doctor

import (
	"context"
	"embed"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"floe/internal/db"
)

// made is what the migrations make, one thing a line. A test makes the lists
// from them, and fails when they are another's: go test -run TestStructure -update.
//
//go:embed schema/*.txt
var made embed.FS

// Thing is a table, a column, an index or a constraint.
type Thing struct {
	Kind, Name, Definition string
	Valid                  bool
}

// Of both engines, the queries that list what there is, where the tables of
// Floe are. What others have added there is listed as well.
const (
	sqliteThings = `SELECT type AS kind, name, sql AS definition, TRUE AS valid FROM sqlite_schema
		WHERE sql IS NOT NULL AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite%' ORDER BY type, name`
	postgresThings = `WITH tables AS (
			SELECT oid, relname FROM pg_class
			WHERE relkind IN ('r', 'p') AND relnamespace = CAST(current_schema() AS regnamespace) AND relname NOT LIKE 'goose%'
		)
		SELECT 'column' AS kind, t.relname || '.' || a.attname AS name, format_type(a.atttypid, a.atttypmod)
			|| CASE WHEN a.attcollation <> y.typcollation THEN ' COLLATE ' || c.collname ELSE '' END
			|| CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
			|| CASE WHEN a.attidentity <> '' THEN ' IDENTITY' ELSE '' END
			|| COALESCE(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS definition, TRUE AS valid
		FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid JOIN pg_type y ON y.oid = a.atttypid
		LEFT JOIN pg_collation c ON c.oid = a.attcollation
		LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
		WHERE a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT 'index', x.relname, pg_get_indexdef(x.oid), i.indisvalid AND i.indisready AND i.indislive
		FROM tables t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class x ON x.oid = i.indexrelid
		UNION ALL
		SELECT 'constraint', t.relname || '.' || k.conname, pg_get_constraintdef(k.oid), k.convalidated
		FROM tables t JOIN pg_constraint k ON k.conrelid = t.oid WHERE k.contype IN ('p', 'u', 'f', 'c', 'x')
		ORDER BY 1, 2`
)

// Things lists what a database is made of.
func Things(ctx context.Context, q db.Querier, engine string) ([]Thing, error) {
	text := sqliteThings
	if engine == "postgres" {
		text = postgresThings
	}
	rows, err := db.All[Thing](ctx, q, text)
	if err != nil {
		return nil, fmt.Errorf("list what the database is made of: %w", err)
	}
	var list []Thing
	for i := range rows {
		list = append(list, rows[i].parts()...)
	}
	for i := range list {
		list[i].Definition = plain(list[i].Definition)
	}
	return list, nil
}

var (
	comment   = regexp.MustCompile(`--[^\n]*`)
	qualifier = regexp.MustCompile(`\b[A-Za-z_]\w*\.`)
	blank     = regexp.MustCompile(`\s+`)
)

// plain is a definition without what servers of other versions, or with other
// names of schemas, write differently: parentheses, quotes, and what stands
// before a dot.
func plain(definition string) string {
	definition = strings.TrimSuffix(definition, " NOT VALID") // which is said in other words
	definition = comment.ReplaceAllString(definition, "")
	definition = strings.NewReplacer("(", " ", ")", " ", `"`, "", ",", " , ").Replace(definition)
	definition = qualifier.ReplaceAllString(definition, "")
	return strings.TrimSpace(blank.ReplaceAllString(definition, " "))
}

func (t *Thing) String() string { return t.Kind + " " + t.Name + " = " + t.Definition }

// parts takes the definition of a table, which SQLite keeps as one text, to
// its columns and constraints.
func (t *Thing) parts() []Thing {
	if t.Kind != "table" || strings.HasPrefix(t.Definition, "CREATE VIRTUAL") {
		return []Thing{*t}
	}
	text := comment.ReplaceAllString(t.Definition, "")
	begin, end := strings.Index(text, "(")+1, strings.LastIndex(text, ")")
	out := []Thing{{Kind: "table", Name: t.Name, Definition: text[:begin] + text[end:], Valid: true}}
	for depth, from, i := 0, begin, begin; i <= end; i++ {
		switch {
		case text[i] == '(':
			depth++
		case text[i] == ')' && i < end:
			depth--
		case i == end || text[i] == ',' && depth == 0:
			out = append(out, t.part(plain(text[from:i])))
			from = i + 1
		}
	}
	return out
}

// part is a constraint, which is known by what it says, or a column.
func (t *Thing) part(text string) Thing {
	first, rest, _ := strings.Cut(text, " ")
	if slices.Contains([]string{"PRIMARY", "UNIQUE", "FOREIGN", "CHECK", "CONSTRAINT"}, first) {
		return Thing{Kind: "constraint", Name: t.Name + ": " + text, Definition: text, Valid: true}
	}
	return Thing{Kind: "column", Name: t.Name + "." + first, Definition: rest, Valid: true}
}

// structure compares what there is with what the migrations make. What others
// have added is their business.
func (c *Config) structure(ctx context.Context, to *check) error {
	text, err := made.ReadFile("schema/" + c.DB.Engine() + ".txt")
	if err != nil {
		return err
	}
	list, err := Things(ctx, c.DB, c.DB.Engine())
	if err != nil {
		return err
	}
	there := map[string]*Thing{}
	for i := range list {
		there[list[i].Kind+" "+list[i].Name] = &list[i]
	}
	for line := range strings.Lines(string(text)) {
		name, definition, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " = ")
		switch t := there[name]; {
		case t == nil:
			to.find(name, missing(name, definition))
		case !t.Valid:
			to.find(name, "is not valid")
		case t.Definition != definition:
			to.find(name, "is "+t.Definition+"; it was made as: "+definition)
		}
	}
	return nil
}

func missing(name, definition string) string {
	if strings.HasSuffix(name, definition) { // it says so itself
		return "is not there"
	}
	return "is not there; it was made as: " + definition
}

// find adds something that is broken.
func (c *check) find(name, detail string) {
	c.Status = Broken
	if c.More = len(c.Found) == kept; !c.More {
		c.Found = append(c.Found, Finding{ID: name, Detail: detail})
	}
}
