package subscription

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/discount"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/order"
	"floe/internal/organization"
	"floe/internal/product"
	"floe/internal/schema"
)

// work is what one transaction does to subscriptions of one organization: one
// of them for a request, hundreds for the billing cycle. The rows and their
// customers are locked. Changes are collected in items and written at the end,
// together.
type work struct {
	s     *Service
	tx    *db.Tx
	actor auth.Subject
	org   id.ID

	items     []*item
	customers map[id.ID]customer.Row
	products  map[id.ID]product.Loaded
	prices    map[id.ID]product.Price
	discounts map[id.ID]*discount.Row
	pendings  map[id.ID]*Pending
	entries   map[id.ID][]Entry // not billed yet
	days      *int              // see netDays
	paying    *charge.Row       // for a change that is made with its payment
	settings  *organization.Organization
}

// item is a subscription in hand.
type item struct {
	Row
	was   Row
	fresh bool
	at    time.Time // when what is done to it happens
	says  []string  // what the journal is told beside subscription.updated
	quiet bool      // and it is not told even that

	touched     bool // it counts as changed, whatever is left as it was
	newEntries  []Entry
	keepPending *Pending
	dropPending bool
	bill        *billing
	syncGrants  bool
	cycleGrants bool // benefits are renewed with a period of usage
	void        bool // pending orders are given up

	made *order.Row
}

// billing is an order that is to be made.
type billing struct {
	reason order.Reason
	lines  []order.Line // beside what was left to be billed
	off    int64        // what the discount takes off the lines
	cutoff time.Time    // entries that begin later are left for another order
	// now means that the change comes with the order: it has to be paid, or
	// may be sent as an invoice.
	now bool
	// trial orders are for nothing and take nothing with them, nor do they
	// collect a debt: what is not paid of it would end the trial.
	trial bool
}

// begin takes rows in hand.
func (s *Service) begin(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, customers map[id.ID]customer.Row, rows []Row) (*work, error) {
	w := &work{s: s, tx: tx, actor: actor, org: org, customers: customers, discounts: map[id.ID]*discount.Row{}}
	refs := referred(rows)
	var err error
	if w.products, err = product.Load(ctx, tx, []id.ID{org}, refs.products...); err != nil {
		return nil, err
	}
	if w.prices, err = product.PricesByID(ctx, tx, org, refs.prices[org]); err != nil {
		return nil, err
	}
	if w.pendings, err = pendings(ctx, tx, []id.ID{org}, refs.ids); err != nil {
		return nil, err
	}
	if w.entries, err = unbilled(ctx, tx, org, refs.ids); err != nil {
		return nil, err
	}
	for _, r := range rows {
		w.items = append(w.items, &item{Row: r, was: r, at: tx.Now()})
	}
	return w, nil
}

// pricesOf are the prices that a subscription is billed by.
func (w *work) pricesOf(r *Row) ([]product.Price, error) {
	out := make([]product.Price, 0, len(r.PriceIDs))
	for _, p := range r.PriceIDs {
		price, ok := w.prices[p]
		if !ok {
			return nil, fmt.Errorf("subscription %s has a price %s that is gone", r.ID, p)
		}
		out = append(out, price)
	}
	return out, nil
}

// load makes a product known that none of the rows has.
func (w *work) load(ctx context.Context, productID id.ID) (product.Loaded, bool, error) {
	if l, ok := w.products[productID]; ok {
		return l, l.DeletedAt == nil, nil
	}
	some, err := product.Hold(ctx, w.tx, []id.ID{w.org}, productID)
	if err != nil {
		return product.Loaded{}, false, err
	}
	l, ok := some[productID]
	if ok {
		w.products[productID] = l
	}
	return l, ok && l.DeletedAt == nil, nil
}

// costs are what the subscription costs for a period.
func (w *work) costs(ctx context.Context, r *Row) ([]cost, error) {
	prices, err := w.pricesOf(r)
	if err != nil {
		return nil, err
	}
	d, err := w.discountOf(ctx, r.DiscountID)
	if err != nil {
		return nil, err
	}
	return r.costs(prices, d)
}

// reckon sets the amount of a subscription from its prices and its discount.
func (w *work) reckon(ctx context.Context, r *Row) error {
	list, err := w.costs(ctx, r)
	if err != nil {
		return err
	}
	d, err := w.discountOf(ctx, r.DiscountID)
	if err != nil {
		return err
	}
	r.Amount = recurring(list, r.Currency, d)
	return nil
}

// finish writes what has become of the items. A renewal is told before its
// order; a change that is billed with the request is told after it, because it
// stands only if the order does.
func (w *work) finish(ctx context.Context) error {
	if err := w.store(ctx); err != nil {
		return err
	}
	w.tell(func(it *item) bool { return it.bill == nil || !it.bill.now })
	if err := w.order(ctx); err != nil {
		return err
	}
	w.tell(func(it *item) bool { return it.bill != nil && it.bill.now })
	if err := w.void(ctx); err != nil {
		return err
	}
	if err := w.syncGrants(ctx); err != nil {
		return err
	}
	return w.cycleGrants(ctx)
}

// store writes rows, entries and pending updates.
func (w *work) store(ctx context.Context) error {
	var changed []*Row
	var entries []Entry
	var dropped []id.ID
	for _, it := range w.items {
		if it.PauseAtPeriodEnd && it.ResumesAt != nil && !it.ResumesAt.After(it.CurrentPeriodEnd) {
			it.PauseAtPeriodEnd, it.ResumesAt = false, nil // the period's end has moved, and the pause would be over before it begins
		}
		if !it.fresh && (it.touched || !reflect.DeepEqual(it.Row, it.was)) {
			at := it.at
			it.ModifiedAt = &at
		}
		if it.fresh || it.ModifiedAt != it.was.ModifiedAt {
			changed = append(changed, &it.Row)
		}
		entries = append(entries, it.newEntries...)
		if it.dropPending {
			dropped = append(dropped, it.ID)
		}
	}
	if err := save(ctx, w.tx, changed); err != nil {
		return err
	}
	if err := insertEntries(ctx, w.tx, entries); err != nil {
		return err
	}
	if len(dropped) > 0 {
		if err := dropPendings(ctx, w.tx, w.org, dropped); err != nil {
			return err
		}
	}
	for _, it := range w.items {
		if it.keepPending == nil {
			continue
		}
		if err := it.keepPending.keep(ctx, w.tx); err != nil {
			return err
		}
	}
	return nil
}

// tell writes the journal of some of the items.
func (w *work) tell(which func(*item) bool) {
	for _, it := range w.items {
		if it.quiet || !which(it) {
			continue
		}
		after := it.bare()
		text := schema.JSON(&after)
		for _, what := range ordered(it.says) {
			e := journal.Entry{Organization: w.org, Type: "subscription." + what, Customer: it.CustomerID, Subject: it.ID, After: text, At: it.at}
			if what == "updated" && !it.fresh {
				before := it.was.bare()
				e.Before, _ = journal.Differing(schema.JSON(&before), text)
			}
			journal.Append(w.tx, w.actor, e)
		}
	}
}

// order makes the orders of all items, and marks what they bill.
func (w *work) order(ctx context.Context) error {
	var list []order.New
	var of []*item
	var taken [][]id.ID
	days := 0
	for _, it := range w.items {
		if it.bill == nil {
			continue
		}
		n, entries := w.newOrder(it)
		if len(n.Lines) == 0 {
			continue
		}
		if len(list) == 0 {
			var err error
			if days, err = w.netDays(ctx); err != nil {
				return err
			}
		}
		n.DueInDays, n.Charge = days, it.CollectionMethod == nil
		list, of, taken = append(list, n), append(of, it), append(taken, entries)
	}
	if len(list) == 0 {
		return nil
	}
	made, err := w.s.Orders.CreateMany(ctx, w.tx, w.actor, list)
	if err != nil {
		return err
	}
	for i := range made {
		it := of[i]
		it.made = &made[i]
		if it.bill.now && made[i].Status == order.Pending && it.CollectionMethod == nil {
			if err := w.unpaid(it); err != nil {
				return err
			}
		}
		if len(taken[i]) > 0 {
			if err := bill(ctx, w.tx, w.org, made[i].ID, taken[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// unpaid is why a change is not made whose order has to be paid at once: it was
// not charged for, or there is nobody who could be.
func (w *work) unpaid(it *item) error {
	switch {
	case w.paying != nil:
		return nil
	case w.s.Charges.Payments.Charges(w.tx):
		return it.mustPay()
	}
	return charge.MissingMethod()
}

// netDays is how many days the organization gives to pay an invoice.
func (w *work) netDays(ctx context.Context) (int, error) {
	if w.days == nil {
		n, err := organization.NetDays(ctx, w.tx, w.org)
		if err != nil {
			return 0, err
		}
		w.days = &n
	}
	return *w.days, nil
}

// organization is the organization with its settings.
func (w *work) organization(ctx context.Context) (*organization.Organization, error) {
	if w.settings == nil {
		o, err := organization.ByID(ctx, w.tx, w.org)
		if err != nil {
			return nil, err
		}
		w.settings = &o
	}
	return w.settings, nil
}

// newOrder is the order of an item, with the entries that it bills.
func (w *work) newOrder(it *item) (order.New, []id.ID) {
	n := order.New{
		Organization: w.org, Customer: w.customers[it.CustomerID], ProductID: &it.ProductID, SubscriptionID: &it.ID, DiscountID: it.DiscountID,
		Reason: it.bill.reason, Currency: it.Currency, DiscountAmount: it.bill.off, Metadata: it.Metadata, CustomFieldData: it.CustomFieldData,
		UseBalance: !it.bill.trial, Clocked: it.Clocked, Description: w.products[it.ProductID].Name, At: it.at,
	}
	if w.paying != nil {
		n.ID, n.Charging = w.paying.OrderID, true
	}
	var taken []id.ID
	take := func(e *Entry) {
		if !e.PeriodStart.After(it.bill.cutoff) {
			n.Lines, taken = append(n.Lines, e.line()), append(taken, e.ID)
		}
	}
	if !it.bill.trial {
		old := w.entries[it.ID]
		for i := range old {
			take(&old[i])
		}
		for i := range it.newEntries {
			take(&it.newEntries[i])
		}
	}
	n.Lines = append(n.Lines, it.bill.lines...)
	return n, taken
}

// void gives up what subscriptions that have ended still owe, but for what
// their last order bills.
func (w *work) void(ctx context.Context) error {
	var list []order.Ended
	for _, it := range w.items {
		if !it.void {
			continue
		}
		e := order.Ended{Subscription: it.ID, At: it.at}
		if it.made != nil {
			e.Except = it.made.ID
		}
		list = append(list, e)
	}
	if len(list) == 0 {
		return nil
	}
	return w.s.Orders.VoidPending(ctx, w.tx, w.actor, w.org, list...)
}

// syncGrants gives and takes the benefits of those who are entitled to others
// than before. Seats are granted to those who claim them, and not to the
// customer, who may have had the benefits before a change to seats.
func (w *work) syncGrants(ctx context.Context) error {
	var tasks []grant.Task
	for _, it := range w.items {
		if it.syncGrants {
			tasks = append(tasks, grant.Task{
				Customer: w.customers[it.CustomerID], Source: grant.Source{SubscriptionID: it.ID},
				Benefits: w.products[it.ProductID].BenefitIDs, Entitled: it.holds(), At: it.at,
			})
		}
	}
	return w.s.Grants.SyncAll(ctx, w.tx, w.actor, w.org, tasks)
}

// cycleGrants renews the benefits of subscriptions whose renewal is paid, or
// whose period of usage is over.
func (w *work) cycleGrants(ctx context.Context) error {
	var list []grant.Renewal
	for _, it := range w.items {
		paid := it.made != nil && it.made.Status.Paid() && renews(it.made.Reason)
		if (paid || it.cycleGrants) && it.entitled() && len(w.products[it.ProductID].BenefitIDs) > 0 {
			list = append(list, grant.Renewal{Subscription: it.ID, At: it.at})
		}
	}
	if len(list) == 0 {
		return nil
	}
	return w.s.Grants.CycleAll(ctx, w.tx, w.actor, w.org, list)
}

// renews says whether orders of the reason renew benefits when they are paid.
func renews(r order.Reason) bool { return r == order.SubCycle || r == order.SubAfterTrial }

// holds says whether it is the customer who has the benefits now. Those of
// seats are granted to who claims them.
func (r *Row) holds() bool { return r.entitled() && r.Seats == nil }

// entitled says whether the subscription entitles to benefits now.
func (r *Row) entitled() bool {
	return r.EndedAt == nil && (r.Status.Entitled() || r.Status == PastDue && r.GraceEndsAt != nil)
}
