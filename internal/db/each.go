package db

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Each yields row after row and keeps none of them. It ends after the first
// error. Breaking out of the loop is fine, and so is running other statements
// inside it.
func Each[T any](ctx context.Context, q Querier, text string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		c, err := q.cursor(ctx, text, args)
		var more bool
		switch {
		case err != nil:
			more = true
		case c != nil:
			more, err = eachFetched(ctx, c, yield)
		default:
			more, err = eachStreamed(ctx, q, text, args, yield)
		}
		if err != nil && more {
			var zero T
			yield(zero, err)
		}
	}
}

// eachStreamed reads from the connection as it goes. It reports whether the
// loop still wants to hear of an error.
func eachStreamed[T any](ctx context.Context, q Querier, text string, args []any, yield func(T, error) bool) (more bool, err error) {
	r, err := q.query(ctx, text, args)
	if err != nil {
		return true, err
	}
	begun := false
	defer func() { // also when the loop panics
		if closed := r.close(ctx); err == nil || errors.Is(err, errNoColumns) {
			err = cmp.Or(closed, err)
		}
		if r.again && !begun {
			more, err = eachStreamed(ctx, q, text, args, yield)
		}
	}()
	into, err := scanner[T](&r)
	if err != nil {
		return true, err
	}
	defer into.release()
	for r.rows.Next() {
		var row T
		if err := into.scan(r.rows, &row); err != nil {
			return true, err
		}
		begun = true
		if !yield(row, nil) {
			return false, nil
		}
	}
	return true, nil
}

// cursor is how Each reads inside a PostgreSQL transaction. Its connection
// can do one thing at a time: while rows were open no other statement could
// run. So rows are fetched in pieces, with the connection free in between.
type cursor struct {
	fetch     func(context.Context) (result, error)
	close     func(context.Context) error
	unlimited bool // one piece holds everything
}

const fetchSize = 500

func eachFetched[T any](ctx context.Context, c *cursor, yield func(T, error) bool) (more bool, err error) {
	defer func() {
		if closed := c.close(ctx); err == nil {
			err = closed
		}
	}()
	for {
		r, err := c.fetch(ctx)
		if err != nil {
			return true, err
		}
		rows, err := collectRows[T](ctx, &r)
		if err != nil {
			return true, err
		}
		for _, row := range rows {
			if !yield(row, nil) {
				return false, nil
			}
		}
		if c.unlimited || len(rows) < fetchSize {
			return true, nil
		}
	}
}

func (tx *Tx) cursor(ctx context.Context, text string, args []any) (*cursor, error) {
	pg, ok := tx.run.(*pgRunner)
	if !ok {
		return nil, nil
	}
	if !selects(text) {
		return wholeCursor(tx, text, args), nil
	}
	if err := tx.usable(); err != nil {
		return nil, err
	}
	c, err := pg.declare(ctx, tx.db, text, args)
	if err != nil {
		tx.note(err)
	}
	return c, err
}

func (s *snapshot) cursor(ctx context.Context, text string, args []any) (*cursor, error) {
	pg, ok := s.run.(*pgRunner)
	if !ok {
		return nil, nil
	}
	if !selects(text) {
		return wholeCursor(s, text, args), nil
	}
	return pg.declare(ctx, s.db, text, args)
}

// selects reports whether PostgreSQL makes a cursor of the statement, which
// it does not for INSERT … RETURNING and the like.
func selects(text string) bool {
	text = strings.ToUpper(strings.TrimLeft(text, " \t\n("))
	if !strings.HasPrefix(text, "WITH") {
		return strings.HasPrefix(text, "SELECT")
	}
	for _, word := range []string{"INSERT ", "UPDATE ", "DELETE ", "MERGE "} {
		if strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// wholeCursor reads what cannot be read in pieces.
func wholeCursor(q Querier, text string, args []any) *cursor {
	return &cursor{
		fetch:     func(ctx context.Context) (result, error) { return q.query(ctx, text, args) },
		close:     func(context.Context) error { return nil },
		unlimited: true,
	}
}

// declare opens a cursor. Its statements are not to be prepared and cached:
// under the same text they return other columns the next time.
func (p *pgRunner) declare(ctx context.Context, d *DB, text string, args []any) (*cursor, error) {
	d.stats.queries.Add(1)
	if err := p.flush(ctx, false); err != nil {
		return nil, d.translate(ctx, err)
	}
	p.cursors++
	name := "each_" + strconv.Itoa(p.cursors)
	st := d.texts.get(text)
	args = append([]any{pgx.QueryExecModeDescribeExec}, d.bind(args)...)
	if _, err := p.conn.Exec(ctx, "DECLARE "+name+" NO SCROLL CURSOR FOR "+st.text, args...); err != nil {
		return nil, d.translate(ctx, err)
	}
	fetch := "FETCH " + strconv.Itoa(fetchSize) + " FROM " + name
	return &cursor{
		fetch: func(ctx context.Context) (result, error) {
			r, err := sent(ctx, p.conn, st, fetch, pgx.QueryExecModeDescribeExec)
			r.db = d
			return r, d.translate(ctx, err)
		},
		close: func(ctx context.Context) error {
			_, err := p.conn.Exec(ctx, "CLOSE "+name, pgx.QueryExecModeExec)
			return d.translate(ctx, err)
		},
	}, nil
}
