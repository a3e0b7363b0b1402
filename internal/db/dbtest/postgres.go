package dbtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver named pgx

	"floe/internal/db"
)

// URL returns the address of a fresh, migrated PostgreSQL database.
func URL(t testing.TB) string {
	t.Helper()
	s := server(t)
	if err := s.prepare(); err != nil {
		t.Fatalf("make the template database: %v", err)
	}
	return s.fresh(t, s.template)
}

// EmptyURL returns the address of a PostgreSQL database with nothing in it.
func EmptyURL(t testing.TB) string {
	t.Helper()
	return server(t).fresh(t, "template0")
}

// EmptyDataDir returns a folder with nothing in it.
func EmptyDataDir(t testing.TB) string { return t.TempDir() }

// errMissing is the reason why there is no server.
var errMissing = errors.New("PostgreSQL is missing: set FLOE_TEST_POSTGRES, or install its server programs (initdb, postgres)")

// postgres is the server that the tests of this process share.
type postgres struct {
	url      *url.URL
	admin    *sql.DB
	template string
	prepare  func() error
}

var connect = sync.OnceValues(func() (*postgres, error) {
	address := os.Getenv("FLOE_TEST_POSTGRES")
	if address == "" {
		var err error
		if address, err = startCluster(); err != nil {
			return nil, err
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("FLOE_TEST_POSTGRES is not a URL")
	}
	admin, err := sql.Open("pgx", address)
	if err != nil {
		return nil, err
	}
	admin.SetMaxOpenConns(4)
	s := &postgres{url: u, admin: admin, template: "floe_template_" + db.SchemaFingerprint()}
	s.prepare = sync.OnceValue(s.makeTemplate)
	return s, admin.PingContext(context.Background())
})

func server(t testing.TB) *postgres {
	t.Helper()
	s, err := connect()
	switch {
	case err == nil:
		return s
	case !errors.Is(err, errMissing) || os.Getenv("FLOE_REQUIRE_ALL") == "1":
		t.Fatal(err)
	}
	t.Skip(err)
	return nil
}

// makeTemplate creates the database that all others are copied from. Other
// processes may be about to do the same, so it is done under a lock and gets
// its name only when it is complete.
func (s *postgres) makeTemplate() error {
	ctx := context.Background()
	conn, err := s.admin.Conn(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	const lock = 7160542
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, lock); err != nil {
		return err
	}
	defer func() { _, _ = conn.ExecContext(ctx, `SELECT pg_advisory_unlock($1)`, lock) }()

	var found bool
	err = conn.QueryRowContext(ctx, `SELECT count(*) > 0 FROM pg_database WHERE datname = $1`, s.template).Scan(&found)
	if err != nil || found {
		return err
	}
	draft := s.template + "_draft"
	for _, text := range []string{
		`DROP DATABASE IF EXISTS ` + draft + ` WITH (FORCE)`,
		`CREATE DATABASE ` + draft + ` TEMPLATE template0 ENCODING 'UTF8'`,
	} {
		if _, err := conn.ExecContext(ctx, text); err != nil {
			return err
		}
	}
	if err := migrate(db.Config{URL: s.address(draft)}); err != nil {
		return err
	}
	_, err = conn.ExecContext(ctx, `ALTER DATABASE `+draft+` RENAME TO `+s.template)
	return err
}

// fresh copies a template and drops the copy when the test ends.
func (s *postgres) fresh(t testing.TB, template string) string {
	t.Helper()
	name := "floe_test_" + strings.ToLower(rand.Text()[:12])
	// Not the context of the test: its end must not leave half a database.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	create := `CREATE DATABASE ` + name + ` TEMPLATE ` + template
	if _, err := s.admin.ExecContext(ctx, create); err != nil {
		t.Fatalf("%s: %v", create, err)
	}
	t.Cleanup(func() {
		if _, err := s.admin.ExecContext(context.Background(), `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop the test database: %v", err)
		}
	})
	return s.address(name)
}

func (s *postgres) address(database string) string {
	u := *s.url
	u.Path = "/" + database
	return u.String()
}

func migrate(config db.Config) error {
	ctx := context.Background()
	config.Logger = slog.New(slog.DiscardHandler)
	d, err := db.Open(ctx, config)
	if err != nil {
		return err
	}
	if err := d.Migrate(ctx); err != nil {
		_ = d.Close()
		return fmt.Errorf("migrate the template: %w", err)
	}
	return d.Close()
}
