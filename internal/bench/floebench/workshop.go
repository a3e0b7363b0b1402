package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"floe/internal/bench"
	"floe/internal/db"
)

// workshop is what the measurements of a run share.
type workshop struct {
	*options
	dir      string // temporary
	binary   string
	postgres *cluster
}

func newWorkshop(ctx context.Context, o *options) (*workshop, error) {
	dir, err := os.MkdirTemp(o.Dir, "floebench-*")
	if err != nil {
		return nil, err
	}
	w := &workshop{options: o, dir: dir, binary: o.Floe}
	if w.binary == "" {
		if w.binary, err = build(ctx, dir); err != nil {
			return nil, errors.Join(err, w.close())
		}
	}
	return w, nil
}

func (w *workshop) close() error {
	var err error
	if w.postgres != nil {
		err = w.postgres.close()
	}
	return errors.Join(err, os.RemoveAll(w.dir))
}

// stage is a loaded database with a server on it.
type stage struct {
	*workshop
	engine string
	config db.Config
	data   bench.Data
	server *process
}

// measure loads, serves and measures one engine with so many customers.
func (w *workshop) measure(ctx context.Context, engine string, rows int) (results []result, err error) {
	s := &stage{workshop: w, engine: engine}
	if err := s.load(ctx, rows); err != nil {
		return nil, err
	}
	if s.server, err = startFloe(ctx, w.binary, filepath.Join(w.dir, "floe.log"), s.arguments()...); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.server.stop()) }()
	if w.Verify {
		return nil, s.verify(ctx)
	}
	var runs [][]result
	for range max(w.Runs, 1) {
		list, err := s.compareAll(ctx)
		if err != nil {
			return nil, err
		}
		runs = append(runs, list)
	}
	return medians(runs), nil
}

func (s *stage) arguments() []string {
	if s.engine == "postgres" {
		return []string{"--database-url", s.config.URL}
	}
	return []string{"--data-dir", s.config.DataDir}
}

// load fills a database, or finds one that was kept.
func (s *stage) load(ctx context.Context, rows int) error {
	s.config.Logger = slog.New(slog.DiscardHandler)
	kept, name := "", s.engine+"-"+strconv.Itoa(rows)
	if s.Keep != "" {
		kept = filepath.Join(s.Keep, name+".json")
		if text, err := os.ReadFile(kept); err == nil {
			if err := json.Unmarshal(text, &s.data); err != nil {
				return err
			}
		}
	}
	found := s.data.Rows > 0
	if err := s.prepare(ctx, name, found); err != nil || found {
		return err
	}
	d, err := db.Open(ctx, s.config)
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	if err := d.Migrate(ctx); err != nil {
		return err
	}
	if s.data, err = bench.Load(ctx, d, rows, bar("Loading "+s.engine)); err != nil || kept == "" {
		return err
	}
	text, err := json.Marshal(s.data)
	if err != nil {
		return err
	}
	return os.WriteFile(kept, text, 0o600)
}

// prepare names the database, and makes it when it is one of PostgreSQL that is
// not there already.
func (s *stage) prepare(ctx context.Context, name string, found bool) (err error) {
	if s.engine == "sqlite" {
		s.config.DataDir = filepath.Join(s.dir, name)
		if s.Keep != "" {
			s.config.DataDir = filepath.Join(s.Keep, name)
		}
		return nil
	}
	if s.postgres == nil {
		s.workshop.postgres = &cluster{address: s.DatabaseURL}
		if s.DatabaseURL == "" {
			if s.workshop.postgres, err = startPostgres(ctx, s.dir); err != nil {
				s.workshop.postgres = nil
				return err
			}
		}
	}
	s.config.URL, err = s.postgres.database(ctx, "floebench_"+strings.TrimPrefix(name, "postgres-"), found)
	return err
}

// compareAll measures every operation.
func (s *stage) compareAll(ctx context.Context) ([]result, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	ops := bench.Operations(s.data, keys, strconv.FormatInt(time.Now().UnixNano(), 36)+"-")
	bodies := map[string][]byte{}
	for i, o := range ops {
		if o.Writes == "" {
			if bodies["/"+strconv.Itoa(i)], err = s.answer(ctx, o); err != nil {
				return nil, err
			}
		}
	}
	bare, err := startBare(ctx, bodies)
	if err != nil {
		return nil, err
	}
	defer func() { _ = bare.stop() }()
	table, err := s.bareTable()
	if err != nil {
		return nil, err
	}
	defer func() { _ = table.Close() }()
	var out []result
	for i, o := range ops {
		if !strings.Contains(o.Name, s.Only) {
			continue
		}
		say("%s, %d customers: %s", s.engine, s.data.Rows, o.Name)
		r, err := s.compare(ctx, o, bare, "/"+strconv.Itoa(i), table)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
		out = append(out, r)
	}
	say("")
	if strings.Contains("export", s.Only) {
		r, err := s.export(ctx)
		return append(out, r), err
	}
	return out, nil
}

func (s *stage) keys(ctx context.Context) (bench.Keys, error) {
	d, err := db.Open(ctx, s.config)
	if err != nil {
		return bench.Keys{}, err
	}
	defer func() { _ = d.Close() }()
	return bench.SampleKeys(ctx, d, s.data, 100_000)
}

func (s *stage) answer(ctx context.Context, o bench.Operation) ([]byte, error) {
	c, err := o.Start(ctx, s.server.address)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	return c.One()
}

func (s *stage) bareTable() (*bench.BareTable, error) {
	if s.engine == "postgres" {
		return bench.OpenBarePostgres(s.config.URL, 32)
	}
	return bench.OpenBareSQLite(s.config.DataDir)
}

// compare measures one operation in turns with what it is compared with.
func (s *stage) compare(ctx context.Context, o bench.Operation, bare *process, path string, table *bench.BareTable) (result, error) {
	ours, err := o.Start(ctx, s.server.address)
	if err != nil {
		return result{}, err
	}
	defer ours.Close()
	r := result{Engine: s.engine, Rows: s.data.Rows, Operation: o.Name, Against: "net/http"}
	other := bench.Side{CPU: func() time.Duration { return 0 }}
	switch o.Writes {
	case "insert":
		other.Run, r.Against = table.Inserts(o.Clients), "inserts"
	case "update":
		other.Run, r.Against = table.Updates(o.Clients), "updates"
	default:
		var n atomic.Int64
		c, err := bench.Dial(ctx, bare.address, o.Clients, http.StatusOK, &n, bench.Get("x", func(buf []byte, _ int64) []byte { return append(buf, path...) }))
		if err != nil {
			return r, err
		}
		defer c.Close()
		other = bench.Side{Run: c.Run, CPU: bare.cpu}
	}
	r.Ratio, err = bench.Turns(bench.Side{Run: ours.Run, CPU: s.server.cpu}, other, time.Second, s.Seconds)
	r.Times = r.X()
	return r, err
}

// export measures how fast all customers are written out, against reading the
// same rows with the driver, and the memory it takes.
func (s *stage) export(ctx context.Context) (result, error) {
	r := result{Engine: s.engine, Rows: s.data.Rows, Operation: "export", Against: "driver"}
	before := s.server.peakMB()
	start := time.Now()
	lines, err := s.download(ctx, io.Discard)
	if err != nil {
		return r, err
	}
	r.Ours = float64(lines) / time.Since(start).Seconds()
	r.PeakMB = s.server.peakMB()
	rows, took, err := bench.ScanAll(ctx, s.config)
	r.Bare = float64(rows) / took.Seconds()
	r.Times = r.X()
	fmt.Fprintf(os.Stderr, "%s, export of %d lines: peak %d MB before, %d MB after\n", s.engine, lines, before, r.PeakMB)
	return r, err
}

// download reads the export and answers how many lines it has.
func (s *stage) download(ctx context.Context, out io.Writer) (lines int, err error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.server.address+"/v1/customers/export", nil)
	if err != nil {
		return 0, err
	}
	q.Header.Set("Authorization", "Bearer "+s.data.Token)
	answer, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("export answers %s", answer.Status)
	}
	c := &lineCounter{out: out}
	_, err = io.Copy(c, answer.Body)
	return c.lines, err
}

type lineCounter struct {
	out   io.Writer
	lines int
}

func (c *lineCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			c.lines++
		}
	}
	return c.out.Write(p)
}
