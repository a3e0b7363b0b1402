package refund_test

import (
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

type obj = ordertest.Obj

// TestRefundIsAskedFor: what a processor took it gives back, and what it says
// of that decides.
func TestRefundIsAskedFor(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		o := w.Charged()
		since := w.LastSeq()
		first := w.Refund(o, 400, obj{"metadata": obj{"a": "b"}, "comment": "sorry"})
		w.Is(first, 201, obj{"status": "succeeded", "amount": 400, "metadata": obj{"a": "b"}, "modified_at": nil})
		w.Events(since, "refund.created", "order.updated", "order.refunded")
		asked := p.Refunds()
		if len(asked) != 1 || asked[0].Amount != 400 || asked[0].Payment != "pay_1" || string(asked[0].ID) != first.ID() || asked[0].IdempotencyKey == "" {
			t.Errorf("asked for %+v", asked)
		}
		w.Is(w.Get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 400})

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
			w.Is(w.Refund(o, 100, nil), 201, obj{"status": x.status})
			w.Events(since, x.events...)
			w.Is(w.Get(o.ID), 200, x.after)
		}
		p.Heal()

		// A refusal leaves nothing.
		for why, name := range map[payment.Refusal]string{payment.RefundedAlready: "RefundedAlready", payment.Disputed: "RefundDisputedPayment"} {
			p.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{Refused: why}, nil }
			since := w.LastSeq()
			w.Is(w.Refund(o, 100, nil), 403, obj{"error": name})
			w.Events(since)
		}
		p.Heal()
		w.Is(w.Refund(o, 501, nil), 422, nil)
		w.Is(w.Refund(o, 500, nil), 201, nil)
		w.Is(w.Get(o.ID), 200, obj{"status": "refunded"})
		w.Is(w.Refund(o, 1, nil), 403, obj{"error": "RefundedAlready"})
		w.Is(w.Do("GET", "/v1/refunds/?succeeded=true", w.AllToken, nil), 200, obj{"pagination": obj{"total_count": 2}})
	})
}

// TestRefundWithoutAnswer: a refund whose answer was lost is asked for again,
// as the same, until it is there; nothing else is refunded meanwhile.
func TestRefundWithoutAnswer(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		o := w.Charged()
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
			return payment.RefundResult{Status: payment.RefundSucceeded}, floetest.ErrLost
		}
		since := w.LastSeq()
		w.Failing("POST", "/v1/refunds/", ordertest.RefundOf(o, 400, nil))
		w.Is(w.Refund(o, 400, nil), 409, obj{"error": "RefundPendingCreation"})
		w.Is(w.Pay(o.ID, "refunded", 400, "by hand"), 409, obj{"error": "RefundPendingCreation"})
		w.Events(since)
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
		w.Events(since, "refund.created", "order.updated", "order.refunded")
		w.Is(w.Get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 400})
		w.RunDue()
		if n := len(p.Refunds()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		p.Heal()
		w.Is(w.Refund(o, 600, nil), 201, nil)

		// Nothing was done, and the refusal comes when nobody waits for it.
		o = w.Charged()
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{}, floetest.ErrLost }
		w.Failing("POST", "/v1/refunds/", ordertest.RefundOf(o, 400, nil))
		err := w.DB.Write(t.Context(), func(tx *db.Tx) error { // as a node of an older version stores it
			_, err := db.Exec(t.Context(), tx, `UPDATE refund_requests SET processor = ''`+floetest.AllOrganizations)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
			return payment.RefundResult{Refused: payment.Disputed}, nil
		}
		w.Clock.Advance(5*time.Minute + time.Second)
		w.RunDue()
		p.Heal()
		w.Is(w.Get(o.ID), 200, obj{"status": "paid", "refunded_amount": 0})
		w.Is(w.Refund(o, 1000, nil), 201, nil)
	})
}

// TestProcessorLivesInRealTime: what a processor is asked to give back, or to
// forget, does not wait for the time that a test clock shows.
func TestProcessorLivesInRealTime(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		o := w.Charged()
		w.Is(w.Do("POST", "/v1/test-clock", w.AllToken, obj{"now": w.Clock.Now().AddDate(1, 0, 0)}), 201, nil)
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{}, floetest.ErrLost }
		w.Failing("POST", "/v1/refunds/", ordertest.RefundOf(o, 400, nil))
		p.Heal()
		w.AskAgain()
		if n := len(p.Refunds()); n != 2 {
			t.Errorf("asked %d times for a refund", n)
		}
		w.Is(w.Get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 400})
		w.Is(w.Do("DELETE", "/v1/customers/"+string(o.CustomerID)+"?anonymize=true", w.AllToken, nil), 204, nil)
		w.RunDue()
		if got := p.Detached(); len(got) != 1 {
			t.Errorf("forgotten %v", got)
		}
	})
}

// TestRefundOfMixedMoney: what was paid by hand is given back by hand, and a
// processor is not asked for what it cannot do.
func TestRefundOfMixedMoney(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		o := w.Charged()
		p.Can.Refund = false
		w.Is(w.Refund(o, 400, nil), 403, obj{"error": "RefundsBlocked", "detail": "Refunds are blocked for order: " + string(o.ID)})
		w.Is(w.Pay(o.ID, "refunded", 400, "by hand"), 201, nil)
		p.Can.Refund = true
		w.Server.Orders.Payments.Processor = payment.Manual{}
		w.Is(w.Refund(o, 400, nil), 403, obj{"error": "RefundsBlocked"})
		w.Server.Orders.Payments.Processor = p
		if len(p.Refunds()) != 0 {
			t.Error("it was asked for what it cannot do")
		}
		by := w.Make(w.Billed().ID(), ordertest.Costs(1000))[0]
		w.Is(w.Pay(by.ID, "succeeded", 1000, "bank"), 201, nil)
		w.Is(w.Refund(by, 1000, nil), 201, obj{"status": "succeeded"})
		if len(p.Refunds()) != 0 {
			t.Error("it was asked to give back what it did not take")
		}

		mixed := w.Make(w.Billed().ID(), ordertest.Costs(1000))[0]
		w.Is(w.Pay(mixed.ID, "succeeded", 400, "bank, too"), 201, nil)
		rest := ordertest.Event("mixed", payment.PaymentSucceeded, mixed, "pay_mixed")
		rest.Amount = 600
		w.Told(204, rest)
		w.Is(w.Get(mixed.ID), 200, obj{"status": "paid"})
		w.Is(w.Refund(mixed, 601, nil), 422, nil)
		w.Is(w.Refund(mixed, 500, nil), 201, nil)
		w.Is(w.Refund(mixed, 101, nil), 422, nil)
		w.Is(w.Refund(mixed, 100, nil), 201, nil)
		w.Is(w.Refund(mixed, 400, nil), 201, obj{"status": "succeeded"})
		if asked := p.Refunds(); len(asked) != 2 || asked[0].Amount+asked[1].Amount != 600 {
			t.Errorf("of the 600 that it took it was asked to give back %+v", asked)
		}
	})
}
