package order

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/numbering"
	"floe/internal/product"
	"floe/internal/schema"
)

// Tax reckons taxes. Without one there are none.
type Tax interface {
	// Of answers the tax of an amount above zero that an order is to be taxed
	// on, and whether the amount has the tax in it.
	Of(ctx context.Context, r *Row, taxable int64) (amount int64, inclusive bool, err error)
}

// Create makes one order; see CreateMany.
func (s *Service) Create(ctx context.Context, tx *db.Tx, actor auth.Subject, n New) (Row, error) {
	rows, err := s.CreateMany(ctx, tx, actor, []New{n})
	if err != nil {
		return Row{}, err
	}
	return rows[0], nil
}

// CreateMany makes orders: it adds up their amounts, takes their numbers,
// moves balances, keeps the billing details of the customers and tells the
// journal: order.created, and order.updated and order.paid of those that cost
// nothing. The statements are few however many orders there are, so that a
// cycle can make hundreds at once. The orders come back in the order of list.
// The customers must be locked. Subscriptions.OrderPaid is not called: the
// caller knows.
func (s *Service) CreateMany(ctx context.Context, tx *db.Tx, actor auth.Subject, list []New) ([]Row, error) {
	rows, items := make([]Row, len(list)), make([][]Item, len(list))
	for i := range list {
		n := &list[i]
		rows[i] = n.row(tx)
		if err := s.reckon(ctx, &rows[i], n); err != nil {
			return nil, err
		}
		items[i] = n.items(tx, &rows[i])
	}
	if err := describe(ctx, tx, rows, list); err != nil {
		return nil, err
	}
	balances, err := useBalances(ctx, tx, rows, list)
	if err != nil {
		return nil, err
	}
	if err := s.spare(ctx, tx, rows, list, balances); err != nil {
		return nil, err
	}
	if err := numberNew(ctx, tx, rows, list); err != nil {
		return nil, err
	}
	for i := range rows {
		rows[i].open(&list[i], s.Payments.Charges(tx))
	}
	return rows, s.store(ctx, tx, actor, rows, items, balances)
}

// row is the part of an order that is copied.
func (n *New) row(tx *db.Tx) Row {
	at := n.At
	if at.IsZero() {
		at = tx.Now()
	}
	r := Row{
		ID: n.ID, OrganizationID: n.Organization, CustomerID: n.Customer.ID, ProductID: n.ProductID, SubscriptionID: n.SubscriptionID,
		DiscountID: n.DiscountID, CreatedAt: at, Reason: n.Reason, Currency: n.Currency, Description: n.Description, Seats: n.Seats, Clocked: n.Clocked,
		Metadata: n.Metadata, CustomFieldData: n.CustomFieldData,
	}
	if r.ID == "" {
		r.ID = tx.NewID(at)
	}
	r.copyBilling(&n.Customer)
	if len(r.Metadata) == 0 {
		r.Metadata = json.RawMessage("{}")
	}
	if len(r.CustomFieldData) == 0 {
		r.CustomFieldData = json.RawMessage("{}")
	}
	return r
}

// copyBilling keeps who is billed, as they are now.
func (r *Row) copyBilling(c *customer.Row) {
	r.BillingName = c.BillingName
	if r.BillingName == nil || *r.BillingName == "" {
		r.BillingName = c.Name
	}
	r.BillingAddress, r.TaxID, r.TaxIDFormat = c.BillingAddress, c.TaxID, c.TaxIDFormat
}

// reckon adds up the amounts. What was paid for an order that is given up has
// its taxes within, and of how much nobody knows.
func (s *Service) reckon(ctx context.Context, r *Row, n *New) error {
	for _, l := range n.Lines {
		r.SubtotalAmount += l.Amount
	}
	r.DiscountAmount = n.DiscountAmount
	taxable := r.SubtotalAmount - r.DiscountAmount
	r.NetAmount = taxable
	if s.Tax == nil || n.GivenUp || taxable == 0 || len(r.BillingAddress) == 0 {
		return nil
	}
	tax, inclusive, err := s.Tax.Of(ctx, r, max(taxable, -taxable))
	if err != nil {
		return fmt.Errorf("reckon taxes: %w", err)
	}
	if taxable < 0 {
		tax = -tax
	}
	r.TaxAmount = tax
	if inclusive {
		r.NetAmount -= tax
	}
	return nil
}

func (n *New) items(tx *db.Tx, r *Row) []Item {
	items := make([]Item, len(n.Lines))
	for i, l := range n.Lines {
		items[i] = Item{ID: tx.NewID(r.CreatedAt), CreatedAt: r.CreatedAt, Label: l.Label, Amount: l.Amount, Proration: l.Proration,
			ProductPriceID: l.PriceID, OrganizationID: r.OrganizationID, OrderID: r.ID}
	}
	return items
}

// describe names orders after their products, or else their first items.
func describe(ctx context.Context, tx *db.Tx, rows []Row, list []New) error {
	var nameless []Row
	for i := range rows {
		if rows[i].Description == "" && rows[i].ProductID != nil {
			nameless = append(nameless, rows[i])
		}
	}
	names := map[id.ID]string{}
	if len(nameless) > 0 {
		orgs, _ := keysOf(nameless)
		products, err := product.Rows(ctx, tx, orgs, ids(nameless, func(r *Row) *id.ID { return r.ProductID }))
		if err != nil {
			return err
		}
		for k, p := range products {
			names[k] = p.Name
		}
	}
	for i := range rows {
		r := &rows[i]
		if r.Description == "" && r.ProductID != nil {
			r.Description = names[*r.ProductID]
		}
		if r.Description == "" && len(list[i].Lines) > 0 {
			r.Description = list[i].Lines[0].Label
		}
	}
	return nil
}

// useBalances lets balances pay and debts be collected, one order after the
// other. What moves is written by store, when the orders are there to refer to.
func useBalances(ctx context.Context, tx *db.Tx, rows []Row, list []New) (*accounts, error) {
	var keys []account
	for i := range rows {
		if list[i].UseBalance {
			keys = append(keys, rows[i].account())
		}
	}
	if len(keys) == 0 {
		return &accounts{amounts: map[account]int64{}}, nil
	}
	open, err := openAccounts(ctx, tx, keys)
	if err != nil {
		return nil, err
	}
	for i := range rows {
		if !list[i].UseBalance {
			continue
		}
		r := &rows[i]
		applied, movement := apply(r.TotalAmount(), open.amounts[r.account()])
		r.AppliedBalanceAmount = applied
		open.move(r, r.CreatedAt, movement)
	}
	return open, nil
}

// numberNew gives the orders that are no drafts their numbers.
func numberNew(ctx context.Context, tx *db.Tx, rows []Row, list []New) error {
	var numbered []*Row
	for i := range rows {
		if !list[i].Draft && !list[i].GivenUp && !list[i].NoNumber {
			numbered = append(numbered, &rows[i])
		}
	}
	return number(ctx, tx, numbered...)
}

// number gives orders the numbers of their invoices.
func number(ctx context.Context, tx *db.Tx, rows ...*Row) error {
	whose := make([]numbering.Customer, len(rows))
	for i, r := range rows {
		whose[i] = numbering.Customer{Organization: r.OrganizationID, ID: r.CustomerID}
	}
	numbers, err := numbering.Invoices(ctx, tx, whose)
	if err != nil {
		return err
	}
	for i, r := range rows {
		at := r.CreatedAt
		if r.Status != "" { // it was a draft
			at = tx.Now()
		}
		r.InvoiceNumber, r.IssuedAt = &numbers[i], &at
	}
	return nil
}

// open is how an order begins: a draft, or pending until it is known that
// there is nothing to pay.
func (r *Row) open(n *New, charges bool) {
	if n.Draft {
		r.to(Draft)
		return
	}
	if n.GivenUp {
		r.to(Void)
		return
	}
	r.to(Pending)
	switch {
	case r.DueAmount() <= 0:
	case n.Charging:
		r.ChargingSince = &r.CreatedAt
	case charges && n.Charge && r.SubscriptionID != nil:
		r.CheckAt = &r.CreatedAt // the first attempt
	default:
		r.payWithin(r.CreatedAt, n.DueInDays)
	}
}

// payWithin sets when an order is to be paid. Only those of subscriptions are
// looked at then: nothing would follow for the others.
func (r *Row) payWithin(from time.Time, days int) {
	if days <= 0 {
		return
	}
	due := from.AddDate(0, 0, days)
	r.DueAt = &due
	if r.SubscriptionID != nil {
		r.CheckAt = &due
	}
}

// store writes new orders with all that hangs off them, and tells the journal.
func (s *Service) store(ctx context.Context, tx *db.Tx, actor auth.Subject, rows []Row, items [][]Item, balances *accounts) error {
	var all []Item
	before := make([]Base, len(rows))
	for i := range rows {
		all = append(all, items[i]...)
		before[i] = rows[i].base(items[i])
		if rows[i].Status == Pending && rows[i].DueAmount() == 0 {
			at := rows[i].CreatedAt
			rows[i].to(Paid)
			rows[i].PaidAt = &at
		}
	}
	if err := insert(ctx, tx, rows); err != nil {
		return err
	}
	if err := insertItems(ctx, tx, all); err != nil {
		return err
	}
	if err := balances.close(ctx, tx); err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		entries := []journal.Entry{r.entry("order.created", nil, schema.JSON(&before[i]))}
		if r.Status == Paid {
			after := r.base(items[i])
			was, is := journal.Changes(&before[i], &after)
			entries = append(entries, r.entry("order.updated", was, is), r.entry("order.paid", nil, schema.JSON(&after)))
		}
		for j := range entries {
			entries[j].At = r.CreatedAt
		}
		journal.Append(tx, actor, entries...)
	}
	return nil
}

// entry is a line of the journal about an order.
func (r *Row) entry(typ string, before, after json.RawMessage) journal.Entry {
	return journal.Entry{Organization: r.OrganizationID, Type: typ, Customer: r.CustomerID, Subject: r.ID, Before: before, After: after}
}

// updated tells the journal of a change.
func updated(tx *db.Tx, actor auth.Subject, was, is *Row) { updatedAt(tx, actor, was, is, tx.Now()) }

func updatedAt(tx *db.Tx, actor auth.Subject, was, is *Row, at time.Time) {
	before, after := was.base(nil), is.base(nil)
	b, a := journal.Changes(&before, &after)
	e := is.entry("order.updated", b, a)
	e.At = at
	journal.Append(tx, actor, e)
}
