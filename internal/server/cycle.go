package server

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"floe/internal/db"
	"floe/internal/job"
	"floe/internal/subscription"
)

// cycle is what is done again and again about what has become due on the wall
// clock. There are two: a payment processor that takes its time must not keep
// subscriptions from ending or going on.
type cycle struct {
	s     *Server
	about batches

	done atomic.Int64              // in the last round
	next atomic.Pointer[time.Time] // as the last round has seen it
}

// batches do one batch of something that is due each, and answer how many
// there were and when the next is due; zero when none is.
type batches []func(ctx context.Context, limit int) (done int, next time.Time, err error)

// kind is the cycle as a job that enqueues its own successor. What else follows
// a round is done in one transaction with that, and may say that the next one
// is due sooner.
func (c *cycle) kind(name string, follows func(context.Context, *db.Tx) (time.Time, error)) job.Kind {
	return job.Kind{
		Name: name,
		Outside: func(ctx context.Context, _ json.RawMessage) error {
			if err := c.run(ctx); err != nil { // the next round tries again, and soon
				c.s.config.Logger.Error(name+" failed", "error", err)
			}
			return nil
		},
		Tx: func(ctx context.Context, tx *db.Tx, _ json.RawMessage) error {
			tx.TouchNothing() // twice a minute, or no answer would be kept for longer
			sooner, err := follows(ctx, tx)
			if err != nil {
				return err
			}
			at := tx.Now().Add(cycleRest)
			if next := c.next.Load(); next != nil && next.Before(at) {
				at = *next
			}
			if rest := tx.Now().Add(time.Second); !sooner.IsZero() && sooner.Before(rest) { // what could not be done is not tried again at once
				sooner = rest
			}
			if !sooner.IsZero() && sooner.Before(at) {
				at = sooner
			}
			return c.s.Jobs.Schedule(ctx, tx, name, at)
		},
	}
}

// run does everything that is due, batch after batch.
func (c *cycle) run(ctx context.Context) error {
	var next time.Time
	soonest := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	var all error
	c.done.Store(0)
	for _, batch := range c.about {
		for {
			done, at, err := batch(ctx, subscription.Batch)
			c.done.Add(int64(done))
			if err != nil { // what is not about the same goes on
				all = errors.Join(all, err)
				soonest(at)
				break
			}
			if c.s.draining.Load() { // another node goes on with what is left
				soon := c.s.config.Clock.Now().Add(time.Second)
				c.next.Store(&soon)
				return all
			}
			if done == 0 || ctx.Err() != nil {
				soonest(at)
				break
			}
		}
	}
	if next.IsZero() {
		c.next.Store(nil)
		return errors.Join(all, ctx.Err())
	}
	// What has become due meanwhile, or is in the hands of another node, is
	// looked at soon.
	if now := c.s.config.Clock.Now(); !next.After(now) {
		next = now.Add(time.Second)
	}
	c.next.Store(&next)
	return errors.Join(all, ctx.Err())
}
