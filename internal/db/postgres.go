package db

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// minPostgres is the oldest version the SQL is written for.
const minPostgres = 13

func (d *DB) openPostgres(ctx context.Context) error {
	config, err := postgresConfig(d.config.URL, connectTime)
	if err != nil {
		return err
	}
	if d.pool, err = d.newPool(ctx, config); err != nil {
		return err
	}
	d.notify, d.company = newNotifier(d), newCompany(d)
	if err := d.checkPostgres(ctx); err != nil {
		d.pool.Close()
		return explainPostgres(config.ConnConfig, err)
	}
	if d.config.ReadURL == "" {
		return nil
	}
	if err := d.openReplica(ctx); err != nil {
		d.pool.Close()
		return err
	}
	return nil
}

// newPool makes connections as they are needed, and lets go of those that have
// not been used for long.
func (d *DB) newPool(ctx context.Context, config *pgxpool.Config) (*pgxpool.Pool, error) {
	config.MaxConns = int32(d.config.ReadConns) //nolint:gosec // connections are few
	config.MinConns, config.MinIdleConns = 0, 0
	config.MaxConnIdleTime = 10 * time.Minute
	config.MaxConnLifetime = 24 * time.Hour
	// The pool lasts until it is closed, not until it was made.
	return pgxpool.NewWithConfig(context.WithoutCancel(ctx), config)
}

// closePatience is how long the end of a pool waits for connections that are in
// use.
const closePatience = 10 * time.Second

// closePool ends the connections. One that is never given back, because what
// used it has panicked, does not keep the program.
func closePool(p *pgxpool.Pool) {
	closed := make(chan struct{})
	go func() {
		p.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(closePatience):
	}
}

func postgresConfig(url string, connect time.Duration) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, unreadable(err)
	}
	if strings.LastIndexByte(config.ConnConfig.Host, '@') > 0 { // the end of a password with an @
		return nil, errNotURL
	}
	params := config.ConnConfig.RuntimeParams
	if params["application_name"] == "" {
		params["application_name"] = "floe"
	}
	params["timezone"] = "UTC"
	wary(config.ConnConfig, connect)
	return config, nil
}

var errNotURL = errors.New("it is not like postgres://user:password@host/name, where what is not a letter or digit in a password is written like %40 for @")

// unreadable is what pgx says of an address, without the address: pgx hides a
// password that it can tell from the rest, which in a broken one it cannot.
func unreadable(err error) error {
	text := err.Error()
	const notURL = "failed to parse as URL"
	if end := strings.LastIndex(text, "`: "); end >= 0 && !strings.Contains(text[end:], notURL) {
		return errors.New(text[end+len("`: "):])
	}
	return errNotURL
}

func (d *DB) checkPostgres(ctx context.Context) error {
	text, err := One[string](ctx, d, `SELECT current_setting('server_version_num')`)
	if err != nil {
		return err
	}
	version, err := strconv.Atoi(text)
	if err != nil || version/10000 < minPostgres {
		return fmt.Errorf("version %s is too old: %d or newer is needed", text, minPostgres)
	}
	encoding, err := One[string](ctx, d, `SELECT current_setting('server_encoding')`)
	if err == nil && encoding != "UTF8" {
		return fmt.Errorf("the database has encoding %s: UTF8 is needed", encoding)
	}
	return err
}

func explainPostgres(config *pgx.ConnConfig, err error) error {
	at := "PostgreSQL at " + config.Host + ":" + strconv.Itoa(int(config.Port))
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch pg.Code {
		case "28P01", "28000":
			return fmt.Errorf("%s refused user %q: %s", at, config.User, pg.Message)
		case "3D000":
			return fmt.Errorf("%s: %s", at, pg.Message)
		}
		return fmt.Errorf("%s: %w", at, err)
	}
	if disconnected(err) {
		return fmt.Errorf("cannot reach %s: %w", at, err)
	}
	return fmt.Errorf("%s: %w", at, err)
}

// maxAttempts bounds how often a function runs that collides with others. It is
// out of reach of bad luck: who loses every second time has lost this often
// once in a million.
const maxAttempts = 20

func (d *DB) writePostgres(ctx context.Context, begin []laterStatement, fn func(*Tx) error) error {
	for attempt := 1; ; attempt++ {
		err := d.tryPostgres(ctx, begin, fn)
		if err == nil || attempt == maxAttempts || !collided(err) {
			return d.translate(ctx, err)
		}
		d.stats.retries.Add(1)
		if err := backOff(ctx, attempt); err != nil {
			return err
		}
	}
}

// collision is an error of a transaction that lost against another one.
type collision struct{ error }

func (c collision) Unwrap() error { return c.error }

// Collision says of an error that would not have come about alone: another
// transaction was quicker. On PostgreSQL the function that Write was given runs
// again from its beginning; on SQLite transactions do not meet.
func Collision(err error) error { return collision{err} }

// collided reports whether the transaction lost against another one and would
// have worked alone.
func collided(err error) bool {
	if _, ok := errors.AsType[collision](err); ok {
		return true
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (pg.Code == "40001" || pg.Code == "40P01")
}

// backOff waits a random while that grows, so that those who collided do not
// meet again.
func backOff(ctx context.Context, attempt int) error {
	limit := min(4*time.Millisecond<<attempt, 500*time.Millisecond)
	timer := time.NewTimer(rand.N(limit)) //nolint:gosec // spreads load, guards nothing
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (d *DB) tryPostgres(ctx context.Context, begin []laterStatement, fn func(*Tx) error) error {
	conn, err := d.writeConn(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	// The transaction does not hear of the caller's end: a commit that was
	// sent is waited for. Its statements do.
	lasting := context.WithoutCancel(ctx)
	view := viewOf(ctx)
	run := &pgRunner{conn: conn, later: begin, locate: d.replica != nil && view != nil}
	defer run.rollback(lasting)
	tx := d.newTx(ctx, run)
	if err := tx.do(ctx, fn); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d.Reached(Committing)
	if err := run.commit(lasting); err != nil {
		return err
	}
	d.Reached(Committed)
	d.stats.committed(1)
	if run.locate {
		view.wrote(run.position)
	}
	conn.Release() // before the hooks, which may want one
	tx.committed()
	return nil
}

// writeConn waits for a connection, not for ever: with Writes inside of
// Writes they could all be waiting for each other.
func (d *DB) writeConn(ctx context.Context) (*pgxpool.Conn, error) {
	start := time.Now()
	defer func() { d.stats.writeWait.Add(int64(time.Since(start))) }()
	short, cancel := context.WithTimeout(ctx, d.config.QueueTimeout)
	defer cancel()
	conn, err := d.pool.Acquire(short)
	if err != nil && short.Err() != nil && ctx.Err() == nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, errNested)
	}
	return conn, err
}

func (d *DB) readPostgres(ctx context.Context, fn func(Querier) error) error {
	if conn, v := d.fromReplica(ctx); conn != nil {
		err := d.readOn(ctx, conn, v, fn)
		if err == nil || !v.primary.Load() || ctx.Err() != nil { // it was not the replica's fault
			return err
		}
	}
	conn, err := d.pool.Acquire(ctx)
	if err != nil {
		return d.translate(ctx, err)
	}
	return d.readOn(ctx, conn, nil, fn)
}

// readOn runs fn on a snapshot of one server, and gives the connection back.
// The view is that of a read from the replica.
func (d *DB) readOn(ctx context.Context, conn *pgxpool.Conn, v *View, fn func(Querier) error) error {
	defer conn.Release()
	if _, err := conn.Exec(ctx, beginSnapshot); err != nil {
		if v != nil {
			d.abandon(ctx, v, err)
		}
		return d.translate(ctx, err)
	}
	run := &pgRunner{conn: conn, begun: true}
	defer run.rollback(context.WithoutCancel(ctx))
	return fn(&snapshot{dialect: d.dialect, db: d, run: run, view: v})
}

// How transactions begin. It is sent with their first statement.
var (
	begin = []laterStatement{{text: "BEGIN"}}
	// beginImpatient begins one that does not wait long for somebody else's
	// lock, as a group does.
	beginImpatient = []laterStatement{{text: "BEGIN"}, {text: "SET LOCAL lock_timeout = '50ms'"}}
)

// beginSnapshot begins reads that all see the same.
const beginSnapshot = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

// pgRunner runs statements in a transaction; pgx prepares and caches them on
// the connection.
type pgRunner struct {
	conn    *pgxpool.Conn
	cursors int

	later     []laterStatement
	begun     bool // something was sent
	committed bool
	locate    bool     // find out where the commit is
	position  Position // of the commit; zero when it is not known
}

// query sends what waits with the statement, unless that must not be prepared.
func (p *pgRunner) query(ctx context.Context, st *statement, args []any) (result, error) {
	if st.fresh || len(p.later) == 0 {
		if err := p.flush(ctx, false); err != nil {
			return result{}, err
		}
		return sent(ctx, p.conn, st, st.text, args...)
	}
	b := p.waiting()
	before := b.Len()
	b.Queue(st.text, args...)
	answers := p.conn.SendBatch(ctx, b)
	if _, err := took(answers, before); err != nil {
		return result{}, err
	}
	rows, err := answers.Query() //nolint:sqlclosecheck,rowserrcheck // result.close
	if err != nil {
		return result{}, errors.Join(err, ignoreSame(err, answers.Close()))
	}
	source := newSentRows(rows, p.conn)
	source.batch = answers
	return result{statement: st, rows: source}, nil
}

// exec sends what waits with the statement. One without arguments may be several
// in one text, which cannot be prepared.
func (p *pgRunner) exec(ctx context.Context, st *statement, args []any) (int64, error) {
	if len(args) == 0 || len(p.later) == 0 {
		if err := p.flush(ctx, false); err != nil {
			return 0, err
		}
		tag, err := p.conn.Exec(ctx, st.text, args...)
		return tag.RowsAffected(), err
	}
	b := p.waiting()
	b.Queue(st.text, args...)
	answers := p.conn.SendBatch(ctx, b)
	tag, err := took(answers, b.Len())
	if err != nil {
		return 0, err
	}
	return tag.RowsAffected(), answers.Close()
}

// Replan makes PostgreSQL plan the statements of the connection anew, those of
// its foreign keys among them. A plan is kept until the server looks at a
// table's size by itself, which takes a minute: one that reads a small table
// from end to end would be kept while thousands of rows are written to it.
// Whoever writes that many calls it now and then.
func (tx *Tx) Replan(ctx context.Context) error {
	if !tx.postgres {
		return nil
	}
	_, err := Exec(ctx, tx, `DISCARD PLANS`)
	return err
}

// Analyze tells PostgreSQL's planner how large the tables are now, rows of this
// transaction among them. A transaction that fills empty tables calls it when
// it has put some rows in: nobody else sees them yet, so the server does not do
// it by itself, and until then any index that begins with the organization
// looks as good as the one of the id.
func (tx *Tx) Analyze(ctx context.Context) error {
	if !tx.postgres {
		return nil
	}
	tables, err := One[string](ctx, tx, `SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = current_schema()`)
	if err != nil {
		return err
	}
	_, err = Exec(ctx, tx, `ANALYZE `+tables)
	return err
}
