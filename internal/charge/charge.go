// Package charge asks a payment processor for money, and asks for it once: what
// is asked is stored before the call and goes when the answer is recorded. What
// comes between, trouble on the way or the end of the server, leaves it to be
// asked again under the same key. What follows from an answer is not decided
// here but by orders, through the interface declared here.
package charge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/payment"
)

// Service makes charges.
type Service struct {
	DB        *db.DB
	Logger    *slog.Logger
	Customers *customer.Service
	Payments  *payment.Service
	Orders    Orders
}

// Orders is what follows from what a processor says of a charge. The customer
// is locked when its methods are called.
type Orders interface {
	// Answered is called once for each answer to a charge. The charge is closed
	// by then, unless the answer is that it is pending. With givenUp a change of
	// a subscription is not made, because it cannot be: see Impossible.
	Answered(ctx context.Context, tx *db.Tx, actor auth.Subject, c *Row, result payment.ChargeResult, givenUp bool) error
	// Unexpected is called when money came that nobody waited for any more, or
	// had asked for.
	Unexpected(ctx context.Context, tx *db.Tx, actor auth.Subject, c *Row, result payment.ChargeResult) error
}

const (
	// patient is how long a processor may take to say what became of a charge
	// that it says is pending.
	patient = time.Hour
	// Soon is when a processor that has not answered is asked again.
	Soon = 5 * time.Minute
)

// Purpose is what a charge is for, and so what follows from it.
type Purpose string

// The purposes.
const (
	ForOrder   Purpose = "order"   // what a subscription owes
	ForDraft   Purpose = "draft"   // a draft that is being finalized
	ForPending Purpose = "pending" // the same, once callers see that it is pending
	ForChange  Purpose = "change"  // a change of a subscription, which is made when it is paid
)

// Row is money that a processor is asked for, as it is stored.
type Row struct {
	OrganizationID id.ID
	OrderID        id.ID
	CustomerID     id.ID
	SubscriptionID *id.ID
	Purpose        Purpose
	IdempotencyKey string
	MethodID       *id.ID
	Method         string
	Amount         int64
	Currency       string
	Cause          payment.Trigger
	Description    string
	CreatedAt      time.Time
	CheckAt        time.Time
	Change         json.RawMessage
	Processor      string
}

const columns = `organization_id, order_id, customer_id, subscription_id, purpose, idempotency_key, method_id, method, amount, currency, cause,
	description, created_at, check_at, change, processor`

// Ask stores a charge that is about to be made: what it is made to is chosen,
// and it gets its key. It answers false when there is nothing to charge it to.
func (s *Service) Ask(ctx context.Context, tx *db.Tx, c *Row, by payment.Choice, attempt string) (ok bool, err error) {
	by.Organization, by.Customer = c.OrganizationID, c.CustomerID
	m, err := s.Payments.Choose(ctx, tx, by)
	if err != nil || m == nil {
		return false, err
	}
	name := "default"
	if m.ID != "" {
		c.MethodID, c.Method, name = &m.ID, m.Reference, string(m.ID)
	}
	c.IdempotencyKey = "order:" + string(c.OrderID) + ":" + name
	if attempt != "" {
		c.IdempotencyKey += ":" + attempt
	}
	_, err = db.Exec(ctx, tx, `INSERT INTO charges (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.OrganizationID, c.OrderID, c.CustomerID, c.SubscriptionID, string(c.Purpose), c.IdempotencyKey, c.MethodID, c.Method, c.Amount, c.Currency,
		string(c.Cause), c.Description, c.CreatedAt, c.CheckAt, c.Change, s.Payments.Processor.Name())
	if err != nil {
		return false, fmt.Errorf("store what a processor is asked to charge: %w", err)
	}
	return true, nil
}

// Of is the charge of an order that was asked for and not answered, nil
// when there is none.
func Of(ctx context.Context, q db.Querier, org, order id.ID) (*Row, error) {
	c, err := db.One[Row](ctx, q, `SELECT `+columns+` FROM charges WHERE organization_id = ? AND order_id = ?`, org, order)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what a processor was asked to charge: %w", err)
	}
	return &c, nil
}

// Changing says whether a change of a subscription waits for its payment.
func (s *Service) Changing(ctx context.Context, q db.Querier, org, subscription id.ID) (bool, error) {
	return db.Exists(ctx, q, `SELECT 1 FROM charges WHERE organization_id = ? AND subscription_id = ? AND change IS NOT NULL LIMIT 1`,
		org, subscription)
}

// Make asks the processor for a charge and records its answer. It must not be
// called inside a transaction. After trouble on the way, which is the error,
// the charge stays and is made again.
func (s *Service) Make(ctx context.Context, actor auth.Subject, c *Row) (payment.ChargeResult, error) {
	result, trouble := s.call(ctx, c)
	err := s.Settle(context.WithoutCancel(ctx), func(tx *db.Tx, givenUp bool) error {
		if trouble != nil {
			return c.again(ctx, tx, Soon)
		}
		return s.answered(ctx, tx, actor, c, result, givenUp)
	})
	if trouble != nil {
		trouble = fmt.Errorf("charge for order %s, which will be done again: %w", c.OrderID, trouble)
	}
	return result, errors.Join(trouble, err)
}

func (s *Service) call(ctx context.Context, c *Row) (result payment.ChargeResult, err error) {
	payer, err := s.Payments.Payer(ctx, c.OrganizationID, c.CustomerID)
	if err != nil {
		return result, err
	}
	result, err = s.Payments.Processor.Charge(ctx, payment.Charge{Organization: c.OrganizationID, Customer: c.CustomerID, Order: c.OrderID,
		Payer: payer, Method: c.Method, Amount: c.Amount, Currency: c.Currency, OffSession: true, Trigger: c.Cause,
		IdempotencyKey: c.IdempotencyKey, Description: c.Description})
	switch {
	case err != nil:
	case !result.State.Known():
		err = fmt.Errorf("the processor answered the state %q", result.State)
	case result.State == payment.StateSucceeded && result.Reference == "":
		err = errors.New("the processor took money and did not say how it calls the payment")
	}
	return result, err
}

// again says when the same is asked again.
func (c *Row) again(ctx context.Context, tx *db.Tx, after time.Duration) error {
	_, err := db.Exec(ctx, tx, `UPDATE charges SET check_at = ? WHERE organization_id = ? AND order_id = ? AND idempotency_key = ?`,
		tx.Now().Add(after), c.OrganizationID, c.OrderID, c.IdempotencyKey)
	if err != nil {
		return fmt.Errorf("put off a charge: %w", err)
	}
	return nil
}

// answered records the answer to a charge, once. When an event has come before
// it there is nothing to do, unless money was taken that nobody waits for.
func (s *Service) answered(ctx context.Context, tx *db.Tx, actor auth.Subject, c *Row, result payment.ChargeResult, givenUp bool) error {
	if _, err := s.Customers.Lock(ctx, tx, c.OrganizationID, c.CustomerID); err != nil {
		return err
	}
	now, err := Of(ctx, tx, c.OrganizationID, c.OrderID)
	switch {
	case err != nil:
		return err
	case now != nil && now.IdempotencyKey == c.IdempotencyKey:
		return s.Conclude(ctx, tx, actor, now, result, givenUp)
	case result.State == payment.StateSucceeded:
		return s.Orders.Unexpected(ctx, tx, actor, c, result)
	}
	return nil
}

// cycle is who asks when nobody waits for the answer.
var cycle = auth.NewSystem("billing cycle")

// MakeAll makes charges, some at a time. One that cannot be made or recorded
// does not keep the others.
func (s *Service) MakeAll(ctx context.Context, charges []Row) error {
	return payment.Each(charges, func(c *Row) error {
		_, err := s.Make(ctx, cycle, c)
		return err
	})
}

// Run asks again for charges that a processor has not answered for. It
// answers how many they were, and when the next are to be asked for (zero when
// none are). Many nodes may call it at once: who locks a charge to move its date
// asks.
func (s *Service) Run(ctx context.Context, limit int) (done int, next time.Time, err error) {
	if !s.Payments.Processor.Capabilities().OffSession {
		return 0, time.Time{}, nil
	}
	var list []Row
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		list, err = db.All[Row](ctx, tx, `SELECT `+columns+` FROM charges WHERE check_at <= ? AND processor = ?
			ORDER BY check_at, order_id LIMIT ?`+tx.SkipLocked(), tx.Now(), s.Payments.Processor.Name(), limit)
		if err != nil {
			return fmt.Errorf("find charges that were not answered for: %w", err)
		}
		for i := range list {
			if err := list[i].again(ctx, tx, Soon); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, next, err
	}
	if err := s.MakeAll(ctx, list); err != nil {
		return len(list), next, err
	}
	t, err := db.One[*time.Time](ctx, s.DB, `SELECT MIN(check_at) FROM charges WHERE processor = ?`, s.Payments.Processor.Name())
	if err != nil || t == nil {
		return len(list), time.Time{}, err
	}
	return len(list), *t, nil
}
