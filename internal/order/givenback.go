package order

import (
	"context"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/journal"
	"floe/internal/schema"
)

// GivenBack counts what was given back of an order and tells the journal. With
// revoke it takes back what was bought, too. The order must be locked.
func (s *Service) GivenBack(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, amount, tax int64, revoke bool) error {
	was := *r
	if err := r.returned(ctx, tx, amount, tax); err != nil {
		return err
	}
	items, err := itemsOf(ctx, tx, *r)
	if err != nil {
		return err
	}
	updated(tx, actor, &was, r)
	after := r.base(items[r.ID])
	journal.Append(tx, actor, r.entry("order.refunded", nil, schema.JSON(&after)))
	if revoke {
		return s.grants(ctx, tx, actor, r, false)
	}
	return nil
}

// NotGivenBack undoes GivenBack, of money that is not given back after all. Its
// refund is stored as one that came to nothing by then.
func (s *Service) NotGivenBack(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, amount, tax int64, revoked bool) error {
	was := *r
	if err := r.returned(ctx, tx, -amount, -tax); err != nil {
		return err
	}
	updated(tx, actor, &was, r)
	if revoked {
		return s.grantsAgain(ctx, tx, actor, r)
	}
	return nil
}

// returned counts what was given back, or less than nothing when it was not
// after all, and saves the order.
func (r *Row) returned(ctx context.Context, tx *db.Tx, amount, tax int64) error {
	r.RefundedAmount += amount
	r.RefundedTaxAmount += tax
	switch {
	case r.RefundedAmount == 0:
		r.to(Paid)
	case r.RefundedAmount >= r.NetAmount+r.AppliedBalanceAmount:
		r.to(Refunded)
	default:
		r.to(PartiallyRefunded)
	}
	return save(ctx, tx, r)
}
