package payment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
)

// Payer is the processor's name for a customer. The processor is told of those
// whom it does not know, and of those who have changed since. It must not be
// called inside a transaction.
func (s *Service) Payer(ctx context.Context, org, customerID id.ID) (string, error) {
	customers, err := customer.Rows(ctx, s.DB, []id.ID{org}, []id.ID{customerID})
	if err != nil {
		return "", err
	}
	c := customers[customerID]
	known, err := db.One[struct {
		Reference string
		ToldAt    time.Time
	}](ctx, s.DB, `SELECT reference, told_at FROM payers WHERE organization_id = ? AND customer_id = ? AND processor = ?`,
		org, customerID, s.Processor.Name())
	switch {
	case err != nil && !errors.Is(err, db.ErrNoRows):
		return "", fmt.Errorf("find what a processor calls a customer: %w", err)
	case c.AnonymizedAt != nil: // whom nobody is told of
		return known.Reference, nil
	case err == nil && changedAt(&c).Equal(known.ToldAt): // a released test clock takes time back
		return known.Reference, nil
	}
	reference, err := s.Processor.EnsureCustomer(ctx, payer(&c, known.Reference))
	if err != nil {
		return "", fmt.Errorf("tell a processor of customer %s: %w", customerID, err)
	}
	return reference, s.DB.Write(ctx, func(tx *db.Tx) error { return s.keep(ctx, tx, &c, reference) })
}

func payer(c *customer.Row, reference string) Payer {
	p := Payer{Organization: c.OrganizationID, Customer: c.ID, Address: c.BillingAddress, Reference: reference}
	for _, name := range []*string{c.Name, c.BillingName} {
		if name != nil && *name != "" {
			p.Name = *name
		}
	}
	if c.Email != nil {
		p.Email = *c.Email
	}
	return p
}

// keep stores a processor's name for a customer, as it knows them now. Who was
// anonymised meanwhile is not kept.
func (s *Service) keep(ctx context.Context, tx *db.Tx, c *customer.Row, reference string) error {
	now, err := s.Customers.Lock(ctx, tx, c.OrganizationID, c.ID)
	if err != nil || now.AnonymizedAt != nil {
		return err
	}
	_, err = db.Exec(ctx, tx, `INSERT INTO payers (organization_id, customer_id, processor, reference, told_at) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (organization_id, customer_id, processor) DO UPDATE SET reference = excluded.reference, told_at = excluded.told_at`,
		c.OrganizationID, c.ID, s.Processor.Name(), reference, changedAt(c))
	if err != nil {
		return fmt.Errorf("keep what a processor calls a customer: %w", err)
	}
	return nil
}

// changedAt is when a customer became what they are.
func changedAt(c *customer.Row) time.Time {
	if c.ModifiedAt != nil {
		return *c.ModifiedAt
	}
	return c.CreatedAt
}
