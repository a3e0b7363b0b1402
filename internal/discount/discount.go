// Package discount keeps what can be taken off a price: an amount or a
// percentage, once, for ever or for some months, with a code or without one.
// It says how much a discount is worth and when it may be used; who has used
// it is told to it, and nothing more is known of subscriptions here.
package discount

import (
	"encoding/json"
	"time"

	"floe/internal/id"
	"floe/internal/money"
	"floe/internal/period"
	"floe/internal/schema"
)

// Type tells amounts and percentages apart. It never changes.
type Type string

// The types of discount.
const (
	Fixed      Type = "fixed"
	Percentage Type = "percentage"
)

// Enum lists the types.
func (Type) Enum() []string { return []string{"fixed", "percentage"} }

// SchemaName is the name of the reference.
func (Type) SchemaName() string { return "DiscountType" }

// Duration says for how long a subscription keeps a discount. It never changes.
type Duration string

// The durations.
const (
	Once      Duration = "once"
	Forever   Duration = "forever"
	Repeating Duration = "repeating"
)

// Enum lists the durations.
func (Duration) Enum() []string { return []string{"once", "forever", "repeating"} }

// SchemaName is the name of the reference.
func (Duration) SchemaName() string { return "DiscountDuration" }

// Row is a discount as it is stored.
type Row struct {
	ID                        id.ID
	OrganizationID            id.ID
	CreatedAt                 time.Time
	ModifiedAt                *time.Time
	DeletedAt                 *time.Time
	Name                      string
	Type                      Type
	Duration                  Duration
	DurationInMonths          *int // of repeating ones
	Code                      *string
	Amounts                   json.RawMessage // of fixed ones: by currency, in the order in which they were given
	BasisPoints               *int64          // of percentages: hundredths of a percent
	StartsAt                  *time.Time
	EndsAt                    *time.Time
	MaxRedemptions            *int64
	MaxRedemptionsPerCustomer *int64
	RedemptionsCount          int64
	Metadata                  json.RawMessage
	DefaultCurrency           string // of the organization
}

// basis is how many basis points are the whole.
const basis = 10000

// Amount is what a discount takes off an amount: never more than there is,
// and nothing in a currency that it has no amount for.
func (r Row) Amount(base int64, currency string) int64 {
	if r.Type == Percentage {
		return money.MulDiv(base, *r.BasisPoints, basis, money.HalfAwayFromZero)
	}
	off, ok := r.AmountIn(currency)
	if !ok || base <= 0 {
		return 0
	}
	return min(off, base)
}

// Shares are what a discount takes off each of several amounts: a percentage
// off each by itself, a fixed amount in proportion to them.
func (r Row) Shares(amounts []int64, currency string) []int64 {
	if r.Type == Fixed {
		total := int64(0)
		for _, a := range amounts {
			total += a
		}
		return money.Split(r.Amount(total, currency), amounts)
	}
	out := make([]int64, len(amounts))
	for i, a := range amounts {
		out[i] = r.Amount(a, currency)
	}
	return out
}

// AmountIn is the fixed amount in a currency.
func (r Row) AmountIn(currency string) (amount int64, ok bool) {
	for _, e := range r.amounts() {
		if e.currency == currency {
			return e.amount, true
		}
	}
	return 0, false
}

// Applies says whether a discount takes anything off prices in a currency.
func (r Row) Applies(currency string) bool {
	_, ok := r.AmountIn(currency)
	return ok || r.Type == Percentage
}

// ExpiredAt says whether a subscription that has had the discount since
// appliedAt is without it in a period that starts at periodStart. Where periods
// aim for the anchor's day, one that began on the last day of a shorter month
// counts as if it had begun on that day: otherwise three months from the end of
// February would end before the third period begins, on 30 April.
func (r Row) ExpiredAt(appliedAt, periodStart time.Time, anchor int) bool {
	switch r.Duration {
	case Once:
		return periodStart.After(appliedAt)
	case Repeating:
		more := *r.DurationInMonths - 1
		last := period.Add(appliedAt, period.Month, more)
		if clamped := appliedAt.AddDate(0, 0, 1).Day() == 1; clamped && anchor > appliedAt.Day() {
			last = period.Next(appliedAt, period.Month, more, anchor)
		}
		return periodStart.After(last)
	}
	return false
}

// redeemed says whether the discount was used, after which its worth stays.
func (r *Row) redeemed() bool { return r.RedemptionsCount > 0 }

// entry is an amount in a currency.
type entry struct {
	currency string
	amount   int64
}

func (r *Row) amounts() []entry { return entriesOf(r.Amounts) }

// entriesOf reads stored amounts, which always parse.
func entriesOf(stored json.RawMessage) []entry {
	if len(stored) == 0 {
		return nil
	}
	n, err := schema.Parse(stored)
	if err != nil {
		return nil
	}
	out := make([]entry, len(n.Keys))
	for i, key := range n.Keys {
		v := json.Number(n.Items[i].Text)
		amount, _ := v.Int64()
		out[i] = entry{key, amount}
	}
	return out
}

func amountsOf(entries ...entry) json.RawMessage {
	out := []byte{'{'}
	for i, e := range entries {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(schema.AppendString(out, e.currency), ':')
		out = schema.Append(out, e.amount)
	}
	return append(out, '}')
}

// principal is the amount that old clients see: in the organization's default
// currency, or else the first.
func (r *Row) principal() entry {
	list := r.amounts()
	for _, e := range list {
		if e.currency == r.DefaultCurrency {
			return e
		}
	}
	if len(list) == 0 {
		return entry{currency: r.DefaultCurrency}
	}
	return list[0]
}
