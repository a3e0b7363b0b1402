package subscription

import (
	"context"
	"time"

	"floe/internal/discount"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/period"
	"floe/internal/product"
	"floe/internal/schema"
)

// choice is what a request says of the discount.
type choice struct {
	given bool
	row   *discount.Row // nil to remove it
}

// chooseDiscount checks the discount of a request, which has to fit the
// product that the request leads to.
func (w *work) chooseDiscount(ctx context.Context, it *item, u *UpdateBase) (choice, error) {
	if !u.DiscountID.Set || u.DiscountID.Value == nil {
		return choice{given: u.DiscountID.Set}, nil
	}
	problem := func(text string) error {
		return schema.ValueError(text, schema.StringNode(string(*u.DiscountID.Value)), "body", "discount_id")
	}
	wanted := *u.DiscountID.Value
	if it.DiscountID != nil && *it.DiscountID == wanted {
		return choice{}, problem("This discount is already applied to the subscription.")
	}
	d, ok, err := discount.Redeemable(ctx, w.tx, w.org, wanted, *orSame(u.ProductID, it.ProductID), it.Currency)
	if err != nil {
		return choice{}, err
	}
	if !ok {
		return choice{}, problem("Discount does not exist, is not applicable to this product or is not redeemable.")
	}
	w.discounts[d.ID] = &d
	return choice{given: true, row: &d}, nil
}

// redeem counts the use of a discount.
func (w *work) redeem(ctx context.Context, it *item, d choice) error {
	if d.row == nil {
		return nil
	}
	return discount.Redeem(ctx, w.tx, w.org, d.row.ID, it.ID)
}

// set makes a choice the subscription's discount; its clock starts with the
// next period.
func (r *Row) set(d choice) {
	if !d.given {
		return
	}
	r.DiscountID, r.DiscountAppliedAt = nil, nil
	if d.row != nil {
		r.DiscountID = &d.row.ID
	}
}

// changeDiscount takes another discount, or none, and nothing else.
func (w *work) changeDiscount(ctx context.Context, it *item, u *UpdateBase) error {
	d, err := w.chooseDiscount(ctx, it, u)
	if err != nil {
		return err
	}
	it.set(d)
	w.forgetDiscount(it)
	if err := w.redeem(ctx, it, d); err != nil {
		return err
	}
	return w.reckon(ctx, &it.Row)
}

// forgetDiscount takes the discount off a change that waits, so that the choice
// of today wins: both would count from the next period on.
func (w *work) forgetDiscount(it *item) {
	u := w.pendings[it.ID]
	if u == nil || u.DiscountID == nil {
		return
	}
	rest, at := *u, it.at
	rest.DiscountID, rest.ModifiedAt = nil, &at
	w.wait(it, rest)
}

// behavior is what a change does to the price.
func (w *work) behavior(ctx context.Context, p Payment) (organization.ProrationBehavior, error) {
	org, err := w.organization(ctx)
	if err != nil {
		return "", err
	}
	b := organization.ProrationBehavior(org.SubscriptionSettings.ProrationBehavior)
	if p.ProrationBehavior != nil {
		b = *p.ProrationBehavior
	}
	if b == organization.Reset && !org.FeatureSettings.ResetProrationBehaviorEnabled {
		return "", schema.ValueError("The 'reset' proration behavior is not enabled for this organization.", schema.StringNode(string(b)),
			"body", "proration_behavior")
	}
	return b, nil
}

// changeProduct moves a subscription to another product, now or when the
// period ends. Whether a discount fits the product is asked when there is one.
func (w *work) changeProduct(ctx context.Context, it *item, u *UpdateBase) error {
	if it.Status.Revoked() || it.EndedAt != nil || it.CancelAtPeriodEnd {
		return fault.AlreadyCanceledSubscription.New()
	}
	how, err := w.behavior(ctx, u.Payment)
	if err != nil {
		return err
	}
	l, prices, err := w.target(ctx, it, *u.ProductID, how)
	if err != nil {
		return err
	}
	d, err := w.chooseDiscount(ctx, it, u)
	if err != nil {
		return err
	}
	if err := w.redeem(ctx, it, d); err != nil {
		return err
	}
	w.learn(prices)
	if how == organization.NextPeriod {
		return w.changeLater(ctx, it, l.ID, d)
	}
	w.forget(it)
	it.syncGrants = true
	if it.Status == Trialing {
		return w.changeOnTrial(ctx, it, l, prices, d)
	}
	return w.changeNow(ctx, it, l, prices, d, how)
}

// changeLater takes the new product when the period ends, and a discount with
// it. One that is taken away goes at once: it would not count before either.
func (w *work) changeLater(ctx context.Context, it *item, to id.ID, d choice) error {
	if d.given && d.row == nil {
		it.set(d)
		if err := w.reckon(ctx, &it.Row); err != nil {
			return err
		}
	}
	return w.postpone(ctx, it, func(u *Pending) {
		u.ProductID = &to
		switch {
		case d.row != nil:
			u.DiscountID = &d.row.ID
		case d.given:
			u.DiscountID = nil
		}
	})
}

// changeNow takes the new product at once: what is left of the period is given
// back at the old price and costs the new one.
func (w *work) changeNow(ctx context.Context, it *item, l product.Loaded, prices []product.Price, d choice, how organization.ProrationBehavior) error {
	old, err := w.costs(ctx, &it.Row)
	if err != nil {
		return err
	}
	left := it.left()
	from := it.Row
	live := it.Status == Active || it.Status == PastDue // what is paused has no period to give back
	if how != organization.Reset && live {
		w.prorate(it, credit, old, left)
	}
	it.become(l, prices)
	it.set(d)
	renewed := how == organization.Reset || from.RecurringInterval != it.RecurringInterval || from.RecurringIntervalCount != it.RecurringIntervalCount
	if renewed && live {
		return w.restartBilled(ctx, it)
	}
	it.followMeter(&from, it.at)
	if err := w.reckon(ctx, &it.Row); err != nil {
		return err
	}
	list, err := w.costs(ctx, &it.Row)
	if err != nil || !live {
		return err
	}
	w.prorate(it, debit, list, left)
	if how == organization.Invoice {
		it.billNow()
	}
	return nil
}

// restartBilled begins a period now, and bills it in full, with what a change
// has given back of the one before. Where that is over already, which nobody
// has noticed, the next one begins at its end: no time is left out.
func (w *work) restartBilled(ctx context.Context, it *item) error {
	it.restart(earliest(it.at, it.CurrentPeriodEnd))
	w.followPeriodEnd(it)
	if err := w.stepDiscount(ctx, it); err != nil {
		return err
	}
	if err := w.reckon(ctx, &it.Row); err != nil {
		return err
	}
	list, err := w.costs(ctx, &it.Row)
	if err != nil {
		return err
	}
	w.prorate(it, debit, list, it.period())
	it.billNow()
	return nil
}

// billNow orders what a change costs at once, if anything.
func (it *item) billNow() {
	if len(it.newEntries) > 0 {
		it.bill = &billing{reason: updateReason, cutoff: it.at, now: true}
	}
}

// followMeter keeps the clock of usage when the new product has the same, and
// otherwise starts it so that it runs along with the period. What would be over
// already is not gone through: nothing was counted in it.
func (r *Row) followMeter(from *Row, now time.Time) {
	same := r.MeterInterval != nil && from.MeterInterval != nil && *r.MeterInterval == *from.MeterInterval && r.meterCount() == from.meterCount()
	if same && from.CurrentMeterPeriodEnd != nil {
		return
	}
	r.armMeter(r.CurrentPeriodStart)
	for r.CurrentMeterPeriodEnd != nil && !r.CurrentMeterPeriodEnd.After(now) && r.CurrentMeterPeriodEnd.Before(r.CurrentPeriodEnd) {
		r.armMeter(*r.CurrentMeterPeriodEnd)
	}
}

// changeOnTrial changes the product of a trial: it costs nothing, and the
// trial is as long as the new product's.
func (w *work) changeOnTrial(ctx context.Context, it *item, l product.Loaded, prices []product.Price, d choice) error {
	it.become(l, prices)
	it.set(d)
	if err := w.reckon(ctx, &it.Row); err != nil {
		return err
	}
	start := it.CurrentPeriodStart
	if it.TrialStart != nil {
		start = *it.TrialStart
	}
	if l.TrialInterval != nil {
		end := period.Add(start, *l.TrialInterval, *l.TrialIntervalCount)
		if end.After(it.at) {
			it.TrialEnd, it.CurrentPeriodEnd = &end, end
			return nil
		}
	}
	return w.endTrial(ctx, it)
}

// target is the product that a subscription is to have, when it may.
func (w *work) target(ctx context.Context, it *item, to id.ID, how organization.ProrationBehavior) (product.Loaded, []product.Price, error) {
	refuse := func(key, input, text string) error {
		return schema.ValueError(text, schema.StringNode(input), "body", key)
	}
	l, ok, err := w.load(ctx, to)
	if err != nil {
		return l, nil, err
	}
	prices := l.PricesIn(it.Currency)
	text := ""
	switch {
	case !ok:
		text = "Product does not exist."
	case l.IsArchived:
		text = "Product is archived."
	case !l.IsRecurring:
		text = "Product is not recurring."
	case legacy(&l):
		text = "Product has legacy recurring prices."
	default:
		text = it.unfit(prices)
	}
	if text != "" {
		return l, nil, refuse("product_id", string(to), text)
	}
	gain := it.gain(prices)
	if gain != "" && how == organization.NextPeriod {
		return l, nil, refuse("proration_behavior", string(how), "Switching from a non-"+gain+" to a "+gain+
			"-based product must apply immediately and can't use the 'next_period' proration behavior.")
	}
	if how != organization.NextPeriod { // what there will be then is looked at then
		if err := it.sold(prices); err != nil {
			return l, nil, err
		}
	}
	if gain == "seat" {
		c := w.customers[it.CustomerID]
		if err := w.s.Customers.MakeTeam(ctx, w.tx, w.actor, &c); err != nil {
			return l, nil, err
		}
		w.customers[it.CustomerID] = c
	}
	return l, prices, nil
}

// unfit is why a subscription cannot change to prices; "" when it can.
func (r *Row) unfit(prices []product.Price) string {
	switch {
	case len(prices) == 0:
		return "This product doesn't have a price for the subscription currency."
	case priceOf(prices, product.Custom) != nil:
		return "Can't update to a product with custom prices."
	case r.Seats != nil && priceOf(prices, product.SeatBased) == nil:
		return "Can't switch from a seat-based to a non-seat-based product."
	case r.Units != nil && priceOf(prices, product.UnitBased) == nil:
		return "Can't switch from a unit-based to a non-unit-based product."
	}
	return ""
}

// gain is what a subscription would begin to have a number of with prices:
// "seat" or "unit"; no currency has both. "" when it would not.
func (r *Row) gain(prices []product.Price) string {
	switch {
	case r.Seats == nil && priceOf(prices, product.SeatBased) != nil:
		return "seat"
	case r.Units == nil && priceOf(prices, product.UnitBased) != nil:
		return "unit"
	}
	return ""
}

// postpone adds to the change that waits for the end of the period. What
// could not be done today is refused today.
func (w *work) postpone(ctx context.Context, it *item, add func(*Pending)) error {
	at := it.at
	p := Pending{ID: w.tx.NewID(at), OrganizationID: w.org, SubscriptionID: it.ID, CreatedAt: at}
	if old := w.pendings[it.ID]; old != nil {
		p = *old
		p.ModifiedAt = &at
	}
	p.AppliesAt = it.CurrentPeriodEnd
	add(&p)
	w.wait(it, p)
	_, _, err := w.led(ctx, it.Row, &p)
	return err
}

// entry is something for an order to bill, for a part of the period.
func (w *work) entry(it *item, typ, direction string, p *product.Price, text string, amount, off int64, of portion) Entry {
	return Entry{
		ID: w.tx.NewID(it.at), OrganizationID: w.org, SubscriptionID: it.ID, CreatedAt: it.at, Type: typ, Direction: direction,
		PriceID: p.ID, Label: text, Amount: amount, Currency: it.Currency, PeriodStart: of.from, PeriodEnd: of.to,
		DiscountID: it.DiscountID, DiscountAmount: off,
	}
}

func tooSoon(t time.Time) error {
	return schema.ValueError("resumes_at must be after the current period end.", schema.StringNode(t.Format(time.RFC3339Nano)), "body", "resumes_at")
}
