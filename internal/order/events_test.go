package order_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/payment"
)

// told brings events and wants the status.
func (w world) told(status int, events ...payment.Event) {
	w.t.Helper()
	if got := w.Tell(events...); got != status {
		w.t.Errorf("events answered %d, want %d: %+v", got, status, events)
	}
}

// drafted is a draft of $10 whose customer has a card.
func (w world) drafted() order.Row {
	w.t.Helper()
	c, p := w.billed(), w.once(nil)
	w.Card(c.ID(), false)
	return w.row(w.draft(c.ID(), p.ID(), nil).ID())
}

func (w world) finalize(o order.Row) *floetest.Response {
	w.t.Helper()
	return w.Do("POST", "/v1/orders/"+string(o.ID)+"/finalize", w.AllToken, "{}")
}

func (w world) payments(o order.Row, want ...obj) {
	w.t.Helper()
	items := make([]any, len(want))
	for i := range want {
		items[i] = want[i]
	}
	w.is(w.Do("GET", "/v1/orders/"+string(o.ID)+"/payments", w.AllToken, nil), 200, obj{"items": items})
}

// event is about a payment of an order.
func event(name string, typ payment.EventType, o order.Row, reference string) payment.Event {
	return payment.Event{ID: name, Type: typ, Organization: o.OrganizationID, Order: o.ID, Payment: reference, Amount: o.DueAmount()}
}

// TestEventEndpoint: what is not from the processor, or too long, or unknown.
func TestEventEndpoint(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		send := func(method, path, signature, body string) int {
			r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
			r.Header.Set(floetest.Signature, signature)
			rec := httptest.NewRecorder()
			w.Handler.ServeHTTP(rec, r)
			return rec.Code
		}
		const path = "/processors/stripe/events"
		if got := send("POST", path, "good", "[]"); got != 404 {
			t.Errorf("without a processor: %d", got)
		}
		if got := send("POST", "/processors/manual/events", "good", "[]"); got != 404 {
			t.Errorf("of manual: %d", got)
		}
		w.Processor()
		for _, x := range []struct {
			method, path, signature, body string
			status                        int
		}{
			{"POST", path, "bad", "[]", 403},
			{"GET", path, "good", "[]", 405},
			{"POST", "/processors/other/events", "good", "[]", 404},
			{"POST", path, "good", "nonsense", 400},
			{"POST", path, "good", `[{"Type": "payment.succeeded"}]`, 400},
			{"POST", path, "good", strings.Repeat(" ", order.MaxEvent+1), 413},
			{"POST", path, "good", "[]", 204},
			{"POST", path, "good", `[{"ID": "1", "Type": "unheard of"}]`, 204},
			{"POST", path, "good", `[{"ID": "2", "Type": "payment.succeeded", "Organization": "nobody", "Order": "nothing"}]`, 204},
			{"POST", path, "good", `[{"ID": "3", "Type": "refund.updated", "Refund": "re_unknown"}]`, 204},
		} {
			if got := send(x.method, x.path, x.signature, x.body); got != x.status {
				t.Errorf("%s %s %.40q: %d, want %d", x.method, x.path, x.body, got, x.status)
			}
		}
		missing := payment.Event{ID: "4", Type: payment.PaymentSucceeded, Organization: w.Org.ID, Order: id.New(), Payment: "pay_x", Amount: 5}
		w.told(http.StatusNoContent, missing)
	})
}

// TestPendingIsTold: a charge that is pending ends when the processor tells,
// however often and in whatever order it tells.
func TestPendingIsTold(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_a"}, nil)
		o := w.drafted()
		w.is(w.finalize(o), 200, obj{"status": "pending", "invoice_number": nil})
		w.payments(o, obj{"status": "pending", "reference": "pay_a"})
		w.is(w.finalize(o), 412, nil)
		w.is(w.pay(o.ID, "succeeded", 1000, "by hand"), 409, obj{"error": "PaymentAlreadyInProgress"})
		since := w.LastSeq()
		done := event("evt_2", payment.PaymentSucceeded, o, "pay_a")
		w.told(204, done)
		w.told(204, done, done) // told again
		w.told(204, event("evt_1", payment.PaymentPending, o, "pay_a"), event("evt_0", payment.PaymentFailed, o, "pay_a"))
		again := done
		again.ID = "evt_3" // the same in another event
		w.told(204, again)
		w.events(since, "order.updated", "order.paid")
		w.is(w.get(o.ID), 200, obj{"status": "paid", "invoice_number": floetest.Any, "receipt_number": floetest.Any})
		w.payments(o, obj{"status": "succeeded", "reference": "pay_a", "surplus": false})

		// It fails: a draft again, with another key the next time.
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_b"}, nil)
		o = w.drafted()
		w.is(w.finalize(o), 200, obj{"status": "pending"})
		first := p.Charges()
		failed := event("evt_4", payment.PaymentFailed, o, "pay_b")
		failed.Code = "insufficient_funds"
		w.told(204, failed)
		w.is(w.get(o.ID), 200, obj{"status": "draft", "invoice_number": nil})
		w.payments(o, obj{"status": "failed", "reference": "pay_b"})
		p.Heal()
		w.is(w.finalize(o), 200, obj{"status": "paid"})
		if second := p.Charges(); first[len(first)-1].IdempotencyKey == second[0].IdempotencyKey {
			t.Error("a declined charge was asked for again")
		}
		w.healthy()
	})
}

// TestEventBeforeAnswer: the event may be there before the answer to the
// charge, or instead of it when that is lost.
func TestEventBeforeAnswer(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		var o order.Row
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			w.told(204, event("evt_a", payment.PaymentSucceeded, o, "pay_a"))
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_a"}, nil
		}
		o = w.drafted()
		since := w.LastSeq()
		w.is(w.finalize(o), 200, obj{"status": "paid"})
		w.events(since, "order.updated", "order.paid")
		w.payments(o, obj{"status": "succeeded", "reference": "pay_a"})

		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_b"}, floetest.ErrLost
		}
		o = w.drafted()
		w.failing("/v1/orders/"+string(o.ID)+"/finalize", "{}")
		w.is(w.get(o.ID), 200, obj{"status": "pending"})
		w.told(204, event("evt_b", payment.PaymentSucceeded, o, "pay_b"))
		w.is(w.get(o.ID), 200, obj{"status": "paid"})
		p.Charges()
		w.Clock.Advance(2 * time.Hour)
		w.RunDue()
		if n := p.Charges(); len(n) != 0 {
			t.Errorf("charged again: %+v", n)
		}

		// Nobody tells: the same is asked again.
		o = w.drafted()
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_c"}, floetest.ErrLost
		}
		w.failing("/v1/orders/"+string(o.ID)+"/finalize", "{}")
		w.Clock.Advance(order.Soon + time.Second)
		w.RunDue()
		w.is(w.get(o.ID), 200, obj{"status": "paid"})
		if asked := p.Charges(); len(asked) != 2 || asked[0] != asked[1] {
			t.Errorf("asked for %+v", asked)
		}
		w.healthy()
	})
}

// TestSurplus: money that nobody needs any more is given back, or put on the
// balance; it makes no order paid.
func TestSurplus(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		o := w.drafted()
		w.is(w.finalize(o), 200, obj{"status": "paid"})
		w.told(204, event("evt_a", payment.PaymentSucceeded, o, "pay_twice"))
		w.payments(o, obj{"surplus": false}, obj{"surplus": true, "reference": "pay_twice", "status": "succeeded"})
		w.is(w.refund(o, 100, nil), 409, obj{"error": "RefundPendingCreation"})
		w.RunDue()
		if back := p.Refunds(); len(back) != 1 || back[0].Payment != "pay_twice" || back[0].Amount != 1000 {
			t.Errorf("gave back %+v", back)
		}
		w.is(w.get(o.ID), 200, obj{"status": "paid", "refunded_amount": 0})
		w.RunDue()
		if back := p.Refunds(); len(back) != 0 {
			t.Errorf("gave back again %+v", back)
		}
		w.is(w.refund(o, 1000, nil), 201, nil)
		p.Refunds()

		p.Can.Refund = false
		w.told(204, event("evt_b", payment.PaymentSucceeded, o, "pay_thrice"))
		if got := w.balance(string(o.CustomerID)); got != 1000 {
			t.Errorf("balance %d", got)
		}
		p.Can.Refund = true

		// An order that was never made.
		lost := payment.Event{ID: "evt_c", Type: payment.PaymentSucceeded, Organization: w.Org.ID, Order: id.New(), Customer: o.CustomerID,
			Payment: "pay_lost", Amount: 700, Currency: "USD"}
		w.told(204, lost)
		w.is(w.get(lost.Order), 200, obj{"status": "void", "total_amount": 700, "invoice_number": nil})
		w.RunDue()
		if back := p.Refunds(); len(back) != 1 || back[0].Payment != "pay_lost" || back[0].Amount != 700 {
			t.Errorf("gave back %+v", back)
		}

		// A draft that somebody paid after all.
		o = w.drafted()
		p.Answer(payment.ChargeResult{State: payment.StateRequiresAction, Reference: "pay_3ds"}, nil)
		w.is(w.finalize(o), 402, obj{"error": "PaymentActionRequired"})
		w.payments(o, obj{"status": "failed", "reference": "pay_3ds"})
		w.told(204, event("evt_d", payment.PaymentSucceeded, o, "pay_3ds"))
		w.is(w.get(o.ID), 200, obj{"status": "paid"})
		w.payments(o, obj{"status": "succeeded", "reference": "pay_3ds"})
		w.healthy()
	})
}

// TestRefundIsTold: what a processor tells later of refunds that were asked
// for here, and of those that were made there.
func TestRefundIsTold(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		o := w.charged()
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
			return payment.RefundResult{Status: payment.RefundPending, Reference: "re_a"}, nil
		}
		f := w.refund(o, 400, nil)
		w.is(f, 201, obj{"status": "pending"})
		tell := func(name string, status payment.RefundStatus) payment.Event {
			return payment.Event{ID: name, Type: payment.RefundUpdated, Refund: "re_a", RefundStatus: status}
		}
		shown := func(status string) {
			t.Helper()
			w.is(w.Do("GET", "/v1/refunds/?id="+f.ID(), w.AllToken, nil), 200, obj{"items": []any{obj{"status": status}}})
		}
		since := w.LastSeq()
		w.told(204, tell("1", payment.RefundSucceeded), tell("1", payment.RefundSucceeded), tell("2", payment.RefundPending))
		w.events(since, "refund.updated")
		shown("succeeded")
		since = w.LastSeq()
		w.told(204, tell("3", payment.RefundFailed), tell("4", payment.RefundSucceeded))
		w.events(since, "refund.updated", "order.updated")
		shown("failed")
		w.is(w.get(o.ID), 200, obj{"status": "paid", "refunded_amount": 0, "refundable_amount": 1000})

		// All of it, and it fails: a part stays given back.
		p.Heal()
		w.is(w.refund(o, 300, nil), 201, nil)
		rest := w.refund(o, 700, nil)
		w.is(w.get(o.ID), 200, obj{"status": "refunded"})
		w.told(204, payment.Event{ID: "5", Type: payment.RefundUpdated, Organization: w.Org.ID, Order: o.ID, RefundID: id.ID(rest.ID()), RefundStatus: payment.RefundCanceled})
		w.is(w.get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 300})

		// At the processor.
		there := payment.Event{ID: "6", Type: payment.RefundUpdated, Payment: "pay_1", Refund: "re_there", RefundStatus: payment.RefundSucceeded, Amount: 200}
		since = w.LastSeq()
		w.told(204, there, there)
		there.ID = "7"
		w.told(204, there)
		w.events(since, "refund.created", "order.updated", "order.refunded")
		w.is(w.get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 500})

		// The event comes before the answer, with our id and without.
		p.Refunding = func(r payment.Refund) (payment.RefundResult, error) {
			early := payment.Event{ID: "8", Type: payment.RefundUpdated, Payment: "pay_1", Refund: "re_b", RefundStatus: payment.RefundSucceeded, Amount: 500}
			w.told(409, early)
			early.RefundID = r.ID
			w.told(204, early)
			return payment.RefundResult{Status: payment.RefundPending, Reference: "re_b"}, nil
		}
		since = w.LastSeq()
		w.is(w.refund(o, 500, nil), 201, obj{"status": "succeeded"})
		w.events(since, "refund.created", "order.updated", "order.refunded")
		w.is(w.get(o.ID), 200, obj{"status": "refunded"})
		w.healthy()
	})
}

// TestDisputes: what is disputed is not given back, unless the dispute is won.
func TestDisputes(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		o := w.charged()
		tell := func(name string, status payment.DisputeStatus) {
			t.Helper()
			w.told(204, payment.Event{ID: name, Type: payment.DisputeUpdated, Payment: "pay_1", Dispute: "dp_1", DisputeStatus: status, Amount: 1000, DisputeReason: "fraudulent"})
		}
		refused := func() {
			t.Helper()
			w.is(w.refund(o, 100, nil), 403, obj{"error": "RefundDisputedPayment",
				"detail": "Refund cannot be issued for order with disputed payment: " + string(o.ID)})
		}
		tell("1", payment.DisputeEarlyWarning)
		w.is(w.refund(o, 100, nil), 201, nil)
		tell("2", payment.DisputeNeedsResponse)
		refused()
		tell("3", payment.DisputeUnderReview)
		refused()
		tell("4", payment.DisputeWon)
		tell("5", payment.DisputeNeedsResponse) // told late
		p.Refunds()
		w.is(w.refund(o, 100, nil), 201, nil)
		if n := len(p.Refunds()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		w.healthy()
	})
}

// TestManyTellAtOnce: the same event on many connections counts once.
func TestManyTellAtOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_a"}, nil)
		o := w.drafted()
		w.is(w.finalize(o), 200, nil)
		since := w.LastSeq()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { w.told(204, event("evt", payment.PaymentSucceeded, o, "pay_a")) })
		}
		wg.Wait()
		w.events(since, "order.updated", "order.paid")
		n, err := db.One[int64](t.Context(), w.DB, `SELECT COUNT(*) FROM processor_events WHERE organization_id = ?`, w.Org.ID)
		if err != nil || n != 2 { // and the card
			t.Errorf("%d events: %v", n, err)
		}
	})
}

// TestKilledBetween: a server that ends after the money has moved, and before
// that is recorded, loses and doubles nothing. Any node goes on.
func TestKilledBetween(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p := w.Processor()
		dying := func(path string, body any) {
			t.Helper()
			p.Dies = true
			defer func() {
				if recover() == nil && p.Dies {
					t.Error("it did not die")
				}
			}()
			w.Handler.ServeHTTP(httptest.NewRecorder(), w.Request("POST", path, w.AllToken, body))
		}
		other := w.Beside()
		other.Server.Payments.Processor = p
		o := w.drafted()
		dying("/v1/orders/"+string(o.ID)+"/finalize", "{}")
		w.is(w.get(o.ID), 200, obj{"status": "pending"})
		w.healthy()
		w.Clock.Advance(order.Soon + time.Second)
		other.RunDue()
		w.is(w.get(o.ID), 200, obj{"status": "paid"})
		if asked := p.Charges(); len(asked) != 2 || asked[0] != asked[1] {
			t.Errorf("charged %+v", asked)
		}
		dying("/v1/refunds/", w.refundOf(o, 400, nil))
		w.is(w.get(o.ID), 200, obj{"status": "paid", "refunded_amount": 0})
		w.healthy()
		w.Clock.Advance(order.Soon + time.Second)
		other.RunDue()
		w.is(w.get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 400})
		if asked := p.Refunds(); len(asked) != 2 || asked[0] != asked[1] {
			t.Errorf("gave back %+v", asked)
		}
		w.healthy()
	})
}
