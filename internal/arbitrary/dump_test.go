package arbitrary_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"floe/internal/db"
	"floe/internal/floetest"
)

// row is a row of any table, as text.
type row struct{ Organization, Text string }

// tables writes, for each table, SQL that reads it whole.
func tables(ctx context.Context, d *db.DB) (map[string]string, error) {
	columns := `SELECT m.name AS "table", c.name AS "column" FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'customer_search%' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%'`
	if d.Engine() != "sqlite" {
		columns = `SELECT table_name AS "table", column_name AS "column" FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name NOT LIKE 'goose%'`
	}
	type column struct{ Table, Column string }
	list, err := db.All[column](ctx, d, columns)
	if err != nil {
		return nil, err
	}
	texts, tenanted := map[string][]string{}, map[string]string{}
	for _, c := range list {
		if c.Column == "last_used_at" { // of tokens; written down for all at once
			continue
		}
		quoted := fmt.Sprintf(`COALESCE(CAST("%s" AS text), '-')`, c.Column)
		if d.Engine() == "sqlite" {
			quoted = fmt.Sprintf(`quote("%s")`, c.Column)
		}
		texts[c.Table] = append(texts[c.Table], quoted)
		if c.Column == "organization_id" || c.Table == "organizations" && c.Column == "id" {
			tenanted[c.Table] = fmt.Sprintf(`COALESCE(CAST("%s" AS text), '')`, c.Column)
		}
	}
	out := map[string]string{}
	for table, columns := range texts {
		organization := tenanted[table]
		if organization == "" {
			organization = `''`
		}
		out[table] = fmt.Sprintf(`SELECT %s AS organization, %s AS text FROM "%s"`+floetest.AllOrganizations,
			organization, strings.Join(columns, ` || '|' || `), table)
	}
	return out, nil
}

// snapshot is what lies in the database of each organization.
type snapshot struct {
	digests map[string]map[string][32]byte // by organization and table
	ids     map[string]string              // every id, and whose it is
}

// look reads everything. A row without an organization belongs to that of the
// first id in it whose owner is known; who owns an id is settled when it is
// first seen.
func look(ctx context.Context, d *db.DB, queries map[string]string, before *snapshot) (*snapshot, error) {
	s := &snapshot{digests: map[string]map[string][32]byte{}, ids: map[string]string{}}
	if before != nil {
		s.ids = before.ids
	}
	texts := map[string]map[string][]string{}
	for _, table := range slices.Sorted(maps.Keys(queries)) {
		rows, err := db.All[row](ctx, d, queries[table])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", table, err)
		}
		for _, r := range rows {
			ids := uuid.FindAllString(strings.ToLower(r.Text), -1)
			for _, one := range ids {
				if r.Organization == "" {
					r.Organization = s.ids[one]
				}
			}
			if r.Organization == "" {
				continue
			}
			for _, one := range ids {
				if s.ids[one] == "" {
					s.ids[one] = r.Organization
				}
			}
			if texts[r.Organization] == nil {
				texts[r.Organization] = map[string][]string{}
			}
			texts[r.Organization][table] = append(texts[r.Organization][table], r.Text)
		}
	}
	for organization, all := range texts {
		s.digests[organization] = map[string][32]byte{}
		for table, rows := range all {
			slices.Sort(rows)
			s.digests[organization][table] = sha256.Sum256([]byte(strings.Join(rows, "\n")))
		}
	}
	return s, nil
}

// changed are the tables in which an organization has other rows than before.
func (s *snapshot) changed(before *snapshot, organization string) (list []string) {
	names := maps.Clone(s.digests[organization])
	maps.Copy(names, before.digests[organization])
	for _, table := range slices.Sorted(maps.Keys(names)) {
		if s.digests[organization][table] != before.digests[organization][table] {
			list = append(list, table)
		}
	}
	return list
}
