package refund

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/payment"
	"floe/internal/schema"
)

// request is a refund that a processor is asked for. It is stored before
// the call and goes when the answer is recorded: what comes between, trouble on
// the way or the end of the server, leaves it to be asked again under the same
// key.
type request struct {
	OrganizationID id.ID
	OrderID        id.ID
	PaymentID      id.ID
	ID             id.ID
	CheckAt        time.Time
	Reason         Reason
	Amount         int64
	TaxAmount      int64
	Comment        *string
	RevokeBenefits bool
	Metadata       schema.Metadata
	Processor      string

	// Of the payment.
	Currency  string
	Reference string
	Surplus   bool // it is no refund of the order: the order did not need it
}

const requestColumns = `q.organization_id, q.order_id, q.payment_id, q.id, q.check_at, q.reason, q.amount, q.tax_amount, q.comment,
	q.revoke_benefits, q.metadata, q.processor, p.currency, p.reference, p.surplus`

const requestTables = ` FROM refund_requests q
	JOIN order_payments p ON p.organization_id = q.organization_id AND p.id = q.payment_id`

// source is the payment that a refund is taken from, nil when it is given back
// by hand: the processor's, as long as there is something left of it.
func (s *Service) source(ctx context.Context, q db.Querier, r *order.Row, amount int64) (*order.PaymentRow, error) {
	list, err := order.PaymentsOf(ctx, q, r)
	if err != nil {
		return nil, err
	}
	if held, err := disputed(ctx, q, r); err != nil || held {
		return nil, cmp.Or(err, refusal(r.ID, payment.Disputed))
	}
	for i := range list {
		p := &list[i]
		if p.Status != order.Succeeded || p.Surplus || p.Processor == payment.ManualName {
			continue
		}
		left, err := left(ctx, q, p)
		switch {
		case err != nil:
			return nil, err
		case left <= 0:
			continue
		case p.Processor != s.Payments.Processor.Name() || !s.Payments.Processor.Capabilities().Refund:
			return nil, fault.RefundsBlocked.New(fmt.Sprintf("Refunds are blocked for order: %s", r.ID))
		case amount > left:
			return nil, schema.ValueError(fmt.Sprintf("Only %d of the order were charged and can be given back this way. Refund the rest afterwards.", left),
				schema.IntNode(amount), "body", "amount")
		}
		return p, nil
	}
	return nil, nil
}

// left is how much of a payment has not been given back.
func left(ctx context.Context, q db.Querier, p *order.PaymentRow) (int64, error) {
	gone, err := db.One[int64](ctx, q, `SELECT CAST(COALESCE(SUM(amount + tax_amount), 0) AS bigint) FROM refunds
		WHERE organization_id = ? AND order_id = ? AND payment_id = ? AND status IN ('pending', 'succeeded')`, p.OrganizationID, p.OrderID, p.ID)
	if err != nil {
		return 0, fmt.Errorf("add up the refunds of a payment: %w", err)
	}
	return p.Amount - gone, nil
}

// pending says whether a processor has been asked to give back money of
// the order, and has not answered.
func pending(ctx context.Context, q db.Querier, r *order.Row) (bool, error) {
	return db.Exists(ctx, q, `SELECT 1 FROM refund_requests WHERE organization_id = ? AND order_id = ? LIMIT 1`, r.OrganizationID, r.ID)
}

// requestOf is the refund of an order that a processor was asked for and has
// not answered, nil when there is none.
func requestOf(ctx context.Context, q db.Querier, r *order.Row) (*request, error) {
	x, err := db.One[request](ctx, q, `SELECT `+requestColumns+requestTables+` WHERE q.organization_id = ? AND q.order_id = ? LIMIT 1`,
		r.OrganizationID, r.ID)
	if errors.Is(err, db.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read what a processor was asked to give back: %w", err)
	}
	return &x, nil
}

// ask stores what a processor is about to be asked.
func (s *Service) ask(ctx context.Context, tx *db.Tx, r *order.Row, p *order.PaymentRow, f Refund) (*request, error) {
	if len(f.Metadata) == 0 {
		f.Metadata = schema.EmptyMetadata
	}
	q := &request{OrganizationID: r.OrganizationID, OrderID: r.ID, PaymentID: p.ID, ID: tx.NewID(tx.Now()), CheckAt: tx.Wall().Add(charge.Soon),
		Reason: f.Reason, Amount: f.Amount, TaxAmount: f.TaxAmount, Comment: f.Comment, RevokeBenefits: f.RevokeBenefits, Metadata: f.Metadata,
		Currency: p.Currency, Processor: p.Processor, Reference: p.Reference, Surplus: p.Surplus}
	_, err := db.Exec(ctx, tx, `INSERT INTO refund_requests (organization_id, order_id, payment_id, id, created_at, check_at, reason, amount, tax_amount,
			comment, revoke_benefits, metadata, processor) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		q.OrganizationID, q.OrderID, q.PaymentID, q.ID, tx.Now(), q.CheckAt, string(q.Reason), q.Amount, q.TaxAmount, q.Comment, q.RevokeBenefits,
		[]byte(q.Metadata), q.Processor)
	if err != nil {
		return nil, fmt.Errorf("store what a processor is asked to give back: %w", err)
	}
	return q, nil
}

// again says when it is asked for again.
func (q *request) again(ctx context.Context, tx *db.Tx, after time.Duration) error {
	_, err := db.Exec(ctx, tx, `UPDATE refund_requests SET check_at = ? WHERE organization_id = ? AND order_id = ? AND payment_id = ?`,
		tx.Wall().Add(after), q.OrganizationID, q.OrderID, q.PaymentID)
	if err != nil {
		return fmt.Errorf("put off a refund: %w", err)
	}
	return nil
}

// GiveBack gives back money that an order does not need, as soon as this is
// committed. The processor must be able to.
func (s *Service) GiveBack(ctx context.Context, tx *db.Tx, r *order.Row, p *order.PaymentRow) error {
	q, err := s.ask(ctx, tx, r, p, Refund{Reason: "other", Amount: p.Amount})
	if err != nil {
		return err
	}
	return q.again(ctx, tx, 0)
}

// giveBack asks the processor and records its answer. After trouble on the way
// the request stays, and is made again.
func (s *Service) giveBack(ctx context.Context, actor auth.Subject, q *request) (out Refund, err error) {
	result, err := s.Payments.Processor.Refund(ctx, payment.Refund{Organization: q.OrganizationID, Order: q.OrderID, ID: q.ID, Payment: q.Reference,
		Amount: q.Amount + q.TaxAmount, Currency: q.Currency, Reason: string(q.Reason), IdempotencyKey: "refund:" + string(q.ID)})
	if err == nil && result.Refused == "" && !slices.Contains(result.Status.Enum(), string(result.Status)) {
		err = fmt.Errorf("the processor answered the status %q", result.Status)
	}
	if err != nil {
		return out, fmt.Errorf("ask for refund %s of order %s, which will be done again: %w", q.ID, q.OrderID, err)
	}
	err = s.DB.Write(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		r, err := s.Orders.Locked(ctx, tx, []id.ID{q.OrganizationID}, q.OrderID)
		if err != nil {
			return err
		}
		out, err = s.gaveBack(ctx, tx, actor, &r, q, result)
		return err
	})
	if err != nil {
		return out, err
	}
	return out, refusal(q.OrderID, result.Refused)
}

// gaveBack records the answer to a request, once: whoever comes later, by
// another way, finds the refund.
func (s *Service) gaveBack(ctx context.Context, tx *db.Tx, actor auth.Subject, r *order.Row, q *request, result payment.RefundResult) (Refund, error) {
	// The remark is that of now: the customer may have been erased meanwhile.
	closed, err := db.All[struct{ Comment *string }](ctx, tx, `DELETE FROM refund_requests
		WHERE organization_id = ? AND order_id = ? AND payment_id = ? AND id = ? RETURNING comment`, q.OrganizationID, q.OrderID, q.PaymentID, q.ID)
	n := len(closed)
	switch {
	case err != nil:
		return Refund{}, fmt.Errorf("close a request for a refund: %w", err)
	case q.Surplus:
		if n == 1 && result.Refused != payment.RefundedAlready && (result.Refused != "" || result.Status.Final()) {
			return Refund{}, order.Credit(ctx, tx, r, q.Amount)
		}
		return Refund{}, nil
	case n == 0 && result.Refused == "":
		return byID(ctx, tx, q.OrganizationID, q.ID)
	case n == 0 || result.Refused != "":
		return Refund{}, nil
	}
	f := Refund{ID: q.ID, Status: result.Status, Reason: q.Reason, Amount: q.Amount, TaxAmount: q.TaxAmount, Comment: closed[0].Comment,
		RevokeBenefits: q.RevokeBenefits, Metadata: q.Metadata, PaymentID: &q.PaymentID, Processor: &q.Processor, Reference: &result.Reference}
	return s.record(ctx, tx, actor, r, f)
}

// refusal is what the caller is told of money that a processor does not
// give back.
func refusal(order id.ID, why payment.Refusal) error {
	switch why {
	case payment.RefundedAlready:
		return fault.RefundedAlready.New(fmt.Sprintf("Order is already fully refunded: %s", order))
	case payment.Disputed:
		return fault.RefundDisputedPayment.New(fmt.Sprintf("Refund cannot be issued for order with disputed payment: %s", order))
	}
	return nil
}

// cycle is who asks when nobody waits for the answer.
var cycle = auth.NewSystem("billing cycle")

// Run asks again for refunds that a processor has not answered for. It
// answers how many it asked for, and when the next are to be (zero when none
// are). Many nodes may call it at once: who moves the date of a request asks.
func (s *Service) Run(ctx context.Context, limit int) (done int, next time.Time, err error) {
	if s.Payments.Processor.Name() == payment.ManualName {
		return 0, next, nil
	}
	var list []request
	err = s.DB.Write(ctx, func(tx *db.Tx) error {
		if err := name(ctx, tx); err != nil {
			return err
		}
		list, err = db.All[request](ctx, tx, `SELECT `+requestColumns+requestTables+` WHERE q.processor = ? AND q.check_at <= ?
			ORDER BY q.check_at, q.id LIMIT ?`, s.Payments.Processor.Name(), tx.Now(), limit)
		if err != nil {
			return fmt.Errorf("find refunds that were not answered for: %w", err)
		}
		if list, err = postpone(ctx, tx, list); err != nil {
			return err
		}
		next, err = s.nextRequest(ctx, tx)
		return err
	})
	if err != nil {
		return 0, next, err
	}
	err = payment.Each(list, func(q *request) error {
		_, err := s.giveBack(ctx, cycle, q)
		if f := (*fault.Fault)(nil); errors.As(err, &f) { // it was refused
			return nil
		}
		return err
	})
	return len(list), next, err
}

// name says whom a refund was asked of where a node of an older version has
// stored it, beside which this one runs while a cluster is upgraded.
func name(ctx context.Context, tx *db.Tx) error {
	_, err := db.Exec(ctx, tx, `UPDATE refund_requests SET processor = (SELECT p.processor FROM order_payments p
		WHERE p.organization_id = refund_requests.organization_id AND p.id = refund_requests.payment_id) WHERE processor = ''`)
	if err != nil {
		return fmt.Errorf("say whom refunds were asked of: %w", err)
	}
	return nil
}

// postpone moves the dates of requests, and answers those whose date nobody
// else has moved meanwhile.
func postpone(ctx context.Context, tx *db.Tx, list []request) (mine []request, err error) {
	for _, q := range list {
		n, err := db.Exec(ctx, tx, `UPDATE refund_requests SET check_at = ? WHERE organization_id = ? AND order_id = ? AND payment_id = ? AND check_at = ?`,
			tx.Now().Add(charge.Soon), q.OrganizationID, q.OrderID, q.PaymentID, q.CheckAt)
		if err != nil {
			return nil, fmt.Errorf("take up a refund: %w", err)
		}
		if n == 1 {
			mine = append(mine, q)
		}
	}
	return mine, nil
}

func (s *Service) nextRequest(ctx context.Context, q db.Querier) (time.Time, error) {
	t, err := db.One[time.Time](ctx, q, `SELECT check_at FROM refund_requests WHERE processor = ? ORDER BY check_at LIMIT 1`, s.Payments.Processor.Name())
	if errors.Is(err, db.ErrNoRows) {
		return t, nil
	}
	return t, err
}

// byID reads a refund.
func byID(ctx context.Context, q db.Querier, org, refund id.ID) (Refund, error) {
	f, err := db.One[Refund](ctx, q, `SELECT `+columns+` FROM refunds WHERE organization_id = ? AND id = ?`, org, refund)
	if err != nil && !errors.Is(err, db.ErrNoRows) {
		err = fmt.Errorf("read a refund: %w", err)
	}
	return f, err
}
