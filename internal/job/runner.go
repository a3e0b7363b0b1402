package job

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
)

// Runner claims due jobs and does them.
type Runner struct {
	DB     *db.DB
	Logger *slog.Logger
	Clock  clock.Clock
	Kinds  []Kind
	// Workers is how many jobs run side by side; 4 when zero.
	Workers int
	// Idle is how often the database is asked for work that nobody has told of;
	// 5 s when zero.
	Idle time.Duration
	// Lease is after what time without a sign of life another node takes a job
	// for lost; ten seconds when zero. A job that runs longer renews it.
	Lease time.Duration

	once sync.Once
}

func (r *Runner) init() {
	r.once.Do(func() {
		if r.Workers == 0 {
			r.Workers = 4
		}
		if r.Idle == 0 {
			r.Idle = 5 * time.Second
		}
		if r.Lease == 0 {
			r.Lease = 10 * time.Second
		}
	})
}

// Run works until the context ends, then waits for the jobs in hand. A worker
// who is done takes the next job, whatever the others are at.
func (r *Runner) Run(ctx context.Context) {
	r.init()
	h, ended := hand{}, make(chan string, r.Workers)
	for ctx.Err() == nil {
		enqueued := r.DB.Signalled(Topic)
		var next <-chan time.Time
		if h.free(r) > 0 {
			if r.begin(ctx, h, ended) > 0 {
				continue
			}
			next = time.After(r.pause(ctx, h))
		}
		select {
		case <-ctx.Done():
		case kind := <-ended:
			h[kind]--
		case <-enqueued:
		case <-next:
		}
	}
	for h.free(r) < r.Workers {
		h[<-ended]--
	}
}

// begin starts as many due jobs as there may be, and answers how many.
func (r *Runner) begin(ctx context.Context, h hand, ended chan<- string) int {
	jobs, err := r.claim(ctx, h, min(h.free(r), r.half()))
	if err != nil { // what was claimed all the same is taken up when its lease has ended
		if ctx.Err() == nil {
			r.Logger.Error("jobs: looking for work failed", "error", err)
		}
		return 0
	}
	for _, j := range jobs {
		h[j.Kind]++
		go func() {
			// A job in hand is finished even when the server is told to stop.
			r.work(context.WithoutCancel(ctx), j)
			ended <- j.Kind
		}()
	}
	return len(jobs)
}

// hand is how many jobs of each kind a runner has in hand.
type hand map[string]int

func (h hand) free(r *Runner) int {
	n := r.Workers
	for _, k := range h {
		n -= k
	}
	return n
}

// claimable: free, no older unfinished job of the same key, and not of a kind
// that has half of the workers already. So no kind ever has all of them, such
// as mail to a server that does not answer.
func (h hand) claimable(r *Runner) *db.W {
	w := db.Where(`leased_until IS NULL AND (key IS NULL OR NOT EXISTS (SELECT 1 FROM jobs older WHERE older.key = jobs.key AND older.seq < jobs.seq))`)
	for _, kind := range slices.Sorted(maps.Keys(h)) {
		if h[kind] >= r.half() {
			w.And("kind <> ?", kind)
		}
	}
	return w
}

func (r *Runner) half() int { return max(r.Workers/2, 1) }

// pause is the time until the next job that is known, but no longer than Idle.
func (r *Runner) pause(ctx context.Context, h hand) time.Duration {
	w := h.claimable(r)
	next, err := db.One[*time.Time](ctx, r.DB, `SELECT MIN(run_at) FROM jobs`+w.SQL(), w.Args()...)
	if err != nil || next == nil {
		return r.Idle
	}
	return min(max(next.Sub(r.Clock.Now()), 10*time.Millisecond), r.Idle)
}

// Drain does everything that is due once and answers how many jobs that were.
// Tests call it instead of Run.
func (r *Runner) Drain(ctx context.Context) (int, error) {
	r.init()
	jobs, err := r.claim(ctx, nil, r.Workers)
	if err != nil {
		return 0, err
	}
	var wait sync.WaitGroup
	for _, j := range jobs {
		wait.Go(func() { r.work(context.WithoutCancel(ctx), j) })
	}
	wait.Wait()
	return len(jobs), nil
}

// claim leases so many jobs. An idle server only reads.
func (r *Runner) claim(ctx context.Context, h hand, limit int) (jobs []row, err error) {
	now := r.Clock.Now()
	w := h.claimable(r).And("run_at <= ?", now)
	some, err := db.One[bool](ctx, r.DB, `SELECT EXISTS (SELECT 1 FROM jobs`+w.SQL()+`)
		OR COALESCE((SELECT MIN(leased_until) FROM jobs WHERE leased_until IS NOT NULL) <= ?, FALSE)`, append(w.Args(), now)...)
	if err != nil || !some {
		return nil, err
	}
	err = r.DB.Write(ctx, func(tx *db.Tx) error {
		tx.TouchNothing()
		// What nobody has in hand any more is free again. It has an index of its
		// own: none finds both in one condition.
		_, err := db.Exec(ctx, tx, `UPDATE jobs SET leased_until = NULL
			WHERE seq IN (SELECT seq FROM jobs WHERE leased_until <= ? ORDER BY leased_until LIMIT ?`+tx.SkipLocked()+`)`, now, r.Workers)
		if err != nil {
			return err
		}
		args := append(append([]any{now.Add(r.Lease)}, w.Args()...), limit)
		jobs, err = db.All[row](ctx, tx, `UPDATE jobs SET leased_until = ?, attempt = attempt + 1
			WHERE seq IN (SELECT seq FROM jobs`+w.SQL()+` ORDER BY run_at, seq LIMIT ?`+tx.SkipLocked()+`)
			RETURNING seq, id, kind, key, args, run_at, attempt`, args...)
		return err
	})
	return jobs, err
}

// held is a job as its worker has claimed it. SQLite gives the number of a job
// again that is gone, so the number alone might be that of another.
const held = `seq = ? AND id = ? AND attempt = ?`

// work does one job and records how it went.
func (r *Runner) work(ctx context.Context, j row) {
	renewing, stop := context.WithCancel(ctx)
	var renewal sync.WaitGroup
	renewal.Go(func() { r.renew(renewing, j) })
	err := r.do(ctx, j)
	stop()
	renewal.Wait()
	if err == nil {
		return
	}
	r.Logger.Error("job failed", "kind", j.Kind, "job", j.ID, "attempt", j.Attempt, "error", err)
	err = r.DB.Write(ctx, func(tx *db.Tx) error {
		tx.TouchNothing()
		_, err := db.Exec(ctx, tx, `UPDATE jobs SET leased_until = NULL, run_at = ?, last_error = ? WHERE `+held,
			tx.Now().Add(backoff(j.Attempt)), err.Error(), j.Seq, j.ID, j.Attempt)
		return err
	})
	if err != nil { // the lease runs out and the job is taken up again
		r.Logger.Error("job could not be put back", "kind", j.Kind, "job", j.ID, "error", err)
	}
}

// renew keeps the lease of a job that is being done.
func (r *Runner) renew(ctx context.Context, j row) {
	tick := time.NewTicker(r.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := r.DB.Write(ctx, func(tx *db.Tx) error {
			tx.TouchNothing()
			_, err := db.Exec(ctx, tx, `UPDATE jobs SET leased_until = ? WHERE `+held, r.Clock.Now().Add(r.Lease), j.Seq, j.ID, j.Attempt)
			return err
		})
		if err != nil && ctx.Err() == nil {
			r.Logger.Error("a job's lease could not be renewed; another node may do it, too", "kind", j.Kind, "job", j.ID, "error", err)
		}
	}
}

func (r *Runner) do(ctx context.Context, j row) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	kind, ok := r.kind(j.Kind)
	if !ok {
		return fmt.Errorf("no kind %q is known to this version", j.Kind)
	}
	if kind.Outside != nil {
		if err := kind.Outside(ctx, j.Args); err != nil {
			return err
		}
	}
	return r.DB.Write(ctx, func(tx *db.Tx) error {
		// First, so that a successor can be enqueued under the same id. Losing the
		// lease to another node shows here, before anything is done twice.
		n, err := db.Exec(ctx, tx, `DELETE FROM jobs WHERE `+held, j.Seq, j.ID, j.Attempt)
		if err != nil || n == 0 {
			return err
		}
		if kind.Tx != nil {
			return kind.Tx(ctx, tx, j.Args)
		}
		tx.TouchNothing()
		return nil
	})
}

func (r *Runner) kind(name string) (Kind, bool) {
	for _, k := range r.Kinds {
		if k.Name == name {
			return k, true
		}
	}
	return Kind{}, false
}
