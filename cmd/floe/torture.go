package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"floe/internal/torture"
)

type tortureCommand struct {
	Dir         string   `arg:"" default:"floe-torture" help:"Folder on the disk that is to be tried; it must be empty or not be there (${default})."`
	Engine      string   `enum:"sqlite,postgres" default:"sqlite" help:"sqlite, or postgres, which starts a private server from the programs that are installed (${default})."`
	DatabaseURL string   `name:"database-url" placeholder:"URL" help:"An empty PostgreSQL database to use in place of a private server. What would break the server itself is left out."`
	Rounds      int      `default:"28" help:"How often something is broken (${default})."`
	Duration    span     `placeholder:"TIME" help:"Begin no round after this time."`
	Clients     int      `default:"16" help:"How many clients work at the same time (${default})."`
	Seed        uint64   `help:"Number by which everything that is left to chance is chosen; a new one by default. It decides what is asked for, not how the answers interleave."`
	Fault       []string `narrows:"" placeholder:"NAME" help:"Only break it in this way. Repeat it for several; the names are above."`
	JSON        bool     `name:"json" help:"Print the report as JSON."`
	Keep        bool     `help:"Keep the folder even if nothing was wrong."`
}

// Help says what it does, the ways to break it, and what the exit codes mean.
func (tortureCommand) Help() string {
	var b strings.Builder
	b.WriteString(`It starts real servers on a database of its own, lets clients work on them at random, and
breaks something, again and again. After each time it compares all that is there with
all that was answered: what was acknowledged is there, what was not answered is there
whole or not at all, no rule of floe doctor is broken, and the journal, the change feed,
the totals, the states and the webhooks, received by a sink that misbehaves, agree.

It writes some megabytes a round into the folder. When something is wrong the folder
stays, and the report says how to look at it.

For the full disk it starts itself where it can mount a small file system that nobody
else sees, which takes as much memory as the data. Where the system does not allow that,
SQLite's files are kept from growing, PostgreSQL's disk is left alone, and the report
says so.

Ways to break it:
`)
	for _, f := range torture.Faults() {
		fmt.Fprintf(&b, "  %-21s %s\n", f.Name, f.About)
	}
	b.WriteString(`
Exit codes: 0 every promise was kept; 1 one was broken; 2 it could not be run.

Examples:
  floe torture
  floe torture /mnt/disk/try --rounds 200 --json
  floe torture --engine postgres --fault postgres-restart --fault backend-crash`)
	return b.String()
}

// Validate checks numbers and faults while it is still a question of usage.
func (c *tortureCommand) Validate() error {
	switch {
	case c.Rounds < 1:
		return fmt.Errorf("--rounds is %d; at least 1", c.Rounds)
	case c.Clients < 1 || c.Clients > 1000:
		return fmt.Errorf("--clients is %d; from 1 to 1000", c.Clients)
	}
	if err := checkURL("--database-url", c.DatabaseURL); err != nil {
		return err
	}
	known := torture.Faults()
	for _, name := range c.Fault {
		if len(known) > 0 && !slices.ContainsFunc(known, func(f torture.Fault) bool { return f.Name == name }) {
			return fmt.Errorf("--fault: there is no fault %q; \"floe torture --help\" names those there are", name)
		}
	}
	return nil
}

// Run tortures and prints what came of it.
func (c *tortureCommand) Run(ctx context.Context, io *streams) error {
	ran, code, notApart := torture.Apart(ctx, c.Fault)
	if ran {
		return ended(code, notApart)
	}
	config, err := c.config(io)
	if err != nil {
		return exit{exitUnknown, err}
	}
	config.NotApart = notApart
	_, _ = fmt.Fprintf(io.err, "seed %d, %s, %d clients, in %s\n", config.Seed, config.Engine, config.Clients, config.Dir)
	r, err := torture.Run(ctx, config)
	broken := len(r.Problems) > 0
	failed := keepReport(config.Dir, r)
	if !broken && !c.Keep {
		failed = os.RemoveAll(config.Dir)
	}
	if failed != nil {
		_, _ = fmt.Fprintln(io.err, "floe:", failed)
	}
	if c.JSON {
		e := json.NewEncoder(io.out)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		err = errors.Join(err, e.Encode(r))
	} else if broken || err == nil { // what could not be run has shown nothing
		err = tortured(io.out, r)
	}
	switch {
	case broken:
		return exit{exitFailed, fmt.Errorf("%d promises were broken", len(r.Problems))}
	case err != nil:
		return exit{exitUnknown, oneLine(err)}
	}
	return nil
}

// keepReport puts the report beside the data, for those who look at it: all of
// it, or none.
func keepReport(dir string, r *torture.Report) error {
	name := filepath.Join(dir, "report.json")
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, append(text, '\n'), 0o600); err != nil {
		_ = os.Remove(name)
		return err
	}
	return nil
}

// ended is what the process that was run apart has left to say: nothing but its
// exit code, unless a signal ended it.
func ended(code int, err error) error {
	switch {
	case err == nil && code == 0:
		return nil
	case err == nil && code > 0:
		return exit{code: code}
	case err == nil:
		err = errors.New("it was killed")
	}
	return exit{exitUnknown, err}
}

func (c *tortureCommand) config(io *streams) (torture.Config, error) {
	dir, err := filepath.Abs(c.Dir)
	if err != nil {
		return torture.Config{}, err
	}
	if list, err := os.ReadDir(dir); err == nil && len(list) > 0 {
		return torture.Config{}, fmt.Errorf("%s is not empty; choose another folder", dir)
	}
	binary, err := os.Executable()
	if err != nil {
		return torture.Config{}, err
	}
	config := torture.Config{Binary: binary, Dir: dir, Engine: c.Engine, URL: c.DatabaseURL, Seed: c.Seed, Rounds: c.Rounds,
		Clients: c.Clients, Duration: time.Duration(c.Duration), Faults: c.Fault, Progress: io.err}
	if c.DatabaseURL != "" {
		config.Engine = "postgres"
	}
	if config.Seed == 0 {
		config.Seed = rand.Uint64N(1_000_000) + 1 //nolint:gosec // guards nothing
	}
	return config, nil
}

// tortured prints a report for people.
func tortured(w io.Writer, r *torture.Report) error {
	var b strings.Builder
	told(&b, r)
	_, err := io.WriteString(w, b.String())
	return err
}

func told(w *strings.Builder, r *torture.Report) {
	p := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	p("")
	p("%d rounds in %.0f s, seed %d, %s", len(r.Rounds), r.Seconds, r.Seed, r.Engine)
	p("  %d writes were acknowledged, and are there", r.Acknowledged)
	p("  %d were not answered: %d happened whole, the others not at all", r.Doubtful, r.Happened)
	p("  %d rows were compared at last, %d changes read from the feed", r.Rows, r.Changes)
	p("  %d webhook events arrived, %d of them more than once; %d deliveries were refused", r.Events, r.Repeats, r.Refused)
	if r.FullDisk != "" {
		p("  the full disk was %s", r.FullDisk)
	}
	for _, s := range r.Skipped {
		p("  not tried: %s", s)
	}
	if len(r.Problems) == 0 {
		p("Every promise was kept.")
		return
	}
	p("")
	p("Broken:")
	for _, x := range r.Problems {
		p("  %s", printable(x))
	}
	p("")
	p("Look at it:")
	p("  %s/server.log     what the servers said", r.Dir)
	p("  %s/report.json    this report", r.Dir)
	if r.Engine == "sqlite" {
		p("  floe doctor --data-dir %s/data", r.Dir)
		p("  floe serve --data-dir %s/data", r.Dir)
	} else {
		p("  %s/postgres       the data of the private server, if there was one", r.Dir)
	}
	p("Do it again:")
	again := fmt.Sprintf("  floe torture --seed %d --engine %s --rounds %d --clients %d", r.Seed, r.Engine, len(r.Rounds), r.Clients)
	for _, fault := range r.Faults {
		again += " --fault " + fault
	}
	p("%s", again)
}
