package subscription

import (
	"context"
	"encoding/json"
	"errors"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/discount"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/organization"
	"floe/internal/period"
	"floe/internal/product"
	"floe/internal/schema"
)

// Create is the body of a creation: the customer by id, or by external id.
type Create struct {
	ByID       *CreateByID         `variant:"SubscriptionCreateCustomer"`
	ByExternal *CreateByExternalID `variant:"SubscriptionCreateExternalCustomer"`
}

// Union says that both shapes are tried; the id wins when both fit.
func (Create) Union() schema.Union { return schema.Union{First: true} }

// CreateCommon is what both shapes have.
type CreateCommon struct {
	Metadata         schema.MetadataInput `json:"metadata" factory:"{}"`
	ProductID        id.ID                `json:"product_id" doc:"The ID of the product to subscribe to."`
	CollectionMethod *CollectionMethod    `json:"collection_method" doc:"With send_invoice the product may cost something: its orders await payment until they are due."`
}

// CreateByID names the customer by id.
type CreateByID struct {
	CreateCommon
	CustomerID id.ID `json:"customer_id" doc:"The ID of the customer."`
}

// SchemaName is the name of the reference.
func (CreateByID) SchemaName() string { return "SubscriptionCreateCustomer" }

// CreateByExternalID names the customer by external id.
type CreateByExternalID struct {
	CreateCommon
	ExternalCustomerID string `json:"external_customer_id" doc:"Your own ID of the customer."`
}

// SchemaName is the name of the reference.
func (CreateByExternalID) SchemaName() string { return "SubscriptionCreateExternalCustomer" }

// CollectionMethod says how what a subscription costs is collected.
type CollectionMethod string

// The methods. ChargeAutomatically is what holds when nothing is said.
// SendInvoice makes orders that await payment, because somebody sends an
// invoice and records what comes in.
const (
	ChargeAutomatically CollectionMethod = "charge_automatically"
	SendInvoice         CollectionMethod = "send_invoice"
)

// Enum lists the methods.
func (CollectionMethod) Enum() []string {
	return []string{string(ChargeAutomatically), string(SendInvoice)}
}

// SchemaName says that the list is written in place.
func (CollectionMethod) SchemaName() string { return "" }

// text is what is stored: nothing for what holds when nothing is said.
func (m *CollectionMethod) text() *string {
	if m == nil || *m == ChargeAutomatically {
		return nil
	}
	return (*string)(m)
}

type createInput struct{ Body Create }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Subscription, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.Subscribe(ctx, tx, sub, in.Body)
		if err != nil {
			return err
		}
		out, err = s.one(ctx, tx, r)
		return err
	})
	return out, err
}

func (c *Create) common() *CreateCommon {
	if c.ByID != nil {
		return &c.ByID.CreateCommon
	}
	return &c.ByExternal.CreateCommon
}

// Subscribe makes a subscription.
func (s *Service) Subscribe(ctx context.Context, tx *db.Tx, sub auth.Subject, in Create) (Row, error) {
	common := in.common()
	org, err := seller(ctx, tx, sub, common.ProductID)
	if err != nil {
		return Row{}, err
	}
	c, problem, err := s.buyer(ctx, tx, org, &in)
	if err != nil {
		return Row{}, err
	}
	l, prices, err := s.offered(ctx, tx, sub, common)
	if err != nil {
		return Row{}, err
	}
	if sub.Kind != auth.System && !sub.May(l.OrganizationID, auth.CustomersManage) {
		return Row{}, fault.NotPermitted.New(auth.CustomersManage.Denied())
	}
	if problem != nil {
		return Row{}, problem
	}
	if priceOf(prices, product.SeatBased) != nil {
		if err := s.Customers.MakeTeam(ctx, tx, sub, &c); err != nil {
			return Row{}, err
		}
	}
	w := &work{s: s, tx: tx, actor: sub, org: l.OrganizationID, customers: map[id.ID]customer.Row{c.ID: c},
		products: map[id.ID]product.Loaded{l.ID: l}, prices: map[id.ID]product.Price{}, discounts: map[id.ID]*discount.Row{}}
	w.learn(prices)
	it, err := w.start(ctx, l, prices, c, common)
	if err != nil {
		return Row{}, err
	}
	if err := w.finish(ctx); err != nil {
		return Row{}, err
	}
	return it.Row, indexMetadata(ctx, tx, &it.Row)
}

// start is the new subscription with its first order.
func (w *work) start(ctx context.Context, l product.Loaded, prices []product.Price, c customer.Row, in *CreateCommon) (*item, error) {
	now := w.tx.Now()
	clocked, err := hasClock(ctx, w.tx, w.org)
	if err != nil {
		return nil, err
	}
	it := &item{fresh: true, at: now, syncGrants: true, Row: Row{
		ID: w.tx.NewID(now), OrganizationID: w.org, CreatedAt: now, CustomerID: c.ID, Currency: prices[0].Currency, StartedAt: &now,
		CollectionMethod: in.CollectionMethod.text(), Metadata: json.RawMessage(in.Metadata.Metadata()), CustomFieldData: json.RawMessage("{}"),
		Clocked: clocked,
	}}
	it.become(l, prices)
	invoiced := it.CollectionMethod != nil
	event := Created
	if invoiced && l.TrialInterval != nil {
		event = CreatedOnTrial
	}
	if err := it.happen(event); err != nil {
		return nil, err
	}
	it.restart(now)
	if err := w.reckon(ctx, &it.Row); err != nil {
		return nil, err
	}
	w.items = append(w.items, it)
	switch {
	case event == CreatedOnTrial:
		end := period.Add(now, *l.TrialInterval, *l.TrialIntervalCount)
		it.TrialStart, it.TrialEnd, it.CurrentPeriodEnd = &now, &end, end
		it.bill = &billing{reason: order.SubCreate, cutoff: now, trial: true, lines: []order.Line{{
			Label: "Trial period for " + l.Name + " (" + now.Format(dates) + " - " + end.Format(dates) + ")"}}}
	case invoiced:
		if err := w.billPeriod(ctx, it, order.SubCreate, now); err != nil {
			return nil, err
		}
		for i := range it.bill.lines {
			p := w.prices[*it.bill.lines[i].PriceID]
			it.bill.lines[i].Label = l.Name + it.counted(&p)
		}
	}
	return it, nil
}

const notFree = "Product is not free. The customer should go through a checkout to create a paid subscription."

// offered is the product that is to be subscribed to, with the prices that
// the subscription will have.
func (s *Service) offered(ctx context.Context, tx *db.Tx, sub auth.Subject, in *CreateCommon) (l product.Loaded, prices []product.Price, err error) {
	problem := func(text string) error { return productProblem(in.ProductID, text) }
	some, err := product.Hold(ctx, tx, sub.Organizations(auth.ProductsView), in.ProductID)
	if err != nil {
		return l, nil, err
	}
	l, ok := some[in.ProductID]
	switch {
	case !ok || l.DeletedAt != nil:
		return l, nil, problem(noProduct)
	case !l.IsRecurring:
		return l, nil, problem("Product is not a recurring product.")
	case legacy(&l):
		return l, nil, problem("Legacy recurring products are not supported.")
	}
	org, err := organization.ByID(ctx, tx, l.OrganizationID)
	if err != nil {
		return l, nil, err
	}
	prices = l.PricesIn(string(org.DefaultPresentmentCurrency))
	if len(prices) == 0 {
		return l, nil, problem("Product is not priced in the organization's default currency ('" + string(org.DefaultPresentmentCurrency) + "').")
	}
	if !affordable(prices, in.CollectionMethod.text() != nil) {
		return l, nil, problem(notFree)
	}
	return l, prices, nil
}

// affordable says whether prices can be subscribed to without a checkout: those
// that are free, or, where an invoice is sent, those that are known.
func affordable(prices []product.Price, invoiced bool) bool {
	static := false
	for i := range prices {
		p := &prices[i]
		switch {
		case p.AmountType == product.Custom:
			return false
		case p.Static() && !invoiced && !p.Free():
			return false
		}
		static = static || p.Static()
	}
	return static || invoiced
}

// legacy says whether a product is from the time when prices had intervals.
func legacy(l *product.Loaded) bool {
	if l.RecurringInterval == nil {
		return true
	}
	for i := range l.Prices {
		if l.Prices[i].LegacyInterval != nil {
			return true
		}
	}
	return false
}

// seller is whose customer subscribes: customers are locked before products,
// so this is asked before the product is read. Mostly only one organization
// comes into question.
func seller(ctx context.Context, tx *db.Tx, sub auth.Subject, productID id.ID) (id.ID, error) {
	orgs := sub.Organizations(auth.ProductsView)
	if len(orgs) == 1 {
		return orgs[0], nil
	}
	some, err := product.Rows(ctx, tx, orgs, []id.ID{productID})
	if err != nil {
		return "", err
	}
	l, ok := some[productID]
	if !ok {
		return "", productProblem(productID, noProduct)
	}
	return l.OrganizationID, nil
}

const noProduct = "Product does not exist."

func productProblem(productID id.ID, text string) error {
	return schema.ValueError(text, schema.StringNode(string(productID)), "body", "product_id")
}

// buyer finds the customer, and locks them. The problem is that there is none;
// what is wrong with the product is told before it.
func (s *Service) buyer(ctx context.Context, tx *db.Tx, org id.ID, in *Create) (c customer.Row, problem, err error) {
	as := auth.Subject{Kind: auth.Organization, ID: org, Memberships: []auth.Membership{{OrganizationID: org}}}
	key, value := "customer_id", ""
	if in.ByID != nil {
		value = string(in.ByID.CustomerID)
		c, err = s.Customers.Find(ctx, tx, as, in.ByID.CustomerID, nil)
	} else {
		key, value = "external_customer_id", in.ByExternal.ExternalCustomerID
		c, err = s.Customers.Find(ctx, tx, as, "", &in.ByExternal.ExternalCustomerID)
	}
	if err == nil {
		c, err = s.Customers.Lock(ctx, tx, org, c.ID)
	}
	if errors.Is(err, fault.NotFound.New()) || err == nil && c.DeletedAt != nil {
		return c, schema.ValueError("Customer does not exist.", schema.StringNode(value), "body", key), nil
	}
	return c, nil, err
}
