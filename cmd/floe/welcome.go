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

const firstMade = `Made the first organization

  Organization   %[1]s (%[2]s)
  Data           %[4]s
  Token          %[3]s
                 It has all scopes. Keep it: it is not shown again;
                 "floe token create --organization %[2]s" makes another.

`

const greeting = `Floe is running at %[1]s

Try it:

  curl %[1]s/v1/customers/ -H "Authorization: Bearer %[2]s"

Documentation: %[1]s/docs

`

// greet says how to begin to somebody who has just got a first token.
func greet(io *streams, address, clear string) error {
	_, err := fmt.Fprintf(io.out, greeting, address, clear)
	return err
}

// begin makes the first organization, where there is none yet, and shows its
// token, because nothing else ever will. Otherwise it answers "". The place is
// where the data lies: whoever expected to find some was in the wrong folder.
func begin(ctx context.Context, io *streams, s *server.Server, d *db.DB, place string) (clear string, err error) {
	in, err := organization.Draft("My Organization", "my-organization")
	if err != nil {
		return "", err
	}
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
		// Another node may have been first; then it has shown the token.
		if n, again := organizations(ctx, d); again != nil || n == 0 {
			return "", plain(err)
		}
		return "", nil
	}
	if clear == "" {
		return "", nil
	}
	if _, err := fmt.Fprintf(io.out, firstMade, in.Name, in.Slug, clear, place); err != nil {
		return "", fmt.Errorf("the first token was made and could not be printed: %w; \"floe token create --organization %s\" makes another", err, in.Slug)
	}
	return clear, nil
}

func organizations(ctx context.Context, q db.Querier) (int64, error) {
	return db.One[int64](ctx, q, `SELECT COUNT(*) FROM organizations`)
}
