// Package grant knows who has which benefit, and why: it gives and takes
// benefits as what customers bought begins and ends, and keeps the license
// keys that come with some of them. What was bought is not its business; its
// owners call Sync in the transaction that changes it.
package grant

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Source is what a customer has a benefit through: a subscription or an order.
// Exactly one of the two is set.
type Source struct {
	SubscriptionID id.ID
	OrderID        id.ID
}

// id is that of the subscription or the order.
func (s Source) id() id.ID {
	if s.SubscriptionID != "" {
		return s.SubscriptionID
	}
	return s.OrderID
}

// SourceState is a source with whose it is and whether it entitles them now.
type SourceState struct {
	Source
	Product  id.ID
	Customer id.ID
	Entitled bool
	// Member holds a seat of the source; empty where there are no seats.
	Member id.ID
}

// Sources is what re-doing the grants of a product or of a customer needs: who
// holds what.
type Sources interface {
	// OfProduct lists the subscriptions, one-time orders and claimed seats of a
	// product whose grants follow its benefits; within its grace period a
	// subscription entitles as before. What shall be left alone is not listed:
	// subscriptions that are incomplete, orders that are not paid, deleted
	// customers.
	OfProduct(ctx context.Context, tx *db.Tx, organization, product id.ID) ([]SourceState, error)
	// OfCustomer lists those of a customer.
	OfCustomer(ctx context.Context, tx *db.Tx, organization, customer id.ID) ([]SourceState, error)
}

// Service gives and takes benefits.
type Service struct {
	DB        *db.DB
	Customers *customer.Service
	Benefits  *benefit.Service
	Sources   Sources
	// NewKey makes the text of a license key, without its prefix. Nil makes it
	// from the machine's randomness.
	NewKey func() string
}

// Row is a grant as it is stored. It is granted, revoked, or errored, as one
// of its times or its error says; never two of these.
type Row struct {
	ID             id.ID
	OrganizationID id.ID
	CreatedAt      time.Time
	ModifiedAt     *time.Time
	CustomerID     id.ID
	MemberID       *id.ID
	BenefitID      id.ID
	SubscriptionID *id.ID
	OrderID        *id.ID
	SourceID       id.ID
	HolderID       id.ID
	GrantedAt      *time.Time
	RevokedAt      *time.Time
	Error          json.RawMessage
	Properties     json.RawMessage
}

// Failure is why a benefit could not be given.
type Failure struct {
	Message   string `json:"message" doc:"What is wrong, for people."`
	Type      string `json:"type" doc:"The kind of failure."`
	Timestamp string `json:"timestamp" doc:"When it happened."`
}

// SchemaName is the name of the reference.
func (Failure) SchemaName() string { return "BenefitGrantError" }

// actionRequired is the kind of failure that the customer can mend.
const actionRequired = "BenefitActionRequiredError"

// failure is the stored error, or nil.
func (r *Row) failure() *Failure {
	if len(r.Error) == 0 {
		return nil
	}
	n, err := schema.Parse(r.Error)
	if err != nil {
		return &Failure{}
	}
	text := func(key string) string {
		if v := n.Get(key); v != nil {
			return v.Text
		}
		return ""
	}
	return &Failure{Message: text("message"), Type: text("type"), Timestamp: text("timestamp")}
}

// waiting says whether the grant waits for the customer to do something. It is
// not tried again by itself.
func (r *Row) waiting() bool {
	f := r.failure()
	return f != nil && f.Type == actionRequired
}

// Grant is a grant as the API shows it.
type Grant struct {
	CreatedAt      time.Time         `json:"created_at" doc:"When the grant was created."`
	ModifiedAt     *time.Time        `json:"modified_at" doc:"When the grant was last changed; null until then."`
	ID             id.ID             `json:"id" doc:"The ID of the grant."`
	GrantedAt      *time.Time        `json:"granted_at" required:"false" doc:"Since when the benefit is granted; null when it is not."`
	IsGranted      bool              `json:"is_granted" doc:"Whether the benefit is granted."`
	RevokedAt      *time.Time        `json:"revoked_at" required:"false" doc:"Since when the benefit is revoked; null when it is not."`
	IsRevoked      bool              `json:"is_revoked" doc:"Whether the benefit is revoked."`
	SubscriptionID *id.ID            `json:"subscription_id" doc:"The subscription that the benefit comes with."`
	OrderID        *id.ID            `json:"order_id" doc:"The order that the benefit came with."`
	CustomerID     id.ID             `json:"customer_id" doc:"The customer who pays for it."`
	MemberID       *id.ID            `json:"member_id" required:"false" doc:"The member who has it."`
	BenefitID      id.ID             `json:"benefit_id" doc:"The benefit."`
	Error          *Failure          `json:"error" required:"false" doc:"Why the benefit could not be given."`
	Customer       customer.Customer `json:"customer"`
	Member         *customer.Member  `json:"member" required:"false"`
	Benefit        benefit.Benefit   `json:"benefit"`
	Properties     Properties        `json:"properties"`
	UserID         id.ID             `json:"user_id" undocumented:"true"` // the customer's, for clients of earlier versions
}

// SchemaName is the name of the reference.
func (Grant) SchemaName() string { return "BenefitGrant" }

// event is a grant as the journal keeps it: ids in place of what they stand
// for, and what the grant carried before.
type event struct {
	CreatedAt          time.Time       `json:"created_at"`
	ModifiedAt         *time.Time      `json:"modified_at"`
	ID                 id.ID           `json:"id"`
	GrantedAt          *time.Time      `json:"granted_at"`
	IsGranted          bool            `json:"is_granted"`
	RevokedAt          *time.Time      `json:"revoked_at"`
	IsRevoked          bool            `json:"is_revoked"`
	SubscriptionID     *id.ID          `json:"subscription_id"`
	OrderID            *id.ID          `json:"order_id"`
	CustomerID         id.ID           `json:"customer_id"`
	MemberID           *id.ID          `json:"member_id"`
	BenefitID          id.ID           `json:"benefit_id"`
	BenefitType        benefit.Type    `json:"benefit_type"`
	Error              json.RawMessage `json:"error"`
	Properties         json.RawMessage `json:"properties"`
	PreviousProperties json.RawMessage `json:"previous_properties"`
}

// change is what of a grant was different before.
type change struct {
	GrantedAt *time.Time      `json:"granted_at"`
	RevokedAt *time.Time      `json:"revoked_at"`
	Error     json.RawMessage `json:"error"`
}

// ErrDeletedCustomer is returned when a benefit shall be given to a customer
// who has been deleted.
var ErrDeletedCustomer = errors.New("benefits cannot be granted to a deleted customer")

// ErrMemberRequired is returned when a seat shall be granted to nobody.
var ErrMemberRequired = errors.New("member_id is required for seat-based products when member_model is enabled")

// ErrMemberNotFound is returned when a benefit shall be given to a member whom
// the customer does not have.
var ErrMemberNotFound = errors.New("the member does not exist")

// Task asks that what a customer has through a source be what it should be.
type Task struct {
	Customer customer.Row
	Source   Source
	Benefits []id.ID // in the order of the product
	Entitled bool
	// Member is who holds it; the customer's owner when empty.
	Member id.ID
	// Seats is set for products that are sold by the seat: they need a member.
	Seats bool
	// At is when it happens; the time of the transaction when zero.
	At time.Time
}

// Renewal is a subscription whose benefits are to be renewed.
type Renewal struct {
	Subscription id.ID
	At           time.Time // the time of the transaction when zero
}

// Sync makes a customer's grants through a source what they should be: the
// benefits listed while it entitles them, none when it does not. Benefits that
// are granted and not listed are revoked in either case. Revocations come
// first.
func (s *Service) Sync(ctx context.Context, tx *db.Tx, actor auth.Subject, c customer.Row, src Source, benefits []id.ID, entitled bool) error {
	return s.SyncAll(ctx, tx, actor, c.OrganizationID, []Task{{Customer: c, Source: src, Benefits: benefits, Entitled: entitled}})
}

// Cycle renews what is granted through a subscription.
func (s *Service) Cycle(ctx context.Context, tx *db.Tx, actor auth.Subject, org, subscription id.ID) error {
	return s.CycleAll(ctx, tx, actor, org, []Renewal{{Subscription: subscription}})
}

func pointer(i id.ID) *id.ID {
	if i == "" {
		return nil
	}
	return &i
}
