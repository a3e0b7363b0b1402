package job_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/job"
)

func each(t *testing.T, fn func(t *testing.T, d *db.DB)) {
	t.Parallel()
	dbtest.Each(t, fn)
}

func runner(d *db.DB, kinds ...job.Kind) (*job.Runner, *clock.Manual) {
	hands := clock.NewManual(time.Now().Add(time.Hour))
	return &job.Runner{DB: d, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Clock: hands, Kinds: kinds}, hands
}

func drain(t *testing.T, r *job.Runner) int {
	t.Helper()
	n, err := r.Drain(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestJobIsPartOfItsTransaction(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		var ran atomic.Int32
		r, _ := runner(d, job.Kind{Name: "count", Outside: func(context.Context, json.RawMessage) error { ran.Add(1); return nil }})
		failed := errors.New("no")
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if err := r.Enqueue(t.Context(), tx, "count", map[string]string{}); err != nil {
				return err
			}
			return failed
		})
		if !errors.Is(err, failed) || drain(t, r) != 0 {
			t.Fatal("a job outlived its transaction")
		}
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return r.Enqueue(t.Context(), tx, "count", map[string]string{}) }); err != nil {
			t.Fatal(err)
		}
		if n := drain(t, r); n != 1 || ran.Load() != 1 || drain(t, r) != 0 {
			t.Errorf("ran %d times", ran.Load())
		}
	})
}

func TestFailureIsRetriedLater(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		var tries atomic.Int32
		r, hands := runner(d, job.Kind{Name: "fail", Outside: func(context.Context, json.RawMessage) error {
			switch tries.Add(1) {
			case 1:
				panic("first time")
			case 2, 3:
				return errors.New("not yet")
			}
			return nil
		}})
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return r.Enqueue(t.Context(), tx, "fail", 1) }); err != nil {
			t.Fatal(err)
		}
		for _, least := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second} {
			begun := time.Now().Truncate(time.Microsecond)
			drain(t, r)
			again, err := db.One[time.Time](t.Context(), d, `SELECT run_at FROM jobs`)
			if err != nil {
				t.Fatal(err)
			}
			if wait := again.Sub(begun); wait < least || wait > least+time.Minute {
				t.Errorf("after %d tries the next one comes after %s, want %s", tries.Load(), wait, least)
			}
			hands.Set(again.Add(-time.Microsecond))
			if drain(t, r) != 0 {
				t.Error("retried before its time")
			}
			hands.Set(again)
		}
		if drain(t, r) != 1 || tries.Load() != 4 || drain(t, r) != 0 {
			t.Errorf("%d tries", tries.Load())
		}
	})
}

// TestKeyKeepsOrder: whoever looks for work beside one that is done finds none of
// its key, nor behind one that has failed and is tried again later.
func TestKeyKeepsOrder(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		var mu sync.Mutex
		var seen []string
		failed := false
		beside, _ := runner(d)
		r, _ := runner(d, job.Kind{Name: "note", Outside: func(_ context.Context, args json.RawMessage) error {
			if n, err := beside.Drain(t.Context()); n != 0 || err != nil {
				t.Errorf("beside %s %d others are done, %v", args, n, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if string(args) == "1" && !failed {
				failed = true
				return errors.New("the first time")
			}
			seen = append(seen, string(args))
			return nil
		}})
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			for i := range 5 {
				if err := r.Enqueue(t.Context(), tx, "note", i, job.Key("k")); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for n := drain(t, r); n > 0; n = drain(t, r) {
			if n > 1 {
				t.Errorf("%d were claimed together", n)
			}
		}
		if want := []string{"0", "1", "2", "3", "4"}; !slices.Equal(seen, want) {
			t.Errorf("got %v", seen)
		}
	})
}

// However many nodes look for work, each job is done once, and a scheduled
// kind has one job and goes on.
func TestManyRunnersDoEachJobOnce(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		var done atomic.Int32
		kinds := []job.Kind{{Name: "once", Tx: func(ctx context.Context, tx *db.Tx, _ json.RawMessage) error {
			tx.AfterCommit(func() { done.Add(1) })
			return nil
		}}}
		var nodes []*job.Runner
		for range 3 {
			r, _ := runner(d, kinds...)
			nodes = append(nodes, r)
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			for range 40 {
				if err := nodes[0].Enqueue(t.Context(), tx, "once", 1); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for _, r := range nodes {
			wait.Go(func() {
				for range 40 {
					if _, err := r.Drain(context.Background()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		if done.Load() != 40 {
			t.Errorf("done %d times, want 40", done.Load())
		}
		for _, r := range nodes {
			if err := d.Write(t.Context(), func(tx *db.Tx) error { return r.Schedule(t.Context(), tx, "once", tx.Now()) }); err != nil {
				t.Fatal(err)
			}
		}
		n, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FROM jobs`)
		if err != nil || n != 1 {
			t.Errorf("%d scheduled jobs, %v", n, err)
		}
	})
}

// A node that works shows it; one that has gone is replaced within seconds.
func TestLease(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		begun, finish := make(chan struct{}), make(chan struct{})
		var ran atomic.Int32
		kinds := []job.Kind{{Name: "long", Outside: func(context.Context, json.RawMessage) error {
			if ran.Add(1) == 1 {
				close(begun)
				<-finish
			}
			return nil
		}}, {Name: "quick"}}
		node := func() *job.Runner {
			return &job.Runner{DB: d, Logger: slog.New(slog.DiscardHandler), Clock: clock.Wall, Kinds: kinds, Lease: 600 * time.Millisecond}
		}
		first, second := node(), node()
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return first.Enqueue(t.Context(), tx, "long", 1) }); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		wait.Go(func() { drain(t, first) })
		<-begun
		for end := time.Now().Add(3 * second.Lease); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
			if drain(t, second) != 0 {
				t.Error("a job was taken away from a node that works")
			}
		}
		// Nor is it when there is something to claim beside it.
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return second.Enqueue(t.Context(), tx, "quick", 1) }); err != nil {
			t.Fatal(err)
		}
		if drain(t, second) != 1 || drain(t, second) != 0 {
			t.Error("a job was taken away from a node that works while others were due")
		}
		close(finish)
		wait.Wait()
		if drain(t, second) != 0 || ran.Load() != 1 {
			t.Errorf("ran %d times", ran.Load())
		}
		// A lease that nobody renews any more.
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if err := first.Enqueue(t.Context(), tx, "long", 2); err != nil {
				return err
			}
			_, err := db.Exec(t.Context(), tx, `UPDATE jobs SET leased_until = ?, attempt = 1`, time.Now().Add(second.Lease))
			return err
		})
		if err != nil || drain(t, second) != 0 {
			t.Fatalf("a lease was not respected: %v", err)
		}
		for begin := time.Now(); drain(t, second) == 0; time.Sleep(20 * time.Millisecond) {
			if time.Since(begin) > 10*time.Second {
				t.Fatal("the job of a node that has gone was not taken over")
			}
		}
	})
}

// TestOvertaken: a worker that stood still until its lease had ended, and whose
// job has been done since, does not do it again, nor takes another for it.
func TestOvertaken(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		begun, finish := make(chan struct{}), make(chan struct{})
		var outside atomic.Int32
		done := map[string]int{}
		kind := job.Kind{
			Name: "slow",
			Outside: func(context.Context, json.RawMessage) error {
				if outside.Add(1) == 1 {
					close(begun)
					<-finish
				}
				return nil
			},
			Tx: func(_ context.Context, tx *db.Tx, args json.RawMessage) error {
				tx.AfterCommit(func() { done[string(args)]++ })
				return nil
			},
		}
		stood, _ := runner(d, kind)
		enqueue := func(args int) {
			t.Helper()
			if err := d.Write(t.Context(), func(tx *db.Tx) error { return stood.Enqueue(t.Context(), tx, "slow", args) }); err != nil {
				t.Fatal(err)
			}
		}
		enqueue(1)
		var wait sync.WaitGroup
		wait.Go(func() { drain(t, stood) })
		<-begun
		err := d.Write(t.Context(), func(tx *db.Tx) error { // what another node that takes it over leaves
			_, err := db.Exec(t.Context(), tx, `DELETE FROM jobs`)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		enqueue(2)
		if err := d.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `UPDATE jobs SET attempt = 1, leased_until = ?`, time.Now().Add(time.Hour))
			return err
		}); err != nil {
			t.Fatal(err)
		}
		close(finish)
		wait.Wait()
		left, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FROM jobs`)
		if err != nil || left != 1 || len(done) != 0 {
			t.Errorf("done: %v, %d left, %v", done, left, err)
		}
	})
}

// TestTakenOver: a worker that stood still until another node had taken its job
// over leaves the lease of that one alone: it neither renews nor ends it, whether
// it then fails or is done.
func TestTakenOver(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		for _, outcome := range []error{nil, errors.New("no")} {
			begun, finish := make(chan struct{}), make(chan struct{})
			stood, _ := runner(d, job.Kind{Name: "slow", Outside: func(context.Context, json.RawMessage) error {
				close(begun)
				<-finish
				return outcome
			}})
			stood.Lease = 30 * time.Millisecond
			if err := d.Write(t.Context(), func(tx *db.Tx) error { return stood.Enqueue(t.Context(), tx, "slow", 1) }); err != nil {
				t.Fatal(err)
			}
			var wait sync.WaitGroup
			wait.Go(func() { drain(t, stood) })
			<-begun
			until := time.Now().Add(2 * time.Hour).UTC().Truncate(time.Microsecond)
			if err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.Exec(t.Context(), tx, `UPDATE jobs SET attempt = attempt + 1, leased_until = ?`, until)
				return err
			}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * stood.Lease) // in which it would renew the lease more than once
			close(finish)
			wait.Wait()
			n, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FROM jobs WHERE attempt = 2 AND leased_until = ? AND last_error IS NULL`, until)
			if err != nil || n != 1 {
				t.Errorf("when it ended with %v, %d jobs were left as they were, %v", outcome, n, err)
			}
			if err := d.Write(t.Context(), func(tx *db.Tx) error {
				_, err := db.Exec(t.Context(), tx, `DELETE FROM jobs`)
				return err
			}); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// TestStopping: what is in hand when the server is told to stop is finished.
func TestStopping(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		begun, finish := make(chan struct{}), make(chan struct{})
		r, _ := runner(d, job.Kind{Name: "long", Outside: func(ctx context.Context, _ json.RawMessage) error {
			close(begun)
			<-finish
			return ctx.Err()
		}})
		if err := d.Write(t.Context(), func(tx *db.Tx) error { return r.Enqueue(t.Context(), tx, "long", 1) }); err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx) })
		<-begun
		stop()
		close(finish)
		running.Wait()
		if n, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FROM jobs`); n != 0 || err != nil {
			t.Errorf("%d are left, %v", n, err)
		}
	})
}

// TestNoKindHoldsUpOthers: whatever hangs, as mail to a server that does not
// answer, what is of another kind is done meanwhile.
func TestNoKindHoldsUpOthers(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		finish, quick := make(chan struct{}), make(chan string, 10)
		var hanging, most atomic.Int32
		r, _ := runner(d,
			job.Kind{Name: "hangs", Outside: func(context.Context, json.RawMessage) error {
				most.Store(max(most.Load(), hanging.Add(1)))
				<-finish
				hanging.Add(-1)
				return nil
			}},
			job.Kind{Name: "quick", Outside: func(_ context.Context, args json.RawMessage) error {
				quick <- string(args)
				return nil
			}})
		enqueue := func(kind string, args int, options ...job.Option) {
			t.Helper()
			if err := d.Write(t.Context(), func(tx *db.Tx) error { return r.Enqueue(t.Context(), tx, kind, args, options...) }); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 20 {
			enqueue("hangs", i)
		}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { r.Run(ctx) })
		for i, want := range []string{"1", "2", "3"} {
			enqueue("quick", i+1, job.Key("k"))
			select {
			case got := <-quick:
				if got != want {
					t.Errorf("%s came before %s", got, want)
				}
			case <-time.After(20 * time.Second):
				t.Fatalf("%s was not done while %d others hung", want, hanging.Load())
			}
		}
		close(finish)
		for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			n, err := db.One[int64](t.Context(), d, `SELECT COUNT(*) FROM jobs`)
			if err != nil || time.Since(begin) > 20*time.Second {
				t.Fatalf("%d are left, %v", n, err)
			}
			if n == 0 {
				break
			}
		}
		stop()
		running.Wait()
		if n := most.Load(); n < 2 || n > 3 {
			t.Errorf("%d of four workers did what hangs", n)
		}
	})
}

// TestWhatMustWaitIsNotAskedFor: a job that waits for an older one of its key,
// which is tried again later, does not make an idle server ask the database over
// and over.
func TestWhatMustWaitIsNotAskedFor(t *testing.T) {
	each(t, func(t *testing.T, d *db.DB) {
		r, _ := runner(d, job.Kind{Name: "note", Outside: func(context.Context, json.RawMessage) error { return nil }})
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			return errors.Join(
				r.Enqueue(t.Context(), tx, "note", 1, job.Key("k"), job.At(time.Now().Add(24*time.Hour))),
				r.Enqueue(t.Context(), tx, "note", 2, job.Key("k")))
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		before := d.Stats().Queries
		r.Run(ctx)
		if n := d.Stats().Queries - before; n > 10 {
			t.Errorf("%d queries in a second in which nothing could be done", n)
		}
	})
}
