package subscription

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"floe/internal/discount"
	"floe/internal/id"
	"floe/internal/money"
	"floe/internal/product"
)

// cost is what one price costs for a whole period, and how much of that a
// discount takes off.
type cost struct {
	price *product.Price
	full  int64
	off   int64
}

func (c cost) effective() int64 { return c.full - c.off }

// costs are those of the prices that are known up front. The discount may be
// nil.
func costs(prices []product.Price, seats, units *int, currency string, d *discount.Row) ([]cost, error) {
	var out []cost
	for i := range prices {
		p := &prices[i]
		if !p.Static() {
			continue
		}
		amount, err := p.Amount(quantity(p, seats, units))
		if err != nil {
			return nil, err
		}
		out = append(out, cost{price: p, full: amount})
	}
	share(out, currency, d)
	return out, nil
}

// share spreads a discount over costs: a percentage takes of each, a fixed
// amount is split in proportion.
func share(list []cost, currency string, d *discount.Row) {
	if d == nil {
		return
	}
	amounts := make([]int64, len(list))
	for i, c := range list {
		amounts[i] = c.full
	}
	for i, off := range d.Shares(amounts, currency) {
		list[i].off = off
	}
}

// recurring is the amount of a subscription: what its prices cost, less the
// discount on the sum.
func recurring(list []cost, currency string, d *discount.Row) int64 {
	total := sum(list)
	if d != nil {
		total -= d.Amount(total, currency)
	}
	return total
}

func sum(list []cost) (total int64) {
	for _, c := range list {
		total += c.full
	}
	return total
}

// quantity is how many of what a price is for are subscribed to.
func quantity(p *product.Price, seats, units *int) int64 {
	switch {
	case p.AmountType == product.SeatBased && seats != nil:
		return int64(*seats)
	case p.AmountType == product.UnitBased && units != nil:
		return int64(*units)
	}
	return 0
}

// priceOf is the first price of a kind, or nil.
func priceOf(prices []product.Price, kind product.AmountType) *product.Price {
	for i := range prices {
		if prices[i].AmountType == kind {
			return &prices[i]
		}
	}
	return nil
}

func idsOf(prices []product.Price) IDs {
	out := make(IDs, len(prices))
	for i := range prices {
		out[i] = prices[i].ID
	}
	return out
}

// part is num parts of den of an amount.
func part(amount, num, den int64, r money.Rounding) int64 {
	if den <= 0 || num <= 0 {
		return 0
	}
	return money.MulDiv(amount, num, den, r)
}

const dates = "Jan 2, 2006"

func span(from, to time.Time) string {
	return " — From " + from.UTC().Format(dates) + " to " + to.UTC().Format(dates)
}

// label is what an order says of a price for a period.
func label(name string, p *product.Price, seats, units *int, from, to time.Time) string {
	return name + counted(p, seats, units) + span(from, to)
}

// counted is the quantity as it stands behind a product's name.
func counted(p *product.Price, seats, units *int) string {
	switch {
	case p.AmountType == product.SeatBased && seats != nil:
		return fmt.Sprintf(" (%d %s)", *seats, noun(p, *seats))
	case p.AmountType == product.UnitBased && units != nil:
		return fmt.Sprintf(" (%d %s)", *units, noun(p, *units))
	}
	return ""
}

// noun is what a quantity is counted in: in the words of the price, of which
// "other" is always there, or else in ours.
func noun(p *product.Price, n int) string {
	word := "unit"
	if p.AmountType == product.SeatBased {
		word = "seat"
	} else if p.UnitTiers != nil && len(p.UnitTiers.Label["en"]) > 0 {
		return formOf(p.UnitTiers.Label["en"], n)
	}
	if n == 1 {
		return word
	}
	return word + "s"
}

// formOf is the plural form of a number in English: the one of just that number
// ("=1"), or else that of its kind.
func formOf(forms map[string]string, n int) string {
	if own := forms["="+strconv.Itoa(n)]; own != "" {
		return own
	}
	if own := forms["one"]; own != "" && n == 1 {
		return own
	}
	return forms["other"]
}

// discountOf reads a subscription's discount, also one that was deleted.
func (w *work) discountOf(ctx context.Context, discountID *id.ID) (*discount.Row, error) {
	if discountID == nil {
		return nil, nil
	}
	if d, ok := w.discounts[*discountID]; ok {
		return d, nil
	}
	r, err := discount.Find(ctx, w.tx, w.org, *discountID)
	if err != nil {
		return nil, fmt.Errorf("read a discount: %w", err)
	}
	w.discounts[*discountID] = &r
	return &r, nil
}
