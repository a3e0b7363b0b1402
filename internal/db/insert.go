package db

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Into is where an insert of any number of rows goes: a table, its columns
// with commas between them, and what follows the rows, such as ON CONFLICT or
// RETURNING.
type Into struct{ Table, Columns, Tail string }

// InsertReturning inserts rows, whose values follow each other, and answers
// what the tail returns of them.
//
// On SQLite it is statements with many rows of VALUES. PostgreSQL gets the
// values column by column, each as one array, in one statement for any number
// of rows: there is one text to parse, to plan and to keep on each connection.
func InsertReturning[T any](ctx context.Context, tx *Tx, in Into, values []any) (out []T, err error) {
	err = tx.insert(ctx, in, values, func(text string, args []any) error {
		rows, err := All[T](ctx, tx, text, args...)
		out = append(out, rows...)
		return err
	})
	return out, err
}

// Insert inserts rows of which nothing is answered.
func Insert(ctx context.Context, tx *Tx, in Into, values []any) error {
	return tx.insert(ctx, in, values, func(text string, args []any) error {
		_, err := Exec(ctx, tx, text, args...)
		return err
	})
}

// InsertLater inserts rows of which nothing is answered; see Later.
func InsertLater(ctx context.Context, tx *Tx, in Into, values []any) error {
	return tx.insert(ctx, in, values, func(text string, args []any) error { return Later(ctx, tx, text, args...) })
}

// insert runs the statements of an insert.
func (tx *Tx) insert(ctx context.Context, in Into, values []any, run func(text string, args []any) error) error {
	width := strings.Count(in.Columns, ",") + 1
	rows := len(values) / width
	if rows*width != len(values) {
		return fmt.Errorf("db: %d values for the %d columns of %s", len(values), width, in.Table)
	}
	if tx.postgres && rows > 1 {
		return tx.insertColumns(ctx, in, values, width, run)
	}
	for from, to := range Pieces(rows) {
		if err := run(in.values(to-from, width), values[from*width:to*width]); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) insertColumns(ctx context.Context, in Into, values []any, width int, run func(string, []any) error) error {
	text, err := tx.columnwise(ctx, in)
	for err == nil && len(values) > 0 {
		n := min(maxPiece*width, len(values))
		err = run(text, tx.arrays(values[:n], width))
		values = values[n:]
	}
	return err
}

// values is the statement with so many rows of question marks.
func (in Into) values(rows, width int) string {
	var b strings.Builder
	b.Grow(len(in.Table) + len(in.Columns) + len(in.Tail) + rows*(3*width+2) + 32)
	for _, part := range []string{"INSERT INTO ", in.Table, " (", in.Columns, ") VALUES "} {
		b.WriteString(part)
	}
	for i := range rows * width {
		switch {
		case i == 0:
			b.WriteString("(?")
		case i%width == 0:
			b.WriteString("), (?")
		default:
			b.WriteString(", ?")
		}
	}
	b.WriteByte(')')
	b.WriteString(in.Tail)
	return b.String()
}

// arrays turns rows into columns.
func (d dialect) arrays(values []any, width int) []any {
	out := make([]any, width)
	buf := make([]byte, 0, 64*len(values)/width)
	for column := range out {
		buf = append(buf[:0], '{')
		for i := column; i < len(values); i += width {
			if i > column {
				buf = append(buf, ',')
			}
			buf = appendElement(buf, d.value(values[i]))
		}
		out[column] = string(append(buf, '}'))
	}
	return out
}

// appendElement writes a value as PostgreSQL reads it in the text of an array.
func appendElement(b []byte, value any) []byte {
	switch v := value.(type) {
	case nil:
		return append(b, "NULL"...)
	case int64:
		return strconv.AppendInt(b, v, 10)
	case bool:
		return strconv.AppendBool(b, v)
	case float64:
		return strconv.AppendFloat(b, v, 'g', -1, 64)
	case time.Time:
		return append(v.UTC().AppendFormat(append(b, '"'), timeLayout), '"')
	case string:
		return appendQuoted(b, v)
	case []byte:
		return appendQuoted(b, fmt.Sprintf(`\x%x`, v))
	}
	return appendQuoted(b, fmt.Sprint(value))
}

func appendQuoted(b []byte, text string) []byte {
	b = append(b, '"')
	from := 0
	for i := range len(text) {
		if c := text[i]; c == '"' || c == '\\' {
			b = append(append(b, text[from:i]...), '\\')
			from = i
		}
	}
	return append(append(b, text[from:]...), '"')
}

// columnwise is the statement that inserts columns, with the types that the
// table has. They are looked up once.
func (tx *Tx) columnwise(ctx context.Context, in Into) (string, error) {
	if text, ok := tx.db.inserts.Load(in); ok {
		return text.(string), nil
	}
	types, err := tx.columnTypes(ctx, in.Table)
	if err != nil {
		return "", err
	}
	var arrays []string
	for name := range strings.SplitSeq(in.Columns, ",") {
		name = strings.TrimSpace(name)
		if types[name] == "" {
			return "", fmt.Errorf("db: the table %s has no column %s", in.Table, name)
		}
		arrays = append(arrays, "CAST(? AS "+types[name]+"[])")
	}
	text := "INSERT INTO " + in.Table + " (" + in.Columns + ") SELECT * FROM unnest(" + strings.Join(arrays, ", ") + ")" + in.Tail
	tx.db.inserts.Store(in, text)
	return text, nil
}

func (tx *Tx) columnTypes(ctx context.Context, table string) (map[string]string, error) {
	rows, err := All[struct{ Name, Type string }](ctx, tx, `SELECT attname AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
		WHERE attrelid = CAST(CAST(? AS text) AS regclass) AND attnum > 0 AND NOT attisdropped`, table)
	if err != nil {
		return nil, fmt.Errorf("look up the columns of %s: %w", table, err)
	}
	out := make(map[string]string, len(rows))
	for _, r := range rows {
		out[r.Name] = r.Type
	}
	return out, nil
}
