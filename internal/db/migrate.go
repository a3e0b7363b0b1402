package db

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing/fstest"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrate brings the schema up to date. Any number of nodes and processes may
// do so at the same time, and on PostgreSQL others may work with the database
// meanwhile. A schema that is newer than this program stays as it is: while
// nodes are replaced one after the other, an old one may have to start again.
// What may take minutes, because there are rows to change, is announced in the log.
func (d *DB) Migrate(ctx context.Context) error {
	start := time.Now()
	has, wants, err := d.Schema(ctx)
	if err != nil {
		return err
	}
	older := has > 0 && has < wants
	if older {
		d.config.Logger.InfoContext(ctx, "bringing the database up to date; a large one takes its time", "schema", has, "to", wants)
	}
	if err := d.MigrateTo(ctx, goose.MaxVersion); err != nil {
		return err
	}
	if older {
		d.config.Logger.InfoContext(ctx, "the database is up to date", "schema", wants, "took_ms", time.Since(start).Milliseconds())
	}
	has, wants, err = d.Schema(ctx)
	if err == nil && has > wants {
		d.config.Logger.WarnContext(ctx, "a newer version has migrated the database", "schema", has, "known", wants)
	}
	return err
}

// MigrateTo brings the schema to a version, if it is older. Tests of upgrades
// begin with an old one.
func (d *DB) MigrateTo(ctx context.Context, version int64) error {
	if d.postgres {
		return d.migratePostgres(ctx, version)
	}
	return d.migrateSQLite(ctx, version)
}

// A migration waits for a lock, and lets those who come after it wait, for no
// longer than lockWait. Then it lets them pass and tries again.
const (
	lockWait      = time.Second
	lockPause     = time.Second
	lockAttempts  = 300
	lockNotToHave = "55P03"
)

// migratePostgres lets the nodes wait for each other with an advisory lock.
// Those of the version before work on meanwhile: what is asked for in another
// order than they do, or while somebody reads for long, is tried again.
func (d *DB) migratePostgres(ctx context.Context, to int64) error {
	config, err := postgresConfig(d.config.URL, connectTime)
	if err != nil {
		return err
	}
	pool := stdlib.OpenDB(*config.ConnConfig, stdlib.OptionAfterConnect(func(ctx context.Context, c *pgx.Conn) error {
		_, err := c.Exec(ctx, fmt.Sprintf(`SET lock_timeout = %d`, lockWait.Milliseconds()))
		return err
	}))
	defer func() { _ = pool.Close() }()
	for attempt := 1; ; attempt++ {
		locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return err
		}
		_, _, err = d.up(ctx, pool, to, goose.DialectPostgres, goose.WithSessionLocker(locker))
		if err == nil || attempt == lockAttempts || !inTheWay(err) {
			return d.translate(ctx, err)
		}
		d.config.Logger.InfoContext(ctx, "a migration waits for others who work with the database", "attempt", attempt, "error", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lockPause):
		}
	}
}

// inTheWay reports whether a migration would have worked alone.
func inTheWay(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return collided(err) || ok && pg.Code == lockNotToHave
}

// migrateSQLite uses a connection without foreign keys, because changing a
// column means copying its table. Each migration is one transaction together
// with its version, so a process that comes second fails harmlessly, looks
// again, and goes on from where the other one got to. None of them waits for the
// disk, which would be half of a first start on a slow one: what power takes is
// migrated again, and whatever is written afterwards waits for all before it.
func (d *DB) migrateSQLite(ctx context.Context, to int64) error {
	pool, err := sql.Open("sqlite", d.dsn(writerCacheKB, "foreign_keys(0)", "synchronous(normal)"))
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	pool.SetMaxOpenConns(1)
	last, changed := int64(-1), false
	for {
		version, applied, err := d.up(ctx, pool, to, goose.DialectSQLite3)
		changed = changed || applied > 0
		if err == nil && changed {
			return checkForeignKeys(ctx, pool)
		}
		if err == nil {
			return nil
		}
		translated := d.translate(ctx, err)
		if errors.Is(translated, ErrFull) || version == last && !errors.Is(translated, ErrBusy) {
			return translated
		}
		last = version
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// up applies what is pending up to a version. It returns how many migrations that were and,
// after an error, the version reached.
func (d *DB) up(
	ctx context.Context, pool *sql.DB, to int64, engine goose.Dialect, options ...goose.ProviderOption,
) (version int64, applied int, err error) {
	files, err := d.migrationFiles(migrations)
	if err != nil {
		return 0, 0, err
	}
	options = append(options, goose.WithLogger(goose.NopLogger()), goose.WithDisableGlobalRegistry(true))
	provider, err := goose.NewProvider(engine, pool, files, options...)
	if err != nil {
		return 0, 0, fmt.Errorf("migrations: %w", err)
	}
	done, err := provider.UpTo(ctx, to)
	for _, m := range done {
		d.config.Logger.DebugContext(ctx, "migrated", "version", m.Source.Version, "took_us", m.Duration.Microseconds())
	}
	if err == nil {
		return 0, len(done), nil
	}
	version, failed := provider.GetDBVersion(ctx)
	if failed != nil {
		version = -2 // not known: as good as the same as before
	}
	return version, len(done), fmt.Errorf("migrate: %w", err)
}

func checkForeignKeys(ctx context.Context, pool *sql.DB) error {
	var table string
	err := pool.QueryRowContext(ctx, `SELECT "table" FROM pragma_foreign_key_check LIMIT 1`).Scan(&table)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("migrate: rows of %s refer to rows that do not exist", table)
}

// Schema says which version the database's schema has, zero for none, and which
// one this program brings it to.
func (d *DB) Schema(ctx context.Context) (has, wants int64, err error) {
	files, err := d.migrationFiles(migrations)
	if err != nil {
		return 0, 0, err
	}
	names, err := fs.Glob(files, "*.sql")
	if err != nil {
		return 0, 0, err
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, 0, err
		}
		wants = max(wants, version)
	}
	table := `SELECT COUNT(*) FROM sqlite_master WHERE name = 'goose_db_version'`
	if d.postgres {
		table = `SELECT COUNT(*) FROM pg_class WHERE oid = to_regclass('goose_db_version')`
	}
	if n, err := One[int64](ctx, d, table); err != nil || n == 0 {
		return 0, wants, err
	}
	has, err = One[int64](ctx, d, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version`)
	return has, wants, err
}

// migrationFiles returns the files for the engine, with the macros expanded
// and under the names goose expects.
func (d dialect) migrationFiles(from fs.FS) (fs.FS, error) {
	names, err := fs.Glob(from, "migrations/*.sql")
	if err != nil {
		return nil, err
	}
	out := fstest.MapFS{} // the simplest file system there is
	for _, path := range names {
		name, ok := d.migrationName(strings.TrimPrefix(path, "migrations/"))
		if !ok {
			continue
		}
		text, err := fs.ReadFile(from, path)
		if err != nil {
			return nil, err
		}
		if out[name] != nil {
			return nil, fmt.Errorf("migrations: %s exists for both engines and for %s", name, d.Engine())
		}
		out[name] = &fstest.MapFile{Data: []byte(d.expand(string(text)))}
	}
	return out, nil
}

// migrationName drops the engine from the name of a file; ok is false when it
// is for the other one.
func (d dialect) migrationName(name string) (_ string, ok bool) {
	stem := strings.TrimSuffix(name, ".sql")
	base, engine, found := strings.Cut(stem, ".")
	return base + ".sql", !found || engine == d.Engine()
}

var (
	liteMacros = strings.NewReplacer(
		"@serial@", "INTEGER PRIMARY KEY",
		"@seq@", "INTEGER PRIMARY KEY",
		"@key@", "UNIQUE",
		"@ctext@", "TEXT",
		"@norowid@", "WITHOUT ROWID",
		"@statistics@", statistics)
	postgresMacros = strings.NewReplacer(
		"@serial@", "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY",
		"@seq@", "bigint GENERATED BY DEFAULT AS IDENTITY",
		"@key@", "PRIMARY KEY",
		"@ctext@", `text COLLATE "C"`,
		" @norowid@", "",
		"@statistics@", "")
)

// expand replaces the macros and adds the mark goose wants at the top.
func (d dialect) expand(text string) string {
	macros := liteMacros
	if d.postgres {
		macros = postgresMacros
	}
	text = macros.Replace(text)
	if !strings.Contains(text, "-- +goose Up") {
		text = "-- +goose Up\n" + text
	}
	return text
}

// SchemaFingerprint changes whenever a migration does, or what it expands to. Tests name their
// template databases by it.
func SchemaFingerprint() string {
	sum := sha256.New()
	_, _ = sum.Write([]byte(statistics))
	names, _ := fs.Glob(migrations, "migrations/*.sql") // the pattern is well formed
	for _, name := range names {
		text, _ := migrations.ReadFile(name)
		_, _ = fmt.Fprintf(sum, "%s\n%d\n%s", name, len(text), text)
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
