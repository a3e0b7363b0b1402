package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"floe/bench/data"
	"floe/bench/report"
	"floe/bench/server"
	"floe/bench/wire"
)

const exportName = "export"

// exportTurns is how many ordinary turns a turn of the export lasts: an export
// is long, and its first pages say little.
const exportTurns = 6

// export measures rows a second: Floe's download of CSV, PocketBase's full list
// (which its documentation has for this: page after page), and a driver that
// reads the same columns and writes CSV.
func (c *comparison) export(ctx context.Context) (out []report.Measurement, err error) {
	var sides []wire.Side
	bareOf := map[string]string{}
	add := func(system, bare string, side wire.Side) {
		sides = append(sides, side)
		bareOf[system] = bare
		set := c.stages[0].set
		out = append(out, report.Measurement{System: system, Operation: exportName, Clients: 1, Customers: set.Rows, Organizations: set.Organizations})
	}
	for _, s := range c.stages {
		switch s.system {
		case report.FloeSQLite:
			add(s.system, report.Bare, wire.Side{Run: s.download(ctx), CPU: s.server.CPU})
			add(report.Bare, "", wire.Side{Run: data.Export(ctx, s.config, s.set), CPU: server.OwnCPU})
		case report.FloePostgres:
			add(s.system, report.BarePostgres, wire.Side{Run: s.download(ctx), CPU: s.server.CPU})
			add(report.BarePostgres, "", wire.Side{Run: data.Export(ctx, s.config, s.set), CPU: func() time.Duration { return server.OwnCPU() + s.postgres.CPU() }})
		case report.PocketBase:
			add(s.system, report.Bare, wire.Side{Run: s.fullList(ctx), CPU: s.server.CPU})
		}
	}
	samples := wire.Turns(sides, exportTurns*c.Turn, max(1, c.Turns/2))
	rates := map[string]float64{}
	for i := range out {
		counted(&out[i], &samples[i])
		rates[out[i].System] = out[i].PerSecond
	}
	for i := range out {
		if bare := bareOf[out[i].System]; bare != "" && rates[bare] > 0 {
			out[i].OfBare = out[i].PerSecond / rates[bare]
		}
	}
	return out, ctx.Err()
}

// grownExport measures rows a second of all sizes in turns.
func (c *comparison) grownExport(ctx context.Context) (out []report.Measurement, err error) {
	var sides []wire.Side
	for _, s := range c.stages {
		sides = append(sides, wire.Side{Run: overAndOver(s.download(ctx)), CPU: s.server.CPU})
	}
	samples := wire.Turns(sides, exportTurns*c.Turn, max(1, c.Turns/2))
	for i, s := range c.stages {
		m := report.Measurement{System: s.system, Operation: exportName, Clients: 1, Customers: s.set.Rows, Organizations: s.set.Organizations}
		counted(&m, &samples[i])
		out = append(out, m)
	}
	return out, ctx.Err()
}

// overAndOver does it again when it ends before the time is over, as the export
// of few rows does.
func overAndOver(run wire.Runner) wire.Runner {
	return func(d time.Duration, limit int64) (out wire.Sample, err error) {
		for out.Took < d && err == nil {
			var one wire.Sample
			one, err = run(d-out.Took, limit)
			out.Merge(&one)
		}
		return out, err
	}
}

// download reads lines of the export until the time is over.
func (s *stage) download(ctx context.Context) wire.Runner {
	return func(d time.Duration, _ int64) (out wire.Sample, err error) {
		start := time.Now()
		answer, err := s.get(ctx, "/v1/customers/export")
		if err != nil {
			return out, err
		}
		defer func() { _ = answer.Body.Close() }()
		buf := make([]byte, 64<<10)
		for err == nil && (d == 0 || time.Since(start) < d) {
			var n int
			n, err = answer.Body.Read(buf)
			for _, b := range buf[:n] {
				if b == '\n' {
					out.Done++
				}
			}
		}
		if err == io.EOF { //nolint:errorlint // what Read promises
			err = nil
		}
		out.Took = time.Since(start)
		return out, err
	}
}

// get asks Floe for a path, as the first tenant, and leaves the answer to read.
func (s *stage) get(ctx context.Context, path string) (*http.Response, error) {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.server.Address+path, nil)
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+s.set.Tenants[0].Token)
	r, err := http.DefaultClient.Do(q)
	if err == nil && r.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(r.Body, 1000))
		_ = r.Body.Close()
		return nil, fmt.Errorf("%s answers %s: %s", path, r.Status, text)
	}
	return r, err
}

// fullList is PocketBase's getFullList: pages of a thousand, one after another.
func (s *stage) fullList(ctx context.Context) wire.Runner {
	const size = 1000
	return func(d time.Duration, _ int64) (out wire.Sample, err error) {
		call := pocketGet(func(b []byte, _ data.Key) []byte { return b })(&sample{keys: s.keys, token: s.key})
		call.Path = func(b []byte, n int64) []byte {
			return strconv.AppendInt(append(b, records+"?perPage=1000&skipTotal=1&sort=created&page="...), n+1, 10)
		}
		conn := wire.New(ctx, s.server.Address, 1, new(atomic.Int64), call)
		defer conn.Close()
		start := time.Now()
		for left := int64(s.set.Rows); left > 0 && (d == 0 || time.Since(start) < d); left -= size {
			if _, err := conn.All(1); err != nil {
				return out, err
			}
			out.Done += min(left, size)
		}
		out.Took = time.Since(start)
		return out, nil
	}
}

// exportMemory downloads a little and then everything, and says how much memory
// either took at most. The server is started anew for it: one that was measured
// for minutes still has what lists and searches took.
func (s *stage) exportMemory(ctx context.Context) (out []report.Fact, err error) {
	if err := s.start(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stop([]*stage{s})) }()
	add := func(name string, value float64, unit string) {
		out = append(out, report.Fact{System: s.system, Name: name, Value: value, Unit: unit})
	}
	for _, m := range []struct {
		of   string
		time time.Duration // 0 is to the end
	}{{"in the first fifth of a second of an export", 200 * time.Millisecond}, {"of a whole export", 0}} {
		if err := s.server.ForgetPeak(); err != nil {
			return nil, err
		}
		got, err := s.download(ctx)(m.time, 0)
		if err != nil {
			return nil, err
		}
		_, peak := s.server.MemoryMiB()
		add("peak memory "+m.of, float64(peak), "MiB")
		if m.time == 0 {
			add("rows "+m.of, float64(got.Done-1), "rows")
			add("rate "+m.of, got.PerSecond(), "rows/s")
		}
	}
	return out, nil
}
