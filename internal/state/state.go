// Package state answers what a customer has right now: the customer, active
// subscriptions, granted benefits and meters, read together in one snapshot.
// It is what the last commit has left, also where an answer is given again
// (see api.Remembered).
package state

import (
	"context"
	"fmt"
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
	DB        *db.DB
	Customers *customer.Service
}

const about = "Everything that is a customer's at this moment, as the last change has left it.\n\nThe answer has a weak `ETag`: " +
	"a request that sends it back in `If-None-Match` is answered 304 without a body as long as nothing has changed. " +
	"`include=past_due,paused` adds the lists `past_due_subscriptions` and `paused_subscriptions`."

// Operations are the operations on states.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.CustomersRead, auth.CustomersWrite
	return []*api.Operation{
		api.Get("/v1/customers/{id}/state", s.get).Scopes(read, write).Named("customers:get_state", "Get Customer State").
			About(about).Tagged().Remembered().Fails(fault.NotFound, "Customer not found."),
		api.Get("/v1/customers/external/{external_id}/state", s.getExternal).Scopes(read, write).
			Named("customers:get_state_external", "Get Customer State by External ID").
			About(about).Tagged().Remembered().Fails(fault.NotFound, "Customer not found.").
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
func (s *Service) find(ctx context.Context, sub auth.Subject, customerID id.ID, external *string, in more) (State, error) {
	ref := s.Customers.Ref(sub, customerID, external)
	var reads db.Reads
	state, others := s.ask(&reads, ref), in.ask(&reads, ref)
	if err := reads.Run(ctx, s.DB); err != nil {
		return State{}, fmt.Errorf("read a state: %w", err)
	}
	out, err := state()
	others(&out)
	return out, err
}

// ask asks for the state of a customer.
func (s *Service) ask(reads *db.Reads, ref customer.Ref) func() (State, error) {
	theCustomer, active, granted := ref.Ask(reads), subscription.AskState(reads, ref), grant.AskState(reads, ref)
	return func() (State, error) {
		row, err := theCustomer()
		if err != nil {
			return State{}, err
		}
		return State{Customer: s.Customers.Public(row), ActiveSubscriptions: active(), GrantedBenefits: granted(), ActiveMeters: []Meter{}}, nil
	}
}

// ask asks for the lists that were wanted; they are there also when they are
// empty.
func (m more) ask(reads *db.Reads, ref customer.Ref) func(out *State) {
	lists := map[string]func() []subscription.StateSubscription{}
	for _, i := range m.Include {
		for _, name := range i.names {
			if lists[name] == nil {
				lists[name] = subscription.AskState(reads, ref, subscription.Status(name))
			}
		}
	}
	return func(out *State) {
		if list := lists["past_due"]; list != nil {
			out.PastDueSubscriptions = others(list())
		}
		if list := lists["paused"]; list != nil {
			out.PausedSubscriptions = others(list())
		}
	}
}

func others(list []subscription.StateSubscription) []Other {
	out := make([]Other, len(list))
	for i, v := range list {
		out[i] = Other{v, OtherStatus(v.Status)}
	}
	return out
}

// Of is the state of a customer for those who are told of it, also of one who
// is deleted.
func (s *Service) Of(ctx context.Context, q db.Querier, organization, customerID id.ID) (any, error) {
	var reads db.Reads
	state := s.ask(&reads, customer.AnyRef(organization, customerID))
	if err := reads.Run(ctx, q); err != nil {
		return nil, fmt.Errorf("read a state: %w", err)
	}
	out, err := state()
	return &out, err
}
