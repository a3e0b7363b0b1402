package order_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
)

// TestDraft: cases 60 to 62.
func TestDraft(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		c := w.billed()
		p := w.once(map[string]any{"name": "Book", "prices": []any{fixed(1000, "usd"), fixed(900, "eur")}})
		body := func(fields map[string]any) map[string]any {
			out := map[string]any{"customer_id": c.ID(), "product_id": p.ID()}
			for k, v := range fields {
				out[k] = v
			}
			return out
		}
		w.RunAll(
			floetest.Scenario{Name: "61", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"metadata": map[string]any{"k": 1}}), Status: 201,
				Want: map[string]any{"status": "draft", "paid": false, "invoice_number": nil, "subtotal_amount": 1000, "net_amount": 1000,
					"total_amount": 1000, "due_amount": 1000, "currency": "usd", "billing_reason": "purchase", "billing_name": "Jeanne",
					"billing_address": paris, "description": "Book", "metadata": map[string]any{"k": 1}, "product_id": p.ID(),
					"customer": map[string]any{"id": c.ID()}, "product": map[string]any{"name": "Book"}, "discount": nil, "subscription": nil,
					"items":             []any{map[string]any{"label": "Book", "amount": 1000, "tax_amount": 0, "proration": false}},
					"refundable_amount": 1000, "is_invoice_generated": false, "receipt_number": nil},
				Events: []string{"order.created"}},
			floetest.Scenario{Name: "61 amount and description", Do: "POST /v1/orders/", As: w.AllToken,
				Body: body(map[string]any{"amount": 700, "description": "  Signed book "}), Status: 201,
				Want: map[string]any{"subtotal_amount": 700, "items": []any{map[string]any{"label": "Signed book"}}, "description": "Book"}},
			floetest.Scenario{Name: "61 free", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"amount": 0}), Status: 201,
				Want: map[string]any{"due_amount": 0, "status": "draft"}},
			floetest.Scenario{Name: "62", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"currency": "EUR"}), Status: 201,
				Want: map[string]any{"currency": "eur", "subtotal_amount": 900}},
			floetest.Scenario{Name: "other currency", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"currency": "gbp"}), Status: 422,
				Want: `{"error":"PolarRequestValidationError","detail":[{"loc":["body","currency"],"msg":"Product has no price in currency 'gbp'.","type":"value_error","input":"gbp"}]}`},
			floetest.Scenario{Name: "too small", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"amount": 49}), Status: 422,
				Want: `{"detail":[{"loc":["body","amount"],"msg":"Amount must be at least $0.50.","type":"greater_than_equal"}]}`},
			floetest.Scenario{Name: "too large", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"amount": 100_000_000}), Status: 422,
				Want: `{"detail":[{"loc":["body","amount"],"msg":"Amount must be at most $999,999.99.","type":"less_than_equal"}]}`},
			floetest.Scenario{Name: "negative", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"amount": -1}), Status: 422},
			floetest.Scenario{Name: "unknown customer", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"customer_id": id.New()}), Status: 422,
				Want: `{"detail":[{"loc":["body","customer_id"],"msg":"Customer does not exist.","type":"value_error"}]}`},
			floetest.Scenario{Name: "scope", Do: "POST /v1/orders/", As: w.Token(auth.OrdersRead), Body: body(nil), Status: 403},
			floetest.Scenario{Name: "organization_id", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"organization_id": w.Org.ID}), Status: 422},
			floetest.Scenario{Name: "user without organization", Do: "POST /v1/orders/", As: w.User(auth.Admin), Body: body(nil), Status: 422},
			floetest.Scenario{Name: "user", Do: "POST /v1/orders/", As: w.User(auth.Admin), Body: body(map[string]any{"organization_id": w.Org.ID}), Status: 201},
		)
		custom := map[string]any{"amount_type": "custom"}
		seats := map[string]any{"amount_type": "seat_based", "seat_tiers": map[string]any{"tiers": []any{map[string]any{"min_seats": 1, "max_seats": nil, "price_per_seat": 100}}}}
		for _, x := range []struct {
			product string
			text    string
		}{
			{string(id.New()), "Product does not exist."},
			{w.Product(nil).ID(), "Subscription products are not supported by the off-session charge API. Use a one-time product."},
			{w.once(map[string]any{"prices": []any{seats}}).ID(), "Seat-based products are not supported by the off-session charge API."},
			{w.once(map[string]any{"prices": []any{custom}}).ID(), "Off-session charges only support fixed-price products."},
		} {
			w.is(w.Do("POST", "/v1/orders/", w.AllToken, body(map[string]any{"product_id": x.product})), 422,
				map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "product_id"}, "msg": x.text, "type": "value_error", "input": x.product}}})
		}
		eur := w.once(map[string]any{"prices": []any{fixed(900, "eur"), fixed(500, "usd")}})
		w.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE product_prices SET is_archived = ? WHERE organization_id = ? AND product_id = ? AND price_currency = 'usd'`, true, w.Org.ID, eur.ID())
			return err
		})
		w.is(w.Do("POST", "/v1/orders/", w.AllToken, body(map[string]any{"product_id": eur.ID()})), 422, map[string]any{"detail": []any{map[string]any{
			"msg": "Product is not priced in the organization's default currency ('usd'); specify a currency to charge in."}}})
		w.Feature(w.Org, "off_session_charges_enabled", false)
		w.is(w.Do("POST", "/v1/orders/", w.AllToken, body(nil)), 403, map[string]any{"error": "OffSessionChargesNotEnabled"})
	})
}

// draft makes a draft of a product for a customer.
func (w world) draft(customerID, productID string, fields map[string]any) *floetest.Response {
	w.t.Helper()
	body := map[string]any{"customer_id": customerID, "product_id": productID}
	for k, v := range fields {
		body[k] = v
	}
	r := w.Do("POST", "/v1/orders/", w.AllToken, body)
	w.is(r, 201, nil)
	return r
}

// TestFinalize: cases 63 to 66, and payment by invoice.
func TestFinalize(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		c := w.billed()
		benefit := w.Benefit(nil)
		p := w.once(nil)
		w.is(w.Do("POST", "/v1/products/"+p.ID()+"/benefits", w.AllToken, map[string]any{"benefits": []string{benefit.ID()}}), 200, nil)

		d := w.draft(c.ID(), p.ID(), nil)
		path := "POST /v1/orders/" + d.ID() + "/finalize"
		w.RunAll(
			floetest.Scenario{Name: "64", Do: path, As: w.AllToken, Body: "{}", Status: 402, Events: []string{},
				Want: `{"error":"PaymentFailed","detail":"Payment failed with reason: missing_payment_method."}`},
			floetest.Scenario{Name: "66 no body", Do: path, As: w.AllToken, Status: 402, Events: []string{}},
			floetest.Scenario{Name: "64 foreign method", Do: path, As: w.AllToken, Body: map[string]any{"payment_method_id": id.New()}, Status: 402},
			floetest.Scenario{Name: "64 still a draft", Do: "GET /v1/orders/" + d.ID(), As: w.AllToken, Status: 200,
				Want: map[string]any{"status": "draft", "invoice_number": nil}},
			floetest.Scenario{Name: "scope", Do: path, As: w.Token(auth.OrdersRead), Body: "{}", Status: 403},
			floetest.Scenario{Name: "by invoice", Do: path, As: w.AllToken, Body: map[string]any{"collection_method": "send_invoice"}, Status: 200,
				Events: []string{"order.updated"}, Want: map[string]any{"status": "pending", "paid": false, "due_amount": 1000, "receipt_number": nil}},
			floetest.Scenario{Name: "65", Do: path, As: w.AllToken, Body: "{}", Status: 412, Want: map[string]any{"error": "OrderNotDraft",
				"detail": "Order " + d.ID() + " is not in draft status (current: pending). Only draft orders can be modified or finalized."}},
			floetest.Scenario{Name: "foreign", Do: path, As: w.Organization("Other").Token, Body: "{}", Status: 404},
		)
		number := w.get(id.ID(d.ID())).Text("invoice_number")
		if !strings.HasPrefix(number, strings.ToUpper(w.Org.Slug)+"-") || !strings.HasSuffix(number, "-0001") {
			t.Errorf("invoice number %s", number)
		}
		since := w.LastSeq()
		w.is(w.pay(id.ID(d.ID()), "succeeded", 1000, "bank-1"), 201, map[string]any{"status": "succeeded", "amount": 1000, "processor": "manual"})
		w.events(since, "order.updated", "order.paid", "benefit_grant.created")
		w.is(w.get(id.ID(d.ID())), 200, map[string]any{"status": "paid", "paid": true,
			"receipt_number": strings.Replace(number, strings.ToUpper(w.Org.Slug), "RCPT", 1)})

		free := w.draft(c.ID(), p.ID(), map[string]any{"amount": 0})
		since = w.LastSeq()
		w.is(w.Do("POST", "/v1/orders/"+free.ID()+"/finalize", w.AllToken, nil), 200, map[string]any{"status": "paid", "receipt_number": nil,
			"invoice_number": strings.TrimSuffix(number, "1") + "2"})
		if got := w.EventsSince(since); len(got) < 2 || got[0] != "order.updated" || got[1] != "order.paid" {
			t.Errorf("events of a free order: %q", got)
		}
	})
}

// charging is a processor that answers what it is told to.
type charging struct {
	order.Manual
	result order.ChargeResult
	err    error
	mu     sync.Mutex
	calls  []order.Charge
}

func (*charging) Name() string                     { return "scripted" }
func (*charging) Capabilities() order.Capabilities { return order.Capabilities{OffSession: true} }
func (p *charging) Charge(_ context.Context, c order.Charge) (order.ChargeResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
	return p.result, p.err
}

// TestProcessor: a processor that charges is asked outside of a transaction,
// and its answer decides. Cases 63 to 65.
func TestProcessor(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		c, p := w.billed(), w.once(nil)
		script := &charging{}
		w.Server.Orders.Processor = script
		for _, x := range []struct {
			result order.ChargeResult
			status int
			want   map[string]any
			events []string
			after  string
		}{
			{order.ChargeResult{State: order.ChargeFailed, Code: "card_error"}, 402,
				map[string]any{"error": "PaymentFailed", "detail": "Payment failed with reason: card_error."}, []string{}, "draft"},
			{order.ChargeResult{State: order.ChargeRequiresAction}, 402, map[string]any{"error": "PaymentActionRequired"}, []string{}, "draft"},
			{order.ChargeResult{State: order.ChargePending}, 200, map[string]any{"status": "pending"}, []string{"order.updated"}, "pending"},
			{order.ChargeResult{State: order.ChargeAwaiting}, 200, map[string]any{"status": "pending"}, []string{"order.updated"}, "pending"},
			{order.ChargeResult{State: order.ChargeSucceeded, Reference: "ch_1"}, 200, map[string]any{"status": "paid", "receipt_number": floetest.Any},
				[]string{"order.updated", "order.paid"}, "paid"},
		} {
			script.result = x.result
			d := w.draft(c.ID(), p.ID(), nil)
			since := w.LastSeq()
			w.is(w.Do("POST", "/v1/orders/"+d.ID()+"/finalize", w.AllToken, "{}"), x.status, x.want)
			w.events(since, x.events...)
			w.is(w.get(id.ID(d.ID())), 200, map[string]any{"status": x.after})
			if last := script.calls[len(script.calls)-1]; last.Amount != 1000 || string(last.Order) != d.ID() || last.IdempotencyKey == "" {
				t.Errorf("charged %+v", last)
			}
		}
		// Trouble on the way says nothing about the money: it is not a refusal.
		d := w.draft(c.ID(), p.ID(), nil)
		script.err = io.ErrUnexpectedEOF
		rec := httptest.NewRecorder()
		w.Handler.ServeHTTP(rec, w.Request("POST", "/v1/orders/"+d.ID()+"/finalize", w.AllToken, "{}"))
		if rec.Code != 500 {
			t.Errorf("a processor that cannot be reached: %d %s", rec.Code, rec.Body)
		}
		w.is(w.get(id.ID(d.ID())), 200, map[string]any{"status": "draft"})
		script.err = nil
		// Two at once: one gets it, the other is too late.
		d = w.draft(c.ID(), p.ID(), nil)
		var wg sync.WaitGroup
		statuses := make([]int, 8)
		for i := range statuses {
			wg.Go(func() { statuses[i] = w.Do("POST", "/v1/orders/"+d.ID()+"/finalize", w.AllToken, "{}").Status })
		}
		wg.Wait()
		won := 0
		for _, s := range statuses {
			if s == 200 {
				won++
			} else if s != 412 {
				t.Errorf("a second finalization got %d", s)
			}
		}
		if won != 1 {
			t.Errorf("%d finalizations won: %v", won, statuses)
		}
	})
}

// TestPayments: partial and repeated payments; cases 45, 50 and 70.
func TestPayments(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		c := w.billed()
		o := w.make(c.ID(), costs(1000))[0]
		since := w.LastSeq()
		first := w.pay(o.ID, "succeeded", 400, "a")
		w.is(first, 201, map[string]any{"amount": 400, "currency": "usd", "reference": "a", "order_id": o.ID, "note": nil})
		again := w.pay(o.ID, "succeeded", 400, "a")
		w.is(again, 201, map[string]any{"id": first.ID()})
		w.is(w.pay(o.ID, "succeeded", 500, "a"), 409, map[string]any{"error": "PaymentReferenceTaken"})
		w.is(w.pay(o.ID, "succeeded", 601, "b"), 422, map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "amount"}}}})
		w.is(w.pay(o.ID, "refunded", 100, "r"), 404, map[string]any{"error": "RefundUnknownPayment"})
		w.is(w.pay(o.ID, "failed", 600, "f"), 201, nil) // 50: nothing follows for what is bought once
		w.events(since)
		w.is(w.get(o.ID), 200, map[string]any{"status": "pending", "next_payment_attempt_at": nil})
		w.is(w.pay(o.ID, "succeeded", 600, "b"), 201, nil)
		w.events(since, "order.updated", "order.paid")
		w.is(w.pay(o.ID, "succeeded", 600, "b"), 201, nil) // 45
		w.is(w.pay(o.ID, "succeeded", 1, "c"), 409, map[string]any{"error": "OrderNotAwaitingPayment"})
		w.is(w.pay(o.ID, "failed", 1, "c"), 409, nil) // 50: it is paid
		w.events(since, "order.updated", "order.paid")
		list := w.Do("GET", "/v1/orders/"+string(o.ID)+"/payments", w.AllToken, nil)
		w.is(list, 200, map[string]any{"items": []any{map[string]any{"reference": "a"}, map[string]any{"reference": "f"}, map[string]any{"reference": "b"}}})

		since = w.LastSeq()
		w.is(w.pay(o.ID, "refunded", 1001, "r"), 422, nil)
		w.is(w.pay(o.ID, "refunded", 300, "r"), 201, nil)
		w.is(w.pay(o.ID, "refunded", 300, "r"), 201, nil)
		w.events(since, "refund.created", "order.updated", "order.refunded")
		w.is(w.get(o.ID), 200, map[string]any{"status": "partially_refunded", "paid": true, "refunded_amount": 300, "refundable_amount": 700})
		w.is(w.pay(o.ID, "refunded", 700, "r2"), 201, nil)
		w.is(w.get(o.ID), 200, map[string]any{"status": "refunded", "paid": true, "refundable_amount": 0})
		w.is(w.pay(o.ID, "refunded", 1, "r3"), 403, map[string]any{"error": "RefundedAlready"})

		v := w.make(c.ID(), of(id.New(), costs(1000)))[0]
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, system, &v) })
		w.is(w.pay(v.ID, "succeeded", 1000, "a"), 409, map[string]any{"error": "OrderNotAwaitingPayment"})

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

// TestRefunds: case 70 and the errors of §11.
func TestRefunds(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		w.Server.Orders.Tax = taxing(20)
		c := w.billed()
		o := w.make(c.ID(), costs(10000))[0]
		refund := func(amount int, fields map[string]any) *floetest.Response {
			body := map[string]any{"order_id": o.ID, "reason": "customer_request", "amount": amount}
			for k, v := range fields {
				body[k] = v
			}
			return w.Do("POST", "/v1/refunds/", w.AllToken, body)
		}
		w.is(refund(1, nil), 404, map[string]any{"error": "RefundUnknownPayment"})
		w.is(w.pay(o.ID, "succeeded", 12000, "a"), 201, nil)
		w.is(refund(10001, nil), 422, map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "amount"}, "msg": "Refund amount exceeds refundable amount"}}})
		since := w.LastSeq()
		w.is(refund(5000, map[string]any{"comment": "half", "metadata": map[string]any{"a": "b"}}), 201, map[string]any{"amount": 5000, "tax_amount": 1000,
			"status": "succeeded", "reason": "customer_request", "dispute": nil, "order_id": o.ID, "metadata": map[string]any{"a": "b"}})
		w.events(since, "refund.created", "order.updated", "order.refunded")
		w.is(w.get(o.ID), 200, map[string]any{"status": "partially_refunded", "refunded_amount": 5000, "refunded_tax_amount": 1000, "refundable_tax_amount": 1000})
		w.is(refund(5000, nil), 201, map[string]any{"tax_amount": 1000})
		w.is(w.get(o.ID), 200, map[string]any{"status": "refunded"})
		w.is(refund(1, nil), 403, map[string]any{"error": "RefundedAlready", "detail": "Order is already fully refunded: " + string(o.ID)})
		w.is(w.Do("GET", "/v1/refunds/?order_id="+string(o.ID)+"&succeeded=true&sorting=amount", w.AllToken, nil), 200, map[string]any{"pagination": map[string]any{"total_count": 2}})
		w.is(w.Do("GET", "/v1/refunds/?succeeded=false", w.AllToken, nil), 200, map[string]any{"pagination": map[string]any{"total_count": 0}})
		w.is(w.Do("GET", "/v1/refunds/", w.Organization("Other").Token, nil), 200, map[string]any{"items": []any{}})
		w.is(w.Do("POST", "/v1/refunds/", w.AllToken, map[string]any{"order_id": id.New(), "reason": "other", "amount": 1}), 422,
			map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "order_id"}, "msg": "Order not found"}}})
		w.is(refund(1, map[string]any{"reason": "dispute_prevention"}), 422, nil)
		o = w.make(c.ID(), of(id.New(), costs(1000)))[0]
		w.is(refund(1, map[string]any{"revoke_benefits": true}), 400, map[string]any{"error": "RevokeSubscriptionBenefitsProhibited"})
	})
}

// taxing is an exclusive tax of a percentage.
type taxing int64

func (p taxing) Of(_ context.Context, _ *order.Row, taxable int64) (int64, bool, error) {
	return taxable * int64(p) / 100, false, nil
}

// TestBalance: cases 31 to 33 and 55, 57 and 58.
func TestBalance(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		sub := id.New()
		for _, x := range []struct{ before, total, applied, due, after int64 }{
			{10000, 5000, -5000, 0, 5000}, // 31
			{-50, 5000, 50, 5050, 0},      // 32
			{10000, -5000, 0, 0, 15000},   // 33
			{-50, -5000, 50, 0, 4950},     // 33
			{300, 5000, -300, 4700, 0},    // 55
		} {
			c := w.Customer(nil)
			w.setBalance(c.ID(), x.before)
			since := w.LastSeq()
			o := w.make(c.ID(), of(sub, costs(x.total)))[0]
			if o.AppliedBalanceAmount != x.applied || o.DueAmount() != x.due || w.balance(c.ID()) != x.after {
				t.Errorf("%+v: applied %d due %d balance %d", x, o.AppliedBalanceAmount, o.DueAmount(), w.balance(c.ID()))
			}
			if x.due == 0 {
				w.events(since, "order.created", "order.updated", "order.paid")
				w.is(w.get(o.ID), 200, map[string]any{"status": "paid", "receipt_number": nil, "invoice_number": floetest.Any})
			} else {
				w.events(since, "order.created")
			}
		}
		// Orders that do not ask for the balance leave it alone, and several of a
		// batch use it one after the other.
		c := w.Customer(nil)
		w.setBalance(c.ID(), 1500)
		w.make(c.ID(), costs(100))
		rows := w.make(c.ID(), of(sub, costs(1000)), of(sub, costs(1000)))
		if rows[0].DueAmount() != 0 || rows[1].DueAmount() != 500 || w.balance(c.ID()) != 0 {
			t.Errorf("due %d and %d, balance %d", rows[0].DueAmount(), rows[1].DueAmount(), w.balance(c.ID()))
		}
		// 57: what was consumed goes back.
		o := rows[1]
		since := w.LastSeq()
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, system, &o) })
		w.events(since, "order.updated")
		w.is(w.get(o.ID), 200, map[string]any{"status": "void", "next_payment_attempt_at": nil})
		if n := w.balance(c.ID()); n != 500 {
			t.Errorf("balance %d after voiding", n)
		}
		// 58
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Unvoid(ctx, tx, system, &o) })
		if n := w.balance(c.ID()); n != 0 {
			t.Errorf("balance %d after taking it up again", n)
		}
		// 57: credit is reduced by what was due, debt is not touched.
		w.setBalance(c.ID(), 200)
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, system, &o) })
		if n := w.balance(c.ID()); n != 500 {
			t.Errorf("balance %d, want the credit gone and the 500 back", n)
		}
		d := w.Customer(nil)
		o = w.make(d.ID(), of(sub, costs(700)))[0]
		w.setBalance(d.ID(), -100)
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, system, &o) })
		if n := w.balance(d.ID()); n != -100 {
			t.Errorf("a debt became %d", n)
		}
		// Only pending orders can be given up.
		err := w.DB.Write(t.Context(), func(tx *db.Tx) error { return w.Server.Orders.Void(t.Context(), tx, system, &rows[0]) })
		if err == nil || !strings.Contains(err.Error(), "OrderNotPending") {
			t.Errorf("voiding a paid order: %v", err)
		}
	})
}

func (w world) setBalance(customerID string, amount int64) {
	w.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `INSERT INTO customer_balances (organization_id, customer_id, currency, amount) VALUES (?, ?, 'usd', ?)
			ON CONFLICT (organization_id, customer_id, currency) DO UPDATE SET amount = excluded.amount`, w.Org.ID, customerID, amount)
		return err
	})
}

// TestNumbering: cases 39 and 40, and 64 writers at once. Numbers have no gaps
// and no doubles, also when some of the writers fail.
func TestNumbering(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		const writers, each = 64, 4
		var customers [4]string
		for i := range customers {
			customers[i] = w.Customer(nil).ID()
		}
		run := func() map[string]int {
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					for j := range each {
						who := customers[(i+j)%len(customers)]
						err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
							c, err := w.Server.Customers.Lock(t.Context(), tx, w.Org.ID, id.ID(who))
							if err != nil {
								return err
							}
							if _, err := w.Server.Orders.Create(t.Context(), tx, system, filled(w.Org.ID, c, costs(100))); err != nil {
								return err
							}
							if j == 1 {
								return io.EOF // what fails burns no number
							}
							return nil
						})
						if (err != nil) != (j == 1) {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			numbers, err := db.All[string](t.Context(), w.DB, `SELECT invoice_number FROM orders WHERE organization_id = ?`, w.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			for _, n := range numbers {
				seen[n]++
			}
			return seen
		}
		seen := run()
		for _, c := range customers { // 39: each customer from 1 on
			short := w.short(c)
			for i := range writers * (each - 1) / len(customers) {
				n := fmt.Sprintf("%s-%s-%04d", strings.ToUpper(w.Org.Slug), short, i+1)
				if seen[n] != 1 {
					t.Errorf("number %s was given %d times", n, seen[n])
				}
			}
		}
		if len(seen) != writers*(each-1) {
			t.Errorf("%d numbers, want %d", len(seen), writers*(each-1))
		}
		w.write(func(ctx context.Context, tx *db.Tx) error { // 40
			_, err := db.Exec(ctx, tx, `UPDATE organizations SET invoice_numbering = 'organization', invoice_prefix = 'RE' WHERE id = ?`, w.Org.ID)
			return err
		})
		seen = run()
		for i := range writers * (each - 1) {
			if n := fmt.Sprintf("RE-%04d", i+1); seen[n] != 1 {
				t.Errorf("number %s was given %d times", n, seen[n])
			}
		}
	})
}

// short is the part of a customer's invoice numbers that is theirs.
func (w world) short(customerID string) string {
	w.t.Helper()
	n, err := db.One[string](w.t.Context(), w.DB, `SELECT invoice_number FROM orders WHERE organization_id = ? AND customer_id = ? LIMIT 1`, w.Org.ID, customerID)
	if err != nil {
		w.t.Fatal(err)
	}
	parts := strings.Split(n, "-")
	return parts[len(parts)-2]
}

// TestShortIDsDiffer: two customers of one millisecond whose sequence is the
// same modulo 1,024 are still told apart.
func TestShortIDsDiffer(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		a, b := w.Customer(nil), w.Customer(nil)
		w.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE customers SET created_at = ?, seq = seq + CASE WHEN id = ? THEN 102399 ELSE 0 END WHERE organization_id = ?`,
				tx.Now(), b.ID(), w.Org.ID)
			return err
		})
		w.make(a.ID(), costs(1))
		w.make(b.ID(), costs(1))
		if w.short(a.ID()) == w.short(b.ID()) {
			t.Errorf("both are called %s", w.short(a.ID()))
		}
	})
}

// told remembers what subscriptions hear.
type told struct {
	mu      sync.Mutex
	paid    []id.ID
	overdue []int
	revoke  func(ctx context.Context, tx *db.Tx, o order.Row) error
}

func (s *told) OrderPaid(_ context.Context, _ *db.Tx, _ auth.Subject, o order.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paid = append(s.paid, o.ID)
	return nil
}

func (s *told) OrderOverdue(ctx context.Context, tx *db.Tx, _ auth.Subject, o order.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.overdue = append(s.overdue, o.Attempts)
	if o.Exhausted() && s.revoke != nil {
		return s.revoke(ctx, tx, o)
	}
	return nil
}

// TestOverdue: cases 7, 46, 47, 51 and 59: a due date that passes, dunning, its
// end, and a payment in between.
func TestOverdue(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		orders := w.Server.Orders
		subs := &told{}
		subs.revoke = func(ctx context.Context, tx *db.Tx, o order.Row) error {
			return orders.VoidPending(ctx, tx, system, o.OrganizationID, *o.SubscriptionID)
		}
		orders.Subscriptions = subs
		c, sub := w.Customer(nil), id.New()
		n := of(sub, costs(1000))
		n.DueInDays = 14
		o := w.make(c.ID(), n, n)[0]
		run := func(want int) time.Time {
			t.Helper()
			done, next, err := orders.RunOverdue(t.Context(), 100)
			if err != nil || done != want {
				t.Fatalf("%d orders overdue, %v; want %d", done, err, want)
			}
			return next
		}
		if next := run(0); !next.Equal(o.CreatedAt.AddDate(0, 0, 14)) {
			t.Errorf("the next is due at %s", next)
		}
		w.Clock.Advance(14 * 24 * time.Hour)
		since := w.LastSeq()
		run(2)
		w.events(since, "order.updated", "order.updated")
		run(0)
		at := w.get(o.ID).Text("next_payment_attempt_at") // 7
		when, err := time.Parse(time.RFC3339Nano, at)
		if err != nil || when.Sub(w.Clock.Now()).Round(time.Hour) != 48*time.Hour {
			t.Errorf("the next attempt is at %s", at)
		}
		if owing, err := orders.Owing(t.Context(), w.DB, w.Org.ID, sub, o.ID); err != nil || !owing { // 46
			t.Errorf("the subscription does not owe the other: %v", err)
		}
		w.is(w.pay(o.ID, "succeeded", 1000, "a"), 201, nil)
		if len(subs.paid) != 1 || subs.paid[0] != o.ID {
			t.Errorf("told of %v", subs.paid)
		}
		w.is(w.get(o.ID), 200, map[string]any{"status": "paid", "next_payment_attempt_at": nil})
		for _, days := range []int{2, 5, 7, 7} { // 47
			w.Clock.Advance(time.Duration(days)*24*time.Hour + time.Second)
			run(1)
		}
		if want := []int{1, 1, 2, 3, 4, 5}; fmt.Sprint(subs.overdue) != fmt.Sprint(want) {
			t.Errorf("told of attempts %v, want %v", subs.overdue, want)
		}
		w.is(w.Do("GET", "/v1/orders/?status=void", w.AllToken, nil), 200, map[string]any{"pagination": map[string]any{"total_count": 1}}) // 59
		run(0)

		m := of(id.New(), costs(500)) // 51
		m.Reason, m.DueInDays = order.SubMeterCycle, 1
		o = w.make(c.ID(), m)[0]
		told := len(subs.overdue)
		for range 5 {
			w.Clock.Advance(8 * 24 * time.Hour)
			run(1)
		}
		w.is(w.get(o.ID), 200, map[string]any{"status": "void", "billing_reason": "subscription_meter_cycle"})
		if len(subs.overdue) != told {
			t.Error("a subscription was told of an order for usage")
		}
		// A failed payment that is recorded is an attempt.
		o = w.make(c.ID(), of(sub, costs(1000)))[0]
		w.is(w.pay(o.ID, "failed", 1000, "x"), 201, nil)
		w.is(w.get(o.ID), 200, map[string]any{"next_payment_attempt_at": floetest.Any, "status": "pending"})
	})
}

// TestOverdueOnce: many nodes that look at once handle each order once.
func TestOverdueOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		subs := &told{}
		w.Server.Orders.Subscriptions = subs
		const count = 20
		for range count / 2 {
			n := of(id.New(), costs(1000))
			n.DueInDays = 1
			w.make(w.Customer(nil).ID(), n, n)
		}
		w.Clock.Advance(25 * time.Hour)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 5 {
					if _, _, err := w.Server.Orders.RunOverdue(t.Context(), 6); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if len(subs.overdue) < count {
			t.Errorf("told %d times", len(subs.overdue))
		}
		n, err := db.One[int64](t.Context(), w.DB, `SELECT COUNT(*) FROM orders WHERE organization_id = ? AND attempts = 1`, w.Org.ID)
		if err != nil || n != count {
			t.Errorf("%d orders were tried once, %v", n, err)
		}
	})
}

// TestList: cases 2 to 6 and 8.
func TestList(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		a := w.Customer(map[string]any{"email": "b@example.com", "external_id": "ext"})
		b := w.Customer(map[string]any{"email": "a@example.com"})
		once, monthly := w.once(map[string]any{"name": "Once"}), w.Product(map[string]any{"name": "Monthly"})
		onceID, monthlyID := id.ID(once.ID()), id.ID(monthly.ID())
		sub := id.New()
		var ids []string
		add := func(customerID string, n order.New) {
			ids = append(ids, string(w.make(customerID, n)[0].ID))
			w.Clock.Advance(time.Hour)
		}
		x := costs(300)
		x.ProductID, x.Metadata, x.CustomFieldData = &onceID, []byte(`{"color":"red","n":1}`), []byte(`{"size":"L"}`)
		add(a.ID(), x)
		y := of(sub, costs(100))
		y.ProductID, y.Metadata = &monthlyID, []byte(`{"color":"blue"}`)
		add(a.ID(), y)
		z := costs(0)
		add(b.ID(), z)
		w.draft(b.ID(), once.ID(), nil)
		list := func(query string) (out []string) {
			t.Helper()
			r := w.Do("GET", "/v1/orders/?"+query, w.AllToken, nil)
			w.is(r, 200, nil)
			for i := 0; r.Path(fmt.Sprintf("items.%d.id", i)) != nil; i++ {
				got := r.Text(fmt.Sprintf("items.%d.id", i))
				name := "draft"
				for j, known := range ids {
					if known == got {
						name = string(rune('x' + j))
					}
				}
				out = append(out, name)
			}
			return out
		}
		t2 := w.get(id.ID(ids[1])).Text("created_at")
		t1, t3 := w.get(id.ID(ids[0])).Text("created_at"), w.get(id.ID(ids[2])).Text("created_at")
		for query, want := range map[string]string{
			"":                    "[draft z y x]",
			"sorting=created_at":  "[x y z draft]",
			"metadata[color]=red": "[x]", // 3
			"metadata[color]=red&metadata[color]=blue": "[y x]",
			"metadata[n]=1": "[x]",
			"created_after=" + t1 + "&created_before=" + t3:                "[y]", // 4
			"created_after=" + t2:                                          "[draft z]",
			"status=paid":                                                  "[z]", // 5
			"status=paid&status=pending&sorting=created_at":                "[x y z]",
			"product_billing_type=one_time":                                "[draft x]", // 6
			"product_billing_type=recurring":                               "[y]",
			"product_billing_type=recurring&product_billing_type=one_time": "[draft y x]",
			"external_customer_id=ext":                                     "[y x]",
			"external_customer_id=none":                                    "[]",
			"customer_id=" + b.ID():                                        "[draft z]",
			"product_id=" + monthly.ID():                                   "[y]",
			"subscription_id=" + string(sub):                               "[y]",
			"discount_id=" + string(sub):                                   "[]",
			"checkout_id=" + string(sub):                                   "[]",
			"sorting=amount&sorting=created_at":                            "[z y x draft]",
			"sorting=status&sorting=created_at":                            "[draft x y z]",
			"sorting=customer&sorting=created_at":                          "[z draft x y]",
			"sorting=-product&sorting=created_at":                          "[z x draft y]",
			"sorting=invoice_number":                                       "[x y z draft]",
			"sorting=subscription&sorting=-amount":                         "[y draft x z]",
			"sorting=discount&sorting=created_at":                          "[x y z draft]",
			"organization_id=" + string(id.New()):                          "[]",
			"organization_id=" + string(w.Org.ID):                          "[draft z y x]",
			"limit=1&page=2":                                               "[z]",
		} {
			if got := fmt.Sprint(list(query)); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		w.is(w.get(id.ID(ids[0])), 200, map[string]any{"custom_field_data": map[string]any{"size": "L"}, "metadata": map[string]any{"color": "red", "n": 1}}) // 8
		other := w.Organization("Other").Token
		w.RunAll( // 1, 2, 10
			floetest.Scenario{Name: "foreign list", Do: "GET /v1/orders/", As: other, Status: 200, Want: map[string]any{"items": []any{}}},
			floetest.Scenario{Name: "foreign get", Do: "GET /v1/orders/" + ids[0], As: other, Status: 404},
			floetest.Scenario{Name: "foreign patch", Do: "PATCH /v1/orders/" + ids[0], As: other, Body: "{}", Status: 404},
			floetest.Scenario{Name: "foreign invoice", Do: "POST /v1/orders/" + ids[0] + "/invoice", As: other, Status: 404},
			floetest.Scenario{Name: "foreign receipt", Do: "GET /v1/orders/" + ids[0] + "/receipt", As: other, Status: 404},
			floetest.Scenario{Name: "nobody", Do: "GET /v1/orders/", Status: 401},
			floetest.Scenario{Name: "write is not read", Do: "GET /v1/orders/", As: w.Token(auth.OrdersWrite), Status: 403},
			floetest.Scenario{Name: "write is not read of invoices", Do: "POST /v1/orders/" + ids[0] + "/invoice", As: w.Token(auth.OrdersWrite), Status: 403},
			floetest.Scenario{Name: "unknown sorting", Do: "GET /v1/orders/?sorting=x", As: w.AllToken, Status: 422},
		)
	})
}

// TestExport: case 9.
func TestExport(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		c := w.Customer(map[string]any{"email": "jeanne@example.com", "name": "Jeanne, the first", "billing_address": paris})
		p := w.once(map[string]any{"name": "Book"})
		pid := id.ID(p.ID())
		n := costs(1050)
		n.ProductID = &pid
		o := w.make(c.ID(), n)[0]
		number := *o.InvoiceNumber
		r := w.Do("GET", "/v1/orders/export", w.AllToken, nil)
		at := o.CreatedAt.Format("2006-01-02T15:04:05.000000+00:00")
		if want := "Email,Created At,Product,Net Amount,Currency,Status,Invoice number\r\njeanne@example.com," + at + ",Book,10.5,usd,pending," + number + "\r\n"; r.Body != want {
			t.Errorf("export\n%q, want\n%q", r.Body, want)
		}
		if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="polar-orders.csv"` {
			t.Error(got)
		}
		r = w.Do("GET", "/v1/orders/export?timezone=Asia/Tokyo&columns=customer_name&columns=created_at&columns=total_amount&columns=billing_country"+
			"&columns=billing_reason&created_after=2026-05-03T18:00:00Z&created_before=2026-06-01T00:00:00%2B09:00", w.AllToken, nil)
		tokyo := o.CreatedAt.In(time.FixedZone("", 9*3600)).Format("2006-01-02T15:04:05.000000-07:00")
		if want := "Customer Name,Created At,Total,Billing Country,Billing Reason\r\n\"Jeanne, the first\"," + tokyo + ",10.5,FR,purchase\r\n"; r.Body != want {
			t.Errorf("export\n%q, want\n%q", r.Body, want)
		}
		if got := r.Header.Get("Content-Disposition"); got != `attachment; filename="polar-orders-2026-05-04-2026-06-01.csv"` {
			t.Error(got)
		}
		w.RunAll(
			floetest.Scenario{Name: "zone", Do: "GET /v1/orders/export?timezone=Mars/Phobos", As: w.AllToken, Status: 422,
				Want: `{"detail":[{"loc":["query","timezone"],"msg":"Value error, 'Mars/Phobos' is not a valid IANA time zone","type":"value_error"}]}`},
			floetest.Scenario{Name: "column", Do: "GET /v1/orders/export?columns=x", As: w.AllToken, Status: 422},
			floetest.Scenario{Name: "naive", Do: "GET /v1/orders/export?created_after=2026-05-01T00:00:00", As: w.AllToken, Status: 422,
				Want: `{"detail":[{"loc":["query","created_after"],"msg":"Input should have timezone info","type":"timezone_aware"}]}`},
			floetest.Scenario{Name: "foreign", Do: "GET /v1/orders/export", As: w.Organization("Other").Token, Status: 200},
		)
	})
}

// TestUpdate: cases 11 and 12, and the rest of §8.6.
func TestUpdate(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		c := w.billed()
		o := w.make(c.ID(), costs(100))[0]
		path := "PATCH /v1/orders/" + string(o.ID)
		us := map[string]any{"country": "US", "state": "CA"}
		w.RunAll(
			floetest.Scenario{Name: "11", Do: path, As: w.AllToken, Body: map[string]any{"billing_address": us}, Status: 422, Events: []string{},
				Want: `{"detail":[{"loc":["body","billing_address","country"],"msg":"Country cannot be changed","type":"value_error"}]}`},
			floetest.Scenario{Name: "11 state", Do: path, As: w.AllToken, Body: map[string]any{"billing_address": map[string]any{"country": "FR", "state": "X"}}, Status: 422,
				Want: `{"detail":[{"loc":["body","billing_address","state"],"msg":"State cannot be changed","type":"value_error"}]}`},
			floetest.Scenario{Name: "country", Do: path, As: w.AllToken, Body: map[string]any{"billing_address": map[string]any{"country": "RU"}}, Status: 422},
			floetest.Scenario{Name: "12", Do: path, As: w.AllToken, Body: map[string]any{"billing_address": map[string]any{"line1": "2 Rue X", "country": "fr"}}, Status: 200,
				Events: []string{"order.updated"}, Want: map[string]any{"billing_name": "Jeanne", "billing_address": map[string]any{"line1": "2 Rue X", "country": "FR"}}},
			floetest.Scenario{Name: "nothing", Do: path, As: w.AllToken, Body: "{}", Status: 200, Events: []string{"order.updated"}},
			floetest.Scenario{Name: "null", Do: path, As: w.AllToken, Body: map[string]any{"billing_name": nil, "billing_address": nil}, Status: 200,
				Want: map[string]any{"billing_name": nil, "billing_address": nil}},
			floetest.Scenario{Name: "anew", Do: path, As: w.AllToken, Body: map[string]any{"billing_address": us}, Status: 200,
				Want: map[string]any{"billing_address": map[string]any{"state": "US-CA"}}},
			floetest.Scenario{Name: "scope", Do: path, As: w.Token(auth.OrdersRead), Body: "{}", Status: 403},
		)
		w.is(w.Do("GET", "/v1/customers/"+c.ID(), w.AllToken, nil), 200, map[string]any{"billing_address": paris})
	})
}

// TestDocuments: cases 41 to 44.
func TestDocuments(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		c, nameless := w.billed(), w.Customer(nil)
		pending := w.make(c.ID(), costs(1000))[0]
		paid := w.make(c.ID(), costs(0))[0]
		path := func(r order.Row, what string) string { return " /v1/orders/" + string(r.ID) + "/" + what }
		draft := w.draft(c.ID(), w.once(nil).ID(), nil)
		void := w.make(c.ID(), of(id.New(), costs(5)))[0]
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, system, &void) })
		w.RunAll(
			floetest.Scenario{Name: "43", Do: "GET" + path(pending, "invoice"), As: w.AllToken, Status: 404, Want: map[string]any{"error": "InvoiceDoesNotExist"}},
			floetest.Scenario{Name: "41 pending", Do: "POST" + path(pending, "invoice"), As: w.AllToken, Status: 202, Want: "null", Events: []string{"order.updated"}},
			floetest.Scenario{Name: "41 paid", Do: "POST" + path(paid, "invoice"), As: w.AllToken, Status: 202, Events: []string{"order.updated"}},
			floetest.Scenario{Name: "41 draft", Do: "POST /v1/orders/" + draft.ID() + "/invoice", As: w.AllToken, Status: 409,
				Want: map[string]any{"error": "OrderNotEligibleForInvoice", "detail": "Order " + draft.ID() + " is not eligible for invoice generation (current status: draft)."}},
			floetest.Scenario{Name: "41 void", Do: "POST" + path(void, "invoice"), As: w.AllToken, Status: 409},
			floetest.Scenario{Name: "41 details", Do: "POST" + path(w.make(nameless.ID(), costs(1))[0], "invoice"), As: w.AllToken, Status: 422,
				Want: `{"error":"MissingInvoiceBillingDetails","detail":"Billing name and address are required to generate an invoice for this order."}`},
			floetest.Scenario{Name: "42", Do: "POST" + path(pending, "invoice"), As: w.AllToken, Status: 202, Events: []string{}},
			floetest.Scenario{Name: "44", Do: "GET" + path(pending, "receipt"), As: w.AllToken, Status: 404,
				Want: map[string]any{"error": "ReceiptNotAllocated", "detail": "No receipt allocated for order " + string(pending.ID) + "."}},
			floetest.Scenario{Name: "generated", Do: "GET /v1/orders/" + string(pending.ID), As: w.AllToken, Status: 200, Want: map[string]any{"is_invoice_generated": true}},
		)
		link := w.Do("GET", "/v1/orders/"+string(pending.ID)+"/invoice", w.AllToken, nil).Text("url")
		first := w.download(link, 200)
		if !strings.HasPrefix(first, "%PDF-") {
			t.Errorf("a file that begins with %.10q", first)
		}
		w.download(strings.Replace(link, "kind=invoice", "kind=receipt", 1), 403)
		w.download(strings.Replace(link, "expires=1", "expires=2", 1), 403)
		// A change shows once the invoice is made again, under the same number.
		w.is(w.Do("PATCH", "/v1/orders/"+string(pending.ID), w.AllToken, map[string]any{"billing_name": "Someone else"}), 200, map[string]any{"is_invoice_generated": true})
		if w.download(link, 200) != first {
			t.Error("an issued invoice has changed")
		}
		since := w.LastSeq()
		w.is(w.Do("POST", "/v1/orders/"+string(pending.ID)+"/invoice", w.AllToken, nil), 202, nil) // 42
		w.events(since, "order.updated")
		if w.download(link, 200) == first {
			t.Error("an invoice that was made again has not changed")
		}
		w.is(w.pay(pending.ID, "succeeded", 1000, "bank-1"), 201, nil)
		receipt := w.Do("GET", "/v1/orders/"+string(pending.ID)+"/receipt", w.AllToken, nil).Text("url")
		before := w.download(receipt, 200)
		w.is(w.pay(pending.ID, "refunded", 300, "bank-2"), 201, nil)
		if w.download(receipt, 200) == before {
			t.Error("a receipt does not show what was given back")
		}
		w.Clock.Advance(61 * time.Minute)
		w.download(link, 403)
	})
}

// download opens a link, as a person does: without a token.
func (w world) download(link string, status int) string {
	w.t.Helper()
	r := httptest.NewRequestWithContext(w.t.Context(), http.MethodGet, strings.TrimPrefix(link, "https://floe.test"), nil)
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	if rec.Code != status {
		w.t.Fatalf("%s: %d %s", link, rec.Code, rec.Body)
	}
	return rec.Body.String()
}

// TestSnapshot: case 69, and the billing details of customers who change.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		c := w.billed()
		o := w.make(c.ID(), costs(100))[0]
		w.is(w.Do("PATCH", "/v1/customers/"+c.ID(), w.AllToken, map[string]any{"name": "Other", "billing_address": map[string]any{"country": "DE"}}), 200, nil)
		w.is(w.get(o.ID), 200, map[string]any{"billing_name": "Jeanne", "billing_address": paris, "customer": map[string]any{"name": "Other"}})
		w.is(w.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", w.AllToken, nil), 204, nil)
		r := w.get(o.ID)
		w.is(r, 200, map[string]any{"billing_name": "Jeanne", "billing_address": paris, "invoice_number": *o.InvoiceNumber,
			"customer": map[string]any{"id": c.ID(), "deleted_at": floetest.Any, "billing_address": nil}})
		if r.Text("customer.name") == "Other" || !strings.HasSuffix(r.Text("customer.email"), ".invalid") {
			t.Errorf("the customer is still %s", r.Body)
		}
		w.is(w.Do("POST", "/v1/orders/"+string(o.ID)+"/invoice", w.AllToken, nil), 202, nil)
	})
}

// TestResync: case 67: a change of a product's benefits reaches who bought it.
func TestResync(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		p, benefit := w.once(nil), w.Benefit(nil)
		pid, seats := id.ID(p.ID()), 3
		buy := func(n order.New) string {
			c := w.Customer(nil)
			n.ProductID = &pid
			w.make(c.ID(), n)
			return c.ID()
		}
		owner := buy(costs(0))
		withSeats := costs(0)
		withSeats.Seats = &seats
		buy(withSeats)
		buy(costs(100))
		gone := buy(costs(0))
		w.is(w.Do("DELETE", "/v1/customers/"+gone, w.AllToken, nil), 204, nil)
		w.is(w.Do("POST", "/v1/products/"+p.ID()+"/benefits", w.AllToken, map[string]any{"benefits": []string{benefit.ID()}}), 200, nil)
		w.is(w.Do("GET", "/v1/benefits/"+benefit.ID()+"/grants", w.AllToken, nil), 200,
			map[string]any{"items": []any{map[string]any{"customer_id": owner, "is_granted": true}}})
		w.is(w.Do("DELETE", "/v1/products/"+p.ID(), w.AllToken, nil), 409, nil)
	})
}
