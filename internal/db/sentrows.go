package db

import (
	"cmp"
	"context"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// sentRows are rows as PostgreSQL has sent them.
type sentRows struct {
	rows  pgx.Rows
	batch pgx.BatchResults // that the rows are the last of, if any
	types *pgtype.Map
	forms []form // one for each column
}

func newSentRows(rows pgx.Rows, conn *pgxpool.Conn) *sentRows {
	return &sentRows{rows: rows, types: conn.Conn().TypeMap()}
}

// sent runs a statement on a connection.
func sent(ctx context.Context, conn *pgxpool.Conn, st *statement, text string, args ...any) (result, error) {
	if st.fresh {
		args = append([]any{pgx.QueryExecModeCacheDescribe}, args...)
	}
	rows, err := conn.Query(ctx, text, args...) //nolint:sqlclosecheck,rowserrcheck // result.close
	if err != nil {
		return result{}, err
	}
	return result{statement: st, rows: newSentRows(rows, conn)}, nil
}

// queryPrimary runs a statement outside of transactions. On a connection that
// turns out to be closed nothing was sent, so another one is taken, as often as
// a write is tried.
func (d *DB) queryPrimary(ctx context.Context, st *statement, args []any) (result, error) {
	for attempt := 1; ; attempt++ {
		conn, err := d.pool.Acquire(ctx)
		if err != nil {
			return result{}, d.translate(ctx, err)
		}
		r, err := sent(ctx, conn, st, st.text, args...)
		if err == nil {
			r.db, r.conn = d, conn
			return r, nil
		}
		closed := conn.Conn().IsClosed()
		conn.Release()
		if !closed || !pgconn.SafeToRetry(err) || ctx.Err() != nil || attempt == maxAttempts {
			return result{}, d.translate(ctx, err)
		}
	}
}

// errNoColumns is of a statement that returns no rows, or that failed before the
// server told of them; then its end says why.
var errNoColumns = errors.New("db: the statement returns no columns")

// Columns are the names of the columns.
func (r *sentRows) Columns() ([]string, error) {
	fields := r.rows.FieldDescriptions()
	if len(fields) == 0 {
		return nil, errNoColumns
	}
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

// Close reads over what is left, and says what went wrong in that.
func (r *sentRows) Close() error {
	r.rows.Close()
	err := r.rows.Err()
	if r.batch != nil {
		err = cmp.Or(err, r.batch.Close())
	}
	return err
}

// form is how the server writes the values of a column.
type form struct {
	oid    uint32
	format int16
	read   valueReader // of a type that is not written out here
}

// The length of a UUID as it is written.
const uuidText = 36

// fillSent stores the current row. The texts of a row are copied into one piece
// of memory, which lives as long as any of them.
func (s *scratch) fillSent(r *sentRows) error {
	if r.forms == nil {
		fields := r.rows.FieldDescriptions()
		r.forms = make([]form, len(fields))
		for i, f := range fields {
			r.forms[i] = form{oid: f.DataTypeOID, format: f.Format}
		}
	}
	raws, total := r.rows.RawValues(), 0
	for i, raw := range raws {
		switch r.forms[i].oid {
		case pgtype.UUIDOID:
			total += uuidText
		case pgtype.TextOID, pgtype.VarcharOID, pgtype.JSONBOID:
			total += len(raw)
		}
	}
	texts := make([]byte, 0, total)
	for i, raw := range raws {
		if err := s.cells[i].fillSent(&r.forms[i], r.types, raw, &texts); err != nil {
			return fmt.Errorf("db: column %q: %w", s.cells[i].name, err)
		}
	}
	return nil
}

func (c *cell) fillSent(f *form, types *pgtype.Map, raw []byte, texts *[]byte) error {
	dst := unsafe.Add(c.owner.base, c.offset)
	if raw == nil {
		return c.null(dst)
	}
	switch {
	case f.oid == pgtype.TextOID, f.oid == pgtype.VarcharOID:
		return c.text(dst, keep(texts, raw))
	case f.format != pgx.BinaryFormatCode:
	case f.oid == pgtype.UUIDOID && len(raw) == 16:
		return c.text(dst, keepUUID(texts, raw))
	case f.oid == pgtype.JSONBOID && len(raw) > 0 && raw[0] == 1: // the version, then the text
		return c.text(dst, keep(texts, raw[1:]))
	case f.oid == pgtype.TimestamptzOID && len(raw) == 8:
		if micros := int64(binary.BigEndian.Uint64(raw)); micros != math.MaxInt64 && micros != math.MinInt64 { // infinite
			return c.moment(dst, time.UnixMicro(micros+epoch).UTC())
		}
	case f.oid == pgtype.Int8OID && len(raw) == 8:
		return c.set(dst, int64(binary.BigEndian.Uint64(raw)))
	case f.oid == pgtype.Int4OID && len(raw) == 4:
		return c.set(dst, int64(int32(binary.BigEndian.Uint32(raw))))
	case f.oid == pgtype.BoolOID && len(raw) == 1:
		return c.set(dst, raw[0] != 0)
	}
	v, err := f.value(types, raw)
	if err != nil {
		return err
	}
	return c.set(dst, v)
}

// epoch is 2000-01-01, where PostgreSQL's times begin, in microseconds of Unix.
const epoch = 946_684_800_000_000

func keepUUID(texts *[]byte, raw []byte) string {
	var b [uuidText]byte
	for from, at := 0, 0; from < len(raw); from++ {
		if from == 4 || from == 6 || from == 8 || from == 10 {
			b[at] = '-'
			at++
		}
		hex.Encode(b[at:], raw[from:from+1])
		at += 2
	}
	return keep(texts, b[:])
}

// value has the library read a value of a type that is rarely met.
func (f *form) value(types *pgtype.Map, raw []byte) (any, error) {
	if f.read == nil {
		f.read = readerOf(types, f.oid, f.format)
	}
	return f.read(raw)
}

// valueReader reads what the server has sent.
type valueReader func(raw []byte) (any, error)

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
