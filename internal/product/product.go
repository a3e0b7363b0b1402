// Package product keeps what is sold: products, their prices, and the list of
// benefits that each product grants. It decides which sets of prices make
// sense and what a quantity costs. Who has bought a product is not its
// business: that reaches it through the interfaces declared here.
package product

import (
	"context"
	"encoding/json"
	"time"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/period"
	"floe/internal/schema"
)

// Grants is what changing a product's benefits needs of those who own it.
type Grants interface {
	// Resync grants what was added to a product's benefits, and revokes what
	// was removed, for everybody who owns the product.
	Resync(ctx context.Context, tx *db.Tx, actor auth.Subject, organization, product id.ID) error
	// LockOwners locks the customers whom Resync would look at, and those who
	// are known from an earlier try.
	LockOwners(ctx context.Context, tx *db.Tx, organization, product id.ID, known *benefit.Holders) error
}

// Usage is what deleting a product needs of what may refer to it.
type Usage interface {
	// InUse says whether an order, a subscription or a discount has the product.
	InUse(ctx context.Context, q db.Querier, organization, product id.ID) (bool, error)
}

// Users is a Usage that asks one after the other.
type Users []func(ctx context.Context, q db.Querier, organization, product id.ID) (bool, error)

// InUse says whether one of them has the product.
func (u Users) InUse(ctx context.Context, q db.Querier, organization, product id.ID) (bool, error) {
	for _, uses := range u {
		if used, err := uses(ctx, q, organization, product); used || err != nil {
			return used, err
		}
	}
	return false, nil
}

// Visibility says where a product is offered: drafts and private products are
// in no storefront. The API treats all three alike.
type Visibility string

// The visibilities.
const (
	Draft   Visibility = "draft"
	Private Visibility = "private"
	Public  Visibility = "public"
)

// Enum lists the visibilities.
func (Visibility) Enum() []string { return []string{"draft", "private", "public"} }

// SchemaName is the name of the reference.
func (Visibility) SchemaName() string { return "ProductVisibility" }

// TrialInterval is the unit of a trial. It has the values of period.Interval.
type TrialInterval period.Interval

// Enum lists the intervals.
func (TrialInterval) Enum() []string { return period.Interval("").Enum() }

// SchemaName is the name of the reference.
func (TrialInterval) SchemaName() string { return "TrialInterval" }

// Row is a product as it is stored.
type Row struct {
	ID                     id.ID
	OrganizationID         id.ID
	CreatedAt              time.Time
	ModifiedAt             *time.Time
	DeletedAt              *time.Time
	Name                   string
	Description            *string
	Visibility             Visibility
	RecurringInterval      *period.Interval
	RecurringIntervalCount *int
	MeterInterval          *period.Interval
	MeterIntervalCount     *int
	TrialInterval          *period.Interval
	TrialIntervalCount     *int
	IsRecurring            bool
	IsArchived             bool
	Metadata               json.RawMessage
}

// Reduced is a product without what hangs off it, as orders show it.
type Reduced struct {
	ID                     id.ID            `json:"id" doc:"The ID of the product."`
	CreatedAt              time.Time        `json:"created_at" doc:"When the product was created."`
	ModifiedAt             *time.Time       `json:"modified_at" doc:"When the product was last changed; null until then."`
	TrialInterval          *TrialInterval   `json:"trial_interval" doc:"The unit of the trial; null when there is none."`
	TrialIntervalCount     *int             `json:"trial_interval_count" doc:"How many units the trial lasts."`
	Name                   string           `json:"name" doc:"The name of the product."`
	Description            *string          `json:"description" doc:"What the product is."`
	Visibility             Visibility       `json:"visibility" doc:"Where the product is offered."`
	RecurringInterval      *period.Interval `json:"recurring_interval" doc:"The unit of the billing period; null when the product is bought once."`
	RecurringIntervalCount *int             `json:"recurring_interval_count" doc:"How many units the billing period has; null when the product is bought once."`
	MeterInterval          *period.Interval `json:"meter_interval" doc:"The unit of the period after which usage is settled; null when that is the billing period."`
	MeterIntervalCount     *int             `json:"meter_interval_count" doc:"How many units the period has after which usage is settled."`
	IsRecurring            bool             `json:"is_recurring" doc:"Whether the product is a subscription."`
	IsArchived             bool             `json:"is_archived" doc:"Whether the product is no longer offered."`
	OrganizationID         id.ID            `json:"organization_id" doc:"The organization that owns the product."`
	Metadata               schema.Metadata  `json:"metadata"`
}

// SchemaName is the name of the reference.
func (Reduced) SchemaName() string { return "OrderProduct" }

// ReducedOf is the reduced form of a product.
func ReducedOf(r Row) Reduced {
	return Reduced{
		ID: r.ID, CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt,
		TrialInterval: (*TrialInterval)(r.TrialInterval), TrialIntervalCount: r.TrialIntervalCount,
		Name: r.Name, Description: r.Description, Visibility: r.Visibility,
		RecurringInterval: r.RecurringInterval, RecurringIntervalCount: r.RecurringIntervalCount,
		MeterInterval: r.MeterInterval, MeterIntervalCount: r.MeterIntervalCount,
		IsRecurring: r.IsRecurring, IsArchived: r.IsArchived, OrganizationID: r.OrganizationID, Metadata: schema.Metadata(r.Metadata),
	}
}

// Full is a product as the API shows it.
type Full struct {
	Reduced
	Prices               []Price             `json:"prices" doc:"The prices at which the product is offered."`
	Benefits             []benefit.Benefit   `json:"benefits" doc:"The benefits that the product grants, in order."`
	Medias               []Media             `json:"medias" doc:"Pictures of the product, in order."`
	AttachedCustomFields []AttachedFieldView `json:"attached_custom_fields" doc:"What customers are asked for at the checkout, in order."`
}

// SchemaName is the name of the reference.
func (Full) SchemaName() string { return "Product" }

// Loaded is a product with what hangs off it.
type Loaded struct {
	Row
	// Prices are those at which the product is offered: not archived, and not
	// made for one checkout. The order is that of Full.
	Prices []Price
	// BenefitIDs are the benefits that the product grants, in order.
	BenefitIDs []id.ID
}

// PricesIn are the prices in a currency.
func (l Loaded) PricesIn(currency string) []Price {
	var out []Price
	for _, p := range l.Prices {
		if p.Currency == currency {
			out = append(out, p)
		}
	}
	return out
}

// Default is the price that stands for the product in a currency: the first
// one that is not metered, or else the first one.
func (l Loaded) Default(currency string) (Price, bool) {
	in := l.PricesIn(currency)
	for _, p := range in {
		if p.Static() {
			return p, true
		}
	}
	if len(in) == 0 {
		return Price{}, false
	}
	return in[0], true
}
