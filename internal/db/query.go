package db

import (
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Querier runs SQL: a *DB outside of any transaction, a *Tx inside one, or
// the snapshot that Read gives. It is sealed.
type Querier interface {
	// Engine is "sqlite" or "postgres".
	Engine() string
	// JSONText is an expression for a key of a JSON object column, as text.
	JSONText(column string) string
	// TimeBucket is an expression for the start of the unit a time lies in.
	TimeBucket(unit, column string) string

	query(ctx context.Context, text string, args []any) (result, error)
	exec(ctx context.Context, text string, args []any) (int64, error)
	// cursor makes the rows of a statement available piece by piece, nil
	// where query does so already.
	cursor(ctx context.Context, text string, args []any) (*cursor, error)
}

// One returns the first row, or ErrNoRows when there is none. T is a struct
// whose fields are matched to the columns by their db tag or by their name in
// snake case, or a single value.
func One[T any](ctx context.Context, q Querier, text string, args ...any) (out T, err error) {
	r, err := q.query(ctx, text, args)
	if err != nil {
		return out, err
	}
	out, err = firstRow[T](ctx, &r)
	if r.again {
		return One[T](ctx, q, text, args...)
	}
	return out, err
}

// firstRow reads one row and closes the result.
func firstRow[T any](ctx context.Context, r *result) (out T, err error) {
	if !r.rows.Next() {
		if err := r.close(ctx); err != nil {
			return out, err
		}
		return out, ErrNoRows
	}
	into, err := scanner[T](r)
	if err == nil {
		err = into.scan(r.rows, &out)
		into.release()
	}
	if closed := r.close(ctx); err == nil {
		err = closed
	}
	return out, err
}

// Exists says whether a statement finds anything. It selects a number, such as 1.
func Exists(ctx context.Context, q Querier, text string, args ...any) (bool, error) {
	_, err := One[int64](ctx, q, text, args...)
	if errors.Is(err, ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// All returns every row. The slice is empty, never nil, when there is none.
func All[T any](ctx context.Context, q Querier, text string, args ...any) ([]T, error) {
	r, err := q.query(ctx, text, args)
	if err != nil {
		return []T{}, err
	}
	out, err := collectRows[T](ctx, &r)
	if r.again {
		return All[T](ctx, q, text, args...)
	}
	return out, err
}

// collectRows reads all that is there and closes the result.
func collectRows[T any](ctx context.Context, r *result) ([]T, error) {
	out := []T{}
	into, err := scanner[T](r)
	if err != nil {
		return out, cmp.Or(r.close(ctx), err)
	}
	for err == nil && r.rows.Next() {
		var zero T
		out = append(out, zero)
		err = into.scan(r.rows, &out[len(out)-1])
	}
	into.release()
	if closed := r.close(ctx); err == nil {
		err = closed
	}
	if err != nil {
		return []T{}, err
	}
	return out, nil
}

// Exec runs a statement and returns how many rows it changed. It needs a
// transaction.
func Exec(ctx context.Context, q Querier, text string, args ...any) (int64, error) {
	return q.exec(ctx, text, args)
}

// result is an open set of rows and what has to be given back after it.
type result struct {
	db        *DB
	tx        *Tx
	statement *statement
	rows      rowSource
	session   *session // of the readers, to be given back
	readers   *readers
	start     time.Time

	conn  *pgxpool.Conn // to be given back
	view  *View         // of a read from the replica
	again bool          // the replica failed: the primary has to be asked
}

// rowSource is what all rows can do: *sentRows and *sessionRows.
type rowSource interface {
	Columns() ([]string, error)
	Next() bool
	Err() error
	Close() error
}

// close ends the rows and returns what went wrong while they were read.
func (r *result) close(ctx context.Context) error {
	err := r.rows.Err()
	if closed := r.rows.Close(); err == nil {
		err = closed
	}
	if r.readers != nil {
		r.readers.release(r.session)
		r.statement.took(time.Since(r.start))
	}
	if r.conn != nil {
		r.conn.Release()
	}
	if err == nil {
		return nil
	}
	if r.view != nil {
		r.db.abandon(ctx, r.view, err)
		r.again = r.conn != nil && ctx.Err() == nil // a snapshot begins anew as a whole
	}
	err = r.db.translate(ctx, err)
	if r.tx != nil {
		r.tx.note(err)
	}
	return err
}
