package server

import (
	"context"
	"encoding/json"
	"time"

	"floe/internal/db"
	"floe/internal/job"
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
	}
}

// schedule makes sure that work which enqueues its own successor has a first
// one.
func (s *Server) schedule(ctx context.Context) error {
	return s.config.DB.Write(ctx, func(tx *db.Tx) error {
		return s.Jobs.Schedule(ctx, tx, purgeSessions, tx.Now().Add(purgeEvery))
	})
}

// work runs jobs until ctx ends and those in hand are done.
func (s *Server) work(ctx context.Context) {
	if err := s.schedule(ctx); err != nil && ctx.Err() == nil {
		s.config.Logger.Error("recurring work was not scheduled", "error", err)
	}
	s.Jobs.Run(ctx)
}
