package order

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/listing"
	"floe/internal/money"
	"floe/internal/payment"
	"floe/internal/schema"
)

// RefundReason is why money is given back.
type RefundReason string

// Enum lists the reasons.
func (RefundReason) Enum() []string {
	return []string{"duplicate", "fraudulent", "customer_request", "service_disruption", "satisfaction_guarantee", "dispute_prevention", "other"}
}

// givenReason is a reason that a caller can give.
type givenReason RefundReason

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
	Reason         RefundReason         `json:"reason"`
	Amount         int64                `json:"amount" doc:"What was given back, without taxes."`
	TaxAmount      int64                `json:"tax_amount" doc:"Taxes that were given back."`
	Currency       string               `json:"currency"`
	OrganizationID id.ID                `json:"organization_id"`
	OrderID        id.ID                `json:"order_id"`
	SubscriptionID *id.ID               `json:"subscription_id"`
	CustomerID     id.ID                `json:"customer_id"`
	RevokeBenefits bool                 `json:"revoke_benefits"`
	Dispute        *refundDispute       `json:"dispute"`
	PaymentID      *id.ID               `json:"-"`
	Comment        *string              `json:"-"`
}

// refundDispute is never there: disputes are a processor's.
type refundDispute struct {
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
func (refundDispute) SchemaName() string { return "RefundDispute" }

const refundColumns = `id, created_at, modified_at, metadata, status, reason, amount, tax_amount, currency, organization_id, order_id,
	subscription_id, customer_id, revoke_benefits, payment_id, comment`

func insertRefund(ctx context.Context, tx *db.Tx, f *Refund) error {
	_, err := db.Exec(ctx, tx, `INSERT INTO refunds (`+refundColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		f.ID, f.CreatedAt, f.ModifiedAt, []byte(f.Metadata), string(f.Status), string(f.Reason), f.Amount, f.TaxAmount, f.Currency,
		f.OrganizationID, f.OrderID, f.SubscriptionID, f.CustomerID, f.RevokeBenefits, f.PaymentID, f.Comment)
	if err != nil {
		return fmt.Errorf("insert a refund: %w", err)
	}
	return nil
}

// returned records that money of an order was given back outside. The amount
// has its share of the taxes in it.
func (s *Service) returned(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, p PaymentRow) error {
	if err := r.refundable(ctx, tx, 0); err != nil {
		return err
	}
	tax := int64(0)
	switch all := r.RefundableAmount() + r.RefundableTaxAmount(); {
	case p.Amount > all:
		return tooMuch(p.Amount)
	case p.Amount == all:
		tax = r.RefundableTaxAmount()
	default:
		tax = money.MulDiv(p.Amount, r.TaxAmount, r.TotalAmount(), money.HalfAwayFromZero)
	}
	_, err := s.refund(ctx, tx, actor, r, Refund{Reason: "other", Amount: p.Amount - tax, TaxAmount: tax, Comment: p.Note, PaymentID: &p.ID})
	return err
}

func tooMuch(amount int64) error {
	return schema.ValueError("Refund amount exceeds refundable amount", intNode(amount), "body", "amount")
}

// refundable says whether anything, and this much, can be given back.
func (r *Row) refundable(ctx context.Context, q db.Querier, amount int64) error {
	switch {
	case r.Status == Refunded:
		return fault.RefundedAlready.New(fmt.Sprintf("Order is already fully refunded: %s", r.ID))
	case amount > r.RefundableAmount():
		return tooMuch(amount)
	}
	_, err := db.One[int64](ctx, q, `SELECT 1 FROM order_payments WHERE organization_id = ? AND order_id = ? AND status = 'succeeded' LIMIT 1`,
		r.OrganizationID, r.ID)
	if errors.Is(err, db.ErrNoRows) || err == nil && !r.Status.Paid() {
		return fault.RefundUnknownPayment.New(fmt.Sprintf("Refund issued for unknown order: %s", r.ID))
	}
	return err
}

// refund stores a refund that has happened and changes the order by it.
func (s *Service) refund(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, f Refund) (Refund, error) {
	f.ID, f.CreatedAt, f.Status, f.Currency = tx.NewID(tx.Now()), tx.Now(), payment.RefundSucceeded, r.Currency
	f.OrganizationID, f.OrderID, f.SubscriptionID, f.CustomerID = r.OrganizationID, r.ID, r.SubscriptionID, r.CustomerID
	if len(f.Metadata) == 0 {
		f.Metadata = schema.EmptyMetadata
	}
	if err := insertRefund(ctx, tx, &f); err != nil {
		return f, err
	}
	was := *r
	r.RefundedAmount += f.Amount
	r.RefundedTaxAmount += f.TaxAmount
	if r.RefundedAmount >= r.NetAmount+r.AppliedBalanceAmount {
		r.to(Refunded)
	} else {
		r.to(PartiallyRefunded)
	}
	if err := save(ctx, tx, r); err != nil {
		return f, err
	}
	items, err := itemsOf(ctx, tx, *r)
	if err != nil {
		return f, err
	}
	journal.Append(tx, actor, journal.Entry{Organization: f.OrganizationID, Type: "refund.created", Customer: f.CustomerID, Subject: f.ID,
		After: schema.JSON(&f)})
	updated(tx, actor, &was, r)
	after := r.base(items[r.ID])
	journal.Append(tx, actor, r.entry("order.refunded", nil, schema.JSON(&after)))
	if f.RevokeBenefits {
		return f, s.grants(ctx, tx, actor, r, false)
	}
	return f, nil
}

// RefundCreate is the body of a refund.
type RefundCreate struct {
	Metadata       schema.MetadataInput `json:"metadata" factory:"{}"`
	OrderID        id.ID                `json:"order_id" doc:"The order to refund."`
	Reason         givenReason          `json:"reason" doc:"Why money is given back."`
	Amount         int64                `json:"amount" gt:"0" doc:"How much is given back, without taxes, in the smallest unit of the currency."`
	Comment        *string              `json:"comment" doc:"A remark of your own."`
	RevokeBenefits bool                 `json:"revoke_benefits" default:"false" doc:"Also take back what the order grants. Only for what was bought once: a subscription's benefits end with it."`
}

type refundInput struct{ Body RefundCreate }

// createRefund records a refund. The money itself is moved by the processor;
// without one, somebody has given it back, and this says so.
func (s *Service) createRefund(ctx context.Context, sub auth.Subject, in refundInput) (out Refund, err error) {
	b := in.Body
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		r, err := s.locked(ctx, tx, sub.Organizations(auth.SalesView), b.OrderID)
		if errors.Is(err, fault.NotFound.New()) {
			return schema.ValueError("Order not found", schema.StringNode(string(b.OrderID)), "body", "order_id")
		}
		if err != nil {
			return err
		}
		if !sub.May(r.OrganizationID, auth.SalesManage) {
			return fault.NotPermitted.New(auth.SalesManage.Denied())
		}
		if r.Status == Refunded {
			return r.refundable(ctx, tx, b.Amount)
		}
		if b.RevokeBenefits && r.SubscriptionID != nil {
			return fault.RevokeSubscriptionBenefits.New()
		}
		if err := r.refundable(ctx, tx, b.Amount); err != nil {
			return err
		}
		tax := money.MulDiv(b.Amount, r.TaxAmount, max(1, r.NetAmount), money.HalfAwayFromZero)
		if b.Amount == r.RefundableAmount() {
			tax = r.RefundableTaxAmount()
		}
		out, err = s.refund(ctx, tx, sub, &r, Refund{Metadata: b.Metadata.Metadata(), Reason: RefundReason(b.Reason), Amount: b.Amount,
			TaxAmount: tax, Comment: b.Comment, RevokeBenefits: b.RevokeBenefits})
		return err
	})
	return out, err
}

// RefundSort is a sorting criterion of the list.
type RefundSort string

// Enum lists the criteria.
func (RefundSort) Enum() []string { return []string{"created_at", "-created_at", "amount", "-amount"} }

// SchemaName is the name of the reference.
func (RefundSort) SchemaName() string { return "RefundSortProperty" }

var refundSortKeys = listing.Keys{"created_at": {SQL: "created_at"}, "amount": {SQL: "amount"}}

type listRefundsInput struct {
	listing.Page
	Sorting           []RefundSort        `query:"sorting" first:"" default:"[\"-created_at\"]" doc:"Sorting criteria, applied in order. A minus sign before one reverses it."`
	IDs               schema.Many[id.ID]  `query:"id" doc:"Filter by refund ID."`
	Organizations     schema.Many[id.ID]  `query:"organization_id" doc:"Filter by organization ID."`
	Orders            schema.Many[id.ID]  `query:"order_id" doc:"Filter by order ID."`
	Subscriptions     schema.Many[id.ID]  `query:"subscription_id" doc:"Filter by subscription ID."`
	Customers         schema.Many[id.ID]  `query:"customer_id" doc:"Filter by customer ID."`
	ExternalCustomers schema.Many[string] `query:"external_customer_id" doc:"Filter by customer external ID."`
	Succeeded         *bool               `query:"succeeded" doc:"Only refunds that succeeded, or only those that did not."`
}

func (s *Service) listRefunds(ctx context.Context, sub auth.Subject, in listRefundsInput) (listing.Result[Refund], error) {
	orgs := sub.Organizations(auth.SalesView, in.Organizations...)
	if len(orgs) == 0 {
		return listing.Empty[Refund](), nil
	}
	w := db.Where("").In("organization_id", orgs)
	among(w, "id", in.IDs)
	among(w, "order_id", in.Orders)
	among(w, "subscription_id", in.Subscriptions)
	among(w, "customer_id", in.Customers)
	externally(w, orgs, in.ExternalCustomers)
	if in.Succeeded != nil && *in.Succeeded {
		w.And("status = 'succeeded'")
	} else if in.Succeeded != nil {
		w.And("status <> 'succeeded'")
	}
	return listing.Run[Refund](ctx, s.DB, listing.Query{Columns: refundColumns, From: "refunds", Where: w,
		Order: refundSortKeys.Order(names(in.Sorting)), Page: in.Page})
}

// intNode is a number as a problem echoes it.
func intNode(n int64) *schema.Node {
	return &schema.Node{Kind: schema.Int, Text: strconv.FormatInt(n, 10)}
}
