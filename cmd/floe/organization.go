package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/organization"
	"floe/internal/schema"
)

type organizationCommand struct {
	Create    organizationCreate    `cmd:"" help:"Create an organization and print it as JSON."`
	List      organizationList      `cmd:"" help:"List organizations."`
	Invoicing organizationInvoicing `cmd:"" help:"Say how an organization writes invoices."`
	Features  organizationFeatures  `cmd:"" help:"Switch what an organization cannot switch itself."`
}

type organizationCreate struct {
	dataOptions
	Name string `required:"" help:"Name that customers see."`
	Slug string `required:"" help:"Unique name in web addresses: letters, digits and hyphens."`
}

// Help shows an example.
func (organizationCreate) Help() string {
	return `Example:
  floe organization create --name Acme --slug acme`
}

// Run creates an organization.
func (c *organizationCreate) Run(ctx context.Context, io *streams) error {
	in, err := organization.Draft(c.Name, c.Slug)
	if err != nil {
		return exit{exitUsage, plain(err)}
	}
	return c.withNew(ctx, io, func(s *setup) error {
		var o organization.Organization
		err := s.db.Write(ctx, func(tx *db.Tx) (err error) {
			o, err = s.organizations.Create(ctx, tx, operator(), in)
			return err
		})
		if err != nil {
			return plain(err)
		}
		public := o.Public()
		return printResource(io, &public)
	})
}

type organizationList struct {
	dataOptions
	JSON bool `name:"json" help:"Print a JSON array; that is also what is printed when the output is no terminal."`
}

// Run lists organizations.
func (c *organizationList) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		list, err := organization.List(ctx, s.db)
		if err != nil {
			return err
		}
		if c.JSON || !io.terminal {
			public := make([]organization.Public, len(list))
			for i := range list {
				public[i] = list[i].Public()
			}
			return printResource(io, &public)
		}
		return table(io.out, "SLUG\tNAME\tID\tCREATED", len(list), func(i int) string {
			o := list[i]
			return fmt.Sprintf("%s\t%s\t%s\t%s", o.Slug, printable(o.Name), o.ID, o.CreatedAt.Format(time.DateOnly))
		})
	})
}

// setup is what the commands that work on the database need.
type setup struct {
	db            *db.DB
	organizations *organization.Service
}

// with runs a command on a database that is there, so that a folder which is
// misspelt is not taken for an empty one.
func (o dataOptions) with(ctx context.Context, io *streams, fn func(*setup) error) error {
	if err := o.there(); err != nil {
		return err
	}
	return o.withNew(ctx, io, fn)
}

// withNew runs a command on a database, which is made when it is missing.
func (o dataOptions) withNew(ctx context.Context, io *streams, fn func(*setup) error) error {
	d, err := o.open(ctx, toolLog(io.err))
	if err != nil {
		return err
	}
	err = fn(&setup{d, organization.New(organization.Config{DB: d})})
	return errors.Join(err, d.Close())
}

// bySlug finds an organization by its slug or its id.
func (s *setup) bySlug(ctx context.Context, slug string) (organization.Organization, error) {
	o, err := organization.BySlug(ctx, s.db, slug)
	if errors.Is(err, fault.NotFound.New()) {
		return o, fmt.Errorf("there is no organization with the slug %q; \"floe organization list\" shows those there are", slug)
	}
	return o, err
}

// operator is who acts when the command line does.
func operator() auth.Subject { return auth.NewSystem("cli") }

// plain turns what a caller of the API would be told into a line of text.
func plain(err error) error {
	if problems, ok := errors.AsType[*schema.Problems](err); ok {
		lines := make([]string, len(problems.List))
		for i, p := range problems.List {
			lines[i] = fmt.Sprintf("--%s: %s", strings.ReplaceAll(fmt.Sprint(p.Loc[len(p.Loc)-1]), "_", "-"), strings.TrimPrefix(p.Msg, "Value error, "))
		}
		return errors.New(strings.Join(lines, "; "))
	}
	if f := fault.Of(err); f != nil {
		return errors.New(f.Detail)
	}
	return err
}

// printResource prints what the API would answer, indented.
func printResource(io *streams, v any) error {
	return printJSON(io, schemaJSON{v})
}

// schemaJSON lets encoding/json indent what the API's own encoder writes.
type schemaJSON struct{ v any }

// MarshalJSON writes the API's form.
func (s schemaJSON) MarshalJSON() ([]byte, error) { return schema.Append(nil, s.v), nil }

// table prints rows below a heading.
func table(w io.Writer, heading string, rows int, row func(i int) string) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, heading)
	for i := range rows {
		_, _ = fmt.Fprintln(t, row(i))
	}
	return t.Flush()
}

// printable keeps what users have typed from moving the cursor or breaking
// the table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
