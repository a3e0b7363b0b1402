// Package benefit keeps the definitions of what customers get with what they
// buy: a note, a feature flag, license keys, credits, and so on. Who has a
// benefit is not its business: that is the grant package, which is told of
// changes through the interface declared here.
package benefit

import (
	"context"
	"encoding/json"
	"reflect"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Grants is what changing a benefit needs of those who have it.
type Grants interface {
	// BenefitChanged is called when a benefit's properties were replaced, and
	// runs the grants anew whose outcome that changes.
	BenefitChanged(ctx context.Context, tx *db.Tx, actor auth.Subject, before, after Row) error
	// BenefitDeleted takes a benefit away from everybody who has it.
	BenefitDeleted(ctx context.Context, tx *db.Tx, actor auth.Subject, r Row) error
	// LockHolders locks the customers whom one of these would look at when the
	// benefit becomes what it is after, and those who are known from an earlier
	// try.
	LockHolders(ctx context.Context, tx *db.Tx, before, after Row, known *Holders) error
}

// Holders are the customers who have what is about to change, as far as the
// tries of a transaction have found them.
type Holders struct {
	Customers []id.ID
	Tries     int
}

// Exists says which of some ids an organization has something for. Nil stands
// for resources that do not exist yet: it has nothing.
type Exists func(ctx context.Context, q db.Querier, organization id.ID, ids []id.ID) (map[id.ID]bool, error)

// Type is the kind of a benefit. It never changes.
type Type string

// The types of benefit.
const (
	Custom             Type = "custom"
	Discord            Type = "discord"
	GitHubRepository   Type = "github_repository"
	Downloadables      Type = "downloadables"
	LicenseKeys        Type = "license_keys"
	MeterCredit        Type = "meter_credit"
	FeatureFlag        Type = "feature_flag"
	SlackSharedChannel Type = "slack_shared_channel"
)

// Types lists the types in the order of the contract.
var Types = []Type{Custom, Discord, GitHubRepository, Downloadables, LicenseKeys, MeterCredit, FeatureFlag, SlackSharedChannel}

// Enum lists the types.
func (Type) Enum() []string {
	out := make([]string, len(Types))
	for i, t := range Types {
		out[i] = string(t)
	}
	return out
}

// SchemaName is the name of the reference.
func (Type) SchemaName() string { return "BenefitType" }

// Configurable says whether a benefit of the type may be hidden from
// customers.
func (t Type) Configurable() bool {
	switch t {
	case Custom, FeatureFlag, LicenseKeys, MeterCredit:
		return true
	}
	return false
}

// visibility is what a new benefit has when nothing is said.
func (t Type) visibility() Visibility {
	if t == FeatureFlag {
		return Private
	}
	return Public
}

// Visibility says whether customers see a benefit. It changes nothing else:
// they have it all the same.
type Visibility string

// The visibilities. A draft is as hidden as what is private.
const (
	Draft   Visibility = "draft"
	Private Visibility = "private"
	Public  Visibility = "public"
)

// Enum lists the visibilities.
func (Visibility) Enum() []string { return []string{"draft", "private", "public"} }

// SchemaName is the name of the reference.
func (Visibility) SchemaName() string { return "BenefitVisibility" }

// Row is a benefit as it is stored.
type Row struct {
	ID             id.ID
	OrganizationID id.ID
	CreatedAt      time.Time
	ModifiedAt     *time.Time
	DeletedAt      *time.Time
	Type           Type
	Description    string
	Selectable     bool
	Deletable      bool
	Visibility     Visibility
	Properties     json.RawMessage
	Metadata       json.RawMessage
}

// Benefit is a benefit as the API shows it.
type Benefit struct {
	ID                     id.ID           `json:"id" doc:"The ID of the benefit."`
	CreatedAt              time.Time       `json:"created_at" doc:"When the benefit was created."`
	ModifiedAt             *time.Time      `json:"modified_at" doc:"When the benefit was last changed; null until then."`
	Type                   Type            `json:"type" doc:"The kind of benefit."`
	Description            string          `json:"description" doc:"What customers read of the benefit."`
	Selectable             bool            `json:"selectable" doc:"Whether the benefit can be added to products."`
	Deletable              bool            `json:"deletable" doc:"Whether the benefit can be deleted."`
	IsDeleted              bool            `json:"is_deleted" doc:"Whether the benefit has been deleted."`
	OrganizationID         id.ID           `json:"organization_id" doc:"The organization that owns the benefit."`
	Metadata               schema.Metadata `json:"metadata"`
	Visibility             Visibility      `json:"visibility" doc:"Whether customers see the benefit: only those that are public."`
	VisibilityConfigurable bool            `json:"visibility_configurable" doc:"Whether a benefit of this type may be other than public."`
	Properties             json.RawMessage `json:"properties" doc:"What belongs to the type of the benefit."`
	IsTaxApplicable        bool            `json:"is_tax_applicable,omitempty" undocumented:"true"` // of the types that say so in the reference
}

// SchemaName is the name of the reference.
func (Benefit) SchemaName() string { return "Benefit" }

// DescribeSchema describes the union of the types.
func (Benefit) DescribeSchema(b *schema.Builder) *schema.Schema {
	union := &schema.Schema{Discriminator: &schema.Discriminator{PropertyName: "type", Mapping: map[string]string{}}}
	for _, t := range Types {
		s := b.Object(reflect.TypeFor[Benefit]())
		s.Properties.Set("type", &schema.Schema{Type: "string", Const: string(t), Description: "The kind of benefit."})
		s.Properties.Set("properties", b.Of(kinds[t].out))
		ref := b.Add("Benefit"+kinds[t].name, s)
		union.OneOf = append(union.OneOf, ref)
		union.Discriminator.Mapping[string(t)] = ref.Ref
	}
	return union
}

// Public is the row as the API shows it, also when it has been deleted.
func (s *Service) Public(r Row) Benefit {
	return Benefit{
		ID: r.ID, CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, Type: r.Type, Description: r.Description,
		Selectable: r.Selectable, Deletable: r.Deletable, IsDeleted: r.DeletedAt != nil, OrganizationID: r.OrganizationID,
		Metadata: schema.Metadata(r.Metadata), Visibility: r.Visibility, VisibilityConfigurable: r.Type.Configurable(),
		Properties: r.publicProperties(), IsTaxApplicable: r.Type == Custom || r.Type == SlackSharedChannel,
	}
}

// publicProperties are the stored properties, with what answers must have and
// nobody keeps: a Discord server's token is made when it is asked for, and
// here there is no Discord.
func (r *Row) publicProperties() json.RawMessage {
	if r.Type != Discord {
		return r.Properties
	}
	return json.RawMessage(schema.Metadata(r.Properties).With("guild_token", ""))
}
