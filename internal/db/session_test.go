package db

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"floe/internal/db/lite"
)

func openTestLite(t *testing.T) *session {
	t.Helper()
	c, err := lite.Open(t.TempDir()+"/a file?.db", false, time.Second, []string{"foreign_keys(1)"})
	if err != nil {
		t.Fatal(err)
	}
	s := &session{conn: c, prepared: map[*statement]*prepared{}}
	t.Cleanup(func() { _ = s.close() })
	return s
}

type liteRow struct {
	Text    string
	Other   *string
	Blob    []byte
	Number  int64
	Real    float64
	Yes     bool
	Missing *time.Time
	At      time.Time
}

func readLite(t *testing.T, s *session, text string, args ...any) (out []liteRow) {
	t.Helper()
	r, err := s.query(t.Context(), internal(text), args)
	if err != nil {
		t.Fatal(err)
	}
	r.db = &DB{}
	out, err = collectRows[liteRow](t.Context(), &r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// What goes in comes out, of every type and size, through a statement that is
// used again and again.
func TestLiteValues(t *testing.T) {
	t.Parallel()
	s := openTestLite(t)
	at := time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC)
	for _, text := range []string{"", "a", "a\x00b", "čeština 東京 🙂", strings.Repeat("long ", 100_000), "short again"} {
		other := text + "!"
		got := readLite(t, s, `SELECT ? AS text, ? AS other, ? AS blob, ? AS number, ? AS real, ? AS yes, ? AS missing, ? AS at`,
			text, other, []byte(text), int64(-1<<63), 0.1, true, nil, FormatTime(at))
		want := liteRow{Text: text, Other: &other, Blob: []byte(text), Number: -1 << 63, Real: 0.1, Yes: true, At: at}
		if len(got) != 1 || got[0].Text != want.Text || *got[0].Other != other || string(got[0].Blob) != text ||
			got[0].Number != want.Number || got[0].Real != 0.1 || !got[0].Yes || got[0].Missing != nil || !got[0].At.Equal(at) {
			t.Errorf("%.20q comes out as %.200v", text, got)
		}
	}
}

// The texts of a row stay what they are when the statement goes on.
func TestLiteKeepsRows(t *testing.T) {
	t.Parallel()
	s := openTestLite(t)
	rows := readLite(t, s, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		SELECT 'text ' || i AS text, CASE WHEN i % 2 THEN 'other ' || i END AS other, i AS number, NULL AS missing, x'00' AS blob,
		0.5 AS real, i % 2 AS yes, '2026-05-04T03:02:01.000000Z' AS at FROM n`)
	if len(rows) != 1000 || rows[0].Text != "text 1" || rows[999].Text != "text 1000" || *rows[0].Other != "other 1" || rows[1].Other != nil {
		t.Errorf("rows changed: %v, %v", rows[0], rows[len(rows)-1])
	}
}

// A statement whose rows are open can be run once more beside them.
func TestLiteNested(t *testing.T) {
	t.Parallel()
	s := openTestLite(t)
	st := internal(`SELECT value FROM json_each(?)`)
	outer, err := s.query(t.Context(), st, []any{`["a","b"]`})
	if err != nil {
		t.Fatal(err)
	}
	outer.db = &DB{}
	var seen []string
	for outer.rows.Next() {
		into, err := scanner[string](&outer)
		if err != nil {
			t.Fatal(err)
		}
		var v string
		if err := into.scan(outer.rows, &v); err != nil {
			t.Fatal(err)
		}
		inner, err := s.query(t.Context(), st, []any{`["x","y","z"]`})
		if err != nil {
			t.Fatal(err)
		}
		inner.db = &DB{}
		list, err := collectRows[string](t.Context(), &inner)
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, v+strings.Join(list, ""))
	}
	if err := outer.close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(seen, " "); got != "axyz bxyz" {
		t.Errorf("got %s", got)
	}
}

func TestLiteErrors(t *testing.T) {
	t.Parallel()
	s := openTestLite(t)
	for text, want := range map[string]string{
		`SELECT absent`:      "no such column: absent",
		`SELECT "absent"`:    `no such column: "absent"`,
		``:                   "no statement",
		`SELECT ?`:           "takes 1 arguments, not 0",
		`CREATE TABLE t (a`:  "incomplete input",
		`INSERT INTO t (a)`:  "incomplete input",
		`SELECT abs(-1<<63)`: "integer overflow",
	} {
		_, err := s.exec(t.Context(), internal(text), nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
	if _, err := s.exec(t.Context(), internal(`SELECT ?`), []any{struct{}{}}); err == nil {
		t.Error("an argument that is no value was taken")
	}
	if _, err := lite.Open(t.TempDir(), false, time.Second, nil); sqliteCode(err)&0xff != lite.CannotOpen {
		t.Errorf("opening a folder: %v", err)
	}
}

// The end of a context stops the statement that runs, and not the one after.
func TestLiteInterrupt(t *testing.T) {
	t.Parallel()
	s := openTestLite(t)
	const endless = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n`
	for range 20 {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		_, err := s.exec(ctx, internal(endless), nil)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			continue // it ended before the statement began
		}
		if sqliteCode(err)&0xff != lite.Interrupted {
			t.Fatalf("got %v", err)
		}
		if _, err := s.exec(t.Context(), internal(`SELECT 1`), nil); err != nil {
			t.Fatalf("the next statement: %v", err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.exec(ended, internal(`SELECT 1`), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}
