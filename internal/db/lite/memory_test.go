package lite_test

import (
	"bytes"
	"testing"

	"floe/internal/db/lite"
)

// A connection that finds another one's commit gives all pages of its cache
// back, and gets the same memory again. Not in parallel: others take slots, too.
func TestPagesAreKept(t *testing.T) {
	path := t.TempDir() + "/file.db"
	reader, writer := open(t, path), open(t, path)
	run(t, writer, `CREATE TABLE t (x TEXT)`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
		 INSERT INTO t SELECT hex(zeroblob(1000)) FROM n`)
	const pages = 500 // and some more
	read := func() (made, used int) {
		run(t, reader, `SELECT sum(length(x)) FROM t`)
		made, free := lite.Slots()
		return made, made - free
	}
	made, used := read()
	made += 10 // what is not a page and as large
	if used < pages {
		t.Fatalf("%d slots are in use, of %d", used, made)
	}
	for range 3 {
		run(t, writer, `UPDATE t SET x = hex(randomblob(1000)) WHERE rowid = 1`)
		if again, used := read(); again > made || used < pages {
			t.Errorf("%d slots, then %d, of which %d are in use", made, again, used)
		}
	}
}

// Where no more are to be made, pages come from the library.
func TestNoMoreSlots(t *testing.T) {
	defer lite.NoMoreSlots()()
	before, _ := lite.Slots()
	c := open(t, t.TempDir()+"/file.db")
	run(t, c, `PRAGMA cache_size = 40000`, `CREATE TABLE t (x TEXT)`,
		`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
		 INSERT INTO t SELECT hex(zeroblob(1000)) FROM n`)
	if made, _ := lite.Slots(); made != before {
		t.Errorf("%d slots, then %d", before, made)
	}
	s := prepare(t, c, `SELECT count(*), sum(length(x)), min(length(x)) FROM t`)
	if row, err := s.Step(); !row || err != nil {
		t.Fatal(row, err)
	}
	for i, want := range []int64{20_000, 40_000_000, 2000} {
		var v lite.Value
		if s.Read(i, &v); v.Int() != want {
			t.Errorf("%d instead of %d", v.Int(), want)
		}
	}
}

// Memory keeps what is in it from any size to any other, and says how large it
// is.
func TestMemory(t *testing.T) {
	sizes := []int{1, 7, 4096, 4097, 4300, 4480, 4481, 9000, 300_000}
	for _, from := range sizes {
		for _, to := range sizes {
			m, other := lite.Allocate(from), lite.Allocate(from)
			fill(m, 'a')
			fill(other, 'b')
			m.Resize(to)
			if same := min(from, to); m.Size() != to || !bytes.Equal(m.Bytes()[:same], bytes.Repeat([]byte{'a'}, same)) {
				t.Errorf("from %d to %d: %d, %.20q", from, to, m.Size(), m.Bytes())
			}
			fill(m, 'c')
			if other.Size() != from || !bytes.Equal(other.Bytes(), bytes.Repeat([]byte{'b'}, from)) {
				t.Errorf("from %d to %d: the other one is %d, %.20q", from, to, other.Size(), other.Bytes())
			}
			m.Free()
			other.Free()
		}
	}
}

func fill(m *lite.Memory, with byte) {
	for i := range m.Bytes() {
		m.Bytes()[i] = with
	}
}

func run(t *testing.T, c *lite.Conn, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if err := c.Run(text); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
}
