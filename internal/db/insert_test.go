package db_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

// hostile are texts that mean something to whoever writes or reads lists.
var hostile = []string{"", " ", "NULL", "null", "{}", "{,}", `"`, `\`, `\"`, `\\`, `a,b`, `{"a":"b"}`, "'", "''", "?", "$1", "line\nline\r\t", "é 😀 \u202e", strings.Repeat(`\"`, 300)}

// Many rows come back as one row would, in the order in which they went in,
// whatever is in them.
func TestInsert(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		for _, n := range []int{0, 1, 2, 3, 255, 256, 257, 600} {
			want := make([]thing, n)
			var values []any
			for i := range want {
				text := hostile[i%len(hostile)]
				v := thing{ID: id.New(), Name: kind(text), Count: i - 5, Active: i%2 == 0, Metadata: jsonOf(t, map[string]string{text: text}),
					stampsOf: stampsOf{stamps{CreatedAt: time.Date(1969+i, 12, 31, 23, 59, 59, 123456000, time.UTC)}}}
				if i%3 > 0 {
					v.Note, v.Small, v.Ratio, v.Confirmed = new(fmt.Sprint(n, "-", i)), new(int32(-i)), new(0.1*float64(i)), new(i%2 == 1)
					v.Extra, v.DeletedAt, v.OwnerID = jsonOf(t, text), new(v.CreatedAt), new(id.New())
				}
				want[i] = v
				values = append(values, v.ID, v.Name, v.Note, v.Count, v.Small, v.Ratio, v.Active, v.Confirmed, v.Metadata, v.Extra,
					v.CreatedAt, v.DeletedAt, v.OwnerID)
			}
			var returned []thing
			err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
				returned, err = db.InsertReturning[thing](t.Context(), tx, db.Into{Table: "things", Columns: thingColumns, Tail: " RETURNING " + thingColumns}, values)
				return err
			})
			if err != nil {
				t.Fatalf("%d rows: %v", n, err)
			}
			stored, err := db.All[thing](t.Context(), d, `SELECT `+thingColumns+` FROM things ORDER BY seq`)
			if err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				returned, want = []thing{}, []thing{}
			}
			for what, got := range map[string][]thing{"returned": returned, "stored": stored} {
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(thing{}, stampsOf{})); diff != "" {
					t.Fatalf("%d rows, %s:\n%s", n, what, diff)
				}
			}
			mustExec(t, d, `DELETE FROM things`)
		}
	})
}

func jsonOf(t *testing.T, v any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// What follows the rows counts for each of them, and what is wrong with one is
// an error of all: at once, or with the commit for those who put it off.
func TestInsertFails(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		row := func(name, note string) []any { return []any{id.New(), name, note, time.Now()} }
		into := db.Into{Table: "things", Columns: "id, name, note, created_at"}
		insert := func(in db.Into, rows ...[]any) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return db.Insert(t.Context(), tx, in, flat(rows)) })
		}
		later := func(in db.Into, rows ...[]any) error {
			return d.Write(t.Context(), func(tx *db.Tx) error { return db.InsertLater(t.Context(), tx, in, flat(rows)) })
		}
		skipping := into
		skipping.Tail = " ON CONFLICT DO NOTHING"
		if err := insert(skipping, row("a", "same"), row("b", "SAME"), row("c", "other")); err != nil {
			t.Fatal(err)
		}
		for name, run := range map[string]func(db.Into, ...[]any) error{"now": insert, "later": later} {
			if err := run(into, row("d", "new"), row("e", "Other")); !db.IsUnique(err) {
				t.Errorf("%s: %v", name, err)
			}
			if err := run(into, row("f", "new"), row("g", "newer")[:3]); err == nil {
				t.Errorf("%s: a value was missing", name)
			}
			if err := run(db.Into{Table: "things", Columns: "id, name, nothing, created_at"}, row("h", "new"), row("i", "newer")); err == nil {
				t.Errorf("%s: there is no such column", name)
			}
		}
		if diff := cmp.Diff([]string{"a", "c"}, names(t, d)); diff != "" {
			t.Error(diff)
		}
	})
}

func flat(rows [][]any) (out []any) {
	for _, r := range rows {
		out = append(out, r...)
	}
	return out
}

// PostgreSQL gets one text whatever the number of rows, and so has one plan of
// it on each connection.
func TestInsertIsOneText(t *testing.T) {
	t.Parallel()
	var texts atomic.Int64 // each is told of once
	d, err := db.Open(t.Context(), db.Config{URL: dbtest.URL(t), OnStatement: func(sql string) {
		if strings.Contains(sql, "INTO settings") {
			texts.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for n := 2; n < 40; n++ {
		var values []any
		for i := range n {
			values = append(values, fmt.Sprint("one text ", n, i), "x")
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			return db.InsertLater(t.Context(), tx, db.Into{Table: "settings", Columns: "name, value"}, values)
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if n := texts.Load(); n != 1 {
		t.Errorf("%d texts", n)
	}
}
