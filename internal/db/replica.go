package db

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// lookEvery is how often the replica is compared with the primary.
	lookEvery = 2 * time.Second
	// maxLag is how far behind a replica may be that answers those who did not
	// say what they must see.
	maxLag = 10 * time.Second
	// replicaPatience bounds the wait for a connection to the replica; after it
	// the primary is asked.
	replicaPatience = time.Second
)

// replica is a server that repeats what the primary does, a little later. It
// answers reads whose view it satisfies. Whatever is wrong with it, the primary
// answers in its place.
type replica struct {
	db   *DB
	pool *pgxpool.Pool
	stop context.CancelFunc
	done chan struct{}

	up      atomic.Bool // it answered when it was looked at last
	near    atomic.Bool // and was not further behind than maxLag
	lagTime atomic.Int64
	lagSize atomic.Int64
	served  atomic.Int64
	behind  atomic.Int64
	failed  atomic.Int64

	samples []sample // of the watch alone
}

// sample is where the primary was at a time.
type sample struct {
	at       time.Time
	position Position
}

func (d *DB) openReplica(ctx context.Context) error {
	config, err := postgresConfig(d.config.ReadURL, 2*replicaPatience)
	if err != nil {
		return fmt.Errorf("the URL of the replica cannot be read: %w", err)
	}
	same, err := One[identity](ctx, d, selectIdentity)
	if err != nil {
		return fmt.Errorf("ask the primary who it is: %w", err)
	}
	r := &replica{db: d, done: make(chan struct{})}
	config.AfterConnect = func(ctx context.Context, c *pgx.Conn) error { return check(ctx, c, same) }
	if r.pool, err = d.newPool(ctx, config); err != nil {
		return err
	}
	r.look(ctx)
	// The watch lasts until the database is closed, not until it was opened.
	ctx, r.stop = context.WithCancel(context.WithoutCancel(ctx))
	go r.watch(ctx)
	d.replica = r
	return nil
}

func (r *replica) end() {
	r.stop()
	<-r.done
	closePool(r.pool)
}

// identity is what a primary and its replicas have in common, and nothing else
// has: positions of other servers mean something else.
type identity struct {
	System   string
	Database string
}

const selectIdentity = `SELECT CAST(system_identifier AS text) AS system,
	(SELECT CAST(oid AS text) FROM pg_database WHERE datname = current_database()) AS database FROM pg_control_system()`

func check(ctx context.Context, c *pgx.Conn, same identity) error {
	var it identity
	var replays bool
	err := c.QueryRow(ctx, `SELECT i.system, i.database, pg_is_in_recovery() FROM (`+selectIdentity+`) i`).Scan(&it.System, &it.Database, &replays)
	switch {
	case err != nil:
		return err
	case it != same:
		return errors.New("it is not a copy of the primary's database")
	case !replays:
		return errors.New("it is not a replica (not in recovery)")
	}
	return nil
}

// take returns a connection to the replica that shows what the view asks for,
// or nil when the primary has to answer.
func (r *replica) take(ctx context.Context, v *View) *pgxpool.Conn {
	if !r.up.Load() {
		r.failed.Add(1)
		return nil
	}
	if v.After == 0 && !r.near.Load() {
		r.behind.Add(1)
		return nil
	}
	short, cancel := context.WithTimeout(ctx, replicaPatience)
	defer cancel()
	conn, err := r.pool.Acquire(short)
	if err != nil {
		r.fail(ctx, err)
		return nil
	}
	ok, err := reached(short, conn.Conn(), v.After)
	if err == nil && ok {
		r.served.Add(1)
		return conn
	}
	conn.Release()
	if err != nil {
		r.fail(ctx, err)
		return nil
	}
	r.behind.Add(1)
	return nil
}

// fail notes that the primary had to answer, and lets the replica alone until
// the next look when it cannot be reached.
func (r *replica) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // says nothing about the replica
	}
	r.failed.Add(1)
	if disconnected(err) || errors.Is(err, ErrUnavailable) || errors.Is(r.db.translate(ctx, err), ErrUnavailable) {
		r.up.Store(false)
	}
}

// reachedKey is where a connection keeps how far its server had come when it
// was asked last. A connection stays with one server, which only goes forward,
// so a position that was reached need not be asked for again.
const reachedKey = "floe position"

func reached(ctx context.Context, c *pgx.Conn, after Position) (ok bool, err error) {
	known, _ := c.PgConn().CustomData()[reachedKey].(Position)
	if known < after {
		if known, err = replayed(ctx, c); err != nil {
			return false, err
		}
		c.PgConn().CustomData()[reachedKey] = known
	}
	return known >= after, nil
}

func replayed(ctx context.Context, c *pgx.Conn) (Position, error) {
	var text string
	err := c.QueryRow(ctx, `SELECT CAST(pg_last_wal_replay_lsn() AS text) WHERE pg_is_in_recovery()`).Scan(&text)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("%w: the replica is none any more", ErrUnavailable)
	}
	if err != nil {
		return 0, err
	}
	return ParsePosition(text)
}

const selectPosition = `SELECT CAST(pg_current_wal_insert_lsn() AS text)`

// watch compares the replica with the primary now and then.
func (r *replica) watch(ctx context.Context) {
	defer close(r.done)
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			r.look(ctx)
		}
	}
}

func (r *replica) look(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	at, err := r.position(limited)
	if was := r.up.Swap(err == nil); ctx.Err() == nil && was != (err == nil) {
		if err != nil {
			r.db.config.Logger.Warn("the replica is not used: reads go to the primary", "error", err)
		} else {
			r.db.config.Logger.Info("the replica is used for reads")
		}
	} else if err != nil && len(r.samples) == 0 && ctx.Err() == nil { // at the start
		r.db.config.Logger.Warn("the replica is not used: reads go to the primary", "error", err)
	}
	now := time.Now()
	text, primaryErr := One[string](limited, r.db, selectPosition)
	if p, bad := ParsePosition(text); primaryErr == nil && bad == nil {
		r.samples = append(r.samples, sample{now, p})
	}
	if err == nil {
		r.measure(time.Now(), at)
	}
	r.near.Store(err == nil && r.lagTime.Load() >= 0 && time.Duration(r.lagTime.Load()) <= maxLag)
}

func (r *replica) position(ctx context.Context) (Position, error) {
	conn, err := r.pool.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer conn.Release()
	return replayed(ctx, conn.Conn())
}

// measure says how far behind a replica is that has come to a position: since
// when the primary has been further. Only a position that the primary was seen
// at says so; before there is one, the lag is not known.
func (r *replica) measure(now time.Time, at Position) {
	last := -1
	for i, s := range r.samples {
		if s.position <= at {
			last = i
		}
	}
	size := int64(0)
	if n := len(r.samples); n > 0 {
		size = max(int64(r.samples[n-1].position)-int64(at), 0)
	}
	r.lagSize.Store(size)
	switch {
	case last < 0:
		r.lagTime.Store(-1)
	case last == len(r.samples)-1:
		r.lagTime.Store(0)
	default:
		r.lagTime.Store(int64(now.Sub(r.samples[last].at)))
	}
	r.samples = r.samples[max(last, 0):]
	if len(r.samples) > maxSamples {
		r.samples = append(r.samples[:1:1], r.samples[len(r.samples)-maxSamples/2:]...)
	}
}

// maxSamples bounds what is kept of a replica that has stopped.
const maxSamples = 3600

// fromReplica returns a connection to the replica for a read, and whose view
// it is, or nil for the primary.
func (d *DB) fromReplica(ctx context.Context) (*pgxpool.Conn, *View) {
	d.stats.reads.Add(1)
	if !d.mayAskReplica(ctx) {
		return nil, nil
	}
	v := viewOf(ctx)
	if conn := d.replica.take(ctx, v); conn != nil {
		return conn, v
	}
	v.primary.Store(true) // the rest of the request, too: it must not go back in time
	return nil, nil
}

// mayAskReplica says whether a read may be answered by a replica.
func (d *DB) mayAskReplica(ctx context.Context) bool {
	if d.replica == nil {
		return false
	}
	v := viewOf(ctx)
	return v != nil && v.Replica && !v.primary.Load()
}

// abandon has the rest of a request read from the primary, because the replica
// has failed it.
func (d *DB) abandon(ctx context.Context, v *View, err error) {
	v.primary.Store(true)
	d.replica.served.Add(-1)
	d.replica.fail(ctx, err)
}

// queryReplica runs a statement on the replica; done is false when the primary
// has to answer.
func (d *DB) queryReplica(ctx context.Context, st *statement, args []any) (r result, done bool) {
	conn, v := d.fromReplica(ctx)
	if conn == nil {
		return r, false
	}
	r, err := sent(ctx, conn, st, st.text, args...)
	if err != nil {
		conn.Release()
		d.abandon(ctx, v, err)
		return r, false
	}
	r.db, r.conn, r.view = d, conn, v
	return r, true
}

// ReplicaStats say how the replica fares.
type ReplicaStats struct {
	Up      bool
	Served  int64         // reads that it answered
	Behind  int64         // that the primary answered because the replica was not far enough
	Failed  int64         // because it was not there, or failed
	LagTime time.Duration // below zero when it is not known
	LagSize int64         // bytes of the log
}

// Replica says how the replica fares; false when there is none.
func (d *DB) Replica() (ReplicaStats, bool) {
	r := d.replica
	if r == nil {
		return ReplicaStats{}, false
	}
	return ReplicaStats{
		Up: r.up.Load(), Served: r.served.Load(), Behind: r.behind.Load(), Failed: r.failed.Load(),
		LagTime: time.Duration(r.lagTime.Load()), LagSize: r.lagSize.Load(),
	}, true
}
