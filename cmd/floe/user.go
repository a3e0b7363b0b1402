package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/email"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
)

type userCommand struct {
	Create userCreate `cmd:"" help:"Create a user and print it as JSON."`
	Join   userJoin   `cmd:"" help:"Add a user to more organizations and print it as JSON."`
	List   userList   `cmd:"" help:"List users and where they belong."`
	Leave  userLeave  `cmd:"" help:"End that a user belongs to organizations."`
}

// userOptions say who belongs where.
type userOptions struct {
	Email         string   `required:"" help:"Address of the user."`
	Organizations []string `name:"organization" narrows:"" placeholder:"SLUG" help:"Organization the user belongs to. Repeat it for several."`
	Role          string   `enum:"auto,owner,admin,member,finance" default:"auto" help:"Role in the organizations: owner, admin, member or finance. By default the first user of an organization becomes its owner, others are members."`
}

type userCreate struct {
	dataOptions
	userOptions
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
	if _, reason := email.Parse(c.Email); reason != "" {
		return exit{exitUsage, fmt.Errorf("--email: %q is not a valid address: %s", c.Email, reason)}
	}
	if c.Role != "auto" && len(c.Organizations) == 0 {
		return exit{exitUsage, errors.New("--role is one in organizations; name them with --organization")}
	}
	return c.withNew(ctx, io, func(s *setup) error {
		return c.join(ctx, io, s, func(tx *db.Tx) (organization.User, error) {
			u, err := s.organizations.CreateUser(ctx, tx, operator(), c.Email, "")
			if f := fault.Of(err); f != nil {
				err = fmt.Errorf("%s \"floe user join\" adds them to more organizations.", f.Detail)
			}
			return u, err
		})
	})
}

type userJoin struct {
	dataOptions
	userOptions
}

// Help shows an example.
func (userJoin) Help() string {
	return `Their tokens are good there too, on a server that runs within about a second. What is
printed are the organizations that they have joined now.

Example:
  floe user join --email jane@example.com --organization other --role admin`
}

// Validate asks for somewhere to go.
func (c *userJoin) Validate() error {
	if len(c.Organizations) == 0 {
		return errors.New("missing flags: --organization=SLUG")
	}
	return nil
}

// Run adds a user to organizations.
func (c *userJoin) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		return c.join(ctx, io, s, func(tx *db.Tx) (organization.User, error) { return known(ctx, tx, c.Email) })
	})
}

// join adds a user to the organizations, all or none, and prints them.
func (c *userOptions) join(ctx context.Context, io *streams, s *setup, find func(*db.Tx) (organization.User, error)) error {
	out := userOutput{Organizations: []userMembership{}}
	for _, slug := range once(c.Organizations) {
		o, err := s.bySlug(ctx, slug)
		if err != nil {
			return err
		}
		out.Organizations = append(out.Organizations, userMembership{ID: o.ID, Slug: string(o.Slug)})
	}
	err := s.db.Write(ctx, func(tx *db.Tx) error {
		u, err := find(tx)
		if err != nil {
			return err
		}
		return c.joinAll(ctx, s, tx, u, &out)
	})
	if err != nil {
		return plain(err)
	}
	return printResource(io, &out)
}

func (c *userOptions) joinAll(ctx context.Context, s *setup, tx *db.Tx, u organization.User, out *userOutput) (err error) {
	role := auth.Role(c.Role)
	if c.Role == "auto" {
		role = ""
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

type userList struct {
	dataOptions
	Organization string `narrows:"" placeholder:"SLUG" help:"Only those who belong to this organization."`
	JSON         bool   `name:"json" help:"Print a JSON array; that is also what is printed when the output is no terminal."`
}

// Run lists users, and on a terminal a line for each of their organizations.
func (c *userList) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		var org id.ID
		if c.Organization != "" {
			o, err := s.bySlug(ctx, c.Organization)
			if err != nil {
				return err
			}
			org = o.ID
		}
		list, err := organization.Belongings(ctx, s.db, org)
		if err != nil {
			return err
		}
		if c.JSON || !io.terminal {
			users := grouped(list)
			return printResource(io, &users)
		}
		return table(io.out, "EMAIL\tORGANIZATION\tROLE\tID", len(list), func(i int) string {
			return fmt.Sprintf("%s\t%s\t%s\t%s", printable(list[i].Email), list[i].Slug, list[i].Role, list[i].ID)
		})
	})
}

// grouped has each user once, with their organizations.
func grouped(list []organization.Belonging) []userOutput {
	out := []userOutput{}
	for _, b := range list {
		if len(out) == 0 || out[len(out)-1].ID != b.ID {
			out = append(out, userOutput{ID: b.ID, CreatedAt: b.CreatedAt, Email: b.Email, Organizations: []userMembership{}})
		}
		if b.OrganizationID != nil {
			u := &out[len(out)-1]
			u.Organizations = append(u.Organizations, userMembership{*b.OrganizationID, b.Slug, b.Role})
		}
	}
	return out
}

type userLeave struct {
	dataOptions
	Email         string   `required:"" help:"Address of the user."`
	Organizations []string `name:"organization" narrows:"" required:"" placeholder:"SLUG" help:"Organization to leave. Repeat it for several: the user leaves all or none."`
}

// Help says what becomes of tokens.
func (userLeave) Help() string {
	return `Their tokens are not good there any more when the command is done, also on
servers that run. The owner of an organization cannot leave it.

Example:
  floe user leave --email jane@example.com --organization other`
}

// Run takes a user out of organizations.
func (c *userLeave) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		for _, slug := range c.Organizations {
			if _, err := s.bySlug(ctx, slug); err != nil {
				return err
			}
		}
		err := s.db.Write(ctx, func(tx *db.Tx) error {
			u, err := known(ctx, tx, c.Email)
			if err != nil {
				return err
			}
			for _, slug := range once(c.Organizations) {
				o, err := organization.BySlug(ctx, tx, slug)
				if err != nil {
					return err
				}
				if err := s.organizations.Leave(ctx, tx, operator(), u, o.ID); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return plain(err)
		}
		forgotten(ctx)
		return nil
	})
}

// once leaves out what a list has had before.
func once(list []string) (out []string) {
	for _, one := range list {
		if !slices.Contains(out, one) {
			out = append(out, one)
		}
	}
	return out
}

// known finds the user with an address.
func known(ctx context.Context, tx *db.Tx, address string) (organization.User, error) {
	u, err := organization.UserByEmail(ctx, tx, address)
	if errors.Is(err, fault.NotFound.New()) {
		err = fmt.Errorf("there is no user with the address %q; \"floe user list\" shows those there are, \"floe user create\" makes one", address)
	}
	return u, err
}
