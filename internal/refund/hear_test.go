package refund_test

import (
	"testing"

	"floe/internal/id"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

// TestRefundIsTold: what a processor tells later of refunds that were asked
// for here, and of those that were made there.
func TestRefundIsTold(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		o := w.Charged()
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
			return payment.RefundResult{Status: payment.RefundPending, Reference: "re_a"}, nil
		}
		f := w.Refund(o, 400, nil)
		w.Is(f, 201, obj{"status": "pending"})
		tell := func(name string, status payment.RefundStatus) payment.Event {
			return payment.Event{ID: name, Type: payment.RefundUpdated, Refund: "re_a", RefundStatus: status}
		}
		shown := func(status string) {
			t.Helper()
			w.Is(w.Do("GET", "/v1/refunds/?id="+f.ID(), w.AllToken, nil), 200, obj{"items": []any{obj{"status": status}}})
		}
		since := w.LastSeq()
		w.Told(204, tell("1", payment.RefundSucceeded), tell("1", payment.RefundSucceeded), tell("2", payment.RefundPending))
		w.Events(since, "refund.updated")
		shown("succeeded")
		since = w.LastSeq()
		w.Told(204, tell("3", payment.RefundFailed), tell("4", payment.RefundSucceeded))
		w.Events(since, "refund.updated", "order.updated")
		shown("failed")
		w.Is(w.Get(o.ID), 200, obj{"status": "paid", "refunded_amount": 0, "refundable_amount": 1000})

		// All of it, and it fails: a part stays given back.
		p.Heal()
		w.Is(w.Refund(o, 300, nil), 201, nil)
		rest := w.Refund(o, 700, nil)
		w.Is(w.Get(o.ID), 200, obj{"status": "refunded"})
		w.Told(204, payment.Event{ID: "5", Type: payment.RefundUpdated, Organization: w.Org.ID, Order: o.ID, RefundID: id.ID(rest.ID()), RefundStatus: payment.RefundCanceled})
		w.Is(w.Get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 300})

		// At the processor.
		there := payment.Event{ID: "6", Type: payment.RefundUpdated, Payment: "pay_1", Refund: "re_there", RefundStatus: payment.RefundSucceeded, Amount: 200}
		since = w.LastSeq()
		w.Told(204, there, there)
		there.ID = "7"
		w.Told(204, there)
		w.Events(since, "refund.created", "order.updated", "order.refunded")
		w.Is(w.Get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 500})

		// The event comes before the answer, with our id and without.
		p.Refunding = func(r payment.Refund) (payment.RefundResult, error) {
			early := payment.Event{ID: "8", Type: payment.RefundUpdated, Payment: "pay_1", Refund: "re_b", RefundStatus: payment.RefundSucceeded, Amount: 500}
			w.Told(409, early)
			early.RefundID = r.ID
			w.Told(204, early)
			return payment.RefundResult{Status: payment.RefundPending, Reference: "re_b"}, nil
		}
		since = w.LastSeq()
		w.Is(w.Refund(o, 500, nil), 201, obj{"status": "succeeded"})
		w.Events(since, "refund.created", "order.updated", "order.refunded")
		w.Is(w.Get(o.ID), 200, obj{"status": "refunded"})
		w.Healthy()
	})
}

// TestDisputes: what is disputed is not given back, unless the dispute is won.
func TestDisputes(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		o := w.Charged()
		tell := func(name string, status payment.DisputeStatus) {
			t.Helper()
			w.Told(204, payment.Event{ID: name, Type: payment.DisputeUpdated, Payment: "pay_1", Dispute: "dp_1", DisputeStatus: status, Amount: 1000, DisputeReason: "fraudulent"})
		}
		refused := func() {
			t.Helper()
			w.Is(w.Refund(o, 100, nil), 403, obj{"error": "RefundDisputedPayment",
				"detail": "Refund cannot be issued for order with disputed payment: " + string(o.ID)})
		}
		tell("1", payment.DisputeEarlyWarning)
		w.Is(w.Refund(o, 100, nil), 201, nil)
		tell("2", payment.DisputeNeedsResponse)
		refused()
		tell("3", payment.DisputeUnderReview)
		refused()
		tell("4", payment.DisputeWon)
		tell("5", payment.DisputeNeedsResponse) // told late
		p.Refunds()
		w.Is(w.Refund(o, 100, nil), 201, nil)
		if n := len(p.Refunds()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		w.Healthy()
	})
}
