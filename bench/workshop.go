package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"floe/internal/db"

	"floe/bench/data"
	"floe/bench/report"
	"floe/bench/server"
)

// workshop is what the measurements of a run share.
type workshop struct {
	*options
	dir      string // temporary
	keep     string // where loaded data lies
	programs server.Programs
	postgres *server.Postgres
	flags    []string // of Floe, beyond where its data lies
}

func (o *options) open(ctx context.Context) (*workshop, error) {
	dir, err := os.MkdirTemp(o.Dir, "floe-bench-*")
	if err != nil {
		return nil, err
	}
	w := &workshop{options: o, dir: dir, keep: dir, programs: server.Programs{Floe: o.Floe, Logs: dir}}
	if o.Keep != "" {
		if w.keep, err = filepath.Abs(o.Keep); err == nil {
			err = os.MkdirAll(w.keep, 0o755) //nolint:gosec // PostgreSQL runs as another user
		}
	}
	if err == nil {
		err = w.programs.Build(ctx, dir, func(what string) { say("%s", what) })
	}
	if err != nil {
		return nil, errors.Join(err, w.close())
	}
	return w, nil
}

func (w *workshop) close() error {
	var err error
	if w.postgres != nil {
		err = w.postgres.Stop()
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// stage is a loaded database with a server on it.
type stage struct {
	*workshop
	system string
	config db.Config
	set    data.Set
	keys   []data.Key
	name   string // of the loaded data
	owners int    // how many customers own something
	server *server.Process
	// pocket is where PocketBase keeps its data; then config is not used.
	pocket string
	key    string
}

// floe loads a database of an engine and starts Floe on it.
func (w *workshop) floe(ctx context.Context, system string, rows, organizations int) (*stage, error) {
	s := &stage{workshop: w, system: system, config: db.Config{Logger: slog.New(slog.DiscardHandler)}}
	if err := s.load(ctx, rows, organizations); err != nil {
		return nil, fmt.Errorf("%s, %d customers: %w", system, rows, err)
	}
	return s, s.start(ctx)
}

func (s *stage) start(ctx context.Context) (err error) {
	path := "/v1/customers/" + s.keys[0].ID
	if s.server, err = s.programs.StartFloe(ctx, path, s.set.Tenants[s.keys[0].Tenant].Token, append(s.arguments(), s.flags...)...); err != nil {
		return err
	}
	if s.postgres != nil && s.system == report.FloePostgres {
		s.postgres.Serves(s.server)
	}
	return nil
}

func (s *stage) arguments() []string {
	if s.system == report.FloePostgres {
		return []string{"--database-url", s.config.URL}
	}
	return []string{"--data-dir", s.config.DataDir}
}

// kept is what is written beside loaded data.
type kept struct {
	data.Set
	Keys   []data.Key
	Key    string // of PocketBase
	Owners int
}

// sampleSize is more than are asked for in a run, so that nobody is asked for twice.
const sampleSize = 200_000

// load fills a database, or finds one that was kept.
func (s *stage) load(ctx context.Context, rows, organizations int) error {
	engine := map[string]string{report.FloeSQLite: "sqlite", report.FloePostgres: "postgres"}[s.system]
	name := fmt.Sprintf("%s-%d-%d", engine, rows, organizations)
	s.name = name
	if engine == "sqlite" {
		s.config.DataDir = filepath.Join(s.keep, name)
	} else if err := s.needPostgres(ctx); err != nil {
		return err
	} else {
		s.config.URL = s.postgres.URL(name)
	}
	var k kept
	if s.find(name, &k) {
		s.set, s.keys, s.owners = k.Set, k.Keys, k.Owners
	}
	if s.set.Rows == 0 {
		var err error
		if s.config.URL != "" {
			err = s.postgres.New(ctx, name)
		} else {
			err = os.RemoveAll(s.config.DataDir)
		}
		if err != nil {
			return err
		}
		if s.set, err = data.Load(ctx, s.config, rows, organizations, progressOf("Loading "+name)); err != nil {
			return err
		}
	}
	if len(s.keys) > 0 {
		return nil
	}
	var err error
	if s.keys, err = data.Keys(ctx, s.config, s.set, sampleSize); err != nil {
		return err
	}
	return s.remember(name, kept{Set: s.set, Keys: s.keys})
}

func (w *workshop) needPostgres(ctx context.Context) (err error) {
	if w.postgres == nil {
		say("starting PostgreSQL")
		w.postgres, err = server.StartPostgres(ctx, filepath.Join(w.keep, "postgres"))
	}
	return err
}

func (w *workshop) find(name string, to any) bool {
	text, err := os.ReadFile(filepath.Join(w.keep, name+".json"))
	return err == nil && json.Unmarshal(text, to) == nil
}

func (w *workshop) remember(name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(w.keep, name+".json"), text, 0o600)
}

// pocketBase gives PocketBase the customers of a stage, and starts it.
func (w *workshop) pocketBase(ctx context.Context, of *stage) (*stage, error) {
	s := &stage{workshop: w, system: report.PocketBase, set: of.set}
	name := fmt.Sprintf("pocketbase-%d", of.set.Rows)
	s.pocket = filepath.Join(w.keep, name)
	var k kept
	if w.find(name, &k) {
		s.keys, s.key = k.Keys, k.Key
	} else {
		if err := os.RemoveAll(s.pocket); err != nil {
			return nil, err
		}
		progress := progressOf("Loading " + name)
		var err error
		s.key, err = w.programs.LoadPocketBase(ctx, s.pocket, func(line func(any) error) error {
			return data.Records(ctx, of.config, of.set, line, progress)
		})
		if err != nil {
			return nil, err
		}
		if s.keys, err = data.PocketKeys(ctx, s.pocket, of.set.Rows, sampleSize); err != nil {
			return nil, err
		}
		if err := w.remember(name, kept{Set: s.set, Keys: s.keys, Key: s.key}); err != nil {
			return nil, err
		}
	}
	var err error
	s.server, err = w.programs.StartPocketBase(ctx, s.pocket, false)
	return s, err
}

// fullSync is another PocketBase on a copy of the data, which waits for the
// disk at each commit.
func (s *stage) fullSync(ctx context.Context) (*stage, error) {
	out := *s
	out.system, out.pocket = report.PocketBaseFull, filepath.Join(s.dir, "pocketbase-full")
	say("copying the data of PocketBase")
	if err := s.server.Stop(); err != nil { // so that the file is whole
		return nil, err
	}
	if err := os.CopyFS(out.pocket, os.DirFS(s.pocket)); err != nil {
		return nil, err
	}
	var err error
	if s.server, err = s.programs.StartPocketBase(ctx, s.pocket, false); err != nil {
		return nil, err
	}
	out.server, err = s.programs.StartPocketBase(ctx, out.pocket, true)
	return &out, err
}
