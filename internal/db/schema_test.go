package db_test

import (
	"slices"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// shared are the tables whose rows belong to no organization. A database that
// spreads rows over machines keeps them on one, or copies them to all.
var shared = map[string]string{
	"goose_db_version": "which migrations were applied",
	"settings":         "the secret and what else the whole installation has once",
	"organizations":    "the root: its id is what others are spread by",
	"users":            "people, who may belong to several organizations",
	"jobs":             "a few rows of work for any node, claimed across organizations and gone when done",
}

// undistributed are the keys of organizations' rows that do not name the
// organization, and why that is right.
var undistributed = map[string]string{
	"tokens_pkey":              "a token may be a user's, who belongs to several organizations: its table is shared",
	"tokens_id_key":            "as tokens_pkey; tokens are revoked by their id alone",
	"tokens_hash_key":          "who calls is looked up before it is known for which organization",
	"tokens_user_id_fkey":      "as tokens_pkey",
	"memberships_user_id_fkey": "users belong to several organizations",
	"webhook_targets_pkey":     "the dispatcher takes up a target by its id, which is random and stays with one organization",
	"webhook_lanes_pkey":       "as webhook_targets_pkey: a lane is found by its target",
}

// key is a primary key, a unique index or a foreign key, on PostgreSQL.
type key struct {
	Table   string
	Name    string
	Kind    string // p, u or f
	Columns string
	Target  string // of a foreign key: table (columns)
}

const keys = `SELECT CAST(t.relname AS text) AS "table", CAST(k.name AS text) AS name, k.kind,
		(SELECT string_agg(a.attname, ',' ORDER BY p.n) FROM unnest(k.columns) WITH ORDINALITY AS p (attnum, n)
			JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = p.attnum) AS columns,
		COALESCE((SELECT k.target || '(' || string_agg(a.attname, ',' ORDER BY p.n) || ')' FROM unnest(k.targets) WITH ORDINALITY AS p (attnum, n)
			JOIN pg_attribute a ON a.attrelid = k.target AND a.attnum = p.attnum), '') AS target
	FROM pg_class t JOIN (
		SELECT i.indrelid AS relation, c.relname AS name, CASE WHEN i.indisprimary THEN 'p' ELSE 'u' END AS kind,
			CAST(i.indkey AS smallint[]) AS columns, CAST(NULL AS regclass) AS target, CAST(NULL AS smallint[]) AS targets
		FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indisunique
		UNION ALL
		SELECT conrelid, conname, 'f', conkey, CAST(confrelid AS regclass), confkey FROM pg_constraint WHERE contype = 'f'
	) k ON k.relation = t.oid
	WHERE t.relnamespace = CAST('public' AS regnamespace) AND t.relkind = 'r'
	ORDER BY 1, 2`

// Rows can be spread over machines by organization: it is part of every key.
// Databases that do so enforce a unique index or a foreign key only where that
// column is in it.
func TestOrganizationIsInEveryKey(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	type table struct {
		Name    string
		Belongs bool
		Keyed   bool
	}
	tables, err := db.All[table](t.Context(), d, `SELECT CAST(t.relname AS text) AS name,
			EXISTS (SELECT 1 FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attname = 'organization_id') AS belongs,
			EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary) AS keyed
		FROM pg_class t WHERE t.relnamespace = CAST('public' AS regnamespace) AND t.relkind = 'r'`)
	if err != nil {
		t.Fatal(err)
	}
	belongs := map[string]bool{}
	for _, x := range tables {
		belongs[x.Name] = x.Belongs
		if x.Belongs == (shared[x.Name] != "") {
			t.Errorf("%s: has organization_id: %v; listed as shared: %v", x.Name, x.Belongs, !x.Belongs)
		}
		if !x.Keyed {
			t.Errorf("%s has no primary key", x.Name)
		}
	}
	if len(tables) < 30 {
		t.Errorf("only %d tables were looked at", len(tables))
	}
	list, err := db.All[key](t.Context(), d, keys)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, k := range list {
		found[k.Name] = true
		if named := k.distributable(); belongs[k.Table] && named == (undistributed[k.Name] != "") {
			t.Errorf("%s: %s (%s) %s names the organization: %v; listed as an exception: %v", k.Table, k.Name, k.Columns, k.Target, named, named)
		}
	}
	for name := range undistributed {
		if !found[name] {
			t.Errorf("the exception %s does not exist", name)
		}
	}
	for name := range shared {
		if _, ok := belongs[name]; !ok {
			t.Errorf("the shared table %s does not exist", name)
		}
	}
}

// distributable says whether the organization is part of the key. The two sides
// of a foreign key name it in the same place, so that a row and what it refers
// to lie on one machine.
func (k key) distributable() bool {
	at := slices.Index(strings.Split(k.Columns, ","), "organization_id")
	if at < 0 || k.Kind != "f" {
		return at >= 0
	}
	if k.Target == "organizations(id)" {
		return true
	}
	_, columns, _ := strings.Cut(strings.TrimSuffix(k.Target, ")"), "(")
	return slices.Index(strings.Split(columns, ","), "organization_id") == at
}

// What databases that spread rows lack, or do in another way, is not there.
func TestSchemaIsPlain(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	found, err := db.All[string](t.Context(), d, `
		SELECT 'the trigger ' || tgname FROM pg_trigger WHERE NOT tgisinternal
		UNION ALL
		SELECT 'the procedure ' || proname FROM pg_proc p WHERE pronamespace = CAST('public' AS regnamespace)
			AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = CAST('pg_proc' AS regclass) AND e.objid = p.oid AND e.deptype = 'e')
		UNION ALL
		SELECT 'the constraint ' || conname FROM pg_constraint WHERE connamespace = CAST('public' AS regnamespace) AND (contype = 'x' OR condeferrable)
		UNION ALL
		SELECT 'the view, rule or other thing ' || relname FROM pg_class WHERE relnamespace = CAST('public' AS regnamespace) AND relkind NOT IN ('r', 'i', 'S')`)
	if err != nil || len(found) != 0 {
		t.Errorf("%v, and %q", err, found)
	}
}
