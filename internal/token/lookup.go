package token

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
)

// Authenticate says whom a bearer token stands for. The subject's slices are
// shared between requests: they are read, never changed.
func (s *Service) Authenticate(ctx context.Context, bearer string) (auth.Subject, error) {
	prefix := prefixOf(bearer)
	if prefix == client {
		return auth.Subject{}, nil
	}
	if !intact(bearer) {
		return auth.Subject{}, auth.ErrInvalid
	}
	switch prefix {
	case Organization, Personal:
		return s.access(ctx, prefix, bearer)
	case CustomerSession, MemberSession:
		return s.session(ctx, bearer)
	}
	return auth.Subject{}, auth.ErrInvalid
}

// access resolves an access token, from memory when it was read within the
// last second. Its expiry is looked at each time.
func (s *Service) access(ctx context.Context, prefix, bearer string) (auth.Subject, error) {
	k := keyOf(bearer)
	begun := time.Now() // ages entries by the monotonic clock, whatever the time of day does
	e := s.cache.get(k, begun)
	fresh := e == nil
	if fresh {
		leave, err := s.enter(ctx, s.cache.known(k))
		if err != nil {
			return auth.Subject{}, err
		}
		e, err = s.lookup(ctx, prefix, bearer, begun)
		leave()
		if errors.Is(err, auth.ErrInvalid) {
			s.cache.drop(k)
		}
		if err != nil {
			return auth.Subject{}, err
		}
	}
	now := s.clock.Now()
	if e.expired(now) {
		s.cache.drop(k)
		return auth.Subject{}, auth.ErrInvalid
	}
	if fresh {
		s.cache.put(k, e)
		s.usage.mark(e.subject.TokenID, now)
	}
	return e.subject, nil
}

// strangers is how many tokens that were not good lately are looked up at a
// time. Without a bound a flood of bad ones would take all of the database's
// connections, which are a few more than that; good ones do not wait for it.
const strangers = 2

// enter waits for a turn to look up a token.
func (s *Service) enter(ctx context.Context, known bool) (leave func(), err error) {
	if known {
		return func() {}, nil
	}
	select {
	case s.strangers <- struct{}{}:
		return func() { <-s.strangers }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Known says whether a token was good when it was last looked up, if that was
// not too long ago to be remembered. It asks nobody.
func (s *Service) Known(bearer string) bool {
	if len(bearer) != length {
		return false
	}
	k := keyOf(bearer)
	return s.cache.known(k) || s.sessions.known(k)
}

func (s *Service) lookup(ctx context.Context, prefix, bearer string, begun time.Time) (*entry, error) {
	e := &entry{read: begun, generation: s.cache.generation.Load()}
	text := selectUser
	if prefix == Organization {
		text = selectOrganization
	}
	rows, err := db.All[accessRow](ctx, s.db, text, s.Hash(bearer))
	if err != nil {
		return nil, fmt.Errorf("look up a token: %w", err)
	}
	if len(rows) == 0 {
		return nil, auth.ErrInvalid
	}
	t := rows[0].Token
	if t.ExpiresAt != nil {
		e.expires = *t.ExpiresAt
	}
	e.subject = auth.Subject{TokenID: t.ID, Scopes: t.Scopes, Memberships: memberships(rows)}
	if t.OrganizationID != nil {
		e.subject.Kind, e.subject.ID, e.subject.Narrowed = auth.Organization, *t.OrganizationID, true
	} else {
		e.subject.Kind, e.subject.ID = auth.User, *t.UserID
	}
	return e, nil
}

func memberships(rows []accessRow) []auth.Membership {
	out := make([]auth.Membership, 0, len(rows))
	for _, r := range rows {
		if r.Reach == nil {
			continue
		}
		m := auth.Membership{OrganizationID: *r.Reach, TestClock: r.TestClock}
		if r.Role != nil {
			m.Role = *r.Role
		}
		out = append(out, m)
	}
	return out
}

// portalScopes are what a session of the customer portal may do.
var portalScopes = []auth.Scope{auth.CustomerPortalWrite}

// session resolves a token of the customer portal. Sessions end when their
// owner does, so each use reads them.
func (s *Service) session(ctx context.Context, bearer string) (auth.Subject, error) {
	row, err := s.readSession(ctx, bearer)
	if err != nil {
		return auth.Subject{}, err
	}
	sub := auth.Subject{
		Kind: auth.Customer, ID: row.CustomerID, TokenID: row.ID, CustomerID: row.CustomerID, Scopes: portalScopes,
		Memberships: []auth.Membership{{OrganizationID: row.OrganizationID, TestClock: row.TestClock}}, Narrowed: true,
	}
	if row.MemberID != nil {
		sub.Kind, sub.ID = auth.Member, *row.MemberID
	}
	return sub, nil
}

func (s *Service) readSession(ctx context.Context, bearer string) (sessionRow, error) {
	k := keyOf(bearer)
	known := s.sessions.known(k)
	leave, err := s.enter(ctx, known)
	if err != nil {
		return sessionRow{}, err
	}
	defer leave()
	row, err := db.One[sessionRow](ctx, s.db, selectSession, s.Hash(bearer), s.clock.Now())
	switch {
	case errors.Is(err, db.ErrNoRows):
		s.sessions.drop(k)
		return row, auth.ErrInvalid
	case err != nil:
		return row, fmt.Errorf("look up a session: %w", err)
	case !known:
		s.sessions.put(k, &entry{}) // which is too old to be used: it is read each time
	}
	return row, nil
}
