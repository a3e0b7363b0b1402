package db

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"

	"floe/internal/db/lite"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"
)

// What callers can tell apart. Each wraps its cause; test with errors.Is.
var (
	// ErrNoRows says that One found nothing.
	ErrNoRows = errors.New("db: no rows")
	// ErrBusy says that the database was held by others for too long. Trying
	// again later may work.
	ErrBusy = errors.New("the database is busy")
	// ErrUnavailable says that the database cannot do its work now: it cannot
	// be reached, is shutting down, its disk is full or read-only.
	ErrUnavailable = errors.New("the database is not available")
	// ErrFull says why ErrUnavailable: there is no room on the disk. It goes on
	// when there is.
	ErrFull = errors.New("its disk is full")
	// ErrDamaged says that a file is nothing that SQLite can read.
	ErrDamaged = errors.New("the database file is damaged")

	// ErrServed says that another process has the SQLite file for itself.
	ErrServed = errors.New("another server runs on this folder already")

	errReadOnly = errors.New("db: changes need a transaction; use Write")
)

// UniqueError says that a row would stand twice under a unique index.
type UniqueError struct {
	// Constraint is the name of the index, the same on both engines. For a
	// constraint written inside CREATE TABLE it is PostgreSQL's name:
	// table_column_key, or table_pkey.
	Constraint string
	// Table is where the index lies.
	Table string
	cause error
}

func (e *UniqueError) Error() string {
	return fmt.Sprintf("a row of %s exists already (%s)", e.Table, e.Constraint)
}

// Unwrap returns what the driver said.
func (e *UniqueError) Unwrap() error { return e.cause }

// IsUnique reports whether err says that one of the named unique indexes was
// hit; any of them when no name is given.
func IsUnique(err error, constraints ...string) bool {
	u, ok := errors.AsType[*UniqueError](err)
	return ok && (len(constraints) == 0 || slices.Contains(constraints, u.Constraint))
}

// translate turns what a driver reports into the errors above. Errors that
// mean a mistake of ours pass as they are.
func (d *DB) translate(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrBusy), errors.Is(err, ErrUnavailable), errors.Is(err, ErrNoRows):
		return err
	case errors.Is(err, sql.ErrNoRows):
		return ErrNoRows
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	if failure, ok := errors.AsType[sqliteError](err); ok {
		return d.fromSQLite(ctx, failure, err)
	}
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok {
		return fromPostgres(ctx, pg, err)
	}
	if disconnected(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// sqliteError is an error of SQLite: of our own connections, or of those that
// migrations use.
type sqliteError interface {
	error
	Code() int
}

func (d *DB) fromSQLite(ctx context.Context, failure sqliteError, err error) error {
	switch failure.Code() {
	case lite.Unique, lite.PrimaryKey, lite.RowID:
		return d.unique.fromSQLite(ctx, d, failure, err)
	}
	if noRoom(failure.Code()) {
		return fmt.Errorf("%w: %w: cannot write %s: %w", ErrUnavailable, ErrFull, d.path, err)
	}
	switch failure.Code() & 0xff {
	case lite.Busy, lite.Locked:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case lite.Interrupted:
		if ctx.Err() != nil {
			return ctx.Err()
		}
	case lite.ReadOnly, lite.IOError, lite.CannotOpen, lite.Corrupt, lite.NotADB, lite.NoMemory:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

func noRoom(code int) bool { return code&0xff == lite.Full || code == lite.NoRoomForIndex }

// fatal reports whether SQLite may have rolled back the whole transaction
// together with the statement that failed.
func fatal(err error) bool {
	failure, ok := errors.AsType[sqliteError](err)
	if !ok {
		return errors.Is(err, driver.ErrBadConn) || errors.Is(err, sql.ErrConnDone)
	}
	switch failure.Code() & 0xff {
	case lite.Full, lite.IOError, lite.NoMemory, lite.Busy, lite.Interrupted, lite.Corrupt:
		return true
	}
	return false
}

func fromPostgres(ctx context.Context, pg *pgconn.PgError, err error) error {
	switch pg.Code {
	case "23505":
		return &UniqueError{Constraint: pg.ConstraintName, Table: pg.TableName, cause: err}
	case "40001", "40P01", "55P03": // serialization, deadlock, lock not available
		return fmt.Errorf("%w: %w", ErrBusy, err)
	case "57014": // cancelled
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return err
	case "53100":
		return fmt.Errorf("%w: %w: %w", ErrUnavailable, ErrFull, err)
	case "57P01", "57P02", "57P03", "25006": // shutting down, crashed, starting; read-only
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch {
	case strings.HasPrefix(pg.Code, "08"), strings.HasPrefix(pg.Code, "53"), strings.HasPrefix(pg.Code, "58"), ofServer(pg):
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// ofServer says of an error that no statement is to blame for: it has ended the
// connection, or the whole server, or a file could not be read or written. Of
// what else could be the matter with a file, such as a disk that is read-only, the
// codes say that something is not permitted, or wrong inside.
func ofServer(pg *pgconn.PgError) bool {
	switch pg.SeverityUnlocalized {
	case "FATAL", "PANIC":
		return true
	}
	return slices.Contains(filesOfServer, pg.File)
}

// filesOfServer are the sources of PostgreSQL that handle its files.
var filesOfServer = []string{"md.c", "fd.c", "slru.c", "xlog.c", "buffile.c"}

func disconnected(err error) bool {
	if _, ok := errors.AsType[net.Error](err); ok {
		return true
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return true
	}
	for _, target := range []error{
		driver.ErrBadConn, sql.ErrConnDone, puddle.ErrClosedPool, io.EOF, io.ErrUnexpectedEOF, net.ErrClosed,
	} {
		if errors.Is(err, target) {
			return true
		}
	}
	return strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "database is closed")
}
