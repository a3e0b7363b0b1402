package order

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/payment"
)

const (
	// patient is how long a processor may take to say what became of a charge
	// that it says is pending.
	patient = time.Hour
	// Soon is when a processor that has not answered is asked again.
	Soon = 5 * time.Minute
	// answerTime is how long a call of a processor may take.
	answerTime = time.Minute
	// atOnce is how many charges are made at a time.
	atOnce = 8
)

// Purpose is what a charge is for, and so what follows from it.
type Purpose string

const (
	forOrder   Purpose = "order"   // what a subscription owes
	forDraft   Purpose = "draft"   // a draft that is being finalized
	forPending Purpose = "pending" // the same, once callers see that it is pending
	// ForChange is a change of a subscription that is made when it is paid.
	ForChange Purpose = "change"
)

// Charge is money that a processor is asked for. It is stored before the call
// and goes when the answer is recorded: what comes between, trouble on the way
// or the end of the server, leaves it to be asked again under the same key.
type Charge struct {
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

const chargeColumns = `organization_id, order_id, customer_id, subscription_id, purpose, idempotency_key, method_id, method, amount, currency, cause,
	description, created_at, check_at, change, processor`

// chargeable says whether an order that is to be paid now is charged: it is a
// subscription's, and not sent as an invoice.
func (r *Row) chargeable() bool {
	return r.Status == Pending && r.SubscriptionID != nil && r.DueAt == nil
}

// charge is what an order costs, to be charged. Nil means that there is nothing
// to charge it to, or that it was too little and is paid.
func (s *Service) charge(ctx context.Context, tx *db.Tx, r *Row, at time.Time) (*Charge, error) {
	if s.tooLittle(r) {
		if m, err := s.chargedTo(ctx, tx, r); err != nil || m == nil {
			return nil, err
		}
		return nil, s.owe(ctx, tx, r)
	}
	c := Charge{OrganizationID: r.OrganizationID, OrderID: r.ID, CustomerID: r.CustomerID, SubscriptionID: r.SubscriptionID, Purpose: forOrder,
		Amount: r.OpenAmount(), Currency: r.Currency, Cause: payment.Cycle, Description: r.Description, CreatedAt: at, CheckAt: at.Add(Soon)}
	if r.Attempts > 0 {
		c.Cause = payment.RetryDunning
	}
	ok, err := s.Ask(ctx, tx, &c, payment.Choice{Subscription: r.SubscriptionID}, strconv.Itoa(r.Attempts))
	if err != nil || !ok {
		return nil, err
	}
	r.ChargingSince, r.CheckAt = &at, nil
	return &c, nil
}

// Ask stores a charge that is about to be made: what it is made to is chosen,
// and it gets its key. It answers false when there is nothing to charge it to.
func (s *Service) Ask(ctx context.Context, tx *db.Tx, c *Charge, by payment.Choice, attempt string) (ok bool, err error) {
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
	_, err = db.Exec(ctx, tx, `INSERT INTO charges (`+chargeColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		c.OrganizationID, c.OrderID, c.CustomerID, c.SubscriptionID, string(c.Purpose), c.IdempotencyKey, c.MethodID, c.Method, c.Amount, c.Currency,
		string(c.Cause), c.Description, c.CreatedAt, c.CheckAt, c.Change, s.Payments.Processor.Name())
	if err != nil {
		return false, fmt.Errorf("store what a processor is asked to charge: %w", err)
	}
	return true, nil
}

// chargeOf is the charge of an order that was asked for and not answered, nil
// when there is none.
func chargeOf(ctx context.Context, q db.Querier, org, order id.ID) (*Charge, error) {
	c, err := db.One[Charge](ctx, q, `SELECT `+chargeColumns+` FROM charges WHERE organization_id = ? AND order_id = ?`, org, order)
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
	_, err := db.One[int64](ctx, q, `SELECT 1 FROM charges WHERE organization_id = ? AND subscription_id = ? AND change IS NOT NULL LIMIT 1`,
		org, subscription)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Make asks the processor for a charge and records its answer. It must not be
// called inside a transaction. After trouble on the way, which is the error,
// the charge stays and is made again.
func (s *Service) Make(ctx context.Context, actor auth.Subject, c *Charge) (payment.ChargeResult, error) {
	result, trouble := s.call(ctx, c)
	err := s.settle(context.WithoutCancel(ctx), func(tx *db.Tx, givenUp bool) error {
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

func (s *Service) call(ctx context.Context, c *Charge) (result payment.ChargeResult, err error) {
	ctx, stop := context.WithTimeout(ctx, answerTime)
	defer stop()
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
func (c *Charge) again(ctx context.Context, tx *db.Tx, after time.Duration) error {
	_, err := db.Exec(ctx, tx, `UPDATE charges SET check_at = ? WHERE organization_id = ? AND order_id = ? AND idempotency_key = ?`,
		tx.Now().Add(after), c.OrganizationID, c.OrderID, c.IdempotencyKey)
	if err != nil {
		return fmt.Errorf("put off a charge: %w", err)
	}
	return nil
}

// answered records the answer to a charge, once. When an event has come before
// it there is nothing to do, unless money was taken that nobody waits for.
func (s *Service) answered(ctx context.Context, tx *db.Tx, actor auth.Subject, c *Charge, result payment.ChargeResult, givenUp bool) error {
	if _, err := s.Customers.Lock(ctx, tx, c.OrganizationID, c.CustomerID); err != nil {
		return err
	}
	now, err := chargeOf(ctx, tx, c.OrganizationID, c.OrderID)
	switch {
	case err != nil:
		return err
	case now != nil && now.IdempotencyKey == c.IdempotencyKey:
		return s.conclude(ctx, tx, actor, now, result, givenUp)
	case result.State == payment.StateSucceeded:
		return s.unexpected(ctx, tx, actor, c, result)
	}
	return nil
}

// collect makes charges, some at a time. One that cannot be made or recorded
// does not keep the others.
func (s *Service) collect(ctx context.Context, charges []Charge) error {
	var mu sync.Mutex
	var all error
	var wait sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for i := range charges {
		places <- struct{}{}
		wait.Go(func() {
			defer func() { <-places }()
			if _, err := s.Make(ctx, cycleActor, &charges[i]); err != nil {
				mu.Lock()
				defer mu.Unlock()
				all = errors.Join(all, err)
			}
		})
	}
	wait.Wait()
	return all
}

// RunCharges asks again for charges that a processor has not answered for. It
// answers how many they were, and when the next are to be asked for (zero when
// none are). Many nodes may call it at once: who moves the date of a charge
// asks.
func (s *Service) RunCharges(ctx context.Context, limit int) (done int, next time.Time, err error) {
	if !s.Payments.Processor.Capabilities().OffSession {
		return 0, time.Time{}, nil
	}
	var list []Charge
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		list, err = db.All[Charge](ctx, tx, `SELECT `+chargeColumns+` FROM charges WHERE check_at <= ? AND processor = ?
			ORDER BY check_at, order_id LIMIT ?`, tx.Now(), s.Payments.Processor.Name(), limit)
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
	if err := s.collect(ctx, list); err != nil {
		return len(list), next, err
	}
	t, err := db.One[*time.Time](ctx, s.DB, `SELECT MIN(check_at) FROM charges WHERE processor = ?`, s.Payments.Processor.Name())
	if err != nil || t == nil {
		return len(list), time.Time{}, err
	}
	return len(list), *t, nil
}
