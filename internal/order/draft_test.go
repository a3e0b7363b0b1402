package order_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/ordertest"
	"floe/internal/payment"
	"floe/internal/product"
)

// TestDraft: cases 19 and 60 to 62.
func TestDraft(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Billed()
		p := w.Once(map[string]any{"name": "Book", "prices": []any{ordertest.Fixed(1000, "usd"), ordertest.Fixed(900, "eur")}})
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
					"billing_address": ordertest.Paris, "description": "Book", "metadata": map[string]any{"k": 1}, "product_id": p.ID(),
					"customer": map[string]any{"id": c.ID()}, "product": map[string]any{"name": "Book"}, "discount": nil, "subscription": nil,
					"items":             []any{map[string]any{"label": "Book", "amount": 1000, "tax_amount": 0, "proration": false}},
					"refundable_amount": 1000, "is_invoice_generated": false, "receipt_number": nil},
				Events: []string{"order.created"}},
			floetest.Scenario{Name: "61 amount and description", Do: "POST /v1/orders/", As: w.AllToken,
				Body: body(map[string]any{"amount": 700, "description": "  Signed book "}), Status: 201,
				Want: map[string]any{"subtotal_amount": 700, "items": []any{map[string]any{"label": "Signed book"}}, "description": "Book"}},
			floetest.Scenario{Name: "61 free", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"amount": 0}), Status: 201,
				Want: map[string]any{"due_amount": 0, "status": "draft"}},
			floetest.Scenario{Name: "61 free product", Do: "POST /v1/orders/", As: w.AllToken,
				Body: body(map[string]any{"product_id": w.Once(map[string]any{"prices": []any{ordertest.Fixed(0, "usd")}}).ID()}), Status: 201,
				Want: map[string]any{"due_amount": 0, "status": "draft"}},
			floetest.Scenario{Name: "62", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"currency": "EUR"}), Status: 201,
				Want: map[string]any{"currency": "eur", "subtotal_amount": 900}},
			floetest.Scenario{Name: "other currency", Do: "POST /v1/orders/", As: w.AllToken, Body: body(map[string]any{"currency": "GBP"}), Status: 422,
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
			{w.Once(map[string]any{"prices": []any{seats}}).ID(), "Seat-based products are not supported by the off-session charge API."},
			{w.Once(map[string]any{"prices": []any{custom}}).ID(), "Off-session charges only support fixed-price products."},
		} {
			w.Is(w.Do("POST", "/v1/orders/", w.AllToken, body(map[string]any{"product_id": x.product})), 422,
				map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "product_id"}, "msg": x.text, "type": "value_error", "input": x.product}}})
		}
		eur := w.Once(map[string]any{"prices": []any{ordertest.Fixed(900, "eur"), ordertest.Fixed(500, "usd")}})
		w.Write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE product_prices SET is_archived = ? WHERE organization_id = ? AND product_id = ? AND price_currency = 'usd'`, true, w.Org.ID, eur.ID())
			return err
		})
		w.Is(w.Do("POST", "/v1/orders/", w.AllToken, body(map[string]any{"product_id": eur.ID()})), 422, map[string]any{"detail": []any{map[string]any{
			"msg": "Product is not priced in the organization's default currency ('usd'); specify a currency to charge in."}}})
		w.Switch(w.Org, "off_session_charges", false)
		w.Is(w.Do("POST", "/v1/orders/", w.AllToken, body(nil)), 403, map[string]any{"error": "OffSessionChargesNotEnabled"})
	})
}

// TestFinalize: cases 15 (what is free) and 63 to 66, and payment by invoice.
func TestFinalize(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Billed()
		benefit := w.Benefit(nil)
		p := w.Once(nil)
		w.Is(w.Do("POST", "/v1/products/"+p.ID()+"/benefits", w.AllToken, map[string]any{"benefits": []string{benefit.ID()}}), 200, nil)

		d := w.Draft(c.ID(), p.ID(), nil)
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
		number := w.Get(id.ID(d.ID())).Text("invoice_number")
		if !strings.HasPrefix(number, strings.ToUpper(w.Org.Slug)+"-") || !strings.HasSuffix(number, "-0001") {
			t.Errorf("invoice number %s", number)
		}
		since := w.LastSeq()
		w.Is(w.Pay(id.ID(d.ID()), "succeeded", 1000, "bank-1"), 201, map[string]any{"status": "succeeded", "amount": 1000, "processor": "manual"})
		w.Events(since, "order.updated", "order.paid", "benefit_grant.created")
		w.Is(w.Get(id.ID(d.ID())), 200, map[string]any{"status": "paid", "paid": true,
			"receipt_number": strings.Replace(number, strings.ToUpper(w.Org.Slug), "RCPT", 1)})

		free := w.Draft(c.ID(), p.ID(), map[string]any{"amount": 0})
		since = w.LastSeq()
		w.Is(w.Do("POST", "/v1/orders/"+free.ID()+"/finalize", w.AllToken, nil), 200, map[string]any{"status": "paid", "receipt_number": nil,
			"invoice_number": strings.TrimSuffix(number, "1") + "2"})
		if got := w.EventsSince(since); len(got) < 2 || got[0] != "order.updated" || got[1] != "order.paid" {
			t.Errorf("events of a free order: %q", got)
		}
	})
}

// charging is a processor that answers what it is told to.
type charging struct {
	payment.Manual
	result payment.ChargeResult
	err    error
	mu     sync.Mutex
	calls  []payment.Charge
}

func (*charging) Name() string { return "scripted" }

func (*charging) Capabilities() payment.Capabilities { return payment.Capabilities{OffSession: true} }

func (p *charging) Charge(_ context.Context, c payment.Charge) (payment.ChargeResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
	return p.result, p.err
}

// TestProcessor: a processor that charges is asked outside of a transaction,
// and its answer decides. Cases 63 to 65.
func TestProcessor(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c, p := w.Billed(), w.Once(nil)
		script := &charging{}
		w.Server.Orders.Payments.Processor = script
		for _, x := range []struct {
			result payment.ChargeResult
			status int
			want   map[string]any
			events []string
			after  string
		}{
			{payment.ChargeResult{State: payment.StateFailed, Code: "card_error"}, 402,
				map[string]any{"error": "PaymentFailed", "detail": "Payment failed with reason: card_error."}, []string{}, "draft"},
			{payment.ChargeResult{State: payment.StateRequiresAction}, 402, map[string]any{"error": "PaymentActionRequired"}, []string{}, "draft"},
			{payment.ChargeResult{State: payment.StatePending}, 200, map[string]any{"status": "pending"}, []string{"order.updated"}, "pending"},
			{payment.ChargeResult{State: payment.StateAwaiting}, 200, map[string]any{"status": "pending"}, []string{"order.updated"}, "pending"},
			{payment.ChargeResult{State: payment.StateSucceeded, Reference: "ch_1"}, 200, map[string]any{"status": "paid", "invoice_number": floetest.Any, "receipt_number": floetest.Any},
				[]string{"order.updated", "order.paid"}, "paid"},
		} {
			script.result = x.result
			d := w.Draft(c.ID(), p.ID(), nil)
			since := w.LastSeq()
			w.Is(w.Do("POST", "/v1/orders/"+d.ID()+"/finalize", w.AllToken, "{}"), x.status, x.want)
			w.Events(since, x.events...)
			w.Is(w.Get(id.ID(d.ID())), 200, map[string]any{"status": x.after})
			if last := script.calls[len(script.calls)-1]; last.Amount != 1000 || string(last.Order) != d.ID() || last.IdempotencyKey == "" {
				t.Errorf("charged %+v", last)
			}
		}
		// Trouble on the way says nothing about the money: it is not a refusal.
		d := w.Draft(c.ID(), p.ID(), nil)
		script.err = io.ErrUnexpectedEOF
		w.Failing("POST", "/v1/orders/"+d.ID()+"/finalize", "{}")
		w.Is(w.Get(id.ID(d.ID())), 200, map[string]any{"status": "pending", "invoice_number": nil})
		script.err = nil
		// Two at once: one gets it, the other is too late.
		d = w.Draft(c.ID(), p.ID(), nil)
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

// TestDraftOfWhatIsDeleted: who orders a product while it is deleted finds it
// gone. SQLite has one transaction at a time.
func TestDraftOfWhatIsDeleted(t *testing.T) {
	t.Parallel()
	f := floetest.Postgres(t)
	p, c := f.Product(map[string]any{"recurring_interval": nil}).ID(), f.Customer(nil).ID()
	done := make(chan *floetest.Response, 1)
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		some, err := product.Hold(t.Context(), tx, []id.ID{f.Org.ID}, id.ID(p))
		if err != nil {
			return err
		}
		l := some[id.ID(p)]
		if err := f.Server.Products.Delete(t.Context(), tx, auth.NewSystem("test"), &l); err != nil {
			return err
		}
		go func() {
			done <- f.Do("POST", "/v1/orders/", f.AllToken, map[string]any{"product_id": p, "customer_id": c})
		}()
		time.Sleep(300 * time.Millisecond) // by then it waits for this transaction
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := <-done; r.Status != 422 {
		t.Errorf("ordered what is deleted: %d %s", r.Status, r.Body)
	}
}
