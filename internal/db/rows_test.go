package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

var sprintf = fmt.Sprintf

type kind string

type stamps struct {
	CreatedAt time.Time
	DeletedAt *time.Time
}

type thing struct {
	ID        id.ID
	Name      kind
	Note      *string
	Count     int
	Small     *int32
	Ratio     *float64
	Active    bool
	Confirmed *bool
	Metadata  json.RawMessage
	Extra     json.RawMessage
	stampsOf
	OwnerID *id.ID `db:"owner_id"`
	//lint:ignore U1000 a field that is not exported is not a column
	hidden string
}

// stampsOf checks that what an embedded struct embeds is found too.
type stampsOf struct{ stamps }

const thingColumns = `id, name, note, count, small, ratio, active, confirmed, metadata, extra, created_at, deleted_at, owner_id`

func put(t *testing.T, d *db.DB, v thing) thing {
	t.Helper()
	var out thing
	err := d.Write(t.Context(), func(tx *db.Tx) (err error) {
		out, err = db.One[thing](t.Context(), tx, `INSERT INTO things (`+thingColumns+`)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING `+thingColumns,
			v.ID, v.Name, v.Note, v.Count, v.Small, v.Ratio, v.Active, v.Confirmed, v.Metadata, v.Extra,
			v.CreatedAt, v.DeletedAt, v.OwnerID)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	at := time.Date(2025, 3, 4, 5, 6, 7, 123456000, time.UTC)
	cases := map[string]thing{
		"empty": {ID: id.New(), Metadata: json.RawMessage(`{}`), stampsOf: stampsOf{stamps{CreatedAt: at}}},
		"full": {
			ID: id.New(), Name: "Ünïcode ' \" ? \\ 😀", Note: new("007"), Count: 1 << 53, Small: new(int32(-7)),
			Ratio: new(0.1), Active: true, Confirmed: new(false),
			Metadata: json.RawMessage(`{"b":1,"a":[true,null,1.50],"z":"é"}`), Extra: json.RawMessage(`[1, 2]`),
			stampsOf: stampsOf{stamps{CreatedAt: at.Truncate(time.Second), DeletedAt: new(at)}}, OwnerID: new(id.New()),
		},
		"scalars in json": {
			ID: id.New(), Metadata: json.RawMessage(`12`), Extra: json.RawMessage(`"x"`),
			stampsOf: stampsOf{stamps{CreatedAt: time.Date(1969, 12, 31, 23, 59, 59, 999999000, time.UTC)}},
		},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		for name, want := range cases {
			t.Run(name, func(t *testing.T) {
				got := put(t, d, want)
				read := one[thing](t, d, `SELECT `+thingColumns+` FROM things WHERE id = ?`, want.ID)
				for _, got := range []thing{got, read} {
					if diff := cmp.Diff(want, got, cmp.AllowUnexported(thing{}, stampsOf{})); diff != "" {
						t.Error(diff)
					}
				}
				if got.CreatedAt.Location() != time.UTC || got.CreatedAt != want.CreatedAt {
					t.Errorf("created at %v: want %v in UTC", got.CreatedAt, want.CreatedAt)
				}
			})
		}
	})
}

// A time that is not in UTC, or finer than a microsecond, comes back as the
// same moment in the form the clock has.
func TestTimeIsNormal(t *testing.T) {
	t.Parallel()
	at := time.Date(2024, 2, 29, 23, 30, 0, 123456789, time.FixedZone("", -5*3600))
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, 'x', ?)`, id.New(), at)
		got := one[time.Time](t, d, `SELECT created_at FROM things WHERE created_at = ?`, at.UTC().Truncate(time.Microsecond))
		if want := time.Date(2024, 3, 1, 4, 30, 0, 123456000, time.UTC); got != want {
			t.Errorf("got %v, want %v", got, want)
		}
		latest := one[*time.Time](t, d, `SELECT max(created_at) FROM things WHERE name = ?`, "nobody")
		if latest != nil {
			t.Errorf("got %v, want none", latest)
		}
	})
}

func TestScalars(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		put(t, d, thing{ID: id.New(), Name: "a", Count: 2, Metadata: json.RawMessage(`{}`)})
		put(t, d, thing{ID: id.New(), Name: "b", Count: 3, Metadata: json.RawMessage(`{}`)})
		if n := one[int64](t, d, `SELECT sum(count) FROM things`); n != 5 {
			t.Errorf("sum: %d", n)
		}
		if n := one[float64](t, d, `SELECT avg(count) FROM things`); n != 2.5 {
			t.Errorf("avg: %v", n)
		}
		if ok := one[bool](t, d, `SELECT EXISTS (SELECT 1 FROM things WHERE name = ?)`, "a"); !ok {
			t.Error("exists: false")
		}
		if s := one[*string](t, d, `SELECT note FROM things WHERE name = ?`, kind("a")); s != nil {
			t.Errorf("note: %q", *s)
		}
		if k := one[kind](t, d, `SELECT name FROM things WHERE name = ?`, new("b")); k != "b" {
			t.Errorf("name: %q", k)
		}
	})
}

func TestNoRows(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		if _, err := db.One[thing](t.Context(), d, `SELECT id FROM things`); !errors.Is(err, db.ErrNoRows) {
			t.Errorf("got %v, want ErrNoRows", err)
		}
		all, err := db.All[thing](t.Context(), d, `SELECT id FROM things`)
		if err != nil || all == nil || len(all) != 0 {
			t.Errorf("got %v, %v: want an empty list", all, err)
		}
	})
}

// TestCutOff: a statement that is cut off before it has rows says so, and
// leaves nothing behind that the next one meets.
func TestCutOff(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, ?, ?)`, id.New(), "one", time.Now())
		const text = `SELECT id, name FROM things WHERE 1 = 1`
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			// The server knows the statement by now, but nobody the columns of a thing.
			if _, err := db.All[struct{ ID, Name string }](t.Context(), tx, text); err != nil {
				return err
			}
			_, err := db.All[thing](gone, tx, text)
			return err
		})
		if !errors.Is(err, context.Canceled) && (err != nil || d.Engine() == "postgres") { // SQLite may have been quicker
			t.Errorf("cut off: %v", err)
		}
		list, err := db.All[thing](t.Context(), d, text)
		if err != nil || len(list) != 1 || list[0].Name != "one" {
			t.Errorf("after that: %v, %v", list, err)
		}
	})
}

// TestErrorBehindARow: a statement that fails after its first row has failed,
// also for who wants no more than that row.
func TestErrorBehindARow(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if d.Engine() == "sqlite" { // which stops at the first row
			return
		}
		if n, err := db.One[int64](t.Context(), d, `SELECT 1 / (3 - n) FROM generate_series(1, 5) n`); err == nil {
			t.Errorf("got %d, want an error", n)
		}
	})
}

func TestColumnsThatDoNotFit(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		`SELECT id, 1 AS surprise FROM things`: `"surprise"`,
		`SELECT id, id FROM things`:            `twice`,
		`SELECT note AS name FROM things`:      `"name"`,
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		put(t, d, thing{ID: id.New(), Metadata: json.RawMessage(`{}`)})
		for text, want := range cases {
			_, err := db.One[thing](t.Context(), d, text)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %s", text, err, want)
			}
			if _, err := db.All[thing](t.Context(), d, text); err == nil {
				t.Errorf("%s: All gave no error", text)
			}
		}
		if _, err := db.One[string](t.Context(), d, `SELECT id, name FROM things`); err == nil {
			t.Error("two columns went into one value")
		}
	})
}

func fill(t *testing.T, d *db.DB, n int) {
	t.Helper()
	createThings(t, d)
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		for i := range n {
			if err := insert(t.Context(), tx, sprintf("%04d", i)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Breaking out must give the connection back: with one reader, the second
// loop would wait for ever.
func TestEachBreaksEarly(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		d := open(func(c *db.Config) { c.ReadConns = 1 })
		fill(t, d, 1000)
		for range 3 {
			var seen []string
			for name, err := range db.Each[string](t.Context(), d, `SELECT name FROM things ORDER BY name`) {
				if err != nil {
					t.Fatal(err)
				}
				if seen = append(seen, name); len(seen) == 2 {
					break
				}
			}
			if !slices.Equal(seen, []string{"0000", "0001"}) {
				t.Fatalf("got %v", seen)
			}
		}
		func() {
			defer func() { _ = recover() }()
			for range db.Each[string](t.Context(), d, `SELECT name FROM things`) {
				panic("in the loop")
			}
		}()
		n := 0
		for _, err := range db.Each[string](t.Context(), d, `SELECT name FROM things`) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 1000 {
			t.Errorf("%d rows, want 1000", n)
		}
	})
}

func TestEachReportsErrors(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for _, err := range db.Each[string](t.Context(), d, `SELECT name FROM nowhere`) {
			if err == nil {
				t.Error("a row from nowhere")
			}
		}
	})
}

// Other statements may run while a loop is on, the same one among them.
func TestStatementsInsideEach(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		fill(t, d, 1200)
		const text = `SELECT name FROM things WHERE name < ? ORDER BY name`
		nested := func(q db.Querier) int {
			n := 0
			for _, err := range db.Each[string](t.Context(), q, text, "9") {
				if err != nil {
					t.Fatal(err)
				}
				inner, err := db.All[string](t.Context(), q, text, "0002")
				if err != nil || len(inner) != 2 {
					t.Fatalf("inside: %v, %v", inner, err)
				}
				n++
			}
			return n
		}
		if n := nested(d); n != 1200 {
			t.Errorf("outside: %d rows", n)
		}
		err := d.Read(t.Context(), func(q db.Querier) error {
			if n := nested(q); n != 1200 {
				t.Errorf("in a snapshot: %d rows", n)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			if n := nested(tx); n != 1200 {
				t.Errorf("in a transaction: %d rows", n)
			}
			for name, err := range db.Each[string](t.Context(), tx, text, "0010") {
				if err != nil {
					return err
				}
				if _, err := db.Exec(t.Context(), tx, `UPDATE things SET count = 1 WHERE name = ?`, name); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if n := one[int](t, d, `SELECT count(*) FROM things WHERE count = 1`); n != 10 {
			t.Errorf("%d changed, want 10", n)
		}
	})
}
