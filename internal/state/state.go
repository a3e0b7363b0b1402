// Package state answers what a customer has right now: the customer, active
// subscriptions, granted benefits and meters, read together in one snapshot.
// It keeps no cache, so it can never be stale.
package state

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/schema"
	"floe/internal/subscription"
)

// State is a customer with everything that is theirs at this moment.
type State struct {
	customer.Customer
	ActiveSubscriptions []subscription.StateSubscription `json:"active_subscriptions" doc:"The customer's active and trialing subscriptions, oldest first."`
	GrantedBenefits     []grant.StateGrant               `json:"granted_benefits" doc:"The benefits that the customer has, oldest first."`
	ActiveMeters        []Meter                          `json:"active_meters" doc:"The customer's meters, oldest first."`

	PastDueSubscriptions []Other `json:"past_due_subscriptions,omitempty" doc:"Those that are past due; only where they were asked for."`
	PausedSubscriptions  []Other `json:"paused_subscriptions,omitempty" doc:"Those that are paused; only where they were asked for."`
}

// SchemaName is the name of the reference.
func (State) SchemaName() string { return "CustomerState" }

// DescribeSchema describes the union of the two types of customer.
func (State) DescribeSchema(b *schema.Builder) *schema.Schema {
	return customer.DescribeVariants(b, reflect.TypeFor[State](), "CustomerState")
}

// Other is a subscription that is no part of the state by itself: one that is
// past due or paused.
type Other struct {
	subscription.StateSubscription
	Status OtherStatus `json:"status"`
}

// SchemaName is a name of ours.
func (Other) SchemaName() string { return "CustomerStateOtherSubscription" }

// OtherStatus is the status of a subscription that has to be asked for.
type OtherStatus string

// Enum lists the statuses.
func (OtherStatus) Enum() []string { return []string{"past_due", "paused"} }

// SchemaName says that the schema is written in place.
func (OtherStatus) SchemaName() string { return "" }

// Include asks for more than a state has by itself: one or several names with
// commas between them.
type Include struct{ names []string }

// DecodeNode reads the names.
func (i *Include) DecodeNode(n *schema.Node, at *schema.At) {
	known := OtherStatus("").Enum()
	for name := range strings.SplitSeq(n.Text, ",") {
		if name = strings.TrimSpace(name); !slices.Contains(known, name) {
			at.Enum(known, n)
			return
		}
		i.names = append(i.names, name)
	}
}

// SchemaName says that the schema is written in place.
func (Include) SchemaName() string { return "" }

// DescribeSchema describes the text.
func (Include) DescribeSchema(*schema.Builder) *schema.Schema { return &schema.Schema{Type: "string"} }

// Meter is what a customer has used and may use.
type Meter struct {
	ID            id.ID      `json:"id"`
	CreatedAt     time.Time  `json:"created_at"`
	ModifiedAt    *time.Time `json:"modified_at"`
	MeterID       id.ID      `json:"meter_id"`
	ConsumedUnits float64    `json:"consumed_units"`
	CreditedUnits int64      `json:"credited_units"`
	Balance       float64    `json:"balance" doc:"Credited less consumed units."`
}

// SchemaName is the name of the reference.
func (Meter) SchemaName() string { return "CustomerStateMeter" }

// Service answers states.
type Service struct {
	DB            *db.DB
	Customers     *customer.Service
	Subscriptions *subscription.Service
	Grants        *grant.Service
}

const about = "Everything that is a customer's at this moment, as the last change has left it.\n\nThe answer has a weak `ETag`: " +
	"a request that sends it back in `If-None-Match` is answered 304 without a body as long as nothing has changed. " +
	"`include=past_due,paused` adds the lists `past_due_subscriptions` and `paused_subscriptions`."

// Operations are the operations on states.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.CustomersRead, auth.CustomersWrite
	return []*api.Operation{
		api.Get("/v1/customers/{id}/state", s.get).Scopes(read, write).Named("customers:get_state", "Get Customer State").
			About(about).Tagged().Fails(fault.NotFound, "Customer not found."),
		api.Get("/v1/customers/external/{external_id}/state", s.getExternal).Scopes(read, write).
			Named("customers:get_state_external", "Get Customer State by External ID").
			About(about).Tagged().Fails(fault.NotFound, "Customer not found.").
			Fails(fault.AmbiguousExternal, "Several customers across your organizations share this external customer ID."),
	}
}

type more struct {
	Include schema.Many[Include] `query:"include" doc:"Which subscriptions to list beside the active ones: past_due, paused, or both with a comma between them."`
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in struct {
	ID id.ID `path:"id" doc:"The customer ID."`
	more
}) (State, error) {
	return s.find(ctx, sub, in.ID, nil, in.more)
}

func (s *Service) getExternal(ctx context.Context, sub auth.Subject, in struct {
	ExternalID string `path:"external_id" doc:"The customer external ID."`
	more
}) (State, error) {
	return s.find(ctx, sub, "", &in.ExternalID, in.more)
}

// find reads everything in one snapshot, so that no two parts of a state are
// of different times.
func (s *Service) find(ctx context.Context, sub auth.Subject, customerID id.ID, external *string, in more) (out State, err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		row, err := s.Customers.Find(ctx, q, sub, customerID, external)
		if err != nil {
			return err
		}
		out, err = s.read(ctx, q, row)
		if err != nil {
			return err
		}
		return s.include(ctx, q, row, in, &out)
	})
	return out, err
}

// read is the state of a customer.
func (s *Service) read(ctx context.Context, q db.Querier, r customer.Row) (State, error) {
	active, err := s.Subscriptions.ForState(ctx, q, r.OrganizationID, r.ID)
	if err != nil {
		return State{}, err
	}
	granted, err := s.Grants.ForState(ctx, q, r.OrganizationID, r.ID)
	if err != nil {
		return State{}, err
	}
	return State{Customer: s.Customers.Public(r), ActiveSubscriptions: active, GrantedBenefits: granted, ActiveMeters: []Meter{}}, nil
}

// include adds the lists that were asked for, also when they are empty.
func (s *Service) include(ctx context.Context, q db.Querier, r customer.Row, in more, out *State) error {
	for _, i := range in.Include {
		for _, name := range i.names {
			list, err := s.Subscriptions.ForState(ctx, q, r.OrganizationID, r.ID, subscription.Status(name))
			if err != nil {
				return err
			}
			others := make([]Other, len(list))
			for i, v := range list {
				others[i] = Other{v, OtherStatus(v.Status)}
			}
			if name == "paused" {
				out.PausedSubscriptions = others
			} else {
				out.PastDueSubscriptions = others
			}
		}
	}
	return nil
}

// Of is the state of a customer for those who are told of it, also of one who
// is deleted.
func (s *Service) Of(ctx context.Context, q db.Querier, organization, customerID id.ID) (any, error) {
	row, err := s.Customers.Any(ctx, q, organization, customerID)
	if err != nil {
		return nil, err
	}
	out, err := s.read(ctx, q, row)
	return &out, err
}
