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
	"sync"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the driver named sqlite
)

const fileName = "floe.db"

// Memory for pages. Each connection has a cache of its own, so the readers
// share a budget: enough for the hot pages of a busy instance, and not more
// on a machine with many cores. Pages are not mapped into memory: a disk
// error would then end the process instead of failing a statement.
const (
	writerCacheKB  = 32 << 10
	readersCacheKB = 128 << 10
)

func (d *DB) openSQLite(ctx context.Context) error {
	d.path = filepath.Join(d.config.DataDir, fileName)
	d.walIndex = claimWALIndex(d.path)
	if err := d.prepareToWrite(); err != nil {
		d.walIndex.release()
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
		if _, err := os.Stat(d.path); err != nil {
			return fmt.Errorf("there is no database in %s: %w", d.config.DataDir, err)
		}
		return nil
	}
	if err := makeDataDir(d.config.DataDir); err != nil {
		return err
	}
	makePrivate(d.path)
	if d.writer, err = newWriter(d); err != nil {
		return d.explainSQLite(err)
	}
	return nil
}

// countVersions begins to keep versions, where that is possible. A statement
// that reads the file makes SQLite open its log.
func (d *DB) countVersions() {
	if d.writer == nil || d.writer.run(internal("SELECT COUNT(*) FROM sqlite_schema")) != nil || d.walIndex.open() != nil {
		return
	}
	d.versions = &Versions{index: d.walIndex}
	d.versions.ours.Store(d.walIndex.commits())
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

// openSession connects to the file.
func (d *DB) openSession(cacheKB int, more ...string) (*session, error) {
	conn, err := openLite(d.path, d.config.ReadOnly, d.config.BusyTimeout, append(pragmas(cacheKB), more...))
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
		s, err := d.openSession(writerCacheKB, "journal_mode(wal)", "synchronous(full)")
		if err == nil || sqliteCode(err)&0xff != liteBusy || time.Now().After(end) {
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
	switch code := sqliteCode(err); code & 0xff {
	case liteCantOpen, liteReadOnly:
		if probe := writable(filepath.Dir(d.path)); probe != nil {
			return fmt.Errorf("the data directory %s cannot be written: %w", filepath.Dir(d.path), probe)
		}
		return fmt.Errorf("cannot write the database file %s: %w", d.path, err)
	case liteNotADB:
		return fmt.Errorf("%s is not a SQLite database", d.path)
	case liteBusy:
		return fmt.Errorf("%w: %s is held by another process", ErrBusy, d.path)
	}
	return fmt.Errorf("open %s: %w", d.path, err)
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
	defer d.walIndex.release()
	var err error
	if d.writer != nil {
		err = d.writer.close()
	}
	return errors.Join(d.readers.close(), err)
}

// readers is the pool of connections that read. The one used last is used
// next: its cache is the warmest.
type readers struct {
	open     func() (*session, error)
	slots    chan struct{}
	patience time.Duration

	mu     sync.Mutex
	idle   []*session
	closed bool
}

func (r *readers) acquire(ctx context.Context) (*session, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		<-r.slots
		return nil, errClosed
	}
	if n := len(r.idle); n > 0 {
		s := r.idle[n-1]
		r.idle = r.idle[:n-1]
		r.mu.Unlock()
		return s, nil
	}
	r.mu.Unlock()
	s, err := r.open()
	if err != nil {
		<-r.slots
	}
	return s, err
}

// enter waits for a free connection, not for ever: whoever reads through the
// DB while holding a connection may be waiting for itself.
func (r *readers) enter(ctx context.Context) error {
	select {
	case r.slots <- struct{}{}:
		return nil
	default:
	}
	timeout := time.NewTimer(r.patience)
	defer timeout.Stop()
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-timeout.C:
		return fmt.Errorf("%w: no connection to read with became free", ErrBusy)
	}
}

func (r *readers) release(s *session) {
	r.mu.Lock()
	if r.closed {
		_ = s.close()
	} else {
		r.idle = append(r.idle, s)
	}
	r.mu.Unlock()
	<-r.slots
}

func (r *readers) close() error {
	r.mu.Lock()
	r.closed = true
	for _, s := range r.idle {
		_ = s.close()
	}
	r.idle = nil
	r.mu.Unlock()
	// Those in use are closed when they come back.
	deadline := time.After(5 * time.Second)
	for range cap(r.slots) {
		select {
		case r.slots <- struct{}{}:
		case <-deadline:
			return nil
		}
	}
	defer func() {
		for range cap(r.slots) {
			<-r.slots
		}
	}()
	return nil
}

var (
	beginRead = internal("BEGIN")
	endRead   = internal("ROLLBACK")
)

func (d *DB) readSQLite(ctx context.Context, fn func(Querier) error) error {
	s, err := d.readers.acquire(ctx)
	if err != nil {
		return d.translate(ctx, err)
	}
	defer d.readers.release(s)
	if _, err := s.exec(context.WithoutCancel(ctx), beginRead, nil); err != nil {
		return d.translate(ctx, err)
	}
	defer func() { _, _ = s.exec(context.WithoutCancel(ctx), endRead, nil) }()
	return fn(&snapshot{dialect: d.dialect, db: d, run: s})
}
