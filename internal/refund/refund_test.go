package refund_test

import (
	"context"
	"testing"

	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
)

// TestRefunds: case 70 and the errors of §11.
func TestRefunds(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		w.Server.Orders.Tax = taxing(20)
		c := w.Billed()
		o := w.Make(c.ID(), ordertest.Costs(10000))[0]
		refund := func(amount int, fields map[string]any) *floetest.Response {
			body := map[string]any{"order_id": o.ID, "reason": "customer_request", "amount": amount}
			for k, v := range fields {
				body[k] = v
			}
			return w.Do("POST", "/v1/refunds/", w.AllToken, body)
		}
		w.Is(refund(1, nil), 404, map[string]any{"error": "RefundUnknownPayment"})
		w.Is(w.Pay(o.ID, "succeeded", 12000, "a"), 201, nil)
		w.Is(refund(10001, nil), 422, map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "amount"}, "msg": "Refund amount exceeds refundable amount"}}})
		since := w.LastSeq()
		w.Is(refund(5000, map[string]any{"comment": "half", "metadata": map[string]any{"a": "b"}}), 201, map[string]any{"amount": 5000, "tax_amount": 1000,
			"status": "succeeded", "reason": "customer_request", "dispute": nil, "order_id": o.ID, "metadata": map[string]any{"a": "b"}})
		w.Events(since, "refund.created", "order.updated", "order.refunded")
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "partially_refunded", "refunded_amount": 5000, "refunded_tax_amount": 1000, "refundable_tax_amount": 1000})
		w.Is(refund(5000, nil), 201, map[string]any{"tax_amount": 1000})
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "refunded"})
		w.Is(refund(1, nil), 403, map[string]any{"error": "RefundedAlready", "detail": "Order is already fully refunded: " + string(o.ID)})
		w.Is(w.Do("GET", "/v1/refunds/?order_id="+string(o.ID)+"&succeeded=true&sorting=amount", w.AllToken, nil), 200, map[string]any{"pagination": map[string]any{"total_count": 2}})
		w.Is(w.Do("GET", "/v1/refunds/?succeeded=false", w.AllToken, nil), 200, map[string]any{"pagination": map[string]any{"total_count": 0}})
		w.Is(w.Do("GET", "/v1/refunds/", w.Organization("Other").Token, nil), 200, map[string]any{"items": []any{}})
		w.Is(w.Do("POST", "/v1/refunds/", w.AllToken, map[string]any{"order_id": id.New(), "reason": "other", "amount": 1}), 422,
			map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "order_id"}, "msg": "Order not found"}}})
		w.Is(refund(1, map[string]any{"reason": "dispute_prevention"}), 422, nil)
		o = w.Make(c.ID(), ordertest.Of(id.New(), ordertest.Costs(1000)))[0]
		w.Is(refund(1, map[string]any{"revoke_benefits": true}), 400, map[string]any{"error": "RevokeSubscriptionBenefitsProhibited"})
	})
}

// TestTaxesOfRefunds: no more tax is given back than there was, whatever the
// balance has had to do with the order.
func TestTaxesOfRefunds(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		w.Server.Orders.Tax = taxing(20)
		c := w.Billed()
		w.SetBalance(c.ID(), -5000)
		o := w.Make(c.ID(), ordertest.Of(id.New(), ordertest.Costs(1000)))[0]
		w.Is(w.Pay(o.ID, "succeeded", 6200, "all"), 201, nil)
		w.Is(w.Refund(o, 3000, nil), 201, map[string]any{"tax_amount": 200}) // a debt is not taxed
		w.Is(w.Refund(o, 3000, nil), 201, map[string]any{"tax_amount": 0})
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "refunded", "refunded_amount": 6000, "refunded_tax_amount": 200})

		w.Server.Orders.Tax = taxing(50) // parts of one are rounded up
		o = w.Make(c.ID(), ordertest.Costs(4))[0]
		w.Is(w.Pay(o.ID, "succeeded", 6, "all"), 201, nil)
		for _, tax := range []int{1, 1, 0, 0} {
			w.Is(w.Refund(o, 1, nil), 201, map[string]any{"tax_amount": tax})
		}

		w.SetBalance(c.ID(), 11000) // has paid all but a part of the taxes
		o = w.Make(c.ID(), ordertest.Of(id.New(), ordertest.Costs(10000)))[0]
		w.Is(w.Pay(o.ID, "succeeded", 4000, "all"), 201, nil)
		w.Is(w.Pay(o.ID, "refunded", 4001, "too much"), 422, nil)
		w.Is(w.Pay(o.ID, "refunded", 1000, "a part"), 201, nil)
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "partially_refunded", "refunded_amount": 0, "refunded_tax_amount": 1000})
		w.Is(w.Pay(o.ID, "refunded", 3000, "the rest"), 201, nil)
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "refunded", "refunded_amount": 0, "refunded_tax_amount": 4000})
		w.Sound("orders.refunded", "orders.paid")
	})
}

// taxing is an exclusive tax of a percentage.
type taxing int64

func (p taxing) Of(_ context.Context, _ *order.Row, taxable int64) (int64, bool, error) {
	return taxable * int64(p) / 100, false, nil
}
