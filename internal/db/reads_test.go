package db_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

// What reads find is what the same statements find one by one, whatever they
// are run on.
func TestReads(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		full := put(t, d, thing{ID: id.New(), Name: "Ünïcode '", Note: new("007"), Count: 1 << 53, Small: new(int32(-7)), Ratio: new(0.1), Active: true,
			Confirmed: new(false), Metadata: json.RawMessage(`{"b":1}`), Extra: json.RawMessage(`[1, 2]`),
			stampsOf: stampsOf{stamps{CreatedAt: time.Date(2025, 3, 4, 5, 6, 7, 123456000, time.UTC)}}, OwnerID: new(id.New())})
		empty := put(t, d, thing{ID: id.New(), Metadata: json.RawMessage(`12`)})
		check := func(q db.Querier) error {
			var reads db.Reads
			both := db.Ask[thing](&reads, `SELECT `+thingColumns+` FROM things WHERE id = ? OR id = ? ORDER BY count DESC`, full.ID, empty.ID)
			none := db.Ask[thing](&reads, `SELECT `+thingColumns+` FROM things WHERE name = ?`, "nobody")
			sum := db.Ask[int64](&reads, `SELECT sum(count) FROM things`)
			average := db.Ask[float64](&reads, `SELECT avg(count) FROM things WHERE id = ?`, empty.ID)
			if err := reads.Run(t.Context(), q); err != nil {
				return err
			}
			if diff := cmp.Diff([]thing{full, empty}, *both, cmp.AllowUnexported(thing{}, stampsOf{})); diff != "" {
				t.Error(diff)
			}
			if *none == nil || len(*none) != 0 || (*sum)[0] != 1<<53 || (*average)[0] != 0 {
				t.Errorf("%v, %v, %v", *none, *sum, *average)
			}
			return nil
		}
		for name, run := range map[string]func() error{
			"database": func() error { return check(d) },
			"snapshot": func() error { return d.Read(t.Context(), check) },
			"write": func() error {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					err := db.Later(t.Context(), tx, `UPDATE things SET count = 5 WHERE id = ?`, empty.ID)
					if err == nil {
						var reads db.Reads
						sees := db.Ask[int64](&reads, `SELECT count FROM things WHERE id = ?`, empty.ID)
						if err = reads.Run(t.Context(), tx); err == nil && (*sees)[0] != 5 {
							t.Errorf("in a write: sees %d", (*sees)[0])
						}
					}
					return errors.Join(err, errNo)
				})
				if err.Error() == errNo.Error() {
					return nil
				}
				return err
			},
		} {
			if err := run(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// A read that fails is an error of all, and harms nobody after it.
func TestReadsFail(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		d := open(func(c *db.Config) { c.ReadConns = 1 })
		fill(t, d, 3)
		for _, bad := range []string{`SELECT nothing FROM nowhere`, `SELECT name AS surprise FROM things`} {
			var reads db.Reads
			db.Ask[string](&reads, `SELECT name FROM things`)
			db.Ask[thing](&reads, bad)
			db.Ask[string](&reads, `SELECT name FROM things`)
			if err := reads.Run(t.Context(), d); err == nil {
				t.Errorf("%s: no error", bad)
			}
			if n := one[int64](t, d, `SELECT count(*) FROM things`); n != 3 {
				t.Errorf("after %s: %d rows", bad, n)
			}
		}
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		var reads db.Reads
		db.Ask[string](&reads, `SELECT name FROM things`)
		if err := reads.Run(ended, d); err == nil {
			t.Error("ran for a caller who has gone")
		}
		one[int64](t, d, `SELECT count(*) FROM things`)
	})
}

// All reads are of the same moment: two rows that are always changed together
// are never seen at odds.
func TestReadsAreOneSnapshot(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		fill(t, d, 2)
		stop := make(chan struct{})
		var writer sync.WaitGroup
		writer.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					mustExec(t, d, `UPDATE things SET count = count + 1`)
				}
			}
		})
		for range 300 {
			var reads db.Reads
			a := db.Ask[int64](&reads, `SELECT count FROM things WHERE name = ?`, "0000")
			b := db.Ask[int64](&reads, `SELECT count FROM things WHERE name = ?`, "0001")
			if err := reads.Run(t.Context(), d); err != nil || (*a)[0] != (*b)[0] {
				t.Errorf("%v and %v, %v", *a, *b, err)
				break
			}
		}
		close(stop)
		writer.Wait()
	})
}

// On PostgreSQL reads cost one round trip, however many they are.
func TestReadsAreOneRoundTrip(t *testing.T) {
	t.Parallel()
	d, trips := openCounted(t)
	run := func(n int) int64 {
		var reads db.Reads
		for range n {
			db.Ask[int64](&reads, `SELECT count(*) FROM organizations WHERE id = ?`, id.New())
		}
		before := trips.Load()
		if err := reads.Run(t.Context(), d); err != nil {
			t.Fatal(err)
		}
		return trips.Load() - before
	}
	run(1) // prepares the statement
	run(2) // and those that begin and end a snapshot
	if one, ten := run(1), run(10); one != 1 || ten != 1 {
		t.Errorf("%d and %d round trips", one, ten)
	}
}

// On PostgreSQL a transaction begins with its first statement, and what is put
// off goes with the next one that has an answer, whether that is a statement,
// one that only counts, or several reads.
func TestWritesAreFewRoundTrips(t *testing.T) {
	t.Parallel()
	d, trips := openCounted(t)
	ctx := t.Context()
	later := func(tx *db.Tx) error { return db.Later(ctx, tx, `DELETE FROM settings WHERE name = ?`, "later") }
	for _, x := range []struct {
		name string
		want int64
		do   func(tx *db.Tx) error
	}{
		{"nothing", 1, func(*db.Tx) error { return nil }},
		{"what is put off", 1, later},
		{"a query", 2, func(tx *db.Tx) error {
			_, err := db.All[string](ctx, tx, `SELECT value FROM settings WHERE name = ?`, "later")
			return err
		}},
		{"a query after what is put off", 2, func(tx *db.Tx) error {
			if err := later(tx); err != nil {
				return err
			}
			_, err := db.All[string](ctx, tx, `SELECT value FROM settings WHERE name = ?`, "later")
			return err
		}},
		{"a statement after what is put off", 2, func(tx *db.Tx) error {
			if err := later(tx); err != nil {
				return err
			}
			n, err := db.Exec(ctx, tx, `UPDATE settings SET value = ? WHERE name = ?`, "x", "later")
			if n != 0 {
				t.Errorf("%d rows are there that were deleted before", n)
			}
			return err
		}},
		{"reads after what is put off", 2, func(tx *db.Tx) error {
			if err := later(tx); err != nil {
				return err
			}
			var reads db.Reads
			db.Ask[string](&reads, `SELECT value FROM settings WHERE name = ?`, "a")
			db.Ask[string](&reads, `SELECT value FROM settings WHERE name = ?`, "b")
			return reads.Run(ctx, tx)
		}},
	} {
		var took int64
		for range 2 { // the first prepares
			before := trips.Load()
			if err := d.Write(ctx, x.do); err != nil {
				t.Fatalf("%s: %v", x.name, err)
			}
			took = trips.Load() - before
		}
		if took != x.want {
			t.Errorf("%s took %d round trips, want %d", x.name, took, x.want)
		}
	}
}

// What is put off and fails fails the statement that it is sent with, whatever
// that is, and nothing of the transaction stays.
func TestLaterFailsWithTheNext(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		for name, next := range map[string]func(tx *db.Tx) error{
			"query": func(tx *db.Tx) error {
				_, err := db.All[string](t.Context(), tx, `SELECT value FROM settings WHERE name = ?`, "item-a")
				return err
			},
			"exec": func(tx *db.Tx) error {
				_, err := db.Exec(t.Context(), tx, `DELETE FROM settings WHERE name = ?`, "item-a")
				return err
			},
			"reads": func(tx *db.Tx) error {
				var reads db.Reads
				db.Ask[string](&reads, `SELECT value FROM settings WHERE name = ?`, "item-a")
				return reads.Run(t.Context(), tx)
			},
		} {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				for range 2 {
					err := db.Later(t.Context(), tx, `INSERT INTO settings (name, value) VALUES (?, '')`, "item-a")
					if err != nil { // SQLite says so at once
						return err
					}
				}
				if err := next(tx); err != nil {
					return err
				}
				t.Errorf("%s: it went on", name)
				return nil
			})
			if !db.IsUnique(err) {
				t.Errorf("%s: got %v, want a UniqueError", name, err)
			}
			if n := settings(t, d, "item-%"); n != 0 {
				t.Errorf("%s: %d rows of a transaction that failed", name, n)
			}
		}
	})
}

// openCounted opens a database on PostgreSQL with one connection, whose round
// trips are counted.
func openCounted(t *testing.T) (*db.DB, *atomic.Int64) {
	t.Helper()
	address, trips := countTrips(t, dbtest.URL(t))
	d, err := db.Open(t.Context(), db.Config{URL: address, ReadConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d, trips
}

// countTrips puts something between a client and its server that counts how
// often the client has spoken after the server had.
func countTrips(t *testing.T, server string) (address string, trips *atomic.Int64) {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	trips = new(atomic.Int64)
	c, err := pgconn.ParseConfig(server)
	if err != nil {
		t.Fatal(err)
	}
	network, host := pgconn.NetworkAddress(c.Host, c.Port)
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			backend, err := new(net.Dialer).DialContext(t.Context(), network, host)
			if err != nil {
				_ = client.Close()
				return
			}
			answered := new(atomic.Bool)
			answered.Store(true)
			go pipe(backend, client, func() {
				if answered.Swap(false) {
					trips.Add(1)
				}
			})
			go pipe(client, backend, func() { answered.Store(true) })
		}
	}()
	query := u.Query()
	query.Del("host")
	query.Del("port")
	u.Host, u.RawQuery = l.Addr().String(), query.Encode()
	return u.String(), trips
}

func pipe(to io.WriteCloser, from io.Reader, seen func()) {
	defer func() { _ = to.Close() }()
	buf := make([]byte, 64<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			seen()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
