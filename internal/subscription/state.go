package subscription

import (
	"time"

	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/period"
	"floe/internal/schema"
)

// StateSubscription is a subscription as it stands in a customer's state.
// Amounts are in minor currency units.
type StateSubscription struct {
	ID                 id.ID           `json:"id" doc:"The ID of the subscription."`
	CreatedAt          time.Time       `json:"created_at"`
	ModifiedAt         *time.Time      `json:"modified_at"`
	CustomFieldData    CustomFieldData `json:"custom_field_data" required:"false"`
	Metadata           schema.Metadata `json:"metadata"`
	Status             StateStatus     `json:"status"`
	Amount             int64           `json:"amount" doc:"The amount of a period, in minor currency units."`
	Currency           string          `json:"currency" doc:"The currency, in lower case."`
	RecurringInterval  period.Interval `json:"recurring_interval"`
	CurrentPeriodStart time.Time       `json:"current_period_start"`
	CurrentPeriodEnd   time.Time       `json:"current_period_end"`
	TrialStart         *time.Time      `json:"trial_start"`
	TrialEnd           *time.Time      `json:"trial_end"`
	CancelAtPeriodEnd  bool            `json:"cancel_at_period_end"`
	CanceledAt         *time.Time      `json:"canceled_at"`
	StartedAt          *time.Time      `json:"started_at"`
	EndsAt             *time.Time      `json:"ends_at"`
	ProductID          id.ID           `json:"product_id"`
	DiscountID         *id.ID          `json:"discount_id"`
	Price              firstID         `json:"-" db:"price_ids"`
	PriceID            *id.ID          `json:"price_id" db:"-" undocumented:"true"` // the first, for clients of earlier versions
	Seats              *int            `json:"seats" required:"false"`
	Units              *int            `json:"units" required:"false"`
	Meters             []StateMeter    `json:"meters" db:"-" doc:"What was used in the current period."`
}

// SchemaName is the name of the reference.
func (StateSubscription) SchemaName() string { return "CustomerStateSubscription" }

// StateStatus is a status in which a subscription is part of the state.
type StateStatus string

// Enum lists the statuses.
func (StateStatus) Enum() []string { return []string{"active", "trialing"} }

// SchemaName says that the schema is written in place.
func (StateStatus) SchemaName() string { return "" }

// StateMeter is what a subscription's meter has counted in the period.
type StateMeter struct {
	CreatedAt     time.Time  `json:"created_at"`
	ModifiedAt    *time.Time `json:"modified_at"`
	ID            id.ID      `json:"id"`
	ConsumedUnits float64    `json:"consumed_units"`
	CreditedUnits int64      `json:"credited_units"`
	Amount        int64      `json:"amount" doc:"What is due so far, in minor currency units."`
	MeterID       id.ID      `json:"meter_id"`
}

// SchemaName is the name of the reference.
func (StateMeter) SchemaName() string { return "CustomerStateSubscriptionMeter" }

const stateColumns = `id, created_at, modified_at, custom_field_data, metadata, status, amount, currency, recurring_interval,
	current_period_start, current_period_end, trial_start, trial_end, cancel_at_period_end, canceled_at, started_at, ends_at,
	product_id, discount_id, price_ids, seats, units`

// AskState asks for the subscriptions that are part of a customer's state,
// oldest first: those that are active or trialing, or those in some other
// statuses. What it returns is to be called when the reads have run.
func AskState(reads *db.Reads, of customer.Ref, in ...Status) func() []StateSubscription {
	if len(in) == 0 {
		in = []Status{Trialing, Active}
	}
	w := of.Theirs("").And("started_at IS NOT NULL").In("status", in)
	list := db.Ask[StateSubscription](reads, `SELECT `+stateColumns+` FROM subscriptions`+w.SQL()+` ORDER BY created_at, id`, w.Args()...)
	return func() []StateSubscription {
		for i := range *list {
			s := &(*list)[i]
			s.Meters = []StateMeter{}
			if s.Price != "" {
				s.PriceID = (*id.ID)(&s.Price)
			}
		}
		return *list
	}
}
