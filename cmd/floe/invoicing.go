package main

import (
	"context"
	"strings"

	"floe/internal/db"
	"floe/internal/numbering"
	"floe/internal/organization"
)

type organizationInvoicing struct {
	dataOptions
	Organization string  `required:"" placeholder:"SLUG" help:"The organization."`
	NetDays      *int    `placeholder:"DAYS" help:"How long customers have to pay an invoice."`
	Numbering    *string `enum:"customer,organization" placeholder:"BY" help:"Whether each customer's invoices count from 1, or all of the organization's: customer or organization."`
	Prefix       *string `help:"What invoice numbers begin with; empty for the slug."`
	Address      *string `placeholder:"LINES" help:"What stands below the seller's name; \\n begins another line."`
	TaxID        *string `name:"tax-id" help:"The seller's tax identifier."`
}

// Help shows examples.
func (organizationInvoicing) Help() string {
	return `Without an option it changes nothing. What it changes holds for the invoices to
come.

Examples:
  floe organization invoicing --organization acme
  floe organization invoicing --organization acme --net-days 30 --prefix ACME --tax-id DE136695976
  floe organization invoicing --organization acme --address 'Hauptstr. 1\n10115 Berlin'`
}

// Validate checks what is given while it is still a question of usage.
func (c *organizationInvoicing) Validate() error {
	v := organization.Invoicing{NetDays: 1, Numbering: "customer"}
	c.apply(&v)
	return plain(v.Check())
}

// Run changes and prints how an organization writes invoices.
func (c *organizationInvoicing) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		o, err := s.bySlug(ctx, c.Organization)
		if err != nil {
			return err
		}
		var v organization.Invoicing
		err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
			if v, err = organization.InvoicingOf(ctx, tx, o.ID); err != nil {
				return err
			}
			c.apply(&v)
			if err := organization.SetInvoicing(ctx, tx, o.ID, v); err != nil {
				return err
			}
			return numbering.Check(ctx, tx, o.ID)
		})
		if err != nil {
			return plain(err)
		}
		return printJSON(io, v)
	})
}

func (c *organizationInvoicing) apply(v *organization.Invoicing) {
	if c.NetDays != nil {
		v.NetDays = *c.NetDays
	}
	if c.Numbering != nil {
		v.Numbering = *c.Numbering
	}
	orNone(c.Prefix, &v.Prefix)
	orNone(c.Address, &v.Address)
	orNone(c.TaxID, &v.TaxID)
	if v.Address != nil {
		lines := strings.ReplaceAll(*v.Address, `\n`, "\n")
		v.Address = &lines
	}
}

// orNone sets a text that was given; an empty one removes it.
func orNone(given *string, to **string) {
	if given == nil {
		return
	}
	*to = given
	if *given == "" {
		*to = nil
	}
}
