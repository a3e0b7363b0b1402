package db

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"floe/internal/db/lite"

	_ "modernc.org/sqlite" // the driver named sqlite
)

// FileName is the file of the database in the data directory.
const FileName = "floe.db"

// aloneName is the file that a process holds which wants to be alone. It stays.
const aloneName = "floe.lock"

// Memory for pages. Each connection has a cache of its own, so the readers
// share a budget, and a small one: it is for the inner pages of indexes, which
// every search passes. The system has the whole file in memory where there is
// room, and to copy a page from there takes less time than to find it in a
// cache that is too large for the processor's: a get by external id among a
// million took up to a fifth less of it, and on average a tenth, with 8 MB for
// each of four connections than with 32. Pages are
// not mapped into memory, though that would save as much again: a disk error
// would then end the process instead of failing a statement, and while a page
// comes from the disk, the processor that waits for it could do nothing else.
const (
	writerCacheKB  = 32 << 10
	readersCacheKB = 32 << 10
)

func (d *DB) openSQLite(ctx context.Context) error {
	d.path = filepath.Join(d.config.DataDir, FileName)
	d.walIndex = lite.ClaimIndex(d.path)
	if err := d.prepareToWrite(); err != nil {
		d.walIndex.Release()
		d.leave()
		return err
	}
	cache := max(2<<10, readersCacheKB/d.config.ReadConns)
	d.readers = &readers{
		open:     func() (*session, error) { return d.openSession(cache, "query_only(1)") },
		slots:    make(chan struct{}, d.config.ReadConns),
		patience: d.config.QueueTimeout,
	}
	if err := d.Ping(ctx); err != nil {
		_ = d.closeSQLite()
		return d.explainSQLite(err)
	}
	d.countVersions()
	return nil
}

// prepareToWrite makes the folder, the file and the connection that writes.
func (d *DB) prepareToWrite() (err error) {
	if d.config.ReadOnly {
		return d.exists()
	}
	if err := makeDataDir(d.config.DataDir); err != nil {
		return err
	}
	if d.config.Alone {
		if d.alone, err = lockAlone(filepath.Join(d.config.DataDir, aloneName)); err != nil {
			return d.explainLock(err)
		}
	}
	makePrivate(d.path)
	if d.writer, err = newWriter(d); err != nil {
		return d.explainSQLite(err)
	}
	return nil
}

// exists says why there is no file to read, if there is none.
func (d *DB) exists() error {
	_, err := os.Stat(d.path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no database in %s: %w", d.config.DataDir, err)
	case err != nil:
		return fmt.Errorf("cannot open the database: %w", err)
	}
	return nil
}

// countVersions begins to keep versions, where that is possible. A statement
// that reads the file makes SQLite open its log.
func (d *DB) countVersions() {
	if d.writer == nil || d.writer.run(internal("SELECT COUNT(*) FROM sqlite_schema")) != nil || d.walIndex.Open() != nil {
		return
	}
	d.versions = &Versions{index: d.walIndex}
	d.versions.ours.Store(d.walIndex.Commits())
	d.readers.index = d.walIndex
}

// makeDataDir creates the folder for its owner only: it holds everything the
// instance knows.
func makeDataDir(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		return nil
	}
	if errors.Is(err, syscall.ENOTDIR) || errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("the data directory %s is not a directory", dir)
	}
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		err = path.Err
	}
	return fmt.Errorf("cannot create the data directory %s: %w", dir, err)
}

// makePrivate creates the file for its owner only; SQLite gives the files
// beside it the same permissions. One that is there is not touched: to open and
// close it would drop the locks that this process may have on it. What else
// goes wrong, SQLite will meet and explain.
func makePrivate(path string) {
	if f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600); err == nil {
		_ = f.Close()
	}
}

// mostLogged is at how many pages in its log SQLite copies them into the file:
// some 7 MB. Many pages change with every commit, and are copied only once.
const mostLogged = 1800

// openSession connects to the file.
func (d *DB) openSession(cacheKB int, more ...string) (*session, error) {
	conn, err := lite.Open(d.path, d.config.ReadOnly, d.config.BusyTimeout, append(pragmas(cacheKB), more...))
	if err != nil {
		return nil, err
	}
	return &session{conn: conn, prepared: make(map[*statement]*prepared)}, nil
}

// openWriter connects as the one who writes: each commit waits for the disk.
// Where several open a new file at once, SQLite does not wait for the one who
// turns its log on, whatever it was told.
func (d *DB) openWriter() (*session, error) {
	for end := time.Now().Add(d.config.BusyTimeout); ; time.Sleep(10 * time.Millisecond) {
		s, err := d.openSession(writerCacheKB, "journal_mode(wal)", "synchronous(full)", "wal_autocheckpoint("+strconv.Itoa(mostLogged)+")",
			"secure_delete(on)") // a person who is erased is not to be found in what the file has free
		if err == nil || sqliteCode(err)&0xff != lite.Busy || time.Now().After(end) {
			return s, err
		}
	}
}

// pragmas are the settings every connection starts with.
func pragmas(cacheKB int) []string {
	return []string{
		"foreign_keys(1)",
		"temp_store(memory)",
		"cache_size(-" + strconv.Itoa(cacheKB) + ")",
		"journal_size_limit(67108864)",
	}
}

// dsn names the file and the settings for database/sql, which migrations use.
func (d *DB) dsn(cacheKB int, more ...string) string {
	q := url.Values{}
	q.Set("_txlock", "immediate")
	q.Set("_dqs", "0")
	q.Add("_pragma", "busy_timeout("+strconv.FormatInt(d.config.BusyTimeout.Milliseconds(), 10)+")")
	for _, p := range append(pragmas(cacheKB), more...) {
		q.Add("_pragma", p)
	}
	return "file:" + (&url.URL{Path: d.path}).EscapedPath() + "?" + q.Encode()
}

// explainSQLite says what to do about the ways in which opening fails.
func (d *DB) explainSQLite(err error) error {
	if code := sqliteCode(err); noRoom(code) {
		return d.translate(context.Background(), err)
	}
	switch code := sqliteCode(err); code & 0xff {
	case lite.CannotOpen, lite.ReadOnly:
		if probe := writable(filepath.Dir(d.path)); probe != nil {
			return fmt.Errorf("the data directory %s cannot be written: %w", filepath.Dir(d.path), probe)
		}
		return fmt.Errorf("cannot write the database file %s: %w", d.path, err)
	case lite.NotADB:
		return fmt.Errorf("%w: %s is not a SQLite database", ErrDamaged, d.path)
	case lite.Corrupt:
		return fmt.Errorf("%w: %s", ErrDamaged, d.path)
	case lite.Busy:
		return fmt.Errorf("%w: %s is held by another process", ErrBusy, d.path)
	}
	return fmt.Errorf("open %s: %w", d.path, err)
}

func (d *DB) explainLock(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return fmt.Errorf("the data directory %s cannot be written: %w", d.config.DataDir, path.Err)
	}
	return err
}

// writable tries to make a file, because permission bits do not tell of
// read-only mounts and full quotas.
func writable(dir string) error {
	f, err := os.CreateTemp(dir, ".probe-*")
	if err != nil {
		if path, ok := errors.AsType[*fs.PathError](err); ok {
			return path.Err
		}
		return err
	}
	_ = f.Close()
	return os.Remove(f.Name())
}

func (d *DB) closeSQLite() error {
	defer d.leave()
	defer d.walIndex.Release()
	var err error
	if d.writer != nil {
		err = d.writer.close()
	}
	return errors.Join(d.readers.close(), err)
}

// leave lets another process be alone.
func (d *DB) leave() {
	if d.alone != nil {
		_ = d.alone.Close()
	}
}
