package db_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
)

var errNo = errors.New("no")

// gather makes the given writes wait for one that holds the connection, so
// that on SQLite they share a commit. It returns what each Write returned.
func gather(t *testing.T, d *db.DB, writes ...func(*db.Tx) error) []error {
	t.Helper()
	var hold, wg sync.WaitGroup
	var once sync.Once // the holder may be run again
	hold.Add(1)
	results := make([]error, len(writes))
	holding := make(chan struct{})
	wg.Go(func() {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			once.Do(func() { close(holding) })
			hold.Wait()
			return insert(t.Context(), tx, "holder")
		})
		if err != nil {
			t.Errorf("the holder: %v", err)
		}
	})
	<-holding
	for i, fn := range writes {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					results[i] = errors.New("panic: " + p.(string))
				}
			}()
			results[i] = d.Write(t.Context(), fn)
		})
		time.Sleep(2 * time.Millisecond) // they queue in order
	}
	hold.Done()
	wg.Wait()
	return results
}

func TestNeighboursDoNotHarmEachOther(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		ctx := t.Context()
		before := d.Stats()
		results := gather(t, d,
			func(tx *db.Tx) error { return insert(ctx, tx, "first") },
			func(tx *db.Tx) error { _ = insert(ctx, tx, "failing"); return errNo },
			func(tx *db.Tx) error { _ = insert(ctx, tx, "panicking"); panic("help") },
			func(tx *db.Tx) error {
				_, err := db.Exec(ctx, tx, `INSERT INTO things (id, name) VALUES (NULL, 'x')`)
				return err
			},
			func(tx *db.Tx) error { return insert(ctx, tx, "last") },
		)
		if results[0] != nil || !errors.Is(results[1], errNo) || results[2] == nil ||
			results[2].Error() != "panic: help" || results[3] == nil || results[4] != nil {
			t.Errorf("got %q", results)
		}
		if got := names(t, d); !slices.Equal(got, []string{"first", "holder", "last"}) {
			t.Errorf("kept %q", got)
		}
		after := d.Stats()
		if n := after.Writes - before.Writes; n != 3 {
			t.Errorf("%d writes counted, want 3", n)
		}
		if n := after.Batches - before.Batches; d.Engine() == "sqlite" && n > 2 {
			t.Errorf("%d commits for 3 writes that waited together", n)
		}
	})
}

// Whoever is refused for what a neighbour did hears of it once that is durable,
// as a later read does. When they share a commit is a matter of time, so it is
// tried until they have.
func TestRefusedForWhatIsThere(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		ctx := t.Context()
		met := 0
		for attempt := 0; attempt < 20 && met < 3 && !t.Failed(); attempt++ {
			name := fmt.Sprint("neighbour ", attempt)
			var wg sync.WaitGroup
			writing := make(chan struct{})
			var once sync.Once
			wg.Go(func() {
				if err := d.Write(ctx, func(tx *db.Tx) error {
					once.Do(func() { close(writing) })
					time.Sleep(time.Millisecond) // the others begin to wait
					return insert(ctx, tx, name)
				}); err != nil {
					t.Error(err)
				}
			})
			<-writing
			wg.Go(func() {
				err := d.Write(ctx, func(tx *db.Tx) error {
					n, err := db.One[int64](ctx, tx, `SELECT COUNT(*) FROM things WHERE name = ?`, name)
					if err == nil && n > 0 {
						err = errNo
					}
					return err
				})
				if !errors.Is(err, errNo) {
					return
				}
				met++
				if got := names(t, d); !slices.Contains(got, name) {
					t.Errorf("refused for a row that is not among %q", got)
				}
			})
			time.Sleep(100 * time.Microsecond)
			wg.Go(func() { // holds the commit up
				_ = d.Write(ctx, func(*db.Tx) error { time.Sleep(2 * time.Millisecond); return nil })
			})
			wg.Wait()
		}
		if met == 0 && d.Engine() == "sqlite" {
			t.Error("nobody was refused: nothing was tested")
		}
	})
}

// Who was refused for what is lost in the end asks again.
func TestRefusedForWhatIsLost(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	createThings(t, d)
	for range 200 {
		lost, asked := false, 0
		results := gather(t, d,
			func(tx *db.Tx) error {
				tx.Together("lost", nil, func(context.Context, *db.Tx, []any) error {
					if !lost {
						lost = true
						return errNo
					}
					return nil
				})
				return nil
			},
			func(*db.Tx) error { asked++; return errNo },
		)
		if !errors.Is(results[1], errNo) {
			t.Fatalf("got %v", results)
		}
		if asked == 2 {
			return
		}
	}
	t.Error("it has not asked again")
}

// The first of a batch has no savepoint: when it fails, the others still run.
func TestFirstOfBatchFails(t *testing.T) {
	t.Parallel()
	for _, fail := range []func() error{
		func() error { return errNo },
		func() error { panic("first") },
	} {
		d := dbtest.SQLite(t)
		createThings(t, d)
		var wg sync.WaitGroup
		started, queued := make(chan struct{}), make(chan struct{})
		wg.Go(func() {
			defer func() { _ = recover() }()
			_ = d.Write(t.Context(), func(tx *db.Tx) error {
				_ = insert(t.Context(), tx, "failing")
				close(started)
				<-queued
				return fail()
			})
		})
		<-started
		for _, name := range []string{"a", "b"} {
			wg.Go(func() {
				if err := d.Write(t.Context(), func(tx *db.Tx) error { return insert(t.Context(), tx, name) }); err != nil {
					t.Error(err)
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		close(queued)
		wg.Wait()
		if got := names(t, d); !slices.Equal(got, []string{"a", "b"}) {
			t.Errorf("kept %q", got)
		}
	}
}

// runtime.Goexit, which t.FailNow uses, must not keep the connection.
func TestGoexitInsideWrite(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = d.Write(context.Background(), func(tx *db.Tx) error {
				_ = insert(context.Background(), tx, "gone")
				runtime.Goexit()
				return nil
			})
		}()
		<-done
		mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, 'next', ?)`, id.New(), time.Now())
		if got := names(t, d); !slices.Equal(got, []string{"next"}) {
			t.Errorf("kept %q", got)
		}
	})
}

func TestCancelledCallers(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		over, cancel := context.WithCancel(t.Context())
		cancel()
		ran := false
		err := d.Write(over, func(*db.Tx) error { ran = true; return nil })
		if !errors.Is(err, context.Canceled) || ran {
			t.Errorf("before its turn: %v, ran %v", err, ran)
		}

		// One that is cancelled while its function runs beside others.
		during, cancel := context.WithCancel(t.Context())
		results := gather(t, d,
			func(tx *db.Tx) error { return insert(t.Context(), tx, "a") },
			func(tx *db.Tx) error {
				cancel()
				return insert(during, tx, "cancelled")
			},
			func(tx *db.Tx) error { return insert(t.Context(), tx, "b") },
		)
		if results[0] != nil || results[2] != nil {
			t.Errorf("got %q", results)
		}
		want := []string{"a", "b", "holder"}
		if results[1] == nil {
			want = []string{"a", "b", "cancelled", "holder"}
		}
		if got := names(t, d); !slices.Equal(got, want) {
			t.Errorf("kept %q, want %q", got, want)
		}
	})
}

// A caller that gives up in the queue leaves at once and never runs.
func TestGivingUpInTheQueue(t *testing.T) {
	t.Parallel()
	d := dbtest.SQLite(t)
	createThings(t, d)
	err := d.Write(t.Context(), func(tx *db.Tx) error {
		short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := d.Write(short, func(*db.Tx) error { t.Error("ran"); return nil }); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		return insert(t.Context(), tx, "kept")
	})
	if err != nil {
		t.Error(err)
	}
	if got := names(t, d); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("kept %q", got)
	}
}

// A Write inside a Write can never have its turn when it waits for the same
// connection; it must not wait for ever.
func TestWaitingForOneselfEnds(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		d := open(func(c *db.Config) { c.QueueTimeout, c.ReadConns = 50*time.Millisecond, 1 })
		createThings(t, d)
		err := d.Write(t.Context(), func(*db.Tx) error {
			return d.Write(t.Context(), func(*db.Tx) error { return nil })
		})
		if !errors.Is(err, db.ErrBusy) || !strings.Contains(err.Error(), "inside a Write") {
			t.Errorf("write: %v", err)
		}
		mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, 'x', ?)`, id.New(), time.Now())
		if d.Engine() == "postgres" {
			return
		}
		err = d.Read(t.Context(), func(db.Querier) error { return d.Ping(t.Context()) })
		if !errors.Is(err, db.ErrBusy) {
			t.Errorf("read: %v", err)
		}
	})
}

func TestTransactionReadsItsWrites(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if err := insert(t.Context(), tx, "mine"); err != nil {
				return err
			}
			if got := names(t, tx); !slices.Equal(got, []string{"mine"}) {
				t.Errorf("inside: %q", got)
			}
			if got := names(t, d); len(got) != 0 {
				t.Errorf("outside: %q", got)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := names(t, d); !slices.Equal(got, []string{"mine"}) {
			t.Errorf("after: %q", got)
		}
	})
}

func TestReadIsOneSnapshot(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		err := d.Read(t.Context(), func(q db.Querier) error {
			before := names(t, q)
			mustExec(t, d, `INSERT INTO things (id, name, created_at) VALUES (?, 'new', ?)`, id.New(), time.Now())
			if got := names(t, q); !slices.Equal(got, before) {
				t.Errorf("the snapshot moved: %q", got)
			}
			if _, err := db.Exec(t.Context(), q, `DELETE FROM things`); err == nil {
				t.Error("a snapshot takes changes")
			}
			return errNo
		})
		if !errors.Is(err, errNo) {
			t.Errorf("got %v", err)
		}
		if got := names(t, d); len(got) != 1 {
			t.Errorf("afterwards: %q", got)
		}
	})
}

func TestHooks(t *testing.T) {
	t.Parallel()
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		hands := clock.NewManual(at)
		d := open(func(c *db.Config) { c.Clock = hands })
		createThings(t, d)
		var order []string
		say := func(s string) func(context.Context, *db.Tx) error {
			return func(ctx context.Context, tx *db.Tx) error {
				order = append(order, s)
				return insert(ctx, tx, s)
			}
		}
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			tx.AfterCommit(func() { order = append(order, "after") })
			tx.BeforeCommit("a", func(ctx context.Context, tx *db.Tx) error {
				tx.BeforeCommit("c", say("c"))
				tx.BeforeCommit("b", say("never"))
				return say("a")(ctx, tx)
			})
			tx.BeforeCommit("b", say("b"))
			tx.BeforeCommit("a", say("never"))
			tx.SetValue("k", 1)
			hands.Advance(time.Hour)
			if tx.Now() != at || tx.Value("k") != 1 || tx.Value("other") != nil {
				t.Error("the time moved or the bag leaks")
			}
			order = append(order, "body")
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"body", "a", "b", "c", "after"}; !slices.Equal(order, want) {
			t.Errorf("got %q, want %q", order, want)
		}
		err = d.Write(t.Context(), func(tx *db.Tx) error {
			tx.AfterCommit(func() { t.Error("ran without a commit") })
			tx.BeforeCommit("no", func(context.Context, *db.Tx) error { return errNo })
			return insert(t.Context(), tx, "undone")
		})
		if !errors.Is(err, errNo) || slices.Contains(names(t, d), "undone") {
			t.Errorf("got %v, kept %q", err, names(t, d))
		}
	})
}

func TestTry(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		ctx := t.Context()
		err := d.Write(ctx, func(tx *db.Tx) error {
			if err := insert(ctx, tx, "a"); err != nil {
				return err
			}
			err := tx.Try(ctx, func() error {
				if err := insert(ctx, tx, "b"); err != nil {
					return err
				}
				_, err := db.Exec(ctx, tx, `INSERT INTO things (id, name, created_at) SELECT id, name, created_at FROM things`)
				return err
			})
			if !db.IsUnique(err, "things_id_key") {
				t.Errorf("got %v", err)
			}
			return tx.Try(ctx, func() error { return tx.Try(ctx, func() error { return insert(ctx, tx, "c") }) })
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := names(t, d); !slices.Equal(got, []string{"a", "c"}) {
			t.Errorf("kept %q", got)
		}
	})
}

// A failed statement ends the transaction on both engines, also when the
// function looks away.
func TestFailedStatementEndsTheTransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		ctx := t.Context()
		err := d.Write(ctx, func(tx *db.Tx) error {
			_ = insert(ctx, tx, "a")
			_, _ = db.Exec(ctx, tx, `INSERT INTO things (id, name, created_at) SELECT id, name, created_at FROM things`)
			if err := insert(ctx, tx, "b"); !db.IsUnique(err) {
				t.Errorf("the next statement: %v", err)
			}
			return nil
		})
		if !db.IsUnique(err, "things_id_key") {
			t.Errorf("got %v", err)
		}
		if got := names(t, d); len(got) != 0 {
			t.Errorf("kept %q", got)
		}
	})
}

func TestTxAfterItsEnd(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		var kept *db.Tx
		if err := d.Write(t.Context(), func(tx *db.Tx) error { kept = tx; return nil }); err != nil {
			t.Fatal(err)
		}
		if err := insert(t.Context(), kept, "late"); err == nil {
			t.Error("a transaction works after its end")
		}
	})
}

// Two handles stand for two processes: a server and the CLI.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		server, cli := open(), open()
		createThings(t, server)
		var wg sync.WaitGroup
		for _, d := range []*db.DB{server, cli} {
			for i := range 4 {
				wg.Go(func() {
					for j := range 25 {
						err := d.Write(t.Context(), func(tx *db.Tx) error {
							return insert(t.Context(), tx, sprintf("%p %d %d", d, i, j))
						})
						if err != nil {
							t.Error(err)
						}
					}
				})
			}
		}
		wg.Wait()
		for _, d := range []*db.DB{server, cli} {
			if n := one[int](t, d, `SELECT count(*) FROM things`); n != 200 {
				t.Errorf("%d rows, want 200", n)
			}
		}
	})
}

func TestBusyFile(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		holder := open()
		if holder.Engine() == "postgres" {
			return // it has no lock over everything
		}
		createThings(t, holder)
		other := open(func(c *db.Config) { c.BusyTimeout = 20 * time.Millisecond })
		err := holder.Write(t.Context(), func(*db.Tx) error {
			err := other.Write(t.Context(), func(tx *db.Tx) error { t.Error("ran"); return nil })
			if !errors.Is(err, db.ErrBusy) {
				t.Errorf("got %v, want ErrBusy", err)
			}
			patient := open()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			start := time.Now()
			err = patient.Write(ctx, func(tx *db.Tx) error { t.Error("ran"); return nil })
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 3*time.Second {
				t.Errorf("got %v after %v, want the end of the context", err, time.Since(start))
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		if err := other.Write(t.Context(), func(tx *db.Tx) error { return insert(t.Context(), tx, "x") }); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// TestCommitsWaitForTheDisk: SQLite is told to have each commit written down
// before it answers, and PostgreSQL nothing, which is to do what its owner wants.
// No kill of a process shows whether that is so; the power would have to fail.
func TestCommitsWaitForTheDisk(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		err := d.Write(t.Context(), func(tx *db.Tx) error {
			if d.Engine() == "sqlite" {
				if log, sync := one[string](t, tx, `PRAGMA journal_mode`), one[int](t, tx, `PRAGMA synchronous`); log != "wal" || sync != 2 {
					t.Errorf("the log is %q, and commits are as durable as %d; want wal and 2, which is FULL", log, sync)
				}
				return nil
			}
			ours, err := db.All[string](t.Context(), tx, `SELECT name FROM pg_settings
				WHERE name IN ('synchronous_commit', 'commit_delay', 'wal_sync_method', 'fsync') AND source IN ('client', 'session')`)
			if len(ours) != 0 {
				t.Errorf("Floe changes %q", ours)
			}
			return err
		})
		if err != nil {
			t.Error(err)
		}
	})
}
