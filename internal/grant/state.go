package grant

import (
	"context"
	"fmt"
	"time"

	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// StateGrant is a granted benefit as the state of a customer shows it.
type StateGrant struct {
	ID              id.ID           `json:"id" doc:"The ID of the grant."`
	CreatedAt       time.Time       `json:"created_at"`
	ModifiedAt      *time.Time      `json:"modified_at"`
	GrantedAt       time.Time       `json:"granted_at"`
	BenefitID       id.ID           `json:"benefit_id"`
	BenefitType     benefit.Type    `json:"benefit_type"`
	BenefitMetadata schema.Metadata `json:"benefit_metadata"`
	Properties      Properties      `json:"properties"`
}

// SchemaName is the name of the reference.
func (StateGrant) SchemaName() string { return "CustomerStateBenefitGrant" }

// ForState lists what a customer has through whatever source, oldest first: a
// benefit that comes with two things is there twice.
func (s *Service) ForState(ctx context.Context, q db.Querier, org, customerID id.ID) ([]StateGrant, error) {
	list, err := db.All[StateGrant](ctx, q, `SELECT g.id, g.created_at, g.modified_at, g.granted_at, g.benefit_id, b.type AS benefit_type,
			b.metadata AS benefit_metadata, g.properties
		FROM benefit_grants g JOIN benefits b ON b.organization_id = g.organization_id AND b.id = g.benefit_id
		WHERE g.organization_id = ? AND g.customer_id = ? AND g.granted_at IS NOT NULL
		ORDER BY g.created_at, g.id`, org, customerID)
	if err != nil {
		return nil, fmt.Errorf("read granted benefits: %w", err)
	}
	for i := range list {
		list[i].Properties = visible(list[i].BenefitType, []byte(list[i].Properties))
	}
	return list, nil
}
