//go:build !race && unix

package gate

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

var (
	update = flag.Bool("update", false, "put what has moved into gate.json; needs -reason")
	reason = flag.String("reason", "", "why it has moved")
	runs   = flag.Int("runs", 1, "how often to measure everything; the medians count")
	show   = flag.Bool("show", false, "print all that is counted, and how far runs are apart")
)

const file = "gate.json"

func TestMain(m *testing.M) {
	if text := os.Getenv(childVariable); text != "" {
		if err := child(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// requests is how many are measured of each path, for what is exact but for
// what happens now and then.
const requests = 100

// batches are how often that is done; the fewest of all count. On a machine that
// is busy, the first part of what is sent in two may be answered before the
// second is on its way, which looks like a round trip more.
const batches = 3

// TestGate: no hot path costs more, or less, than the file says by a tenth.
func TestGate(t *testing.T) {
	kept, err := Load(file)
	if *update && (os.IsNotExist(err) || err == nil && kept == nil) {
		kept, err = File{}, nil
	}
	if err != nil {
		t.Fatal(err)
	}
	if *update && len(strings.Fields(*reason)) < 3 {
		t.Fatal("say why, in a few words: -reason '...'")
	}
	receiver := receive(t)
	for _, engine := range []string{"sqlite", "postgres"} {
		var all []map[string]Costs
		measure := func(name string) {
			t.Run(engine+" "+name, func(t *testing.T) { all = append(all, measured(t, engine, receiver)) })
		}
		for run := range *runs {
			measure(strconv.Itoa(run + 1))
		}
		if len(all) < *runs {
			return
		}
		var doubtful []string
		for _, path := range slices.Sorted(maps.Keys(all[0])) {
			costs, spread := medians(all, path)
			if *show {
				t.Logf("%s, %s: %v, apart by %.1f %%", engine, path, costs, 100*spread)
			}
			if *update {
				kept.Update(engine, path, costs, *reason)
				continue
			}
			if len(kept.Differences(engine, path, costs)) > 0 {
				doubtful = append(doubtful, path)
			}
		}
		if len(doubtful) == 0 {
			continue
		}
		// What other programs do can look like a cost, but not twice.
		if measure("again"); len(all) == *runs {
			return
		}
		for _, path := range doubtful {
			for _, line := range kept.Differences(engine, path, all[*runs][path]) {
				t.Error(line)
			}
		}
	}
	switch {
	case *update:
		if err := kept.Save(file); err != nil {
			t.Fatal(err)
		}
	case t.Failed():
		t.Log("What a hot path costs is kept in internal/gate/gate.json. Mend it, or say why it is right as it is now:\n" +
			"go test ./internal/gate -run TestGate -update -runs 10 -reason 'why'")
	}
}

// measured is what all paths cost on a fresh database.
func measured(t *testing.T, engine, receiver string) map[string]Costs {
	t.Helper()
	p := place{Engine: engine}
	if engine == "sqlite" {
		p.DataDir = dbtest.DataDir(t)
	} else {
		p.URL = dbtest.URL(t)
	}
	if err := fill(t.Context(), &p, receiver); err != nil {
		t.Fatalf("%s: %v", engine, err)
	}
	costs := inProcess(t, p)
	for path, c := range instructions(t, p) {
		maps.Copy(costs[path], c)
	}
	return costs
}

func fill(ctx context.Context, p *place, receiver string) error {
	w, err := open(ctx, *p)
	if err != nil {
		return err
	}
	if p.URL == "" {
		err = errors.Join(w.fill(ctx, receiver), w.close())
		*p = w.place
		return err
	}
	pool, err := sql.Open("pgx", p.URL)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	if _, err := pool.ExecContext(ctx, alone); err != nil {
		return err
	}
	err = errors.Join(w.fill(ctx, receiver), w.close())
	*p = w.place
	if err != nil {
		return err
	}
	if _, err := pool.ExecContext(ctx, `VACUUM FULL`); err != nil { // or pages would depend on who looked while rows were written
		return err
	}
	_, err = pool.ExecContext(ctx, `VACUUM ANALYZE`) // or the plans would depend on when the server does it
	return err
}

// alone keeps the server from cleaning and counting by itself: rows that are
// written while it counts stay where they were, and lists look at more pages.
const alone = `DO $$ DECLARE t regclass; BEGIN
	FOR t IN SELECT relid FROM pg_stat_user_tables LOOP
		EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', t);
	END LOOP;
END $$`

// inProcess counts allocations, statements, round trips to PostgreSQL, and the
// pages that it looks at for them.
func inProcess(t *testing.T, p place) map[string]Costs {
	var trips *atomic.Int64
	if p.URL != "" {
		p.URL, trips = proxy(t, p.URL)
	}
	w, err := open(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.close() }()
	if err := w.look(); err != nil {
		t.Fatal(err)
	}
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // pools stay full
	out := map[string]Costs{}
	for _, path := range w.paths(t.Context()) {
		runtime.GC()
		var before, after runtime.MemStats
		var statements, turns, looked int64
		fewest := Costs{}
		begin := func() {
			looked = w.pages(t)
			statements = w.db.Stats().Queries
			if trips != nil {
				turns = trips.Load()
			}
			runtime.ReadMemStats(&before)
		}
		end := func() {
			runtime.ReadMemStats(&after)
			fewest.least("allocations", int64(after.Mallocs-before.Mallocs)) //nolint:gosec // some thousands
			fewest.least("statements", w.db.Stats().Queries-statements)
			if trips != nil {
				fewest.least("round trips", trips.Load()-turns)
			}
			if n := w.pages(t) - looked; n > 0 {
				fewest.least("pages", n)
			}
		}
		if err := w.measure(path, requests, batches, begin, end); err != nil {
			t.Fatal(err)
		}
		out[path.name] = fewest
	}
	return out
}

// pages are how many of tables and indexes PostgreSQL has looked at: what a plan
// costs that is worse than it was, in which Floe has no part. Versions before 15
// do not tell at once, and SQLite's work is among the instructions.
func (w *world) pages(t *testing.T) (n int64) {
	t.Helper()
	if w.db.Engine() != "postgres" {
		return 0
	}
	version, err := db.One[int64](t.Context(), w.db, `SELECT CAST(current_setting('server_version_num') AS bigint)`)
	if err == nil && version < 150_000 {
		return 0
	}
	if err == nil { // told when this connection, which is the only one, is done with the statement
		_, err = db.One[string](t.Context(), w.db, `SELECT CAST(pg_stat_force_next_flush() AS text)`)
	}
	if err == nil {
		n, err = db.One[int64](t.Context(), w.db, `SELECT CAST(SUM(heap_blks_hit + heap_blks_read + COALESCE(idx_blks_hit + idx_blks_read, 0)) AS bigint)
			FROM pg_statio_user_tables`)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// least keeps the fewest of several counts, for each request.
func (c Costs) least(name string, count int64) {
	each := float64(count) / requests
	if known, ok := c[name]; !ok || each < known {
		c[name] = each
	}
}

// proxy stands between Floe and PostgreSQL and counts how often one has to
// wait for the other: each time that something is sent after something was
// received is a round trip.
func proxy(t *testing.T, address string) (string, *atomic.Int64) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	network, at := "tcp", u.Host
	if dir := q.Get("host"); strings.HasPrefix(dir, "/") {
		port := q.Get("port")
		if port == "" {
			port = "5432"
		}
		network, at = "unix", filepath.Join(dir, ".s.PGSQL."+port)
	}
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	trips := &atomic.Int64{}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial(network, at) //nolint:noctx // a test's
			if err != nil {
				_ = near.Close()
				continue
			}
			answered := &atomic.Bool{}
			answered.Store(true)
			go carry(near, far, func() {
				if answered.Swap(false) {
					trips.Add(1)
				}
			})
			go carry(far, near, func() { answered.Store(true) })
		}
	}()
	q.Del("host")
	q.Del("port")
	q.Set("sslmode", "disable")
	u.Host, u.RawQuery = l.Addr().String(), q.Encode()
	return u.String(), trips
}

func carry(from, to net.Conn, seen func()) {
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

// receive answers webhooks, and allocates nothing while it does.
func receive(t *testing.T) (address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go take(c)
		}
	}()
	return "http://" + l.Addr().String() + "/"
}

func take(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReaderSize(c, 64<<10)
	done := []byte("HTTP/1.1 204 No Content\r\n\r\n")
	for {
		length := 0
		for {
			line, err := r.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) <= 2 {
				break
			}
			const name = "content-length: "
			if len(line) > len(name) && strings.EqualFold(string(line[:len(name)]), name) {
				for _, digit := range line[len(name) : len(line)-2] {
					length = 10*length + int(digit-'0')
				}
			}
		}
		if _, err := r.Discard(length); err != nil {
			return
		}
		if _, err := c.Write(done); err != nil {
			return
		}
	}
}
