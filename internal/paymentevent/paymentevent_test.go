package paymentevent_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
	"floe/internal/payment"
	"floe/internal/paymentevent"
)

type obj = ordertest.Obj

// TestEventEndpoint: what is not from the processor, or too long, or unknown.
func TestEventEndpoint(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		send := func(method, path, signature, body string) int {
			r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
			r.Header.Set(floetest.Signature, signature)
			rec := httptest.NewRecorder()
			w.Handler.ServeHTTP(rec, r)
			if cache := rec.Header().Get("Cache-Control"); cache != "no-store" {
				t.Errorf("%s %s: %d with Cache-Control %q", method, path, rec.Code, cache)
			}
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
			{"POST", path, "good", strings.Repeat(" ", paymentevent.MaxSize+1), 413},
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
		w.Told(http.StatusNoContent, missing)
	})
}

// TestOtherOrganization: what is told to an organization is not about what
// another one has, under whatever name.
func TestOtherOrganization(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		w.Processor()
		other := w.Organization("Other")
		c := w.Customer(nil)
		card := w.Card(c.ID(), true)
		since := w.LastSeq()
		gone := payment.Event{ID: "1", Type: payment.MethodDetached, Organization: other.ID, Method: floetest.CardOf(card)}
		w.Told(204, gone)
		w.Events(since)
		w.Is(w.Do("GET", "/v1/customers/"+c.ID()+"/payment-methods", w.AllToken, nil), 200, obj{"items": []any{obj{"is_default": true}}})
		gone.Organization = w.Org.ID
		w.Told(204, gone)
		w.Is(w.Do("GET", "/v1/customers/"+c.ID()+"/payment-methods", w.AllToken, nil), 200, obj{"items": []any{}})
	})
}

// TestPendingIsTold: a charge that is pending ends when the processor tells,
// however often and in whatever order it tells.
func TestPendingIsTold(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_a"}, nil)
		o := w.Drafted()
		w.Is(w.Finalize(o), 200, obj{"status": "pending", "invoice_number": nil})
		w.Payments(o, obj{"status": "pending", "reference": "pay_a"})
		w.Is(w.Finalize(o), 412, nil)
		w.Is(w.Pay(o.ID, "succeeded", 1000, "by hand"), 409, obj{"error": "PaymentAlreadyInProgress"})
		since := w.LastSeq()
		done := ordertest.Event("evt_2", payment.PaymentSucceeded, o, "pay_a")
		w.Told(204, done)
		w.Told(204, done, done) // told again
		w.Told(204, ordertest.Event("evt_1", payment.PaymentPending, o, "pay_a"), ordertest.Event("evt_0", payment.PaymentFailed, o, "pay_a"))
		again := done
		again.ID = "evt_3" // the same in another event
		w.Told(204, again)
		w.Events(since, "order.updated", "order.paid")
		w.Is(w.Get(o.ID), 200, obj{"status": "paid", "invoice_number": floetest.Any, "receipt_number": floetest.Any})
		w.Payments(o, obj{"status": "succeeded", "reference": "pay_a", "surplus": false})

		// It fails: a draft again, with another key the next time.
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_b"}, nil)
		o = w.Drafted()
		w.Is(w.Finalize(o), 200, obj{"status": "pending"})
		first := p.Charges()
		failed := ordertest.Event("evt_4", payment.PaymentFailed, o, "pay_b")
		failed.Code = "insufficient_funds"
		w.Told(204, failed)
		w.Is(w.Get(o.ID), 200, obj{"status": "draft", "invoice_number": nil})
		w.Payments(o, obj{"status": "failed", "reference": "pay_b"})
		p.Heal()
		w.Is(w.Finalize(o), 200, obj{"status": "paid"})
		if second := p.Charges(); first[len(first)-1].IdempotencyKey == second[0].IdempotencyKey {
			t.Error("a declined charge was asked for again")
		}
		w.Healthy()
	})
}

// TestSurplus: money that nobody needs any more is given back, or put on the
// balance; it makes no order paid.
func TestSurplus(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		o := w.Drafted()
		w.Is(w.Finalize(o), 200, obj{"status": "paid"})
		w.Told(204, ordertest.Event("evt_a", payment.PaymentSucceeded, o, "pay_twice"))
		w.Payments(o, obj{"surplus": false}, obj{"surplus": true, "reference": "pay_twice", "status": "succeeded"})
		w.Is(w.Refund(o, 100, nil), 409, obj{"error": "RefundPendingCreation"})
		w.RunDue()
		if back := p.Refunds(); len(back) != 1 || back[0].Payment != "pay_twice" || back[0].Amount != 1000 {
			t.Errorf("gave back %+v", back)
		}
		w.Is(w.Get(o.ID), 200, obj{"status": "paid", "refunded_amount": 0})
		w.RunDue()
		if back := p.Refunds(); len(back) != 0 {
			t.Errorf("gave back again %+v", back)
		}
		w.Is(w.Refund(o, 1000, nil), 201, nil)
		p.Refunds()

		p.Can.Refund = false
		w.Told(204, ordertest.Event("evt_b", payment.PaymentSucceeded, o, "pay_thrice"))
		if got := w.Balance(string(o.CustomerID)); got != 1000 {
			t.Errorf("balance %d", got)
		}
		p.Can.Refund = true

		// Somebody has given it back at the processor already.
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
			return payment.RefundResult{Refused: payment.RefundedAlready}, nil
		}
		w.Told(204, ordertest.Event("evt_e", payment.PaymentSucceeded, o, "pay_back"))
		w.RunDue()
		if got := w.Balance(string(o.CustomerID)); got != 1000 || len(p.Refunds()) != 1 {
			t.Errorf("balance %d", got)
		}
		p.Heal()

		// An order that was never made.
		lost := payment.Event{ID: "evt_c", Type: payment.PaymentSucceeded, Organization: w.Org.ID, Order: id.New(), Customer: o.CustomerID,
			Payment: "pay_lost", Amount: 700, Currency: "USD"}
		w.Told(204, lost)
		w.Is(w.Get(lost.Order), 200, obj{"status": "void", "total_amount": 700, "invoice_number": nil})
		w.RunDue()
		if back := p.Refunds(); len(back) != 1 || back[0].Payment != "pay_lost" || back[0].Amount != 700 {
			t.Errorf("gave back %+v", back)
		}

		// A draft that somebody paid after all.
		o = w.Drafted()
		p.Answer(payment.ChargeResult{State: payment.StateRequiresAction, Reference: "pay_3ds"}, nil)
		w.Is(w.Finalize(o), 402, obj{"error": "PaymentActionRequired"})
		w.Payments(o, obj{"status": "failed", "reference": "pay_3ds"})
		w.Told(204, ordertest.Event("evt_d", payment.PaymentSucceeded, o, "pay_3ds"))
		w.Is(w.Get(o.ID), 200, obj{"status": "paid"})
		w.Payments(o, obj{"status": "succeeded", "reference": "pay_3ds"})
		w.Healthy()
	})
}

// TestRefundBeforeItsPayment: what is done at the processor with a payment is told
// again when nobody knows yet that it came.
func TestRefundBeforeItsPayment(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		back := func(o order.Row, reference string) []payment.Event {
			r, d := ordertest.Event("r_"+reference, payment.RefundUpdated, o, reference), ordertest.Event("d_"+reference, payment.DisputeUpdated, o, reference)
			r.Refund, r.RefundStatus, r.Amount = "re_"+reference, payment.RefundSucceeded, 400
			d.Dispute, d.DisputeStatus = "dp_"+reference, payment.DisputeLost
			return []payment.Event{r, d}
		}
		known := func(o order.Row, reference string) {
			t.Helper()
			w.Told(204, back(o, reference)...)
			w.Is(w.Get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 400})
			w.Is(w.Refund(o, 100, nil), 403, obj{"error": "RefundDisputedPayment"})
		}
		o := w.Drafted()
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_a"}, nil)
		w.Is(w.Finalize(o), 200, obj{"status": "pending"})
		w.Told(409, back(o, "pay_a")[0])
		w.Told(204, ordertest.Event("evt_a", payment.PaymentSucceeded, o, "pay_a"))
		known(o, "pay_a")

		o = w.Drafted() // whose charge has no answer
		p.Answer(payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_b"}, floetest.ErrLost)
		w.Failing("POST", "/v1/orders/"+string(o.ID)+"/finalize", "{}")
		for _, e := range back(o, "pay_b") {
			w.Told(409, e)
		}
		w.AskAgain()
		known(o, "pay_b")
		w.Told(204, back(o, "pay_unknown")...)
		w.Healthy()
	})
}

// TestManyTellAtOnce: the same event on many connections counts once.
func TestManyTellAtOnce(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_a"}, nil)
		o := w.Drafted()
		w.Is(w.Finalize(o), 200, nil)
		since := w.LastSeq()
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { w.Told(204, ordertest.Event("evt", payment.PaymentSucceeded, o, "pay_a")) })
		}
		wg.Wait()
		w.Events(since, "order.updated", "order.paid")
		n, err := db.One[int64](t.Context(), w.DB, `SELECT COUNT(*) FROM processor_events WHERE organization_id = ?`, w.Org.ID)
		if err != nil || n != 2 { // and the card
			t.Errorf("%d events: %v", n, err)
		}
	})
}

// TestToldAgain: what was told before is let go, also where it would still
// change something: a card that was the default is not made so again when
// another has become that.
func TestToldAgain(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		w.Processor()
		c := w.Customer(nil).ID()
		setup := func(card string) payment.Event {
			return payment.Event{ID: "setup_" + card, Type: payment.SetupSucceeded, Organization: w.Org.ID, Customer: id.ID(c),
				Method: floetest.CardOf(card), Default: true}
		}
		chosen := func() string {
			return w.Do("GET", "/v1/customers/"+c, w.AllToken, nil).Text("default_payment_method_id")
		}
		w.Told(204, setup("pm_a"))
		first := chosen()
		w.Told(204, setup("pm_b"))
		second := chosen()
		w.Told(204, setup("pm_a"))
		if first == "" || second == first || chosen() != second {
			t.Errorf("the default was %s, then %s, and is %s", first, second, chosen())
		}
	})
}
