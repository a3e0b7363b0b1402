package order

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/payment"
)

// HearRefund is what a processor says of a refund: of one that was asked for
// here, or of one that somebody made there.
func (s *Service) HearRefund(ctx context.Context, tx *db.Tx, actor auth.Subject, e *payment.Event) error {
	if e.Order == "" {
		return nil
	}
	r, err := s.locked(ctx, tx, []id.ID{e.Organization}, e.Order)
	if errors.Is(err, fault.NotFound.New()) {
		return nil
	}
	if err != nil {
		return err
	}
	f, err := s.refundNamed(ctx, tx, e)
	if err != nil {
		return err
	}
	if f != nil {
		return s.refundBecame(ctx, tx, actor, &r, *f, e.RefundStatus)
	}
	q, err := requestOf(ctx, tx, &r)
	switch {
	case err != nil:
		return err
	case q != nil && q.ID == e.RefundID:
		_, err := s.gaveBack(ctx, tx, actor, &r, q, payment.RefundResult{Reference: e.Refund, Status: e.RefundStatus})
		return err
	case q != nil && e.RefundID == "":
		return fault.RefundPendingCreation.New(fmt.Sprintf("A refund of order %s is in progress", r.ID))
	}
	return s.refundedThere(ctx, tx, actor, &r, e)
}

// refundedThere records a refund that was made at the processor.
func (s *Service) refundedThere(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row, e *payment.Event) error {
	p, err := PaymentNamed(ctx, tx, r.OrganizationID, r.ID, e.Payment)
	if err != nil || p == nil || p.Surplus || p.Status != Succeeded || !r.Status.Paid() || e.Amount <= 0 || !e.RefundStatus.Counts() {
		return err
	}
	tax, err := r.taxWithin(e.Amount)
	if err != nil {
		s.Logger.Error("the processor gave back more than there was", "order", r.ID, "refund", e.Refund)
		return nil
	}
	processor := s.Payments.Processor.Name()
	_, err = s.refund(ctx, tx, actor, r, Refund{Status: e.RefundStatus, Reason: "other", Amount: e.Amount - tax, TaxAmount: tax,
		PaymentID: &p.ID, Processor: &processor, Reference: &e.Refund})
	return err
}

// refundNamed is the refund that an event is about, nil when there is none yet.
func (s *Service) refundNamed(ctx context.Context, q db.Querier, e *payment.Event) (*Refund, error) {
	f, err := db.One[Refund](ctx, q, `SELECT `+refundColumns+` FROM refunds
		WHERE organization_id = ? AND order_id = ? AND (id = ? OR processor = ? AND reference = ?)`,
		e.Organization, e.Order, orNone(e.RefundID), s.Payments.Processor.Name(), e.Refund)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find a refund: %w", err)
	}
	return &f, nil
}

// orNone is an id that nothing has, where there is none.
func orNone(x id.ID) id.ID {
	if _, problem := id.Parse(string(x)); problem.OK() {
		return x
	}
	return "00000000-0000-4000-8000-000000000000"
}
