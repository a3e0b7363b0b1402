// Package subscription is what customers have subscribed to: the states that a
// subscription goes through, its periods, what a change of it costs, and the
// billing cycle that renews what is due. Orders, grants and products are
// other packages' work; they stand below and are called from here.
package subscription

import (
	"encoding/json"
	"time"

	"floe/internal/id"
	"floe/internal/period"
)

// Status is what a subscription is at the moment.
type Status string

// The statuses. Incomplete, IncompleteExpired and Unpaid are only read: nothing
// here leads to them.
const (
	Incomplete        Status = "incomplete"
	IncompleteExpired Status = "incomplete_expired"
	Trialing          Status = "trialing"
	Active            Status = "active"
	PastDue           Status = "past_due"
	Canceled          Status = "canceled"
	Unpaid            Status = "unpaid"
	Paused            Status = "paused"
)

// Enum lists the statuses.
func (Status) Enum() []string {
	return []string{"incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"}
}

// SchemaName is the name of the reference.
func (Status) SchemaName() string { return "SubscriptionStatus" }

// Entitled says whether the status gives access to benefits.
func (s Status) Entitled() bool { return s == Trialing || s == Active }

// Billable says whether the billing cycle renews a subscription of the status.
func (s Status) Billable() bool { return s.Entitled() || s == PastDue }

// Revoked says whether the status is an end.
func (s Status) Revoked() bool { return s == Canceled || s == Unpaid }

// Row is a subscription as it is stored.
type Row struct {
	ID                          id.ID
	OrganizationID              id.ID
	CreatedAt                   time.Time
	ModifiedAt                  *time.Time
	CustomerID                  id.ID
	ProductID                   id.ID
	PriceIDs                    IDs
	Status                      Status
	Amount                      int64
	Currency                    string
	CollectionMethod            *string
	RecurringInterval           period.Interval
	RecurringIntervalCount      int
	AnchorDay                   int
	CurrentPeriodStart          time.Time
	CurrentPeriodEnd            time.Time
	MeterInterval               *period.Interval
	MeterIntervalCount          *int
	CurrentMeterPeriodStart     *time.Time
	CurrentMeterPeriodEnd       *time.Time
	TrialStart                  *time.Time
	TrialEnd                    *time.Time
	CancelAtPeriodEnd           bool
	CanceledAt                  *time.Time
	StartedAt                   *time.Time
	EndsAt                      *time.Time
	EndedAt                     *time.Time
	PastDueAt                   *time.Time
	GraceEndsAt                 *time.Time
	PauseAtPeriodEnd            bool
	PausedAt                    *time.Time
	ResumesAt                   *time.Time
	DiscountID                  *id.ID
	DiscountAppliedAt           *time.Time
	CheckoutID                  *id.ID
	Seats                       *int
	Units                       *int
	CustomerCancellationReason  *Reason
	CustomerCancellationComment *string
	Metadata                    json.RawMessage
	CustomFieldData             json.RawMessage
	Clocked                     bool
	DueAt                       *time.Time
	HeldUntil                   *time.Time
}
