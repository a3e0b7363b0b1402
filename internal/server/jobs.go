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
	"floe/internal/testclock"
	"floe/internal/webhook"
)

// The kinds of work that enqueue their own successor.
const (
	billingCycle  = "billing.cycle"
	paymentCycle  = "payments.cycle"
	purgeSessions = "customer_sessions.purge"
)

const (
	// cycleRest is how long a cycle sleeps at most.
	cycleRest  = 30 * time.Second
	purgeEvery = time.Hour
)

// kinds are what the job runner can do.
func (s *Server) kinds() []job.Kind {
	return []job.Kind{
		s.billing.kind(billingCycle, func(ctx context.Context, tx *db.Tx) (time.Time, error) {
			at := tx.Now().Add(cycleRest)
			if s.billing.done.Load() > 0 { // what has become due is to be paid
				at = tx.Now()
			}
			return time.Time{}, s.Jobs.Schedule(ctx, tx, paymentCycle, at)
		}),
		// Subscriptions may have been renewed while it was at work.
		s.paying.kind(paymentCycle, func(ctx context.Context, tx *db.Tx) (time.Time, error) { return s.Orders.NextOverdue(ctx, tx) }),
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

// RunDue does everything that is due on the wall clock: first subscriptions,
// then orders that were to be paid, then what a processor has not answered for.
func (s *Server) RunDue(ctx context.Context) error {
	return errors.Join(s.billing.run(ctx), s.paying.run(ctx))
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
