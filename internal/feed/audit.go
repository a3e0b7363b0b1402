package feed

import (
	"context"
	"math"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
	"floe/internal/token"
)

const (
	aboutTimeline = "What happened to a customer and their members, newest first: who did it, in which request, what was before and what after. " +
		"It outlives the customer; what was erased stays erased."
	aboutAudit = "What happened in an organization, newest first: who did it, in which request, what was before and what after. " +
		"Users need a role that may manage the organization."
)

// auditFilter is what both lists can be narrowed by.
type auditFilter struct {
	Before     *int64                 `query:"before" gt:"0" doc:"Only entries with a lower sequence number: the next of the page before."`
	Limit      int                    `query:"limit" gt:"0" le:"1000" default:"100" doc:"How many entries to answer at most."`
	Types      schema.Many[string]    `query:"type" maxItems:"100" doc:"Only entries of these types. One that ends in .* stands for all that begin so."`
	Actors     schema.Many[id.ID]     `query:"actor_id" doc:"Only what these tokens, users, customers or members did."`
	ActorTypes schema.Many[ActorType] `query:"actor_type" doc:"Only what actors of these types did."`
	From       *time.Time             `query:"start_timestamp" doc:"Only entries of this time or later."`
	To         *time.Time             `query:"end_timestamp" doc:"Only entries before this time."`
}

// ActorType is what an actor is.
type ActorType string

// Enum lists the types.
func (ActorType) Enum() []string {
	return []string{"organization", "user", "customer", "member", "anonymous", "system"}
}

// SchemaName names the type for generated clients.
func (ActorType) SchemaName() string { return "AuditActorType" }

// Actor is who did something.
type Actor struct {
	Type    ActorType `json:"type" doc:"What acted: an organization's token, a user, a customer or member in the portal, anyone without a token of theirs, or the server itself."`
	ID      *id.ID    `json:"id" doc:"The ID of the token or session that was used; without one, of the user."`
	Comment *string   `json:"comment" doc:"The comment of the token."`
	Email   *string   `json:"email" doc:"The e-mail address of the user."`
}

// SchemaName names the actor for generated clients.
func (Actor) SchemaName() string { return "AuditActor" }

// Entry is one change with who made it.
type Entry struct {
	Change
	Actor     Actor   `json:"actor"`
	RequestID *string `json:"request_id" doc:"The X-Request-Id of the answer, or what the server was doing."`
}

// SchemaName names the entry for generated clients.
func (Entry) SchemaName() string { return "AuditEntry" }

// Entries is a page, newest first.
type Entries struct {
	Items []Entry `json:"items"`
	Next  *int64  `json:"next" doc:"Pass it as before to read on; null at the end."`
}

// SchemaName names the page for generated clients.
func (Entries) SchemaName() string { return "AuditPage" }

type auditInput struct {
	auditFilter
	Organizations schema.Many[id.ID] `query:"organization_id" doc:"Filter by organization ID."`
	CustomerID    *id.ID             `query:"customer_id" doc:"Only what concerns this customer."`
}

func (s *Service) audit(ctx context.Context, sub auth.Subject, in auditInput) (Entries, error) {
	f := in.filter(sub.Organizations(auth.OrganizationManage, in.Organizations...))
	if in.CustomerID != nil {
		f.Customer = *in.CustomerID
	}
	return s.entries(ctx, f, in.auditFilter)
}

type timelineInput struct {
	ID id.ID `path:"id" doc:"The customer ID."`
	auditFilter
}

func (s *Service) timeline(ctx context.Context, sub auth.Subject, in timelineInput) (Entries, error) {
	org, err := customer.Recorded(ctx, s.db, sub, in.ID)
	if err != nil {
		return Entries{}, err
	}
	f := in.filter([]id.ID{org})
	f.Customer = in.ID
	return s.entries(ctx, f, in.auditFilter)
}

type timelineExternalInput struct {
	ExternalID string `path:"external_id" doc:"The customer external ID."`
	auditFilter
}

func (s *Service) timelineExternal(ctx context.Context, sub auth.Subject, in timelineExternalInput) (Entries, error) {
	c, err := s.customers.Find(ctx, s.db, sub, "", &in.ExternalID)
	if err != nil {
		return Entries{}, err
	}
	f := in.filter([]id.ID{c.OrganizationID})
	f.Customer = c.ID
	return s.entries(ctx, f, in.auditFilter)
}

func (in *auditFilter) filter(organizations []id.ID) journal.Filter {
	f := journal.Filter{Organizations: organizations, Types: in.Types, Actors: in.Actors, From: in.From, To: in.To}
	for _, t := range in.ActorTypes {
		f.ActorKinds = append(f.ActorKinds, string(t))
	}
	return f
}

func (s *Service) entries(ctx context.Context, f journal.Filter, in auditFilter) (Entries, error) {
	before := int64(math.MaxInt64)
	if in.Before != nil {
		before = *in.Before
	}
	out := Entries{Items: []Entry{}}
	err := s.db.Read(ctx, func(q db.Querier) error {
		rows, err := journal.Before(ctx, q, f, before, in.Limit+1)
		if err != nil {
			return err
		}
		if len(rows) > in.Limit {
			rows = rows[:in.Limit]
			out.Next = &rows[in.Limit-1].Seq
		}
		names, err := actors(ctx, q, rows)
		for i := range rows {
			out.Items = append(out.Items, entryOf(&rows[i], names))
		}
		return err
	})
	return out, err
}

// actors looks up who did all that.
func actors(ctx context.Context, q db.Querier, rows []journal.Row) (map[id.ID]token.Name, error) {
	seen := map[id.ID]bool{}
	var ids []id.ID
	for i := range rows {
		if a := rows[i].ActorID; a != nil && !seen[*a] {
			seen[*a] = true
			ids = append(ids, *a)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return token.Names(ctx, q, ids)
}

func entryOf(r *journal.Row, names map[id.ID]token.Name) Entry {
	e := Entry{Change: public(r), Actor: Actor{Type: ActorType(r.ActorKind), ID: r.ActorID}, RequestID: r.RequestID}
	if r.ActorID != nil {
		n := names[*r.ActorID]
		e.Actor.Comment, e.Actor.Email = n.Comment, n.UserEmail
	}
	return e
}
