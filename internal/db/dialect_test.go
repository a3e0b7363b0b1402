package db_test

import (
	"slices"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

func TestTimeBucket(t *testing.T) {
	t.Parallel()
	parse := func(s string) time.Time {
		at, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		return at
	}
	cases := []struct{ at, year, month, week, day, hour string }{
		{ // a Wednesday
			"2025-01-01T00:30:59.999999Z", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z",
			"2024-12-30T00:00:00Z", "2025-01-01T00:00:00Z", "2025-01-01T00:00:00Z",
		},
		{ // a Sunday
			"2024-03-31T23:59:59.5Z", "2024-01-01T00:00:00Z", "2024-03-01T00:00:00Z",
			"2024-03-25T00:00:00Z", "2024-03-31T00:00:00Z", "2024-03-31T23:00:00Z",
		},
		{ // a Monday
			"2024-02-26T00:00:00Z", "2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z",
			"2024-02-26T00:00:00Z", "2024-02-26T00:00:00Z", "2024-02-26T00:00:00Z",
		},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		for _, c := range cases {
			mustExec(t, d, `DELETE FROM things`)
			mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, 'x', ?)`, id.New(), parse(c.at))
			for unit, want := range map[string]string{
				"year": c.year, "month": c.month, "week": c.week, "day": c.day, "hour": c.hour,
			} {
				bucket := d.TimeBucket(unit, "created_at")
				got := one[time.Time](t, d, `SELECT `+bucket+` FROM things GROUP BY `+bucket)
				if got != parse(want) {
					t.Errorf("%s of %s: got %v, want %s", unit, c.at, got, want)
				}
				if n := one[int](t, d, `SELECT count(*) FROM things WHERE `+bucket+` = ?`, got); n != 1 {
					t.Errorf("%s of %s does not compare with a time", unit, c.at)
				}
			}
		}
	})
}

func TestJSONText(t *testing.T) {
	t.Parallel()
	cases := map[string]*string{
		"yes": new("true"), "no": new("false"), "null": nil, "missing": nil,
		"n": new("12"), "f": new("1.5"), "s": new("1"), "$.s": new("path"), `q"'?`: new("quoted"), "a b": new("space"),
		"big": new("12345678901234567890123"), "e": new("1e+22"), "small": new("5e-324"), "zero": new("-0.0"),
		"$.n": new("1e+23"), `n"'?`: new("1e+24"), "a c": new("1e+25"), `\`: new("1e+26"), "": new("1e+27"), "\t": new("1e+28"), "ä": new("1e+29"),
		"[0]": new("1e+30"), "a.b": new("1e+31"), "#": new("1e+32"), `\"`: new("true"),
	}
	const metadata = `{"yes":true,"no":false,"null":null,"n":12,"f":1.5,"s":"1","$.s":"path","q\"'?":"quoted","a b":"space",
		"big":12345678901234567890123,"e":1e+22,"small":5e-324,"zero":-0.0,
		"$.n":1e+23,"n\"'?":1e+24,"a c":1e+25,"\\":1e+26,"":1e+27,"\t":1e+28,"ä":1e+29,"[0]":1e+30,"a.b":1e+31,"#":1e+32,"\\\"":true}`
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		mustExec(t, d, `INSERT INTO things (id, name, created_at, metadata) VALUES (?, 'x', ?, ?)`, id.New(), time.Now(), metadata)
		for key, want := range cases {
			got := one[*string](t, d, `SELECT `+d.JSONText("metadata")+` FROM things`, key)
			if (got == nil) != (want == nil) || got != nil && *got != *want {
				t.Errorf("%q: got %v, want %v", key, got, want)
			}
		}
	})
}

func TestLikeTakesTextAsItIs(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		for _, name := range []string{"50% off", "50 off", "a_b", "aXb", `c\d`, "cd"} {
			mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, ?, ?)`, id.New(), name, time.Now())
		}
		for text, want := range map[string][]string{
			"50%": {"50% off"}, "A_": {"a_b"}, `c\`: {`c\d`}, "OFF": {"50 off", "50% off"}, "": {"50 off", "50% off", "aXb", "a_b", `c\d`, "cd"},
		} {
			w := db.Where("").Contains(&text, "name", "note")
			got, err := db.All[string](t.Context(), d, `SELECT name FROM things`+w.SQL(), w.Args()...)
			slices.Sort(got)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("contains %q: got %q, %v", text, got, err)
			}
		}
		got, err := db.All[string](t.Context(), d, `SELECT name FROM things WHERE name LIKE ? ESCAPE '\'`, db.LikePrefix("a_"))
		if err != nil || !slices.Equal(got, []string{"a_b"}) {
			t.Errorf("prefix: got %q, %v", got, err)
		}
	})
}

func TestLocks(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, 'x', ?)`, id.New(), time.Now())
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			one[string](t, tx, `SELECT name FROM things`+tx.ForUpdate())
			one[string](t, tx, `SELECT name FROM things`+tx.SkipLocked())
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
}

func TestWhere(t *testing.T) {
	t.Parallel()
	a, b := id.ID("a"), id.ID("b")
	type fixture struct {
		w    *db.W
		sql  string
		args []any
	}
	cases := map[string]fixture{
		"nothing":   {db.Where(""), "", nil},
		"one":       {db.Where("deleted_at IS NULL"), " WHERE deleted_at IS NULL", nil},
		"and":       {db.Where("x = ?", 1).And("y > ?", 2), " WHERE x = ? AND y > ?", []any{1, 2}},
		"or":        {db.Where("x = ? or y = ?", 1, 2).And("z"), " WHERE (x = ? or y = ?) AND z", []any{1, 2}},
		"or, lines": {db.Where("x = ?\n\tOR\ty = ?", 1, 2).And("z"), " WHERE (x = ?\n\tOR\ty = ?) AND z", []any{1, 2}},
		"no or":     {db.Where("for = 'order'"), " WHERE for = 'order'", nil},
		"in none":   {db.Where("").In("o", []id.ID{}), " WHERE FALSE", nil},
		"in nil":    {db.Where("").In("o", []id.ID(nil)), " WHERE FALSE", nil},
		"in one":    {db.Where("").In("o", []id.ID{a}), " WHERE o = ?", []any{a}},
		"in two":    {db.Where("").In("o", []id.ID{a, b}), " WHERE o IN (?, ?)", []any{a, b}},
		"if nil":    {db.Where("").If((*string)(nil), "x = ?"), "", nil},
		"if no any": {db.Where("").If(nil, "x = ?"), "", nil},
	}
	for name, c := range cases {
		if c.w.SQL() != c.sql || len(c.w.Args()) != len(c.args) || len(c.args) > 0 && !slices.Equal(c.w.Args(), c.args) {
			t.Errorf("%s: got %q %v, want %q %v", name, c.w.SQL(), c.w.Args(), c.sql, c.args)
		}
	}
	text := "v"
	w := db.Where("").If(&text, "lower(x) = ?")
	if w.SQL() != " WHERE lower(x) = ?" || len(w.Args()) != 1 {
		t.Errorf("if: got %q %v", w.SQL(), w.Args())
	}
	one, two := append(w.Args(), 1), append(w.Args(), 2)
	if one[1] != 1 || two[1] != 2 {
		t.Error("two users of Args share memory")
	}
}

func TestWhereOnBothEngines(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		var all []id.ID
		for i := range 40 {
			all = append(all, id.New())
			mustExec(t, d, `INSERT INTO things (id, name, count, created_at) VALUES (?, 'x', ?, ?)`, all[i], i, time.Now())
		}
		count := func(w *db.W) int { return one[int](t, d, `SELECT count(*) FROM things`+w.SQL(), w.Args()...) }
		for _, n := range []int{0, 1, 2, 8, 9, 17, 40} {
			if got := count(db.Where("name = ?", "x").In("id", all[:n]).If(new(1000), "count < ?")); got != n {
				t.Errorf("in %d: got %d", n, got)
			}
		}
		if got := count(db.Where("").If(new(time.Now().Add(time.Hour)), "created_at < ?")); got != 40 {
			t.Errorf("by time: got %d", got)
		}
	})
}
