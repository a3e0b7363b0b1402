package demo

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"floe/internal/benefit"
	"floe/internal/discount"
	"floe/internal/id"
	"floe/internal/money"
	"floe/internal/organization"
	"floe/internal/product"
)

// catalogue is what is sold.
type catalogue struct {
	hobby, pro, max, yearly, studio id.ID // subscriptions
	app, handbook                   id.ID // bought once
	tenth, launch                   id.ID // discounts
	keys                            id.ID // the benefit
}

// stock makes up what is sold.
func (p *shop) stock(ctx context.Context) error {
	granted, err := p.benefits(ctx)
	if err != nil {
		return err
	}
	terms, err := organization.TermsOf(ctx, p.tx, p.Organization)
	if err != nil {
		return err
	}
	for _, x := range p.shelf(terms.DefaultCurrency) {
		made, err := p.product(ctx, x.body, granted[:x.benefits])
		if err != nil {
			return err
		}
		if x.to != nil {
			*x.to = made
		}
	}
	p.keys = granted[len(granted)-1]
	p.tenth, err = p.discount(ctx, body{"name": "Friends of the house", "type": "percentage", "duration": "forever", "basis_points": 1000})
	if err != nil {
		return err
	}
	p.launch, err = p.discount(ctx, body{"name": "Launch", "code": "LAUNCH", "type": "fixed", "duration": "repeating", "duration_in_months": 3,
		"amounts": body{"usd": 500, "eur": 450, "gbp": 400}, "ends_at": p.Now.Add(-300 * day).Format(time.RFC3339)})
	return err
}

// benefits makes one of each type that needs nothing but this server.
func (p *shop) benefits(ctx context.Context) (out []id.ID, err error) {
	for _, r := range []benefit.Row{
		{Type: benefit.Custom, Description: "A place in the community", Properties: json.RawMessage(`{"note":"Say hello at community.example.com"}`)},
		{Type: benefit.FeatureFlag, Description: "Early access", Metadata: json.RawMessage(`{"flag":"early-access"}`)},
		{Type: benefit.Custom, Description: "Priority support", Properties: json.RawMessage(`{"note":"Write to support@example.com"}`)},
		{Type: benefit.LicenseKeys, Description: "The desktop app", Properties: json.RawMessage(
			`{"prefix":"APP","expires":null,"activations":{"limit":3,"enable_customer_admin":true},"limit_usage":null}`)},
	} {
		r.OrganizationID, r.Selectable, r.Deletable = p.Organization, true, true
		made, err := p.Benefits.Add(ctx, p.tx, p.actor, r)
		if err != nil {
			return nil, err
		}
		out = append(out, made.ID)
	}
	return out, nil
}

// article is a product, with how many of the benefits it has and where to
// note it.
type article struct {
	to       *id.ID
	benefits int
	body     body
}

// rate is what a hundred of the smallest units of the dollar are in a currency.
type rate struct {
	currency string
	percent  int64
}

// of is what an amount in dollars comes to.
func (r rate) of(usd int64) int64 { return usd * r.percent / 100 }

// withOwn adds the organization's own currency to others, in which everything
// that it sells has to have a price. Of most currencies no more is known than
// their least price, which goes by what they are worth.
func withOwn(own string, others ...rate) []rate {
	if slices.ContainsFunc(others, func(r rate) bool { return r.currency == own }) {
		return others
	}
	return append(others, rate{own, 100 * money.Minimum(own) / money.Minimum("usd")})
}

// shelf is what is sold by an organization whose own currency is given.
func (p *shop) shelf(own string) []article {
	fixed := func(usd int64) (list []any) {
		for _, r := range withOwn(own, rate{"usd", 100}, rate{"eur", 95}, rate{"gbp", 80}, rate{"jpy", 150}) {
			list = append(list, body{"amount_type": "fixed", "price_amount": r.of(usd), "price_currency": r.currency})
		}
		return list
	}
	var seats, custom []any
	for _, r := range withOwn(own, rate{"usd", 100}) {
		seats = append(seats, body{"amount_type": "seat_based", "price_currency": r.currency, "seat_tiers": body{"seat_tier_type": "volume", "tiers": []any{
			body{"min_seats": 1, "max_seats": 9, "price_per_seat": r.of(1500)}, body{"min_seats": 10, "max_seats": nil, "price_per_seat": r.of(1200)},
		}}})
		custom = append(custom, body{"amount_type": "custom", "price_currency": r.currency,
			"minimum_amount": r.of(300), "preset_amount": r.of(1000), "maximum_amount": r.of(50000)})
	}
	return []article{
		{&p.hobby, 1, body{"name": "Hobby", "description": "For the weekend.", "recurring_interval": "year", "prices": fixed(0)}},
		{&p.pro, 2, body{"name": "Pro", "description": "For those who earn their living with it.", "recurring_interval": "month",
			"trial_interval": "day", "trial_interval_count": 14, "prices": fixed(2000), "metadata": body{"tier": 2}}},
		{&p.max, 4, body{"name": "Pro Max", "description": "Everything there is.", "recurring_interval": "month", "prices": fixed(4500), "metadata": body{"tier": 3}}},
		{&p.yearly, 3, body{"name": "Pro, by the year", "description": "Two months for nothing.", "recurring_interval": "year", "prices": fixed(20000)}},
		{&p.studio, 4, body{"name": "Studio", "description": "For teams, by the seat.", "recurring_interval": "month", "prices": seats}},
		{&p.app, 4, body{"name": "Desktop app", "description": "Yours for good.", "prices": fixed(9900)}},
		{&p.handbook, 0, body{"name": "The handbook", "description": "240 pages.", "prices": fixed(2900)}},
		{nil, 0, body{"name": "Support us", "description": "As much as you like.", "visibility": "private", "prices": custom}},
	}
}

func (p *shop) product(ctx context.Context, b body, benefits []id.ID) (id.ID, error) {
	in, err := read[product.Create](b)
	if err != nil {
		return "", err
	}
	l, err := p.Products.Create(ctx, p.tx, p.actor, p.Organization, in)
	if err != nil || len(benefits) == 0 {
		return l.ID, err
	}
	return l.ID, p.Products.SetBenefits(ctx, p.tx, p.actor, &l, benefits)
}

func (p *shop) discount(ctx context.Context, b body) (id.ID, error) {
	in, err := read[discount.Create](b)
	if err != nil {
		return "", err
	}
	d, err := p.Discounts.Create(ctx, p.tx, p.actor, p.Organization, in)
	return d.Row().ID, err
}
