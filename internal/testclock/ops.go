package testclock

import (
	"context"
	"errors"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
)

const about = "A test clock gives an organization a time of its own: requests for it happen at that time, and nothing becomes due until " +
	"the clock is advanced. It is for trying out what months and years will bring."

// Operations are the operations on test clocks.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.OrganizationsRead, auth.OrganizationsWrite
	const none = "The organization has no test clock."
	advance := api.Post("/v1/test-clock/advance", s.advance).Scopes(write).Named("test-clock:advance", "Advance Test Clock").
		About("Advance the clock. Everything that becomes due on the way happens in the order of its times, before the answer. When that "+
			"takes more than a minute, the answer comes earlier and shows how far the clock has come; ask again to go on.").
		Fails(fault.NotFound, none)
	advance.Status = 200
	return []*api.Operation{
		api.Get("/v1/test-clock", s.get).Scopes(read, write).Named("test-clock:get", "Get Test Clock").About(about).Fails(fault.NotFound, none),
		api.Post("/v1/test-clock", s.create).Scopes(write).Named("test-clock:create", "Create Test Clock").About(about).
			Fails(fault.TestClockExists, "The organization has a test clock already."),
		advance,
		api.Delete("/v1/test-clock", s.release).Scopes(write).Named("test-clock:release", "Release Test Clock").
			About("Give the organization back to the real time.").Fails(fault.NotFound, none),
	}
}

type whose struct {
	OrganizationID *id.ID `query:"organization_id" doc:"The organization. Required unless you use an organization token."`
}

// one is the organization. What is wrong with it is wrong with the query.
func (w whose) one(sub auth.Subject, p auth.Permission) (id.ID, error) {
	org, err := organization.ForCreate(sub, w.OrganizationID, p)
	if problems, ok := errors.AsType[*schema.Problems](err); ok {
		problems.List[0].Loc[0] = "query"
	}
	return org, err
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in whose) (Clock, error) {
	org, err := in.one(sub, auth.AnyMember)
	if err != nil {
		return Clock{}, err
	}
	return s.Get(ctx, s.DB, org)
}

// Create is the body of a creation.
type Create struct {
	OrganizationID *id.ID     `json:"organization_id" doc:"The organization that will live by the clock. Required unless you use an organization token."`
	Now            *time.Time `json:"now" doc:"The time that the clock will show; the real time when it is not given."`
}

// SchemaName is a name of ours.
func (Create) SchemaName() string { return "TestClockCreate" }

type createInput struct{ Body Create }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Clock, err error) {
	org, err := organization.ForCreate(sub, in.Body.OrganizationID, auth.OrganizationManage)
	if err != nil {
		return out, err
	}
	now := s.Wall.Now()
	if in.Body.Now != nil {
		now = *in.Body.Now
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		out, err = s.Create(ctx, tx, org, now)
		return err
	})
	return out, err
}

// Advance is the body of an advance.
type Advance struct {
	OrganizationID *id.ID    `json:"organization_id" doc:"The organization that lives by the clock. Required unless you use an organization token."`
	To             time.Time `json:"to" doc:"The time that the clock will show."`
}

// SchemaName is a name of ours.
func (Advance) SchemaName() string { return "TestClockAdvance" }

type advanceInput struct{ Body Advance }

func (s *Service) advance(ctx context.Context, sub auth.Subject, in advanceInput) (Clock, error) {
	org, err := organization.ForCreate(sub, in.Body.OrganizationID, auth.OrganizationManage)
	if err != nil {
		return Clock{}, err
	}
	begun := s.Wall.Now()
	return s.Advance(ctx, org, in.Body.To, func(time.Time, int) bool { return s.Wall.Now().Sub(begun) < answerWithin })
}

// answerWithin is how long one request advances a clock: callers, and what is
// between them and the server, do not wait for ever.
const answerWithin = time.Minute

func (s *Service) release(ctx context.Context, sub auth.Subject, in whose) error {
	org, err := in.one(sub, auth.OrganizationManage)
	if err != nil {
		return err
	}
	return s.DB.Write(ctx, func(tx *db.Tx) error {
		_, err := s.Release(ctx, tx, org)
		return err
	})
}
