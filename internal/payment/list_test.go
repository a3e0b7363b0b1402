package payment_test

import (
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

// TestListedPayments: what a processor made is listed, and nothing else.
func TestListedPayments(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		first := w.Charged()
		w.Clock.Advance(time.Second)
		p.Answer(payment.ChargeResult{State: payment.StateFailed, Reference: "pay_no", Code: "insufficient_funds", Message: "Not enough."}, nil)
		second := w.Drafted()
		w.Is(w.Finalize(second), 402, nil)
		w.Clock.Advance(time.Second)
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_wait", Method: &payment.Method{Type: "sepa_debit"}}, nil)
		third := w.Drafted()
		w.Is(w.Finalize(third), 200, nil)
		byHand := w.Make(w.Billed().ID(), ordertest.Costs(1000))[0]
		w.Is(w.Pay(byHand.ID, "succeeded", 1000, "bank"), 201, nil)

		list := func(query string, want ...order.Row) *floetest.Response {
			t.Helper()
			r := w.Do("GET", "/v1/payments/"+query, w.Token(auth.PaymentsRead), nil)
			items := make([]any, len(want))
			for i := range want {
				items[i] = obj{"order_id": want[i].ID}
			}
			w.Is(r, 200, obj{"items": items, "pagination": obj{"total_count": len(want)}})
			return r
		}
		all := list("", third, second, first)
		w.Is(all, 200, obj{"items": []any{
			obj{"status": "pending", "method": "sepa_debit", "trigger": "purchase", "decline_reason": nil},
			obj{"status": "failed", "decline_reason": "insufficient_funds", "decline_message": "Not enough.", "method": "card"},
			obj{"processor": "stripe", "status": "succeeded", "amount": 1000, "currency": "usd", "method": "card", "method_metadata": obj{"brand": "visa", "last4": "4242"},
				"trigger": "purchase", "decline_reason": nil, "decline_message": nil, "organization_id": w.Org.ID, "checkout_id": nil, "modified_at": nil, "processor_metadata": obj{}},
		}})
		list("?status=failed&status=pending", third, second)
		list("?method=card", second, first)
		list("?order_id="+string(first.ID), first)
		list("?customer_id="+string(second.CustomerID), second)
		list("?checkout_id=" + string(id.New()))
		list("?sorting=created_at", first, second, third)
		list("?sorting=-status", first, third, second)
		list("?organization_id=" + string(w.Organization("Other").ID))
		email := w.Do("GET", "/v1/customers/"+string(first.CustomerID), w.AllToken, nil).Text("email")
		list("?customer_email="+email, first)
		list("?customer_email=nobody@example.com")
		one := "/v1/payments/" + all.Text("items.2.id")
		w.Is(w.Do("GET", one, w.Token(auth.PaymentsRead), nil), 200, obj{"order_id": first.ID})
		w.Is(w.Do("GET", one, w.Token(auth.OrdersRead), nil), 403, nil)
		w.Is(w.Do("GET", one, w.Organization("Third").Token, nil), 404, nil)
		recorded := w.Do("GET", "/v1/orders/"+string(byHand.ID)+"/payments", w.AllToken, nil).Text("items.0.id")
		w.Is(w.Do("GET", "/v1/payments/"+recorded, w.AllToken, nil), 404, nil)

		// An erasure leaves nothing of the card; the payment stays.
		w.Is(w.Do("DELETE", "/v1/customers/"+string(first.CustomerID)+"?anonymize=true", w.AllToken, nil), 204, nil)
		r := w.Do("GET", one, w.AllToken, nil)
		if _, has := r.JSON().(map[string]any)["method_metadata"]; has {
			t.Errorf("a card is known: %s", r.Body)
		}
		w.Healthy()
	})
}
