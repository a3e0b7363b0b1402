package db

import (
	"context"
	"database/sql"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"
)

// Reads are statements that are answered together: on one snapshot, and on
// PostgreSQL in one round trip. None can use what another has found.
type Reads struct{ list []read }

type read struct {
	text string
	args []any
	take func(ctx context.Context, r *result) error
}

// Ask adds a statement to reads. Its rows are where the answer points to once
// Run has returned nil.
func Ask[T any](reads *Reads, text string, args ...any) *[]T {
	rows := new([]T)
	reads.list = append(reads.list, read{text, args, func(ctx context.Context, r *result) (err error) {
		*rows, err = collectRows[T](ctx, r)
		return err
	}})
	return rows
}

// Run runs the statements: on a snapshot of their own when q is the database,
// else as part of what q is.
func (r *Reads) Run(ctx context.Context, q Querier) error {
	switch q := q.(type) {
	case *DB:
		if q.postgres {
			return q.translate(ctx, q.readTogether(ctx, r))
		}
		return q.readSQLite(ctx, func(s Querier) error { return r.oneByOne(ctx, s) })
	case *Tx:
		if pg, ok := q.run.(*pgRunner); ok {
			return q.readTogether(ctx, pg, r)
		}
	}
	return r.oneByOne(ctx, q)
}

func (r *Reads) oneByOne(ctx context.Context, q Querier) error {
	for _, one := range r.list {
		rows, err := q.query(ctx, one.text, one.args)
		if err == nil {
			err = one.take(ctx, &rows)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// readTogether sends the statements with the beginning and the end of their
// transaction.
func (d *DB) readTogether(ctx context.Context, r *Reads) error {
	if conn, v := d.fromReplica(ctx); conn != nil {
		err := d.readTogetherOn(ctx, conn, r)
		if err == nil || ctx.Err() != nil {
			return err
		}
		d.abandon(ctx, v, err)
	}
	conn, err := d.pool.Conn(ctx)
	if err != nil {
		return err
	}
	return d.readTogetherOn(ctx, conn, r)
}

func (d *DB) readTogetherOn(ctx context.Context, conn *sql.Conn, r *Reads) error {
	defer func() { _ = conn.Close() }()
	err := r.send(ctx, d, conn, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "COMMIT")
	if err != nil { // a connection on which this fails is not used again
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

func (tx *Tx) readTogether(ctx context.Context, run *pgRunner, r *Reads) error {
	err := tx.usable()
	if err == nil {
		err = run.flush(ctx, false)
	}
	if err == nil {
		err = r.send(ctx, tx.db, run.conn, "", "")
	}
	if err != nil {
		err = tx.db.translate(ctx, err)
		tx.note(err)
	}
	return err
}

// send sends the statements in one go, with one before and one after them
// where there are such, and takes the answers.
func (r *Reads) send(ctx context.Context, d *DB, conn *sql.Conn, first, last string) error {
	b := &pgx.Batch{}
	if first != "" {
		b.Queue(first)
	}
	for _, one := range r.list {
		d.stats.queries.Add(1)
		b.Queue(d.texts.get(one.text).text, d.bind(one.args)...)
	}
	if last != "" {
		b.Queue(last)
	}
	return conn.Raw(func(driver any) (err error) {
		c := driver.(*stdlib.Conn).Conn()
		sent := c.SendBatch(ctx, b)
		defer func() { // what is left is the end of the transaction
			if closed := sent.Close(); err == nil {
				err = closed
			}
		}()
		if first != "" {
			if _, err := sent.Exec(); err != nil {
				return err
			}
		}
		for _, one := range r.list {
			rows, err := sent.Query() //nolint:sqlclosecheck,rowserrcheck // result.close
			if err != nil {
				return err
			}
			err = one.take(ctx, &result{db: d, statement: d.texts.get(one.text), rows: &sentRows{rows: rows, types: c.TypeMap()}})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// sentRows are the rows of one of several statements that were sent together,
// which database/sql knows nothing of.
type sentRows struct {
	rows  pgx.Rows
	types *pgtype.Map
	read  []valueReader // one for each column
}

// valueReader makes of what the server has sent what database/sql would have
// made of it.
type valueReader func(raw []byte) (any, error)

// Columns are the names of the columns.
func (r *sentRows) Columns() ([]string, error) {
	fields := r.rows.FieldDescriptions()
	names := make([]string, len(fields))
	for i := range fields {
		names[i] = fields[i].Name
	}
	return names, r.rows.Err()
}

// Next goes to the next row and reports whether there is one.
func (r *sentRows) Next() bool { return r.rows.Next() }

// Err is what went wrong in Next.
func (r *sentRows) Err() error { return r.rows.Err() }

// Close reads over what is left.
func (r *sentRows) Close() error { r.rows.Close(); return nil }

// fillSent stores the current row.
func (s *scratch) fillSent(r *sentRows) error {
	if r.read == nil {
		for _, f := range r.rows.FieldDescriptions() {
			r.read = append(r.read, readerOf(r.types, f.DataTypeOID, f.Format))
		}
	}
	for i, raw := range r.rows.RawValues() {
		var v any
		if raw != nil {
			var err error
			if v, err = r.read[i](raw); err != nil {
				return err
			}
		}
		if err := s.cells[i].Scan(v); err != nil {
			return err
		}
	}
	return nil
}

func readerOf(types *pgtype.Map, oid uint32, format int16) valueReader {
	switch oid {
	case pgtype.BoolOID:
		return reads[bool](types, oid, format)
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID:
		return reads[int64](types, oid, format)
	case pgtype.Float4OID, pgtype.Float8OID:
		return reads[float64](types, oid, format)
	case pgtype.ByteaOID:
		return reads[[]byte](types, oid, format)
	case pgtype.TimestamptzOID:
		return reads[time.Time](types, oid, format)
	}
	return reads[string](types, oid, format)
}

func reads[T any](types *pgtype.Map, oid uint32, format int16) valueReader {
	var v T
	plan := types.PlanScan(oid, format, &v)
	return func(raw []byte) (any, error) {
		err := plan.Scan(raw, &v)
		return v, err
	}
}
