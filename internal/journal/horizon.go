package journal

import (
	"context"
	"strings"
	"sync"
	"time"

	"floe/internal/db"
)

// Topic is what a commit signals that has added to the journal; see
// db.Signalled.
const Topic = "journal"

// Horizon knows how far the journal can be read in the order of its numbers
// without missing anything: up to it, no change will appear any more.
//
// SQLite commits one transaction after the other, so what can be seen is all
// there is. PostgreSQL commits in any order: number 7 may become visible before
// number 6. It does not help to leave out the rows of transactions that are
// younger than the oldest running one (those with an id of at least
// pg_snapshot_xmin), because ids and numbers are drawn at different moments: an
// old transaction may draw number 7 after a young one, still running, drew 6.
//
// But whoever draws a number holds a lock on the table by then, in the mode of
// INSERT, and keeps it until it has ended and its rows can be seen. So: read the
// last number that was drawn, then who holds that lock. When none of those holds
// it any more, everything up to that number has been committed or never will
// be. Mostly nobody holds it and one statement is enough. Transactions in other
// databases, and those that only read, do not matter.
type Horizon struct {
	DB *db.DB
	// Patience bounds how long one search waits for transactions that are
	// running; a second when zero. After it the horizon stays where it was.
	Patience time.Duration

	mu      sync.Mutex
	known   int64
	running *round
	waiting *round // begins when running has ended
	pending *fence // of a round that lost its patience
}

// fence is a number, and who must have ended for it to be settled.
type fence struct {
	Seq     int64
	Holders []string
}

// round is one search for the horizon, shared by all who asked before it began.
type round struct {
	done chan struct{}
	seq  int64
	err  error
}

func (h *Horizon) patience() time.Duration {
	if h.Patience > 0 {
		return h.Patience
	}
	return time.Second
}

// Known is the horizon that was found last; zero before the first time.
func (h *Horizon) Known() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.known
}

// Advance finds the horizon. It covers everything that was committed before
// the call, unless a transaction is running that began before and takes long.
func (h *Horizon) Advance(ctx context.Context) (int64, error) {
	r := h.join(ctx)
	select {
	case <-r.done:
		return r.seq, r.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (h *Horizon) join(ctx context.Context) *round {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.running == nil {
		h.running = &round{done: make(chan struct{})}
		go h.run(context.WithoutCancel(ctx), h.running) // for all who join, whoever leaves
		return h.running
	}
	if h.waiting == nil {
		h.waiting = &round{done: make(chan struct{})}
	}
	return h.waiting
}

// run does rounds until nobody waits for another.
func (h *Horizon) run(ctx context.Context, r *round) {
	for r != nil {
		limited, cancel := context.WithTimeout(ctx, h.patience()+10*time.Second)
		seq, err := h.search(limited)
		cancel()
		h.mu.Lock()
		h.known = max(h.known, seq)
		r.seq, r.err = h.known, err
		close(r.done)
		r, h.running, h.waiting = h.waiting, h.waiting, nil
		h.mu.Unlock()
	}
}

func (h *Horizon) search(ctx context.Context) (int64, error) {
	if h.DB.Engine() != "postgres" {
		return db.One[int64](ctx, h.DB, `SELECT COALESCE(MAX(seq), 0) FROM journal`)
	}
	known := h.Known()
	drawn, err := Drawn(ctx, h.DB)
	if err != nil || drawn == known {
		return known, err
	}
	f, err := h.fence(ctx)
	if err != nil {
		return known, err
	}
	return h.await(ctx, f, known)
}

// holding is the condition on pg_locks for those who may have drawn a number.
const holding = `locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted AND relation = CAST('journal' AS regclass)
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`

// fence reads the last number, then the holders. That they are read in this
// order is why they are a subquery on what was read first.
func (h *Horizon) fence(ctx context.Context) (fence, error) {
	type row struct {
		Seq     int64
		Holders *string
	}
	r, err := db.One[row](ctx, h.DB, `WITH drawn AS MATERIALIZED (SELECT `+drawnNumber+` AS seq FROM journal_seq_seq)
		SELECT seq, (SELECT string_agg(virtualtransaction, ' ') FROM pg_locks WHERE `+holding+` AND drawn.seq IS NOT NULL) AS holders FROM drawn`)
	f := fence{Seq: r.Seq}
	if r.Holders != nil {
		f.Holders = strings.Fields(*r.Holders)
	}
	return f, err
}

// ended says whether all holders have ended.
func (h *Horizon) ended(ctx context.Context, f *fence) (bool, error) {
	if len(f.Holders) == 0 {
		return true, nil
	}
	w := db.Where(holding).In("virtualtransaction", f.Holders)
	n, err := db.One[int64](ctx, h.DB, `SELECT COUNT(*) FROM pg_locks`+w.SQL(), w.Args()...)
	return n == 0, err
}

// await waits until the fence is settled, for as long as Patience lasts. The
// fence of an earlier round that is settled by now counts too: otherwise the
// horizon would stand still as long as there is always one long transaction.
func (h *Horizon) await(ctx context.Context, f fence, known int64) (int64, error) {
	patience := time.NewTimer(h.patience())
	defer patience.Stop()
	for pause := time.Millisecond; ; pause = min(2*pause, 20*time.Millisecond) {
		done, err := h.ended(ctx, &f)
		if err != nil {
			return known, err
		}
		if done {
			h.pending = nil
			return f.Seq, nil
		}
		select {
		case <-patience.C:
			return h.settle(ctx, f, known)
		case <-ctx.Done():
			return known, ctx.Err()
		case <-time.After(pause):
		}
	}
}

// settle falls back on the fence of an earlier round, or keeps this one for
// later rounds.
func (h *Horizon) settle(ctx context.Context, f fence, known int64) (int64, error) {
	if h.pending == nil {
		h.pending = &f
		return known, nil
	}
	done, err := h.ended(ctx, h.pending)
	if err == nil && done {
		known, h.pending = h.pending.Seq, &f
	}
	return known, err
}

const drawnNumber = `CASE WHEN is_called THEN last_value ELSE last_value - 1 END`

// Drawn is the highest number that any change has or may yet get from a
// transaction that is running.
func Drawn(ctx context.Context, d *db.DB) (int64, error) {
	if d.Engine() != "postgres" {
		return db.One[int64](ctx, d, `SELECT COALESCE(MAX(seq), 0) FROM journal`)
	}
	return db.One[int64](ctx, d, `SELECT `+drawnNumber+` AS seq FROM journal_seq_seq`)
}
