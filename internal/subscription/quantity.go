package subscription

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	"floe/internal/fault"
	"floe/internal/money"
	"floe/internal/organization"
	"floe/internal/product"
)

// kind is what a quantity is counted in.
type kind struct {
	price    product.AmountType
	name     string // in the types of billing entries
	noun     string
	without  fault.Kind
	below    fault.Kind
	above    fault.Kind
	field    func(*Row) **int
	pending  func(*Pending) **int
	extremes func(*product.Price) (least int64, most *int64)
}

var seats = kind{
	price: product.SeatBased, name: "subscription_seats", noun: "seats",
	without: fault.NotASeatBasedSubscription, below: fault.BelowMinimumSeats, above: fault.AboveMaximumSeats,
	field: func(r *Row) **int { return &r.Seats }, pending: func(p *Pending) **int { return &p.Seats },
	extremes: func(p *product.Price) (int64, *int64) { return p.SeatTiers.Minimum(), p.SeatTiers.Maximum() },
}

var units = kind{
	price: product.UnitBased, name: "subscription_units", noun: "units",
	without: fault.NotAUnitBasedSubscription, below: fault.BelowMinimumUnits, above: fault.AboveMaximumUnits,
	field: func(r *Row) **int { return &r.Units }, pending: func(p *Pending) **int { return &p.Units },
	extremes: func(p *product.Price) (int64, *int64) { return p.UnitTiers.Least(), p.UnitTiers.Maximum() },
}

// within checks a quantity against what a price offers.
func (k *kind) within(p *product.Price, n int) error {
	least, most := k.extremes(p)
	switch {
	case int64(n) < least:
		return k.below.New(fmt.Sprintf("Minimum %d %s required.", least, k.noun))
	case most != nil && int64(n) > *most:
		return k.above.New(fmt.Sprintf("Maximum %d %s allowed.", *most, k.noun))
	}
	return nil
}

// sold refuses what prices do not sell of seats and units. Fewer seats than the
// least have the price of the first tier: those that a smaller product does not
// sell can only be added then. More than there are tiers for would cost nothing
// where tiers are graduated.
func (r *Row) sold(prices []product.Price) error {
	if p := priceOf(prices, product.UnitBased); p != nil && r.Units != nil {
		if err := units.within(p, *r.Units); err != nil {
			return err
		}
	}
	p := priceOf(prices, product.SeatBased)
	if p == nil || r.Seats == nil {
		return nil
	}
	if most := p.SeatTiers.Maximum(); most != nil && int64(*r.Seats) > *most {
		return fault.InvalidQuantity.New(fmt.Sprintf("No tier covers quantity %d", *r.Seats))
	}
	return nil
}

// notSold says whether an error is that a product does not sell so many.
func notSold(err error) bool {
	return errors.Is(err, fault.InvalidQuantity.New()) || errors.Is(err, units.below.New()) || errors.Is(err, units.above.New())
}

// updateQuantity changes the number of seats or units, now or when the period
// ends. No seat is assigned to anybody yet, so none can be in the way.
func (w *work) updateQuantity(ctx context.Context, it *item, k kind, n int, p Payment) error {
	if it.Status.Revoked() || it.EndedAt != nil || it.CancelAtPeriodEnd {
		return fault.AlreadyCanceledSubscription.New()
	}
	prices, err := w.pricesOf(&it.Row)
	if err != nil {
		return err
	}
	price, current := priceOf(prices, k.price), *k.field(&it.Row)
	if price == nil || current == nil {
		return k.without.New()
	}
	if err := w.fits(ctx, it, k, price, n); err != nil {
		return err
	}
	how, err := w.behavior(ctx, p)
	if err != nil {
		return err
	}
	was := it.CollectionMethod
	it.collect(p)
	if n == *current {
		w.forgetQuantity(it, k)
		it.quiet = it.keepPending == nil && !it.dropPending && reflect.DeepEqual(was, it.CollectionMethod)
		return nil
	}
	if how == organization.NextPeriod {
		return w.postpone(ctx, it, func(u *Pending) { *k.pending(u) = &n })
	}
	w.forgetQuantity(it, k)
	return w.setQuantity(ctx, it, k, price, n, how)
}

// fits checks a quantity against the price of today and that of a product
// which is to come.
func (w *work) fits(ctx context.Context, it *item, k kind, price *product.Price, n int) error {
	if err := k.within(price, n); err != nil {
		return err
	}
	u := w.pendings[it.ID]
	if u == nil || u.ProductID == nil {
		return nil
	}
	l, ok, err := w.load(ctx, *u.ProductID)
	if err != nil || !ok {
		return err
	}
	if next := priceOf(l.PricesIn(it.Currency), k.price); next != nil {
		return k.within(next, n)
	}
	return nil
}

// forgetQuantity takes the quantity off a change that waits, so that the one
// of today wins; nothing is left to wait when it was all there was.
func (w *work) forgetQuantity(it *item, k kind) {
	u := w.pendings[it.ID]
	if u == nil || *k.pending(u) == nil {
		return
	}
	rest, at := *u, it.at
	*k.pending(&rest) = nil
	if rest.ProductID == nil && rest.Seats == nil && rest.Units == nil && rest.DiscountID == nil {
		w.forget(it)
		return
	}
	rest.ModifiedAt = &at
	w.wait(it, rest)
}

// setQuantity takes a quantity at once. What it changes for the rest of the
// period becomes one entry; the discount's part in it is judged over all
// prices, before and after.
func (w *work) setQuantity(ctx context.Context, it *item, k kind, price *product.Price, n int, how organization.ProrationBehavior) error {
	before, err := w.costOf(ctx, it, price)
	if err != nil {
		return err
	}
	old := *k.field(&it.Row)
	left := it.left()
	*k.field(&it.Row) = &n
	live := it.Status == Active || it.Status == PastDue
	if live && how == organization.Reset {
		return w.restartBilled(ctx, it)
	}
	after, err := w.costOf(ctx, it, price)
	if err != nil {
		return err
	}
	if err := w.reckon(ctx, &it.Row); err != nil {
		return err
	}
	if !live {
		return nil
	}
	name := w.products[it.ProductID].Name
	text := fmt.Sprintf("%s (%d → %d %s)", name, *old, n, noun(price, n)) + span(left.from, left.to)
	delta := part(after.effective()-before.effective(), left, money.TowardZero)
	off := part(after.off-before.off, left, money.TowardZero)
	if delta < 0 {
		it.add(w.entry(it, k.name+"_decrease", credit, price, "Remaining time on "+text, -delta, -off, left))
	} else {
		it.add(w.entry(it, k.name+"_increase", debit, price, text, delta, off, left))
	}
	if how == organization.Invoice {
		it.billNow()
	}
	return nil
}

// add keeps an entry that is about something.
func (it *item) add(e Entry) {
	if e.Amount != 0 {
		it.newEntries = append(it.newEntries, e)
	}
}

// costOf is what one price costs, with its part of the discount.
func (w *work) costOf(ctx context.Context, it *item, price *product.Price) (cost, error) {
	list, err := w.costs(ctx, &it.Row)
	if err != nil {
		return cost{}, err
	}
	for _, c := range list {
		if c.price.ID == price.ID {
			return c, nil
		}
	}
	return cost{}, fmt.Errorf("subscription %s lost its price %s", it.ID, price.ID)
}
