package payment

import (
	"errors"
	"time"

	"floe/internal/id"
)

// ErrSignature is what ParseWebhook answers to something that is not from the
// processor.
var ErrSignature = errors.New("the signature is not right")

// EventType is what an event is about.
type EventType string

// The events that a processor can tell. Others are no events.
const (
	PaymentSucceeded EventType = "payment.succeeded"
	PaymentFailed    EventType = "payment.failed"
	PaymentPending   EventType = "payment.pending"
	SetupSucceeded   EventType = "setup.succeeded"
	SetupFailed      EventType = "setup.failed"
	RefundUpdated    EventType = "refund.updated"
	MethodUpdated    EventType = "method.updated"
	MethodDetached   EventType = "method.detached"
	DisputeUpdated   EventType = "dispute.updated"
)

// Event is something that a processor tells by itself. It may come twice, late
// and in any order.
type Event struct {
	ID   string // of the processor: told twice it is the same event
	Type EventType

	// Organization and Order are what the charge or the refund said. An event
	// that does not know them is found by what it is about: Payment, Refund or
	// Method.
	Organization id.ID
	Order        id.ID
	Customer     id.ID  // of setups, where it is known
	Payer        string // the processor's name for them, of setups that do not know it
	Key          string // the IdempotencyKey of the charge, where it is known

	Payment  string // the processor's name for the payment
	Amount   int64  // of the payment, refund or dispute, with taxes
	Currency string
	Trigger  Trigger
	Code     string // of a payment that failed
	Message  string
	Hard     bool
	Unusable bool

	Method  *Method // of payments, setups and methods
	Default bool    // of setups: the customer pays with it from now on

	Refund       string // the processor's name for the refund
	RefundID     id.ID  // what Refund.ID said, when it was asked for here
	RefundStatus RefundStatus

	Dispute       string // the processor's name for the dispute
	DisputeStatus DisputeStatus
	DisputeReason string
	EvidenceDueBy *time.Time
}

// DisputeStatus is where a dispute about a payment stands.
type DisputeStatus string

// The statuses of disputes.
const (
	DisputePrevented     DisputeStatus = "prevented"
	DisputeEarlyWarning  DisputeStatus = "early_warning"
	DisputeNeedsResponse DisputeStatus = "needs_response"
	DisputeUnderReview   DisputeStatus = "under_review"
	DisputeLost          DisputeStatus = "lost"
	DisputeWon           DisputeStatus = "won"
)

// Enum lists the statuses.
func (DisputeStatus) Enum() []string {
	return []string{"prevented", "early_warning", "needs_response", "under_review", "lost", "won"}
}

// SchemaName is the name of the reference.
func (DisputeStatus) SchemaName() string { return "DisputeStatus" }

// Holds says whether the money is in question or gone: it cannot be given back.
func (s DisputeStatus) Holds() bool {
	return s == DisputeNeedsResponse || s == DisputeUnderReview || s == DisputeLost
}

// Closed says whether nothing more will come.
func (s DisputeStatus) Closed() bool {
	return s == DisputePrevented || s == DisputeLost || s == DisputeWon
}
