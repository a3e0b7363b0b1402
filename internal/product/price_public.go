package product

import (
	"reflect"
	"strconv"
	"time"

	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/period"
	"floe/internal/schema"
)

// PriceCommon is what all kinds of price show.
type PriceCommon struct {
	CreatedAt   time.Time                 `json:"created_at" doc:"When the price was created."`
	ModifiedAt  *time.Time                `json:"modified_at" doc:"When the price was archived; null until then."`
	ID          id.ID                     `json:"id" doc:"The ID of the price."`
	Source      Source                    `json:"source" doc:"Whether the price is in the product's list or was made for one checkout."`
	Currency    string                    `json:"price_currency" doc:"The currency, in lower case."`
	TaxBehavior *organization.TaxBehavior `json:"tax_behavior" doc:"Whether the price includes taxes; null for what is usual in the organization."`
	IsArchived  bool                      `json:"is_archived" doc:"Whether the price is no longer offered."`
	ProductID   id.ID                     `json:"product_id" doc:"The product that the price belongs to."`
}

// FixedPrice is a price of a certain amount.
type FixedPrice struct {
	AmountType AmountType `json:"amount_type" const:"fixed"`
	PriceCommon
	PriceAmount int64 `json:"price_amount" doc:"The price, in the smallest unit of the currency."`
}

// SchemaName is the name of the reference.
func (FixedPrice) SchemaName() string { return "ProductPriceFixed" }

// CustomPrice is a price that the buyer chooses.
type CustomPrice struct {
	AmountType AmountType `json:"amount_type" const:"custom"`
	PriceCommon
	MinimumAmount int64  `json:"minimum_amount" doc:"The least that a buyer may pay; 0 allows nothing."`
	MaximumAmount *int64 `json:"maximum_amount" doc:"The most that a buyer may pay."`
	PresetAmount  *int64 `json:"preset_amount" doc:"The amount that a buyer is shown first."`
}

// SchemaName is the name of the reference.
func (CustomPrice) SchemaName() string { return "ProductPriceCustom" }

// LegacyPart is what recurring prices of old show besides.
type LegacyPart struct {
	Type              string          `json:"type" const:"recurring" doc:"The type of the price."`
	RecurringInterval period.Interval `json:"recurring_interval" doc:"The unit of the billing period."`
	Legacy            Legacy          `json:"legacy"`
}

// Legacy marks recurring prices of old. It is always true.
type Legacy bool

// DecodeNode is never used: nobody sends it.
func (*Legacy) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (Legacy) SchemaName() string { return "" }

// DescribeSchema describes the mark.
func (Legacy) DescribeSchema(*schema.Builder) *schema.Schema { return &schema.Schema{Type: "boolean"} }

// LegacyFixedPrice is a fixed price with an interval of its own.
type LegacyFixedPrice struct {
	FixedPrice
	LegacyPart
}

// SchemaName is the name of the reference.
func (LegacyFixedPrice) SchemaName() string { return "LegacyRecurringProductPriceFixed" }

// LegacyCustomPrice is a price that the buyer chooses, with an interval of its
// own.
type LegacyCustomPrice struct {
	CustomPrice
	LegacyPart
}

// SchemaName is the name of the reference.
func (LegacyCustomPrice) SchemaName() string { return "LegacyRecurringProductPriceCustom" }

// MeteredPrice is a price for each unit that a meter counts.
type MeteredPrice struct {
	AmountType AmountType `json:"amount_type" const:"metered_unit"`
	PriceCommon
	UnitAmount DecimalText `json:"unit_amount" doc:"The price of a unit, in the smallest unit of the currency or a fraction of it."`
	CapAmount  *int64      `json:"cap_amount" doc:"The most that is charged for a period, however much was used."`
	MeterID    id.ID       `json:"meter_id" doc:"The meter that counts."`
	Meter      Meter       `json:"meter"`
}

// SchemaName is the name of the reference.
func (MeteredPrice) SchemaName() string { return "ProductPriceMeteredUnit" }

// MeterUnit says what a meter counts.
type MeterUnit string

// Enum lists the units.
func (MeterUnit) Enum() []string { return []string{"scalar", "token", "custom"} }

// Meter is a meter as prices show it.
type Meter struct {
	ID               id.ID     `json:"id" doc:"The ID of the meter."`
	Name             string    `json:"name" doc:"The name of the meter."`
	Unit             MeterUnit `json:"unit" doc:"What the meter counts."`
	CustomLabel      *string   `json:"custom_label" doc:"The name of a unit of one's own."`
	CustomMultiplier *int64    `json:"custom_multiplier" doc:"How many counted units make one that is shown."`
}

// SchemaName is the name of the reference.
func (Meter) SchemaName() string { return "ProductPriceMeter" }

// SeatPrice is a price by the number of seats.
type SeatPrice struct {
	AmountType AmountType `json:"amount_type" const:"seat_based"`
	PriceCommon
	SeatTiers    SeatTiersView `json:"seat_tiers" doc:"What a seat costs, by how many there are."`
	PricePerSeat int64         `json:"price_per_seat" undocumented:"true"` // of the first tier, for clients of earlier versions
}

// SchemaName is the name of the reference.
func (SeatPrice) SchemaName() string { return "ProductPriceSeatBased" }

// SeatTiersView are seat tiers as the API shows them.
type SeatTiersView struct {
	Mode    TierMode   `json:"seat_tier_type" default:"\"volume\"" required:"false"`
	Tiers   []SeatTier `json:"tiers" minItems:"1" doc:"The tiers, by number of seats."`
	Minimum int64      `json:"minimum_seats" doc:"The least number of seats that can be bought."`
	Maximum *int64     `json:"maximum_seats" doc:"The greatest number of seats that can be bought; null for any."`
}

// SchemaName is the name of the reference.
func (SeatTiersView) SchemaName() string { return "ProductPriceSeatTiers-Output" }

// UnitPrice is a price by the number of units.
type UnitPrice struct {
	AmountType AmountType `json:"amount_type" const:"unit_based"`
	PriceCommon
	Tiers   UnitTiersView `json:"tiers" doc:"What a unit costs, by how many there are."`
	Minimum *int64        `json:"minimum_units" doc:"The least number of units that can be bought; null for one."`
	Maximum *int64        `json:"maximum_units" doc:"The greatest number of units that can be bought; null for any."`
	Label   *UnitLabel    `json:"unit_label" doc:"What units are called: by locale, then by plural form."`
}

// SchemaName follows the names of the reference.
func (UnitPrice) SchemaName() string { return "ProductPriceUnitBased" }

// UnitTiersView are unit tiers as the API shows them.
type UnitTiersView struct {
	Mode  TierMode       `json:"type"`
	Tiers []UnitTierView `json:"tiers" doc:"The tiers, by number of units."`
}

// SchemaName follows the names of the reference.
func (UnitTiersView) SchemaName() string { return "ProductPriceUnitTiers" }

// UnitTierView is a range of units, to its bound, and what each of them costs.
type UnitTierView struct {
	Bound      *int64      `json:"bound" doc:"The last number of units of the tier; null for any number."`
	UnitAmount DecimalText `json:"unit_amount" doc:"What each unit costs, in the smallest unit of the currency."`
}

// SchemaName follows the names of the reference.
func (UnitTierView) SchemaName() string { return "ProductPriceUnitTier" }

// AppendJSON writes the price as the API shows it.
func (p Price) AppendJSON(dst []byte) []byte { return schema.Append(dst, p.public()) }

// public is a pointer to the form of the price's kind.
func (p *Price) public() any {
	c := PriceCommon{CreatedAt: p.CreatedAt, ModifiedAt: p.ModifiedAt, ID: p.ID, Source: p.Source, Currency: p.Currency,
		TaxBehavior: p.TaxBehavior, IsArchived: p.IsArchived, ProductID: p.ProductID}
	switch p.AmountType {
	case Custom:
		f := CustomPrice{p.AmountType, c, *p.MinimumAmount, p.MaximumAmount, p.PresetAmount}
		if p.LegacyInterval != nil {
			return &LegacyCustomPrice{f, LegacyPart{"recurring", *p.LegacyInterval, true}}
		}
		return &f
	case MeteredUnit:
		m := Meter{ID: *p.MeterID, CustomLabel: p.MeterCustomLabel, CustomMultiplier: p.MeterCustomMultiplier}
		if p.MeterName != nil {
			m.Name, m.Unit = *p.MeterName, *p.MeterUnit
		}
		return &MeteredPrice{p.AmountType, c, DecimalText(*p.UnitAmount), p.CapAmount, *p.MeterID, m}
	case SeatBased:
		s := p.SeatTiers
		return &SeatPrice{p.AmountType, c, SeatTiersView{s.Mode, s.Tiers, s.Minimum(), s.Maximum()}, s.Tiers[0].PricePerSeat}
	case UnitBased:
		u := p.UnitTiers
		out := &UnitPrice{p.AmountType, c, UnitTiersView{Mode: u.Mode}, u.Minimum, u.Maximum(), nil}
		for _, t := range u.Tiers {
			out.Tiers.Tiers = append(out.Tiers.Tiers, UnitTierView{t.Bound, DecimalText(strconv.FormatInt(t.UnitAmount, 10))})
		}
		if len(u.Label) > 0 {
			out.Label = &u.Label
		}
		return out
	}
	f := FixedPrice{p.AmountType, c, *p.PriceAmount}
	if p.LegacyInterval != nil {
		return &LegacyFixedPrice{f, LegacyPart{"recurring", *p.LegacyInterval, true}}
	}
	return &f
}

// SchemaName says that the union is written in place.
func (Price) SchemaName() string { return "" }

// DescribeSchema describes the union of the kinds of price.
func (Price) DescribeSchema(b *schema.Builder) *schema.Schema {
	return &schema.Schema{OneOf: []*schema.Schema{
		union(b, "LegacyRecurringProductPrice", priceKind{Fixed, LegacyFixedPrice{}}, priceKind{Custom, LegacyCustomPrice{}}),
		union(b, "ProductPrice", priceKind{Fixed, FixedPrice{}}, priceKind{Custom, CustomPrice{}}, priceKind{SeatBased, SeatPrice{}},
			priceKind{MeteredUnit, MeteredPrice{}}, priceKind{UnitBased, UnitPrice{}}),
	}}
}

type priceKind struct {
	tag  AmountType
	form any
}

// union describes kinds that their amount type tells apart. Without a name it
// stands in place.
func union(b *schema.Builder, name string, kinds ...priceKind) *schema.Schema {
	u := &schema.Schema{Discriminator: &schema.Discriminator{PropertyName: "amount_type", Mapping: map[string]string{}}}
	for _, k := range kinds {
		ref := b.Of(reflect.TypeOf(k.form))
		u.OneOf = append(u.OneOf, ref)
		u.Discriminator.Mapping[string(k.tag)] = ref.Ref
	}
	if name == "" {
		return u
	}
	return b.Add(name, u)
}

// Media is a picture of a product. There are no files yet, so there is none.
type Media struct {
	ID           id.ID      `json:"id" doc:"The ID of the file."`
	Organization id.ID      `json:"organization_id"`
	Name         string     `json:"name"`
	Path         string     `json:"path"`
	MimeType     string     `json:"mime_type"`
	Size         int64      `json:"size"`
	Storage      *string    `json:"storage_version"`
	ETag         *string    `json:"checksum_etag"`
	SHA256Base64 *string    `json:"checksum_sha256_base64"`
	SHA256Hex    *string    `json:"checksum_sha256_hex"`
	LastModified *time.Time `json:"last_modified_at"`
	Version      *string    `json:"version"`
	Service      string     `json:"service" const:"product_media"`
	IsUploaded   bool       `json:"is_uploaded"`
	CreatedAt    time.Time  `json:"created_at"`
	SizeReadable string     `json:"size_readable"`
	PublicURL    string     `json:"public_url"`
}

// SchemaName is the name of the reference.
func (Media) SchemaName() string { return "ProductMediaFileRead" }
