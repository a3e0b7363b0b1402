package payment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// methodRow is a way to pay as it is stored.
type methodRow struct {
	ID             id.ID
	OrganizationID id.ID
	CustomerID     id.ID
	CreatedAt      time.Time
	ModifiedAt     *time.Time
	DeletedAt      *time.Time
	Processor      string
	Reference      string
	Type           string
	MethodMetadata json.RawMessage
}

const methodColumns = `id, organization_id, customer_id, created_at, modified_at, deleted_at, processor, reference, type, method_metadata`

func (r *methodRow) public(byDefault *id.ID) Saved {
	s := Saved{ID: r.ID, CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, Processor: r.Processor, CustomerID: r.CustomerID, Type: r.Type,
		IsDefault: byDefault != nil && *byDefault == r.ID}
	s.MethodMetadata = readCard(r.MethodMetadata)
	return s
}

// readCard is what is stored of a card, nil when it is nothing.
func readCard(text json.RawMessage) *Card {
	var c Card
	if len(text) == 0 || json.Unmarshal(text, &c) != nil {
		return nil
	}
	return &c
}

// metadata is what is stored of a method.
func (m *Method) metadata() json.RawMessage {
	if m.Card == nil {
		return nil
	}
	return schema.JSON(m.Card)
}

// Chosen is the way to pay that a charge uses.
type Chosen struct {
	ID        id.ID
	Reference string
}

// Choice is what is asked for a way to pay.
type Choice struct {
	Organization id.ID
	Customer     id.ID
	Wanted       *id.ID // this one or none
	Subscription *id.ID // its own comes before the default
	Any          bool   // any will do where there is no default
}

// Choose finds the way to pay for a charge, in the order of the contract: the
// one that is wanted, the subscription's own, the customer's default, any. It
// answers nil when there is none. Who remembers no ways to pay needs none.
func (s *Service) Choose(ctx context.Context, q db.Querier, c Choice) (*Chosen, error) {
	if !s.Processor.Capabilities().SaveMethods {
		if c.Wanted != nil {
			return nil, nil
		}
		return &Chosen{}, nil
	}
	list, err := db.All[struct {
		ID        id.ID
		Reference string
		Default   *id.ID
	}](ctx, q, `SELECT m.id, m.reference, c.default_payment_method_id AS "default" FROM payment_methods m
		JOIN customers c ON c.organization_id = m.organization_id AND c.id = m.customer_id
		WHERE m.organization_id = ? AND m.customer_id = ? AND m.processor = ? AND m.deleted_at IS NULL ORDER BY m.created_at DESC, m.id DESC`,
		c.Organization, c.Customer, s.Processor.Name())
	if err != nil {
		return nil, fmt.Errorf("find the payment methods of a customer: %w", err)
	}
	if len(list) == 0 {
		return nil, nil
	}
	of := func(m *id.ID) *Chosen {
		for _, x := range list {
			if m != nil && x.ID == *m {
				return &Chosen{x.ID, x.Reference}
			}
		}
		return nil
	}
	if c.Wanted != nil {
		return of(c.Wanted), nil
	}
	own, err := methodOf(ctx, q, c.Organization, c.Subscription)
	if err != nil {
		return nil, err
	}
	for _, m := range []*id.ID{own, list[0].Default} {
		if found := of(m); found != nil {
			return found, nil
		}
	}
	if c.Any {
		return &Chosen{list[0].ID, list[0].Reference}, nil
	}
	return nil, nil
}

// methodOf is what a subscription is charged to, when it has a method of its own.
func methodOf(ctx context.Context, q db.Querier, org id.ID, subscription *id.ID) (*id.ID, error) {
	if subscription == nil {
		return nil, nil
	}
	m, err := db.One[*id.ID](ctx, q, `SELECT payment_method_id FROM subscriptions WHERE organization_id = ? AND id = ?`, org, *subscription)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		return nil, fmt.Errorf("find the payment method of a subscription: %w", err)
	}
	return m, nil
}

// Save stores a way to pay, or what has become of it; one that was deleted
// lives again. Of a customer who was deleted nothing is kept.
func (s *Service) Save(ctx context.Context, tx *db.Tx, org, customerID id.ID, m *Method) (id.ID, error) {
	if m == nil || m.Reference == "" {
		return "", nil
	}
	if c, err := s.Customers.Lock(ctx, tx, org, customerID); err != nil || c.DeletedAt != nil {
		return "", err
	}
	saved, err := db.One[id.ID](ctx, tx, `INSERT INTO payment_methods (`+methodColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (organization_id, customer_id, processor, reference) DO UPDATE SET modified_at = ?, deleted_at = NULL, detach_at = NULL,
			type = excluded.type, method_metadata = excluded.method_metadata
		RETURNING id`,
		tx.NewID(tx.Now()), org, customerID, tx.Now(), nil, nil, s.Processor.Name(), m.Reference, m.Type, m.metadata(), tx.Now())
	if err != nil {
		return "", fmt.Errorf("save a payment method: %w", err)
	}
	return saved, nil
}

// Known is what is known of a method that is kept, or was.
func (s *Service) Known(ctx context.Context, q db.Querier, org id.ID, method id.ID) (*Method, error) {
	r, err := db.One[methodRow](ctx, q, `SELECT `+methodColumns+` FROM payment_methods WHERE organization_id = ? AND id = ?`, org, method)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a payment method: %w", err)
	}
	return &Method{Reference: r.Reference, Type: r.Type, Card: readCard(r.MethodMetadata)}, nil
}

// Updated stores what a processor says of a method that is kept.
func (s *Service) Updated(ctx context.Context, tx *db.Tx, org id.ID, m *Method) error {
	_, err := db.Exec(ctx, tx, `UPDATE payment_methods SET modified_at = ?, type = ?, method_metadata = ?
		WHERE organization_id = ? AND processor = ? AND reference = ? AND deleted_at IS NULL`,
		tx.Now(), m.Type, m.metadata(), org, s.Processor.Name(), m.Reference)
	if err != nil {
		return fmt.Errorf("change a payment method: %w", err)
	}
	return nil
}

// SetDefault makes a method what the customer pays with.
func (s *Service) SetDefault(ctx context.Context, tx *db.Tx, actor auth.Subject, c customer.Row, method id.ID) error {
	return s.Customers.PayWith(ctx, tx, actor, c, &method)
}

// Delete forgets a way to pay of a customer who must be locked: it is nobody's
// default and no subscription's any more. With detach the processor is asked to
// forget it too, afterwards.
func (s *Service) Delete(ctx context.Context, tx *db.Tx, actor auth.Subject, org, customerID, method id.ID, detach bool) error {
	var at *time.Time
	if now := tx.Wall(); detach {
		at = &now
	}
	n, err := db.Exec(ctx, tx, `UPDATE payment_methods SET modified_at = ?, deleted_at = ?, detach_at = ?
		WHERE organization_id = ? AND customer_id = ? AND id = ? AND deleted_at IS NULL`, tx.Now(), tx.Now(), at, org, customerID, method)
	if err != nil {
		return fmt.Errorf("delete a payment method: %w", err)
	}
	if n == 0 {
		return nil
	}
	_, err = db.Exec(ctx, tx, `UPDATE subscriptions SET payment_method_id = NULL WHERE organization_id = ? AND customer_id = ? AND payment_method_id = ?`,
		org, customerID, method)
	if err != nil {
		return fmt.Errorf("take a payment method off subscriptions: %w", err)
	}
	c, err := s.Customers.Lock(ctx, tx, org, customerID)
	if err != nil || c.DefaultPaymentMethodID == nil || *c.DefaultPaymentMethodID != method {
		return err
	}
	return s.Customers.PayWith(ctx, tx, actor, c, nil)
}

// Detached forgets a method that the processor has forgotten. Whose it is is
// known; that it is unknown, or forgotten, is nothing to do. Of several customers
// who share one the oldest is locked first, so that nobody waits in a circle.
func (s *Service) Detached(ctx context.Context, tx *db.Tx, actor auth.Subject, org id.ID, reference string) error {
	list, err := db.All[methodRow](ctx, tx, `SELECT `+methodColumns+` FROM payment_methods
		WHERE organization_id = ? AND processor = ? AND reference = ? AND deleted_at IS NULL ORDER BY customer_id`, org, s.Processor.Name(), reference)
	if err != nil {
		return fmt.Errorf("find a payment method: %w", err)
	}
	for _, m := range list {
		if _, err := s.Customers.Lock(ctx, tx, org, m.CustomerID); err != nil {
			return err
		}
		if err := s.Delete(ctx, tx, actor, org, m.CustomerID, m.ID, false); err != nil {
			return err
		}
	}
	return nil
}

// ForgetAll forgets all ways to pay of customers who are being deleted. What
// is known of cards is forgotten with the person: of the methods, and of what
// was paid with them.
func (s *Service) ForgetAll(ctx context.Context, tx *db.Tx, org id.ID, customers []id.ID, anonymize bool) error {
	if len(customers) == 0 {
		return nil
	}
	w := db.Where("organization_id = ?", org).In("customer_id", customers)
	var now any = tx.Now()
	err := db.Later(ctx, tx, `UPDATE payment_methods SET modified_at = ?, deleted_at = ?, detach_at = ?`+w.SQL()+` AND deleted_at IS NULL`,
		append([]any{now, now, tx.Wall()}, w.Args()...)...)
	if err != nil {
		return fmt.Errorf("forget payment methods: %w", err)
	}
	if !anonymize {
		return nil
	}
	for _, table := range []string{"payment_methods", "order_payments"} {
		if err := db.Later(ctx, tx, `UPDATE `+table+` SET method_metadata = NULL`+w.SQL(), w.Args()...); err != nil {
			return fmt.Errorf("erase what is known of payment methods: %w", err)
		}
	}
	for _, c := range customers {
		if err := s.erase(ctx, tx, org, c); err != nil {
			return err
		}
	}
	return nil
}

// Forget forgets a processor's name for a customer who was anonymised, once no
// charge needs it any more.
func (s *Service) Forget(ctx context.Context, tx *db.Tx, org, customerID id.ID) error {
	c, err := s.Customers.Lock(ctx, tx, org, customerID)
	if err != nil || c.AnonymizedAt == nil {
		return err
	}
	return s.erase(ctx, tx, org, customerID)
}

// erase leaves the name of somebody who is being charged: the same has to be
// asked again until there is an answer.
func (s *Service) erase(ctx context.Context, tx *db.Tx, org, customerID id.ID) error {
	err := db.Later(ctx, tx, `DELETE FROM payers WHERE organization_id = ? AND customer_id = ?
		AND NOT EXISTS (SELECT 1 FROM charges WHERE organization_id = ? AND customer_id = ?)`, org, customerID, org, customerID)
	if err != nil {
		return fmt.Errorf("forget what a processor calls a customer: %w", err)
	}
	return nil
}

// again is when a processor that could not be reached is asked again.
const again = 5 * time.Minute

// RunDetach asks the processor to forget the methods that were deleted. It
// answers how many, and when the next is to be (zero when none is). Many nodes
// may call it at once.
func (s *Service) RunDetach(ctx context.Context, limit int) (done int, next time.Time, err error) {
	if s.Processor.Name() == ManualName {
		return 0, next, nil
	}
	var list []methodRow
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		list, err = db.All[methodRow](ctx, tx, `SELECT `+methodColumns+` FROM payment_methods
			WHERE detach_at IS NOT NULL AND detach_at <= ? AND processor = ? ORDER BY detach_at, seq LIMIT ?`+tx.SkipLocked(),
			tx.Now(), s.Processor.Name(), limit)
		if err != nil {
			return fmt.Errorf("find payment methods to forget: %w", err)
		}
		return postpone(ctx, tx, list)
	})
	if err != nil {
		return 0, next, err
	}
	err = Each(list, func(m *methodRow) error {
		if err := s.Processor.DetachMethod(ctx, m.Reference); err != nil {
			return err
		}
		return s.DB.Write(ctx, func(tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE payment_methods SET detach_at = NULL WHERE organization_id = ? AND id = ? AND deleted_at IS NOT NULL`,
				m.OrganizationID, m.ID)
			return err
		})
	})
	if err != nil {
		return len(list), next, err
	}
	t, err := db.One[*time.Time](ctx, s.DB, `SELECT MIN(detach_at) FROM payment_methods WHERE detach_at IS NOT NULL AND processor = ?`, s.Processor.Name())
	if err != nil || t == nil {
		return len(list), time.Time{}, err
	}
	return len(list), *t, nil
}

// postpone keeps others from what is in hand.
func postpone(ctx context.Context, tx *db.Tx, list []methodRow) error {
	for _, m := range list {
		_, err := db.Exec(ctx, tx, `UPDATE payment_methods SET detach_at = ? WHERE organization_id = ? AND id = ?`,
			tx.Now().Add(again), m.OrganizationID, m.ID)
		if err != nil {
			return fmt.Errorf("take up a payment method: %w", err)
		}
	}
	return nil
}
