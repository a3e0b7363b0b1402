package discount

import (
	"reflect"
	"time"

	"floe/internal/id"
	"floe/internal/product"
	"floe/internal/schema"
)

// Common is what all discounts show.
type Common struct {
	CreatedAt                 time.Time       `json:"created_at" doc:"When the discount was created."`
	ModifiedAt                *time.Time      `json:"modified_at" doc:"When the discount was last changed; null until then."`
	ID                        id.ID           `json:"id" doc:"The ID of the discount."`
	Metadata                  schema.Metadata `json:"metadata"`
	Name                      string          `json:"name" doc:"The name of the discount, which customers see."`
	Code                      *string         `json:"code" doc:"The code that customers enter; null for a discount that only the API applies."`
	StartsAt                  *time.Time      `json:"starts_at" doc:"From when on the discount can be used."`
	EndsAt                    *time.Time      `json:"ends_at" doc:"Until when the discount can be used."`
	MaxRedemptions            *int64          `json:"max_redemptions" doc:"How many times the discount can be used in all."`
	MaxRedemptionsPerCustomer *int64          `json:"max_redemptions_per_customer" doc:"How many times each customer can use the discount."`
	RedemptionsCount          int64           `json:"redemptions_count" doc:"How many times the discount was used."`
	OrganizationID            id.ID           `json:"organization_id" doc:"The organization that owns the discount."`
}

// FixedPart is what discounts of an amount show.
type FixedPart struct {
	Amount   int64   `json:"amount" doc:"Use amounts. The amount in the organization's default currency, or else the first."`
	Currency string  `json:"currency" doc:"Use amounts. The currency of the amount."`
	Amounts  amounts `json:"amounts" doc:"What is taken off, by currency, in its smallest unit."`
}

// PercentagePart is what discounts of a percentage show.
type PercentagePart struct {
	BasisPoints int64 `json:"basis_points" doc:"What is taken off, in hundredths of a percent: 1000 is 10 %." example:"1000"`
}

// RepeatPart is what discounts for some months show.
type RepeatPart struct {
	DurationInMonths int `json:"duration_in_months" doc:"For how many months a subscription keeps the discount."`
}

// Head is what tells discounts apart.
type Head struct {
	Duration Duration `json:"duration" doc:"For how long a subscription keeps the discount."`
	Type     Type     `json:"type" doc:"Whether an amount or a percentage is taken off."`
}

// ProductsPart is what discounts show where they stand alone.
type ProductsPart struct {
	Products []Product `json:"products" doc:"The products that the discount is for; none for all of them."`
}

// Product is a product as discounts show it.
type Product struct{ product.Reduced }

// SchemaName is the name of the reference.
func (Product) SchemaName() string { return "DiscountProduct" }

type (
	fixedBase struct {
		Head
		FixedPart
		Common
	}
	fixedRepeatBase struct {
		Head
		RepeatPart
		FixedPart
		Common
	}
	percentageBase struct {
		Head
		PercentagePart
		Common
	}
	percentageRepeatBase struct {
		Head
		RepeatPart
		PercentagePart
		Common
	}
	fixed struct {
		fixedBase
		ProductsPart
	}
	fixedRepeat struct {
		fixedRepeatBase
		ProductsPart
	}
	percentage struct {
		percentageBase
		ProductsPart
	}
	percentageRepeat struct {
		percentageRepeatBase
		ProductsPart
	}
)

func (fixedBase) SchemaName() string            { return "DiscountFixedOnceForeverDurationBase" }
func (fixedRepeatBase) SchemaName() string      { return "DiscountFixedRepeatDurationBase" }
func (percentageBase) SchemaName() string       { return "DiscountPercentageOnceForeverDurationBase" }
func (percentageRepeatBase) SchemaName() string { return "DiscountPercentageRepeatDurationBase" }
func (fixed) SchemaName() string                { return "DiscountFixedOnceForeverDuration" }
func (fixedRepeat) SchemaName() string          { return "DiscountFixedRepeatDuration" }
func (percentage) SchemaName() string           { return "DiscountPercentageOnceForeverDuration" }
func (percentageRepeat) SchemaName() string     { return "DiscountPercentageRepeatDuration" }

// Embedded is a discount as subscriptions and orders show it: without its
// products.
type Embedded struct{ row Row }

// Embed is the embedded form of a discount.
func Embed(r Row) *Embedded { return &Embedded{r} }

// AppendJSON writes the form that belongs to type and duration.
func (e Embedded) AppendJSON(dst []byte) []byte {
	switch v := e.row.variant().(type) {
	case *fixed:
		return schema.Append(dst, &v.fixedBase)
	case *fixedRepeat:
		return schema.Append(dst, &v.fixedRepeatBase)
	case *percentage:
		return schema.Append(dst, &v.percentageBase)
	case *percentageRepeat:
		return schema.Append(dst, &v.percentageRepeatBase)
	}
	return append(dst, "null"...)
}

// SchemaName says that the union is written in place.
func (Embedded) SchemaName() string { return "" }

// DescribeSchema describes the four forms.
func (Embedded) DescribeSchema(b *schema.Builder) *schema.Schema {
	return oneOf(b, fixedBase{}, fixedRepeatBase{}, percentageBase{}, percentageRepeatBase{})
}

// Discount is a discount as the API shows it.
type Discount struct {
	row      Row
	products []Product
}

// Row is the discount as it is stored.
func (d Discount) Row() Row { return d.row }

// AppendJSON writes the form that belongs to type and duration.
func (d Discount) AppendJSON(dst []byte) []byte {
	v := d.row.variant()
	switch v := v.(type) {
	case *fixed:
		v.Products = d.products
	case *fixedRepeat:
		v.Products = d.products
	case *percentage:
		v.Products = d.products
	case *percentageRepeat:
		v.Products = d.products
	}
	return schema.Append(dst, v)
}

// DescribeSchema describes the four forms.
func (Discount) DescribeSchema(b *schema.Builder) *schema.Schema {
	return oneOf(b, fixed{}, fixedRepeat{}, percentage{}, percentageRepeat{})
}

func oneOf(b *schema.Builder, forms ...any) *schema.Schema {
	s := &schema.Schema{}
	for _, f := range forms {
		s.OneOf = append(s.OneOf, b.Of(reflect.TypeOf(f)))
	}
	return s
}

// variant is a pointer to one of the four forms, without products.
func (r *Row) variant() any {
	head := Head{r.Duration, r.Type}
	common := Common{
		CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, ID: r.ID, Metadata: schema.Metadata(r.Metadata), Name: r.Name, Code: r.Code,
		StartsAt: r.StartsAt, EndsAt: r.EndsAt, MaxRedemptions: r.MaxRedemptions, MaxRedemptionsPerCustomer: r.MaxRedemptionsPerCustomer,
		RedemptionsCount: r.RedemptionsCount, OrganizationID: r.OrganizationID,
	}
	repeat := RepeatPart{}
	if r.DurationInMonths != nil {
		repeat.DurationInMonths = *r.DurationInMonths
	}
	none := ProductsPart{[]Product{}}
	if r.Type == Percentage {
		part := PercentagePart{*r.BasisPoints}
		if r.Duration == Repeating {
			return &percentageRepeat{percentageRepeatBase{head, repeat, part, common}, none}
		}
		return &percentage{percentageBase{head, part, common}, none}
	}
	p := r.principal()
	part := FixedPart{p.amount, p.currency, amounts(r.Amounts)}
	if r.Duration == Repeating {
		return &fixedRepeat{fixedRepeatBase{head, repeat, part, common}, none}
	}
	return &fixed{fixedBase{head, part, common}, none}
}
