package server

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"floe/internal/db"
	"floe/internal/job"
	"floe/internal/mail"
	"floe/internal/subscription"
	"floe/internal/testclock"
	"floe/internal/webhook"
)

// The kinds of work that enqueue their own successor.
const (
	billingCycle  = "billing.cycle"
	purgeSessions = "customer_sessions.purge"
)

const (
	// cycleRest is how long the billing cycle sleeps at most.
	cycleRest  = 30 * time.Second
	purgeEvery = time.Hour
)

// kinds are what the job runner can do.
func (s *Server) kinds() []job.Kind {
	return []job.Kind{
		{
			Name: billingCycle,
			Outside: func(ctx context.Context, _ json.RawMessage) error {
				if err := s.RunDue(ctx); err != nil { // the next round tries again, and soon
					s.config.Logger.Error("the billing cycle failed", "error", err)
				}
				return nil
			},
			Tx: func(ctx context.Context, tx *db.Tx, _ json.RawMessage) error {
				tx.TouchNothing() // twice a minute, or no answer would be kept for longer
				at := tx.Now().Add(cycleRest)
				if next := s.nextDue.Load(); next != nil && next.Before(at) {
					at = *next
				}
				return s.Jobs.Schedule(ctx, tx, billingCycle, at)
			},
		},
		{
			Name: purgeSessions,
			Tx: func(ctx context.Context, tx *db.Tx, _ json.RawMessage) error {
				tx.TouchNothing()
				if _, err := s.Customers.PurgeSessions(ctx, tx); err != nil {
					return err
				}
				if err := s.PaymentEvents.Forget(ctx, tx); err != nil {
					return err
				}
				return s.Jobs.Schedule(ctx, tx, purgeSessions, tx.Now().Add(purgeEvery))
			},
		},
		{Name: webhook.JobArchive, Tx: func(ctx context.Context, tx *db.Tx, args json.RawMessage) error {
			return s.Webhooks.Archive(ctx, tx, args)
		}},
		{Name: testclock.JobFollow, Tx: func(ctx context.Context, tx *db.Tx, args json.RawMessage) error {
			return s.TestClocks.FollowAgain(ctx, tx, args)
		}},
		{Name: mail.JobSend, Outside: func(ctx context.Context, args json.RawMessage) error {
			return s.Mail.Send(ctx, args)
		}},
		{Name: webhook.JobReplay, Tx: func(ctx context.Context, tx *db.Tx, args json.RawMessage) error {
			return s.Webhooks.Gather(ctx, tx, args)
		}},
		{Name: webhook.JobUnlisten, Tx: func(ctx context.Context, tx *db.Tx, args json.RawMessage) error {
			return s.Webhooks.Unlisten(ctx, tx, args)
		}},
	}
}

// schedule makes sure that what enqueues its own successor has a first one.
func (s *Server) schedule(ctx context.Context) error {
	return s.config.DB.Write(ctx, func(tx *db.Tx) error {
		if err := s.Jobs.Schedule(ctx, tx, billingCycle, tx.Now()); err != nil {
			return err
		}
		if err := s.Jobs.Schedule(ctx, tx, webhook.JobArchive, webhook.Midnight(tx.Now())); err != nil {
			return err
		}
		return s.Jobs.Schedule(ctx, tx, purgeSessions, tx.Now().Add(purgeEvery))
	})
}

// RunDue does everything that is due on the wall clock, batch after batch:
// first subscriptions, then orders that were to be paid, then what a
// processor has not answered for.
func (s *Server) RunDue(ctx context.Context) error {
	var next time.Time
	soonest := func(t time.Time) {
		if !t.IsZero() && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	var all error
	for _, run := range []func(context.Context, int) (int, time.Time, error){s.Subscriptions.RunDue, s.Orders.RunOverdue, s.Charges.Run, s.Refunds.Run, s.Payments.RunDetach} {
		for {
			done, at, err := run(ctx, subscription.Batch)
			if err != nil { // what is not about the same goes on
				all = errors.Join(all, err)
				soonest(at)
				break
			}
			if s.draining.Load() { // another node goes on with what is left
				soon := s.config.Clock.Now().Add(time.Second)
				s.nextDue.Store(&soon)
				return all
			}
			if done == 0 || ctx.Err() != nil {
				soonest(at)
				break
			}
		}
	}
	if next.IsZero() {
		s.nextDue.Store(nil)
		return errors.Join(all, ctx.Err())
	}
	// What has become due meanwhile, or is in the hands of another node, is
	// looked at soon.
	if now := s.config.Clock.Now(); !next.After(now) {
		next = now.Add(time.Second)
	}
	s.nextDue.Store(&next)
	return errors.Join(all, ctx.Err())
}

// work runs jobs and delivers webhooks until ctx ends and those in hand are
// done.
func (s *Server) work(ctx context.Context) {
	if err := s.schedule(ctx); err != nil && ctx.Err() == nil {
		s.config.Logger.Error("recurring work was not scheduled", "error", err)
	}
	var wait sync.WaitGroup
	wait.Go(func() { s.config.DB.Hear(ctx) })
	wait.Go(func() { s.Webhooks.Run(ctx) })
	s.Jobs.Run(ctx)
	wait.Wait()
}
