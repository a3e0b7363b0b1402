package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"floe/bench/data"
	"floe/bench/report"
	"floe/bench/server"
	"floe/bench/wire"
)

// comparison is a number of servers that are measured in turns, with the bare
// programs beside them.
type comparison struct {
	*workshop
	run    string
	stages []*stage
	bare   *server.Process
	tables map[string]*table // by the bare system
	counts map[string]*atomic.Int64
	cold   bool // without what asks for the same again
	// folders are where the files of the stages lie, once somebody has asked.
	folders []string
}

// table is the bare table of an engine.
type table struct {
	*wire.BareTable
	cpu func() time.Duration
}

// compare starts the bare programs that the stages are compared with.
func (w *workshop) compare(ctx context.Context, stages ...*stage) (*comparison, error) {
	c := &comparison{workshop: w, stages: stages, run: strconv.FormatInt(time.Now().UnixNano(), 36) + "-",
		tables: map[string]*table{}, counts: map[string]*atomic.Int64{}}
	if w.wantsOwners() {
		for _, s := range stages {
			if s.isFloe() && s.set.Organizations == 1 {
				if err := s.endow(ctx); err != nil {
					return nil, fmt.Errorf("make owners: %w", err)
				}
			}
		}
	}
	bodies := map[string][]byte{}
	for i, o := range operations {
		if o.Kind != reads || !w.wants(o.Name) || !stages[0].has(&o) {
			continue
		}
		clients := c.clients(ctx, stages[0], &o, 1)
		got, err := clients.All(1)
		clients.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
		bodies["/"+strconv.Itoa(i)] = got[0]
	}
	var err error
	c.bare, err = w.programs.StartBare(ctx, bodies)
	return c, err
}

func (c *comparison) close() error {
	err := c.bare.Stop()
	for _, t := range c.tables {
		err = errors.Join(err, t.Close())
	}
	return err
}

// sample is what the requests to a stage are made of.
func (c *comparison) sample(s *stage) *sample {
	return &sample{set: s.set, keys: s.keys, token: s.key, run: c.run}
}

// count numbers the requests of an operation to a stage, through all turns.
func (c *comparison) count(s *stage, o *operation) *atomic.Int64 {
	name := fmt.Sprint(s.system, s.set.Rows, s.set.Organizations, strings.HasPrefix(o.Name, "create"))
	if c.counts[name] == nil {
		c.counts[name] = new(atomic.Int64)
	}
	return c.counts[name]
}

func (s *stage) isFloe() bool { return s.pocket == "" }

// has says whether there is somebody to ask for.
func (s *stage) has(o *operation) bool { return s.owners > 0 || !strings.HasSuffix(o.Name, ofOwners) }

// call is the operation as the stage's server has it, nil when it has not.
func (s *stage) call(o *operation, of *sample) *wire.Call {
	build := o.floe
	if !s.isFloe() {
		build = o.pocketBase
	}
	if build == nil {
		return nil
	}
	call := build(of)
	return &call
}

func (c *comparison) clients(ctx context.Context, s *stage, o *operation, n int) *wire.Clients {
	of := c.sample(s)
	of.hot = o.Hot
	if strings.HasSuffix(o.Name, ofOwners) {
		of.keys = s.ownerKeys()
	}
	return wire.New(ctx, s.server.Address, n, c.count(s, o), *s.call(o, of))
}

// sideOf is a stage in turns with others; Close ends its connections.
func (c *comparison) sideOf(ctx context.Context, s *stage, o *operation, clients int) (wire.Side, func(), error) {
	if o.Kind == deletes {
		side, stop := c.deleting(ctx, s, o, clients)
		return side, stop, nil
	}
	conns := c.clients(ctx, s, o, clients)
	if n := c.again(s, o); n > 0 {
		if _, err := conns.Run(0, n); err != nil {
			conns.Close()
			return wire.Side{}, nil, err
		}
	}
	if strings.HasSuffix(o.Name, besideChanges) {
		run, stop := c.beside(ctx, s, conns)
		return wire.Side{Run: run, CPU: s.server.CPU}, func() { conns.Close(); stop() }, nil
	}
	return wire.Side{Run: conns.Run, CPU: s.server.CPU}, conns.Close, nil
}

// beside has somebody change customers while the others run.
func (c *comparison) beside(ctx context.Context, s *stage, others *wire.Clients) (run func(time.Duration, int64) (wire.Sample, error), stop func()) {
	change, _ := find("update, 64 clients")
	changer := c.clients(ctx, s, change, 1)
	run = func(d time.Duration, limit int64) (wire.Sample, error) {
		done, changed := make(chan struct{}), make(chan error, 1)
		go func() { changed <- changeUntil(done, changer) }()
		out, err := others.Run(d, limit)
		close(done)
		return out, errors.Join(err, <-changed)
	}
	return run, changer.Close
}

// changeUntil changes one customer after the other until it is done.
func changeUntil(done <-chan struct{}, changer *wire.Clients) error {
	tick := time.NewTicker(time.Second / changesPerSecond)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return nil
		case <-tick.C:
			if _, err := changer.Run(0, 1); err != nil {
				return err
			}
		}
	}
}

// again is how many customers an operation asks for over and over. Each is
// asked for once before, so that what is measured is what those get who ask
// again; one turn to warm up is too short for that.
func (c *comparison) again(s *stage, o *operation) int64 {
	switch {
	case c.cold || !s.isFloe():
		return 0
	case strings.HasSuffix(o.Name, ofOwners):
		return int64(s.owners)
	}
	return int64(min(o.Hot, len(s.keys)))
}

// deleted is how many customers are made for each turn, to be deleted in it.
const deleted = 1000

func (c *comparison) deleting(ctx context.Context, s *stage, o *operation, clients int) (wire.Side, func()) {
	from := c.sample(s)
	create, _ := find("create, 64 clients")
	makers := c.clients(ctx, s, create, create.Clients)
	conns := wire.New(ctx, s.server.Address, clients, new(atomic.Int64), *s.call(o, from))
	before := func() (int64, error) {
		bodies, err := makers.All(deleted)
		if err != nil {
			return 0, err
		}
		from.keys, err = from.keysOf(bodies)
		return int64(len(from.keys)), err
	}
	closeAll := func() { makers.Close(); conns.Close() }
	return wire.Side{Run: conns.Run, CPU: s.server.CPU, Before: before}, closeAll
}

// keysOf reads the ids in answers to creations.
func (s *sample) keysOf(bodies [][]byte) ([]data.Key, error) {
	tenants := map[string]int{}
	for i, t := range s.set.Tenants {
		tenants[string(t.Organization)] = i
	}
	out := make([]data.Key, len(bodies))
	for i, body := range bodies {
		var made struct {
			ID           string
			Organization string `json:"organization_id"`
		}
		if err := json.Unmarshal(body, &made); err != nil {
			return nil, err
		}
		out[i] = data.Key{Tenant: tenants[made.Organization], ID: made.ID}
	}
	return out, nil
}

func find(name string) (*operation, bool) {
	for i := range operations {
		if operations[i].Name == name {
			return &operations[i], true
		}
	}
	return nil, false
}

// bareSide is what an operation is compared with: the handler, or the table of
// an engine.
func (c *comparison) bareSide(ctx context.Context, o *operation, system string, clients int) (wire.Side, func(), error) {
	if o.Kind == reads {
		at := "/" + strconv.Itoa(indexOf(o))
		call := wire.Call{Method: "GET", Status: 200, Token: func(int64) string { return "none" },
			Path: func(b []byte, _ int64) []byte { return append(b, at...) }}
		conns := wire.New(ctx, c.bare.Address, clients, new(atomic.Int64), call)
		return wire.Side{Run: conns.Run, CPU: c.bare.CPU}, conns.Close, nil
	}
	t, err := c.table(ctx, system)
	if err != nil {
		return wire.Side{}, nil, err
	}
	side := wire.Side{CPU: t.cpu}
	switch o.Kind {
	case inserts:
		side.Run = t.Inserts(clients)
	case updates:
		side.Run = t.Updates(clients)
	case deletes:
		side.Run = t.Deletes(clients)
		side.Before = func() (int64, error) {
			_, err := t.Inserts(clients)(0, deleted)
			return deleted, err
		}
	}
	return side, func() {}, nil
}

func indexOf(o *operation) int {
	for i := range operations {
		if operations[i].Name == o.Name {
			return i
		}
	}
	return -1
}

// mostFilled bounds how many rows a bare table begins with.
const mostFilled = 1_000_000

// table is made when it is needed, as large as the customers are many.
func (c *comparison) table(ctx context.Context, system string) (*table, error) {
	if t := c.tables[system]; t != nil {
		return t, nil
	}
	t := &table{cpu: server.OwnCPU}
	say("filling the table of %s", system)
	var err error
	if system == report.BarePostgres {
		if err := c.postgres.New(ctx, "bare"); err != nil {
			return nil, err
		}
		t.cpu = func() time.Duration { return server.OwnCPU() + c.postgres.CPU() }
		t.BareTable, err = wire.OpenBarePostgres(c.postgres.URL("bare"), 64)
	} else {
		dir := c.dir
		if c.Keep != "" {
			dir = c.keep // the disk that is measured
		}
		t.BareTable, err = wire.OpenBareSQLite(dir)
	}
	if err != nil {
		return nil, err
	}
	c.tables[system] = t
	return t, t.Fill(min(c.stages[0].set.Rows, mostFilled))
}

// entry is one side of a measurement and what is written of it.
type entry struct {
	wire.Side
	close func()
	out   report.Measurement
	bare  string // the system that it is compared with
}

func (c *comparison) entries(ctx context.Context, o *operation, clients int) (out []entry, err error) {
	bares := map[string]bool{}
	for _, s := range c.stages { // first what takes long: servers close connections that wait
		if o.Kind != reads {
			if _, err := c.table(ctx, bareOf(s.system)); err != nil {
				return nil, err
			}
		}
	}
	for _, s := range c.stages {
		if s.call(o, c.sample(s)) == nil || s.system == report.PocketBaseFull && o.Kind == reads {
			continue
		}
		side, stop, err := c.sideOf(ctx, s, o, clients)
		if err != nil {
			closeAll(out)
			return nil, err
		}
		bare := report.Bare
		if o.Kind != reads {
			bare = bareOf(s.system)
		}
		bares[bare] = true
		out = append(out, entry{side, stop, report.Measurement{System: s.system, Customers: s.set.Rows, Organizations: s.set.Organizations}, bare})
	}
	for _, bare := range []string{report.Bare, report.BarePostgres} {
		if !bares[bare] {
			continue
		}
		side, stop, err := c.bareSide(ctx, o, bare, clients)
		if err != nil {
			closeAll(out)
			return nil, err
		}
		first := c.stages[0].set
		out = append(out, entry{side, stop, report.Measurement{System: bare, Customers: first.Rows, Organizations: first.Organizations}, ""})
	}
	return out, nil
}

// bareOf is what a system's writes are compared with.
func bareOf(system string) string {
	if system == report.FloePostgres {
		return report.BarePostgres
	}
	return report.Bare
}

func closeAll(list []entry) {
	for _, e := range list {
		e.close()
	}
}

// measure takes one operation of all systems in turns.
func (c *comparison) measure(ctx context.Context, o *operation) ([]report.Measurement, error) {
	list, samples, err := c.turns(ctx, o, o.Clients, c.Turns)
	if err != nil {
		return nil, err
	}
	rates := map[string]float64{}
	for i := range list {
		m := &list[i].out
		m.Operation, m.Clients, m.Done, m.PerSecond = o.Name, o.Clients, samples[i].Done, samples[i].PerSecond()
		m.CPUMicros = float64(samples[i].CPUEach().Nanoseconds()) / 1000
		m.Fail(samples[i].Err)
		rates[m.System] = m.PerSecond
	}
	if o.Kind == reads { // how long one waits when nobody else asks
		if _, samples, err = c.turns(ctx, o, 1, max(1, c.Turns/2)); err != nil {
			return nil, err
		}
		for i := range list {
			list[i].out.Fail(samples[i].Err)
		}
	}
	out := make([]report.Measurement, len(list))
	for i, e := range list {
		out[i] = e.out
		out[i].Waits(samples[i].Percentile)
		if e.bare != "" && rates[e.bare] > 0 {
			out[i].OfBare = out[i].PerSecond / rates[e.bare]
		}
	}
	return out, nil
}

func (c *comparison) turns(ctx context.Context, o *operation, clients, turns int) ([]entry, []wire.Sample, error) {
	list, err := c.entries(ctx, o, clients)
	if err != nil {
		return nil, nil, err
	}
	defer closeAll(list)
	sides := make([]wire.Side, len(list))
	for i := range list {
		sides[i] = list[i].Side
	}
	return list, wire.Turns(sides, c.Turn, turns), ctx.Err()
}

// all measures every operation that is wanted.
func (c *comparison) all(ctx context.Context, each func([]report.Measurement)) error {
	for i := range operations {
		o := &operations[i]
		if !c.wants(o.Name) || c.cold && o.Hot > 0 || !c.stages[0].has(o) {
			continue
		}
		say("%s", o.Name)
		if err := c.warm(ctx); err != nil {
			return err
		}
		start := time.Now()
		list, err := c.measure(ctx, o)
		if err != nil {
			return fmt.Errorf("%s: %w", o.Name, err)
		}
		for j := range list {
			c.note(&list[j])
		}
		say("")
		fmt.Fprintf(os.Stderr, "%-20s %s\n", o.Name, time.Since(start).Round(100*time.Millisecond))
		each(list)
	}
	return nil
}

// note prints a line of what was measured.
func (c *comparison) note(m *report.Measurement) {
	say("")
	if m.Failed != "" {
		fmt.Fprintf(os.Stderr, "  %-22s %9d failed: %s\n", m.System, m.Customers, m.Failed)
		return
	}
	fmt.Fprintf(os.Stderr, "  %-22s %9d %10.0f/s  of bare %.2f  cpu %7.1f µs  p50 %.3g ms  p99 %.3g ms\n",
		m.System, m.Customers, m.PerSecond, m.OfBare, m.CPUMicros, m.P50Millis, m.P99Millis)
}
