package server

import (
	"context"
	"fmt"
	"slices"

	"floe/internal/customer"
	"floe/internal/feed"
	"floe/internal/job"
	"floe/internal/organization"
	"floe/internal/state"
	"floe/internal/token"
	"floe/internal/webhook"
)

// assemble builds the services, from those that need nothing to those that
// stand on others, and lists their operations.
func (s *Server) assemble(ctx context.Context) (err error) {
	c := s.config
	s.Tokens, err = token.New(ctx, token.Config{DB: c.DB, Clock: c.Clock, Logger: c.Logger})
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	s.Organizations = organization.New(organization.Config{DB: c.DB, AccessChanged: s.Tokens.Forget})
	s.Customers = &customer.Service{
		DB:         c.DB,
		LogoDevKey: c.LogoDevKey,
		Sessions:   customer.Sessions{Mint: s.mint, PortalURL: c.PublicURL, Lifetime: c.SessionTTL},
		// What customers own stands above them: declared there, filled here.
		Subscriptions: customer.Nothing{},
		Grants:        customer.Nothing{},
	}
	s.Jobs = &job.Runner{DB: c.DB, Logger: c.Logger, Clock: c.Clock, Kinds: s.kinds()}
	states := &state.Service{DB: c.DB, Customers: s.Customers}
	s.Webhooks = webhook.New(webhook.Config{
		DB: c.DB, Logger: c.Logger, Clock: c.Clock, State: states, Jobs: s.Jobs,
		AllowPrivate: c.AllowPrivateWebhooks, Retention: c.WebhookRetention, Version: c.Version,
	})
	s.feed = feed.New(c.DB, s.Customers, s.Tokens)
	s.operations = slices.Concat(
		s.Organizations.Operations(),
		s.Customers.Operations(),
		states.Operations(),
		s.Customers.MemberOperations(),
		s.Customers.SessionOperations(),
		s.feed.Operations(),
		s.Webhooks.Operations(),
	)
	return nil
}

// mint makes a token and the form in which it is stored.
func (s *Server) mint(prefix string) (clear, hash string) {
	clear = token.Mint(prefix)
	return clear, s.Tokens.Hash(clear)
}
