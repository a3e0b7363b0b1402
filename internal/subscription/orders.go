package subscription

import (
	"context"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/order"
)

// OrderPaid is told of an order that has been paid some time after it was
// made. It takes a subscription out of past_due when nothing else is overdue,
// and a renewal that is paid renews the benefits.
func (s *Service) OrderPaid(ctx context.Context, tx *db.Tx, actor auth.Subject, o order.Row) error {
	return s.orderDone(ctx, tx, actor, o, renews(o.Reason))
}

// OrderVoided is told of an order that somebody has given up. Nobody can pay it
// any more, so a subscription that owes nothing else is not past due for it.
func (s *Service) OrderVoided(ctx context.Context, tx *db.Tx, actor auth.Subject, o order.Row) error {
	return s.orderDone(ctx, tx, actor, o, false)
}

func (s *Service) orderDone(ctx context.Context, tx *db.Tx, actor auth.Subject, o order.Row, renews bool) error {
	if o.SubscriptionID == nil {
		return nil
	}
	w, err := s.takeOne(ctx, tx, actor, o.OrganizationID, o.CustomerID, *o.SubscriptionID)
	if err != nil {
		return err
	}
	it := w.items[0]
	it.quiet = true
	if it.Status == PastDue && it.EndedAt == nil {
		owing, err := s.Orders.Owing(ctx, tx, o.OrganizationID, it.ID, o.ID)
		if err != nil {
			return err
		}
		if !owing {
			if err := it.happen(Recovered); err != nil {
				return err
			}
			it.PastDueAt, it.GraceEndsAt, it.syncGrants, it.quiet = nil, nil, true, false
		}
	}
	if renews {
		paid := o
		it.made = &paid
	}
	return w.finish(ctx)
}

// OrdersOverdue is told of orders that should have been paid, each of another
// customer. The first time makes a subscription past due, the last time ends
// it. A subscription that is paused owes nothing new; it stays paused until the
// last time. Usage that was settled between renewals changes nothing.
func (s *Service) OrdersOverdue(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, list []order.Overdue) error {
	of := make(map[id.ID]order.Overdue, len(list))
	var customers, ids []id.ID
	for _, o := range list {
		if o.SubscriptionID != nil && o.Reason != order.SubMeterCycle {
			customers, ids, of[*o.SubscriptionID] = append(customers, o.CustomerID), append(ids, *o.SubscriptionID), o
		}
	}
	w, err := s.takeAll(ctx, tx, actor, org, customers, ids)
	if err != nil {
		return err
	}
	items := w.items
	w.items = nil
	for _, it := range items {
		o := of[it.ID]
		it.at = o.At
		switch {
		case it.EndedAt != nil:
			continue
		case (o.Exhausted() || it.lost(it.at)) && it.can(PaymentGivenUp):
			err = w.revoke(it, PaymentGivenUp, Cause{})
		case it.can(PaymentOverdue):
			err = w.fallBehind(ctx, it)
		default:
			continue
		}
		if err != nil {
			return err
		}
		w.items = append(w.items, it)
	}
	return w.finish(ctx)
}

// patience is how long a subscription is past due at most, whatever attempts
// at a payment are left.
const patience = 21*24*time.Hour + time.Minute

func (r *Row) lost(now time.Time) bool {
	return r.PastDueAt != nil && !now.Before(r.PastDueAt.Add(patience))
}

// fallBehind makes a subscription past due. Its benefits stay for as long as
// the organization is patient.
func (w *work) fallBehind(ctx context.Context, it *item) error {
	org, err := w.organization(ctx)
	if err != nil {
		return err
	}
	at := it.at
	if it.PastDueAt == nil {
		it.PastDueAt = &at
	}
	if it.Status == Trialing { // which is lost: the first period begins where it would have ended
		it.AnchorDay = it.CurrentPeriodEnd.Day()
	}
	if days := org.SubscriptionSettings.BenefitRevocationGracePeriod; days > 0 {
		end := it.PastDueAt.AddDate(0, 0, days)
		it.GraceEndsAt = &end
	} else {
		it.syncGrants = true
	}
	return it.happen(PaymentOverdue)
}

// OfProduct lists who holds a product, for the grants that follow its
// benefits. Those who did once, and those who have seats, are entitled to nothing;
// they are listed where somebody has given them back a license key, and with it
// the grant.
func (s *Service) OfProduct(ctx context.Context, tx *db.Tx, org, productID id.ID) ([]grant.SourceState, error) {
	return granting(ctx, tx, db.Where("organization_id = ? AND product_id = ?", org, productID).And(
		`(ended_at IS NULL AND seats IS NULL OR EXISTS (SELECT 1 FROM benefit_grants g
			WHERE g.organization_id = subscriptions.organization_id AND g.source_id = subscriptions.id AND g.granted_at IS NOT NULL))`))
}

// OfCustomer lists what a customer holds.
func (s *Service) OfCustomer(ctx context.Context, tx *db.Tx, org, customerID id.ID) ([]grant.SourceState, error) {
	return granting(ctx, tx, db.Where("organization_id = ? AND customer_id = ? AND ended_at IS NULL", org, customerID))
}

func granting(ctx context.Context, tx *db.Tx, w *db.W) ([]grant.SourceState, error) {
	rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM subscriptions`+w.SQL()+` ORDER BY seq`, w.Args()...)
	if err != nil {
		return nil, err
	}
	out := make([]grant.SourceState, len(rows))
	for i := range rows {
		r := &rows[i]
		out[i] = grant.SourceState{Source: grant.Source{SubscriptionID: r.ID}, Product: r.ProductID, Customer: r.CustomerID, Entitled: r.holds()}
	}
	return out, nil
}

// InUse says whether anybody has ever subscribed to a product, or is to have it
// when a period ends.
func (s *Service) InUse(ctx context.Context, q db.Querier, org, productID id.ID) (bool, error) {
	return db.One[bool](ctx, q, `SELECT EXISTS (SELECT 1 FROM subscriptions WHERE organization_id = ? AND product_id = ?)
		OR EXISTS (SELECT 1 FROM subscription_updates WHERE organization_id = ? AND product_id = ?)`, org, productID, org, productID)
}
