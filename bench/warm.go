package main

import (
	"cmp"
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

// flush waits until what was loaded is on the disk, so that no reader waits
// behind it.
func flush() {
	say("waiting until all of it is on the disk")
	syscall.Sync()
	say("")
}

// warm reads the files of those stages that together take no more than half of
// the machine's memory, before each operation: what was loaded or measured
// since may have driven them out of it, and some kernels give back what nobody
// has read for a minute. What fits is to be in memory when it is measured.
func (c *comparison) warm(ctx context.Context) error {
	list, err := c.fitting(ctx)
	if err != nil {
		return err
	}
	for _, folder := range list {
		if err := readAll(ctx, folder); err != nil {
			return fmt.Errorf("read %s: %w", folder, err)
		}
	}
	return nil
}

// fitting are the folders of the stages that fit, the smallest first.
func (c *comparison) fitting(ctx context.Context) ([]string, error) {
	if c.folders == nil {
		for _, s := range c.stages {
			folder, err := s.folder(ctx)
			if err != nil {
				return nil, err
			}
			c.folders = append(c.folders, folder)
		}
	}
	sizes := map[string]int64{}
	for _, folder := range c.folders {
		var err error
		if sizes[folder], err = sizeOf(folder); err != nil {
			return nil, err
		}
	}
	list := slices.SortedFunc(slices.Values(c.folders), func(a, b string) int { return cmp.Compare(sizes[a], sizes[b]) })
	left := memory() / 2
	for i, folder := range list {
		if left -= sizes[folder]; left < 0 {
			return list[:i], nil
		}
	}
	return list, nil
}

// folder is where the files of a stage's database lie.
func (s *stage) folder(ctx context.Context) (string, error) {
	if !s.isFloe() {
		return s.pocket, nil
	}
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
	return eachFile(folder, func(path string, _ fs.DirEntry) error {
		f, err := os.Open(path) //nolint:gosec // a file of what was loaded
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, f)
		return errors.Join(err, f.Close(), ctx.Err())
	})
}

func sizeOf(folder string) (size int64, err error) {
	return size, eachFile(folder, func(_ string, e fs.DirEntry) error {
		info, err := e.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
}

// eachFile passes over what goes away meanwhile: servers are running.
func eachFile(folder string, do func(path string, e fs.DirEntry) error) error {
	return filepath.WalkDir(folder, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			err = do(path, e)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
}
