package data

import (
	"context"
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"path/filepath"
	"time"

	"floe/internal/db"

	"floe/bench/wire"
)

// Record is a customer as another server is given it.
type Record struct {
	Type           string          `json:"type"`
	Email          *string         `json:"email"`
	EmailVerified  bool            `json:"email_verified"`
	Name           *string         `json:"name"`
	BillingName    *string         `json:"billing_name"`
	ExternalID     *string         `json:"external_id"`
	BillingAddress json.RawMessage `json:"billing_address"`
	TaxID          *string         `json:"tax_id"`
	TaxIDFormat    *string         `json:"tax_id_format"`
	Locale         *string         `json:"locale"`
	Metadata       json.RawMessage `json:"metadata"`
	CreatedAt      time.Time       `json:"created_at"`
}

// Records calls a function with every customer of a database.
func Records(ctx context.Context, c db.Config, s Set, each func(v any) error, progress Progress) error {
	d, err := db.Open(ctx, c)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	n := 0
	for r, err := range db.Each[Record](ctx, d, `SELECT type, email, email_verified, name, billing_name, external_id, billing_address, tax_id, tax_id_format,
		locale, metadata, created_at FROM customers WHERE organization_id = ? ORDER BY seq`, s.Tenants[0].Organization) {
		if err == nil {
			err = each(&r)
		}
		if err != nil {
			return err
		}
		if n++; n%5000 == 0 || n == s.Rows {
			progress("records", n, s.Rows)
		}
	}
	return nil
}

// Export returns what reads customers with the driver alone, in the order of
// the API's export, and writes the same columns as CSV to nowhere.
func Export(ctx context.Context, c db.Config, s Set) wire.Runner {
	return func(d time.Duration, limit int64) (out wire.Sample, err error) {
		pool, mark, err := openPlain(c)
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, pool.Close()) }()
		start := time.Now()
		rows, err := pool.QueryContext(ctx, `SELECT id, external_id, created_at, email, name, tax_id, billing_address, metadata
			FROM customers WHERE organization_id = `+mark+` AND deleted_at IS NULL ORDER BY created_at, id`, string(s.Tenants[0].Organization))
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		w := csv.NewWriter(io.Discard)
		var fields [8]sql.NullString
		var to [8]any
		line := make([]string, 8)
		for i := range fields {
			to[i] = &fields[i]
		}
		for rows.Next() && (limit == 0 || out.Done < limit) && (d == 0 || time.Since(start) < d) {
			if err := rows.Scan(to[:]...); err != nil {
				return out, err
			}
			for i := range fields {
				line[i] = fields[i].String
			}
			if err := w.Write(line); err != nil {
				return out, err
			}
			out.Done++
		}
		w.Flush()
		out.Took = time.Since(start)
		return out, errors.Join(rows.Err(), w.Error())
	}
}

// openPlain opens a database without anything of Floe, and answers how a
// statement marks its argument.
func openPlain(c db.Config) (pool *sql.DB, mark string, err error) {
	if c.URL != "" {
		pool, err = sql.Open("pgx", c.URL)
		return pool, "$1", err
	}
	q := url.Values{"_pragma": {"query_only(1)", "cache_size(-32768)"}}
	pool, err = sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.Join(c.DataDir, "floe.db")}).EscapedPath()+"?"+q.Encode())
	return pool, "?", err
}
