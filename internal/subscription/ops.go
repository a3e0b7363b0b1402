package subscription

import (
	"context"
	"log/slog"
	"net/http"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/product"
)

// Service is the operations on subscriptions and what they need.
type Service struct {
	DB        *db.DB
	Logger    *slog.Logger
	Customers *customer.Service
	Products  *product.Service
	Grants    *grant.Service
	Orders    *order.Service
	Charges   *charge.Service
}

// Operations are the operations on subscriptions.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.SubscriptionsRead, auth.SubscriptionsWrite
	const notFound = "Subscription not found."
	revoke := api.Get("/v1/subscriptions/{id}", s.delete).Scopes(write).Named("subscriptions:revoke", "Revoke Subscription").
		About("End a subscription and everything it entitles to, now.").
		Fails(fault.AlreadyCanceledSubscription, "The subscription has ended already.").
		Fails(fault.NotFound, notFound).Fails(fault.SubscriptionLocked, "The subscription is being updated.")
	revoke.Method = http.MethodDelete // which answers what it has ended
	return []*api.Operation{
		api.Get("/v1/subscriptions/", s.list).Scopes(read, write).Named("subscriptions:list", "List Subscriptions"),
		api.Post("/v1/subscriptions/", s.create).Scopes(write).Named("subscriptions:create", "Create Subscription").
			About(aboutCreate),
		api.CSV("/v1/subscriptions/export", s.export).Scopes(read, write).Named("subscriptions:export", "Export Subscriptions").
			About("Export subscriptions as a CSV file, the newest first."),
		api.Get("/v1/subscriptions/{id}", s.get).Scopes(read, write).Named("subscriptions:get", "Get Subscription").
			Fails(fault.NotFound, notFound),
		api.Patch("/v1/subscriptions/{id}", s.update).Scopes(write).Named("subscriptions:update", "Update Subscription").
			About(aboutUpdate).
			Fails(fault.PaymentFailed, "The change has to be paid first.").
			Fails(fault.PaymentActionRequired, "The customer has to agree to the charge.").
			Fails(fault.AlreadyCanceledSubscription, "The subscription has ended or will end with the period.").
			Fails(fault.InactiveSubscription, "The subscription is not active.").
			Fails(fault.NotFound, notFound).Fails(fault.SubscriptionLocked, "The subscription is being updated.").
			Fails(fault.CannotPauseSubscription, "The subscription cannot be paused.").
			Fails(fault.NoScheduledPause, "No pause is scheduled.").
			Fails(fault.NotPausedSubscription, "The subscription is not paused.").
			Fails(fault.BadRequest, "No cancellation is scheduled.").
			Fails(fault.NotASeatBasedSubscription, "The product is not sold by seats.").
			Fails(fault.BelowMinimumSeats, "Too few seats.").Fails(fault.AboveMaximumSeats, "Too many seats.").
			Fails(fault.NotAUnitBasedSubscription, "The product is not sold by units.").
			Fails(fault.BelowMinimumUnits, "Too few units.").Fails(fault.AboveMaximumUnits, "Too many units.").
			Fails(fault.Gone, "The subscription has ended."),
		revoke,
	}
}

const aboutCreate = "Subscribe a customer to a product.\n\nWithout more, the product has to be free: customers subscribe to what costs " +
	"something at a checkout. With `collection_method: send_invoice` a product of any price is subscribed to, the first order awaits " +
	"payment until the organization's net days are over, and so do those of the renewals."

const aboutUpdate = "Change a subscription. The body has one of nine shapes; keys of several shapes do not mix."

type byIDInput struct {
	ID id.ID `path:"id" doc:"The subscription ID."`
}

func (s *Service) get(ctx context.Context, sub auth.Subject, in byIDInput) (out Subscription, err error) {
	err = s.DB.Read(ctx, func(q db.Querier) error {
		r, err := byID(ctx, q, visible(&sub), in.ID, "")
		if err != nil {
			return err
		}
		out, err = s.one(ctx, q, r)
		return err
	})
	return out, err
}

// visible are the organizations whose subscriptions the subject may see.
func visible(sub *auth.Subject, wanted ...id.ID) []id.ID {
	return sub.Organizations(auth.SalesView, wanted...)
}

// change takes one subscription in hand, lets fn change it and writes what
// has become of it.
func (s *Service) change(ctx context.Context, tx *db.Tx, sub auth.Subject, subscription id.ID, fn func(*work, *item) error) (Row, error) {
	found, err := byID(ctx, tx, visible(&sub), subscription, "")
	if err != nil {
		return Row{}, err
	}
	if !sub.May(found.OrganizationID, auth.SalesManage) {
		return Row{}, fault.NotPermitted.New(auth.SalesManage.Denied())
	}
	w, err := s.takeOne(ctx, tx, sub, found.OrganizationID, found.CustomerID, found.ID)
	if err != nil {
		return Row{}, err
	}
	if err := fn(w, w.items[0]); err != nil {
		return Row{}, err
	}
	if err := w.finish(ctx); err != nil {
		return Row{}, err
	}
	return w.items[0].Row, nil
}

// changed is a change in a transaction of its own, and the answer to it.
func (s *Service) changed(ctx context.Context, fn func(*db.Tx) (Row, error)) (out Subscription, err error) {
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := fn(tx)
		if err != nil {
			return err
		}
		out, err = s.one(ctx, tx, r)
		return err
	})
	return out, err
}

// takeOne locks a customer and one of their subscriptions.
func (s *Service) takeOne(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customerID, subscription id.ID) (*work, error) {
	c, err := s.Customers.Lock(ctx, tx, org, customerID)
	if err != nil {
		return nil, err
	}
	r, err := byID(ctx, tx, []id.ID{org}, subscription, tx.ForUpdate())
	if err != nil {
		return nil, err
	}
	return s.begin(ctx, tx, actor, org, map[id.ID]customer.Row{c.ID: c}, []Row{r})
}

// takeAll is takeOne for many subscriptions of an organization, in the order
// in which they were made.
func (s *Service) takeAll(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, customers, subscriptions []id.ID) (*work, error) {
	locked, err := s.Customers.LockAll(ctx, tx, org, customers)
	if err != nil {
		return nil, err
	}
	rows, err := lockAll(ctx, tx, org, db.Where("").In("id", subscriptions))
	if err != nil {
		return nil, err
	}
	return s.begin(ctx, tx, actor, org, locked, rows)
}
