package db_test

import (
	"io/fs"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// Several nodes start at once on an empty database.
func TestMigrateTogether(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func() db.Config{
		"sqlite":   func() db.Config { return db.Config{DataDir: dbtest.EmptyDataDir(t)} },
		"postgres": func() db.Config { return db.Config{URL: dbtest.EmptyURL(t)} },
	} {
		t.Run(name, func(t *testing.T) {
			config := config()
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
