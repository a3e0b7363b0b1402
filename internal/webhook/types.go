package webhook

import (
	"fmt"
	"slices"
)

// EventType is a type of event that an endpoint may ask for.
type EventType string

// StateChanged is the one type that is about no single change.
const StateChanged EventType = "customer.state_changed"

// types are all types. The place of each is its bit in the database: new ones
// go to the end.
var types = []string{
	"checkout.created", "checkout.updated", "checkout.expired",
	"customer.created", "customer.updated", "customer.deleted", "customer.state_changed",
	"customer_seat.assigned", "customer_seat.claimed", "customer_seat.revoked",
	"member.created", "member.updated", "member.deleted",
	"order.created", "order.updated", "order.paid", "order.refunded",
	"subscription.created", "subscription.updated", "subscription.active", "subscription.canceled", "subscription.uncanceled",
	"subscription.cycled", "subscription.revoked", "subscription.past_due", "subscription.paused", "subscription.resumed",
	"refund.created", "refund.updated",
	"product.created", "product.updated",
	"discount.created", "discount.updated", "discount.deleted",
	"benefit.created", "benefit.updated",
	"benefit_grant.created", "benefit_grant.cycled", "benefit_grant.updated", "benefit_grant.revoked",
	"organization.updated",
}

// Types lists every type.
func Types() []string { return slices.Clone(types) }

// Enum lists the types.
func (EventType) Enum() []string { return types }

// SchemaName is the name of the reference.
func (EventType) SchemaName() string { return "WebhookEventType" }

// bit is the type's place in a mask; zero for what is no type.
func bit(typ string) int64 {
	i := slices.Index(types, typ)
	if i < 0 {
		return 0
	}
	return 1 << i
}

func maskOf(list []EventType) (mask int64) {
	for _, t := range list {
		mask |= bit(string(t))
	}
	return mask
}

// Format is the form of what is sent.
type Format string

// The formats: the event as it is, or a message for a chat.
const (
	Raw     Format = "raw"
	Discord Format = "discord"
	Slack   Format = "slack"
)

// Enum lists the formats.
func (Format) Enum() []string { return []string{"raw", "discord", "slack"} }

// SchemaName is the name of the reference.
func (Format) SchemaName() string { return "WebhookFormat" }

// CheckTypes reports a type that there is none of.
func CheckTypes(list []EventType) error {
	for _, t := range list {
		if bit(string(t)) == 0 {
			return fmt.Errorf("there is no event of the type %q", t)
		}
	}
	return nil
}
