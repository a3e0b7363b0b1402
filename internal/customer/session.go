package customer

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
)

// Token prefixes of portal sessions.
const (
	customerSessionPrefix = "polar_cst_"
	memberSessionPrefix   = "polar_mst_"
)

// SessionOperations are the operations on portal sessions.
func (s *Service) SessionOperations() []*api.Operation {
	return []*api.Operation{
		api.Post("/v1/customer-sessions/", s.createSession).Scopes(auth.CustomerSessionsWrite).
			Named("customer-sessions:create", "Create Customer Session").
			About("Create a customer session: a token that lets a customer, or one of its members, into the customer portal.").
			Fails(fault.AmbiguousExternal, ambiguous),
	}
}

// SessionCreate is the body of a new session: the customer by id, or by
// external id.
type SessionCreate struct {
	ByID       *SessionByID         `variant:"CustomerSessionCustomerIDCreate"`
	ByExternal *SessionByExternalID `variant:"CustomerSessionCustomerExternalIDCreate"`
}

// Union says that both shapes are tried; the external id wins when both fit.
func (SessionCreate) Union() schema.Union { return schema.Union{} }

// SessionCommon is what both shapes have.
type SessionCommon struct {
	MemberID         *id.ID      `json:"member_id" doc:"The member to create a session for. By default it is the owner of an individual customer."`
	ExternalMemberID *string     `json:"external_member_id" doc:"Your own ID of the member; member_id goes before it."`
	ReturnURL        *schema.URL `json:"return_url" doc:"Where the portal's back button leads." example:"\"https://example.com/account\""`
}

// SessionByID names the customer by id.
type SessionByID struct {
	SessionCommon
	CustomerID id.ID `json:"customer_id" doc:"The customer to create a session for."`
}

// SchemaName is the name of the reference.
func (SessionByID) SchemaName() string { return "CustomerSessionCustomerIDCreate" }

// SessionByExternalID names the customer by external id.
type SessionByExternalID struct {
	SessionCommon
	ExternalCustomerID string `json:"external_customer_id" alias:"customer_external_id" doc:"The external ID of the customer to create a session for."`
}

// SchemaName is the name of the reference.
func (SessionByExternalID) SchemaName() string { return "CustomerSessionCustomerExternalIDCreate" }

// Session is a new portal session. Only this answer shows the token.
type Session struct {
	CreatedAt         time.Time  `json:"created_at" doc:"When the session was created."`
	ModifiedAt        *time.Time `json:"modified_at"`
	ID                id.ID      `json:"id" doc:"The ID of the session."`
	Token             string     `json:"token" doc:"The token, shown this once."`
	ExpiresAt         time.Time  `json:"expires_at" doc:"When the token stops working."`
	ReturnURL         *string    `json:"return_url"`
	CustomerPortalURL string     `json:"customer_portal_url" doc:"Where to send the customer."`
	CustomerID        id.ID      `json:"customer_id"`
	Customer          Customer   `json:"customer"`
}

// SchemaName is the name of the reference.
func (Session) SchemaName() string { return "CustomerSession" }

type sessionInput struct{ Body SessionCreate }

func (s *Service) createSession(ctx context.Context, sub auth.Subject, in sessionInput) (out Session, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		tx.TouchNothing() // a session; a member that comes into being with it is recorded
		r, common, err := in.Body.find(ctx, tx, &sub)
		if err != nil {
			return err
		}
		if err := mayManage(&sub, &r); err != nil {
			return err
		}
		out, err = s.startSession(ctx, tx, sub, &r, common)
		return err
	})
	return out, err
}

// find loads the customer; one that is not there is a problem of the body.
func (b SessionCreate) find(ctx context.Context, tx *db.Tx, sub *auth.Subject) (r Row, common SessionCommon, err error) {
	const gone = "Customer does not exist."
	if b.ByExternal != nil {
		r, err = byExternalID(ctx, tx, reachable(sub), b.ByExternal.ExternalCustomerID, tx.ForUpdate())
		if errors.Is(err, fault.NotFound.New()) {
			err = schema.ValueError(gone, schema.StringNode(b.ByExternal.ExternalCustomerID), "body", "external_customer_id")
		}
		return r, b.ByExternal.SessionCommon, err
	}
	r, err = byID(ctx, tx, reachable(sub), b.ByID.CustomerID, tx.ForUpdate())
	if errors.Is(err, fault.NotFound.New()) {
		err = schema.ValueError(gone, schema.StringNode(string(b.ByID.CustomerID)), "body", "customer_id")
	}
	return r, b.ByID.SessionCommon, err
}

func (s *Service) startSession(ctx context.Context, tx *db.Tx, sub auth.Subject, r *Row, in SessionCommon) (Session, error) {
	features, err := organization.Features(ctx, tx, r.OrganizationID)
	if err != nil {
		return Session{}, err
	}
	prefix, address := customerSessionPrefix, r.Email
	var member *id.ID
	if features.MemberModelEnabled {
		m, err := s.sessionMember(ctx, tx, sub, r, in)
		if err != nil {
			return Session{}, err
		}
		prefix, address, member = memberSessionPrefix, &m.Email, &m.ID
	}
	clear, hash := s.Sessions.Mint(prefix)
	out := Session{
		CreatedAt: tx.Now(), ID: tx.NewID(tx.Now()), Token: clear, ExpiresAt: tx.Now().Add(s.Sessions.Lifetime),
		ReturnURL: (*string)(in.ReturnURL), CustomerID: r.ID, Customer: s.Public(*r),
	}
	if out.CustomerPortalURL, err = s.portalURL(ctx, tx, r, clear, address); err != nil {
		return out, err
	}
	_, err = db.Exec(ctx, tx, `INSERT INTO customer_sessions (id, organization_id, customer_id, member_id, created_at, expires_at, hash, return_url, clocked)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, EXISTS (SELECT 1 FROM test_clocks WHERE organization_id = ?))`,
		out.ID, r.OrganizationID, r.ID, member, out.CreatedAt, out.ExpiresAt, hash, out.ReturnURL, r.OrganizationID)
	return out, err
}

// sessionMember is the member that a session is for: the one that was named,
// or the owner of an individual, who is made now if there is none.
func (s *Service) sessionMember(ctx context.Context, tx *db.Tx, sub auth.Subject, r *Row, in SessionCommon) (Member, error) {
	const gone = "Member does not exist for this customer."
	switch {
	case in.MemberID != nil:
		m, err := memberWhere(ctx, tx, r, "id = ?", *in.MemberID, "")
		return m, instead(err, gone, (*string)(in.MemberID), "member_id")
	case in.ExternalMemberID != nil:
		m, err := memberWhere(ctx, tx, r, "external_id = ?", indexText(*in.ExternalMemberID), "")
		return m, instead(err, gone, in.ExternalMemberID, "external_member_id")
	case r.Type == Team:
		return Member{}, schema.ValueError("member_id is required for team customers.", nil, "body", "member_id")
	}
	m, err := memberWhere(ctx, tx, r, "role = ?", RoleOwner, "")
	if !errors.Is(err, fault.NotFound.New()) {
		return m, err
	}
	if m = ownerOf(r, tx.Now()); m.Email == "" {
		return m, schema.ValueError("No owner member found for this customer.", schema.StringNode(string(r.ID)), "body", "customer_id")
	}
	if err := insertMember(ctx, tx, &m); err != nil {
		return m, err
	}
	record(tx, sub, "member.created", nil, &m)
	return m, nil
}

// instead answers a problem of a body's field where a member was not found.
func instead(err error, msg string, input *string, field string) error {
	if errors.Is(err, fault.NotFound.New()) {
		return schema.ValueError(msg, textNode(input), "body", field)
	}
	return err
}

func (s *Service) portalURL(ctx context.Context, q db.Querier, r *Row, token string, address *string) (string, error) {
	slug, err := db.One[string](ctx, q, `SELECT slug FROM organizations WHERE id = ?`, r.OrganizationID)
	if err != nil {
		return "", err
	}
	link := s.Sessions.PortalURL + "/" + url.PathEscape(slug) + "/portal?customer_session_token=" + url.QueryEscape(token)
	if address != nil {
		link += "&email=" + url.QueryEscape(*address)
	}
	return link, nil
}

// endSessions makes the sessions of deleted customers useless for good.
func endSessions(ctx context.Context, tx *db.Tx, org id.ID, customers []id.ID) error {
	w := db.Where("organization_id = ?", org).In("customer_id", customers)
	if err := db.Later(ctx, tx, `DELETE FROM customer_sessions`+w.SQL(), w.Args()...); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	return nil
}

// endSessionsOf does so with those of a deleted member.
func endSessionsOf(ctx context.Context, tx *db.Tx, m *Member) error {
	err := db.Later(ctx, tx, `DELETE FROM customer_sessions WHERE organization_id = ? AND customer_id = ? AND member_id = ?`,
		m.OrganizationID, m.CustomerID, m.ID)
	if err != nil {
		return fmt.Errorf("end the sessions of a member: %w", err)
	}
	return nil
}

// PurgeSessions deletes sessions of every organization that have expired, and
// says how many they were. Those of an organization with a test clock expire by
// that, and stay until it is released. Not all of them need be marked: where one
// was made together with the clock, or by a node of the version before, looking
// at the clocks keeps it.
func (s *Service) PurgeSessions(ctx context.Context, tx *db.Tx) (int64, error) {
	return db.Exec(ctx, tx, `DELETE FROM customer_sessions
		WHERE expires_at <= ? AND NOT clocked AND organization_id NOT IN (SELECT organization_id FROM test_clocks)`, tx.Now())
}

// FollowClock says of all sessions of an organization whether they expire by a
// test clock. Those that were made in a time that is still to come end with the
// clock: they would last until then. Other nodes' clocks may differ by less than
// a lifetime.
func (s *Service) FollowClock(ctx context.Context, tx *db.Tx, org id.ID, clocked bool) error {
	if !clocked {
		_, err := db.Exec(ctx, tx, `DELETE FROM customer_sessions WHERE organization_id = ? AND expires_at > ?`, org, tx.Wall().Add(2*s.Sessions.Lifetime))
		if err != nil {
			return fmt.Errorf("end sessions that are still to come: %w", err)
		}
	}
	_, err := db.Exec(ctx, tx, `UPDATE customer_sessions SET clocked = ? WHERE organization_id = ? AND clocked <> ?`, clocked, org, clocked)
	return err
}
