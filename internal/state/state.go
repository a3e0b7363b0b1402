// Package state answers what a customer has right now: the customer, active
// subscriptions, granted benefits and meters, read together in one snapshot.
// It keeps no cache, so it can never be stale.
package state

import (
	"context"
	"reflect"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/schema"
)

// State is a customer with everything that is theirs at this moment.
type State struct {
	customer.Customer
	ActiveSubscriptions []Subscription `json:"active_subscriptions" doc:"The customer's active and trialing subscriptions, oldest first."`
	GrantedBenefits     []Grant        `json:"granted_benefits" doc:"The benefits that the customer has, oldest first."`
	ActiveMeters        []Meter        `json:"active_meters" doc:"The customer's meters, oldest first."`
}

// SchemaName is the name of the reference.
func (State) SchemaName() string { return "CustomerState" }

// DescribeSchema describes the union of the two types of customer.
func (State) DescribeSchema(b *schema.Builder) *schema.Schema {
	return customer.DescribeVariants(b, reflect.TypeFor[State](), "CustomerState")
}

// Subscription is an active or trialing subscription. Amounts are in minor
// currency units.
type Subscription struct {
	ID                 id.ID               `json:"id" doc:"The ID of the subscription."`
	CreatedAt          time.Time           `json:"created_at"`
	ModifiedAt         *time.Time          `json:"modified_at"`
	CustomFieldData    customFieldData     `json:"custom_field_data" required:"false"`
	Metadata           schema.Metadata     `json:"metadata"`
	Status             SubscriptionStatus  `json:"status"`
	Amount             int64               `json:"amount" doc:"The amount of a period, in minor currency units."`
	Currency           string              `json:"currency" doc:"The currency, in lower case."`
	RecurringInterval  RecurringInterval   `json:"recurring_interval"`
	CurrentPeriodStart time.Time           `json:"current_period_start"`
	CurrentPeriodEnd   time.Time           `json:"current_period_end"`
	TrialStart         *time.Time          `json:"trial_start"`
	TrialEnd           *time.Time          `json:"trial_end"`
	CancelAtPeriodEnd  bool                `json:"cancel_at_period_end"`
	CanceledAt         *time.Time          `json:"canceled_at"`
	StartedAt          *time.Time          `json:"started_at"`
	EndsAt             *time.Time          `json:"ends_at"`
	ProductID          id.ID               `json:"product_id"`
	DiscountID         *id.ID              `json:"discount_id"`
	Meters             []SubscriptionMeter `json:"meters" doc:"What was used in the current period."`
}

// SchemaName is the name of the reference.
func (Subscription) SchemaName() string { return "CustomerStateSubscription" }

// SubscriptionStatus is a status in which a subscription is part of the state.
type SubscriptionStatus string

// Enum lists the statuses.
func (SubscriptionStatus) Enum() []string { return []string{"active", "trialing"} }

// SchemaName says that the schema is written in place.
func (SubscriptionStatus) SchemaName() string { return "" }

// RecurringInterval is the unit of a subscription's period.
type RecurringInterval string

// Enum lists the intervals.
func (RecurringInterval) Enum() []string { return []string{"day", "week", "month", "year"} }

// SubscriptionMeter is what a subscription's meter has counted in the period.
type SubscriptionMeter struct {
	CreatedAt     time.Time  `json:"created_at"`
	ModifiedAt    *time.Time `json:"modified_at"`
	ID            id.ID      `json:"id"`
	ConsumedUnits float64    `json:"consumed_units"`
	CreditedUnits int64      `json:"credited_units"`
	Amount        int64      `json:"amount" doc:"What is due so far, in minor currency units."`
	MeterID       id.ID      `json:"meter_id"`
}

// SchemaName is the name of the reference.
func (SubscriptionMeter) SchemaName() string { return "CustomerStateSubscriptionMeter" }

// Grant is a benefit that a customer has.
type Grant struct {
	ID              id.ID           `json:"id" doc:"The ID of the grant."`
	CreatedAt       time.Time       `json:"created_at"`
	ModifiedAt      *time.Time      `json:"modified_at"`
	GrantedAt       time.Time       `json:"granted_at"`
	BenefitID       id.ID           `json:"benefit_id"`
	BenefitType     BenefitType     `json:"benefit_type"`
	BenefitMetadata schema.Metadata `json:"benefit_metadata"`
	Properties      properties      `json:"properties"`
}

// SchemaName is the name of the reference.
func (Grant) SchemaName() string { return "CustomerStateBenefitGrant" }

// BenefitType is a kind of benefit.
type BenefitType string

// Enum lists the kinds.
func (BenefitType) Enum() []string {
	return []string{"custom", "discord", "github_repository", "downloadables", "license_keys", "meter_credit", "feature_flag", "slack_shared_channel"}
}

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

// Operations are the operations on states.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.CustomersRead, auth.CustomersWrite
	return []*api.Operation{
		api.Get("/v1/customers/{id}/state", s.get).Scopes(read, write).Named("customers:get_state", "Get Customer State").
			Fails(fault.NotFound, "Customer not found."),
		api.Get("/v1/customers/external/{external_id}/state", s.getExternal).Scopes(read, write).
			Named("customers:get_state_external", "Get Customer State by External ID").
			Fails(fault.NotFound, "Customer not found.").
			Fails(fault.AmbiguousExternal, "Several customers across your organizations share this external customer ID."),
	}
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in struct {
	ID id.ID `path:"id" doc:"The customer ID."`
}) (State, error) {
	return s.of(ctx, sub, in.ID, nil)
}

func (s *Service) getExternal(ctx context.Context, sub auth.Subject, in struct {
	ExternalID string `path:"external_id" doc:"The customer external ID."`
}) (State, error) {
	return s.of(ctx, sub, "", &in.ExternalID)
}

// of reads a state. Only the customer has rows today; the lists are what
// their owners will fill in the same snapshot.
func (s *Service) of(ctx context.Context, sub auth.Subject, customerID id.ID, external *string) (State, error) {
	row, err := s.Customers.Find(ctx, s.DB, sub, customerID, external)
	if err != nil {
		return State{}, err
	}
	return s.state(row), nil
}

// Of is the state of a customer for those who are told of it, also of one who
// is deleted.
func (s *Service) Of(ctx context.Context, q db.Querier, organization, customerID id.ID) (any, error) {
	row, err := s.Customers.Any(ctx, q, organization, customerID)
	if err != nil {
		return nil, err
	}
	out := s.state(row)
	return &out, nil
}

func (s *Service) state(row customer.Row) State {
	return State{Customer: s.Customers.Public(row), ActiveSubscriptions: []Subscription{}, GrantedBenefits: []Grant{}, ActiveMeters: []Meter{}}
}
