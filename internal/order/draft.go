package order

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/money"
	"floe/internal/organization"
	"floe/internal/product"
	"floe/internal/schema"
)

// CreateDraft is the body of a draft.
type CreateDraft struct {
	CustomFieldData customFields         `json:"custom_field_data" factory:"{}" doc:"Answers to the product's custom fields. There are none, so nothing is kept."`
	Metadata        schema.MetadataInput `json:"metadata" factory:"{}"`
	OrganizationID  *id.ID               `json:"organization_id" doc:"The organization that will own the order. Required unless you use an organization token."`
	CustomerID      id.ID                `json:"customer_id" doc:"Who buys."`
	ProductID       id.ID                `json:"product_id" doc:"What is bought: a product that is bought once, at fixed prices."`
	Currency        *string              `json:"currency" doc:"The currency; the organization's own when there is none."`
	Amount          *int64               `json:"amount" ge:"0" doc:"Another amount than the product's price, before discounts and taxes, in the smallest unit of the currency."`
	Description     *string              `json:"description" maxLength:"500" trim:"null" doc:"What stands on the invoice instead of the product's name."`
}

// SchemaName is the name of the reference.
func (CreateDraft) SchemaName() string { return "OrderCreate" }

type createInput struct{ Body CreateDraft }

func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Order, err error) {
	org, err := organization.ForCreate(sub, in.Body.OrganizationID, auth.SalesManage)
	if err != nil {
		return out, err
	}
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		n, err := s.draft(ctx, tx, org, &in.Body)
		if err != nil {
			return err
		}
		r, err := s.Create(ctx, tx, sub, n)
		if err != nil {
			return err
		}
		out, err = s.Shown(ctx, tx, r)
		return err
	})
	return out, err
}

// draft checks a body, in the order of the contract: the first problem answers
// alone.
func (s *Service) draft(ctx context.Context, tx *db.Tx, org id.ID, b *CreateDraft) (n New, err error) {
	if err := allowsCharges(ctx, tx, org); err != nil {
		return n, err
	}
	c, err := s.Customers.Lock(ctx, tx, org, b.CustomerID) // before the product
	missing := errors.Is(err, fault.NotFound.New()) || err == nil && c.DeletedAt != nil
	if err != nil && !missing {
		return n, err
	}
	p, err := draftProduct(ctx, tx, org, b.ProductID)
	if err != nil {
		return n, err
	}
	if missing {
		return n, schema.ValueError("Customer does not exist.", schema.StringNode(string(b.CustomerID)), "body", "customer_id")
	}
	n = New{Organization: org, Customer: c, ProductID: &p.ID, Reason: Purchase, Draft: true, Description: p.Name, Metadata: []byte(b.Metadata.Metadata())}
	if n.Currency, err = draftCurrency(ctx, tx, org, p, b.Currency); err != nil {
		return n, err
	}
	n.Lines, err = draftLines(p, n.Currency, b)
	return n, err
}

// allowsCharges refuses organizations without the feature.
func allowsCharges(ctx context.Context, q db.Querier, org id.ID) error {
	features, err := organization.Features(ctx, q, org)
	if err != nil {
		return err
	}
	if !features.OffSessionChargesEnabled {
		return fault.OffSessionChargesNotEnabled.New(fmt.Sprintf(
			"Off-session charges are not enabled for this organization (%s). Contact Polar support to opt in.", org))
	}
	return nil
}

// draftProduct reads a product that can be bought in a draft, and keeps it from
// being deleted before the draft is there to be found.
func draftProduct(ctx context.Context, tx *db.Tx, org, productID id.ID) (product.Loaded, error) {
	found, err := product.Hold(ctx, tx, []id.ID{org}, productID)
	if err != nil {
		return product.Loaded{}, err
	}
	p, ok := found[productID]
	problem := func(text string) error {
		return schema.ValueError(text, schema.StringNode(string(productID)), "body", "product_id")
	}
	if !ok || p.DeletedAt != nil {
		return p, problem("Product does not exist.")
	}
	if p.IsRecurring {
		return p, problem("Subscription products are not supported by the off-session charge API. Use a one-time product.")
	}
	static, other := 0, false
	for i := range p.Prices {
		switch price := &p.Prices[i]; {
		case price.AmountType == product.SeatBased:
			return p, problem("Seat-based products are not supported by the off-session charge API.")
		case price.AmountType == product.UnitBased:
			return p, problem("Unit-based products are not supported by the off-session charge API.")
		case price.Static():
			static++
			other = other || price.AmountType != product.Fixed
		}
	}
	switch {
	case static == 0:
		return p, problem("Product has no chargeable static prices.")
	case other:
		return p, problem("Off-session charges only support fixed-price products.")
	}
	return p, nil
}

// draftCurrency is the currency that was asked for, or else the organization's
// own; the product must have a price in it.
func draftCurrency(ctx context.Context, tx *db.Tx, org id.ID, p product.Loaded, asked *string) (string, error) {
	if asked != nil {
		currency := strings.ToLower(*asked)
		if len(p.PricesIn(currency)) == 0 {
			return "", schema.ValueError(fmt.Sprintf("Product has no price in currency '%s'.", currency), schema.StringNode(currency), "body", "currency")
		}
		return currency, nil
	}
	t, err := organization.TermsOf(ctx, tx, org)
	if err != nil {
		return "", err
	}
	if len(p.PricesIn(t.DefaultCurrency)) == 0 {
		return "", schema.ValueError(fmt.Sprintf(
			"Product is not priced in the organization's default currency ('%s'); specify a currency to charge in.", t.DefaultCurrency),
			nil, "body", "currency")
	}
	return t.DefaultCurrency, nil
}

// draftLines are the product's fixed prices, or the amount that was asked for.
func draftLines(p product.Loaded, currency string, b *CreateDraft) ([]Line, error) {
	label := p.Name
	if b.Description != nil {
		label = *b.Description
	}
	var lines []Line
	for _, price := range p.PricesIn(currency) {
		if price.Static() {
			lines = append(lines, Line{Label: label, Amount: *price.PriceAmount, PriceID: &price.ID})
		}
	}
	if b.Amount == nil || len(lines) == 0 {
		return lines, nil
	}
	amount, low, high := *b.Amount, money.Minimum(currency), money.Maximum(currency)
	switch {
	case amount > 0 && amount < low:
		return nil, schema.Business("greater_than_equal", "Amount must be at least "+money.Format(low, currency)+".", schema.IntNode(amount), "body", "amount")
	case amount > high:
		return nil, schema.Business("less_than_equal", "Amount must be at most "+money.Format(high, currency)+".", schema.IntNode(amount), "body", "amount")
	}
	return []Line{{Label: label, Amount: amount, PriceID: lines[0].PriceID}}, nil
}

// Draft makes a draft order, in a transaction of the caller's.
func (s *Service) Draft(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, in CreateDraft) (Row, error) {
	n, err := s.draft(ctx, tx, org, &in)
	if err != nil {
		return Row{}, err
	}
	return s.Create(ctx, tx, actor, n)
}
