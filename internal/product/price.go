package product

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/money"
	"floe/internal/organization"
	"floe/internal/period"
	"floe/internal/schema"
)

// AmountType is the kind of a price.
type AmountType string

// The kinds of price.
const (
	Fixed       AmountType = "fixed"
	Custom      AmountType = "custom" // the buyer says how much
	MeteredUnit AmountType = "metered_unit"
	SeatBased   AmountType = "seat_based"
	UnitBased   AmountType = "unit_based"
)

// Source says where a price comes from.
type Source string

// The sources: a product's list of prices, or one checkout.
const (
	Catalog Source = "catalog"
	AdHoc   Source = "ad_hoc"
)

// Enum lists the sources.
func (Source) Enum() []string { return []string{"catalog", "ad_hoc"} }

// SchemaName is the name of the reference.
func (Source) SchemaName() string { return "ProductPriceSource" }

// Price is a price as it is stored, with the meter it refers to. Which of the
// optional fields there are depends on the kind.
type Price struct {
	ID             id.ID
	OrganizationID id.ID
	ProductID      id.ID
	CreatedAt      time.Time
	ModifiedAt     *time.Time
	Source         Source
	AmountType     AmountType
	Currency       string `db:"price_currency"`
	TaxBehavior    *organization.TaxBehavior
	IsArchived     bool
	LegacyInterval *period.Interval // of recurring prices of old

	PriceAmount   *int64 // fixed
	MinimumAmount *int64 // custom
	MaximumAmount *int64
	PresetAmount  *int64
	UnitAmount    *string // metered_unit: a decimal number with 12 places
	CapAmount     *int64
	MeterID       *id.ID
	SeatTiers     *SeatTiers // seat_based
	UnitTiers     *UnitTiers // unit_based

	MeterName             *string
	MeterUnit             *MeterUnit
	MeterCustomLabel      *string
	MeterCustomMultiplier *int64
}

// Static says whether the price is known before anything is used.
func (p *Price) Static() bool { return !p.Metered() }

// Metered says whether the price is for usage.
func (p *Price) Metered() bool { return p.AmountType == MeteredUnit }

// Free says whether the price can never be more than nothing. Paying what one
// wants is not free, even if that may be nothing.
func (p *Price) Free() bool {
	switch p.AmountType {
	case Fixed:
		return *p.PriceAmount == 0
	case SeatBased:
		return p.SeatTiers.table().free()
	case UnitBased:
		return p.UnitTiers.table().free()
	}
	return false
}

// Amount is what a quantity of seats or units costs up front. Where a price
// has no quantity, the quantity changes nothing; usage costs nothing up front;
// and where the buyer decides it is the least they may pay.
func (p *Price) Amount(quantity int64) (int64, error) {
	switch p.AmountType {
	case Fixed:
		return *p.PriceAmount, nil
	case Custom:
		return *p.MinimumAmount, nil
	case SeatBased:
		return p.SeatTiers.table().amount(quantity)
	case UnitBased:
		return p.UnitTiers.table().amount(quantity)
	}
	return 0, nil
}

// TierMode says how tiers add up.
type TierMode string

// The modes: everything at the rate of the tier that the quantity lies in, or
// each range at its own rate.
const (
	Volume    TierMode = "volume"
	Graduated TierMode = "graduated"
)

// Enum lists the modes.
func (TierMode) Enum() []string { return []string{"volume", "graduated"} }

// SchemaName is the name of the reference.
func (TierMode) SchemaName() string { return "SeatTierType" }

// tiers is a table of rates: each holds to its bound, the last one for ever
// when it has none.
type tiers struct {
	mode   TierMode
	bounds []*int64
	rates  []int64
}

func (t tiers) free() bool {
	for _, r := range t.rates {
		if r != 0 {
			return false
		}
	}
	return true
}

func (t tiers) amount(quantity int64) (sum int64, err error) {
	ok := true
	switch {
	case quantity < 0:
		return 0, fault.InvalidQuantity.New(fmt.Sprintf("Negative quantity: %d", quantity))
	case quantity == 0:
		return 0, nil
	case t.mode == Graduated:
		sum, ok = t.graduated(quantity)
	default:
		i := slices.IndexFunc(t.bounds, func(bound *int64) bool { return bound == nil || quantity <= *bound })
		if i < 0 {
			return 0, fault.InvalidQuantity.New(fmt.Sprintf("No tier covers quantity %d", quantity))
		}
		sum, ok = money.Times(quantity, t.rates[i])
	}
	if !ok {
		return 0, fault.InvalidQuantity.New(fmt.Sprintf("Quantity %d costs more than can be charged", quantity))
	}
	return sum, nil
}

// graduated charges nothing for what lies beyond the last bound. It says
// whether the sum is an amount that there can be.
func (t tiers) graduated(quantity int64) (sum int64, ok bool) {
	from := int64(0)
	for i, bound := range t.bounds {
		to := quantity
		if bound != nil {
			to = min(quantity, *bound)
		}
		if to > from {
			part, ok := money.Times(to-from, t.rates[i])
			if sum += part; !ok || sum > money.Most {
				return 0, false
			}
			from = to
		}
	}
	return sum, true
}

// SeatTiers are the rates of a price by seats.
type SeatTiers struct {
	Mode  TierMode   `json:"seat_tier_type"`
	Tiers []SeatTier `json:"tiers"`
}

// SeatTier is a range of seats and what each of them costs.
type SeatTier struct {
	MinSeats     int64  `json:"min_seats" ge:"1" le:"2147483647" doc:"The first number of seats of the tier."`
	MaxSeats     *int64 `json:"max_seats" ge:"1" le:"9007199254740991" required:"false" doc:"The last number of seats of the tier; null for any number."`
	PricePerSeat int64  `json:"price_per_seat" ge:"0" doc:"What each seat costs, in the smallest unit of the currency."`
}

// SchemaName is the name of the reference.
func (SeatTier) SchemaName() string { return "ProductPriceSeatTier" }

// Minimum is the least number of seats that can be bought.
func (s *SeatTiers) Minimum() int64 { return s.Tiers[0].MinSeats }

// Maximum is the greatest number of seats that can be bought; nil for any.
func (s *SeatTiers) Maximum() *int64 { return s.Tiers[len(s.Tiers)-1].MaxSeats }

func (s *SeatTiers) table() tiers {
	t := tiers{mode: s.Mode}
	for _, tier := range s.Tiers {
		t.bounds, t.rates = append(t.bounds, tier.MaxSeats), append(t.rates, tier.PricePerSeat)
	}
	return t
}

// Scan reads the stored form.
func (s *SeatTiers) Scan(src any) error { return scanJSON(src, s) }

// Value is the stored form.
func (s SeatTiers) Value() (driver.Value, error) { return string(schema.JSON(&s)), nil }

// UnitTiers are the rates of a price by units.
type UnitTiers struct {
	Mode    TierMode   `json:"type"`
	Tiers   []UnitTier `json:"tiers"`
	Minimum *int64     `json:"minimum_units"`
	Label   UnitLabel  `json:"unit_label"`
}

// UnitTier is a range of units, to its bound, and what each of them costs.
type UnitTier struct {
	Bound      *int64 `json:"bound"`
	UnitAmount int64  `json:"unit_amount"`
}

// UnitLabel is what units are called: by locale, then by plural form.
type UnitLabel map[string]map[string]string

// Least is the least number of units that can be bought.
func (u *UnitTiers) Least() int64 {
	if u.Minimum != nil {
		return *u.Minimum
	}
	return 1
}

// Maximum is the greatest number of units that can be bought; nil for any.
func (u *UnitTiers) Maximum() *int64 { return u.Tiers[len(u.Tiers)-1].Bound }

func (u *UnitTiers) table() tiers {
	t := tiers{mode: u.Mode}
	for _, tier := range u.Tiers {
		t.bounds, t.rates = append(t.bounds, tier.Bound), append(t.rates, tier.UnitAmount)
	}
	return t
}

// Scan reads the stored form.
func (u *UnitTiers) Scan(src any) error { return scanJSON(src, u) }

// Value is the stored form.
func (u UnitTiers) Value() (driver.Value, error) { return string(schema.JSON(&u)), nil }

func scanJSON(src, dst any) error {
	switch v := src.(type) {
	case string:
		return json.Unmarshal([]byte(v), dst)
	case []byte:
		return json.Unmarshal(v, dst)
	}
	return fmt.Errorf("%T in a field for JSON", src)
}
