// Package payment is the seam between Floe and whoever moves money: what a
// processor is asked and may answer, and the one that comes with Floe, which
// moves none. What is charged and what follows from the answer is not decided
// here: that is the orders' work.
package payment

import (
	"context"
	"net/http"

	"floe/internal/id"
)

// Processor moves money. The core decides what is to be charged and what
// follows; a processor only says what became of it. It is never called inside
// a transaction, and many calls may be made at once. An error is trouble on the
// way, which says nothing about the money: the same is asked again later, under
// the same idempotency key. A refusal is no error but a result.
type Processor interface {
	// Name stands in the rows of what the processor did and in the path of its
	// events. It must not change.
	Name() string
	Capabilities() Capabilities
	// EnsureCustomer makes the processor know a customer and answers its own
	// name for them, which is kept and handed back.
	EnsureCustomer(ctx context.Context, p Payer) (reference string, err error)
	// Charge tries to collect money.
	Charge(ctx context.Context, c Charge) (ChargeResult, error)
	// DetachMethod forgets a way to pay; one that is unknown is forgotten.
	DetachMethod(ctx context.Context, method string) error
	// Refund gives money back.
	Refund(ctx context.Context, r Refund) (RefundResult, error)
	// ParseWebhook checks the signature of what the processor tells by itself,
	// and reads it. What it does not know is no event and no error.
	ParseWebhook(header http.Header, body []byte) ([]Event, error)
}

// Capabilities are what a processor can do.
type Capabilities struct {
	// OffSession processors charge without the customer being there. Without
	// it Charge is never called.
	OffSession bool
	// SaveMethods processors remember ways to pay, and charge no other.
	SaveMethods bool
	// Refund processors give back what they took.
	Refund bool
	// MinimumCharge says that amounts below the minimum of a currency are not
	// taken; they become a debt that the next order collects.
	MinimumCharge bool
}

// Payer is a customer as a processor knows them.
type Payer struct {
	Organization id.ID
	Customer     id.ID
	Name         string
	Email        string
	Address      []byte // JSON with the keys of the API's billing addresses; nil when there is none
	Reference    string // the processor's own name, when it has given one
}

// Trigger is what made a charge happen.
type Trigger string

// The triggers.
const (
	Purchase        Trigger = "purchase"
	Cycle           Trigger = "subscription_cycle"
	RetryDunning    Trigger = "retry_dunning"
	RetryCustomer   Trigger = "retry_customer"
	RetryNewMethod  Trigger = "retry_payment_method_update"
	RetryByOperator Trigger = "retry_admin"
)

// Enum lists the triggers.
func (Trigger) Enum() []string {
	return []string{"purchase", "subscription_cycle", "retry_dunning", "retry_customer", "retry_payment_method_update", "retry_admin"}
}

// SchemaName is the name of the reference.
func (Trigger) SchemaName() string { return "PaymentTrigger" }

// Charge is money that is to be collected for an order. What the processor
// tells about it later has to say the organization and the order again.
type Charge struct {
	Organization   id.ID
	Customer       id.ID
	Order          id.ID
	Payer          string // what EnsureCustomer has answered
	Method         string // the saved way to pay; "" where none is saved
	Amount         int64  // with taxes, in the smallest unit of the currency
	Currency       string
	OffSession     bool
	Trigger        Trigger
	IdempotencyKey string
	Description    string
}

// State is what became of a charge.
type State string

// The states. A pending charge is told of later; an awaiting one waits for a
// person and is no failure.
const (
	StateSucceeded      State = "succeeded"
	StatePending        State = "pending"
	StateAwaiting       State = "awaiting"
	StateRequiresAction State = "requires_action"
	StateFailed         State = "failed"
)

// ChargeResult is what became of a charge, in detail.
type ChargeResult struct {
	State        State
	Reference    string  // the processor's name for the payment
	Method       *Method // what was charged, where it is known; it is kept when it has a reference
	ClientSecret string  // of what requires action
	Code         string  // of a failure, such as card_error
	Message      string  // the same for people
	Hard         bool    // trying again is of no use
	Unusable     bool    // the method can never be charged again: it is forgotten
}

// Method is a way to pay.
type Method struct {
	Reference string // the processor's name for it; "" when it was not saved
	Type      string // such as card
	Card      *Card  // of cards
}

// Card is what is known of a card.
type Card struct {
	Brand    string  `json:"brand"`
	Last4    string  `json:"last4"`
	ExpMonth int     `json:"exp_month"`
	ExpYear  int     `json:"exp_year"`
	Wallet   *string `json:"wallet" required:"false"`
}

// SchemaName is the name of the reference.
func (Card) SchemaName() string { return "PaymentMethodCardMetadata" }

// Refund is money that is to be given back.
type Refund struct {
	Organization   id.ID
	Order          id.ID
	ID             id.ID  // of the refund, to be said again in its events
	Payment        string // the processor's name for the payment
	Amount         int64  // with taxes
	Currency       string
	Reason         string
	IdempotencyKey string
}

// RefundStatus is what became of a refund.
type RefundStatus string

// The statuses of refunds.
const (
	RefundPending   RefundStatus = "pending"
	RefundSucceeded RefundStatus = "succeeded"
	RefundFailed    RefundStatus = "failed"
	RefundCanceled  RefundStatus = "canceled"
)

// Enum lists the statuses.
func (RefundStatus) Enum() []string { return []string{"pending", "succeeded", "failed", "canceled"} }

// Counts says whether money is given back, or on its way.
func (s RefundStatus) Counts() bool { return s == RefundPending || s == RefundSucceeded }

// Final says whether nothing can follow but what is told late.
func (s RefundStatus) Final() bool { return s == RefundFailed || s == RefundCanceled }

// Refusal is why a processor does not give money back.
type Refusal string

// The refusals.
const (
	RefundedAlready Refusal = "already_refunded"
	Disputed        Refusal = "disputed"
)

// RefundResult is what became of a refund: a status, or a refusal.
type RefundResult struct {
	Reference string
	Status    RefundStatus
	Refused   Refusal
}

// MissingMethod is the code of a charge that nothing could be charged with.
const MissingMethod = "missing_payment_method"

// Known says whether it is one of the states.
func (s State) Known() bool {
	switch s {
	case StateSucceeded, StatePending, StateAwaiting, StateRequiresAction, StateFailed:
		return true
	}
	return false
}
