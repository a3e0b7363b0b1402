package payment

import (
	"context"
	"net/http"
)

// Manual is the processor of those who have none: it charges nobody. People
// pay outside, and somebody records it.
type Manual struct{}

// ManualName is what payments that were recorded by hand carry.
const ManualName = "manual"

// Name is what payments that were recorded by hand carry.
func (Manual) Name() string { return ManualName }

// Capabilities are none.
func (Manual) Capabilities() Capabilities { return Capabilities{} }

// EnsureCustomer knows nobody.
func (Manual) EnsureCustomer(context.Context, Payer) (string, error) { return "", nil }

// Charge has nothing to charge with.
func (Manual) Charge(context.Context, Charge) (ChargeResult, error) {
	return ChargeResult{State: StateFailed, Code: MissingMethod, Hard: true}, nil
}

// DetachMethod has nothing to forget.
func (Manual) DetachMethod(context.Context, string) error { return nil }

// Refund takes the word of whoever records it.
func (Manual) Refund(_ context.Context, r Refund) (RefundResult, error) {
	return RefundResult{Reference: r.Payment, Status: RefundSucceeded}, nil
}

// ParseWebhook hears nothing.
func (Manual) ParseWebhook(http.Header, []byte) ([]Event, error) { return nil, nil }
