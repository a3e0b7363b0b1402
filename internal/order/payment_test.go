package order_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/ordertest"
)

// TestPayments: partial and repeated payments; cases 45, 50 and 70.
func TestPayments(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Billed()
		o := w.Make(c.ID(), ordertest.Costs(1000))[0]
		since := w.LastSeq()
		first := w.Pay(o.ID, "succeeded", 400, "a")
		w.Is(first, 201, map[string]any{"amount": 400, "currency": "usd", "reference": "a", "order_id": o.ID, "note": nil})
		again := w.Pay(o.ID, "succeeded", 400, "a")
		w.Is(again, 201, map[string]any{"id": first.ID()})
		w.Is(w.Pay(o.ID, "succeeded", 500, "a"), 409, map[string]any{"error": "PaymentReferenceTaken"})
		w.Is(w.Pay(o.ID, "succeeded", 601, "b"), 422, map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "amount"}}}})
		w.Is(w.Pay(o.ID, "refunded", 100, "r"), 404, map[string]any{"error": "RefundUnknownPayment"})
		w.Is(w.Pay(o.ID, "failed", 600, "f"), 201, nil) // 50: nothing follows for what is bought once
		w.Events(since, "order.payment_recorded", "order.payment_recorded")
		w.Is(w.Do("GET", "/v1/audit?type=order.payment_recorded", w.AllToken, nil), 200, map[string]any{"items": []any{
			map[string]any{"after": map[string]any{"status": "failed", "amount": 600, "reference": "f"}},
			map[string]any{"after": map[string]any{"status": "succeeded", "amount": 400, "reference": "a"}}}})
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "pending", "next_payment_attempt_at": nil})
		since = w.LastSeq()
		w.Is(w.Pay(o.ID, "succeeded", 600, "b"), 201, nil)
		w.Events(since, "order.updated", "order.paid")
		w.Is(w.Pay(o.ID, "succeeded", 600, "b"), 201, nil) // 45
		w.Is(w.Pay(o.ID, "succeeded", 1, "c"), 409, map[string]any{"error": "OrderNotAwaitingPayment"})
		w.Is(w.Pay(o.ID, "failed", 1, "c"), 409, nil) // 50: it is paid
		w.Events(since, "order.updated", "order.paid")
		list := w.Do("GET", "/v1/orders/"+string(o.ID)+"/payments", w.AllToken, nil)
		w.Is(list, 200, map[string]any{"items": []any{map[string]any{"reference": "a"}, map[string]any{"reference": "f"}, map[string]any{"reference": "b"}}})

		since = w.LastSeq()
		w.Is(w.Pay(o.ID, "refunded", 1001, "r"), 422, nil)
		w.Is(w.Pay(o.ID, "refunded", 300, "r"), 201, nil)
		w.Is(w.Pay(o.ID, "refunded", 300, "r"), 201, nil)
		w.Events(since, "refund.created", "order.updated", "order.refunded")
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "partially_refunded", "paid": true, "refunded_amount": 300, "refundable_amount": 700})
		w.Is(w.Pay(o.ID, "refunded", 700, "r2"), 201, nil)
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "refunded", "paid": true, "refundable_amount": 0})
		w.Is(w.Pay(o.ID, "refunded", 1, "r3"), 403, map[string]any{"error": "RefundedAlready"})

		// What somebody says was paid in another currency is not taken for dollars.
		v := w.Make(c.ID(), ordertest.Of(id.New(), ordertest.Costs(1000)))[0]
		in := func(currency string) *floetest.Response {
			return w.Do("POST", "/v1/orders/"+string(v.ID)+"/payments", w.AllToken,
				map[string]any{"status": "succeeded", "amount": 100, "reference": "in " + currency, "currency": currency})
		}
		w.Is(in("eur"), 422, map[string]any{"detail": []any{map[string]any{"loc": []any{"body", "currency"}, "msg": "The order's currency is usd."}}})
		w.Is(in("USD"), 201, map[string]any{"currency": "usd"})

		w.Write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, ordertest.System, &v) })
		w.Is(w.Pay(v.ID, "succeeded", 1000, "a"), 409, map[string]any{"error": "OrderNotAwaitingPayment"})

		path := "/v1/orders/" + string(v.ID) + "/payments"
		w.RunAll(
			floetest.Scenario{Name: "10 scope", Do: "POST " + path, As: w.Token(auth.OrdersRead), Body: "{}", Status: 403},
			floetest.Scenario{Name: "2 foreign", Do: "POST " + path, As: w.Organization("Other").Token,
				Body: map[string]any{"status": "failed", "amount": 1, "reference": "x"}, Status: 404},
			floetest.Scenario{Name: "1 nobody", Do: "GET " + path, Status: 401},
			floetest.Scenario{Name: "nothing", Do: "POST " + path, As: w.AllToken, Body: map[string]any{"status": "failed", "amount": 0, "reference": ""}, Status: 422},
		)
	})
}

// TestCreditOfAVoidOrder: what was paid of an order that was given up can be
// given back, as far as it is still there, and is then no part of the payment
// when the order is taken up again.
func TestCreditOfAVoidOrder(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Billed()
		sub := id.New()
		o := w.Make(c.ID(), ordertest.Costs(1000))[0]
		void := func() {
			w.Write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, ordertest.System, &o) })
		}
		w.Is(w.Pay(o.ID, "succeeded", 700, "a"), 201, nil)
		w.Is(w.Pay(o.ID, "refunded", 1, "early"), 404, map[string]any{"error": "RefundUnknownPayment"}) // it still waits for the rest
		void()
		since := w.LastSeq()
		w.Is(w.Pay(o.ID, "refunded", 701, "b"), 422, map[string]any{"detail": []any{map[string]any{"loc": []any{"body", "amount"}, "input": 701}}})
		w.Is(w.Pay(o.ID, "refunded", 200, "b"), 201, map[string]any{"status": "refunded", "surplus": true})
		w.Is(w.Pay(o.ID, "refunded", 200, "b"), 201, nil) // said twice
		w.Events(since, "order.payment_recorded")
		if n := w.Balance(c.ID()); n != 500 {
			t.Errorf("balance %d, want 500", n)
		}
		w.Make(c.ID(), ordertest.Of(sub, ordertest.Costs(400))) // uses credit
		w.Is(w.Pay(o.ID, "refunded", 101, "c"), 422, map[string]any{"detail": []any{map[string]any{"msg": "Of what was paid of this order 100 is left as credit."}}})
		w.Is(w.Pay(o.ID, "refunded", 100, "c"), 201, nil)
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "void", "refunded_amount": 0, "refundable_amount": 1000})
		w.SetBalance(c.ID(), 400)
		w.Write(func(ctx context.Context, tx *db.Tx) error {
			return w.Server.Orders.Unvoid(ctx, tx, ordertest.System, &o)
		})
		if n := w.Balance(c.ID()); n != 0 {
			t.Errorf("balance %d after taking it up again, want 0", n)
		}
		w.Is(w.Pay(o.ID, "succeeded", 601, "d"), 422, nil)
		w.Is(w.Pay(o.ID, "succeeded", 600, "d"), 201, nil)
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "paid"})
		w.Is(w.Pay(o.ID, "refunded", 1000, "e"), 201, map[string]any{"surplus": false})
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "refunded"})
		// Nothing was paid of it.
		o = w.Make(c.ID(), ordertest.Costs(1000))[0]
		void()
		w.SetBalance(c.ID(), 100)
		w.Is(w.Pay(o.ID, "refunded", 1, "f"), 404, map[string]any{"error": "RefundUnknownPayment"})
		w.Sound("orders.amounts", "orders.paid", "orders.refunded")
	})
}

// TestPaymentOfTheFuture: money cannot have moved yet, by the clock that the
// organization lives by. What was sent is said again, digit by digit.
func TestPaymentOfTheFuture(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Billed()
		o := w.Make(c.ID(), ordertest.Costs(1000))[0]
		n := 0
		pay := func(token string, at time.Time) *floetest.Response {
			n++
			return w.Do("POST", "/v1/orders/"+string(o.ID)+"/payments", token,
				map[string]any{"status": "failed", "amount": 1, "reference": fmt.Sprint(n), "paid_at": at})
		}
		refused := map[string]any{"error": "PolarRequestValidationError", "detail": []any{map[string]any{
			"loc": []string{"body", "paid_at"}, "msg": "The payment lies in the future.", "type": "value_error"}}}
		w.Is(pay(w.AllToken, w.Clock.Now().Add(4*time.Minute)), 201, nil) // another machine's clock
		w.Is(pay(w.AllToken, w.Clock.Now().Add(6*time.Minute)), 422, refused)
		ahead := w.Clock.Now().AddDate(0, 1, 0)
		w.Do("POST", "/v1/test-clock", w.AllToken, map[string]any{"now": ahead})
		user := w.User(auth.Admin, w.Org, w.Organization("Other")) // whose time is the wall clock's
		for _, token := range []string{w.AllToken, user} {
			w.Is(pay(token, ahead), 201, nil)
			w.Is(pay(token, ahead.Add(6*time.Minute)), 422, refused)
		}
		for _, amount := range []string{"99999999999999999999", "123456789012345678901234567890"} {
			r := w.Do("POST", "/v1/orders/"+string(o.ID)+"/payments", w.AllToken, `{"status":"succeeded","reference":"x","amount":`+amount+`}`)
			if r.Status != 422 || !strings.Contains(string(r.Body), `"input":`+amount+`}`) {
				t.Errorf("%d %s", r.Status, r.Body)
			}
		}
	})
}
