package charge_test

import (
	"net/http/httptest"
	"testing"
	"time"

	"floe/internal/charge"
	"floe/internal/floetest"
	"floe/internal/order"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

type obj = ordertest.Obj

// reductions are the discounts that walks choose among.
func reductions() []obj {
	return []obj{
		{"name": "Less", "type": "percentage", "basis_points": 5000, "duration": "once"},
		{"name": "Less", "type": "percentage", "basis_points": 10000, "duration": "repeating", "duration_in_months": 2},
		{"name": "Less", "type": "fixed", "amounts": obj{"eur": 100}, "duration": "forever"},
		{"name": "Less", "type": "fixed", "amounts": obj{"usd": 980, "eur": 870}, "duration": "forever"},
	}
}

// TestEventBeforeAnswer: the event may be there before the answer to the
// charge, or instead of it when that is lost.
func TestEventBeforeAnswer(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		var o order.Row
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			w.Told(204, ordertest.Event("evt_a", payment.PaymentSucceeded, o, "pay_a"))
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_a"}, nil
		}
		o = w.Drafted()
		since := w.LastSeq()
		w.Is(w.Finalize(o), 200, obj{"status": "paid"})
		w.Events(since, "order.updated", "order.paid")
		w.Payments(o, obj{"status": "succeeded", "reference": "pay_a"})

		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_b"}, floetest.ErrLost
		}
		o = w.Drafted()
		w.Failing("POST", "/v1/orders/"+string(o.ID)+"/finalize", "{}")
		w.Is(w.Get(o.ID), 200, obj{"status": "pending"})
		w.Told(204, ordertest.Event("evt_b", payment.PaymentSucceeded, o, "pay_b"))
		w.Is(w.Get(o.ID), 200, obj{"status": "paid"})
		p.Charges()
		w.Clock.Advance(2 * time.Hour)
		w.RunDue()
		if n := p.Charges(); len(n) != 0 {
			t.Errorf("charged again: %+v", n)
		}

		// Nobody tells: the same is asked again.
		o = w.Drafted()
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_c"}, floetest.ErrLost
		}
		w.Failing("POST", "/v1/orders/"+string(o.ID)+"/finalize", "{}")
		w.AskAgain()
		w.Is(w.Get(o.ID), 200, obj{"status": "paid"})
		if asked := p.Charges(); len(asked) != 2 || asked[0] != asked[1] {
			t.Errorf("asked for %+v", asked)
		}

		// It is told that an attempt failed, and then that money was taken.
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			w.Told(204, ordertest.Event("evt_d", payment.PaymentFailed, o, "pay_d"))
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_e"}, nil
		}
		o = w.Drafted()
		w.Finalize(o)
		w.Is(w.Get(o.ID), 200, obj{"status": "paid"})
		w.Healthy()
	})
}

// TestLateAnswer: what is answered to an attempt that was told to have failed says
// nothing about the next one, which is asked for until it is answered, too.
func TestLateAnswer(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p, o := w.Processor(), w.Drafted()
		took := func(reference string) (payment.ChargeResult, error) {
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: reference}, nil
		}
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			p.Charging = func(payment.Charge) (payment.ChargeResult, error) { return payment.ChargeResult{}, floetest.ErrLost }
			w.Told(204, ordertest.Event("evt_a", payment.PaymentFailed, o, "pay_a"))
			w.Failing("POST", "/v1/orders/"+string(o.ID)+"/finalize", "{}")
			return took("pay_b")
		}
		w.Finalize(o)
		w.Is(w.Get(o.ID), 200, obj{"status": "paid"})
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) { return took("pay_c") }
		w.AskAgain()
		if asked, back := p.Charges(), p.Refunds(); len(asked) != 3 || len(back) != 1 || back[0].Payment != "pay_c" {
			t.Errorf("asked for %+v, and to give back %+v", asked, back)
		}
		w.Healthy()
	})
}

// TestKilledBetween: a server that ends after the money has moved, and before
// that is recorded, loses and doubles nothing. Any node goes on.
func TestKilledBetween(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
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
		o := w.Drafted()
		dying("/v1/orders/"+string(o.ID)+"/finalize", "{}")
		w.Is(w.Get(o.ID), 200, obj{"status": "pending"})
		w.Healthy()
		w.Clock.Advance(charge.Soon + time.Second)
		other.RunDue()
		w.Is(w.Get(o.ID), 200, obj{"status": "paid"})
		if asked := p.Charges(); len(asked) != 2 || asked[0] != asked[1] {
			t.Errorf("charged %+v", asked)
		}
		dying("/v1/refunds/", ordertest.RefundOf(o, 400, nil))
		w.Is(w.Get(o.ID), 200, obj{"status": "paid", "refunded_amount": 0})
		w.Healthy()
		w.Clock.Advance(charge.Soon + time.Second)
		other.RunDue()
		w.Is(w.Get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 400})
		if asked := p.Refunds(); len(asked) != 2 || asked[0] != asked[1] {
			t.Errorf("gave back %+v", asked)
		}
		w.Healthy()
	})
}

// TestAskedOnce: what another node is about to ask for again is not asked for
// here as well.
func TestAskedOnce(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		p.Answer(payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay"}, floetest.ErrLost)
		o := w.Drafted()
		w.Failing("POST", "/v1/orders/"+string(o.ID)+"/finalize", "{}")
		p.Charges()
		w.Clock.Advance(charge.Soon + time.Second)
		w.Meanwhile("charges", "check_at", w.Server.Charges.Run)
		if asked := p.Charges(); len(asked) != 0 {
			t.Errorf("asked for %+v", asked)
		}
		w.AskAgain()
		if asked := p.Charges(); len(asked) != 1 {
			t.Errorf("asked for %+v, not once", asked)
		}
	})
}
