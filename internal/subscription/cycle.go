package subscription

import (
	"context"
	"time"

	"floe/internal/fault"
	"floe/internal/money"
	"floe/internal/order"
	"floe/internal/period"
	"floe/internal/product"
)

// turn does what is due to one subscription. It makes one step: what is due
// after it is done by another turn, so that after a downtime every period has
// its own order.
func (w *work) turn(ctx context.Context, it *item) error {
	due := func(t *time.Time) bool { return t != nil && !t.After(it.at) }
	switch {
	case it.EndedAt != nil:
		return nil
	case it.Status == Paused:
		if !due(it.ResumesAt) {
			return nil
		}
		return w.resume(ctx, it)
	case !it.Status.Billable():
		return nil
	case due(it.GraceEndsAt):
		it.GraceEndsAt, it.syncGrants = nil, true
		return nil
	case due(&it.CurrentPeriodEnd):
		return w.endPeriod(ctx, it)
	case due(it.CurrentMeterPeriodEnd):
		return w.endMeterPeriod(ctx, it)
	}
	return nil
}

// endPeriod is the billing cycle of the specification: an end, a pause, or the
// next period.
func (w *work) endPeriod(ctx context.Context, it *item) error {
	switch {
	case it.CancelAtPeriodEnd:
		return w.end(it)
	case it.PauseAtPeriodEnd && it.can(PauseReached):
		return it.beginPause()
	}
	return w.renew(ctx, it, PeriodEnded)
}

// beginPause is where a scheduled pause takes effect.
func (it *item) beginPause() error {
	at := it.at
	it.PausedAt, it.PauseAtPeriodEnd, it.syncGrants = &at, false, true
	return it.happen(PauseReached)
}

// end is where a scheduled cancellation takes effect. What is left to be
// billed is billed; nothing else is collected any more.
func (w *work) end(it *item) error {
	at := it.at
	it.EndedAt, it.GraceEndsAt, it.syncGrants, it.void = &at, nil, true, true
	w.forget(it)
	it.bill = &billing{reason: order.SubCancel, cutoff: at}
	return it.happen(EndReached)
}

// renew steps into the next period, which begins where the last one ended,
// whenever that is noticed.
func (w *work) renew(ctx context.Context, it *item, why Event) error {
	if !it.can(why) {
		return fault.NotBillableSubscription.New("Subscription " + string(it.ID) + " is not billable.")
	}
	before, oldEnd := it.Status, it.CurrentPeriodEnd
	stepped, err := w.apply(ctx, it)
	if err != nil {
		return err
	}
	if stepped {
		it.syncGrants = true
	} else {
		it.CurrentPeriodStart = oldEnd
		if before == Trialing {
			it.AnchorDay = oldEnd.Day()
		}
		it.CurrentPeriodEnd = it.next(oldEnd)
	}
	if err := w.stepDiscount(ctx, it); err != nil {
		return err
	}
	if err := it.happen(why); err != nil {
		return err
	}
	it.armMeter(it.CurrentPeriodStart)
	reason := order.SubCycle
	if before == Trialing {
		reason = order.SubAfterTrial
	}
	return w.billPeriod(ctx, it, reason, oldEnd)
}

// next is the end of the period that begins at a time.
func (r *Row) next(from time.Time) time.Time {
	return period.Next(from, r.RecurringInterval, r.RecurringIntervalCount, r.AnchorDay)
}

// anchor is the day of the month that periods aim for, where they do.
func (r *Row) anchor() int {
	if r.RecurringInterval == period.Day || r.RecurringInterval == period.Week {
		return 0
	}
	return r.AnchorDay
}

// stepDiscount starts the discount's clock with the first period it applies
// to, and drops it in the first one that it does not reach.
func (w *work) stepDiscount(ctx context.Context, it *item) error {
	d, err := w.discountOf(ctx, it.DiscountID)
	if err != nil || d == nil {
		return err
	}
	if it.DiscountAppliedAt == nil {
		start := it.CurrentPeriodStart
		it.DiscountAppliedAt = &start
		return nil
	}
	return w.dropExpired(ctx, it, it.CurrentPeriodStart)
}

// dropExpired removes a discount that does not reach a time any more.
func (w *work) dropExpired(ctx context.Context, it *item, at time.Time) error {
	d, err := w.discountOf(ctx, it.DiscountID)
	if err != nil || d == nil || it.DiscountAppliedAt == nil || !d.ExpiredAt(*it.DiscountAppliedAt, at, it.anchor()) {
		return err
	}
	it.DiscountID, it.DiscountAppliedAt = nil, nil
	return w.reckon(ctx, &it.Row)
}

// billPeriod orders the current period: one line for each price that is known
// up front, also for those of nothing.
func (w *work) billPeriod(ctx context.Context, it *item, reason order.Reason, cutoff time.Time) error {
	list, err := w.costs(ctx, &it.Row)
	if err != nil {
		return err
	}
	it.bill = &billing{reason: reason, cutoff: cutoff}
	name := w.products[it.ProductID].Name
	for _, c := range list {
		it.bill.lines = append(it.bill.lines, order.Line{
			Label:  it.label(name, c.price, it.CurrentPeriodStart, it.CurrentPeriodEnd),
			Amount: c.full, PriceID: &c.price.ID,
		})
	}
	return w.billDiscount(ctx, it, sum(list))
}

func (w *work) billDiscount(ctx context.Context, it *item, total int64) error {
	d, err := w.discountOf(ctx, it.DiscountID)
	if err == nil && d != nil {
		it.bill.off = d.Amount(total, it.Currency)
	}
	return err
}

// armMeter sets the period of usage that begins at a time, where the product
// has one.
func (r *Row) armMeter(from time.Time) {
	if r.MeterInterval == nil || r.Status == Trialing {
		r.CurrentMeterPeriodStart, r.CurrentMeterPeriodEnd = nil, nil
		return
	}
	end := r.meterEnd(from)
	r.CurrentMeterPeriodStart, r.CurrentMeterPeriodEnd = &from, &end
}

func (r *Row) meterEnd(from time.Time) time.Time {
	return period.Next(from, *r.MeterInterval, r.meterCount(), r.AnchorDay)
}

// meterCount is how many intervals a period of usage has.
func (r *Row) meterCount() int {
	if r.MeterIntervalCount != nil {
		return *r.MeterIntervalCount
	}
	return 1
}

// endMeterPeriod advances the clock of usage by one period. There is no usage
// to settle yet; credits are renewed.
func (w *work) endMeterPeriod(ctx context.Context, it *item) error {
	if it.Status != PastDue {
		it.cycleGrants = true
		if err := w.dropExpired(ctx, it, *it.CurrentMeterPeriodEnd); err != nil {
			return err
		}
	}
	it.armMeter(*it.CurrentMeterPeriodEnd)
	return nil
}

// resume ends a pause with a new period from now, which is billed. It is the
// one that a pending change has waited for.
func (w *work) resume(ctx context.Context, it *item) error {
	if err := it.happen(Resume); err != nil {
		return err
	}
	it.PausedAt, it.ResumesAt, it.syncGrants = nil, nil, true
	if _, err := w.apply(ctx, it); err != nil {
		return err
	}
	it.restart(it.at)
	if err := w.stepDiscount(ctx, it); err != nil {
		return err
	}
	return w.billPeriod(ctx, it, order.SubCycle, it.at)
}

// restart begins a period anew at a time.
func (r *Row) restart(at time.Time) {
	r.AnchorDay = at.Day()
	r.CurrentPeriodStart, r.CurrentPeriodEnd = at, r.next(at)
	r.armMeter(at)
}

// apply makes the change that waits, if any, and says whether it was one to
// another product. A product that is no longer sold in the subscription's
// currency, at its quantity or by what it has a number of, is not changed to:
// its prices may have changed since it was asked for.
func (w *work) apply(ctx context.Context, it *item) (changed bool, err error) {
	p := w.pendings[it.ID]
	if p == nil {
		return false, nil
	}
	next, ok, err := w.led(ctx, it.Row, p)
	if err != nil && !notSold(err) {
		return false, err
	}
	w.forget(it)
	if ok = ok && err == nil; ok {
		it.Row = next
	}
	return ok && p.ProductID != nil, nil
}

// led is what a pending change makes of a subscription.
func (w *work) led(ctx context.Context, r Row, p *Pending) (Row, bool, error) {
	prices, err := w.pricesOf(&r)
	if err != nil {
		return r, false, err
	}
	anchored := r.Status != Trialing && r.anchor() != 0
	if p.ProductID != nil {
		l, ok, err := w.load(ctx, *p.ProductID)
		if err != nil {
			return r, false, err
		}
		prices = l.PricesIn(r.Currency)
		if !ok || r.unfit(prices) != "" || r.gain(prices) != "" {
			return r, false, nil
		}
		r.become(l, prices)
		w.learn(prices)
	}
	if p.Seats != nil && priceOf(prices, product.SeatBased) != nil {
		r.Seats = p.Seats
	}
	if p.Units != nil && priceOf(prices, product.UnitBased) != nil {
		r.Units = p.Units
	}
	if err := r.sold(prices); err != nil {
		return r, false, err
	}
	if p.DiscountID != nil {
		r.DiscountID, r.DiscountAppliedAt = p.DiscountID, nil
	}
	if p.ProductID != nil {
		start := r.CurrentPeriodEnd
		if !anchored {
			r.AnchorDay = start.Day()
		}
		r.CurrentPeriodStart, r.CurrentPeriodEnd = start, r.next(start)
	}
	return r, true, w.reckon(ctx, &r)
}

// become takes over a product with its interval and its prices. Quantities
// stay where the new prices have them.
func (r *Row) become(l product.Loaded, prices []product.Price) {
	r.ProductID, r.PriceIDs = l.ID, idsOf(prices)
	r.RecurringInterval, r.RecurringIntervalCount = *l.RecurringInterval, *l.RecurringIntervalCount
	r.MeterInterval, r.MeterIntervalCount = l.MeterInterval, l.MeterIntervalCount
	if p := priceOf(prices, product.SeatBased); p == nil {
		r.Seats = nil
	} else if r.Seats == nil {
		r.Seats = least(p.SeatTiers.Minimum())
	}
	if p := priceOf(prices, product.UnitBased); p == nil {
		r.Units = nil
	} else if r.Units == nil {
		r.Units = least(p.UnitTiers.Least())
	}
}

func least(n int64) *int {
	v := int(n)
	return &v
}

// learn makes prices known that none of the rows has.
func (w *work) learn(prices []product.Price) {
	for _, p := range prices {
		w.prices[p.ID] = p
	}
}

// portion is a part of a period: num parts of den, from when to when.
type portion struct {
	num, den int64
	from, to time.Time
}

// period is all of the period.
func (r *Row) period() portion { return portion{1, 1, r.CurrentPeriodStart, r.CurrentPeriodEnd} }

// left is the part of the period that is still to come, in microseconds: a
// time.Duration ends after 292 years, and periods need not. It is never more than
// the period, which has not begun where a test clock shows an earlier time than
// the one before.
func (it *item) left() portion {
	end := it.CurrentPeriodEnd.UnixMicro()
	all := end - it.CurrentPeriodStart.UnixMicro()
	return portion{min(max(0, end-it.at.UnixMicro()), all), all, it.at, latest(it.at, it.CurrentPeriodEnd)}
}

// prorate makes entries of what prices cost for a part of the period.
func (w *work) prorate(it *item, direction string, list []cost, of portion) {
	for _, c := range list {
		if c.price.Free() {
			continue
		}
		text := it.label(w.products[it.ProductID].Name, c.price, of.from, of.to)
		if direction == credit {
			text = "Remaining time on " + text
		}
		it.newEntries = append(it.newEntries, w.entry(it, "proration", direction, c.price, text,
			part(c.effective(), of, money.HalfEven), part(c.off, of, money.HalfEven), of))
	}
}
