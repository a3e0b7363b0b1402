package charge_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/payment"
)

// taken is a payment as the processor has it in its books.
type taken struct {
	order    id.ID
	amount   int64
	currency string
	back     int64 // given back
	there    int64 // of that, by somebody at the processor, who may not have told yet
}

// bank is a processor that does anything a processor may do, and keeps its own
// books.
type bank struct {
	t     testing.TB
	r     *rand.Rand
	n     int
	mu    sync.Mutex
	books map[string]*taken // by reference: money that moved
	tell  []payment.Event   // not told yet
	told  []payment.Event
	kind  bool   // from now on everything gets through
	dies  func() // nobody hears the answer, because the server dies
	says  func(format string, args ...any)
}

func (b *bank) name(prefix string) string {
	b.n++
	return fmt.Sprintf("%s_%d", prefix, b.n)
}

func (b *bank) later(e payment.Event) {
	e.ID = b.name("evt")
	b.tell = append(b.tell, e)
}

func (b *bank) charge(x payment.Charge) (r payment.ChargeResult, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() {
		b.says("asked for %d %s by %s: %s %s %v", x.Amount, x.Currency, x.IdempotencyKey, r.Reference, r.State, err)
	}()
	r = payment.ChargeResult{Reference: b.name("pay"), State: payment.StateFailed, Code: "card_error"}
	e := payment.Event{Organization: x.Organization, Order: x.Order, Customer: x.Customer, Payment: r.Reference, Amount: x.Amount, Currency: x.Currency,
		Type: payment.PaymentFailed}
	if b.r.IntN(2) == 0 {
		e.Key = x.IdempotencyKey
	}
	switch {
	case b.kind || b.r.IntN(3) > 0: // the money moves
		b.books[r.Reference] = &taken{order: x.Order, amount: x.Amount, currency: x.Currency}
		r.State, r.Code, e.Type = payment.StateSucceeded, "", payment.PaymentSucceeded
	case b.r.IntN(6) == 0:
		r.State = payment.StateRequiresAction
		return r, nil
	case b.r.IntN(6) == 0:
		return payment.ChargeResult{State: payment.StateAwaiting}, nil
	default:
		r.Hard, r.Unusable = b.r.IntN(8) == 0, b.r.IntN(20) == 0
	}
	if b.kind {
		return r, nil
	}
	switch b.r.IntN(7) {
	case 0: // which it says later
		r.State = payment.StatePending
		if b.r.IntN(3) == 0 { // for a second time, too
			b.later(e)
		}
		b.later(e)
	case 1: // or not at all
		b.later(e)
		return r, floetest.ErrLost
	case 2: // or more than once
		b.later(e)
		b.later(e)
	case 3:
		return r, floetest.ErrLost
	case 4: // or nobody hears of it, because the server dies
		b.dies()
	}
	return r, nil
}

func (b *bank) refund(x payment.Refund) (payment.RefundResult, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r := payment.RefundResult{Reference: b.name("re"), Status: payment.RefundFailed}
	e := payment.Event{Type: payment.RefundUpdated, Organization: x.Organization, Order: x.Order, Refund: r.Reference, RefundID: x.ID,
		RefundStatus: payment.RefundFailed, Amount: x.Amount, Payment: x.Payment}
	p := b.books[x.Payment]
	if p == nil || p.currency != x.Currency {
		b.t.Errorf("asked to give back %+v of %+v", x, p)
		return r, nil
	}
	if p.amount-p.back < x.Amount {
		if p.there == 0 {
			b.t.Errorf("asked to give back more than there is: %+v of %+v", x, p)
		}
		return payment.RefundResult{Refused: payment.RefundedAlready}, nil
	}
	if b.kind || b.r.IntN(3) > 0 {
		p.back += x.Amount
		r.Status, e.RefundStatus = payment.RefundSucceeded, payment.RefundSucceeded
	}
	if b.kind {
		return r, nil
	}
	switch b.r.IntN(6) {
	case 0:
		r.Status = payment.RefundPending
		b.later(e)
	case 1:
		b.later(e)
		return r, floetest.ErrLost
	case 2:
		return r, floetest.ErrLost
	case 3:
		b.dies()
	}
	return r, nil
}

// agrees compares the books.
func (b *bank) agrees(ctx context.Context, d *db.DB, org id.ID, byHand map[id.ID]bool) {
	t := b.t
	rows, err := db.All[struct {
		Reference, Status, Currency string
		OrderID                     id.ID
		Amount                      int64
		Surplus                     bool
	}](ctx, d, `SELECT reference, status, currency, order_id, amount, surplus FROM order_payments WHERE organization_id = ? AND processor = 'stripe'`, org)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, p := range rows {
		had := b.books[p.Reference]
		switch {
		case p.Status == string(order.Underway):
			t.Errorf("%s of order %s is still under way", p.Reference, p.OrderID)
		case (p.Status == string(order.Succeeded)) != (had != nil):
			t.Errorf("%s of order %s is %s, the processor has %+v", p.Reference, p.OrderID, p.Status, had)
		case had == nil:
		case known[p.Reference]:
			t.Errorf("%s is there twice", p.Reference)
		case had.amount != p.Amount || had.currency != p.Currency || had.order != p.OrderID:
			t.Errorf("%s is %+v, the processor has %+v", p.Reference, p, had)
		}
		known[p.Reference] = had != nil
	}
	for reference, had := range b.books {
		if !known[reference] {
			t.Errorf("%s: %+v is not on record", reference, had)
		}
	}
	back, err := db.All[struct {
		Reference string
		Amount    int64
	}](ctx, d, `SELECT p.reference, CAST(SUM(r.amount + r.tax_amount) AS bigint) AS amount FROM refunds r
		JOIN order_payments p ON p.organization_id = r.organization_id AND p.id = r.payment_id
		WHERE r.organization_id = ? AND r.status = 'succeeded' AND r.processor = 'stripe' GROUP BY p.reference`, org)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range back {
		b.books[x.Reference].back -= x.Amount
	}
	for _, p := range rows {
		if had := b.books[p.Reference]; had != nil && !p.Surplus && had.back != 0 {
			t.Errorf("%s: the processor gave back %d more than is on record", p.Reference, had.back)
		}
	}
	for what, query := range map[string]string{
		"charges that nobody waits for":     `SELECT COUNT(*) FROM charges WHERE organization_id = ?`,
		"refunds that nobody waits for":     `SELECT COUNT(*) FROM refund_requests WHERE organization_id = ?`,
		"refunds that are pending":          `SELECT COUNT(*) FROM refunds WHERE organization_id = ? AND status = 'pending'`,
		"subscriptions that are held":       `SELECT COUNT(*) FROM subscriptions WHERE organization_id = ? AND held_until IS NOT NULL AND ended_at IS NULL`,
		"orders that are paid and not owed": `SELECT COUNT(*) FROM orders WHERE organization_id = ? AND status = 'paid' AND paid_amount <> CASE WHEN net_amount + tax_amount + applied_balance_amount > 0 THEN net_amount + tax_amount + applied_balance_amount ELSE 0 END`,
		"orders in another currency": `SELECT COUNT(*) FROM orders o JOIN subscriptions s ON s.organization_id = o.organization_id AND s.id = o.subscription_id
			WHERE o.organization_id = ? AND o.currency <> s.currency`,
		"debts of subscriptions that have ended": `SELECT COUNT(*) FROM orders o JOIN subscriptions s ON s.organization_id = o.organization_id AND s.id = o.subscription_id
			WHERE o.organization_id = ? AND o.status = 'pending' AND o.check_at IS NOT NULL AND s.ended_at IS NOT NULL`,
	} {
		n, err := db.One[int64](ctx, d, query, org)
		if err != nil {
			t.Fatal(err)
		}
		if n != 0 {
			t.Errorf("%d %s", n, what)
		}
	}
	for what, query := range map[string]string{
		"nothing is tried for order": `SELECT o.id, o.status || ' ' || o.reason || ', ' || o.attempts || ' attempts, subscription ' || s.id || ' ' || s.status AS detail FROM orders o JOIN subscriptions s ON s.organization_id = o.organization_id AND s.id = o.subscription_id
			WHERE o.organization_id = ? AND o.status = 'pending' AND o.check_at IS NULL AND s.ended_at IS NULL`,
		"past due, and owes nothing:": `SELECT s.id, CAST('' AS text) AS detail FROM subscriptions s WHERE s.organization_id = ? AND s.status = 'past_due' AND NOT EXISTS (
			SELECT 1 FROM orders o WHERE o.organization_id = s.organization_id AND o.subscription_id = s.id AND o.status = 'pending' AND o.attempts > 0)`,
		"active, and owes something:": `SELECT s.id, CAST('' AS text) AS detail FROM subscriptions s WHERE s.organization_id = ? AND s.status = 'active' AND EXISTS (
			SELECT 1 FROM orders o WHERE o.organization_id = s.organization_id AND o.subscription_id = s.id AND o.status = 'pending' AND o.attempts > 0)`,
	} {
		list, err := db.All[struct {
			ID     id.ID
			Detail string
		}](ctx, d, query, org)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range list {
			if !byHand[x.ID] {
				t.Errorf("%s %s %s", what, x.ID, x.Detail)
			}
		}
	}
}
