package db

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// Reads are statements that are answered together: on one snapshot, and on
// PostgreSQL in one round trip. None can use what another has found.
type Reads struct {
	list  []read
	apart bool // none needs the snapshot of another
}

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

// Lookup returns the few rows that a short statement finds by a key. It is All,
// but that on PostgreSQL those who look something up at the same time go
// together; see company.
func Lookup[T any](ctx context.Context, q Querier, text string, args ...any) ([]T, error) {
	d, ok := q.(*DB)
	if !ok || !d.postgres || d.mayAskReplica(ctx) {
		return All[T](ctx, q, text, args...)
	}
	if d.company.enter() {
		defer d.company.leave()
		return All[T](ctx, q, text, args...)
	}
	var reads Reads
	rows := Ask[T](&reads, text, args...)
	err := reads.Run(ctx, d)
	return *rows, err
}

// Run runs the statements: on a snapshot of their own when q is the database,
// else as part of what q is. On PostgreSQL those who ask the database at the
// same time go together; see company.
func (r *Reads) Run(ctx context.Context, q Querier) error {
	switch q := q.(type) {
	case *DB:
		if q.postgres {
			return q.translate(ctx, q.company.read(ctx, r))
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
		if err := one.run(ctx, q); err != nil {
			return err
		}
	}
	return nil
}

func (one read) run(ctx context.Context, q Querier) error {
	rows, err := q.query(ctx, one.text, one.args)
	if err != nil {
		return err
	}
	err = one.take(ctx, &rows)
	if rows.again {
		return one.run(ctx, q)
	}
	return err
}

// readTogether sends the statements, of several with the beginning and the end
// of their transaction.
func (d *DB) readTogether(ctx context.Context, r *Reads) error {
	if conn, v := d.fromReplica(ctx); conn != nil {
		err := d.readTogetherOn(ctx, conn, r)
		if err == nil || ctx.Err() != nil {
			return err
		}
		d.abandon(ctx, v, err)
	}
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	return d.readTogetherOn(ctx, conn, r)
}

func (d *DB) readTogetherOn(ctx context.Context, conn *pgxpool.Conn, r *Reads) error {
	defer conn.Release()
	if r.apart {
		return r.send(ctx, d, conn, &pgx.Batch{}, "")
	}
	b := &pgx.Batch{}
	b.Queue(beginSnapshot)
	err := r.send(ctx, d, conn, b, "COMMIT")
	if err != nil { // a connection on which this fails is not used again
		_, _ = conn.Exec(context.WithoutCancel(ctx), "ROLLBACK")
	}
	return err
}

func (tx *Tx) readTogether(ctx context.Context, run *pgRunner, r *Reads) error {
	err := tx.usable()
	if err == nil {
		err = r.send(ctx, tx.db, run.conn, run.waiting(), "")
	}
	if err != nil {
		err = tx.db.translate(ctx, err)
		tx.note(err)
	}
	return err
}

// send sends the statements in one go, behind those in the batch and with one
// after them where there is such, and takes the answers.
func (r *Reads) send(ctx context.Context, d *DB, conn *pgxpool.Conn, b *pgx.Batch, last string) (err error) {
	before := b.Len()
	for _, one := range r.list {
		d.stats.queries.Add(1)
		b.Queue(d.texts.get(one.text).text, d.bind(one.args)...)
	}
	if last != "" {
		b.Queue(last)
	}
	answers := conn.SendBatch(ctx, b)
	defer func() { // what is left is the end of the transaction
		if closed := answers.Close(); err == nil {
			err = closed
		}
	}()
	for range before {
		if _, err := answers.Exec(); err != nil {
			return err
		}
	}
	for _, one := range r.list {
		rows, err := answers.Query() //nolint:sqlclosecheck,rowserrcheck // result.close
		if err != nil {
			return err
		}
		err = one.take(ctx, &result{db: d, statement: d.texts.get(one.text), rows: newSentRows(rows, conn)})
		if err != nil {
			return err
		}
	}
	return nil
}
