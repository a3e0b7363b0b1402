// Package grant knows who has which benefit, and why: it gives and takes
// benefits as what customers bought begins and ends, and keeps the license
// keys that come with some of them. What was bought is not its business; its
// owners call Sync.
package grant

import (
	"context"
	"encoding/json"
	"time"

	"floe/internal/api"
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

// SourceState is a source with whose it is and whether it entitles them now.
type SourceState struct {
	Source
	Customer id.ID
	Entitled bool
}

// Sources is what re-doing the grants of a product needs: who holds it.
type Sources interface {
	// OfProduct lists the subscriptions and one-time orders of a product whose
	// grants follow its benefits. What shall be left alone is not listed.
	OfProduct(ctx context.Context, tx *db.Tx, organization, product id.ID) ([]SourceState, error)
}

// NoSources stands for resources that do not exist yet.
type NoSources struct{}

// OfProduct lists nothing.
func (NoSources) OfProduct(context.Context, *db.Tx, id.ID, id.ID) ([]SourceState, error) {
	return nil, nil
}

// Service gives and takes benefits.
type Service struct {
	DB        *db.DB
	Customers *customer.Service
	Benefits  *benefit.Service
	Sources   Sources
}

// StateGrant is a granted benefit as the state of a customer shows it.
type StateGrant struct {
	ID              id.ID           `json:"id" doc:"The ID of the grant."`
	CreatedAt       time.Time       `json:"created_at"`
	ModifiedAt      *time.Time      `json:"modified_at"`
	GrantedAt       time.Time       `json:"granted_at"`
	BenefitID       id.ID           `json:"benefit_id"`
	BenefitType     benefit.Type    `json:"benefit_type"`
	BenefitMetadata schema.Metadata `json:"benefit_metadata"`
	Properties      json.RawMessage `json:"properties"`
}

// SchemaName is the name of the reference.
func (StateGrant) SchemaName() string { return "CustomerStateBenefitGrant" }

// Operations are the operations on grants and license keys.
func (s *Service) Operations() []*api.Operation { return []*api.Operation{} }

// Sync makes a customer's grants through a source what they should be: the
// benefits listed while it entitles them, none when it does not. Benefits that
// are granted and not listed are revoked in either case. Revocations come
// first.
func (s *Service) Sync(ctx context.Context, tx *db.Tx, actor auth.Subject, c customer.Row, src Source, benefits []id.ID, entitled bool) error {
	return nil
}

// Cycle renews what is granted through a subscription.
func (s *Service) Cycle(ctx context.Context, tx *db.Tx, actor auth.Subject, org, subscription id.ID) error {
	return nil
}

// Resync makes the grants of all who hold a product follow its benefits.
func (s *Service) Resync(ctx context.Context, tx *db.Tx, actor auth.Subject, org, product id.ID) error {
	return nil
}

// BenefitChanged runs the grants of a benefit anew when its new properties
// make a difference to them.
func (s *Service) BenefitChanged(ctx context.Context, tx *db.Tx, actor auth.Subject, before, after benefit.Row) error {
	return nil
}

// BenefitDeleted takes a benefit from all who have it.
func (s *Service) BenefitDeleted(ctx context.Context, tx *db.Tx, actor auth.Subject, r benefit.Row) error {
	return nil
}

// RevokeAll takes everything from a customer who is being deleted.
func (s *Service) RevokeAll(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customerID id.ID) error {
	return nil
}

// RevokeMember takes everything from a member who is being deleted.
func (s *Service) RevokeMember(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customerID, member id.ID) error {
	return nil
}

// ForState lists what a customer has, oldest first.
func (s *Service) ForState(ctx context.Context, q db.Querier, org, customerID id.ID) ([]StateGrant, error) {
	return []StateGrant{}, nil
}
