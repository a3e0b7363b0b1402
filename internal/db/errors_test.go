package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

func TestUniqueErrorNamesTheIndex(t *testing.T) {
	t.Parallel()
	cases := []struct{ table, text, constraint string }{
		{"things", `INSERT INTO things (id, name, created_at) SELECT id, 'x', created_at FROM things`, "things_id_key"},
		{"things", `UPDATE things SET owner_id = '1b7dc2f5-4a6b-4c52-9d0a-0f1f6e0b8a11', name = 'same'`, "things_owner_name_key"},
		{"things", `UPDATE things SET note = CASE WHEN name = 'a' THEN 'ONE' ELSE 'one' END`, "things_note_key"},
		{"things", `UPDATE things SET seq = 5`, "things_pkey"},
		{"pairs", `INSERT INTO pairs (a, b, c) VALUES (1, 1, 2)`, "pairs_pkey"},
		{"pairs", `INSERT INTO pairs (a, b, c) VALUES (1, 2, 1)`, "pairs_c_key"},
	}
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		mustExec(t, d, `CREATE TABLE pairs (a int NOT NULL, b int NOT NULL, c int UNIQUE, PRIMARY KEY (a, b))`)
		mustExec(t, d, `INSERT INTO pairs (a, b, c) VALUES (1, 1, 1)`)
		for _, name := range []string{"a", "b"} {
			mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, ?, ?)`, id.New(), name, time.Now())
		}
		for _, c := range cases {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.Exec(t.Context(), tx, c.text)
				return err
			})
			u, ok := errors.AsType[*db.UniqueError](err)
			if !ok || u.Constraint != c.constraint || u.Table != c.table {
				t.Errorf("%s: got %#v, want %s", c.text, err, c.constraint)
			}
			if !db.IsUnique(err) || !db.IsUnique(err, "x", c.constraint) || db.IsUnique(err, "x") {
				t.Errorf("%s: IsUnique is wrong", c.text)
			}
		}
	})
}

// Reported from One too, where PostgreSQL says it later than SQLite does.
func TestUniqueErrorFromReturning(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		const text = `INSERT INTO things (id, name, created_at) VALUES (?, 'x', ?) RETURNING id`
		same := id.New()
		for i := range 2 {
			err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.One[id.ID](t.Context(), tx, text, same, tx.Now())
				return err
			})
			if db.IsUnique(err, "things_id_key") != (i == 1) {
				t.Errorf("insert %d: %v", i+1, err)
			}
		}
	})
}

// Two transactions that read what the other one writes: PostgreSQL has to
// send one back, and nobody hears of it.
func TestRetryAfterCollision(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		for _, name := range []string{"a", "b"} {
			mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, ?, ?)`, id.New(), name, time.Now())
		}
		var wg sync.WaitGroup
		var runs atomic.Int64
		meet := make(chan struct{}, 2)
		for _, order := range [][]string{{"a", "b"}, {"b", "a"}} {
			wg.Go(func() {
				err := d.Write(t.Context(), func(tx *db.Tx) error {
					first := runs.Add(1) <= 2
					for i, name := range order {
						if i == 1 && first && d.Engine() == "postgres" {
							meet <- struct{}{}
							for len(meet) < 2 {
								time.Sleep(time.Millisecond)
							}
						}
						if _, err := db.Exec(t.Context(), tx, `UPDATE things SET count = count + 1 WHERE name = ?`, name); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := one[int](t, d, `SELECT sum(count) FROM things`); n != 4 {
			t.Errorf("sum is %d, want 4", n)
		}
		if d.Engine() == "postgres" && (d.Stats().Retries == 0 || runs.Load() < 3) {
			t.Error("nothing was tried again; the test does not test")
		}
	})
}

func TestSerializationFailure(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	runs := 0
	err := d.Write(t.Context(), func(*db.Tx) error {
		if runs++; runs < 4 {
			return &pgconn.PgError{Code: "40001"}
		}
		return nil
	})
	if err != nil || runs != 4 {
		t.Errorf("%d runs, %v", runs, err)
	}
	err = d.Write(t.Context(), func(*db.Tx) error { return &pgconn.PgError{Code: "40001"} })
	if !errors.Is(err, db.ErrBusy) {
		t.Errorf("got %v, want ErrBusy in the end", err)
	}
	runs = 0
	err = d.Write(t.Context(), func(*db.Tx) error {
		if runs++; runs < 3 {
			return fmt.Errorf("name somebody: %w", db.Collision(&db.UniqueError{Table: "t"}))
		}
		return nil
	})
	if err != nil || runs != 3 {
		t.Errorf("a collision: %d runs, %v", runs, err)
	}
}

// Who fills the disk fails. Who shared the transaction with it, and lost it,
// is run again, and the database goes on when there is room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	createThings(t, d)
	insertBig := func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, `INSERT INTO things (id, name, note, created_at) VALUES (?, 'big', ?, ?)`,
			id.New(), strings.Repeat(string(id.New()), 10000), tx.Now())
		return err
	}
	limit := func(pages int) {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.All[int](t.Context(), tx, sprintf(`PRAGMA max_page_count = %d`, pages))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	limit(60)
	results := gather(t, d,
		func(tx *db.Tx) error { return insert(t.Context(), tx, "small") },
		func(tx *db.Tx) error { _ = insertBig(tx); return nil }, // an error that is overlooked
		insertBig,
	)
	for i, err := range results[1:] {
		if !errors.Is(err, db.ErrUnavailable) || !errors.Is(err, db.ErrFull) {
			t.Errorf("write %d: got %v, want ErrUnavailable, because of ErrFull", i+1, err)
		}
	}
	if results[0] != nil {
		t.Errorf("a small write beside them: %v", results[0])
	}
	if got := names(t, d); !slices.Equal(got, []string{"holder", "small"}) {
		t.Errorf("kept %q", got)
	}
	limit(1 << 20)
	if err := d.Write(t.Context(), insertBig); err != nil {
		t.Errorf("with room again: %v", err)
	}
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	garbage := filepath.Join(dir, "garbage")
	if err := os.Mkdir(garbage, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(garbage, "floe.db"), []byte(strings.Repeat("not a database ", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		config db.Config
		want   string
	}{
		{db.Config{DataDir: file}, "is not a directory"},
		{db.Config{DataDir: filepath.Join(file, "below")}, "is not a directory"},
		{db.Config{DataDir: garbage}, "is not a SQLite database"},
		{db.Config{URL: "mysql://x"}, "must begin with postgres://"},
		{db.Config{URL: "postgres://u:secret@127.0.0.1:1/x"}, "cannot reach PostgreSQL at 127.0.0.1:1"},
		{db.Config{URL: "postgres://u:secret@127.0.0.1:x/x"}, "cannot be read: invalid port"},
		{db.Config{URL: "postgres://u:a@secret@127.0.0.1:x/x"}, "cannot be read: invalid port"},
		{db.Config{URL: "postgres://u:a@secret%zz@127.0.0.1/x"}, "cannot be read: it is not like postgres://"},
		{db.Config{URL: "postgres://u:a@secret@127.0.0.1/x"}, "cannot be read: it is not like postgres://"},
		{db.Config{URL: "postgres://u:a`: secret@127.0.0.1/x"}, "cannot be read: it is not like postgres://"},
		{db.Config{URL: "postgres://127.0.0.1/x?sslmode=most&password=secret"}, "cannot be read: failed to configure TLS (sslmode is invalid)"},
		{db.Config{URL: "postgres://127.0.0.1/x?pool_max_conns=most&password=secret"}, "cannot be read: cannot parse pool_max_conns"},
	}
	for _, c := range cases {
		_, err := db.Open(t.Context(), c.config)
		if errors.Is(err, db.ErrDamaged) != (c.config.DataDir == garbage) {
			t.Errorf("%+v: %v is taken for damage, or not", c.config, err)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%+v: got %v, want %q", c.config, err, c.want)
		}
	}
}

func TestOpenPostgresWithoutDatabase(t *testing.T) {
	t.Parallel()
	address := strings.Replace(dbtest.EmptyURL(t), "/floe_test_", "/floe_nowhere_", 1)
	_, err := db.Open(t.Context(), db.Config{URL: address})
	if err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("got %v", err)
	}
}

func TestDataDirIsPrivate(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "a #?%20 b", "data")
	d, err := db.Open(t.Context(), db.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	info, err := os.Stat(dir)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("got %v, %v", info, err)
	}
	if err := d.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(d.Path() + suffix)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", suffix, info, err)
		}
	}
}

func TestClosed(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if err := d.Ping(t.Context()); !errors.Is(err, db.ErrUnavailable) {
			t.Errorf("Ping: %v", err)
		}
		err := d.Write(t.Context(), func(*db.Tx) error { return nil })
		if !errors.Is(err, db.ErrUnavailable) {
			t.Errorf("Write: %v", err)
		}
		if err := d.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
	})
}

func TestLongReadIsCancelled(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := db.One[int64](ctx, d, `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000)
			SELECT count(*) FROM n`)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
			t.Errorf("got %v after %v", err, time.Since(start))
		}
		if err := d.Ping(t.Context()); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// What is opened to be read is not made, not changed, and not folded together
// when it is closed; and it shows what was written last.
func TestReadOnly(t *testing.T) {
	t.Parallel()
	if _, err := db.Open(t.Context(), db.Config{DataDir: filepath.Join(t.TempDir(), "none"), ReadOnly: true}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("opening what is not there: %v", err)
	}
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		d := open()
		createThings(t, d)
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return insert(t.Context(), tx, "first") }); err != nil {
			t.Fatal(err)
		}
		r := open(func(c *db.Config) { c.ReadOnly = true })
		if got := names(t, r); !slices.Equal(got, []string{"first"}) {
			t.Errorf("reads %q", got)
		}
		if err := r.Write(t.Context(), func(tx *db.Tx) error { return insert(t.Context(), tx, "second") }); err == nil {
			t.Error("it can be written")
		}
		has, wants, err := r.Schema(t.Context())
		if err != nil || has != wants || has == 0 {
			t.Errorf("schema %d of %d, %v", has, wants, err)
		}
		if got := names(t, d); !slices.Equal(got, []string{"first"}) {
			t.Errorf("kept %q", got)
		}
	})
}

// TestErrorsOfTheServer: what is wrong with the server or its disk is told from
// what is wrong with a statement, where the code is the same for both.
func TestErrorsOfTheServer(t *testing.T) {
	t.Parallel()
	d := dbtest.Postgres(t)
	for want, list := range map[bool][]pgconn.PgError{
		true: {
			{Code: "XX000", SeverityUnlocalized: "PANIC", File: "xlog.c", Message: "could not write to log file: File too large"},
			{Code: "42501", SeverityUnlocalized: "PANIC", File: "xlog.c", Message: "could not write to log file: Read-only file system"},
			{Code: "42501", SeverityUnlocalized: "ERROR", File: "md.c", Message: "could not extend file: Read-only file system"},
			{Code: "28P01", SeverityUnlocalized: "FATAL", File: "auth.c", Message: "password authentication failed"},
		},
		false: {
			{Code: "42501", SeverityUnlocalized: "ERROR", File: "aclchk.c", Message: "permission denied for table customers"},
			{Code: "XX000", SeverityUnlocalized: "ERROR", File: "ri_triggers.c"},
		},
	} {
		for i := range list {
			err := d.Write(t.Context(), func(*db.Tx) error { return &list[i] })
			if errors.Is(err, db.ErrUnavailable) != want {
				t.Errorf("%s %s is unavailability: %v", list[i].Code, list[i].Message, !want)
			}
		}
	}
}
