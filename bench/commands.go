package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"floe/bench/report"
	"floe/bench/server"
)

type compareCommand struct {
	options

	Customers int      `default:"1000000" placeholder:"N" help:"How many customers each has (${default})."`
	Systems   []string `default:"sqlite,postgres,pocketbase" enum:"sqlite,postgres,pocketbase" placeholder:"NAME" help:"Which to measure (${default})."`
	Cold      bool     `help:"Keep Floe from remembering answers: what is read is measured, not what is remembered."`
}

// Run loads, serves and measures.
func (c *compareCommand) Run(ctx context.Context) (err error) {
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	if c.Cold {
		w.flags = coldly
	}
	defer func() { err = errors.Join(err, w.close()) }()
	stages, err := c.stages(ctx, w)
	defer func() { err = errors.Join(err, stop(stages)) }()
	if err != nil {
		return err
	}
	found, err := c.compared(ctx, w, stages)
	return errors.Join(err, c.finish(ctx, found))
}

func stop(stages []*stage) (err error) {
	for _, s := range stages {
		if s.server != nil {
			err = errors.Join(err, s.server.Stop())
			s.server = nil
		}
	}
	return err
}

// stages are the systems that are wanted. Floe on SQLite is always loaded: what
// PocketBase gets is read from there.
func (c *compareCommand) stages(ctx context.Context, w *workshop) (out []*stage, err error) {
	lite, err := w.floe(ctx, report.FloeSQLite, c.Customers, 1)
	if err != nil {
		return nil, err
	}
	out = append(out, lite)
	for _, name := range c.Systems {
		switch name {
		case "postgres":
			s, err := w.floe(ctx, report.FloePostgres, c.Customers, 1)
			if errors.Is(err, server.ErrNoPostgres) {
				fmt.Fprintln(os.Stderr, err)
				continue
			}
			if err != nil {
				return out, err
			}
			out = append(out, s)
		case "pocketbase":
			s, err := w.pocketBase(ctx, lite)
			if err != nil {
				return out, err
			}
			out = append(out, s)
			full, err := s.fullSync(ctx)
			if err != nil {
				return out, err
			}
			out = append(out, full)
		}
	}
	return out, nil
}

// compared measures what is wanted. What was measured before a failure is
// answered with it.
func (c *compareCommand) compared(ctx context.Context, w *workshop, stages []*stage) (found report.Result, err error) {
	m, err := w.compare(ctx, stages...)
	if err != nil {
		return found, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	flush()
	take := func(list []report.Measurement) { found.Compared = append(found.Compared, list...) }
	if err := m.all(ctx, take); err != nil {
		return found, err
	}
	for _, line := range ofGet(found.Compared) {
		fmt.Fprintln(os.Stderr, line)
	}
	if err := m.warm(ctx); err != nil {
		return found, err
	}
	if c.wants(webhooksName) {
		for _, s := range stages {
			if !s.isFloe() {
				continue
			}
			list, err := m.webhooks(ctx, s)
			if err != nil {
				return found, fmt.Errorf(webhooksName+": %w", err)
			}
			m.notes(list)
			take(list)
		}
	}
	if c.wants(exportName) {
		list, err := m.export(ctx)
		if err != nil {
			return found, fmt.Errorf("export: %w", err)
		}
		m.notes(list)
		take(list)
	}
	if c.wants("facts") {
		for _, s := range stages {
			_, peak := s.server.MemoryMiB()
			found.Facts = append(found.Facts, report.Fact{System: s.system, Name: "peak memory of all measurements", Value: float64(peak), Unit: "MiB"})
		}
	}
	if err := stop(stages); err != nil {
		return found, err
	}
	if c.wants(exportName) {
		for _, s := range stages {
			if !s.isFloe() {
				continue
			}
			list, err := s.exportMemory(ctx)
			if err != nil {
				return found, fmt.Errorf("memory of an export: %w", err)
			}
			found.Facts = append(found.Facts, list...)
		}
	}
	if !c.wants("facts") {
		return found, nil
	}
	list, err := w.facts(ctx, stages)
	for _, f := range list {
		fmt.Fprintf(os.Stderr, "  %-22s %s: %.1f %s\n", f.System, f.Name, f.Value, f.Unit)
	}
	found.Facts = append(found.Facts, list...)
	return found, err
}

func (c *comparison) notes(list []report.Measurement) {
	say("")
	if len(list) > 0 {
		fmt.Fprintln(os.Stderr, list[0].Operation)
	}
	for i := range list {
		c.note(&list[i])
	}
}

// coldly is how Floe remembers nothing.
var coldly = []string{"--answer-memory", "0"}

type growCommand struct {
	options

	Customers     []int    `default:"10000,100000,1000000" placeholder:"N" help:"Numbers of customers, as in 10000,10000000 (${default})."`
	Organizations []int    `default:"1,10000" placeholder:"N" help:"Over how many organizations they are spread (${default})."`
	Engine        []string `default:"sqlite,postgres" enum:"sqlite,postgres" placeholder:"NAME" help:"Engines (${default})."`
}

// Run measures one engine and one number of organizations after the other; the
// sizes of each are measured in turns.
func (c *growCommand) Run(ctx context.Context) (err error) {
	w, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, w.close()) }()
	w.flags = coldly // what is read is to grow, not what is remembered
	for _, engine := range c.Engine {
		for _, organizations := range c.Organizations {
			list, err := c.grown(ctx, w, engine, organizations)
			if errors.Is(err, server.ErrNoPostgres) {
				fmt.Fprintln(os.Stderr, err)
				break
			}
			if err := errors.Join(err, c.finish(ctx, report.Result{Grown: list})); err != nil {
				return fmt.Errorf("%s, %d organizations: %w", engine, organizations, err)
			}
		}
	}
	return nil
}

func (c *growCommand) grown(ctx context.Context, w *workshop, engine string, organizations int) (found []report.Measurement, err error) {
	system := map[string]string{"sqlite": report.FloeSQLite, "postgres": report.FloePostgres}[engine]
	var stages []*stage
	defer func() { err = errors.Join(err, stop(stages)) }()
	for _, rows := range c.Customers {
		s, err := w.floe(ctx, system, rows, organizations)
		if err != nil {
			return nil, err
		}
		stages = append(stages, s)
	}
	m, err := w.compare(ctx, stages...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, m.close()) }()
	flush()
	fmt.Fprintln(os.Stderr, strings.ToUpper(engine[:1])+engine[1:]+",", organizations, "organizations")
	m.cold = true
	err = m.all(ctx, func(list []report.Measurement) {
		for i := range list {
			if list[i].System == system {
				found = append(found, list[i])
			}
		}
	})
	if err != nil {
		return found, err
	}
	for _, of := range []struct {
		name string
		grow func(context.Context) ([]report.Measurement, error)
	}{{webhooksName, m.grownWebhooks}, {exportName, m.grownExport}} {
		if !c.wants(of.name) || of.name == exportName && organizations > 1 { // of many, each has too few customers for a file
			continue
		}
		if err := m.warm(ctx); err != nil {
			return found, err
		}
		list, err := of.grow(ctx)
		if err != nil {
			return found, fmt.Errorf("%s: %w", of.name, err)
		}
		m.notes(list)
		found = append(found, list...)
	}
	return found, nil
}
