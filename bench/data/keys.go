package data

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"floe/internal/db"
)

// Key is what one customer is looked up by. Each has all three.
type Key struct {
	Tenant              int
	ID, External, Email string
}

// Needle is a text that a search finds this customer by, and hardly any other.
func (k Key) Needle() string {
	local, _, _ := strings.Cut(k.Email, "@")
	return local
}

// Common is a text that a search finds nearly every customer by.
const Common = "example"

// Keys reads the keys of some customers, spread over all of them.
func Keys(ctx context.Context, c db.Config, s Set, want int) (out []Key, err error) {
	d, err := db.Open(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { _ = d.Close() }()
	if s.Organizations == 1 {
		out, err = spread(ctx, d, s, want)
	} else {
		out, err = perTenant(ctx, d, s, want/len(s.Tenants)+1)
	}
	if err == nil && len(out) == 0 {
		err = errors.New("no customer has an e-mail and an external id")
	}
	return out, err
}

type keyRow struct {
	ID, ExternalID, Email string
}

const keyColumns = `SELECT CAST(id AS text) AS id, external_id, email FROM customers WHERE organization_id = ? AND deleted_at IS NULL
	AND email IS NOT NULL AND external_id IS NOT NULL`

// spread takes customers at even distances of one organization.
func spread(ctx context.Context, d *db.DB, s Set, want int) (out []Key, err error) {
	org := s.Tenants[0].Organization
	step := max(s.Rows/want, 1)
	if d.Engine() == "postgres" { // which has no index of these numbers
		rows, err := db.All[keyRow](ctx, d, keyColumns+` AND seq % ? = 0`, org, step)
		for _, r := range rows {
			out = append(out, Key{0, r.ID, r.ExternalID, r.Email})
		}
		return out, err
	}
	for seq := 1; seq <= s.Rows; seq += step {
		r, err := db.One[keyRow](ctx, d, keyColumns+` AND seq = ?`, org, seq)
		if errors.Is(err, db.ErrNoRows) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		out = append(out, Key{0, r.ID, r.ExternalID, r.Email})
	}
	return out, nil
}

// perTenant takes as many of each organization that requests are sent for.
func perTenant(ctx context.Context, d *db.DB, s Set, want int) (out []Key, err error) {
	for i, t := range s.Tenants {
		rows, err := db.All[keyRow](ctx, d, keyColumns+` ORDER BY created_at, id LIMIT ?`, t.Organization, want)
		if err != nil {
			return nil, fmt.Errorf("read keys: %w", err)
		}
		for _, r := range rows {
			out = append(out, Key{i, r.ID, r.ExternalID, r.Email})
		}
	}
	return out, nil
}

// PocketKeys reads the keys of some customers from the folder of PocketBase,
// which is not running.
func PocketKeys(ctx context.Context, dir string, rows, want int) (out []Key, err error) {
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.Join(dir, "data.db")}).EscapedPath())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	list, err := pool.QueryContext(ctx, `SELECT id, external_id, email FROM customers WHERE rowid % ? = 0 AND email <> '' AND external_id <> ''`, max(rows/want, 1))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, list.Close()) }()
	for list.Next() {
		var k Key
		if err := list.Scan(&k.ID, &k.External, &k.Email); err != nil {
			return nil, err
		}
		out = append(out, k)
	}
	return out, list.Err()
}
