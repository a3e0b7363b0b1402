package doctor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"floe/internal/db"
)

// ground are the checks of what the rows stand on.
func (c *Config) ground() []*check {
	list := []*check{
		{Check: Check{Name: "engine", Says: "The engine answers, and is one that Floe knows."}, look: c.engine, decides: true},
		{Check: Check{Name: "schema", Says: "The schema has the version that this program writes."}, look: c.schema, decides: true},
		{Check: Check{Name: "structure", Says: "Every table, column, index and constraint that the migrations make is there, as they made it, and valid."}, look: c.structure},
	}
	if c.DB.Engine() == "sqlite" {
		list = append(list,
			&check{Check: Check{Name: "file", Says: "Every page of the file is what it should be."}, look: c.pages, decides: true},
			&check{Check: Check{Name: "references", Says: "Every reference leads to a row."}, look: c.references},
			&check{Check: Check{Name: "journal mode", Says: "A commit is appended to a log, so that reading and writing do not wait for each other."}, look: c.journalMode},
			&check{Check: Check{Name: "sync", Says: "The disk can be written, and takes its time to make a write durable."}, look: c.sync},
			&check{Check: Check{Name: "space", Says: "There is room for the file to grow."}, look: c.space},
		)
	} else {
		list = append(list, &check{Check: Check{Name: "sync", Says: "The server waits for its disk before it says that something is committed."}, look: c.settings})
	}
	return append(list,
		&check{Check: Check{Name: "clock", Says: "The clock is not behind what was written already, nor away from the database's."}, look: c.clock})
}

func (c *Config) engine(ctx context.Context, to *check) error {
	text := `SELECT sqlite_version()`
	if c.DB.Engine() == "postgres" {
		text = `SELECT current_setting('server_version')`
	}
	version, err := db.One[string](ctx, c.DB, text)
	if err != nil {
		return err
	}
	return to.fine("%s %s", c.DB.Engine(), version)
}

func (c *Config) schema(ctx context.Context, to *check) error {
	has, wants, err := c.DB.Schema(ctx)
	switch {
	case err != nil:
		return err
	case has == 0:
		return errors.New("there is nothing of Floe's in this database")
	case has < wants:
		return fmt.Errorf("version %d is older than this program's %d: run floe migrate, or look with the program that serves it", has, wants)
	case has > wants:
		return fmt.Errorf("version %d is newer than this program's %d: look with the program that serves it", has, wants)
	}
	return to.fine("version %d", has)
}

// pages lets SQLite read its file. The quick form does not compare indexes with
// their tables.
func (c *Config) pages(ctx context.Context, to *check) error {
	pragma := `SELECT quick_check FROM pragma_quick_check`
	if c.Whole {
		pragma = `SELECT integrity_check FROM pragma_integrity_check`
	}
	lines, err := db.All[string](ctx, c.DB, pragma)
	if err != nil {
		if errors.Is(err, db.ErrUnavailable) {
			return to.broken("it cannot be read: %v", err)
		}
		return err
	}
	if !slices.Equal(lines, []string{"ok"}) {
		return to.broken("%s", strings.Join(lines[:min(len(lines), kept)], "; "))
	}
	return nil
}

func (c *Config) references(ctx context.Context, to *check) error {
	rows, err := db.All[struct {
		Table string
		Row   *int64
		Into  string
	}](ctx, c.DB, `SELECT "table", rowid AS row, parent AS "into" FROM (SELECT "table", rowid, parent FROM pragma_foreign_key_check LIMIT 21)`)
	if err != nil {
		return err
	}
	for _, r := range rows[:min(len(rows), kept)] {
		to.Status = Broken
		f := Finding{ID: "?", Detail: r.Table + " refers to a row of " + r.Into + " that is not there"}
		if r.Row != nil {
			f.ID = fmt.Sprint(*r.Row)
		}
		to.Found = append(to.Found, f)
	}
	to.More = len(rows) > kept
	return nil
}

func (c *Config) journalMode(ctx context.Context, to *check) error {
	mode, err := db.One[string](ctx, c.DB, `SELECT journal_mode FROM pragma_journal_mode`)
	if err != nil {
		return err
	}
	if mode != "wal" {
		return to.warn("it is %s, as in a copy that was made anew; serving once makes it wal", mode)
	}
	return nil
}

// Times that no medium needs which keeps what it is given.
const (
	trials     = 5
	impossible = 5 * time.Microsecond
)

// sync measures how long a small write takes to become durable, in a file of
// its own beside the database. What a disk really does cannot be seen from
// here: that it takes no time at all can.
func (c *Config) sync(_ context.Context, to *check) error {
	f, err := os.CreateTemp(filepath.Dir(c.DB.Path()), ".doctor-*")
	if err != nil {
		return to.warn("nothing can be written beside the database: %v", err)
	}
	defer func() { _, _ = f.Close(), os.Remove(f.Name()) }()
	var took []time.Duration
	for range trials {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return to.warn("nothing can be written beside the database: %v", err)
		}
		begun := time.Now()
		if err := f.Sync(); err != nil {
			return to.broken("a write cannot be made durable: %v", err)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	if median := took[trials/2]; median < impossible {
		return to.warn("%s for a sync: this medium keeps nothing when the power fails (memory, or a disk that is told to lie)", median)
	}
	return to.fine("%s for a sync", took[trials/2].Round(time.Microsecond))
}

// space warns of less room than the file may need to be written anew, and of
// very little.
func (c *Config) space(_ context.Context, to *check) error {
	free, ok := freeBytes(filepath.Dir(c.DB.Path()))
	if !ok {
		return to.fine("cannot be asked for on this system")
	}
	info, err := os.Stat(c.DB.Path())
	if err != nil {
		return err
	}
	const little = 256 << 20
	if free < little || free < info.Size()/10 {
		return to.warn("%d MB are left, for a file of %d MB", free>>20, info.Size()>>20)
	}
	return to.fine("%d MB are left, for a file of %d MB", free>>20, info.Size()>>20)
}

// settings are those of PostgreSQL by which a commit is durable.
func (c *Config) settings(ctx context.Context, to *check) error {
	off, err := db.All[string](ctx, c.DB, `SELECT name FROM pg_settings
		WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes') AND setting = 'off' ORDER BY name`)
	if err != nil {
		return err
	}
	if len(off) > 0 {
		return to.broken("off: %s; what was acknowledged can be lost", strings.Join(off, ", "))
	}
	return nil
}

// skew is how far clocks may be apart before somebody should know.
const skew = 2 * time.Second

// clock compares this machine's clock with the last thing that was written, and
// with the database's. Organizations with a test clock live in another time.
func (c *Config) clock(ctx context.Context, to *check) error {
	newest, err := db.One[*time.Time](ctx, c.DB, `SELECT MAX(created_at) FROM (
		SELECT created_at, organization_id FROM journal ORDER BY seq DESC LIMIT 1000) AS latest
		WHERE organization_id NOT IN (SELECT organization_id FROM test_clocks)`)
	if err != nil {
		return err
	}
	if newest != nil && newest.Sub(c.Now()) > skew {
		return to.warn("the last change was written at %s, which is %s from now (so it is after a test clock was released)", newest.Format(time.RFC3339), newest.Sub(c.Now()).Round(time.Second))
	}
	if c.DB.Engine() == "sqlite" {
		return nil
	}
	theirs, err := db.One[time.Time](ctx, c.DB, `SELECT clock_timestamp()`)
	if err != nil {
		return err
	}
	if off := theirs.Sub(c.Now()).Abs(); off > skew {
		return to.warn("the database's is %s away from this machine's", off.Round(time.Millisecond))
	}
	return nil
}
