package server

import (
	"context"
	"fmt"
	"slices"

	"floe/internal/benefit"
	"floe/internal/customer"
	"floe/internal/grant"
	"floe/internal/organization"
	"floe/internal/state"
	"floe/internal/token"
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
	s.Benefits = &benefit.Service{DB: c.DB, Products: benefit.Nothing{}}
	s.Customers = &customer.Service{
		DB:         c.DB,
		LogoDevKey: c.LogoDevKey,
		Sessions:   customer.Sessions{Mint: s.mint, PortalURL: c.PublicURL, Lifetime: c.SessionTTL},
		// What customers own stands above them: declared there, filled here.
		Subscriptions: customer.Nothing{},
	}
	s.Grants = &grant.Service{DB: c.DB, Customers: s.Customers, Benefits: s.Benefits, Sources: grant.NoSources{}}
	s.Customers.Grants, s.Benefits.Grants = s.Grants, s.Grants
	states := &state.Service{DB: c.DB, Customers: s.Customers}
	s.operations = slices.Concat(
		s.Organizations.Operations(),
		s.Customers.Operations(),
		states.Operations(),
		s.Benefits.Operations(),
		s.Grants.Operations(),
		s.Customers.MemberOperations(),
		s.Customers.SessionOperations(),
	)
	return nil
}

// mint makes a token and the form in which it is stored.
func (s *Server) mint(prefix string) (clear, hash string) {
	clear = token.Mint(prefix)
	return clear, s.Tokens.Hash(clear)
}
