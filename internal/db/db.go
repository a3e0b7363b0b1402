// Package db keeps the rows. It gives the rest of Floe one way to read and
// one way to write that behaves the same on an embedded SQLite file and on
// PostgreSQL: SQL is text with ? marks, rows are structs, a change is a
// function that gets a transaction.
//
// A ? whose type PostgreSQL cannot tell from its place is written
// CAST(? AS text), which both engines take.
//
// It knows nothing of what is stored: tables belong to the packages that use
// them, their definitions to the migrations folder.
package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"floe/internal/clock"
	"floe/internal/db/lite"
)

// Config says which database to open. The zero value is a SQLite file in the
// folder floe-data.
type Config struct {
	// DataDir is the folder of the SQLite file. It is created when missing.
	DataDir string
	// URL of a PostgreSQL database (postgres://…). Empty means SQLite.
	URL string
	// ReadURL is a streaming replica of the PostgreSQL database that URL names.
	// It answers reads whose View allows it; see there. Empty means none.
	ReadURL string
	// ReadConns is the number of connections that read: beside the writer on
	// SQLite, all of them on PostgreSQL.
	ReadConns int
	// ReadOnly opens what is there without changing it, and without making it
	// when it is not: Write fails. It may be open elsewhere at the same time.
	ReadOnly bool
	// Alone is for servers: opening fails while another process that wants to
	// be alone has the SQLite file open (ErrServed). Those that do not want that
	// are welcome beside it. It has no effect on PostgreSQL.
	Alone bool
	// Clock gives transactions their time. The wall clock when nil.
	Clock clock.Clock
	// Logger hears of migrations and retries. slog.Default when nil.
	Logger *slog.Logger
	// BusyTimeout bounds the wait for another process that holds the SQLite
	// file. Ten seconds when zero.
	BusyTimeout time.Duration
	// QueueTimeout bounds the wait for one's turn to write, and for a
	// connection. It ends a Write inside a Write, which would wait for itself.
	// Thirty seconds when zero.
	QueueTimeout time.Duration
	// Reached, when set, hears of each Point that is passed, so that a program
	// can be ended there.
	Reached func(Point)
	// OnStatement, when set, is called with every distinct SQL text when it is
	// first used, so that tests can check rules over all SQL. It may be called
	// from several goroutines.
	OnStatement func(sql string)
}

func (c Config) withDefaults() Config {
	if c.DataDir == "" {
		c.DataDir = "floe-data"
	}
	if c.ReadConns <= 0 && c.URL == "" {
		c.ReadConns = max(4, 2*runtime.GOMAXPROCS(0))
	}
	if c.ReadConns <= 0 {
		c.ReadConns = min(max(16, 4*runtime.GOMAXPROCS(0)), 32)
	}
	if c.Clock == nil {
		c.Clock = clock.Wall
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.BusyTimeout <= 0 {
		c.BusyTimeout = 10 * time.Second
	}
	if c.QueueTimeout <= 0 {
		c.QueueTimeout = 30 * time.Second
	}
	return c
}

// DB is an open database. As a Querier it reads outside of any transaction.
type DB struct {
	dialect
	config  Config
	stats   counters
	texts   texts
	unique  constraints
	signals signals
	// attached is what packages above have stored with the database.
	attached sync.Map

	pool    *pgxpool.Pool // PostgreSQL only
	notify  *notifier     // PostgreSQL only
	company *company      // PostgreSQL only
	inserts sync.Map      // PostgreSQL only: Into -> text
	replica *replica      // PostgreSQL only, and nil where there is none
	readers *readers      // SQLite only
	writer  *writer       // SQLite only
	path    string        // SQLite only
	alone   *os.File      // SQLite only, what an Alone process holds

	walIndex *lite.WALIndex // SQLite only
	versions *Versions      // SQLite only, where walIndex can be read
}

// Point is a place in the program at which a crash is most awkward.
type Point string

// The points of a commit: all is written and nothing is durable; all is durable
// and nobody has been told.
const (
	Committing Point = "before a commit"
	Committed  Point = "after a commit"
)

// Reached tells whoever wants to hear it, which is nobody but in a test of
// crashes, that a point is passed.
func (d *DB) Reached(p Point) {
	if d.config.Reached != nil {
		d.config.Reached(p)
	}
}

// Open opens the database and makes sure that it answers. It does not change
// the schema; see Migrate.
func Open(ctx context.Context, config Config) (*DB, error) {
	d := &DB{config: config.withDefaults()}
	d.texts.seen = config.OnStatement
	switch {
	case config.URL == "" && config.ReadURL != "":
		return nil, fmt.Errorf("a replica to read from needs a PostgreSQL database that it is a replica of")
	case config.URL == "":
		return d, d.openSQLite(ctx)
	}
	if err := CheckURL(config.URL); err != nil {
		return nil, fmt.Errorf("the database URL %w", err)
	}
	d.postgres = true
	d.texts.numbered = true
	return d, d.openPostgres(ctx)
}

// CheckURL says what is wrong with the address of a PostgreSQL database, as far
// as it can be seen without going there. It does not show the address, which
// may have a password.
func CheckURL(address string) error {
	if !strings.HasPrefix(address, "postgres://") && !strings.HasPrefix(address, "postgresql://") {
		return errors.New("must begin with postgres://")
	}
	if _, err := postgresConfig(address, 0); err != nil {
		return fmt.Errorf("cannot be read: %w", err)
	}
	return nil
}

// Close ends all connections. Writes that wait for their turn fail.
func (d *DB) Close() error {
	if !d.postgres {
		return d.closeSQLite()
	}
	d.notify.wait.Wait()
	if d.replica != nil {
		d.replica.end()
	}
	closePool(d.pool)
	return nil
}

// Ping runs a trivial statement and reports whether it worked.
func (d *DB) Ping(ctx context.Context) error {
	one, err := One[int64](ctx, d, `SELECT 1`)
	if err == nil && one != 1 {
		return fmt.Errorf("%w: SELECT 1 answered %d", ErrUnavailable, one)
	}
	return err
}

// Write runs fn in a transaction and commits it when fn returns nil. When
// Write returns nil the change is durable and visible to every later read.
//
// Several functions may share one commit, but each stands alone: its error or
// panic undoes its own statements only. fn may run more than once (after a
// serialization failure or a deadlock on PostgreSQL, or when a neighbour
// filled the disk on SQLite), so it must do nothing but SQL through tx. Inside it, everything goes through tx: another
// Write would wait for this one, and a read through the DB would not see its
// changes.
func (d *DB) Write(ctx context.Context, fn func(tx *Tx) error) error {
	if d.config.ReadOnly {
		return errReadOnly
	}
	if d.postgres {
		return d.writePostgres(ctx, begin, fn)
	}
	return d.writer.write(ctx, fn)
}

// Read runs fn on one consistent snapshot of the database.
func (d *DB) Read(ctx context.Context, fn func(q Querier) error) error {
	if d.postgres {
		return d.readPostgres(ctx, fn)
	}
	return d.readSQLite(ctx, fn)
}

// Attach stores a value that every transaction of this database can look up,
// in the way of a context's values: the key is of a type that its package keeps
// to itself. It is for what a program sets up once, before it writes.
func (d *DB) Attach(key, value any) { d.attached.Store(key, value) }

// Attached is what Attach has stored, nil for nothing.
func (d *DB) Attached(key any) any {
	v, _ := d.attached.Load(key)
	return v
}

// Path is the SQLite file, empty on PostgreSQL.
func (d *DB) Path() string { return d.path }

func (d *DB) query(ctx context.Context, text string, args []any) (result, error) {
	st := d.texts.get(text)
	d.stats.queries.Add(1)
	args = d.bind(args)
	if d.postgres {
		if r, done := d.queryReplica(ctx, st, args); done {
			return r, nil
		}
		return d.queryPrimary(ctx, st, args)
	}
	if err := ctx.Err(); err != nil {
		return result{}, err
	}
	s, err := d.readers.acquire(ctx)
	if err != nil {
		return result{}, d.translate(ctx, err)
	}
	start := time.Now()
	r, err := s.query(st.patience(ctx), st, args)
	if err != nil {
		d.readers.release(s)
		return result{}, d.translate(ctx, err)
	}
	r.db, r.session, r.readers, r.start = d, s, d.readers, start
	return r, nil
}

func (d *DB) exec(context.Context, string, []any) (int64, error) { return 0, errReadOnly }

// Outside of a transaction every loop has a connection to itself.
func (d *DB) cursor(context.Context, string, []any) (*cursor, error) { return nil, nil }
