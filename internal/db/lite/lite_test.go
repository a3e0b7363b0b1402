package lite_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"floe/internal/db/lite"
)

func open(t *testing.T, path string) *lite.Conn {
	t.Helper()
	c, err := lite.Open(path, false, 50*time.Millisecond, []string{"journal_mode(wal)"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func prepare(t *testing.T, c *lite.Conn, text string) *lite.Stmt {
	t.Helper()
	s, err := c.Prepare(text)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// What is bound is read again, of every kind, by one statement many times.
func TestValues(t *testing.T) {
	t.Parallel()
	s := prepare(t, open(t, t.TempDir()+"/a file?.db"), `SELECT ? AS it, typeof(?1)`)
	if got := strings.Join(s.Columns(), " "); got != "it typeof(?1)" {
		t.Errorf("columns %s", got)
	}
	long := strings.Repeat("long ", 100_000)
	for _, want := range []any{nil, "", "a\x00b", "東京", long, []byte{}, []byte{0, 255}, int64(math.MinInt64), 0.1, true, false, "after"} {
		if err := s.Bind([]any{want}); err != nil {
			t.Fatal(err)
		}
		if row, err := s.Step(); !row || err != nil {
			t.Fatalf("%.20v: %v, %v", want, row, err)
		}
		var v lite.Value
		s.Read(0, &v)
		same, kind := false, lite.Null
		switch x := want.(type) {
		case nil:
			same = v.Len() == 0
		case string:
			same, kind = string(v.Bytes()) == x && v.Len() == len(x), lite.Text
		case []byte:
			same, kind = string(v.Bytes()) == string(x), lite.Blob
		case int64:
			same, kind = v.Int() == x, lite.Integer
		case bool:
			same, kind = v.Int() == map[bool]int64{true: 1}[x], lite.Integer
		case float64:
			same, kind = v.Float() == x, lite.Float
		}
		if !same || v.Kind != kind {
			t.Errorf("%.20v is read as kind %d, %.20q", want, v.Kind, v.Bytes())
		}
		if row, err := s.Step(); row || err != nil {
			t.Errorf("a second row after %.20v: %v", want, err)
		}
		s.Reset()
	}
}

// Errors carry SQLite's code, and what cannot be bound is refused before.
func TestErrors(t *testing.T) {
	t.Parallel()
	path := t.TempDir() + "/file.db"
	c := open(t, path)
	if err := c.Run(`CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT UNIQUE); INSERT INTO t VALUES (1, 'x')`); err != nil {
		t.Fatal(err)
	}
	if c.Changed() != 1 || c.Changes() != 1 || c.InTransaction() {
		t.Errorf("changed %d, %d; in a transaction: %v", c.Changed(), c.Changes(), c.InTransaction())
	}
	for text, want := range map[string]int{
		`INSERT INTO t VALUES (1, 'y')`: lite.PrimaryKey,
		`INSERT INTO t VALUES (2, 'x')`: lite.Unique,
		`SELECT "absent"`:               lite.General,
		`COMMIT`:                        lite.General,
	} {
		var failure *lite.Error
		if err := c.Run(text); !errors.As(err, &failure) || failure.Code() != want {
			t.Errorf("%s: %v, want code %d", text, err, want)
		}
	}
	if err := c.Run(`BEGIN IMMEDIATE`); err != nil || !c.InTransaction() {
		t.Fatal(err)
	}
	var failure *lite.Error
	if err := open(t, path).Run(`BEGIN IMMEDIATE`); !errors.As(err, &failure) || failure.Code() != lite.Busy {
		t.Errorf("a second writer: %v", err)
	}
	s := prepare(t, c, `SELECT ?`)
	for _, args := range [][]any{nil, {int64(1), int64(2)}, {struct{}{}}} {
		if s.Bind(args) == nil {
			t.Errorf("%v was bound to one parameter", args)
		}
	}
	if _, err := c.Prepare("  -- nothing"); err == nil || !strings.Contains(err.Error(), "no statement") {
		t.Errorf("no statement: %v", err)
	}
	if _, err := lite.Open(t.TempDir(), false, 0, nil); !errors.As(err, &failure) || failure.Code()&0xff != lite.CannotOpen {
		t.Errorf("opening a folder: %v", err)
	}
}

// The end of a context that is watched stops the statement that runs, and not
// the one after.
func TestWatch(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir()+"/file.db")
	s := prepare(t, c, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT COUNT(*) FROM n`)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
	defer cancel()
	stop := c.Watch(ctx)
	_, err := s.Step()
	stop()
	s.Reset()
	wantInterrupted(t, err)
	if err := c.Run(`SELECT 1`); err != nil {
		t.Errorf("the next statement: %v", err)
	}
}

// A context that ends just before the statement begins stops it, too: SQLite
// itself forgets an interrupt that finds nothing running.
func TestWatchOfWhatHasEnded(t *testing.T) {
	t.Parallel()
	c := open(t, t.TempDir()+"/file.db")
	s := prepare(t, c, `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000) SELECT COUNT(*) FROM n`)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stop := c.Watch(ctx)
	time.Sleep(50 * time.Millisecond) // by then it has been interrupted
	_, err := s.Step()
	stop()
	s.Reset()
	wantInterrupted(t, err)
}

func wantInterrupted(t *testing.T, err error) {
	t.Helper()
	var failure *lite.Error
	if !errors.As(err, &failure) || failure.Code() != lite.Interrupted {
		t.Errorf("got %v", err)
	}
}
