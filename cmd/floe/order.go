package main

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/server"
)

type orderCommand struct {
	Void   orderVoid   `cmd:"" help:"Give up an order that nobody will pay, and print it as JSON."`
	Unvoid orderUnvoid `cmd:"" help:"Take up an order again that was given up, and print it as JSON."`
}

// orderOptions say which order it is.
type orderOptions struct {
	dataOptions
	Organization string `required:"" placeholder:"SLUG" help:"Slug of the organization."`
	Order        string `arg:"" help:"The order: its id or its invoice number."`
}

// step is what a command does with an order.
type step func(ctx context.Context, s *order.Service, tx *db.Tx, r *order.Row) error

// change runs a step in the time of the organization, and prints the order.
func (o orderOptions) change(ctx context.Context, io *streams, do step) error {
	return o.with(ctx, io, func(s *setup) error {
		org, err := s.bySlug(ctx, o.Organization)
		if err != nil {
			return err
		}
		all, err := server.New(ctx, server.Config{DB: s.db, Logger: toolLog(io.err)})
		if err != nil {
			return err
		}
		defer func() { _ = all.Close() }()
		if ctx, err = inTimeOf(ctx, all, org.ID); err != nil {
			return err
		}
		var out order.Order
		err = s.db.Write(ctx, func(tx *db.Tx) error {
			r, err := all.Orders.Named(ctx, tx, org.ID, o.Order)
			if err != nil {
				return err
			}
			if err := do(ctx, all.Orders, tx, &r); err != nil {
				return err
			}
			out, err = all.Orders.Shown(ctx, tx, r)
			return err
		})
		if errors.Is(err, fault.NotFound.New()) {
			return fmt.Errorf("the organization has no order %q", o.Order)
		}
		if err != nil {
			return plain(err)
		}
		return printResource(io, &out)
	})
}

// inTimeOf lets what is done under a context happen when an organization's test
// clock says, if it has one.
func inTimeOf(ctx context.Context, all *server.Server, org id.ID) (context.Context, error) {
	c, err := all.TestClocks.Get(ctx, all.TestClocks.DB, org)
	switch {
	case err == nil:
		return clock.WithTime(ctx, c.Now), nil
	case errors.Is(err, fault.NotFound.New()):
		return ctx, nil
	}
	return ctx, err
}

type orderVoid struct{ orderOptions }

// Help says what follows and shows examples.
func (orderVoid) Help() string {
	return `The order must be pending, and no payment processor may be busy with it. It becomes
void: nothing is due any more, and no payment is taken. What it had taken of the
customer's balance goes back, and so does what was paid of it. Credit of the customer
is reduced by what a subscription's order still cost.

A subscription goes on, and one that was past due for this order alone is active again.
Receivers of webhooks are told order.updated, and then what became of the subscription.

Exit codes: 0 it is void now; 1 it is not, and the last line on stderr says why.

Examples:
  floe order void --organization acme ACME-XFVWPWAP-0003
  floe order void --organization acme 0f8fad5b-d9cb-469f-a165-70867728950e`
}

// Run gives up an order.
func (c *orderVoid) Run(ctx context.Context, io *streams) error {
	return c.change(ctx, io, func(ctx context.Context, s *order.Service, tx *db.Tx, r *order.Row) error {
		return s.Void(ctx, tx, operator(), r)
	})
}

type orderUnvoid struct{ orderOptions }

// Help says what follows and shows an example.
func (orderUnvoid) Help() string {
	return `The order becomes pending under the number that it had: payments can be recorded
for it again. What it had taken of the customer's balance is taken again, and so is what
was paid of it. Nothing is tried by itself: it is never overdue.

Exit codes: 0 it is pending now; 1 it is not, and the last line on stderr says why.

Example:
  floe order unvoid --organization acme ACME-XFVWPWAP-0003`
}

// Run takes an order up again.
func (c *orderUnvoid) Run(ctx context.Context, io *streams) error {
	return c.change(ctx, io, func(ctx context.Context, s *order.Service, tx *db.Tx, r *order.Row) error {
		return s.Unvoid(ctx, tx, operator(), r)
	})
}
