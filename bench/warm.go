package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	"floe/internal/db"

	"floe/bench/report"
)

// warm reads the files of all stages once, those of the last before those of
// the first: what was loaded last has driven the others out of memory, and the
// largest may do so alone. What fits is to be there when it is measured.
func (c *comparison) warm(ctx context.Context) error {
	say("waiting until all of it is on the disk")
	syscall.Sync()
	for _, s := range slices.Backward(c.stages) {
		folder, err := s.folder(ctx)
		if err != nil {
			return err
		}
		say("reading %s", s.name)
		if err := readAll(ctx, folder); err != nil {
			return fmt.Errorf("read %s: %w", s.name, err)
		}
	}
	say("")
	return nil
}

// folder is where the files of a stage's database lie.
func (s *stage) folder(ctx context.Context) (string, error) {
	if s.system != report.FloePostgres {
		return s.config.DataDir, nil
	}
	d, err := db.Open(ctx, s.config)
	if err != nil {
		return "", err
	}
	number, err := db.One[int64](ctx, d, `SELECT CAST(oid AS bigint) FROM pg_database WHERE datname = current_database()`)
	return filepath.Join(s.postgres.Data(), "base", strconv.FormatInt(number, 10)), errors.Join(err, d.Close())
}

func readAll(ctx context.Context, folder string) error {
	return filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		f, err := os.Open(path) //nolint:gosec // a file of what was loaded
		if errors.Is(err, fs.ErrNotExist) {
			return nil // PostgreSQL has just done away with it
		}
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, f)
		return errors.Join(err, f.Close(), ctx.Err())
	})
}
