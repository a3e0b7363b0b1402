package order_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/order"
	"floe/internal/payment"
)

type obj = map[string]any

// charged is an order of $10 that the processor was paid for.
func (w world) charged() order.Row {
	w.t.Helper()
	c, p := w.billed(), w.once(nil)
	w.Card(c.ID(), false)
	d := w.draft(c.ID(), p.ID(), nil)
	w.is(w.Do("POST", "/v1/orders/"+d.ID()+"/finalize", w.AllToken, "{}"), 200, obj{"status": "paid"})
	return w.row(d.ID())
}

func (w world) refund(o order.Row, amount int, fields obj) *floetest.Response {
	w.t.Helper()
	return w.Do("POST", "/v1/refunds/", w.AllToken, w.refundOf(o, amount, fields))
}

func (w world) refundOf(o order.Row, amount int, fields obj) obj {
	body := obj{"order_id": o.ID, "reason": "customer_request", "amount": amount}
	for k, v := range fields {
		body[k] = v
	}
	return body
}

// failing is a request whose answer is a 500, which no document promises.
func (w world) failing(path string, body any) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, w.Request("POST", path, w.AllToken, body))
	if rec.Code != 500 {
		w.t.Errorf("POST %s: %d %s, want 500", path, rec.Code, rec.Body)
	}
}

// TestRefundIsAskedFor: what a processor took it gives back, and what it says
// of that decides.
func TestRefundIsAskedFor(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		o := w.charged()
		since := w.LastSeq()
		first := w.refund(o, 400, obj{"metadata": obj{"a": "b"}, "comment": "sorry"})
		w.is(first, 201, obj{"status": "succeeded", "amount": 400, "metadata": obj{"a": "b"}, "modified_at": nil})
		w.events(since, "refund.created", "order.updated", "order.refunded")
		asked := p.Refunds()
		if len(asked) != 1 || asked[0].Amount != 400 || asked[0].Payment != "pay_1" || string(asked[0].ID) != first.ID() || asked[0].IdempotencyKey == "" {
			t.Errorf("asked for %+v", asked)
		}
		w.is(w.get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 400})

		// The status at once, and what comes later.
		for _, x := range []struct {
			status payment.RefundStatus
			after  obj
			events []string
		}{
			{payment.RefundPending, obj{"status": "partially_refunded", "refunded_amount": 500}, []string{"refund.created", "order.updated", "order.refunded"}},
			{payment.RefundFailed, obj{"status": "partially_refunded", "refunded_amount": 500}, []string{"refund.created"}},
			{payment.RefundCanceled, obj{"status": "partially_refunded", "refunded_amount": 500}, []string{"refund.created"}},
		} {
			p.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{Status: x.status}, nil }
			since := w.LastSeq()
			w.is(w.refund(o, 100, nil), 201, obj{"status": x.status})
			w.events(since, x.events...)
			w.is(w.get(o.ID), 200, x.after)
		}
		p.Heal()

		// A refusal leaves nothing.
		for why, name := range map[payment.Refusal]string{payment.RefundedAlready: "RefundedAlready", payment.Disputed: "RefundDisputedPayment"} {
			p.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{Refused: why}, nil }
			since := w.LastSeq()
			w.is(w.refund(o, 100, nil), 403, obj{"error": name})
			w.events(since)
		}
		p.Heal()
		w.is(w.refund(o, 501, nil), 422, nil)
		w.is(w.refund(o, 500, nil), 201, nil)
		w.is(w.get(o.ID), 200, obj{"status": "refunded"})
		w.is(w.refund(o, 1, nil), 403, obj{"error": "RefundedAlready"})
		w.is(w.Do("GET", "/v1/refunds/?succeeded=true", w.AllToken, nil), 200, obj{"pagination": obj{"total_count": 2}})
	})
}

// TestRefundWithoutAnswer: a refund whose answer was lost is asked for again,
// as the same, until it is there; nothing else is refunded meanwhile.
func TestRefundWithoutAnswer(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		o := w.charged()
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
			return payment.RefundResult{Status: payment.RefundSucceeded}, floetest.ErrLost
		}
		since := w.LastSeq()
		w.failing("/v1/refunds/", w.refundOf(o, 400, nil))
		w.is(w.refund(o, 400, nil), 409, obj{"error": "RefundPendingCreation"})
		w.is(w.pay(o.ID, "refunded", 400, "by hand"), 409, obj{"error": "RefundPendingCreation"})
		w.events(since)
		w.RunDue() // it is too early
		if n := len(p.Refunds()); n != 1 {
			t.Fatalf("asked %d times", n)
		}
		w.Clock.Advance(5*time.Minute + time.Second)
		w.Beside().RunDue() // any node asks again; here one whose processor knows nothing of it
		if n := len(p.Refunds()); n != 0 {
			t.Fatalf("asked %d times", n)
		}
		w.RunDue()
		w.events(since, "refund.created", "order.updated", "order.refunded")
		w.is(w.get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 400})
		w.RunDue()
		if n := len(p.Refunds()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		p.Heal()
		w.is(w.refund(o, 600, nil), 201, nil)

		// Nothing was done, and the refusal comes when nobody waits for it.
		o = w.charged()
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{}, floetest.ErrLost }
		w.failing("/v1/refunds/", w.refundOf(o, 400, nil))
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
			return payment.RefundResult{Refused: payment.Disputed}, nil
		}
		w.Clock.Advance(5*time.Minute + time.Second)
		w.RunDue()
		p.Heal()
		w.is(w.get(o.ID), 200, obj{"status": "paid", "refunded_amount": 0})
		w.is(w.refund(o, 1000, nil), 201, nil)
	})
}

// TestRefundOfMixedMoney: what was paid by hand is given back by hand, and a
// processor is not asked for what it cannot do.
func TestRefundOfMixedMoney(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		o := w.charged()
		p.Can.Refund = false
		w.is(w.refund(o, 400, nil), 403, obj{"error": "RefundsBlocked", "detail": "Refunds are blocked for order: " + string(o.ID)})
		w.is(w.pay(o.ID, "refunded", 400, "by hand"), 201, nil)
		p.Can.Refund = true
		w.Server.Orders.Payments.Processor = payment.Manual{}
		w.is(w.refund(o, 400, nil), 403, obj{"error": "RefundsBlocked"})
		w.Server.Orders.Payments.Processor = p
		if len(p.Refunds()) != 0 {
			t.Error("it was asked for what it cannot do")
		}
		by := w.make(w.billed().ID(), costs(1000))[0]
		w.is(w.pay(by.ID, "succeeded", 1000, "bank"), 201, nil)
		w.is(w.refund(by, 1000, nil), 201, obj{"status": "succeeded"})
		if len(p.Refunds()) != 0 {
			t.Error("it was asked to give back what it did not take")
		}
	})
}
