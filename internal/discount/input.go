package discount

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
)

// maxAmount is the most that an amount can be.
const maxAmount = 999999999999

// amounts is a map of currency to amount, as JSON text that keeps its order.
type amounts json.RawMessage

// AppendJSON writes the text as it is.
func (a amounts) AppendJSON(dst []byte) []byte { return append(dst, a...) }

var (
	currencyPlan = schema.PlanOf(reflect.TypeFor[organization.Currency](), "")
	amountPlan   = schema.PlanOf(reflect.TypeFor[int64](), `ge:"0" le:"999999999999"`)
)

// DecodeNode reads a map with at least one entry.
func (a *amounts) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.Object {
		at.Report("dict_type", "Input should be a valid dictionary", n)
		return
	}
	before := at.Count()
	var list []entry
	for i, key := range n.Keys {
		var currency organization.Currency
		var amount int64
		currencyPlan.Decode(schema.StringNode(key), at.Key(key).Key("[key]"), reflect.ValueOf(&currency).Elem())
		amountPlan.Decode(&n.Items[i], at.Key(key), reflect.ValueOf(&amount).Elem())
		list = append(list, entry{string(currency), amount})
	}
	if at.Count() == before && len(list) == 0 {
		at.Report("too_short", "Dictionary should have at least 1 item after validation, not 0", n,
			schema.KV{Key: "field_type", Value: "Dictionary"}, schema.KV{Key: "min_length", Value: 1}, schema.KV{Key: "actual_length", Value: 0})
	}
	*a = amounts(amountsOf(list...))
}

// SchemaName says that the schema is written in place.
func (amounts) SchemaName() string { return "" }

// DescribeSchema describes the map.
func (amounts) DescribeSchema(b *schema.Builder) *schema.Schema {
	s := &schema.Schema{Type: "object", AdditionalProperties: &schema.Schema{Type: "integer"}}
	if !b.Answers {
		low, high, one := 0.0, float64(maxAmount), 1
		s.AdditionalProperties.Minimum, s.AdditionalProperties.Maximum = &low, &high
		s.PropertyNames, s.MinProperties = b.Of(reflect.TypeFor[organization.Currency]()), &one
	}
	return s
}

// code is a code as it arrives: letters and digits, or "" for none.
type code string

const (
	minCode = 3
	maxCode = 256
)

// DecodeNode reads a code; a blank one is none.
func (c *code) DecodeNode(n *schema.Node, at *schema.At) {
	if n.Kind != schema.String {
		at.Report("string_type", "Input should be a valid string", n)
		return
	}
	text := strings.TrimSpace(n.Text)
	length := len([]rune(text))
	switch {
	case text == "":
	case strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) }):
		at.ValueError("Code must contain only alphanumeric characters.", n)
	case length < minCode || length > maxCode:
		at.ValueError("Code must be between 3 and 256 characters long.", n)
	}
	*c = code(text)
}

// SchemaName says that the schema is written in place.
func (code) SchemaName() string { return "" }

// DescribeSchema describes a code.
func (code) DescribeSchema(*schema.Builder) *schema.Schema { return &schema.Schema{Type: "string"} }

func (c *code) text() *string {
	if c == nil || *c == "" {
		return nil
	}
	return (*string)(c)
}

// Create is the body of a creation.
type Create struct {
	Fixed      *CreateFixed      `variant:"fixed"`
	Percentage *CreatePercentage `variant:"percentage"`
}

// Union says how the two are told apart.
func (Create) Union() schema.Union { return schema.Union{Discriminator: "type", Func: "'type'"} }

// SchemaName is the name of the reference.
func (Create) SchemaName() string { return "DiscountCreate" }

// CreateCommon is what both have.
type CreateCommon struct {
	Metadata                  schema.MetadataInput `json:"metadata" factory:"{}"`
	Name                      string               `json:"name" minLength:"1" doc:"The name of the discount, which customers see." example:"\"Spring\""`
	Code                      *code                `json:"code" doc:"The code that customers enter: 3 to 256 letters and digits, unique in the organization whatever their case. Without one only the API applies the discount."`
	StartsAt                  *time.Time           `json:"starts_at" doc:"From when on the discount can be used."`
	EndsAt                    *time.Time           `json:"ends_at" doc:"Until when the discount can be used."`
	MaxRedemptions            *int64               `json:"max_redemptions" ge:"1" le:"2147483647" doc:"How many times the discount can be used in all."`
	MaxRedemptionsPerCustomer *int64               `json:"max_redemptions_per_customer" ge:"1" le:"2147483647" doc:"How many times each customer can use the discount."`
	Products                  *[]id.ID             `json:"products" doc:"The IDs of the products that the discount is for; none for all of them."`
	OrganizationID            *id.ID               `json:"organization_id" doc:"The organization that will own the discount. Required unless you use an organization token."`
	Duration                  Duration             `json:"duration" doc:"For how long a subscription keeps the discount."`
	DurationInMonths          *int                 `json:"duration_in_months" ge:"1" le:"999" doc:"For how many months, where the duration is repeating: at 12 months a monthly subscription gets 12 invoices with the discount, a yearly one gets one."`
}

// check holds the fields against each other and reports the first problem.
func (c *CreateCommon) check(n *schema.Node, at *schema.At) {
	switch {
	case c.Duration == Repeating && c.DurationInMonths == nil:
		at.ValueError(monthsMissing, n)
	case c.Duration != Repeating && c.DurationInMonths != nil:
		at.ValueError(monthsSuperfluous, n)
	case !inOrder(c.StartsAt, c.EndsAt):
		at.ValueError(startsBeforeEnds, n)
	}
}

const (
	monthsMissing     = "`duration_in_months` is required when `duration` is `repeating`."
	monthsSuperfluous = "`duration_in_months` must be omitted when `duration` is not `repeating`."
	startsBeforeEnds  = "starts_at must be before ends_at"
	bothAmounts       = "Cannot specify both `amount` and `amounts`."
)

// inOrder says whether the one comes before the other, where there are both.
func inOrder(starts, ends *time.Time) bool {
	return starts == nil || ends == nil || starts.Before(*ends)
}

// CreateFixed is the body for an amount.
type CreateFixed struct {
	CreateCommon
	Type     Type                   `json:"type" const:"fixed" default:"\"fixed\""`
	Amount   *int64                 `json:"amount" ge:"0" le:"999999999999" doc:"Use amounts. What is taken off, in the smallest unit of the currency."`
	Currency *organization.Currency `json:"currency" default:"\"usd\"" doc:"Use amounts. The currency of the amount."`
	Amounts  *amounts               `json:"amounts" doc:"What is taken off, by currency, in its smallest unit." example:"{\"usd\":500}"`
}

// SchemaName is the name of the reference.
func (CreateFixed) SchemaName() string { return "DiscountFixedCreate" }

// CheckNode asks for one way to say how much.
func (c *CreateFixed) CheckNode(n *schema.Node, at *schema.At) {
	switch {
	case c.Amount != nil && c.Amounts != nil:
		at.ValueError(bothAmounts, n)
	case c.Amount == nil && c.Amounts == nil:
		at.ValueError("Must specify either `amount` or `amounts`.", n)
	default:
		c.check(n, at)
	}
}

func (c *CreateFixed) amounts() json.RawMessage {
	if c.Amounts != nil {
		return json.RawMessage(*c.Amounts)
	}
	currency := organization.Currency("usd")
	if c.Currency != nil {
		currency = *c.Currency
	}
	return amountsOf(entry{string(currency), *c.Amount})
}

// CreatePercentage is the body for a percentage.
type CreatePercentage struct {
	CreateCommon
	Type        Type  `json:"type" const:"percentage" default:"\"percentage\""`
	BasisPoints int64 `json:"basis_points" ge:"1" le:"10000" doc:"What is taken off, in hundredths of a percent: 1000 is 10 %."`
}

// SchemaName is the name of the reference.
func (CreatePercentage) SchemaName() string { return "DiscountPercentageCreate" }

// CheckNode holds the fields against each other.
func (c *CreatePercentage) CheckNode(n *schema.Node, at *schema.At) { c.check(n, at) }

// Update is the body of a change. What is absent stays. What a discount is
// worth can only change until it is used for the first time.
type Update struct {
	Metadata                  schema.Opt[schema.MetadataInput]   `json:"metadata"`
	Name                      schema.Opt[string]                 `json:"name" minLength:"1" doc:"The name of the discount, which customers see." example:"\"Spring\""`
	Code                      schema.Opt[*code]                  `json:"code" doc:"The code that customers enter; null for none."`
	StartsAt                  schema.Opt[*time.Time]             `json:"starts_at" doc:"From when on the discount can be used."`
	EndsAt                    schema.Opt[*time.Time]             `json:"ends_at" doc:"Until when the discount can be used."`
	MaxRedemptions            schema.Opt[*int64]                 `json:"max_redemptions" ge:"1" le:"2147483647" doc:"How many times the discount can be used in all."`
	MaxRedemptionsPerCustomer schema.Opt[*int64]                 `json:"max_redemptions_per_customer" ge:"1" le:"2147483647" doc:"How many times each customer can use the discount."`
	Duration                  schema.Opt[*Duration]              `json:"duration" doc:"It can't be changed."`
	DurationInMonths          schema.Opt[*int]                   `json:"duration_in_months" ge:"1" le:"999" doc:"For how many months, where the duration is repeating."`
	Type                      schema.Opt[*Type]                  `json:"type" doc:"It can't be changed."`
	Amount                    schema.Opt[*int64]                 `json:"amount" ge:"0" le:"999999999999" doc:"Use amounts. It replaces them by this one."`
	Currency                  schema.Opt[*organization.Currency] `json:"currency" doc:"Use amounts. The currency of the amount; by default that of the organization."`
	Amounts                   schema.Opt[*amounts]               `json:"amounts" doc:"What is taken off, by currency, in its smallest unit."`
	BasisPoints               schema.Opt[*int64]                 `json:"basis_points" ge:"1" le:"10000" doc:"What is taken off, in hundredths of a percent."`
	Products                  schema.Opt[*[]id.ID]               `json:"products" doc:"The IDs of the products that the discount is for; none for all of them."`
}

// SchemaName is the name of the reference.
func (Update) SchemaName() string { return "DiscountUpdate" }

// CheckNode holds the fields against each other.
func (u *Update) CheckNode(n *schema.Node, at *schema.At) {
	switch {
	case u.Amount.Value != nil && u.Amounts.Value != nil:
		at.ValueError(bothAmounts, n)
	case !inOrder(u.StartsAt.Value, u.EndsAt.Value):
		at.ValueError(startsBeforeEnds, n)
	}
}

// empty says whether the body names no field at all.
func (u *Update) empty() bool {
	return !slices.Contains([]bool{
		u.Metadata.Set, u.Name.Set, u.Code.Set, u.StartsAt.Set, u.EndsAt.Set, u.MaxRedemptions.Set, u.MaxRedemptionsPerCustomer.Set,
		u.Duration.Set, u.DurationInMonths.Set, u.Type.Set, u.Amount.Set, u.Currency.Set, u.Amounts.Set, u.BasisPoints.Set, u.Products.Set,
	}, true)
}
