package order

import (
	"context"
	"net/http"

	"floe/internal/id"
)

// Processor moves money. The core decides what is to be charged and what
// follows; a processor only says what became of it. It is never called inside
// a transaction. A card processor is one more implementation.
type Processor interface {
	Name() string
	Capabilities() Capabilities
	// EnsureCustomer makes the processor know a customer and answers its own
	// name for them.
	EnsureCustomer(ctx context.Context, c Payer) (reference string, err error)
	// Charge tries to collect money. An error is trouble on the way, which says
	// nothing about the money; a refusal is a result.
	Charge(ctx context.Context, c Charge) (ChargeResult, error)
	// SetupMethod and ConfirmSetup save a way to pay.
	SetupMethod(ctx context.Context, payer, confirmationToken, returnURL string) (SetupResult, error)
	ConfirmSetup(ctx context.Context, setup string) (SetupResult, error)
	// DetachMethod forgets a way to pay; one that is unknown is forgotten.
	DetachMethod(ctx context.Context, method string) error
	// Refund gives money back.
	Refund(ctx context.Context, r MoneyBack) (MoneyBackResult, error)
	// ParseWebhook reads what the processor has to tell.
	ParseWebhook(header http.Header, body []byte) ([]ProcessorEvent, error)
}

// Capabilities are what a processor can do.
type Capabilities struct {
	// OffSession processors charge without the customer being there.
	OffSession bool
	// SaveMethods processors remember ways to pay.
	SaveMethods bool
	Refund      bool
}

// Payer is a customer as a processor knows them.
type Payer struct {
	Customer  id.ID
	Name      string
	Email     string
	Reference string // the processor's own name, when there is one
}

// Charge is money that is to be collected for an order.
type Charge struct {
	Order          id.ID
	Organization   id.ID
	Customer       id.ID
	Amount         int64
	Currency       string
	Method         *id.ID // nil: the customer's default, or else any
	OffSession     bool
	Trigger        string
	IdempotencyKey string
	Description    string
}

// ChargeState is what became of a charge.
type ChargeState string

// The states of charges. A pending one is told of later; an awaiting one
// waits for a person.
const (
	ChargeSucceeded      ChargeState = "succeeded"
	ChargePending        ChargeState = "pending"
	ChargeAwaiting       ChargeState = "awaiting"
	ChargeRequiresAction ChargeState = "requires_action"
	ChargeFailed         ChargeState = "failed"
)

// ChargeResult is what became of a charge, in detail.
type ChargeResult struct {
	State     ChargeState
	Reference string
	Code      string // of a failure, such as card_error
	Hard      bool   // trying again is of no use
}

// SetupResult is a saved way to pay, or what is needed to save it.
type SetupResult struct {
	State        ChargeState
	Method       string
	ClientSecret string
	Message      string
}

// MoneyBack is money that is to be given back.
type MoneyBack struct {
	Payment        string
	Amount         int64
	Reason         string
	IdempotencyKey string
}

// MoneyBackResult is what became of it.
type MoneyBackResult struct {
	Reference string
	Status    RefundStatus
}

// ProcessorEvent is something that a processor tells by itself.
type ProcessorEvent struct {
	ID        string // of the processor; told twice it is the same event
	Type      string // payment.succeeded, payment.failed, refund.updated, …
	Order     id.ID
	Reference string
	Amount    int64
	Code      string
	Hard      bool
}

// MissingMethod is the code of a charge that nothing could be charged with.
const MissingMethod = "missing_payment_method"

// Manual is the processor of those who have none: it charges nobody. People
// pay outside, and somebody records it.
type Manual struct{}

// Name is what payments that were recorded by hand carry.
func (Manual) Name() string { return "manual" }

// Capabilities are none, but that what was given back can be recorded.
func (Manual) Capabilities() Capabilities { return Capabilities{Refund: true} }

// EnsureCustomer knows nobody.
func (Manual) EnsureCustomer(context.Context, Payer) (string, error) { return "", nil }

// Charge has nothing to charge with.
func (Manual) Charge(context.Context, Charge) (ChargeResult, error) {
	return ChargeResult{State: ChargeFailed, Code: MissingMethod, Hard: true}, nil
}

// SetupMethod saves nothing.
func (Manual) SetupMethod(context.Context, string, string, string) (SetupResult, error) {
	return SetupResult{State: ChargeFailed, Message: "saving payment methods is not available."}, nil
}

// ConfirmSetup saves nothing.
func (Manual) ConfirmSetup(context.Context, string) (SetupResult, error) {
	return SetupResult{State: ChargeFailed, Message: "saving payment methods is not available."}, nil
}

// DetachMethod has nothing to forget.
func (Manual) DetachMethod(context.Context, string) error { return nil }

// Refund takes the word of whoever records it.
func (Manual) Refund(_ context.Context, r MoneyBack) (MoneyBackResult, error) {
	return MoneyBackResult{Reference: r.Payment, Status: RefundSucceeded}, nil
}

// ParseWebhook hears nothing.
func (Manual) ParseWebhook(http.Header, []byte) ([]ProcessorEvent, error) { return nil, nil }
