package refund

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/payment"
)

// HearDispute stores what has become of a dispute about a payment. What is told
// late does not open it again.
func (s *Service) HearDispute(ctx context.Context, tx *db.Tx, e *payment.Event) error {
	if e.Order == "" || e.Dispute == "" {
		return nil
	}
	r, err := s.Orders.Locked(ctx, tx, []id.ID{e.Organization}, e.Order)
	if errors.Is(err, fault.NotFound.New()) {
		return early(ctx, tx, e, nil)
	}
	if err != nil {
		return err
	}
	p, err := order.PaymentNamed(ctx, tx, r.OrganizationID, r.ID, e.Payment)
	if err != nil {
		return err
	}
	if p == nil {
		return early(ctx, tx, e, nil)
	}
	_, err = db.Exec(ctx, tx, `INSERT INTO disputes (organization_id, id, order_id, payment_id, created_at, processor, reference, status, amount, currency,
			reason, evidence_due_by) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (organization_id, payment_id, reference) DO UPDATE SET modified_at = ?, status = excluded.status, amount = excluded.amount,
			reason = excluded.reason, evidence_due_by = excluded.evidence_due_by
		WHERE disputes.status NOT IN ('prevented', 'lost', 'won')`,
		r.OrganizationID, tx.NewID(tx.Now()), r.ID, p.ID, tx.Now(), s.Payments.Processor.Name(), e.Dispute, string(e.DisputeStatus), e.Amount, p.Currency,
		orNil(e.DisputeReason), e.EvidenceDueBy, tx.Now())
	if err != nil {
		return fmt.Errorf("store a dispute: %w", err)
	}
	return nil
}

// disputed says whether somebody disputes a payment of the order, or has won:
// then the money is not there to be given back.
func disputed(ctx context.Context, q db.Querier, r *order.Row) (bool, error) {
	list, err := db.All[string](ctx, q, `SELECT status FROM disputes WHERE organization_id = ? AND order_id = ?`, r.OrganizationID, r.ID)
	if err != nil {
		return false, fmt.Errorf("look for disputes: %w", err)
	}
	for _, status := range list {
		if payment.DisputeStatus(status).Holds() {
			return true, nil
		}
	}
	return false, nil
}

func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
