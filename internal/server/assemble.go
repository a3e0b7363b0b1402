package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"floe/internal/api"
	"floe/internal/benefit"
	"floe/internal/charge"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/discount"
	"floe/internal/document"
	"floe/internal/feed"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/job"
	"floe/internal/mail"
	"floe/internal/order"
	"floe/internal/organization"
	"floe/internal/payment"
	"floe/internal/paymentevent"
	"floe/internal/product"
	"floe/internal/refund"
	"floe/internal/state"
	"floe/internal/subscription"
	"floe/internal/testclock"
	"floe/internal/token"
	"floe/internal/webhook"
)

// assemble builds the services, from those that need nothing to those that
// stand on others, and lists their operations. What stands above a package is
// declared there and filled by connect, when it exists.
func (s *Server) assemble(ctx context.Context) (err error) {
	c := s.config
	s.Tokens, err = token.New(ctx, token.Config{DB: c.DB, Clock: c.Clock, Logger: c.Logger})
	if err != nil {
		return fmt.Errorf("tokens: %w", err)
	}
	s.Jobs = &job.Runner{DB: c.DB, Logger: c.Logger, Clock: c.Clock}
	s.Mail = &mail.Outbox{Sender: c.Mail, Jobs: s.Jobs, Clock: c.Clock, Logger: c.Logger}
	s.Organizations = organization.New(organization.Config{DB: c.DB, AccessChanged: s.Tokens.Forget, Priced: product.AllIn})
	s.Benefits = &benefit.Service{DB: c.DB, Meters: benefit.StoredMeters}
	s.Products = &product.Service{DB: c.DB, Benefits: s.Benefits}
	s.Discounts = &discount.Service{DB: c.DB}
	s.Customers = &customer.Service{
		DB:         c.DB,
		LogoDevKey: c.LogoDevKey,
		Sessions:   customer.Sessions{Mint: s.mint, PortalURL: c.PublicURL, Lifetime: c.SessionTTL},
	}
	s.Payments = &payment.Service{DB: c.DB, Logger: c.Logger, Customers: s.Customers,
		Processor: payment.Bounded(c.Processor, time.Minute)}
	s.Charges = &charge.Service{DB: c.DB, Logger: c.Logger, Customers: s.Customers, Payments: s.Payments}
	s.Grants = &grant.Service{DB: c.DB, Customers: s.Customers, Benefits: s.Benefits}
	s.Orders = &order.Service{
		DB: c.DB, Logger: c.Logger, Customers: s.Customers, Grants: s.Grants, Payments: s.Payments, Charges: s.Charges,
	}
	s.Refunds = &refund.Service{DB: c.DB, Logger: c.Logger, Orders: s.Orders, Payments: s.Payments}
	s.Documents = &document.Service{
		DB: c.DB, Clock: c.Clock, Logger: c.Logger, Orders: s.Orders,
		Links: document.Links{Base: c.PublicURL, Sign: s.Tokens.Hash},
	}
	s.PaymentEvents = &paymentevent.Service{
		DB: c.DB, Logger: c.Logger, Customers: s.Customers, Payments: s.Payments, Charges: s.Charges, Orders: s.Orders,
		Refunds: s.Refunds,
	}
	s.Subscriptions = &subscription.Service{
		DB: c.DB, Logger: c.Logger, Customers: s.Customers, Products: s.Products, Grants: s.Grants, Orders: s.Orders,
		Charges: s.Charges,
	}
	s.TestClocks = &testclock.Service{
		DB: c.DB, Wall: c.Clock, Subscriptions: s.Subscriptions, Orders: s.Orders, Customers: s.Customers, Jobs: s.Jobs,
		Changed: s.Tokens.Forget,
	}
	s.states = &state.Service{DB: c.DB, Customers: s.Customers}
	s.Webhooks = s.newWebhooks()
	s.feed = feed.New(c.DB, s.Customers, s.Tokens)
	s.connect()
	s.operations = s.list()
	return nil
}

// connect fills what packages declare because it stands above them. A test
// checks that nothing is forgotten.
func (s *Server) connect() {
	s.Customers.Grants, s.Benefits.Grants, s.Products.Grants = s.Grants, s.Grants, s.Grants
	s.Customers.Methods = s.Payments
	s.Customers.Erasers = []customer.Eraser{s.Grants, s.Subscriptions, s.Orders, s.Refunds}
	s.Customers.Subscriptions, s.Orders.Subscriptions = s.Subscriptions, s.Subscriptions
	s.Charges.Orders, s.Orders.Refunds = s.Orders, s.Refunds
	s.Grants.Sources = sources{s.Subscriptions, s.Orders}
	s.Products.Usage = product.Users{discount.UsesProduct, s.Orders.InUse, s.Subscriptions.InUse}
	s.billing = cycle{s: s, about: batches{s.Subscriptions.RunDue}}
	s.paying = cycle{s: s, about: batches{s.Orders.RunOverdue, s.Charges.Run, s.Refunds.Run, s.Payments.RunDetach}}
	s.Jobs.Kinds = s.kinds()
}

func (s *Server) newWebhooks() *webhook.Service {
	c := s.config
	return webhook.New(webhook.Config{
		DB: c.DB, Logger: c.Logger, Clock: c.Clock, State: s.states, Jobs: s.Jobs, Mail: s.Mail,
		Objects: map[string]webhook.Object{
			"product": s.Products.Told, "discount": discount.Told, "benefit": s.Benefits.Told, "benefit_grant": s.Grants.Told,
			"subscription": s.Subscriptions.Told, "order": s.Orders.Told, "refund": refund.Told,
		},
		AllowPrivate: c.AllowPrivateWebhooks, Retention: c.WebhookRetention, Version: c.Version,
	})
}

// list is every operation that there is.
func (s *Server) list() []*api.Operation {
	return slices.Concat(
		s.Organizations.Operations(),
		s.Customers.Operations(),
		s.Payments.MethodOperations(),
		s.states.Operations(),
		s.Products.Operations(),
		s.Discounts.Operations(),
		s.Benefits.Operations(),
		s.Grants.Operations(),
		s.Orders.Operations(),
		s.Documents.Operations(),
		s.Refunds.Operations(),
		s.Payments.Operations(),
		s.Subscriptions.Operations(),
		s.TestClocks.Operations(),
		s.Customers.MemberOperations(),
		s.Customers.SessionOperations(),
		s.feed.Operations(),
		s.Webhooks.Operations(),
	)
}

// sources are all that customers have benefits through.
type sources []grant.Sources

// OfProduct lists who holds a product, in any way.
func (s sources) OfProduct(ctx context.Context, tx *db.Tx, org, productID id.ID) ([]grant.SourceState, error) {
	return s.each(func(of grant.Sources) ([]grant.SourceState, error) { return of.OfProduct(ctx, tx, org, productID) })
}

// OfCustomer lists what a customer holds, in any way.
func (s sources) OfCustomer(ctx context.Context, tx *db.Tx, org, customerID id.ID) ([]grant.SourceState, error) {
	return s.each(func(of grant.Sources) ([]grant.SourceState, error) { return of.OfCustomer(ctx, tx, org, customerID) })
}

func (s sources) each(list func(grant.Sources) ([]grant.SourceState, error)) ([]grant.SourceState, error) {
	var out []grant.SourceState
	for _, of := range s {
		some, err := list(of)
		if err != nil {
			return nil, err
		}
		out = append(out, some...)
	}
	return out, nil
}

// mint makes a token and the form in which it is stored.
func (s *Server) mint(prefix string) (clear, hash string) {
	clear = token.Mint(prefix)
	return clear, s.Tokens.Hash(clear)
}
