package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"floe/bench/report"
	"floe/bench/server"
)

// starts is how often a start is measured; the median counts.
const starts = 5

// settle is how long a server may do what it does after its start, before its
// idle memory is read.
const settle = 2 * time.Second

// facts measures starts, idle memory and the size of the program.
func (w *workshop) facts(ctx context.Context, stages []*stage) (out []report.Fact, err error) {
	empty := filepath.Join(w.dir, "empty")
	first := func() (*server.Process, error) {
		return w.programs.StartFloe(ctx, "/readyz", "", "--data-dir", empty)
	}
	pocket := filepath.Join(w.dir, "empty-pocketbase")
	firstPocket := func() (*server.Process, error) { return w.programs.StartPocketBase(ctx, pocket, false) }
	for _, m := range []struct {
		system, name string
		start        func() (*server.Process, error)
		fresh        string // the folder that is removed before each start
	}{
		{report.FloeSQLite, "first start, in an empty folder", first, empty},
		{report.FloeSQLite, "start, empty", first, ""},
		{report.PocketBase, "first start, in an empty folder", firstPocket, pocket},
		{report.PocketBase, "start, empty", firstPocket, ""},
	} {
		list, err := w.started(m.system, m.name, m.start, m.fresh)
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	for _, s := range stages {
		if s.system == report.PocketBaseFull {
			continue
		}
		list, err := w.started(s.system, "start, loaded", func() (*server.Process, error) {
			again := *s
			if s.isFloe() {
				err := again.start(ctx)
				return again.server, err
			}
			return w.programs.StartPocketBase(ctx, s.pocket, false)
		}, "")
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	for system, file := range map[string]string{report.FloeSQLite: w.programs.Floe, report.PocketBase: w.programs.PocketBase, report.Bare: w.programs.Bare} {
		info, err := os.Stat(file)
		if err != nil {
			return nil, err
		}
		out = append(out, report.Fact{System: system, Name: "program", Value: float64(info.Size()) / 1e6, Unit: "MB"})
	}
	return out, nil
}

// started is the median time of several starts to the first answer of 200, and
// the memory a moment after the last one.
func (w *workshop) started(system, name string, start func() (*server.Process, error), fresh string) ([]report.Fact, error) {
	say("%s: %s", system, name)
	var times []float64
	memory := 0
	for i := range starts {
		if fresh != "" {
			if err := os.RemoveAll(fresh); err != nil {
				return nil, err
			}
		}
		p, err := start()
		if err != nil {
			return nil, err
		}
		times = append(times, report.Millis(p.Ready))
		if i == starts-1 {
			time.Sleep(settle)
			memory, _ = p.MemoryMiB()
		}
		if err := p.Stop(); err != nil {
			return nil, errors.Join(errors.New(name), err)
		}
	}
	slices.Sort(times)
	return []report.Fact{
		{System: system, Name: name, Value: times[starts/2], Unit: "ms"},
		{System: system, Name: "idle memory after " + name, Value: float64(memory), Unit: "MiB"},
	}, nil
}
