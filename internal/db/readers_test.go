//go:build unix

package db

import (
	"os"
	"strings"
	"testing"
	"time"
)

// openKept opens a database with a table, and others on the same file as other
// processes would.
func openKept(t *testing.T) (open func() *DB) {
	t.Helper()
	dir := t.TempDir()
	open = func() *DB {
		d, err := Open(t.Context(), Config{DataDir: dir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	if err := open().writer.run(internal("CREATE TABLE lines (text TEXT NOT NULL)")); err != nil {
		t.Fatal(err)
	}
	return open
}

func addLine(t *testing.T, d *DB, text string) {
	t.Helper()
	err := d.Write(t.Context(), func(tx *Tx) error {
		_, err := Exec(t.Context(), tx, `INSERT INTO lines (text) VALUES (?)`, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func countLines(t *testing.T, q Querier) int64 {
	t.Helper()
	n, err := One[struct{ N int64 }](t.Context(), q, `SELECT COUNT(*) AS n FROM lines`)
	if err != nil {
		t.Fatal(err)
	}
	return n.N
}

// readAtOnce reads with so many connections, which are idle afterwards.
func readAtOnce(t *testing.T, d *DB, n int) {
	t.Helper()
	if n == 0 {
		return
	}
	err := d.Read(t.Context(), func(q Querier) error {
		countLines(t, q)
		readAtOnce(t, d, n-1)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// kept is how many idle connections are in a snapshot.
func kept(d *DB) (n int) {
	d.readers.mu.Lock()
	defer d.readers.mu.Unlock()
	for _, s := range d.readers.idle {
		if s.inSnapshot() {
			n++
		}
	}
	return n
}

// TestKeptSnapshotsAreNeverStale: whoever commits, here or in another process,
// the next read has it, on whichever connection.
func TestKeptSnapshotsAreNeverStale(t *testing.T) {
	t.Parallel()
	open := openKept(t)
	d, other := open(), open()
	for want := int64(0); want < 50; want++ {
		for range 3 {
			if n := countLines(t, d); n != want {
				t.Fatalf("%d lines after %d commits", n, want)
			}
		}
		readAtOnce(t, d, 3)
		if kept(d) == 0 {
			t.Fatal("no snapshot is kept")
		}
		if want%2 == 0 {
			addLine(t, d, "ours")
		} else {
			addLine(t, other, "theirs")
		}
	}
}

// TestSnapshotsAreKeptNoLongerThanOfUse: none is left when a commit begins, nor
// when nobody has read for a while, so that the log can be written back.
func TestSnapshotsAreKeptNoLongerThanOfUse(t *testing.T) {
	t.Parallel()
	open := openKept(t)
	d, other := open(), open()
	readAtOnce(t, d, 3)
	d.readers.pause()
	if n := kept(d); n != 0 {
		t.Errorf("%d snapshots are kept while a commit is on its way", n)
	}
	readAtOnce(t, d, 3)
	if n := kept(d); n != 0 {
		t.Errorf("%d snapshots were kept by readers while a commit was on its way", n)
	}
	d.readers.resume()
	readAtOnce(t, d, 3)
	if kept(d) == 0 {
		t.Error("no snapshot is kept after it")
	}
	addLine(t, other, "what is in the log")
	readAtOnce(t, d, 3)
	for end := time.Now().Add(20 * time.Second); kept(d) > 0; time.Sleep(keepSnapshots) {
		if time.Now().After(end) {
			t.Fatal("idle connections keep their snapshots")
		}
	}
	rows, err := All[struct{ Busy, Log, Checkpointed int64 }](t.Context(), other, `PRAGMA wal_checkpoint(TRUNCATE)`)
	if err != nil || len(rows) != 1 || rows[0].Busy != 0 {
		t.Errorf("another process cannot write the log back: %v, %v", rows, err)
	}
}

// TestLogStaysSmall: connections that have read before each commit do not keep
// the log from being started over. It is 7 MB when it is written back.
func TestLogStaysSmall(t *testing.T) {
	t.Parallel()
	d := openKept(t)()
	text := strings.Repeat("x", 100<<10)
	for range 200 {
		readAtOnce(t, d, 3)
		addLine(t, d, text)
	}
	info, err := os.Stat(d.path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 8<<20 {
		t.Errorf("the log has grown to %d bytes over 20 MB of commits", info.Size())
	}
}
