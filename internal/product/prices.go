package product

import (
	"context"
	"reflect"
	"slices"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
)

// PriceUpdate is one of the prices that a product is to have: one that it has
// already, or a new one.
type PriceUpdate struct {
	Existing *id.ID
	New      *PriceCreate
	node     *schema.Node
}

// What the reference calls the two ways to name a price, where it says what is
// wrong with both.
const (
	existingPrice = "ExistingProductPrice"
	newPrice      = "tagged-union[ProductPriceFixedCreate,ProductPriceCustomCreate,ProductPriceSeatBasedCreate,ProductPriceMeteredUnitCreate]"
)

type existing struct {
	ID id.ID `json:"id" doc:"The ID of a price that stays."`
}

func (existing) SchemaName() string { return existingPrice }

var existingPlan = schema.PlanOf(reflect.TypeFor[existing](), "")

// DecodeNode reads a price. What has a valid id is a price that stays,
// whatever else it says; so what was read can be sent back.
func (p *PriceUpdate) DecodeNode(n *schema.Node, at *schema.At) {
	p.node = n
	kept, added := existing{}, PriceCreate{}
	apart, problems := at.Key(existingPrice).Apart()
	existingPlan.Decode(n, apart, reflect.ValueOf(&kept).Elem())
	if len(problems.List) == 0 {
		p.Existing = &kept.ID
		return
	}
	apart, more := at.Key(newPrice).Apart()
	added.DecodeNode(n, apart)
	if len(more.List) == 0 {
		p.New = &added
		return
	}
	at.Take(problems)
	at.Take(more)
}

// SchemaName says that the union is written in place.
func (PriceUpdate) SchemaName() string { return "" }

// DescribeSchema describes the union.
func (PriceUpdate) DescribeSchema(b *schema.Builder) *schema.Schema {
	return &schema.Schema{AnyOf: []*schema.Schema{b.Of(reflect.TypeFor[existing]()), PriceCreate{}.DescribeSchema(b)}}
}

// entry is a price of the set that a product is to have, and where in the body
// it stands.
type entry struct {
	Price
	index int
	fresh bool
}

// priceSet checks the prices that a product is to have, all of them together.
type priceSet struct {
	org      organization.Organization
	oneTime  bool
	given    *schema.Node // the list as it came
	problems *schema.Problems
	entries  []entry
}

// resolve finds the prices that stay and makes those that are new. What is
// refused here is left out, so that the rules on the whole set speak of what
// is left.
func (s *priceSet) resolve(ctx context.Context, q db.Querier, has []Price, list []PriceUpdate) error {
	known, err := meters(ctx, q, s.org.ID, wantedMeters(list))
	if err != nil {
		return err
	}
	for i, p := range list {
		if p.Existing != nil {
			at := slices.IndexFunc(has, func(h Price) bool { return h.ID == *p.Existing })
			if at < 0 {
				s.refuse("Price does not exist.", schema.StringNode(string(*p.Existing)), i)
				continue
			}
			s.entries = append(s.entries, entry{has[at], i, false})
			continue
		}
		price := p.New.price()
		if s.allowed(&price, known, p.node, i) {
			s.entries = append(s.entries, entry{price, i, true})
		}
	}
	return nil
}

func wantedMeters(list []PriceUpdate) []id.ID {
	var ids []id.ID
	for _, p := range list {
		if p.New != nil && p.New.Metered != nil {
			ids = append(ids, p.New.Metered.MeterID)
		}
	}
	return ids
}

// allowed says whether a new price can be in the set at all.
func (s *priceSet) allowed(p *Price, known map[id.ID]Meter, n *schema.Node, i int) bool {
	switch {
	case p.AmountType == SeatBased && !s.org.FeatureSettings.Seats():
		s.refuse("Seat-based pricing is not enabled for this organization.", n, i)
	case p.AmountType == UnitBased && !s.org.FeatureSettings.UnitBasedPricingEnabled:
		s.refuse("Unit-based pricing is not enabled for this organization.", n, i)
	case p.AmountType == UnitBased && s.oneTime:
		s.refuse("Unit-based pricing is not supported on one-time products.", n, i)
	case p.AmountType == MeteredUnit && s.oneTime:
		s.refuse("Metered pricing is not supported on one-time products.", n, i)
	case p.AmountType == MeteredUnit:
		m, ok := known[*p.MeterID]
		if !ok {
			s.refuse("Meter does not exist.", schema.StringNode(string(*p.MeterID)), i, "meter_id")
			return false
		}
		p.MeterName, p.MeterUnit, p.MeterCustomLabel, p.MeterCustomMultiplier = &m.Name, &m.Unit, m.CustomLabel, m.CustomMultiplier
		return true
	default:
		return true
	}
	return false
}

// refuse reports a problem at body.prices and what follows.
func (s *priceSet) refuse(msg string, input *schema.Node, loc ...any) {
	s.problems.Add(schema.Problem{Type: "value_error", Loc: append([]any{"body", "prices"}, loc...), Msg: msg, Input: input})
}

// check applies the rules on the whole set.
func (s *priceSet) check() {
	if len(s.entries) == 0 {
		s.problems.Add(schema.Problem{Type: "too_short", Loc: []any{"body", "prices"}, Msg: "At least one price is required.", Input: s.given})
	}
	var shapes []shape
	currencies := s.currencies()
	for _, currency := range currencies {
		shapes = append(shapes, s.checkCurrency(currency))
	}
	for _, sh := range shapes {
		if sh != shapes[0] {
			s.refuse("All price currencies must define the same set of price types.", s.given)
			break
		}
	}
	if home := string(s.org.DefaultPresentmentCurrency); !slices.Contains(currencies, home) {
		s.refuse("The organization's default presentment currency must be present in the prices.", s.given)
	}
}

// currencies are those of the set in the order in which they appear.
func (s *priceSet) currencies() (out []string) {
	for _, e := range s.entries {
		if !slices.Contains(out, e.Currency) {
			out = append(out, e.Currency)
		}
	}
	return out
}

// shape is what every currency must have alike.
type shape struct {
	fixed, seat, unit, custom bool
	metered                   int
}

func (s *priceSet) checkCurrency(currency string) shape {
	count := map[AmountType]int{}
	legacy := true
	sameTax := true
	var first *entry
	for i := range s.entries {
		e := &s.entries[i]
		if e.Currency != currency {
			continue
		}
		count[e.AmountType]++
		legacy = legacy && (e.Metered() || e.LegacyInterval != nil)
		if first == nil {
			first = e
		}
		sameTax = sameTax && equal(first.TaxBehavior, e.TaxBehavior)
	}
	if !legacy {
		s.checkStatic(count)
	}
	s.checkMeters(currency)
	if !sameTax {
		s.refuse("All prices for the same currency must have the same tax behavior.", s.given)
	}
	return shape{count[Fixed] > 0, count[SeatBased] > 0, count[UnitBased] > 0, count[Custom] > 0, count[MeteredUnit]}
}

func (s *priceSet) checkStatic(count map[AmountType]int) {
	for _, rule := range []struct {
		broken bool
		msg    string
	}{
		{count[Fixed] > 1, "Only one fixed price is allowed."},
		{count[SeatBased] > 1, "Only one seat-based price is allowed."},
		{count[Custom] > 1, "Only one custom price is allowed."},
		{count[UnitBased] > 1, "Only one unit-based price is allowed."},
		{count[SeatBased] > 0 && count[UnitBased] > 0, "A seat-based price cannot be combined with a unit-based price."},
		{count[Custom] > 0 && count[Fixed]+count[SeatBased]+count[UnitBased] > 0, "A custom price cannot be combined with a fixed, seat-based or unit-based price."},
	} {
		if rule.broken {
			s.refuse(rule.msg, s.given)
		}
	}
}

func (s *priceSet) checkMeters(currency string) {
	seen := map[id.ID]bool{}
	for _, e := range s.entries {
		if e.Currency != currency || !e.Metered() {
			continue
		}
		if seen[*e.MeterID] {
			s.refuse("Meter is already used for another price.", schema.StringNode(string(*e.MeterID)), e.index, "meter_id")
		}
		seen[*e.MeterID] = true
	}
}

func equal[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// apply makes the set the product's own, and answers the prices to add and the
// ids of those to archive.
func (s *priceSet) apply(tx *db.Tx, l *Loaded) (added []Price, archived []id.ID) {
	kept := map[id.ID]bool{}
	var next []Price
	for _, e := range s.entries {
		if e.fresh {
			e.ID, e.OrganizationID, e.ProductID, e.CreatedAt = tx.NewID(tx.Now()), l.OrganizationID, l.ID, tx.Now()
			added = append(added, e.Price)
			continue
		}
		kept[e.ID] = true
	}
	for _, p := range l.Prices {
		if kept[p.ID] {
			next = append(next, p)
		} else {
			archived = append(archived, p.ID)
		}
	}
	l.Prices = append(next, added...)
	slices.SortStableFunc(l.Prices, func(a, b Price) int { return rankOf(a.AmountType) - rankOf(b.AmountType) })
	return added, archived
}

// rankOf is the place of a kind among a product's prices: see priceOrder.
func rankOf(t AmountType) int {
	switch t {
	case Fixed, Custom:
		return 0
	case MeteredUnit:
		return 1
	}
	return 2
}

// recurring says whether a product is a subscription: by its interval, or
// because all its prices come from before products had one.
func (l *Loaded) recurring() bool {
	return l.RecurringInterval != nil || !slices.ContainsFunc(l.Prices, func(p Price) bool { return p.LegacyInterval == nil })
}
