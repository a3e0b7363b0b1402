package refund

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/payment"
)

// Hear is what a processor says of a refund: of one that was asked for
// here, or of one that somebody made there.
func (s *Service) Hear(ctx context.Context, tx *db.Tx, actor auth.Subject, e *payment.Event) error {
	if e.Order == "" {
		return nil
	}
	r, err := s.Orders.Locked(ctx, tx, []id.ID{e.Organization}, e.Order)
	if errors.Is(err, fault.NotFound.New()) {
		return early(ctx, tx, e, nil)
	}
	if err != nil {
		return err
	}
	f, err := s.named(ctx, tx, e)
	if err != nil {
		return err
	}
	if f != nil {
		return s.became(ctx, tx, actor, &r, *f, e.RefundStatus)
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
	return s.madeThere(ctx, tx, actor, &r, e)
}

// madeThere records a refund that was made at the processor.
func (s *Service) madeThere(ctx context.Context, tx *db.Tx, actor auth.Subject, r *order.Row, e *payment.Event) error {
	p, err := order.PaymentNamed(ctx, tx, r.OrganizationID, r.ID, e.Payment)
	if err == nil {
		err = early(ctx, tx, e, p)
	}
	if err != nil || p == nil || p.Surplus || p.Status != order.Succeeded || !r.Status.Paid() || e.Amount <= 0 || !e.RefundStatus.Counts() {
		return err
	}
	tax, err := taxWithin(r, e.Amount)
	if err != nil {
		s.Logger.Error("the processor gave back more than there was", "order", r.ID, "refund", e.Refund)
		return nil
	}
	processor := s.Payments.Processor.Name()
	_, err = s.record(ctx, tx, actor, r, Refund{Status: e.RefundStatus, Reason: "other", Amount: e.Amount - tax, TaxAmount: tax,
		PaymentID: &p.ID, Processor: &processor, Reference: &e.Refund})
	return err
}

// early refuses what is said of money of which nobody knows yet that it came: the
// answer to its charge, or the event that tells of it, is still on the way. It is
// to be told again.
func early(ctx context.Context, q db.Querier, e *payment.Event, p *order.PaymentRow) error {
	if p == nil {
		c, err := charge.Of(ctx, q, e.Organization, e.Order)
		if err != nil || c == nil {
			return err
		}
	} else if p.Status != order.Underway {
		return nil
	}
	return fault.PaymentAlreadyInProgress.New(fmt.Sprintf("Payment for order %s is already in progress", e.Order))
}

// named is the refund that an event is about, nil when there is none yet.
func (s *Service) named(ctx context.Context, q db.Querier, e *payment.Event) (*Refund, error) {
	f, err := db.One[Refund](ctx, q, `SELECT `+columns+` FROM refunds
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
