package charge_test

import (
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"testing"
	"time"

	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

// chance is a processor that does anything a processor may do: it takes money
// or declines, says so at once, later or never, and tells late, twice and in
// any order. It keeps count of what it has.
type chance struct {
	ordertest.World
	*floetest.Processor
	r     *rand.Rand
	has   int64
	named int
	tell  []payment.Event // what it has not told yet
	told  []payment.Event
}

func (c *chance) name(prefix string) string {
	c.named++
	return fmt.Sprintf("%s_%d", prefix, c.named)
}

func (c *chance) later(e payment.Event) {
	e.ID = c.name("evt")
	c.tell = append(c.tell, e)
}

func (c *chance) charge(x payment.Charge) (payment.ChargeResult, error) {
	r := payment.ChargeResult{Reference: c.name("pay"), State: payment.StateFailed, Code: "card_error"}
	e := payment.Event{Organization: x.Organization, Order: x.Order, Customer: x.Customer, Payment: r.Reference, Amount: x.Amount, Currency: x.Currency,
		Type: payment.PaymentFailed}
	if c.r.IntN(2) == 0 {
		e.Key = x.IdempotencyKey
	}
	if c.r.IntN(3) > 0 { // the money moves
		c.has += x.Amount
		r.State, r.Code, e.Type = payment.StateSucceeded, "", payment.PaymentSucceeded
	}
	switch c.r.IntN(6) {
	case 0: // which it says later
		r.State = payment.StatePending
		c.later(e)
	case 1: // or not at all
		c.later(e)
		return r, floetest.ErrLost
	case 2: // or more than once
		c.later(e)
		c.later(e)
	case 3:
		return r, floetest.ErrLost
	}
	return r, nil
}

func (c *chance) refund(x payment.Refund) (payment.RefundResult, error) {
	r := payment.RefundResult{Reference: c.name("re"), Status: payment.RefundFailed}
	e := payment.Event{Type: payment.RefundUpdated, Organization: x.Organization, Order: x.Order, Refund: r.Reference, RefundID: x.ID,
		RefundStatus: payment.RefundFailed, Amount: x.Amount, Payment: x.Payment}
	if c.r.IntN(3) > 0 {
		c.has -= x.Amount
		r.Status, e.RefundStatus = payment.RefundSucceeded, payment.RefundSucceeded
	}
	switch c.r.IntN(5) {
	case 0:
		r.Status = payment.RefundPending
		c.later(e)
	case 1:
		c.later(e)
		return r, floetest.ErrLost
	case 2:
		return r, floetest.ErrLost
	}
	return r, nil
}

// one tells something, or something again.
func (c *chance) one() {
	if len(c.told) > 0 && c.r.IntN(3) == 0 {
		c.Told(204, c.told[c.r.IntN(len(c.told))])
		return
	}
	if len(c.tell) == 0 {
		return
	}
	i := c.r.IntN(len(c.tell))
	e := c.tell[i]
	c.tell = append(c.tell[:i], c.tell[i+1:]...)
	c.Told(204, e)
	c.told = append(c.told, e)
}

// post is a request of which any answer but a crash is right.
func (c *chance) post(path string, body any) {
	rec := record(c.World, path, body)
	switch rec {
	case 200, 201, 402, 403, 404, 409, 412, 422, 500:
	default:
		c.T.Errorf("POST %s: %d", path, rec)
	}
}

// TestNoMoneyIsLost: whatever a processor does, in the end it has what the
// orders say was paid and not given back.
func TestNoMoneyIsLost(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := &chance{World: w, Processor: w.Processor(), r: rand.New(rand.NewPCG(7, 11))}
		c.Charging, c.Refunding = c.charge, c.refund
		buyer, product := w.Billed(), w.Once(nil)
		w.Card(buyer.ID(), true)
		var orders []id.ID
		for range 40 {
			orders = append(orders, id.ID(w.Draft(buyer.ID(), product.ID(), nil).ID()))
		}
		for range 400 {
			o := orders[c.r.IntN(len(orders))]
			switch c.r.IntN(5) {
			case 0, 1:
				c.post("/v1/orders/"+string(o)+"/finalize", "{}")
			case 2:
				c.one()
			case 3:
				c.post("/v1/refunds/", obj{"order_id": o, "reason": "other", "amount": 1 + c.r.IntN(1000)})
			case 4:
				w.Clock.Advance(time.Duration(c.r.IntN(7)) * time.Minute)
				_ = w.Server.RunDue(t.Context()) // answers may be lost
			}
		}
		for range 20 { // then everything gets through
			for len(c.tell) > 0 {
				c.one()
			}
			w.Clock.Advance(charge.Soon + time.Second)
			_ = w.Server.RunDue(t.Context())
		}
		sum := func(text string) (n int64) {
			t.Helper()
			n, err := db.One[int64](t.Context(), w.DB, text, w.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if n := sum(`SELECT (SELECT COUNT(*) FROM charges WHERE organization_id = o.id) + (SELECT COUNT(*) FROM refund_requests WHERE organization_id = o.id)
			FROM organizations o WHERE id = ? /* organization_id */`); n != 0 {
			t.Errorf("%d answers are missing", n)
		}
		paid := sum(`SELECT CAST(COALESCE(SUM(paid_amount - refunded_amount - refunded_tax_amount), 0) AS bigint) FROM orders WHERE organization_id = ?`)
		credit := w.Balance(buyer.ID()) // what could not be given back
		if paid+credit != c.has || paid == 0 {
			t.Errorf("the processor has %d; orders say %d, the balance %d", c.has, paid, credit)
		}
		if n := sum(`SELECT COUNT(*) FROM orders WHERE organization_id = ? AND status = 'pending'`); n != 0 {
			t.Errorf("%d orders are neither paid nor drafts", n)
		}
		w.Healthy()
	})
}

// record sends a request whatever its answer is, and answers the status.
func record(w ordertest.World, path string, body any) int {
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, w.Request("POST", path, w.AllToken, body))
	return rec.Code
}
