package server

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"floe/internal/db"
	"floe/internal/job"
	"floe/internal/webhook"
)

const (
	purgeSessions = "customer_sessions.purge"
	purgeEvery    = time.Hour
)

// kinds are all sorts of work that run in the background.
func (s *Server) kinds() []job.Kind {
	return []job.Kind{
		{Name: purgeSessions, Tx: func(ctx context.Context, tx *db.Tx, _ json.RawMessage) error {
			if _, err := s.Customers.PurgeSessions(ctx, tx); err != nil {
				return err
			}
			return s.Jobs.Schedule(ctx, tx, purgeSessions, tx.Now().Add(purgeEvery))
		}},
		{Name: webhook.JobArchive, Tx: func(ctx context.Context, tx *db.Tx, args json.RawMessage) error { return s.Webhooks.Archive(ctx, tx, args) }},
		{Name: webhook.JobReplay, Tx: func(ctx context.Context, tx *db.Tx, args json.RawMessage) error { return s.Webhooks.Gather(ctx, tx, args) }},
	}
}

// schedule makes sure that work which enqueues its own successor has a first
// one.
func (s *Server) schedule(ctx context.Context) error {
	return s.config.DB.Write(ctx, func(tx *db.Tx) error {
		if err := s.Jobs.Schedule(ctx, tx, webhook.JobArchive, webhook.Midnight(tx.Now())); err != nil {
			return err
		}
		return s.Jobs.Schedule(ctx, tx, purgeSessions, tx.Now().Add(purgeEvery))
	})
}

// work runs jobs and delivers webhooks until ctx ends and those in hand are
// done.
func (s *Server) work(ctx context.Context) {
	if err := s.schedule(ctx); err != nil && ctx.Err() == nil {
		s.config.Logger.Error("recurring work was not scheduled", "error", err)
	}
	var wait sync.WaitGroup
	wait.Go(func() { s.Webhooks.Run(ctx) })
	s.Jobs.Run(ctx)
	wait.Wait()
}
