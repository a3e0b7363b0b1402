package grant

import (
	"time"

	"floe/internal/benefit"
	"floe/internal/customer"
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

// AskState asks for what a customer has through whatever source, oldest first:
// a benefit that comes with two things is there twice. What it returns is to be
// called when the reads have run.
func AskState(reads *db.Reads, of customer.Ref) func() []StateGrant {
	w := of.Theirs("g.").And("g.granted_at IS NOT NULL")
	list := db.Ask[StateGrant](reads, `SELECT g.id, g.created_at, g.modified_at, g.granted_at, g.benefit_id, b.type AS benefit_type,
			b.metadata AS benefit_metadata, g.properties
		FROM benefit_grants g JOIN benefits b ON b.organization_id = g.organization_id AND b.id = g.benefit_id`+w.SQL()+`
		ORDER BY g.created_at, g.id`, w.Args()...)
	return func() []StateGrant {
		for i, g := range *list {
			(*list)[i].Properties = visible(g.BenefitType, []byte(g.Properties))
		}
		return *list
	}
}
