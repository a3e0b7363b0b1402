//go:build unix

package torture

import (
	"context"
	"fmt"
	"strconv"
	"syscall"
	"time"

	"floe/internal/db"
	"floe/internal/webhook"
)

// fault is a way to break something.
type fault struct {
	name  string
	about string
	// can says why not, where it cannot be done.
	can func(t *run) string
	// orders are what the child is told before the round.
	orders func(t *run) Orders
	// strike does it, while the clients work. What the server is to survive, it
	// must have survived when strike returns.
	strike func(ctx context.Context, t *run, r *Round) error
}

// Fault is a way to break something, for people.
type Fault struct{ Name, About string }

// Faults are all ways to break something.
func Faults() (out []Fault) {
	for i := range faults {
		out = append(out, Fault{faults[i].name, faults[i].about})
	}
	return out
}

var faults = []fault{
	{name: "kill", about: "kill -9 at a random moment", strike: nothing},
	dies("kill-before-commit", "the server dies when all of a commit is written and nothing of it is durable", db.Committing, 60),
	dies("kill-after-commit", "the server dies when a commit is durable and nobody has been told", db.Committed, 60),
	dies("kill-before-delivery", "the server dies when it has taken up a webhook and not sent it", webhook.Sending, 40),
	dies("kill-after-delivery", "the server dies when a webhook has arrived and that is not recorded", webhook.Sent, 40),
	{name: "stop", about: "SIGTERM: what is in flight is finished", strike: stop},
	{name: "pause", about: "the whole process stands still for a while (SIGSTOP), as a machine does that is moved; then kill -9", strike: pause},
	{name: "freeze", about: "the whole process stands still for longer than its leases last; then it must go on as it was", strike: freeze},
	{name: "slow-disk", about: "each commit takes up to 100 ms longer; then kill -9", orders: slow, strike: nothing},
	{name: fullDiskName, about: "the disk is filled to the last byte, twice: there is room again, and the same server must go on; it is killed while it is full, and started again", can: fills, strike: fullDisk},
	{name: "read-only-disk", about: "no file can be written any more, then they can again, and the same server must go on", can: limits, strike: readOnlyDisk},
	{name: "clock", about: "the clock jumps forward and back by hours, and is off from the start; then kill -9", orders: jumps, strike: nothing},
	{name: "connections", about: "PostgreSQL ends all connections; the same server must go on", can: postgres, strike: disconnect},
	{name: "backend-crash", about: "kill -9 of one of PostgreSQL's processes, which makes it recover; the same server must go on", can: ours, strike: crashBackend},
	{name: "postgres-restart", about: "PostgreSQL stops at once, as by power failure, and comes back; the same server must go on", can: ours, strike: restartPostgres},
}

func dies(name, about string, p db.Point, most int64) fault {
	return fault{name: name, about: about,
		orders: func(t *run) Orders { return Orders{Die: p, After: t.random.Int64N(most)} },
		strike: func(_ context.Context, t *run, r *Round) error {
			if !t.server.ends(patience) {
				r.Detail = notReached
			}
			return nil
		}}
}

// notReached says of a round that it was none of its fault.
const notReached = "the point was not reached; killed at random"

func nothing(context.Context, *run, *Round) error { return nil }

func slow(t *run) Orders {
	return Orders{Slow: time.Duration(5+t.random.IntN(96)) * time.Millisecond}
}

// jumps leave the clock within some hours of the real one: nothing is due by
// months, and the last round has the latest time of all.
func jumps(t *run) Orders {
	hours := func() time.Duration { return time.Duration(t.random.Int64N(int64(12*time.Hour))) - 6*time.Hour }
	return Orders{Offset: hours(), Jumps: []Jump{{50 * time.Millisecond, hours()}, {200 * time.Millisecond, hours()}, {350 * time.Millisecond, hours()}}}
}

func stop(_ context.Context, t *run, _ *Round) error {
	t.server.signal(syscall.SIGTERM)
	if !t.server.ends(15 * time.Second) {
		return fmt.Errorf("the server does not stop within 15 s of SIGTERM")
	}
	return nil
}

func pause(_ context.Context, t *run, r *Round) error {
	d := time.Duration(100+t.random.IntN(1000)) * time.Millisecond
	r.Detail = d.String()
	t.server.signal(syscall.SIGSTOP)
	time.Sleep(d)
	t.server.signal(syscall.SIGCONT)
	time.Sleep(time.Duration(t.random.IntN(300)) * time.Millisecond)
	return nil
}

// freeze outlasts what a process has claimed for itself: deliveries and jobs are
// taken up anew while it still believes to be at them.
func freeze(ctx context.Context, t *run, r *Round) error {
	d := 11*time.Second + time.Duration(t.random.IntN(1000))*time.Millisecond // webhooks are claimed for ten seconds
	r.Detail = d.String()
	t.server.signal(syscall.SIGSTOP)
	time.Sleep(d)
	t.server.signal(syscall.SIGCONT)
	return t.goesOn(ctx)
}

func postgres(t *run) string {
	if t.config.Engine != "postgres" {
		return "is for PostgreSQL"
	}
	return ""
}

func ours(t *run) string {
	if t.cluster == nil {
		return "needs a private PostgreSQL server"
	}
	return ""
}

func disconnect(ctx context.Context, t *run, r *Round) error {
	d, err := db.Open(ctx, t.database(true))
	if err != nil {
		return err
	}
	defer func() { _ = d.Close() }()
	n, err := db.One[int64](ctx, d, `SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid()) AS ended`)
	if err != nil {
		return err
	}
	r.Detail = strconv.FormatInt(n, 10) + " connections"
	return t.goesOn(ctx)
}

func crashBackend(ctx context.Context, t *run, r *Round) error {
	d, err := db.Open(ctx, t.database(true))
	if err != nil {
		return err
	}
	pid, err := db.One[int](ctx, d, `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
		ORDER BY state = 'active' DESC LIMIT 1`)
	_ = d.Close()
	if err != nil {
		return err
	}
	r.Detail = "process " + strconv.Itoa(pid)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return err
	}
	for begun := time.Now(); t.cluster.answers(ctx) == nil && time.Since(begun) < 2*time.Second; { // it takes a moment to notice
		time.Sleep(5 * time.Millisecond)
	}
	if err := t.cluster.ready(); err != nil {
		return err
	}
	return t.goesOn(ctx)
}

func restartPostgres(ctx context.Context, t *run, r *Round) error {
	away := time.Duration(t.random.IntN(1500)) * time.Millisecond
	r.Detail = away.String() + " away"
	t.cluster.crash()
	time.Sleep(away)
	if err := t.cluster.start(); err != nil {
		return err
	}
	return t.goesOn(ctx)
}
