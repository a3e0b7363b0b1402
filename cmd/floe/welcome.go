package main

import (
	"context"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/organization"
	"floe/internal/server"
	"floe/internal/token"
)

const greeting = `Floe is running at %[1]s

  Organization   %[2]s (%[3]s)
  Token          %[4]s
                 It has all scopes. Keep it: it is not shown again.

Try it:

  curl %[1]s/v1/customers/ -H "Authorization: Bearer %[4]s"

Documentation: %[1]s/docs

`

// welcome makes the first organization and says how to begin, where there is
// no organization yet.
func welcome(ctx context.Context, io *streams, s *server.Server, d *db.DB, address string) error {
	in, err := organization.Draft("My Organization", "my-organization")
	if err != nil {
		return err
	}
	clear := ""
	err = d.Write(ctx, func(tx *db.Tx) error {
		clear = ""
		if n, err := organizations(ctx, tx); err != nil || n > 0 {
			return err
		}
		o, err := s.Organizations.Create(ctx, tx, operator(), in)
		if err != nil {
			return err
		}
		_, clear, err = s.Tokens.Create(ctx, tx, operator(), token.Request{
			OrganizationID: o.ID, Scopes: auth.GrantableScopes(), Comment: "Made at the first start",
		})
		return err
	})
	if err != nil {
		// Another node may have been first; then it has said the welcome.
		if n, again := organizations(ctx, d); again != nil || n == 0 {
			return plain(err)
		}
		return nil
	}
	if clear == "" {
		return nil
	}
	_, err = fmt.Fprintf(io.out, greeting, address, in.Name, in.Slug, clear)
	return err
}

func organizations(ctx context.Context, q db.Querier) (int64, error) {
	return db.One[int64](ctx, q, `SELECT COUNT(*) FROM organizations`)
}
