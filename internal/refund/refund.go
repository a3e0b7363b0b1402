// Package refund gives money back: what a payment processor took, it is asked to
// give back, once, as charges are asked for; of other money it is recorded that
// somebody gave it back. It keeps what became of that, and the disputes that
// stand in its way. What it means to an order the order decides.
package refund

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/listing"
	"floe/internal/money"
	"floe/internal/order"
	"floe/internal/payment"
	"floe/internal/schema"
)

// Service is the operations on refunds and what they need.
type Service struct {
	DB       *db.DB
	Logger   *slog.Logger
	Orders   *order.Service
	Payments *payment.Service
}

// Operations are the operations on refunds.
func (s *Service) Operations() []*api.Operation {
	read, write := auth.RefundsRead, auth.RefundsWrite
	return []*api.Operation{
		api.Get("/v1/refunds/", s.list).Scopes(read, write).Named("refunds:list", "List Refunds"),
		api.Post("/v1/refunds/", s.create).Scopes(write).Named("refunds:create", "Create Refund").
			About(about).
			Fails(fault.RefundsBlocked, "The processor that took the money cannot give it back.").
			Fails(fault.RefundDisputedPayment, "The payment is disputed.").
			Fails(fault.RefundPendingCreation, "Another refund of the order is in progress.").
			Fails(fault.RefundedAlready, "Everything was given back before.").
			Fails(fault.RevokeSubscriptionBenefits, "The order is a subscription's, whose benefits end with it.").
			Fails(fault.RefundUnknownPayment, "Nothing was paid that could be given back."),
	}
}

const about = "Give money back. What a payment processor took, it is asked to give back; of other money this records that it was given " +
	"back: nothing moves, do it yourself."

// Reason is why money is given back.
type Reason string

// Enum lists the reasons.
func (Reason) Enum() []string {
	return []string{"duplicate", "fraudulent", "customer_request", "service_disruption", "satisfaction_guarantee", "dispute_prevention", "other"}
}

// SchemaName is the name of the reference.
func (Reason) SchemaName() string { return "RefundReason" }

// givenReason is a reason that a caller can give.
type givenReason Reason

// Enum lists the reasons.
func (givenReason) Enum() []string {
	return []string{"duplicate", "fraudulent", "customer_request", "service_disruption", "satisfaction_guarantee", "other"}
}

// SchemaName says that the list is written in place.
func (givenReason) SchemaName() string { return "" }

// Refund is money that was given back.
type Refund struct {
	ID             id.ID                `json:"id" doc:"The ID of the refund."`
	CreatedAt      time.Time            `json:"created_at" doc:"When the refund was created."`
	ModifiedAt     *time.Time           `json:"modified_at" doc:"When the refund was last changed; null until then."`
	Metadata       schema.Metadata      `json:"metadata"`
	Status         payment.RefundStatus `json:"status"`
	Reason         Reason               `json:"reason"`
	Amount         int64                `json:"amount" doc:"What was given back, without taxes."`
	TaxAmount      int64                `json:"tax_amount" doc:"Taxes that were given back."`
	Currency       string               `json:"currency"`
	OrganizationID id.ID                `json:"organization_id"`
	OrderID        id.ID                `json:"order_id"`
	SubscriptionID *id.ID               `json:"subscription_id"`
	CustomerID     id.ID                `json:"customer_id"`
	RevokeBenefits bool                 `json:"revoke_benefits"`
	Dispute        *dispute             `json:"dispute"`
	PaymentID      *id.ID               `json:"-"`
	Comment        *string              `json:"-"`
	Processor      *string              `json:"-"` // who gives the money back, unless it is given back by hand
	Reference      *string              `json:"-"` // the processor's name for it
}

// dispute is the one that a refund has prevented. It is never there: a processor
// prevents disputes, and does not say with which refund.
type dispute struct {
	ID            id.ID                 `json:"id"`
	CreatedAt     time.Time             `json:"created_at"`
	ModifiedAt    *time.Time            `json:"modified_at"`
	Status        payment.DisputeStatus `json:"status"`
	Resolved      bool                  `json:"resolved"`
	Closed        bool                  `json:"closed"`
	Amount        int64                 `json:"amount"`
	TaxAmount     int64                 `json:"tax_amount"`
	Currency      string                `json:"currency"`
	Reason        *string               `json:"reason"`
	EvidenceDueBy *time.Time            `json:"evidence_due_by"`
	PastDue       bool                  `json:"past_due"`
	OrderID       id.ID                 `json:"order_id"`
	PaymentID     id.ID                 `json:"payment_id"`
}

// SchemaName is the name of the reference.
func (dispute) SchemaName() string { return "RefundDispute" }

// Create is the body of a refund.
type Create struct {
	Metadata       schema.MetadataInput `json:"metadata" factory:"{}"`
	OrderID        id.ID                `json:"order_id" doc:"The order to refund."`
	Reason         givenReason          `json:"reason" doc:"Why money is given back."`
	Amount         int64                `json:"amount" gt:"0" doc:"How much is given back, without taxes, in the smallest unit of the currency."`
	Comment        *string              `json:"comment" doc:"A remark of your own."`
	RevokeBenefits bool                 `json:"revoke_benefits" default:"false" doc:"Also take back what the order grants. Only for what was bought once: a subscription's benefits end with it."`
}

// SchemaName is the name of the reference.
func (Create) SchemaName() string { return "RefundCreate" }

type createInput struct{ Body Create }

// create gives money back. What a processor took, it is asked to give
// back, with no transaction open meanwhile; of other money somebody says that
// they have given it back.
func (s *Service) create(ctx context.Context, sub auth.Subject, in createInput) (out Refund, err error) {
	var q *request
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		q = nil
		r, err := s.refundable(ctx, tx, sub, &in.Body)
		if err != nil {
			return err
		}
		f := in.Body.of(&r)
		if f.Comment, err = s.Orders.Remark(ctx, tx, &r, f.Comment); err != nil {
			return err
		}
		p, err := s.source(ctx, tx, &r, f.Amount+f.TaxAmount)
		if err != nil {
			return err
		}
		if p == nil {
			out, err = s.record(ctx, tx, sub, &r, f)
			return err
		}
		q, err = s.ask(ctx, tx, &r, p, f)
		return err
	})
	if err != nil || q == nil {
		return out, err
	}
	return s.giveBack(ctx, sub, q)
}

// refundable is the order of a refund that may be made.
func (s *Service) refundable(ctx context.Context, tx *db.Tx, sub auth.Subject, b *Create) (order.Row, error) {
	r, err := s.Orders.Locked(ctx, tx, sub.Organizations(auth.SalesView), b.OrderID)
	switch {
	case errors.Is(err, fault.NotFound.New()):
		return r, schema.ValueError("Order not found", schema.StringNode(string(b.OrderID)), "body", "order_id")
	case err != nil:
		return r, err
	case !sub.May(r.OrganizationID, auth.SalesManage):
		return r, fault.NotPermitted.New(auth.SalesManage.Denied())
	case r.Status != order.Refunded && b.RevokeBenefits && r.SubscriptionID != nil:
		return r, fault.RevokeSubscriptionBenefits.New()
	}
	return r, possible(ctx, tx, &r, b.Amount)
}

// of is the refund that a body asks for, with its part of the taxes: many small
// parts are rounded up to no more than there is, nor is what a debt has added to
// the order taxed.
func (b *Create) of(r *order.Row) Refund {
	tax := r.RefundableTaxAmount()
	if b.Amount < r.RefundableAmount() {
		tax = min(tax, money.MulDiv(b.Amount, r.TaxAmount, max(1, r.NetAmount), money.HalfAwayFromZero))
	}
	return Refund{Metadata: b.Metadata.Metadata(), Reason: Reason(b.Reason), Amount: b.Amount, TaxAmount: tax, Comment: b.Comment,
		RevokeBenefits: b.RevokeBenefits}
}

// SortKey is a sorting criterion of the list.
type SortKey string

// Enum lists the criteria.
func (SortKey) Enum() []string { return []string{"created_at", "-created_at", "amount", "-amount"} }

// SchemaName is the name of the reference.
func (SortKey) SchemaName() string { return "RefundSortProperty" }

var sortKeys = listing.Keys{"created_at": {SQL: "created_at"}, "amount": {SQL: "amount"}}

type listInput struct {
	listing.Page
	Sorting           []SortKey           `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	IDs               schema.Many[id.ID]  `query:"id" doc:"Filter by refund ID."`
	Organizations     schema.Many[id.ID]  `query:"organization_id" doc:"Filter by organization ID."`
	Orders            schema.Many[id.ID]  `query:"order_id" doc:"Filter by order ID."`
	Subscriptions     schema.Many[id.ID]  `query:"subscription_id" doc:"Filter by subscription ID."`
	Customers         schema.Many[id.ID]  `query:"customer_id" doc:"Filter by customer ID."`
	ExternalCustomers schema.Many[string] `query:"external_customer_id" doc:"Filter by customer external ID."`
	Succeeded         *bool               `query:"succeeded" doc:"Only refunds that succeeded, or only those that did not."`
}

func (s *Service) list(ctx context.Context, sub auth.Subject, in listInput) (listing.Result[Refund], error) {
	orgs := sub.Organizations(auth.SalesView, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[Refund](), nil
	}
	return listing.Run[Refund](ctx, s.DB, listing.Query{Columns: columns, From: "refunds", Where: in.filter(orgs),
		Several: listing.AmongSeveral(orgs, in.filter), Order: sortKeys.Order(listing.Names(in.Sorting)), Page: in.Page})
}

func (in *listInput) filter(orgs []id.ID) *db.W {
	w := db.Where("").In("organization_id", orgs)
	listing.Among(w, "id", in.IDs)
	listing.Among(w, "order_id", in.Orders)
	listing.Among(w, "subscription_id", in.Subscriptions)
	listing.Among(w, "customer_id", in.Customers)
	customer.Externally(w, orgs, in.ExternalCustomers)
	if in.Succeeded != nil && *in.Succeeded {
		w.And("status = 'succeeded'")
	} else if in.Succeeded != nil {
		w.And("status <> 'succeeded'")
	}
	return w
}

// Told is a refund as webhooks show it: its entry holds the whole of it.
func Told(_ context.Context, _ db.Querier, e *journal.Entry) (any, error) {
	return json.RawMessage(e.After), nil
}

// MadeOf are the refunds that were made of an order, oldest first.
func MadeOf(ctx context.Context, q db.Querier, r *order.Row) ([]Refund, error) {
	list, err := db.All[Refund](ctx, q, `SELECT `+columns+` FROM refunds WHERE organization_id = ? AND order_id = ? AND status = 'succeeded'
		ORDER BY seq`, r.OrganizationID, r.ID)
	if err != nil {
		return nil, fmt.Errorf("read the refunds of an order: %w", err)
	}
	return list, nil
}
