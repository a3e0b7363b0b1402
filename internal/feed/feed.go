// Package feed is how others read the journal: the change feed, page by page
// or as server-sent events, the snapshot from which a mirror is built and the
// digest by which it is checked, and, for those who may know who did what, the
// timeline of a customer and the audit list of an organization. It writes
// nothing.
package feed

import (
	"context"
	"encoding/json"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/schema"
	"floe/internal/token"
)

// Service is the operations of this package and what they need.
type Service struct {
	db        *db.DB
	customers *customer.Service
	tokens    *token.Service
	horizon   *journal.Horizon
	hub       *hub
}

// New makes a service. Stop it before the server waits for requests to end.
func New(d *db.DB, customers *customer.Service, tokens *token.Service) *Service {
	horizon := &journal.Horizon{DB: d}
	return &Service{db: d, customers: customers, tokens: tokens, horizon: horizon, hub: newHub(d, horizon)}
}

// Stop ends every stream and every wait, well. Callers come back to another
// node, or to this one when it runs again.
func (s *Service) Stop() { s.hub.stop() }

// Operations are the operations of this package.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.WebhooksRead, auth.WebhooksWrite
	return []*api.Operation{
		api.Follow("/v1/changes", s.list, s.follow).Scopes(read, write).Named("changes:list", "List Changes").Primary().
			About(aboutChanges).Fails(fault.NotFound, "Customer not found.").Fails(fault.Gone, ahead),
		api.Get("/v1/changes/snapshot", s.snapshot).Scopes(read, write).Named("changes:snapshot", "Get Snapshot").Primary().
			About(aboutSnapshot),
		api.Get("/v1/changes/digest", s.digest).Scopes(read, write).Named("changes:digest", "Get Digest").Primary().
			About(aboutDigest).Fails(fault.Unavailable, busy),
		api.Get("/v1/audit", s.audit).Scopes(auth.AuditRead).Named("audit:list", "List Audit Log").About(aboutAudit),
		api.Get("/v1/customers/{id}/timeline", s.timeline).Scopes(auth.AuditRead).Named("customers:timeline", "Get Customer Timeline").
			About(aboutTimeline).Fails(fault.NotFound, "Customer not found."),
		api.Get("/v1/customers/external/{external_id}/timeline", s.timelineExternal).Scopes(auth.AuditRead).
			Named("customers:timeline_external", "Get Customer Timeline by External ID").
			About(aboutTimeline).Fails(fault.NotFound, "Customer not found.").Fails(fault.AmbiguousExternal, fault.AmbiguousExternal.Detail),
	}
}

const aboutChanges = "Everything that changes, in order and without gaps, from any sequence number on.\n\n" +
	"As JSON it is read page by page: pass `next` of one answer as `after` of the following request. With `wait` a request that finds nothing " +
	"waits for something to happen. With `Accept: text/event-stream` the changes are sent as they happen; the id of each event is its sequence " +
	"number, so that a client which sends `Last-Event-ID` goes on where it stopped."

// Fields is an object of the fields that a change is about, or null.
type Fields json.RawMessage

// AppendJSON writes the text as it is.
func (f Fields) AppendJSON(dst []byte) []byte {
	if len(f) == 0 {
		return append(dst, "null"...)
	}
	return append(dst, f...)
}

// DecodeNode is never used: fields are only sent.
func (f *Fields) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (Fields) SchemaName() string { return "" }

// DescribeSchema describes an object of any fields.
func (Fields) DescribeSchema(*schema.Builder) *schema.Schema {
	return schema.Nullable(&schema.Schema{Type: "object", AdditionalProperties: &schema.Schema{}})
}

// Change is one change as the feed shows it.
type Change struct {
	Seq            int64     `json:"seq" doc:"The sequence number. Numbers grow; some are left out."`
	Type           string    `json:"type" doc:"What happened; the type of the webhook where there is one." example:"\"customer.updated\""`
	Timestamp      time.Time `json:"timestamp" doc:"When it happened."`
	OrganizationID id.ID     `json:"organization_id" doc:"The organization that it happened in."`
	CustomerID     *id.ID    `json:"customer_id" doc:"The customer that it concerns, if any."`
	CustomerSeq    *int64    `json:"customer_seq" doc:"The customer's own sequence number: one more with every change that concerns the customer, without gaps."`
	SubjectID      *id.ID    `json:"subject_id" doc:"The ID of what changed."`
	Before         Fields    `json:"before" doc:"The fields that differ, as they were; null when there was nothing before."`
	After          Fields    `json:"after" doc:"The fields that differ, as they are; when before is null, all of them."`
	Data           *Fields   `json:"data,omitempty" required:"false" doc:"With full=true: the whole resource as it was after the change. What webhooks show within it, such as the customer of an order, is there by its ID only."`
}

func public(r *journal.Row) Change {
	return Change{Seq: r.Seq, Type: r.Type, Timestamp: r.CreatedAt, OrganizationID: r.OrganizationID, CustomerID: r.CustomerID,
		CustomerSeq: r.CustomerSeq, SubjectID: r.SubjectID, Before: Fields(r.Before), After: Fields(r.After)}
}

// visible are the organizations whose customers the subject may see, cut down
// to the wanted ones.
func visible(sub *auth.Subject, wanted ...id.ID) []id.ID {
	return sub.Organizations(auth.CustomersView, wanted...)
}

// access is what the feed leaves to the audit list: who may sign in and with
// what token. It concerns no customer, and those who follow customers need
// not know it.
var access = []string{"organization_access_token.*", "organization_member.*"}

// endpoints is what the feed leaves to those who may manage the organization,
// as the operations on endpoints do: the address of a chat is a password.
var endpoints = []string{"webhook_endpoint.*", "webhook_replay.*"}

// settled finds out how far the journal can be read, as fresh as can be.
func (s *Service) settled(ctx context.Context) (int64, error) { return s.horizon.Advance(ctx) }
