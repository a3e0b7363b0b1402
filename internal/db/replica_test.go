package db_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

func TestPosition(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]db.Position{"0/0": 0, "0/1": 1, "16/B374D848": 0x16b374d848, "FFFFFFFF/FFFFFFFF": 1<<64 - 1} {
		got, err := db.ParsePosition(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %d %s, %v", text, got, got, err)
		}
	}
	for _, text := range []string{"", "1", "/", "1/", "/1", "g/1", "1/100000000", "-1/1", "1/1/1", " 1/1"} {
		if p, err := db.ParsePosition(text); err == nil {
			t.Errorf("%q was read as %s", text, p)
		}
	}
}

// pair is a primary with a replica, and a database that uses both.
type pair struct {
	t                *testing.T
	primary, replica *dbtest.Server
	db               *db.DB
}

func newPair(t *testing.T) *pair {
	p := &pair{t: t, primary: dbtest.Primary(t)}
	p.primary.Exec(t, `CREATE TABLE notes (id int PRIMARY KEY, text text NOT NULL)`)
	p.replica = p.primary.Replica(t)
	p.db = p.open(p.replica.URL)
	return p
}

func (p *pair) open(read string) *db.DB {
	p.t.Helper()
	d, err := db.Open(p.t.Context(), db.Config{URL: p.primary.URL, ReadURL: read, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() { _ = d.Close() })
	return d
}

// write adds a note and answers where that is.
func (p *pair) write(id int) db.Position {
	p.t.Helper()
	v := &db.View{}
	err := p.db.Write(db.WithView(p.t.Context(), v), func(tx *db.Tx) error {
		_, err := db.Exec(p.t.Context(), tx, `INSERT INTO notes (id, text) VALUES (?, 'note')`, id)
		return err
	})
	if err != nil || v.Written() == 0 {
		p.t.Fatalf("wrote at %s, %v", v.Written(), err)
	}
	return v.Written()
}

// ways are all the ways to read.
var ways = map[string]func(ctx context.Context, d *db.DB) (int, error){
	"one": func(ctx context.Context, d *db.DB) (int, error) {
		return db.One[int](ctx, d, `SELECT COUNT(*) FROM notes`)
	},
	"all": func(ctx context.Context, d *db.DB) (int, error) {
		rows, err := db.All[int](ctx, d, `SELECT id FROM notes`)
		return len(rows), err
	},
	"each": func(ctx context.Context, d *db.DB) (n int, err error) {
		for _, err := range db.Each[int](ctx, d, `SELECT id FROM notes`) {
			if err != nil {
				return n, err
			}
			n++
		}
		return n, nil
	},
	"snapshot": func(ctx context.Context, d *db.DB) (n int, err error) {
		err = d.Read(ctx, func(q db.Querier) error {
			n, err = db.One[int](ctx, q, `SELECT COUNT(*) FROM notes`)
			return err
		})
		return n, err
	},
	"together": func(ctx context.Context, d *db.DB) (int, error) {
		var reads db.Reads
		n := db.Ask[int](&reads, `SELECT COUNT(*) FROM notes`)
		if err := reads.Run(ctx, d); err != nil {
			return 0, err
		}
		return (*n)[0], nil
	},
}

// read reads in every way and says who has answered.
func (p *pair) read(d *db.DB, v func() *db.View, want int, fromReplica bool) {
	p.t.Helper()
	for name, count := range ways {
		before, _ := d.Replica()
		ctx := p.t.Context()
		if v != nil {
			ctx = db.WithView(ctx, v())
		}
		n, err := count(ctx, d)
		after, _ := d.Replica()
		if n != want || err != nil || (after.Served > before.Served) != fromReplica {
			p.t.Errorf("%s: found %d, %v, want %d; answered by the replica: %v, want %v", name, n, err, want, after.Served > before.Served, fromReplica)
		}
	}
}

// until waits for what the watch finds out by itself.
func (p *pair) until(what string, ok func(db.ReplicaStats) bool) {
	p.t.Helper()
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		s, _ := p.db.Replica()
		if ok(s) {
			return
		}
		if time.Since(begin) > 30*time.Second {
			p.t.Fatalf("not after 30 s: %s; %+v", what, s)
		}
	}
}

// caughtUp waits until the replica shows a position.
func (p *pair) caughtUp(at db.Position) {
	p.t.Helper()
	d, err := db.Open(p.t.Context(), db.Config{URL: p.replica.URL, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		text, err := db.One[string](p.t.Context(), d, `SELECT CAST(pg_last_wal_replay_lsn() AS text)`)
		if err != nil {
			p.t.Fatal(err)
		}
		if now, _ := db.ParsePosition(text); now >= at {
			return
		}
		if time.Since(begin) > 30*time.Second {
			p.t.Fatalf("the replica does not reach %s", at)
		}
	}
}

func TestReplica(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	d := p.db
	after := func(at db.Position) func() *db.View {
		return func() *db.View { return &db.View{Replica: true, After: at} }
	}
	first := p.write(1)
	p.caughtUp(first)
	p.until("the lag is known", func(s db.ReplicaStats) bool { return s.Up && s.LagTime == 0 })
	p.read(d, nil, 1, false)                                   // who says nothing
	p.read(d, func() *db.View { return &db.View{} }, 1, false) // and who changes something
	p.read(d, after(first), 1, true)
	p.read(d, after(0), 1, true)

	p.replica.Exec(t, `SELECT pg_wal_replay_pause()`)
	second := p.write(2)
	p.read(d, nil, 2, false)
	p.read(d, after(second), 2, false) // its own write is seen
	p.read(d, after(first), 1, true)   // who saw the first only may see the past
	p.read(d, after(0), 1, true)
	p.until("the lag is seen", func(s db.ReplicaStats) bool { return s.LagTime > 0 && s.LagSize > 0 })
	p.replica.Exec(t, `SELECT pg_wal_replay_resume()`)
	p.caughtUp(second)
	p.read(d, after(second), 2, true)

	// Once a request has changed something it sees that, wherever it looks.
	v := &db.View{Replica: true}
	ctx := db.WithView(t.Context(), v)
	p.replica.Exec(t, `SELECT pg_wal_replay_pause()`)
	err := d.Write(ctx, func(tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `INSERT INTO notes (id, text) VALUES (3, 'note')`)
		return err
	})
	if n, failed := db.One[int](ctx, d, `SELECT COUNT(*) FROM notes`); n != 3 || err != nil || failed != nil {
		t.Errorf("%d, %v, %v", n, err, failed)
	}
	p.replica.Exec(t, `SELECT pg_wal_replay_resume()`)
	p.caughtUp(v.Written())

	// A mistake in a statement is the same mistake wherever it is made.
	if _, err := db.One[int](db.WithView(t.Context(), after(0)()), d, `SELECT nothing FROM notes`); err == nil || errors.Is(err, db.ErrUnavailable) {
		t.Errorf("a wrong statement: %v", err)
	}

	p.replica.Kill()
	p.read(d, after(0), 3, false)
	p.until("the replica is missed", func(s db.ReplicaStats) bool { return !s.Up })
	fourth := p.write(4)
	p.read(d, after(fourth), 4, false)
	p.replica.Start(t)
	p.until("the replica is back", func(s db.ReplicaStats) bool { return s.Up && s.LagTime == 0 })
	p.caughtUp(fourth)
	p.read(d, after(fourth), 4, true)
}

// Who says nothing of what they must see is not shown what is older than the
// replica may be; who has said what they saw last is.
func TestReplicaThatIsFarBehind(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	after := func(at db.Position) func() *db.View {
		return func() *db.View { return &db.View{Replica: true, After: at} }
	}
	first := p.write(1)
	p.caughtUp(first)
	p.until("the lag is known", func(s db.ReplicaStats) bool { return s.Up && s.LagTime == 0 })
	p.replica.Exec(t, `SELECT pg_wal_replay_pause()`)
	p.write(2)
	p.db.LookLater(t.Context(), 0) // now it is known to be behind since then
	p.db.LookLater(t.Context(), db.MaxLag-8*time.Second)
	p.read(p.db, after(0), 1, true)
	before, _ := p.db.Replica()
	p.db.LookLater(t.Context(), 9*time.Second)
	p.read(p.db, after(0), 2, false)
	p.read(p.db, after(first), 1, true)
	if now, _ := p.db.Replica(); now.LagTime <= db.MaxLag || now.Behind-before.Behind < int64(len(ways)) {
		t.Errorf("before %+v, now %+v", before, now)
	}
	p.replica.Exec(t, `SELECT pg_wal_replay_resume()`)
	p.caughtUp(p.write(3))
	p.db.LookLater(t.Context(), 0)
	p.read(p.db, after(0), 3, true)
}

// A replica that comes back older than it was, as after a restore, is asked
// anew how far it is.
func TestReplicaThatIsNone(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.write(1)
	for name, url := range map[string]string{"the primary itself": p.primary.URL, "another server": dbtest.URL(t), "nobody": "postgres://127.0.0.1:1/none"} {
		d := p.open(url)
		p.read(d, func() *db.View { return &db.View{Replica: true} }, 1, false)
		if s, _ := d.Replica(); s.Up {
			t.Errorf("%s counts as a replica", name)
		}
	}
	if _, err := db.Open(t.Context(), db.Config{URL: p.primary.URL, ReadURL: "postgres://%zz"}); err == nil {
		t.Error("a URL that cannot be read is accepted")
	}
	if _, err := db.Open(t.Context(), db.Config{DataDir: t.TempDir(), ReadURL: p.replica.URL}); err == nil {
		t.Error("SQLite has a replica")
	}
	p.replica.Exec(t, `SELECT pg_promote()`) // now it goes its own way
	p.until("the promotion is seen", func(s db.ReplicaStats) bool { return !s.Up })
	p.read(p.db, func() *db.View { return &db.View{Replica: true} }, 1, false)
}
