package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/server"
	"floe/internal/testclock"
)

type clockCommand struct {
	Create  clockCreate  `cmd:"" help:"Let an organization live by a clock of its own, and print it as JSON."`
	Show    clockShow    `cmd:"" help:"Print an organization's test clock as JSON."`
	Advance clockAdvance `cmd:"" help:"Advance a test clock; what becomes due on the way happens."`
	Release clockRelease `cmd:"" help:"Give an organization back to the real time."`
}

// clockOptions say whose clock it is.
type clockOptions struct {
	dataOptions
	Organization string `required:"" placeholder:"SLUG" help:"Slug of the organization."`
}

// with runs a command on the organization's clock.
func (o clockOptions) with(ctx context.Context, io *streams, fn func(s *server.Server, org id.ID) error) error {
	return o.dataOptions.with(ctx, io, func(s *setup) error {
		org, err := s.bySlug(ctx, o.Organization)
		if err != nil {
			return err
		}
		all, err := server.New(ctx, server.Config{DB: s.db, Logger: toolLog(io.err)})
		if err != nil {
			return err
		}
		err = errors.Join(fn(all, org.ID), all.Close())
		if errors.Is(err, fault.NotFound.New()) {
			return fmt.Errorf("%s has no test clock; \"floe clock create\" makes one", o.Organization)
		}
		return plain(err)
	})
}

// change runs a command that changes a clock, and prints the clock.
func (o clockOptions) change(ctx context.Context, io *streams, fn func(c *testclock.Service, tx *db.Tx, org id.ID) (testclock.Clock, error)) error {
	return o.with(ctx, io, func(s *server.Server, org id.ID) error {
		var c testclock.Clock
		err := s.TestClocks.DB.Write(ctx, func(tx *db.Tx) (err error) {
			c, err = fn(s.TestClocks, tx, org)
			return err
		})
		if err != nil {
			return err
		}
		forgotten(ctx)
		return printResource(io, &c)
	})
}

type clockCreate struct {
	clockOptions
	Now *moment `placeholder:"TIME" help:"Time that the clock will show, as in 2026-01-31T00:00:00Z; the real time when it is not given."`
}

// Help shows an example.
func (clockCreate) Help() string {
	return `Example:
  floe clock create --organization acme --now 2026-01-31T00:00:00Z
  floe clock advance --organization acme --to 2027-01-31T00:00:00Z`
}

// Run creates a clock.
func (c *clockCreate) Run(ctx context.Context, io *streams) error {
	if c.Now != nil {
		if err := testclock.Shows("now", c.Now.Time); err != nil {
			return exit{exitUsage, plain(err)}
		}
	}
	return c.change(ctx, io, func(s *testclock.Service, tx *db.Tx, org id.ID) (testclock.Clock, error) {
		now := tx.Now()
		if c.Now != nil {
			now = c.Now.Time
		}
		return s.Create(ctx, tx, org, now)
	})
}

type clockShow struct{ clockOptions }

// Run prints a clock.
func (c *clockShow) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *server.Server, org id.ID) error {
		found, err := s.TestClocks.Get(ctx, s.TestClocks.DB, org)
		if err != nil {
			return err
		}
		return printResource(io, &found)
	})
}

type clockAdvance struct {
	clockOptions
	To moment `required:"" placeholder:"TIME" help:"Time that the clock will show, as in 2027-01-31T00:00:00Z."`
}

// Help shows an example.
func (clockAdvance) Help() string {
	return `A clock only goes forward. An advance that is broken off goes on where it got to when
it is asked for again.

Example:
  floe clock advance --organization acme --to 2027-01-31T00:00:00Z`
}

// Run advances a clock, and says on a terminal how far it has come.
func (c *clockAdvance) Run(ctx context.Context, io *streams) error {
	if err := testclock.Shows("to", c.To.Time); err != nil {
		return exit{exitUsage, plain(err)}
	}
	return c.with(ctx, io, func(s *server.Server, org id.ID) error {
		found, err := s.TestClocks.Advance(ctx, org, c.To.Time, func(now time.Time, done int) bool {
			io.progress("%s UTC  %d done", now.UTC().Format(time.DateTime), done)
			return true
		})
		io.progress("")
		if err != nil {
			return err
		}
		forgotten(ctx)
		return printResource(io, &found)
	})
}

type clockRelease struct{ clockOptions }

// Run releases a clock.
func (c *clockRelease) Run(ctx context.Context, io *streams) error {
	return c.change(ctx, io, func(s *testclock.Service, tx *db.Tx, org id.ID) (testclock.Clock, error) {
		return s.Release(ctx, tx, org)
	})
}
