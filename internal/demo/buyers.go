package demo

import (
	"context"
	"errors"
	"time"

	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/subscription"
)

// Where some of the shares of a hundred individuals begin.
const (
	pro      = 18
	handbook = 32
)

// welcome plans what a new customer will do.
func (p *shop) welcome(g *customer.Given) {
	roll := p.random.IntN(100)
	soon := g.CreatedAt.Add(time.Duration(p.random.Int64N(int64(3 * day)))).Truncate(time.Second).Add(time.Second)
	subscribe := func(product id.ID, seats int) {
		p.plan(soon, func(ctx context.Context) error { return p.subscribe(ctx, g.ID, product, seats) })
	}
	buy := func(product id.ID) {
		p.plan(soon, func(ctx context.Context) error { return p.buy(ctx, g.ID, product) })
	}
	team := g.Type == customer.Team
	if !team && g.CreatedAt.After(p.Now.Add(-12*day)) { // trials and drafts are there at the end
		switch p.recent++; p.recent % 6 {
		case 1:
			roll = pro
		case 4:
			roll = handbook
		}
	}
	switch {
	case team && roll < 16:
		subscribe(p.studio, len(g.Members)+p.random.IntN(8))
	case team && roll < 26, !team && roll >= 26 && roll < 28:
		subscribe(p.yearly, 0)
	case team && roll < 38, !team && roll >= 28 && roll < 32:
		buy(p.app)
	case team:
	case roll < pro:
		subscribe(p.hobby, 0)
	case roll < pro+5:
		subscribe(p.pro, 0)
	case roll < pro+8:
		subscribe(p.max, 0)
	case roll >= handbook && roll < handbook+3:
		buy(p.handbook)
	}
}

func (p *shop) subscribe(ctx context.Context, buyer, product id.ID, seats int) error {
	b := body{"product_id": product, "customer_id": buyer, "metadata": body{"source": p.pick("website", "newsletter", "sales")}}
	if product != p.hobby {
		b["collection_method"] = "send_invoice"
	}
	in, err := read[subscription.Create](b)
	if err != nil {
		return err
	}
	s, err := p.Subscriptions.Subscribe(ctx, p.tx, p.actor, in)
	if err != nil {
		return err
	}
	if seats > 1 {
		if err := p.change(ctx, s.ID, body{"seats": seats, "proration_behavior": "prorate"}); err != nil {
			return err
		}
	}
	if product == p.max || product == p.studio {
		p.install(buyer)
	}
	p.fate(&s)
	return nil
}

// fate plans the one thing out of the ordinary that happens to a subscription,
// if any does. Of those that have been there for a while some are dealt what
// can be seen at the end, in turn, so that every state is there.
func (p *shop) fate(s *subscription.Row) {
	monthly := s.ProductID != p.hobby && s.ProductID != p.yearly
	if monthly && s.CreatedAt.Before(p.Now.Add(-60*day)) {
		p.settled++
		if p.lately(s, p.settled%10) {
			return
		}
	}
	roll := p.random.IntN(100)
	switch {
	case roll < 10:
		p.planChange(s, p.in(30, 300), p.cancel())
	case roll < 14:
		p.planChange(s, p.in(20, 200), body{"revoke": true, "customer_cancellation_reason": "customer_service"})
	case s.ProductID == p.hobby:
	case roll < 20:
		p.owing[s.ID] = p.in(20, 300)
	case roll < 28 && monthly:
		p.planChange(s, p.in(20, 200), body{"pause_at_period_end": true, "resumes_at": p.in(240, 300).Format(time.RFC3339)})
	case roll < 40 && s.ProductID == p.pro:
		p.planChange(s, p.in(30, 200), body{"product_id": p.max, "proration_behavior": "invoice"})
	case roll < 50 && s.ProductID == p.studio:
		p.planChange(s, p.in(20, 120), body{"seats": 20 + p.random.IntN(20), "proration_behavior": "prorate"})
	case roll < 60:
		p.planChange(s, p.in(15, 90), body{"discount_id": p.tenth})
	}
}

// lately deals what happens to a monthly subscription in the last weeks.
func (p *shop) lately(s *subscription.Row, turn int) bool {
	switch turn {
	case 0: // the order that is unpaid is at most a month old
		p.owing[s.ID] = p.ago(33, 34)
	case 1:
		p.planChange(s, p.ago(0, 25), p.cancel())
	case 2: // for good
		p.planChange(s, p.ago(32, 40), body{"pause_at_period_end": true})
	case 3:
		switch s.ProductID {
		case p.pro:
			p.planChange(s, p.ago(0, 6), body{"product_id": p.max, "proration_behavior": "next_period"})
		case p.max:
			p.planChange(s, p.ago(0, 6), body{"product_id": p.pro, "proration_behavior": "next_period"})
		default:
			p.planChange(s, p.ago(0, 6), body{"seats": 50, "proration_behavior": "next_period"})
		}
	default:
		return false
	}
	return true
}

func (p *shop) cancel() body {
	return body{"cancel_at_period_end": true,
		"customer_cancellation_reason": p.pick("too_expensive", "missing_features", "unused", "switched_service", "other")}
}

func (p *shop) planChange(s *subscription.Row, at time.Time, b body) {
	of := s.ID
	p.plan(at, func(ctx context.Context) error { return p.change(ctx, of, b) })
}

func (p *shop) change(ctx context.Context, of id.ID, b body) error {
	in, err := read[subscription.Update](b)
	if err != nil {
		return err
	}
	_, err = p.Subscriptions.Change(ctx, p.tx, p.actor, of, in)
	return err
}

// buy makes a draft and, but for the last ones, sends the invoice.
func (p *shop) buy(ctx context.Context, buyer, product id.ID) error {
	b := body{"customer_id": buyer, "product_id": product, "currency": p.pick("usd", "usd", "eur", "eur", "gbp", "jpy")}
	in, err := read[order.CreateDraft](b)
	if err != nil {
		return err
	}
	r, err := p.Orders.Draft(ctx, p.tx, p.actor, p.Organization, in)
	if err != nil {
		return err
	}
	if p.tx.Now().After(p.Now.Add(-12*day)) && p.chance(60) {
		return nil
	}
	if product == p.app {
		p.install(buyer)
	}
	return p.Orders.Bill(ctx, p.tx, p.actor, &r)
}

// install plans that a customer who has a key by then puts it to use.
func (p *shop) install(buyer id.ID) {
	p.plan(p.in(11, 20), func(ctx context.Context) error {
		key, err := db.One[string](ctx, p.tx, `SELECT key FROM license_keys WHERE organization_id = ? AND customer_id = ? AND status = 'granted'
			AND NOT EXISTS (SELECT 1 FROM license_key_activations a WHERE a.organization_id = license_keys.organization_id AND a.license_key_id = license_keys.id)
			ORDER BY seq LIMIT 1`, p.Organization, buyer)
		if errors.Is(err, db.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		for range 1 + p.random.IntN(3) {
			in, err := read[grant.KeyActivate](body{"key": key, "organization_id": p.Organization,
				"label": p.pick("Laptop", "Desktop", "Studio Mac", "Workstation", "Build server"), "meta": body{"os": p.pick("linux", "macos", "windows")}})
			if err != nil {
				return err
			}
			if err := p.Grants.ActivateIn(ctx, p.tx, p.actor, in); err != nil {
				return err
			}
		}
		return nil
	})
}
