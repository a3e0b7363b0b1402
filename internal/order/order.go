// Package order keeps what customers owe and have paid: orders with their items,
// where they stand and what leads from there to elsewhere, payments that
// somebody made outside or a processor made, and the balance of customers. An
// order remembers who bought as they were then. What it means to a subscription,
// and that money is to be given back, is said upward, through the interfaces
// declared here. Its number comes from package numbering, a processor is asked
// by package charge, and its invoice is printed by package document.
package order

import (
	"encoding/json"
	"time"

	"floe/internal/customer"
	"floe/internal/id"
)

// Status is where an order stands.
type Status string

// The statuses. What leads from one to another is in transitions.go.
const (
	Draft             Status = "draft"
	Pending           Status = "pending"
	Paid              Status = "paid"
	Refunded          Status = "refunded"
	PartiallyRefunded Status = "partially_refunded"
	Void              Status = "void"
)

// Enum lists the statuses.
func (Status) Enum() []string {
	return []string{"draft", "pending", "paid", "refunded", "partially_refunded", "void"}
}

// SchemaName is the name of the reference.
func (Status) SchemaName() string { return "OrderStatus" }

// Paid says whether the order was paid, whatever was given back since.
func (s Status) Paid() bool { return s == Paid || s == Refunded || s == PartiallyRefunded }

// Reason says what an order is for, in more detail than callers are told.
type Reason string

// The reasons.
const (
	Purchase       Reason = "purchase"
	SubCreate      Reason = "subscription_create"
	SubCycle       Reason = "subscription_cycle"
	SubAfterTrial  Reason = "subscription_cycle_after_trial"
	SubCancel      Reason = "subscription_cancel"
	SubUpdate      Reason = "subscription_update"
	SubMeterCycle  Reason = "subscription_meter_cycle"
	publicSubCycle        = PublicReason(SubCycle)
)

// PublicReason is a reason as callers see it.
type PublicReason string

// Enum lists the public reasons.
func (PublicReason) Enum() []string {
	return []string{"purchase", "subscription_create", "subscription_cycle", "subscription_update", "subscription_meter_cycle"}
}

// SchemaName is the name of the reference.
func (PublicReason) SchemaName() string { return "OrderBillingReason" }

// Public is the reason as callers see it: what follows a trial and what ends a
// subscription are cycles to them.
func (r Reason) Public() PublicReason {
	if r == SubAfterTrial || r == SubCancel {
		return publicSubCycle
	}
	return PublicReason(r)
}

// Row is an order as it is stored.
type Row struct {
	ID                   id.ID
	OrganizationID       id.ID
	CustomerID           id.ID
	ProductID            *id.ID
	SubscriptionID       *id.ID
	DiscountID           *id.ID
	CheckoutID           *id.ID
	CreatedAt            time.Time
	ModifiedAt           *time.Time
	Status               Status
	Reason               Reason
	Currency             string
	SubtotalAmount       int64
	DiscountAmount       int64
	NetAmount            int64
	TaxAmount            int64
	AppliedBalanceAmount int64
	PaidAmount           int64 // what was received and not given back before the order was paid
	RefundedAmount       int64
	RefundedTaxAmount    int64
	Description          string
	BillingName          *string
	BillingAddress       json.RawMessage
	TaxID                *string
	TaxIDFormat          *string
	InvoiceNumber        *string
	IssuedAt             *time.Time // when the invoice number was taken
	InvoiceSum           *string    // of the details on the invoice that was made
	ReceiptNumber        *string
	Seats                *int
	DueAt                *time.Time // of orders that are paid by invoice
	PaidAt               *time.Time // when it became paid here; when money moved, its payments say
	NextPaymentAttemptAt *time.Time
	CheckAt              *time.Time // when to look whether it has been paid
	Attempts             int        // how often it was to be paid and was not
	ChargingSince        *time.Time // a processor has been asked and has not answered
	Clocked              bool       // it waits for a test clock
	Metadata             json.RawMessage
	CustomFieldData      json.RawMessage
}

// TotalAmount is what the order costs.
func (r *Row) TotalAmount() int64 { return r.NetAmount + r.TaxAmount }

// DueAmount is what has to be paid beside what the balance covers. It does not
// change when it has been paid.
func (r *Row) DueAmount() int64 { return max(0, r.TotalAmount()+r.AppliedBalanceAmount) }

// OpenAmount is what is still to be paid.
func (r *Row) OpenAmount() int64 {
	if r.Status != Pending && r.Status != Draft {
		return 0
	}
	return max(0, r.DueAmount()-r.PaidAmount)
}

// RefundableAmount is how much can be given back, without tax.
func (r *Row) RefundableAmount() int64 {
	return max(0, r.NetAmount+r.AppliedBalanceAmount-r.RefundedAmount)
}

// RefundableTaxAmount is how much tax can be given back.
func (r *Row) RefundableTaxAmount() int64 { return max(0, r.TaxAmount-r.RefundedTaxAmount) }

// Line is one item of a new order. Prorations carry their discount already.
type Line struct {
	Label     string
	Amount    int64
	Proration bool
	PriceID   *id.ID
}

// New is an order that is to be made.
type New struct {
	ID             id.ID // another one than a new one, where it is known already
	Organization   id.ID
	Customer       customer.Row
	ProductID      *id.ID
	SubscriptionID *id.ID
	DiscountID     *id.ID
	Reason         Reason
	Currency       string
	Lines          []Line
	// DiscountAmount is what the discount takes off the lines that are not
	// prorations.
	DiscountAmount  int64
	Metadata        json.RawMessage
	CustomFieldData json.RawMessage
	Seats           *int
	// UseBalance lets the customer's balance pay, or collects their debt.
	UseBalance bool
	// Charge has the processor collect what the order costs, where it can
	// without the customer; otherwise it is paid by invoice.
	Charge bool
	// Clocked orders are looked at when their organization's test clock says so.
	Clocked bool
	// Charging orders are being charged for already.
	Charging bool
	// GivenUp orders were paid when nobody wanted them any more: they are void.
	GivenUp bool
	// Draft orders wait to be finalized: no number, nothing due.
	Draft bool
	// DueInDays is how long an order that costs something may stay unpaid
	// before it is overdue. Zero or less sets no date.
	DueInDays int
	// NoNumber leaves the invoice number out. Drafts have none in any case.
	NoNumber bool
	// Description is the product's name; it is read when empty.
	Description string
	// At is when the order is made; the time of the transaction when zero.
	At time.Time
}
