//go:build unix

package torture

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"floe/internal/db"
	"floe/internal/doctor"
	"floe/internal/webhook"
)

// run is one torture.
type run struct {
	config  Config
	report  *Report
	random  *rand.Rand
	faults  []*fault
	server  *process
	cluster *cluster
	clients []*client
	sink    *sink
	reader  *reader
	log     *os.File
	ahead   time.Duration // of the child's clock
}

// Run tortures until the rounds or the time are over, or something is broken.
// An error says that it could not go on; what is broken is in the report.
func Run(ctx context.Context, c Config) (*Report, error) {
	begun := time.Now()
	r := &Report{Engine: c.Engine, Seed: c.Seed, Clients: c.Clients, Faults: c.Faults, Dir: c.Dir, Rounds: []Round{}, Skipped: []string{}, Problems: []string{}}
	t := &run{config: c, report: r, random: rand.New(rand.NewPCG(c.Seed, 0))} //nolint:gosec // the same each time
	defer t.end()
	err := t.open(ctx)
	if err == nil {
		err = t.rounds(ctx)
	}
	if ctx.Err() != nil { // nothing that was found after that counts
		r.Problems, err = []string{}, unable("it was interrupted: %w", ctx.Err())
	}
	for _, x := range t.clients {
		r.Acknowledged += int(x.acknowledged.Load())
	}
	if t.reader != nil {
		r.Events, r.Repeats, r.Refused = t.sink.count(), t.sink.repeats, t.sink.refused
		r.Changes = len(t.reader.changes)
	}
	r.Seconds = time.Since(begun).Seconds()
	return r, err
}

func (t *run) say(format string, args ...any) {
	if t.config.Progress != nil {
		_, _ = fmt.Fprintf(t.config.Progress, format+"\n", args...)
	}
}

// now is the time by the child's clock.
func (t *run) now() time.Time { return time.Now().Add(t.ahead) }

// isEmpty looks before a server would make tables and send webhooks in a
// database that somebody needs.
func (t *run) isEmpty(ctx context.Context) error {
	if t.config.URL == "" {
		return nil
	}
	d, err := db.Open(ctx, t.database(true))
	if err != nil {
		return unable("%w", err)
	}
	defer func() { _ = d.Close() }()
	tables, err := db.One[int64](ctx, d, `SELECT COUNT(*) FROM pg_catalog.pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`)
	switch {
	case err != nil:
		return unable("%w", err)
	case tables > 0:
		return unable("the database is not empty: it has %d tables; give one that was just created", tables)
	}
	return nil
}

func (t *run) dataDir() string { return filepath.Join(t.config.Dir, "data") }

func (t *run) database(readOnly bool) db.Config {
	c := db.Config{ReadOnly: readOnly, ReadConns: 2}
	switch {
	case t.cluster != nil:
		c.URL = t.cluster.URL("postgres")
	case t.config.URL != "":
		c.URL = t.config.URL
	default:
		c.DataDir = t.dataDir()
	}
	return c
}

// open starts everything: the database, a server, what can be bought, a
// receiver of webhooks and a reader of the feed.
func (t *run) open(ctx context.Context) (err error) {
	if err := os.MkdirAll(t.config.Dir, 0o755); err != nil { //nolint:gosec // PostgreSQL's user has to pass
		return unable("%w", err)
	}
	if t.log, err = os.Create(filepath.Join(t.config.Dir, "server.log")); err != nil {
		return unable("%w", err)
	}
	if t.config.Engine == "postgres" && t.config.URL == "" {
		dir := filepath.Join(t.config.Dir, "postgres")
		if err := os.Mkdir(dir, 0o700); err != nil {
			return unable("%w", err)
		}
		if t.cluster, err = newCluster(dir); err != nil {
			return err
		}
	}
	if err := t.choose(); err != nil {
		return err
	}
	if err := t.isEmpty(ctx); err != nil {
		return err
	}
	if t.sink, err = newSink(ctx, t.config.Seed); err != nil {
		return unable("%w", err)
	}
	t.server = &process{binary: t.config.Binary, args: []string{"--allow-private-webhooks"}, log: &words{to: t.log}, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: t.config.Clients + 4}}}
	if c := t.database(false); c.URL != "" {
		t.server.args = append(t.server.args, "--database-url", c.URL)
	} else {
		t.server.args = append(t.server.args, "--data-dir", c.DataDir)
	}
	t.reader = &reader{server: t.server}
	if err := t.server.start(ctx, Orders{}); err != nil {
		return unable("%w", err)
	}
	s, err := stock(ctx, t.server, "http://"+t.sink.address)
	if err != nil {
		return unable("%w", err)
	}
	for i := range t.config.Clients {
		t.clients = append(t.clients, &client{number: i, random: rand.New(rand.NewPCG(t.config.Seed, uint64(i)+1)), shop: s, server: t.server}) //nolint:gosec // the same each time
	}
	return nil
}

// choose takes the faults that were asked for, or all that can be had.
func (t *run) choose() error {
	for _, name := range t.config.Faults {
		if !slices.ContainsFunc(faults, func(f fault) bool { return f.name == name }) {
			return unable("there is no fault %q; \"floe torture --help\" names those there are", name)
		}
	}
	for i := range faults {
		f := &faults[i]
		asked := slices.Contains(t.config.Faults, f.name)
		if len(t.config.Faults) > 0 && !asked {
			continue
		}
		if f.can != nil {
			if why := f.can(t); why != "" {
				t.report.Skipped = append(t.report.Skipped, f.name+" "+why)
				continue
			}
		}
		t.faults = append(t.faults, f)
	}
	if len(t.faults) == 0 {
		return unable("none of these faults can be had here: %s", strings.Join(t.report.Skipped, "; "))
	}
	return nil
}

func (t *run) end() {
	if t.server != nil {
		t.server.kill()
	}
	if t.sink != nil {
		_ = t.sink.server.Close()
	}
	if t.cluster != nil {
		t.cluster.stop()
	}
	if t.log != nil {
		_ = t.log.Close()
	}
}

// rounds breaks something and looks, again and again, each fault once before
// any comes a second time.
func (t *run) rounds(ctx context.Context) error {
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var readers sync.WaitGroup
	defer readers.Wait()
	defer stop()
	readers.Go(func() { t.reader.read(reading) })
	var bag []*fault
	begun := time.Now()
	for n := 1; n <= t.config.Rounds && (t.config.Duration == 0 || time.Since(begun) < t.config.Duration); n++ {
		if len(bag) == 0 {
			bag = slices.Clone(t.faults)
			t.random.Shuffle(len(bag), func(i, j int) { bag[i], bag[j] = bag[j], bag[i] })
		}
		f := bag[0]
		bag = bag[1:]
		r := Round{Fault: f.name}
		err := t.round(ctx, f, &r)
		t.report.Rounds = append(t.report.Rounds, r)
		t.say("%3d of %d  %-20s %5d acknowledged, %3d unanswered (%d happened)  %4.1f s  %s", n, t.config.Rounds, f.name,
			r.Acknowledged, r.Doubtful, r.Happened, r.Seconds, r.Detail)
		if err != nil || len(t.report.Problems) > 0 {
			return err
		}
	}
	stop()
	readers.Wait()
	return t.last(ctx)
}

func (t *run) acknowledged() (n int64) {
	for _, c := range t.clients {
		n += c.acknowledged.Load()
	}
	return n
}

func (t *run) doubtful() (n int64) {
	for _, c := range t.clients {
		n += c.doubtful.Load()
	}
	return n
}

// round lets clients work, breaks something, and looks at what is there once
// the server serves again.
func (t *run) round(ctx context.Context, f *fault, r *Round) error {
	begun, acknowledged, doubtful := time.Now(), t.acknowledged(), t.doubtful()
	o := Orders{}
	if f.orders != nil {
		o = f.orders(t)
	}
	if f.orders != nil { // otherwise the server that was looked at will do
		t.server.kill()
		t.ahead = o.Offset
		if err := t.server.start(ctx, o); err != nil {
			t.report.problem("before %s: %v", f.name, err)
			return nil
		}
	}
	done, end := context.WithCancel(ctx)
	defer end()
	var working sync.WaitGroup
	for _, c := range t.clients {
		working.Go(func() { c.work(done) })
	}
	time.Sleep(time.Duration(200+t.random.IntN(400)) * time.Millisecond)
	t.server.signal(syscall.SIGUSR1)
	err := f.strike(ctx, t, r)
	if err == nil {
		time.Sleep(time.Duration(t.random.IntN(400)) * time.Millisecond)
	} else {
		t.report.problem("%s: %v", f.name, err)
	}
	t.server.kill()
	t.over(ctx)
	end()
	working.Wait()
	if t.random.IntN(3) == 0 {
		if err := t.sink.restart(ctx); err != nil {
			return unable("%w", err)
		}
	}
	t.ahead = 0
	if err := t.server.start(ctx, Orders{}); err != nil {
		t.report.problem("after %s: %v", f.name, err)
		return nil
	}
	happened, err := t.look(ctx)
	r.Happened, r.Acknowledged, r.Doubtful = happened, int(t.acknowledged()-acknowledged), int(t.doubtful()-doubtful)
	r.Seconds = time.Since(begun).Seconds()
	t.report.Doubtful += r.Doubtful
	t.report.Happened += r.Happened
	return err
}

// goesOn waits until writes are acknowledged again.
func (t *run) goesOn(ctx context.Context) error {
	const within = 30 * time.Second
	before := t.acknowledged()
	for begun := time.Now(); time.Since(begun) < within; {
		if t.acknowledged() > before {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
	return fmt.Errorf("no write was acknowledged within %s of the end of it", within)
}

// Bounds of the last round.
const (
	late      = 24 * time.Hour // its clock has everything due
	arriveIn  = 2 * time.Minute
	sinceLast = 30 * time.Second // with nothing new it is not waited any longer
)

// ending is how long PostgreSQL gets to end what was asked of it.
const ending = 10 * time.Second

// over waits until PostgreSQL is done with servers that were killed: a commit
// that one had sent is made, also when nobody is there to hear of it. Where it
// does not answer, that is over, too.
func (t *run) over(ctx context.Context) {
	if t.config.Engine != "postgres" {
		return
	}
	c := t.database(true)
	c.ReadConns = 1
	d, err := db.Open(ctx, c)
	if err != nil {
		return
	}
	defer func() { _ = d.Close() }()
	for end := time.Now().Add(ending); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		n, err := db.One[int64](ctx, d, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'floe%'
			AND pid <> pg_backend_pid() AND backend_start < (SELECT backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid())`)
		if err != nil || n == 0 {
			return
		}
	}
}

// last waits until every event has arrived, and compares everything once more;
// then it stops the server and looks at what it leaves.
func (t *run) last(ctx context.Context) error {
	t.server.kill()
	t.ahead = late
	if err := t.server.start(ctx, Orders{Offset: late}); err != nil {
		t.report.problem("at the end: %v", err)
		return nil
	}
	d, err := db.Open(ctx, t.database(true))
	if err != nil {
		return err
	}
	journal, err := t.journal(ctx, d, webhook.Types())
	_ = d.Close()
	if err != nil {
		return err
	}
	t.say("waiting for %d webhooks, of which %d have arrived", len(journal), t.sink.count())
	if err := t.await(ctx, len(journal)); err != nil {
		return err
	}
	for t.reader.behind(ctx) {
	}
	if err := t.rest(ctx); err != nil {
		return err
	}
	if _, err := t.look(ctx); err != nil {
		return err
	}
	t.sink.compare(journal, true, t.report.problem)
	t.agree(ctx)
	t.server.signal(syscall.SIGTERM)
	if !t.server.ends(15 * time.Second) {
		t.report.problem("the server does not stop within 15 s of SIGTERM")
		t.server.kill()
	}
	return t.leftovers(ctx)
}

func (t *run) await(ctx context.Context, want int) error {
	begun, changed, had := time.Now(), time.Now(), 0
	for t.sink.count() < want && time.Since(begun) < arriveIn && time.Since(changed) < sinceLast {
		if n := t.sink.count(); n != had {
			had, changed = n, time.Now()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// rest waits until no lane of the webhooks counts anything: what a crash has
// left miscounted has to be found.
func (t *run) rest(ctx context.Context) error {
	d, err := db.Open(ctx, t.database(true))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	for begun := time.Now(); ; {
		n, err := db.One[int64](ctx, d, `SELECT (SELECT COUNT(*) FROM webhook_lanes WHERE pending > 0) + (SELECT COUNT(*) FROM webhook_queue)`)
		if err != nil || n == 0 {
			return err
		}
		if time.Since(begun) > sinceLast {
			t.report.problem("%d lanes and entries of the queue of webhooks do not come to rest", n)
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// leftovers looks at a database that nobody serves.
func (t *run) leftovers(ctx context.Context) error {
	if t.config.Engine == "sqlite" {
		if err := t.searchIndex(ctx); err != nil {
			return err
		}
	}
	d, err := db.Open(ctx, t.database(true))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	t.report.add(doctor.Examine(ctx, doctor.Config{DB: d, Whole: true, Now: t.now}))
	return nil
}
