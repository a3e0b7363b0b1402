package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/mattn/go-isatty"

	"floe/internal/db"
)

// dataOptions say which database a command works on.
type dataOptions struct {
	DataDir     string `env:"FLOE_DATA_DIR" default:"./floe-data" placeholder:"DIR" help:"Folder of the embedded database (${default})."`
	DatabaseURL string `name:"database-url" env:"FLOE_DATABASE_URL" placeholder:"URL" secret:"" help:"PostgreSQL database to use in its place, as in postgres://user:password@host/name."`
}

// check refuses what is no address of a PostgreSQL database.
func (o dataOptions) check() error {
	if o.DataDir == "" && o.DatabaseURL == "" { // as of a variable of a script that is not set; the data would lie about here
		return exit{exitUsage, errors.New("--data-dir (FLOE_DATA_DIR) is empty; . is this folder")}
	}
	return checkURL("--database-url (FLOE_DATABASE_URL)", o.DatabaseURL)
}

// checkURL refuses what an option has for the address of a PostgreSQL database;
// it may have none.
func checkURL(option, address string) error {
	if address == "" {
		return nil
	}
	if err := db.CheckURL(address); err != nil {
		return exit{exitUsage, fmt.Errorf("%s %w", option, oneLine(err))}
	}
	return nil
}

// there says whether there is a database to work on. PostgreSQL's has to be made
// by other means, so that one always is.
func (o dataOptions) there() error {
	if err := o.check(); err != nil || o.DatabaseURL != "" {
		return err
	}
	_, err := os.Stat(filepath.Join(o.DataDir, db.FileName))
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("there is no database in %s; name its folder with --data-dir (FLOE_DATA_DIR), or make one with \"floe serve\" or \"floe organization create\"", o.DataDir)
	}
	return nil // what else is wrong, opening it tells
}

// place is where the data lies, without a password.
func (o dataOptions) place() string {
	if o.DatabaseURL == "" {
		if path, err := filepath.Abs(o.DataDir); err == nil {
			return path
		}
		return o.DataDir
	}
	if shown := withoutSecrets(o.DatabaseURL); shown != hidden {
		return shown
	}
	return "PostgreSQL"
}

// open opens the database and brings its schema up to date, so that every
// command works in an empty folder.
func (o dataOptions) open(ctx context.Context, log *slog.Logger) (*db.DB, error) {
	return o.openWith(ctx, log, "")
}

// openWith opens the database with a replica to read from, if there is one.
func (o dataOptions) openWith(ctx context.Context, log *slog.Logger, readURL string, change ...func(*db.Config)) (*db.DB, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	config := db.Config{DataDir: o.DataDir, URL: o.DatabaseURL, ReadURL: readURL, Logger: log}
	for _, c := range change {
		c(&config)
	}
	d, err := db.Open(ctx, config)
	if err != nil {
		return nil, o.advise(err)
	}
	if err := d.Migrate(ctx); err != nil {
		_ = d.Close()
		return nil, notMigrated(err)
	}
	return d, nil
}

// notMigrated says why the schema could not be brought up to date.
func notMigrated(err error) error {
	const insufficientPrivilege = "42501"
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == insufficientPrivilege {
		return fmt.Errorf("cannot bring the schema up to date: %w; the role of --database-url (FLOE_DATABASE_URL) must own the database and its tables", oneLine(err))
	}
	if errors.Is(err, db.ErrFull) {
		return fmt.Errorf("cannot bring the schema up to date: %w; make room there and start again, it goes on from where it got to", oneLine(err))
	}
	return fmt.Errorf("cannot bring the schema up to date: %w", oneLine(err))
}

// advise says what to do about a database that cannot be opened.
func (o dataOptions) advise(err error) error {
	full := errors.Is(err, db.ErrFull) || errors.Is(err, syscall.ENOSPC)
	switch {
	case full && o.DatabaseURL != "":
		return fmt.Errorf("%w; make room there", oneLine(err))
	case full:
		return fmt.Errorf("%w; make room there, or choose another folder with --data-dir (FLOE_DATA_DIR)", oneLine(err))
	case o.DatabaseURL != "":
		return fmt.Errorf("%w; check --database-url (FLOE_DATABASE_URL) and that the server runs", oneLine(err))
	case errors.Is(err, db.ErrServed):
		return fmt.Errorf("%w (%s); stop it, or choose another folder with --data-dir (FLOE_DATA_DIR)", err, o.DataDir)
	case errors.Is(err, db.ErrDamaged):
		return fmt.Errorf("%w; restore it from a backup, or choose another folder with --data-dir (FLOE_DATA_DIR)", oneLine(err))
	}
	return fmt.Errorf("%w; choose another folder with --data-dir (FLOE_DATA_DIR) or correct its permissions", oneLine(err))
}

// oneLine is an error whose text has no line breaks, and says nothing twice:
// drivers list one line for each way they tried.
func oneLine(err error) error {
	if !strings.ContainsAny(err.Error(), "\r\n") {
		return err
	}
	var lines []string
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimSpace(line)
		said := slices.ContainsFunc(lines, func(before string) bool { return strings.HasSuffix(before, line) })
		if line != "" && !said {
			lines = append(lines, line)
		}
	}
	return flat{err, strings.Join(lines, " ")}
}

type flat struct {
	error
	text string
}

func (f flat) Error() string { return f.text }
func (f flat) Unwrap() error { return f.error }

// logOptions say what is logged and how. The log goes to stderr.
type logOptions struct {
	LogFormat string `env:"FLOE_LOG_FORMAT" enum:"auto,text,json" default:"auto" help:"Form of the log: text, json, or auto, which is text on a terminal and json elsewhere."`
	LogLevel  string `env:"FLOE_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least important messages to log: debug, info (each request), warn or error."`
}

func (o logOptions) logger(w io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(o.LogLevel)) // the parser has checked it
	options := &slog.HandlerOptions{Level: level}
	f, isFile := w.(*os.File)
	if o.LogFormat == "text" || o.LogFormat == "auto" && isFile && isatty.IsTerminal(f.Fd()) {
		return slog.New(slog.NewTextHandler(w, options))
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// toolLog is what commands that run once use: they say nothing but trouble.
func toolLog(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}

// moment is a time as people write it: 2026-01-31T00:00:00Z.
type moment struct{ time.Time }

// UnmarshalText reads a time.
func (m *moment) UnmarshalText(text []byte) (err error) {
	if m.Time, err = time.Parse(time.RFC3339, string(text)); err != nil {
		err = fmt.Errorf("%q is not a time; write it as 2026-01-31T00:00:00Z", text)
	}
	return err
}

// span is a length of time as people write it: 90s, 15m, 12h or 30d.
type span time.Duration

// UnmarshalText reads a span.
func (s *span) UnmarshalText(text []byte) error {
	d, err := parseSpan(string(text))
	*s = span(d)
	return err
}

// String writes a span as UnmarshalText reads it.
func (s span) String() string {
	d := time.Duration(s)
	if d >= 24*time.Hour && d%(24*time.Hour) == 0 {
		return strconv.Itoa(int(d/(24*time.Hour))) + "d"
	}
	text := d.String()
	for _, zero := range []string{"m0s", "h0m"} { // 1h0m0s reads better as 1h
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}

// pause is a span that may be 0s, none at all.
type pause time.Duration

// UnmarshalText reads a pause.
func (p *pause) UnmarshalText(text []byte) error {
	if d, err := time.ParseDuration(string(text)); err == nil && d == 0 {
		*p = 0
		return nil
	}
	return (*span)(p).UnmarshalText(text)
}

// String writes a pause as UnmarshalText reads it.
func (p pause) String() string { return span(p).String() }

const maxDays = 36500

func parseSpan(text string) (time.Duration, error) {
	days, isDays := strings.CutSuffix(text, "d")
	long := false
	if isDays {
		n, err := strconv.Atoi(days)
		if long = n > maxDays; err == nil && n > 0 && !long { // n is the largest of all when there are too many digits
			return time.Duration(n) * 24 * time.Hour, nil
		}
	} else if d, err := time.ParseDuration(text); err == nil {
		if long = d > maxDays*24*time.Hour; d > 0 && !long {
			return d, nil
		}
	}
	if long {
		return 0, fmt.Errorf("%q is too long; %dd is the most", text, maxDays)
	}
	return 0, fmt.Errorf("%q is not a length of time; write it as 90s, 15m, 12h or 30d", text)
}
