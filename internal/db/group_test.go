package db_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// named is what members of the groups here want: a thing with a name.
type named struct {
	name string
	err  error
	at   time.Time
	with int // how many were in the transaction that was committed
}

// naming makes a group whose items may be poison, and panic.
func naming(d *db.DB) *db.Group[*named] {
	return db.NewGroup(d, 128, func(ctx context.Context, tx *db.Tx, items []*named) error {
		for _, n := range items {
			if err := insert(ctx, tx, n.name); err != nil {
				return err
			}
			n.at, n.with = tx.Now(), len(items)
			switch {
			case strings.HasPrefix(n.name, "poison"):
				return errNo
			case strings.HasPrefix(n.name, "panic"):
				panic(n.name)
			}
		}
		return nil
	})
}

// company makes members of a group wait until they are together: the first of
// them is held up.
func company(t *testing.T, d *db.DB, g *db.Group[*named], list []*named) {
	t.Helper()
	release := occupy(t, d, g)
	var wg sync.WaitGroup
	for _, n := range list {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					n.err = fmt.Errorf("panic: %v", p)
				}
			}()
			n.err = g.Write(t.Context(), n)
		})
	}
	time.Sleep(20 * time.Millisecond) // they gather
	release()
	wg.Wait()
}

// occupy keeps a group from beginning: SQLite's one writer, or all slots on
// PostgreSQL.
func occupy(t *testing.T, d *db.DB, g *db.Group[*named]) (release func()) {
	t.Helper()
	var held, wg sync.WaitGroup
	held.Add(1)
	if d.Engine() == "postgres" {
		free := g.Occupy()
		return free
	}
	var once sync.Once
	holding := make(chan struct{})
	wg.Go(func() {
		_ = d.Write(t.Context(), func(*db.Tx) error {
			once.Do(func() { close(holding) })
			held.Wait()
			return nil
		})
	})
	<-holding
	return func() { held.Done(); wg.Wait() }
}

func TestGroupSharesATransaction(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		var list []*named
		for i := range 300 {
			list = append(list, &named{name: fmt.Sprintf("thing %03d", i)})
		}
		before := d.Stats()
		company(t, d, naming(d), list)
		shared := 0
		for i, n := range list {
			if n.err != nil {
				t.Errorf("%s: %v", n.name, n.err)
			}
			if n.with > 1 {
				shared++
			}
			if n.with > 128 {
				t.Errorf("%d in one transaction", n.with)
			}
			if got := names(t, d)[i]; got != n.name {
				t.Errorf("stored %s, not %s", got, n.name)
			}
		}
		if shared < 250 {
			t.Errorf("only %d of 300 were in a group", shared)
		}
		if n := d.Stats().Batches - before.Batches; n > 50 {
			t.Errorf("%d commits", n)
		}
	})
}

// One that cannot be done does not harm the others, whatever is wrong with it.
func TestGroupFailsAlone(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		list := []*named{{name: "a"}, {name: "poison"}, {name: "b"}, {name: "panic"}, {name: "c"}}
		company(t, d, naming(d), list)
		for _, n := range list {
			switch {
			case n.name == "poison" && !errors.Is(n.err, errNo), n.name == "panic" && (n.err == nil || n.err.Error() != "panic: panic"),
				len(n.name) == 1 && n.err != nil:
				t.Errorf("%s: %v", n.name, n.err)
			}
		}
		if got := strings.Join(names(t, d), " "); got != "a b c" {
			t.Errorf("stored %s", got)
		}
	})
}

// Whoever gives up before the group begins is not in it, even if it was to lead,
// and whoever comes with a time of its own is in none.
func TestGroupWithoutSome(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		createThings(t, d)
		g := naming(d)
		release := occupy(t, d, g)
		var wg sync.WaitGroup
		var gaveUp atomic.Int32
		ctx, cancel := context.WithCancel(t.Context())
		for i := range 3 {
			wg.Go(func() {
				if err := g.Write(ctx, &named{name: fmt.Sprint("given up ", i)}); errors.Is(err, context.Canceled) {
					gaveUp.Add(1)
				}
			})
			time.Sleep(2 * time.Millisecond)
		}
		stays := &named{name: "stays"}
		wg.Go(func() {
			if err := g.Write(t.Context(), stays); err != nil {
				t.Error(err)
			}
		})
		then := time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)
		clocked := &named{name: "in another time"}
		wg.Go(func() {
			if err := g.Write(clock.WithTime(t.Context(), then), clocked); err != nil {
				t.Error(err)
			}
		})
		time.Sleep(10 * time.Millisecond)
		cancel()
		time.Sleep(10 * time.Millisecond)
		release()
		wg.Wait()
		if got := strings.Join(names(t, d), ", "); gaveUp.Load() != 3 || got != "in another time, stays" {
			t.Errorf("%d gave up; stored %s", gaveUp.Load(), got)
		}
		if !clocked.at.Equal(then) || clocked.with != 1 || stays.at.Equal(then) {
			t.Errorf("times %s (with %d) and %s", clocked.at, clocked.with, stays.at)
		}
	})
}

// On PostgreSQL a member that has to wait for somebody else's transaction does
// not keep the others waiting, whether it leads them or not.
func TestGroupIsImpatient(t *testing.T) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		if d.Engine() == "sqlite" { // which has one writer
			return
		}
		createThings(t, d)
		mustExec(t, d, `CREATE UNIQUE INDEX things_name_key ON things (name)`)
		for _, leads := range []bool{true, false} {
			contend(t, d, leads)
			mustExec(t, d, `DELETE FROM things`)
		}
	})
}

// contend has a group of which one member waits for another transaction.
func contend(t *testing.T, d *db.DB, leads bool) {
	t.Helper()
	var held, wg, others sync.WaitGroup
	held.Add(1)
	holding := make(chan struct{})
	var once sync.Once
	wg.Go(func() {
		_ = d.Write(t.Context(), func(tx *db.Tx) error {
			err := insert(t.Context(), tx, "contested")
			once.Do(func() { close(holding) })
			held.Wait()
			return err
		})
	})
	<-holding
	g := naming(d)
	release := g.Occupy()
	contested := &named{name: "contested"}
	join := []func(){
		func() { wg.Go(func() { contested.err = g.Write(t.Context(), contested) }) },
		func() {
			others.Go(func() {
				if err := g.Write(t.Context(), &named{name: "other"}); err != nil {
					t.Error(err)
				}
			})
		},
	}
	if !leads {
		slices.Reverse(join)
	}
	for i, one := range join {
		one()
		gathered(t, g, i+1)
	}
	release()
	free := make(chan struct{})
	go func() { others.Wait(); close(free) }()
	select {
	case <-free:
	case <-time.After(20 * time.Second):
		t.Errorf("the other waits for the contested one (which leads: %v)", leads)
	}
	held.Done()
	wg.Wait()
	others.Wait()
	if !db.IsUnique(contested.err) {
		t.Errorf("the contested one: %v", contested.err)
	}
}

// gathered waits until so many are waiting for a group to begin.
func gathered(t *testing.T, g *db.Group[*named], n int) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); g.Waiting() < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d of %d are waiting", g.Waiting(), n)
		}
	}
}
