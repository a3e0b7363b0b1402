package order

import (
	"context"

	"floe/internal/db"
	"floe/internal/money"
	"floe/internal/payment"
)

// tooLittle says whether a processor does not take so little.
func (s *Service) tooLittle(due int64, currency string) bool {
	return s.Payments.Processor.Capabilities().MinimumCharge && due > 0 && due < money.Minimum(currency)
}

// chargedTo is what an order of a subscription would be charged to, nil when
// there is nothing.
func (s *Service) chargedTo(ctx context.Context, q db.Querier, r *Row) (*payment.Chosen, error) {
	return s.Payments.Choose(ctx, q, payment.Choice{Organization: r.OrganizationID, Customer: r.CustomerID, Subscription: r.SubscriptionID})
}

// spare makes a debt of what is too little to be charged, of new orders that
// would be charged otherwise: the next order collects it.
func (s *Service) spare(ctx context.Context, tx *db.Tx, rows []Row, list []New, balances *accounts) error {
	if !s.Payments.Charges(tx) {
		return nil
	}
	for i := range rows {
		r := &rows[i]
		due := r.DueAmount()
		if !s.tooLittle(due, r.Currency) || !list[i].Charge || list[i].Charging || r.SubscriptionID == nil {
			continue
		}
		m, err := s.chargedTo(ctx, tx, r)
		if err != nil {
			return err
		}
		if m != nil {
			r.AppliedBalanceAmount -= due
			balances.move(r, r.CreatedAt, -due)
		}
	}
	return nil
}

// owe is spare of an order that was to be paid already, and is now.
func (s *Service) owe(ctx context.Context, tx *db.Tx, r *Row) error {
	was, due := *r, r.OpenAmount()
	r.AppliedBalanceAmount -= due
	if err := Credit(ctx, tx, r, -due); err != nil {
		return err
	}
	return s.paid(ctx, tx, cycleActor, &was, r)
}
