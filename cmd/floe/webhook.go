package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/job"
	"floe/internal/webhook"
)

type webhookCommand struct {
	List   webhookList   `cmd:"" help:"List webhook endpoints, and how they fare."`
	Replay webhookReplay `cmd:"" help:"Send webhook events again, to their endpoint or to another address."`
}

type webhookList struct {
	dataOptions
	Organization string `required:"" placeholder:"SLUG" help:"The organization."`
	JSON         bool   `name:"json" help:"Print a JSON array; that is also what is printed when the output is no terminal."`
}

// Run lists endpoints, without their secrets.
func (c *webhookList) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		o, err := s.bySlug(ctx, c.Organization)
		if err != nil {
			return err
		}
		list, err := webhook.List(ctx, s.db, o.ID)
		if err != nil {
			return err
		}
		if c.JSON || !io.terminal {
			return printJSON(io, list)
		}
		return table(io.out, "ID\tURL\tNAME\tENABLED\tFAILING\tWAITING\tEVENTS", len(list), func(i int) string {
			e := list[i]
			return fmt.Sprintf("%s\t%s\t%s\t%s\t%s\t%d\t%d", e.ID, printable(e.URL), printable(orEmpty(e.Name)), onOrOff(&e), failing(&e), e.Waiting, len(e.Events))
		})
	})
}

func orEmpty(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func onOrOff(e *webhook.Standing) string {
	switch {
	case e.DisabledReason != nil && !e.Enabled:
		return "no: " + *e.DisabledReason
	case !e.Enabled:
		return "no"
	}
	return "yes"
}

func failing(e *webhook.Standing) string {
	if e.FailingSince == nil {
		return ""
	}
	return fmt.Sprintf("%d since %s UTC", e.Failures, e.FailingSince.UTC().Format(time.DateTime))
}

type webhookReplay struct {
	dataOptions
	Organization         string   `required:"" placeholder:"SLUG" help:"The organization."`
	Event                string   `xor:"what" placeholder:"ID" help:"Send this one event again."`
	Endpoint             string   `xor:"what" placeholder:"ID" help:"Send events of this endpoint again: all of them, or those that the other options pick."`
	After                *moment  `placeholder:"TIME" help:"Only events after this time, as in 2026-05-04T00:00:00Z."`
	Before               *moment  `placeholder:"TIME" help:"Only events before this time."`
	Customer             string   `narrows:"" placeholder:"ID" help:"Only events about this customer."`
	Types                []string `name:"type" narrows:"" placeholder:"TYPE" help:"Only events of this type. Repeat it for several."`
	Missed               bool     `help:"Only events that have not arrived."`
	URL                  string   `narrows:"" placeholder:"URL" help:"Send them to this address in place of the endpoint's."`
	AllowPrivateWebhooks bool     `env:"FLOE_ALLOW_PRIVATE_WEBHOOKS" help:"Let that address be an http URL or a private one; the server needs the option too."`
	Wait                 bool     `negatable:"" default:"true" help:"Show progress until all have come to an end; with --endpoint."`
}

// Help shows examples.
func (webhookReplay) Help() string {
	return `A running server does the sending. Events of one customer are sent in their order,
with the webhook-id and the body they had.

Examples:
  floe webhook replay --organization acme --event 0f8fad5b-d9cb-469f-a165-70867728950e
  floe webhook replay --organization acme --endpoint 7c9e6679-7425-40de-944b-e07fc1f90ae7 --missed
  floe webhook replay --organization acme --endpoint 7c9e6679-7425-40de-944b-e07fc1f90ae7 \
    --after 2026-05-04T00:00:00Z --type customer.state_changed --url https://new.example.com/hook`
}

// Validate asks for what is to be sent.
func (c *webhookReplay) Validate() error {
	switch {
	case c.Event == "" && c.Endpoint == "":
		return errors.New("missing flags: --event=ID or --endpoint=ID")
	case c.Event != "" && (c.After != nil || c.Before != nil || c.Customer != "" || len(c.Types) > 0 || c.Missed || c.URL != ""):
		return errors.New("--event sends one event to its endpoint; options that pick some, and --url, go with --endpoint")
	case c.Event != "":
		if _, problem := id.Parse(c.Event); !problem.OK() {
			return fmt.Errorf("--event: %q is not the ID of an event", c.Event)
		}
		return nil
	}
	_, err := c.request()
	return err
}

// Run starts a replay and shows how it goes.
func (c *webhookReplay) Run(ctx context.Context, io *streams) error {
	return c.with(ctx, io, func(s *setup) error {
		o, err := s.bySlug(ctx, c.Organization)
		if err != nil {
			return err
		}
		log := toolLog(io.err)
		hooks := webhook.New(webhook.Config{
			DB: s.db, Logger: log, Clock: clock.Wall, AllowPrivate: c.AllowPrivateWebhooks,
			Jobs: &job.Runner{DB: s.db, Logger: log, Clock: clock.Wall},
		})
		if c.Event != "" {
			return c.one(ctx, io, s, hooks, o.ID)
		}
		return c.many(ctx, io, s, hooks, o.ID)
	})
}

func (c *webhookReplay) one(ctx context.Context, io *streams, s *setup, hooks *webhook.Service, org id.ID) error {
	event, _ := id.Parse(c.Event) // Validate has looked
	err := s.db.Write(ctx, func(tx *db.Tx) error { return hooks.Redeliver(ctx, tx, []id.ID{org}, event) })
	if errors.Is(err, fault.NotFound.New()) {
		return fmt.Errorf("%s has no webhook event %s; the ID of one is the webhook-id that it was sent with", c.Organization, event)
	}
	if err == nil {
		_, err = fmt.Fprintln(io.err, "The event is queued.")
	}
	return plain(err)
}

func (c *webhookReplay) many(ctx context.Context, io *streams, s *setup, hooks *webhook.Service, org id.ID) error {
	request, err := c.request()
	if err != nil {
		return err // Validate has looked
	}
	var r webhook.Replay
	err = s.db.Write(ctx, func(tx *db.Tx) (err error) {
		r, err = hooks.StartReplay(ctx, tx, operator(), []id.ID{org}, request)
		return err
	})
	if errors.Is(err, fault.NotFound.New()) {
		return fmt.Errorf("%s has no endpoint %s; \"floe webhook list\" shows those there are", c.Organization, c.Endpoint)
	}
	if err != nil {
		return plain(err)
	}
	if _, err := fmt.Fprintln(io.out, r.ID); err != nil || !c.Wait {
		return err
	}
	return c.watch(ctx, io, s, r)
}

func (c *webhookReplay) request() (r webhook.ReplayCreate, err error) {
	r.Missed = c.Missed
	if c.After != nil {
		r.After = &c.After.Time
	}
	if c.Before != nil {
		r.Before = &c.Before.Time
	}
	if c.After != nil && c.Before != nil && !c.After.Before(c.Before.Time) {
		return r, errors.New("--after is not earlier than --before, so there is nothing between")
	}
	endpoint, problem := id.Parse(c.Endpoint)
	if !problem.OK() {
		return r, fmt.Errorf("--endpoint: %q is not the ID of an endpoint; \"floe webhook list\" shows them", c.Endpoint)
	}
	r.EndpointID = endpoint
	if c.Customer != "" {
		customer, problem := id.Parse(c.Customer)
		if !problem.OK() {
			return r, fmt.Errorf("--customer: %q is not the ID of a customer", c.Customer)
		}
		r.CustomerID = &customer
	}
	for _, t := range c.Types {
		r.Types = append(r.Types, webhook.EventType(t))
	}
	if err := webhook.CheckTypes(r.Types); err != nil {
		return r, fmt.Errorf("--type: %w", err)
	}
	if c.URL != "" {
		address, err := webhook.ParseAddress(c.URL, c.AllowPrivateWebhooks)
		if err != nil {
			err = plain(err)
			if !c.AllowPrivateWebhooks {
				err = fmt.Errorf("%w; --allow-private-webhooks permits http and private addresses", err)
			}
			return r, err
		}
		r.URL = &address
	}
	return r, nil
}

// watch shows progress: a line that changes on a terminal, else the last one.
func (c *webhookReplay) watch(ctx context.Context, io *streams, s *setup, r webhook.Replay) error {
	for {
		now, err := webhook.FindReplay(ctx, s.db, []id.ID{r.OrganizationID}, r.ID)
		if err != nil && ctx.Err() == nil {
			return plain(err)
		}
		if err == nil {
			r = now
		}
		line := fmt.Sprintf("%s: %d delivered, %d failed, of %d", r.Status, r.Delivered, r.Failed, r.Total)
		if r.FinishedAt != nil {
			io.progress("")
			_, err := fmt.Fprintln(io.err, line)
			if err == nil && r.Failed > 0 {
				err = errors.New("some events did not arrive")
			}
			return err
		}
		io.progress("%s", line)
		select {
		case <-ctx.Done():
			io.progress("")
			fmt.Fprintf(io.err, "%s. A running server goes on with it.\n", line)
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}
