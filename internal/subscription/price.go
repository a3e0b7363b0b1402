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
func (r *Row) costs(prices []product.Price, d *discount.Row) ([]cost, error) {
	var out []cost
	for i := range prices {
		p := &prices[i]
		if !p.Static() {
			continue
		}
		amount, err := p.Amount(r.quantity(p))
		if err != nil {
			return nil, err
		}
		out = append(out, cost{price: p, full: amount})
	}
	share(out, r.Currency, d)
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
func (r *Row) quantity(p *product.Price) int64 {
	switch {
	case p.AmountType == product.SeatBased && r.Seats != nil:
		return int64(*r.Seats)
	case p.AmountType == product.UnitBased && r.Units != nil:
		return int64(*r.Units)
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

// part is what an amount for a period comes to for a part of it.
func part(amount int64, of portion, r money.Rounding) int64 {
	if of.den <= 0 || of.num <= 0 {
		return 0
	}
	return money.MulDiv(amount, of.num, of.den, r)
}

const dates = "Jan 2, 2006"

func span(from, to time.Time) string {
	return " — From " + from.UTC().Format(dates) + " to " + to.UTC().Format(dates)
}

// label is what an order says of a price for a period.
func (r *Row) label(name string, p *product.Price, from, to time.Time) string {
	return name + r.counted(p) + span(from, to)
}

// counted is the quantity as it stands behind a product's name.
func (r *Row) counted(p *product.Price) string {
	switch {
	case p.AmountType == product.SeatBased && r.Seats != nil:
		return fmt.Sprintf(" (%d %s)", *r.Seats, noun(p, *r.Seats))
	case p.AmountType == product.UnitBased && r.Units != nil:
		return fmt.Sprintf(" (%d %s)", *r.Units, noun(p, *r.Units))
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
