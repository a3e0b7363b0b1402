package order

import (
	"context"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/journal"
	"floe/internal/schema"
)

// Refund is what is given back of an order.
type Refund struct {
	Amount         int64 // without taxes
	TaxAmount      int64
	RevokeBenefits bool // what was bought is taken back, too
}

// GivenBack counts what was given back of an order, takes back what was bought
// if that is part of it, and tells the journal. The order must be locked.
func (s *Service) GivenBack(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, f Refund) error {
	was := *r
	if err := r.returned(ctx, tx, f.Amount, f.TaxAmount); err != nil {
		return err
	}
	items, err := itemsOf(ctx, tx, *r)
	if err != nil {
		return err
	}
	updated(tx, actor, &was, r)
	after := r.base(items[r.ID])
	journal.Append(tx, actor, r.entry("order.refunded", nil, schema.JSON(&after)))
	if f.RevokeBenefits {
		return s.grants(ctx, tx, actor, r, false)
	}
	return nil
}

// NotGivenBack undoes GivenBack, of money that is not given back after all. Its
// refund is stored as one that came to nothing by then.
func (s *Service) NotGivenBack(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, f Refund) error {
	was := *r
	if err := r.returned(ctx, tx, -f.Amount, -f.TaxAmount); err != nil {
		return err
	}
	updated(tx, actor, &was, r)
	if f.RevokeBenefits {
		return s.grantsAgain(ctx, tx, actor, r)
	}
	return nil
}

// returned counts what was given back, or less than nothing when it was not
// after all, and saves the order. Where the balance has paid all but taxes, only
// taxes can be given back.
func (r *Row) returned(ctx context.Context, tx *db.Tx, amount, tax int64) error {
	r.RefundedAmount += amount
	r.RefundedTaxAmount += tax
	given, most := r.RefundedAmount+r.RefundedTaxAmount, r.NetAmount+r.AppliedBalanceAmount
	switch {
	case given == 0:
		r.to(Paid)
	case given >= r.DueAmount(), most > 0 && r.RefundedAmount >= most:
		r.to(Refunded)
	default:
		r.to(PartiallyRefunded)
	}
	return save(ctx, tx, r)
}
