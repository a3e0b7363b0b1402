package product

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"

	"floe/internal/id"
	"floe/internal/money"
	"floe/internal/organization"
	"floe/internal/schema"
)

func sizeText(words string, limit, actual int) string {
	return fmt.Sprintf("Value should have %s %d items after validation, not %d", words, limit, actual)
}

// PriceCreate is a new price of one of the kinds.
type PriceCreate struct {
	Fixed   *FixedCreate   `variant:"fixed"`
	Custom  *CustomCreate  `variant:"custom"`
	Seat    *SeatCreate    `variant:"seat_based"`
	Metered *MeteredCreate `variant:"metered_unit"`
	Unit    *UnitCreate    `variant:"unit_based"`
}

// kinds is PriceCreate where its own DecodeNode is out of the way.
type kinds PriceCreate

// Union says how the kinds are told apart.
func (kinds) Union() schema.Union {
	return schema.Union{Discriminator: "amount_type", Func: "'amount_type'"}
}

var kindsPlan = schema.PlanOf(reflect.TypeFor[kinds](), "")

// DecodeNode reads a price. There used to be a kind for what is free; it is a
// fixed price of nothing.
func (p *PriceCreate) DecodeNode(n *schema.Node, at *schema.At) {
	if t := n.Get("amount_type"); t != nil && t.Kind == schema.String && t.Text == "free" {
		n = fixedOfNothing(n)
	}
	kindsPlan.Decode(n, at, reflect.ValueOf((*kinds)(p)).Elem())
}

func fixedOfNothing(n *schema.Node) *schema.Node {
	out := &schema.Node{Kind: schema.Object, Keys: []string{"amount_type", "price_amount"},
		Items: []schema.Node{*schema.StringNode("fixed"), {Kind: schema.Int, Text: "0"}}}
	for _, key := range []string{"price_currency", "tax_behavior"} {
		if v := n.Get(key); v != nil {
			out.Keys, out.Items = append(out.Keys, key), append(out.Items, *v)
		}
	}
	return out
}

// SchemaName says that the union is written in place.
func (PriceCreate) SchemaName() string { return "" }

// DescribeSchema describes the union.
func (PriceCreate) DescribeSchema(b *schema.Builder) *schema.Schema {
	return union(b, "", priceKind{Fixed, FixedCreate{}}, priceKind{Custom, CustomCreate{}}, priceKind{SeatBased, SeatCreate{}},
		priceKind{MeteredUnit, MeteredCreate{}}, priceKind{UnitBased, UnitCreate{}})
}

// priceCommon is what new prices of all kinds have.
type priceCommon struct {
	Currency    organization.Currency     `json:"price_currency" default:"\"usd\"" doc:"The currency that customers are charged in."`
	TaxBehavior *organization.TaxBehavior `json:"tax_behavior" doc:"Whether the price includes taxes; by default as is usual in the organization."`
}

func (c *priceCommon) price(t AmountType) Price {
	return Price{AmountType: t, Source: Catalog, Currency: string(c.Currency), TaxBehavior: c.TaxBehavior}
}

// within reports an amount that no customer could be charged.
func (c *priceCommon) within(amount int64, n *schema.Node, key string, at *schema.At) {
	currency := string(c.Currency)
	switch {
	case amount != 0 && amount < money.Minimum(currency):
		at.Key(key).Report("minimum_price", "Amount must be at least "+money.Format(money.Minimum(currency), currency)+" or 0 for free pricing", n.Get(key))
	case amount > money.Maximum(currency):
		c.tooMuch(n.Get(key), at.Key(key))
	}
}

func (c *priceCommon) tooMuch(n *schema.Node, at *schema.At) {
	currency := string(c.Currency)
	at.Report("maximum_price", "Amount must be at most "+money.Format(money.Maximum(currency), currency), n)
}

// FixedCreate is a new price of a certain amount.
type FixedCreate struct {
	AmountType AmountType `json:"amount_type" const:"fixed"`
	priceCommon
	PriceAmount int64 `json:"price_amount" ge:"0" doc:"The price, in the smallest unit of the currency. 0 is free." example:"1000"`
}

// SchemaName is the name of the reference.
func (FixedCreate) SchemaName() string { return "ProductPriceFixedCreate" }

// CheckNode holds the amount against what the currency allows.
func (p *FixedCreate) CheckNode(n *schema.Node, at *schema.At) {
	p.within(p.PriceAmount, n, "price_amount", at)
}

// CustomCreate is a new price that buyers choose.
type CustomCreate struct {
	AmountType AmountType `json:"amount_type" const:"custom"`
	priceCommon
	MinimumAmount int64  `json:"minimum_amount" ge:"0" default:"50" doc:"The least that a buyer may pay; 0 allows nothing."`
	MaximumAmount *int64 `json:"maximum_amount" ge:"1" doc:"The most that a buyer may pay."`
	PresetAmount  *int64 `json:"preset_amount" ge:"0" doc:"The amount that a buyer is shown first."`
}

// SchemaName is the name of the reference.
func (CustomCreate) SchemaName() string { return "ProductPriceCustomCreate" }

// CheckNode holds the amounts against what the currency allows. An absent
// minimum is the default, which some currencies would not allow: it is taken
// as it is.
func (p *CustomCreate) CheckNode(n *schema.Node, at *schema.At) {
	if n.Get("minimum_amount") != nil {
		p.within(p.MinimumAmount, n, "minimum_amount", at)
	}
	if p.MaximumAmount != nil {
		p.within(*p.MaximumAmount, n, "maximum_amount", at)
	}
	if p.PresetAmount != nil {
		p.within(*p.PresetAmount, n, "preset_amount", at)
	}
}

// MeteredCreate is a new price for each unit that a meter counts.
type MeteredCreate struct {
	AmountType AmountType `json:"amount_type" const:"metered_unit"`
	priceCommon
	MeterID    id.ID   `json:"meter_id" doc:"The meter that counts."`
	UnitAmount Decimal `json:"unit_amount" doc:"The price of a unit, in the smallest unit of the currency, with up to 12 places after the point."`
	CapAmount  *int64  `json:"cap_amount" ge:"0" le:"2147483647" doc:"The most that is charged for a period, however much was used."`
}

// SchemaName is the name of the reference.
func (MeteredCreate) SchemaName() string { return "ProductPriceMeteredUnitCreate" }

// SeatCreate is a new price by the number of seats.
type SeatCreate struct {
	AmountType AmountType `json:"amount_type" const:"seat_based"`
	priceCommon
	SeatTiers SeatTiersInput `json:"seat_tiers" doc:"What a seat costs, by how many there are."`
}

// SchemaName is the name of the reference.
func (SeatCreate) SchemaName() string { return "ProductPriceSeatBasedCreate" }

// CheckNode keeps rates where any number of seats can be added up.
func (p *SeatCreate) CheckNode(n *schema.Node, at *schema.At) {
	for i, t := range n.Get("seat_tiers").Get("tiers").Items {
		if p.SeatTiers.given[i] > money.Maximum(string(p.Currency)) {
			p.tooMuch(t.Get("price_per_seat"), at.Key("seat_tiers").Key("tiers").Index(i).Key("price_per_seat"))
		}
	}
}

// SeatTiersInput are seat tiers as they arrive, in any order.
type SeatTiersInput struct {
	Mode  TierMode   `json:"seat_tier_type" default:"\"volume\"" doc:"Whether all seats cost what the last one does, or each range its own."`
	Tiers []SeatTier `json:"tiers" minItems:"1" doc:"The tiers, without gaps."`
	given []int64    // the rates in the order in which they came
}

// SchemaName is the name of the reference.
func (SeatTiersInput) SchemaName() string { return "ProductPriceSeatTiers-Input" }

// CheckNode sorts the tiers and asks for them to touch.
func (s *SeatTiersInput) CheckNode(n *schema.Node, at *schema.At) {
	for _, t := range s.Tiers {
		s.given = append(s.given, t.PricePerSeat)
	}
	slices.SortStableFunc(s.Tiers, func(a, b SeatTier) int { return cmp.Compare(a.MinSeats, b.MinSeats) })
	for i, t := range s.Tiers[:len(s.Tiers)-1] {
		next := s.Tiers[i+1]
		switch {
		case t.MaxSeats == nil:
			at.ValueError("Only the last tier can have unlimited max_seats (None)", n)
		case *t.MaxSeats+1 != next.MinSeats:
			at.ValueError(fmt.Sprintf("Gap or overlap between tiers: tier ending at %d and tier starting at %d", *t.MaxSeats, next.MinSeats), n)
		case next.MaxSeats != nil && *next.MaxSeats == *t.MaxSeats:
			at.ValueError(fmt.Sprintf("Tier max_seats values must be unique, got %d twice", *t.MaxSeats), n)
		default:
			continue
		}
		return
	}
	if last := s.Tiers[len(s.Tiers)-1]; last.MaxSeats != nil && *last.MaxSeats < last.MinSeats { // nobody could buy any
		at.ValueError(fmt.Sprintf("Tier max_seats must not be less than min_seats, got %d < %d", *last.MaxSeats, last.MinSeats), n)
	}
}

// UnitCreate is a new price by the number of units.
type UnitCreate struct {
	AmountType AmountType `json:"amount_type" const:"unit_based"`
	priceCommon
	Tiers   UnitTiersInput `json:"tiers" doc:"What a unit costs, by how many there are."`
	Minimum *int64         `json:"minimum_units" ge:"1" le:"2147483647" doc:"The least number of units that can be bought; one by default."`
	Label   *UnitLabel     `json:"unit_label" doc:"What units are called: by locale, then by plural form."`
}

// SchemaName follows the names of the reference.
func (UnitCreate) SchemaName() string { return "ProductPriceUnitBasedCreate" }

// CheckNode holds the minimum against the last bound, and rates within reach.
func (p *UnitCreate) CheckNode(n *schema.Node, at *schema.At) {
	if last := p.Tiers.Tiers[len(p.Tiers.Tiers)-1].Bound; last != nil && p.Minimum != nil && *p.Minimum > *last {
		at.ValueError(fmt.Sprintf("minimum_units must not exceed the last tier's bound, got %d > %d", *p.Minimum, *last), n)
	}
	for i, t := range n.Get("tiers").Get("tiers").Items {
		if p.Tiers.given[i] > money.Maximum(string(p.Currency)) {
			p.tooMuch(t.Get("unit_amount"), at.Key("tiers").Key("tiers").Index(i).Key("unit_amount"))
		}
	}
}

// UnitTiersInput are unit tiers as they arrive, in any order.
type UnitTiersInput struct {
	Mode  TierMode        `json:"type" doc:"Whether all units cost what the last one does, or each range its own."`
	Tiers []UnitTierInput `json:"tiers" minItems:"1" doc:"The tiers. Each begins where the one before ends."`
	given []int64         // the rates in the order in which they came
}

// SchemaName follows the names of the reference.
func (UnitTiersInput) SchemaName() string { return "ProductPriceUnitTiersCreate" }

// UnitTierInput is a range of units, to its bound, and what each of them costs.
type UnitTierInput struct {
	Bound      *int64 `json:"bound" gt:"0" le:"9007199254740991" doc:"The last number of units of the tier; null for any number."`
	UnitAmount Whole  `json:"unit_amount" doc:"What each unit costs, in the smallest unit of the currency."`
}

// SchemaName follows the names of the reference.
func (UnitTierInput) SchemaName() string { return "ProductPriceUnitTierCreate" }

// CheckNode sorts the tiers by their bounds.
func (u *UnitTiersInput) CheckNode(n *schema.Node, at *schema.At) {
	for _, t := range u.Tiers {
		u.given = append(u.given, int64(t.UnitAmount))
	}
	slices.SortStableFunc(u.Tiers, func(a, b UnitTierInput) int {
		switch {
		case a.Bound == nil || b.Bound == nil:
			return cmp.Compare(boolInt(a.Bound == nil), boolInt(b.Bound == nil))
		default:
			return cmp.Compare(*a.Bound, *b.Bound)
		}
	})
	for i, t := range u.Tiers[:len(u.Tiers)-1] {
		next := u.Tiers[i+1].Bound
		switch {
		case t.Bound == nil:
			at.Key("tiers").Report("unbounded_tier_not_last", "Only the last tier can be unbounded", n.Get("tiers"))
		case next != nil && *next == *t.Bound:
			at.Key("tiers").Report("duplicate_tier_bound", "Tier bound values must be unique, got "+strconv.FormatInt(*t.Bound, 10)+" twice", n.Get("tiers"),
				schema.KV{Key: "bound", Value: int(*t.Bound)})
		default:
			continue
		}
		return
	}
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

const maxForm = 32

var labelPlan = schema.PlanOf(reflect.TypeFor[map[string]map[string]string](), "")

// DecodeNode reads a label and asks for the form that every locale needs.
func (l *UnitLabel) DecodeNode(n *schema.Node, at *schema.At) {
	var m map[string]map[string]string
	before := at.Count()
	labelPlan.Decode(n, at, reflect.ValueOf(&m).Elem())
	if at.Count() > before {
		return
	}
	for i, locale := range n.Keys {
		if m[locale]["other"] == "" {
			at.Report("missing_other_plural", "Each locale must include a non-empty 'other' form", n)
			return
		}
		for _, form := range n.Items[i].Items {
			if len([]rune(form.Text)) > maxForm {
				at.Report("unit_label_form_too_long", "Unit label forms must be at most 32 characters", n)
				return
			}
		}
	}
	*l = m
}

// SchemaName says that the schema is written in place.
func (UnitLabel) SchemaName() string { return "" }

// DescribeSchema describes a label.
func (UnitLabel) DescribeSchema(*schema.Builder) *schema.Schema {
	longest := maxForm
	return &schema.Schema{Type: "object", AdditionalProperties: &schema.Schema{
		Type: "object", AdditionalProperties: &schema.Schema{Type: "string", MaxLength: &longest}}}
}

// price is the price as it will be stored, without its ids and times.
func (p *PriceCreate) price() Price {
	switch {
	case p.Custom != nil:
		out := p.Custom.priceCommon.price(Custom)
		out.MinimumAmount, out.MaximumAmount, out.PresetAmount = &p.Custom.MinimumAmount, p.Custom.MaximumAmount, p.Custom.PresetAmount
		return out
	case p.Metered != nil:
		out := p.Metered.priceCommon.price(MeteredUnit)
		out.UnitAmount, out.CapAmount, out.MeterID = (*string)(&p.Metered.UnitAmount), p.Metered.CapAmount, &p.Metered.MeterID
		return out
	case p.Seat != nil:
		out := p.Seat.priceCommon.price(SeatBased)
		out.SeatTiers = &SeatTiers{p.Seat.SeatTiers.Mode, p.Seat.SeatTiers.Tiers}
		return out
	case p.Unit != nil:
		out := p.Unit.priceCommon.price(UnitBased)
		out.UnitTiers = &UnitTiers{Mode: p.Unit.Tiers.Mode, Minimum: p.Unit.Minimum}
		for _, t := range p.Unit.Tiers.Tiers {
			out.UnitTiers.Tiers = append(out.UnitTiers.Tiers, UnitTier{t.Bound, int64(t.UnitAmount)})
		}
		if p.Unit.Label != nil {
			out.UnitTiers.Label = *p.Unit.Label
		}
		return out
	}
	out := p.Fixed.priceCommon.price(Fixed)
	out.PriceAmount = &p.Fixed.PriceAmount
	return out
}
