package main

import (
	"context"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
)

type userCommand struct {
	Create userCreate `cmd:"" help:"Create a user and print it as JSON."`
}

type userCreate struct {
	dataOptions
	Email         string   `required:"" help:"Address of the user."`
	Organizations []string `name:"organization" placeholder:"SLUG" help:"Organization the user belongs to. Repeat it for several."`
	Role          string   `enum:"auto,owner,admin,member,finance" default:"auto" help:"Role in the organizations: owner, admin, member or finance. By default the first user of an organization becomes its owner, others are members."`
}

// Help shows an example.
func (userCreate) Help() string {
	return `Examples:
  floe user create --email jane@example.com --organization acme
  floe user create --email joe@example.com --organization acme --organization other --role finance`
}

// userOutput is what is printed.
type userOutput struct {
	ID            id.ID            `json:"id"`
	CreatedAt     time.Time        `json:"created_at"`
	Email         string           `json:"email"`
	Organizations []userMembership `json:"organizations"`
}

type userMembership struct {
	ID   id.ID     `json:"id"`
	Slug string    `json:"slug"`
	Role auth.Role `json:"role"`
}

// Run creates a user.
func (c *userCreate) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		out := userOutput{Organizations: []userMembership{}}
		for _, slug := range c.Organizations {
			o, err := s.bySlug(ctx, slug)
			if err != nil {
				return err
			}
			out.Organizations = append(out.Organizations, userMembership{ID: o.ID, Slug: string(o.Slug)})
		}
		if err := s.db.Write(ctx, func(tx *db.Tx) error { return c.create(ctx, s, tx, &out) }); err != nil {
			return plain(err)
		}
		return printResource(io, &out)
	})
}

func (c *userCreate) create(ctx context.Context, s *setup, tx *db.Tx, out *userOutput) error {
	role := auth.Role(c.Role)
	if c.Role == "auto" {
		role = ""
	}
	u, err := s.organizations.CreateUser(ctx, tx, operator(), c.Email, "")
	if err != nil {
		return err
	}
	out.ID, out.CreatedAt, out.Email = u.ID, u.CreatedAt, u.Email
	for i := range out.Organizations {
		m := &out.Organizations[i]
		if m.Role, err = s.organizations.Join(ctx, tx, operator(), u, m.ID, role); err != nil {
			return err
		}
	}
	return nil
}
