// Package job runs work that must happen after a commit, or later: rows in the
// same database, enqueued in the transaction that causes them, leased by one
// runner at a time on any number of nodes, retried until they succeed. Jobs of
// one key run in their order. It knows nothing of what the work is.
package job

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Kind is a sort of work, declared beside the code that does it.
type Kind struct {
	Name string
	// Tx does the work in the transaction that also ends the job: it happens
	// exactly once. For work that is only SQL.
	Tx func(ctx context.Context, tx *db.Tx, args json.RawMessage) error
	// Outside does the work in no transaction; a crash after it and before its
	// record makes it happen again. For work that leaves the database.
	Outside func(ctx context.Context, args json.RawMessage) error
}

// Topic is what a commit signals that has added a job; see db.Signalled.
const Topic = "jobs"

// Option changes how a job is enqueued.
type Option func(*row)

// At puts a job off until a time.
func At(t time.Time) Option { return func(r *row) { r.RunAt = t } }

// Key makes the job wait for older ones of the same key.
func Key(k string) Option { return func(r *row) { r.Key = &k } }

// row is a job as it is stored.
type row struct {
	Seq     int64
	ID      id.ID
	Kind    string
	Key     *string
	Args    json.RawMessage
	RunAt   time.Time
	Attempt int
}

// Enqueue adds a job to the transaction: it runs if and only if that commits,
// and soon, whatever a test clock shows to whom it is for.
func (r *Runner) Enqueue(ctx context.Context, tx *db.Tx, kind string, args any, options ...Option) error {
	j := row{ID: id.New(), Kind: kind, Args: schema.JSON(args), RunAt: tx.Wall()}
	for _, o := range options {
		o(&j)
	}
	return r.insert(ctx, tx, j)
}

// Schedule makes sure that there is one job of a kind and that it is done by
// then, for work that enqueues its own successor. However many nodes call it,
// there is one. One that is being done is left alone.
func (r *Runner) Schedule(ctx context.Context, tx *db.Tx, kind string, at time.Time) error {
	return r.insert(ctx, tx, row{ID: only(kind), Kind: kind, Args: json.RawMessage("{}"), RunAt: at})
}

// only is the id of the single job of a kind: the same on every node.
func only(kind string) id.ID {
	sum := sha256.Sum256([]byte("job of kind " + kind))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80 // version 4, RFC variant
	h := fmt.Sprintf("%x", sum[:16])
	return id.ID(h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:])
}

func (r *Runner) insert(ctx context.Context, tx *db.Tx, j row) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO jobs (id, kind, key, args, run_at, created_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (id) DO UPDATE SET run_at = excluded.run_at WHERE jobs.leased_until IS NULL AND jobs.run_at > excluded.run_at`, j.ID, j.Kind, j.Key, j.Args, j.RunAt, tx.Now())
	if err != nil {
		return fmt.Errorf("enqueue %s: %w", j.Kind, err)
	}
	tx.Signal(Topic)
	return nil
}

// backoff is how long after a failed attempt the next one comes: doubling from
// a second to an hour.
func backoff(attempt int) time.Duration {
	return min(time.Second<<min(max(attempt-1, 0), 12), time.Hour)
}
