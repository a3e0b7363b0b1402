package wire

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx
	_ "modernc.org/sqlite"             // the driver named sqlite
)

// BareTable is one table with rows as large as a customer and with the three
// unique indexes that customers cannot be without (id, e-mail and external id,
// each within its organization), and nothing around it: no HTTP, no checks, no
// members, no history, no search.
type BareTable struct {
	pool     *sql.DB
	postgres bool
	insert   string
	update   string
	remove   string
	next     atomic.Int64 // the row that is inserted next
	gone     atomic.Int64 // those below it are deleted
	row      string
}

const bareSchema = `CREATE TABLE IF NOT EXISTS bare (seq %s, organization_id uuid NOT NULL, id uuid NOT NULL, email text NOT NULL,
	external_id text NOT NULL, body text NOT NULL,
	UNIQUE (organization_id, id), UNIQUE (organization_id, email), UNIQUE (organization_id, external_id))`

const bareOrganization = "ba4e0000-0000-4000-8000-000000000000"

// OpenBareSQLite makes the table in a file of its own in a folder; each commit
// waits for the disk, as ours do.
func OpenBareSQLite(dir string) (*BareTable, error) {
	q := url.Values{"_pragma": {"journal_mode(wal)", "synchronous(full)", "busy_timeout(10000)", "cache_size(-32768)"}, "_txlock": {"immediate"}}
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.Join(dir, "bare.db")}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	t := &BareTable{pool: pool, insert: `INSERT INTO bare (organization_id, id, email, external_id, body) VALUES (?, ?, ?, ?, ?)`, update: `UPDATE bare SET body = ?, email = ? WHERE organization_id = ? AND id = ?`,
		remove: `DELETE FROM bare WHERE organization_id = ? AND id = ?`}
	return t, t.create("INTEGER PRIMARY KEY")
}

// OpenBarePostgres makes the table in a database.
func OpenBarePostgres(address string, conns int) (*BareTable, error) {
	pool, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	t := &BareTable{pool: pool, postgres: true, insert: `INSERT INTO bare (organization_id, id, email, external_id, body) VALUES ($1, $2, $3, $4, $5)`, update: `UPDATE bare SET body = $1, email = $2 WHERE organization_id = $3 AND id = $4`,
		remove: `DELETE FROM bare WHERE organization_id = $1 AND id = $2`}
	return t, t.create("bigserial PRIMARY KEY")
}

func (t *BareTable) create(key string) error {
	row := make([]byte, 600)
	for i := range row {
		row[i] = 'a' + byte(i%26)
	}
	t.row = string(row)
	for _, text := range []string{`DROP TABLE IF EXISTS bare`, fmt.Sprintf(bareSchema, key)} {
		if _, err := t.pool.Exec(text); err != nil { //nolint:noctx // bounded by the benchmark
			return err
		}
	}
	return nil
}

// Close closes the database.
func (t *BareTable) Close() error { return t.pool.Close() }

func bareID(n int64) string {
	return "ba4e0000-0000-4000-8000-" + strconv.FormatInt(100000000000+n, 10)
}

// Inserts returns what inserts rows from so many goroutines. On SQLite those
// that wait at the same time share a commit; PostgreSQL does that by itself.
func (t *BareTable) Inserts(clients int) Runner {
	return t.runner(clients, t.insert, func() []any {
		n := t.next.Add(1) - 1
		number := strconv.FormatInt(n, 10)
		return []any{bareOrganization, bareID(n), "customer" + number + "@example.com", "usr_" + number, t.row}
	})
}

// Updates returns what changes rows, each far from the one before.
func (t *BareTable) Updates(clients int) Runner {
	var n atomic.Int64
	low, high := t.gone.Load(), max(t.next.Load(), 1)
	return t.runner(clients, t.update, func() []any {
		i := n.Add(1)
		return []any{t.row, "renamed" + strconv.FormatInt(i, 10) + "@example.com", bareOrganization, bareID(low + i*7919%(high-low))}
	})
}

// Deletes returns what takes the oldest rows away; run it no more often than
// there are rows.
func (t *BareTable) Deletes(clients int) Runner {
	return t.runner(clients, t.remove, func() []any { return []any{bareOrganization, bareID(t.gone.Add(1) - 1)} })
}

// Fill adds so many rows as fast as the engine can.
func (t *BareTable) Fill(rows int) error {
	number := "CAST(n AS text)"
	text := fmt.Sprintf(`WITH RECURSIVE numbers (n) AS (SELECT %d UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)
		INSERT INTO bare (organization_id, id, email, external_id, body)
		SELECT %s, %s, 'customer' || %s || '@example.com', 'usr_' || %s, '%s' FROM numbers`,
		t.next.Load(), t.next.Load()+int64(rows)-1, t.id("'"+bareOrganization+"'"),
		t.id("'ba4e0000-0000-4000-8000-' || CAST(100000000000 + n AS text)"), number, number, t.row)
	_, err := t.pool.Exec(text) //nolint:noctx // bounded by the benchmark
	t.next.Add(int64(rows))
	return err
}

func (t *BareTable) id(text string) string {
	if t.postgres {
		return "CAST(" + text + " AS uuid)"
	}
	return text
}

func (t *BareTable) runner(clients int, text string, args func() []any) Runner {
	return func(d time.Duration, limit int64) (out Sample, err error) {
		stmt, err := t.pool.Prepare(text) //nolint:noctx // bounded by the benchmark
		if err != nil {
			return out, err
		}
		defer func() { _ = stmt.Close() }()
		write := func() error { _, err := stmt.Exec(args()...); return err } //nolint:noctx // as above
		if !t.postgres {
			group := newGroup(t.pool, text)
			defer func() { err = errors.Join(err, group.close()) }()
			write = func() error { return group.write(args()) }
		}
		return repeat(clients, d, limit, write)
	}
}

// repeat calls fn from several goroutines for a time, or so often.
func repeat(clients int, d time.Duration, limit int64, fn func() error) (Sample, error) {
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		sent   atomic.Int64
		failed error
		sum    Sample
	)
	start := time.Now()
	for range clients {
		wg.Go(func() {
			var mine Sample
			var err error
			for at := start; err == nil && (limit == 0 && at.Sub(start) < d || limit > 0 && sent.Add(1) <= limit); {
				err = fn()
				now := time.Now()
				mine.Add(now.Sub(at))
				at = now
			}
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			sum.Merge(&mine)
		})
	}
	wg.Wait()
	sum.Took = time.Since(start)
	return sum, failed
}

// group is one goroutine that runs what waits in one transaction.
type group struct {
	queue chan *waiting
	ended chan error
}

type waiting struct {
	args []any
	done chan error
}

func newGroup(pool *sql.DB, text string) *group {
	g := &group{queue: make(chan *waiting, 256), ended: make(chan error, 1)}
	go func() { g.ended <- g.run(pool, text) }()
	return g
}

func (g *group) write(args []any) error {
	w := &waiting{args, make(chan error, 1)}
	g.queue <- w
	return <-w.done
}

func (g *group) close() error {
	close(g.queue)
	return <-g.ended
}

func (g *group) run(pool *sql.DB, text string) error {
	ctx := context.Background()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	stmt, err := conn.PrepareContext(ctx, text)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for first := range g.queue {
		batch := []*waiting{first}
		for more := true; more && len(batch) < 256; {
			select {
			case w, open := <-g.queue:
				if open {
					batch = append(batch, w)
				}
				more = open
			default:
				more = false
			}
		}
		err := commit(ctx, conn, stmt, batch)
		for _, w := range batch {
			w.done <- err
		}
	}
	return nil
}

// commit runs each statement in a savepoint, because the others must not be
// lost when one fails.
func commit(ctx context.Context, conn *sql.Conn, stmt *sql.Stmt, batch []*waiting) error {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	inner := tx.StmtContext(ctx, stmt)
	for _, w := range batch {
		if err := inSavepoint(ctx, tx, func() error { _, err := inner.ExecContext(ctx, w.args...); return err }); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	return tx.Commit()
}

func inSavepoint(ctx context.Context, tx *sql.Tx, fn func() error) error {
	if _, err := tx.ExecContext(ctx, `SAVEPOINT one`); err != nil {
		return err
	}
	if err := fn(); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `RELEASE one`)
	return err
}
