package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/token"
)

type tokenCommand struct {
	Create tokenCreate `cmd:"" help:"Create an access token and print it."`
	List   tokenList   `cmd:"" help:"List access tokens."`
	Revoke tokenRevoke `cmd:"" help:"Revoke an access token."`
}

type tokenCreate struct {
	dataOptions
	Organization string   `xor:"whose" placeholder:"SLUG" help:"Make a token of this organization (polar_oat_…)."`
	User         string   `xor:"whose" placeholder:"EMAIL" help:"Make a token of this user (polar_pat_…), for all their organizations."`
	Scopes       []string `name:"scope" narrows:"" placeholder:"SCOPE" help:"What the token may be used for, as in customers:read. Repeat it for several. All scopes by default."`
	ExpiresIn    span     `placeholder:"TIME" help:"When it expires: 90s, 15m, 12h or 30d. Never by default."`
	Comment      string   `help:"Note to recognise it by."`
}

// Help shows examples.
func (tokenCreate) Help() string {
	return `The token is printed alone, so that a script can take it. It is not stored and
cannot be shown again.

Examples:
  floe token create --organization acme
  floe token create --organization acme --scope customers:read --scope members:read --expires-in 30d
  floe token create --user jane@example.com`
}

// Validate asks whose it is to be, and checks the scopes while it is still a
// question of usage.
func (c *tokenCreate) Validate() error {
	if c.Organization == "" && c.User == "" {
		return errors.New("missing flags: --organization=SLUG or --user=EMAIL")
	}
	if _, err := auth.ParseScopes(c.Scopes); err != nil {
		return fmt.Errorf("--scope: %w", err)
	}
	return nil
}

// Run creates a token.
func (c *tokenCreate) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		request := token.Request{Comment: c.Comment, ExpiresIn: time.Duration(c.ExpiresIn), Scopes: auth.GrantableScopes()}
		if len(c.Scopes) > 0 {
			request.Scopes, _ = auth.ParseScopes(c.Scopes) // Validate has looked
		}
		if err := c.owner(ctx, s, &request); err != nil {
			return err
		}
		tokens, err := s.tokens(ctx, io)
		if err != nil {
			return err
		}
		var clear string
		err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
			_, clear, err = tokens.Create(ctx, tx, operator(), request)
			return err
		})
		if err != nil {
			return plain(err)
		}
		if _, err = fmt.Fprintln(io.out, clear); err != nil {
			return fmt.Errorf("a token was made and could not be printed: %w; \"floe token list\" shows its id, for \"floe token revoke\"", err)
		}
		return nil
	})
}

// owner finds whose token it is to be.
func (c *tokenCreate) owner(ctx context.Context, s *setup, r *token.Request) error {
	if c.Organization != "" {
		o, err := s.bySlug(ctx, c.Organization)
		r.OrganizationID = o.ID
		return err
	}
	u, err := organization.UserByEmail(ctx, s.db, c.User)
	if errors.Is(err, fault.NotFound.New()) {
		return fmt.Errorf("there is no user with the address %q; \"floe user create\" makes one", c.User)
	}
	r.UserID = u.ID
	return err
}

func (s *setup) tokens(ctx context.Context, io *streams) (*token.Service, error) {
	return token.New(ctx, token.Config{DB: s.db, Logger: toolLog(io.err)})
}

type tokenList struct {
	dataOptions
	Organization string `narrows:"" placeholder:"SLUG" help:"Only tokens of this organization."`
	JSON         bool   `name:"json" help:"Print a JSON array; that is also what is printed when the output is no terminal."`
}

// Run lists tokens.
func (c *tokenList) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		var of []id.ID
		if c.Organization != "" {
			o, err := s.bySlug(ctx, c.Organization)
			if err != nil {
				return err
			}
			of = []id.ID{o.ID}
		}
		list, err := token.List(ctx, s.db, of...)
		if err != nil {
			return err
		}
		if c.JSON || !io.terminal {
			return printResource(io, &list)
		}
		return table(io.out, "ID\tFOR\tSCOPES\tCREATED\tEXPIRES\tLAST USED\tCOMMENT", len(list), func(i int) string {
			t := &list[i]
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%s\t%s", t.ID, printable(holder(t)), scopesShown(t.Scopes),
				t.CreatedAt.Format(time.DateOnly), dateShown(t.ExpiresAt), dateShown(t.LastUsedAt), printable(t.Comment))
		})
	})
}

func holder(t *token.Listed) string {
	switch {
	case t.OrganizationSlug != nil:
		return *t.OrganizationSlug
	case t.UserEmail != nil:
		return *t.UserEmail
	}
	return "-"
}

func scopesShown(scopes token.Scopes) string {
	switch {
	case slices.Equal(scopes, auth.GrantableScopes()):
		return "all"
	case len(scopes) > 3:
		return fmt.Sprintf("%d scopes", len(scopes))
	}
	return auth.ScopeNames(scopes, ",")
}

func dateShown(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().Format("2006-01-02 15:04") + " UTC"
}

type tokenRevoke struct {
	dataOptions
	Token string `arg:"" help:"The token, or its id from \"floe token list\"."`
}

// Help shows examples and says what to expect.
func (tokenRevoke) Help() string {
	return `When it returns, every running server refuses the token.

Examples:
  floe token revoke polar_oat_…
  floe token revoke 0190e7a2-5c3f-4a81-9d0b-6f1c2e3d4a5b`
}

// Run revokes a token.
func (c *tokenRevoke) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		tokens, err := s.tokens(ctx, io)
		if err != nil {
			return err
		}
		var t token.Token
		err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
			t, err = tokens.Revoke(ctx, tx, operator(), c.Token)
			return err
		})
		if errors.Is(err, fault.NotFound.New()) {
			return errors.New("there is no such token, or it is revoked already; \"floe token list\" shows those there are")
		}
		if err != nil {
			return plain(err)
		}
		forgotten(ctx)
		_, err = fmt.Fprintf(io.out, "revoked %s\n", t.ID)
		return err
	})
}

// forgotten waits until no server remembers what tokens stood for before this
// process changed it: whether they are good, and what time it is for them.
func forgotten(ctx context.Context) {
	select {
	case <-time.After(token.CacheTTL):
	case <-ctx.Done():
	}
}
