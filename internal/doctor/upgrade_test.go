package doctor_test

import (
	"database/sql"
	"fmt"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/doctor"
	"floe/internal/server"
)

// whole is the first version of the schema in which what customers own has a
// table, and ruled the first in which what some rules speak of has one: rows
// that are copied to an earlier one refer to nothing.
const whole = 12

var ruled = map[string]int64{"payments.asked": 19, "payments.methods": 19}

// empty are the tables that may have no rows, and why.
var empty = map[string]string{
	"meters": "no operation makes any yet",
}

// TestUpgrade: a database of each earlier version, with rows in all tables that
// it had, comes to this one with every row as it was, and the server works with
// it. Where everything was there already, no rule is broken afterwards.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for engine, place := range map[string]func(t testing.TB) upgraded{"sqlite": inFile, "postgres": inServer} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			from := place(t)
			d := from.open(t)
			if err := d.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			token := fill(t, d)
			for _, x := range from.columns(t) {
				if why := empty[x.name]; why == "" && from.query(t, `SELECT COUNT(*) FROM `+x.name)[0] == "0" {
					t.Errorf("%s has no rows, so nothing is known of how they are brought over", x.name)
				}
			}
			_, latest, err := d.Schema(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for version := int64(1); version < latest; version++ {
				t.Run(fmt.Sprint(version), func(t *testing.T) {
					to := place(t)
					d := to.open(t)
					if err := d.MigrateTo(t.Context(), version); err != nil {
						t.Fatal(err)
					}
					tables := to.columns(t)
					to.copyFrom(t, from, tables)
					if err := d.Migrate(t.Context()); err != nil {
						t.Fatal(err)
					}
					if has, wants, err := d.Schema(t.Context()); err != nil || has != wants {
						t.Errorf("schema %d, want %d: %v", has, wants, err)
					}
					if rows := to.compare(t, from, tables); rows == 0 && version > 1 {
						t.Error("nothing was compared")
					}
					works(t, d, version, token, from.query(t, `SELECT COUNT(*) FROM customers
						WHERE deleted_at IS NULL AND organization_id = (SELECT id FROM organizations WHERE slug = 'acme')`)[0])
				})
			}
		})
	}
}

// works has the server of today answer from an upgraded database.
func works(t *testing.T, d *db.DB, version int64, token, customers string) {
	t.Helper()
	s, err := server.New(t.Context(), server.Config{DB: d})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	call := func(method, path, body, want string) {
		t.Helper()
		r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+token)
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		if s.Handler().ServeHTTP(w, r); w.Code >= 300 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s %s: %d %s, want %s", method, path, w.Code, w.Body, want)
		}
	}
	if version >= 2 { // it had organizations and tokens
		call("POST", "/v1/customers/", `{"email":"brand.new@example.com","external_id":"brand-new"}`, `"external_id":"brand-new"`)
		call("GET", "/v1/customers/?query=brand.new@example", "", `"total_count":1,`)
		call("DELETE", "/v1/customers/external/brand-new", "", "")
	}
	if version >= 3 { // and customers
		call("GET", "/v1/customers/?limit=1", "", `"total_count":`+customers+`,`)
		call("PATCH", "/v1/customers/external/"+known, `{"name":"Renamed"}`, `"name":"Renamed"`)
		call("GET", "/v1/customers/external/"+known+"/state", "", `"name":"Renamed"`)
		call("GET", "/v1/customers/?query="+known+"@exam", "", `"total_count":1`)
	}
	if version < whole {
		return
	}
	for _, c := range doctor.Examine(t.Context(), doctor.Config{DB: d, Whole: true}).Checks {
		if c.Status != doctor.OK && c.Name != "sync" && version >= ruled[c.Name] {
			t.Errorf("%s: %s %s %v", c.Name, c.Status, c.Detail, c.Found)
		}
	}
}

// table is one of a database, with its columns as they stand in SQL.
type table struct{ name, columns string }

// upgraded is a database that is looked at without db.
type upgraded struct {
	config db.Config
	pool   *sql.DB
	// list names tables and columns, each table after those that it refers to.
	list string
	// copyFrom copies the rows of tables into the columns that they have here.
	copyFrom func(t *testing.T, from upgraded, tables []table)
	// rows reads those of a table in some order that is the same everywhere.
	rows func(t *testing.T, x table) []string
}

func (u upgraded) open(t testing.TB) *db.DB {
	t.Helper()
	d, err := db.Open(t.Context(), u.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func (u upgraded) columns(t *testing.T) (out []table) {
	t.Helper()
	list := u.query(t, u.list)
	for _, line := range list {
		name, columns, _ := strings.Cut(line, ":")
		out = append(out, table{name, columns})
	}
	if len(out) == 0 {
		t.Fatal("there is no table")
	}
	return out
}

// query answers the first column.
func (u upgraded) query(t *testing.T, text string) (out []string) {
	t.Helper()
	rows, err := u.pool.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func (u upgraded) exec(t *testing.T, text string, args ...any) {
	t.Helper()
	if _, err := u.pool.ExecContext(t.Context(), text, args...); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// compare reads the rows of both databases, as far as the old one had columns
// for them, and counts them.
func (u upgraded) compare(t *testing.T, from upgraded, tables []table) (n int) {
	t.Helper()
	for _, x := range tables {
		got, want := u.rows(t, x), from.rows(t, x)
		if !slices.Equal(got, want) {
			t.Errorf("%s: %d rows, and before the upgrade %d; or they differ", x.name, len(got), len(want))
		}
		n += len(want)
	}
	return n
}

// inFile is a new SQLite database.
func inFile(t testing.TB) upgraded {
	t.Helper()
	u := upgraded{config: db.Config{DataDir: dbtest.EmptyDataDir(t)}}
	path := filepath.Join(u.config.DataDir, "floe.db")
	u.pool = connect(t, "sqlite", path)
	u.pool.SetMaxOpenConns(1) // what is attached is attached to one
	u.list = `SELECT m.name || ':' || group_concat('"' || c.name || '"') FROM sqlite_master m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'customer_search%' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%'
		GROUP BY m.name`
	u.copyFrom = func(t *testing.T, from upgraded, tables []table) {
		u.exec(t, `ATTACH ? AS source`, filepath.Join(from.config.DataDir, "floe.db"))
		for _, x := range tables {
			u.exec(t, fmt.Sprintf(`INSERT INTO main.%[1]s (%[2]s) SELECT %[2]s FROM source.%[1]s`, x.name, x.columns))
		}
		u.exec(t, `DETACH source`)
		if len(u.query(t, `SELECT name FROM sqlite_master WHERE name = 'customer_search'`)) > 0 {
			u.exec(t, `INSERT INTO customer_search (rowid, search) SELECT seq, search FROM customers`)
		}
	}
	u.rows = func(t *testing.T, x table) []string {
		quoted := `quote(` + strings.ReplaceAll(x.columns, ",", `) || '|' || quote(`) + `)`
		return u.query(t, `SELECT `+quoted+` FROM `+x.name+` ORDER BY 1`)
	}
	return u
}

// inServer is a new PostgreSQL database.
func inServer(t testing.TB) upgraded {
	t.Helper()
	u := upgraded{config: db.Config{URL: dbtest.EmptyURL(t)}}
	u.pool = connect(t, "pgx", u.config.URL)
	u.list = `SELECT t.relname || ':' || string_agg('"' || a.attname || '"', ',' ORDER BY a.attnum)
		FROM pg_class t JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' AND t.relname NOT LIKE 'goose%'
		GROUP BY t.oid, t.relname ORDER BY t.oid`
	u.copyFrom = func(t *testing.T, from upgraded, tables []table) {
		for _, x := range tables {
			all := from.query(t, `SELECT coalesce(json_agg(x), '[]') FROM `+x.name+` x`)
			u.exec(t, fmt.Sprintf(`INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM json_populate_recordset(NULL::%[1]s, $1::text::json)`, x.name, x.columns), all[0])
			if strings.Contains(x.columns, `"seq"`) { // where numbers are given, they go on
				u.exec(t, fmt.Sprintf(`SELECT setval(pg_get_serial_sequence('%[1]s', 'seq'), (SELECT COALESCE(MAX(seq), 0) + 1 FROM %[1]s))`, x.name))
			}
		}
	}
	u.rows = func(t *testing.T, x table) []string {
		return u.query(t, `SELECT row_to_json(x)::text FROM (SELECT `+x.columns+` FROM `+x.name+`) x ORDER BY 1`)
	}
	return u
}

func connect(t testing.TB, driver, address string) *sql.DB {
	t.Helper()
	pool, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}
