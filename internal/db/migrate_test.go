package db_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// nowhere are places for databases that are not there yet.
var nowhere = map[string]func(testing.TB) db.Config{
	"sqlite":   func(t testing.TB) db.Config { return db.Config{DataDir: dbtest.EmptyDataDir(t)} },
	"postgres": func(t testing.TB) db.Config { return db.Config{URL: dbtest.EmptyURL(t)} },
}

// Several nodes start at once on an empty database.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	for name, place := range nowhere {
		t.Run(name, func(t *testing.T) {
			config := place(t)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					d, err := db.Open(t.Context(), config)
					if err != nil {
						t.Error(err)
						return
					}
					defer func() { _ = d.Close() }()
					if err := d.Migrate(t.Context()); err != nil {
						t.Error(err)
					}
					if n := one[int](t, d, `SELECT count(*) FROM jobs`); n != 0 {
						t.Errorf("%d jobs", n)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestMigrateTwice(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		d := open(func(c *db.Config) { c.ReadConns = 1 })
		if err := d.Migrate(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// copies finds rows that are put somewhere else.
var copies = regexp.MustCompile(`(?is)(CREATE\s+TABLE\s+\w+\s+AS|INSERT\s+INTO\s+\w+\s*(\([^)]*\)\s*)?)\s*SELECT`)

func TestCopies(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"CREATE TABLE a_before AS SELECT * FROM a;":  true,
		"INSERT INTO a\n  SELECT b FROM c;":          true,
		"INSERT INTO a (b, c)\nSELECT b, c FROM d;":  true,
		"INSERT INTO a (b) VALUES ('x');\nSELECT 1;": false,
		"ALTER TABLE a ADD COLUMN b text;":           false,
	} {
		if copies.MatchString(text) != want {
			t.Errorf("%q", text)
		}
	}
}

// Who reads for long keeps a migration from going on, and nobody else: those
// who come after it need not wait until it has had its turn.
func TestMigrationLetsOthersPass(t *testing.T) {
	t.Parallel()
	url := dbtest.EmptyURL(t)
	waits := make(chan struct{}, 100)
	log := slog.New(slog.NewTextHandler(writer(func(p []byte) {
		if bytes.Contains(p, []byte("a migration waits")) {
			waits <- struct{}{}
		}
	}), nil))
	open := func() *db.DB {
		d, err := db.Open(t.Context(), db.Config{URL: url, Logger: log})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	old, reader, next := open(), open(), open()
	if err := old.MigrateTo(t.Context(), 12); err != nil { // the next one changes the key of the journal
		t.Fatal(err)
	}
	begun, end, read := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		read <- reader.Read(t.Context(), func(q db.Querier) error {
			_, err := db.One[int](t.Context(), q, `SELECT count(*) FROM journal`)
			close(begun)
			<-end
			return err
		})
	}()
	<-begun
	migrated := make(chan error, 1)
	go func() { migrated <- next.Migrate(t.Context()) }()
	<-waits // once it has given up its place for the first time
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		if _, err := db.One[int](ctx, old, `SELECT count(*) FROM journal`); err != nil {
			t.Errorf("a reader who comes later: %v", err)
		}
		cancel()
		<-waits
	}
	close(end)
	if err := errors.Join(<-read, <-migrated); err != nil {
		t.Error(err)
	}
	if has, wants, err := old.Schema(t.Context()); err != nil || has != wants {
		t.Errorf("schema %d, want %d: %v", has, wants, err)
	}
}

type writer func(p []byte)

func (w writer) Write(p []byte) (int, error) { w(p); return len(p), nil }

// A program leaves a schema alone that is newer than it is, and says so.
func TestMigrateLeavesWhatIsNewer(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		var said bytes.Buffer
		d := open(func(c *db.Config) { c.Logger = slog.New(slog.NewTextHandler(&said, nil)) })
		_, wants, err := d.Schema(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(t.Context()); err != nil || said.Len() > 0 {
			t.Errorf("%v: %s", err, &said)
		}
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (?, TRUE)`, wants+1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Migrate(t.Context()); err != nil || !strings.Contains(said.String(), "newer") {
			t.Errorf("%v: %q", err, &said)
		}
		if has, _, err := d.Schema(t.Context()); err != nil || has != wants+1 {
			t.Errorf("schema %d, want %d: %v", has, wants+1, err)
		}
	})
}

// Whoever starts a new version on old data is told why nobody is answered yet,
// and when it was over. Where there is no data there is nothing to tell.
func TestMigrateSaysWhatItWaitsFor(t *testing.T) {
	t.Parallel()
	for name, place := range nowhere {
		for version, want := range map[int64][]string{0: nil, 5: {"bringing the database up to date", "schema=5", "the database is up to date"}} {
			t.Run(fmt.Sprint(name, version), func(t *testing.T) {
				var said bytes.Buffer
				config := place(t)
				config.Logger = slog.New(slog.NewTextHandler(&said, nil))
				d, err := db.Open(t.Context(), config)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = d.Close() })
				if version > 0 {
					err = d.MigrateTo(t.Context(), version)
				}
				if err := errors.Join(err, d.Migrate(t.Context())); err != nil {
					t.Fatal(err)
				}
				for _, w := range want {
					if !strings.Contains(said.String(), w) {
						t.Errorf("%q is not in %q", w, &said)
					}
				}
				if len(want) == 0 && said.Len() > 0 {
					t.Errorf("said %q", &said)
				}
			})
		}
	}
}

// What the README of the folder asks for and a reader would forget.
func TestMigrationRules(t *testing.T) {
	t.Parallel()
	files, err := fs.Glob(os.DirFS("migrations"), "*.sql")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	name := regexp.MustCompile(`^\d{4}_[a-z0-9_]+(\.sqlite|\.postgres)?\.sql$`)
	seen := map[string]string{}
	for _, file := range files {
		if !name.MatchString(file) {
			t.Errorf("%s: the name should be NNNN_name.sql or NNNN_name.sqlite.sql with its pair", file)
		}
		stem, engine, _ := strings.Cut(strings.TrimSuffix(file, ".sql"), ".")
		if other, taken := seen[file[:4]+engine]; taken {
			t.Errorf("%s and %s have one number", file, other)
		}
		seen[file[:4]+engine] = file
		if pair := map[string]string{"sqlite": "postgres", "postgres": "sqlite"}[engine]; pair != "" {
			if _, err := os.Stat("migrations/" + stem + "." + pair + ".sql"); err != nil {
				t.Errorf("%s has no pair for %s", file, pair)
			}
		}
		text, err := os.ReadFile("migrations/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(strings.ToUpper(string(text)), "DEFERRABLE") {
			t.Errorf("%s: a deferred constraint fails everybody who shares the commit", file)
		}
		up, _, _ := strings.Cut(string(text), "-- +goose Down")
		if engine != "sqlite" && copies.MatchString(up) && !strings.Contains(up, "LOCK TABLE") {
			t.Errorf("%s: what others write while rows are copied is lost on PostgreSQL, unless LOCK TABLE stands before it", file)
		}
	}
}

// SQLite says which columns collided and not which index, so no two unique
// indexes may have the same ones.
func TestUniqueIndexesCanBeToldApart(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	type index struct{ Table, Columns, Names string }
	twice, err := db.All[index](t.Context(), d, `
		SELECT "table", columns, group_concat(name) AS names
		FROM (
			SELECT m.name AS "table", l.name AS name, (
				SELECT group_concat(i.name, ', ') FROM pragma_index_info(l.name) i
			) AS columns
			FROM sqlite_schema m, pragma_index_list(m.name) l
			WHERE m.type = 'table' AND l."unique"
		)
		WHERE columns IS NOT NULL
		GROUP BY "table", columns
		HAVING count(*) > 1`)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range twice {
		t.Errorf("%s (%s) has more than one unique index: %s", i.Table, i.Columns, i.Names)
	}
}
