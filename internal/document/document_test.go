package document_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/document"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/invoice"
	"floe/internal/order"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

// TestDocuments: cases 41 to 44.
func TestDocuments(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c, nameless := w.Billed(), w.Customer(nil)
		pending := w.Make(c.ID(), ordertest.Costs(1000))[0]
		paid := w.Make(c.ID(), ordertest.Costs(0))[0]
		path := func(r order.Row, what string) string { return " /v1/orders/" + string(r.ID) + "/" + what }
		draft := w.Draft(c.ID(), w.Once(nil).ID(), nil)
		void := w.Make(c.ID(), ordertest.Of(id.New(), ordertest.Costs(5)))[0]
		w.Write(func(ctx context.Context, tx *db.Tx) error {
			return w.Server.Orders.Void(ctx, tx, ordertest.System, &void)
		})
		w.RunAll(
			floetest.Scenario{Name: "43", Do: "GET" + path(pending, "invoice"), As: w.AllToken, Status: 404, Want: map[string]any{"error": "InvoiceDoesNotExist"}},
			floetest.Scenario{Name: "41 pending", Do: "POST" + path(pending, "invoice"), As: w.AllToken, Status: 202, Want: "null", Events: []string{"order.updated"}},
			floetest.Scenario{Name: "41 paid", Do: "POST" + path(paid, "invoice"), As: w.AllToken, Status: 202, Events: []string{"order.updated"}},
			floetest.Scenario{Name: "41 draft", Do: "POST /v1/orders/" + draft.ID() + "/invoice", As: w.AllToken, Status: 409,
				Want: map[string]any{"error": "OrderNotEligibleForInvoice", "detail": "Order " + draft.ID() + " is not eligible for invoice generation (current status: draft)."}},
			floetest.Scenario{Name: "41 void", Do: "POST" + path(void, "invoice"), As: w.AllToken, Status: 409},
			floetest.Scenario{Name: "41 details", Do: "POST" + path(w.Make(nameless.ID(), ordertest.Costs(1))[0], "invoice"), As: w.AllToken, Status: 422,
				Want: `{"error":"MissingInvoiceBillingDetails","detail":"Billing name and address are required to generate an invoice for this order."}`},
			floetest.Scenario{Name: "42", Do: "POST" + path(pending, "invoice"), As: w.AllToken, Status: 202, Events: []string{}},
			floetest.Scenario{Name: "44", Do: "GET" + path(pending, "receipt"), As: w.AllToken, Status: 404,
				Want: map[string]any{"error": "ReceiptNotAllocated", "detail": "No receipt allocated for order " + string(pending.ID) + "."}},
			floetest.Scenario{Name: "generated", Do: "GET /v1/orders/" + string(pending.ID), As: w.AllToken, Status: 200, Want: map[string]any{"is_invoice_generated": true}},
		)
		link := w.Do("GET", "/v1/orders/"+string(pending.ID)+"/invoice", w.AllToken, nil).Text("url")
		first := download(w, link, 200)
		if !strings.HasPrefix(first, "%PDF-") {
			t.Errorf("a file that begins with %.10q", first)
		}
		download(w, strings.Replace(link, "kind=invoice", "kind=receipt", 1), 403)
		download(w, strings.Replace(link, "expires=1", "expires=2", 1), 403)
		// A change shows once the invoice is made again, under the same number.
		w.Is(w.Do("PATCH", "/v1/orders/"+string(pending.ID), w.AllToken, map[string]any{"billing_name": "Someone else"}), 200, map[string]any{"is_invoice_generated": true})
		if download(w, link, 200) != first {
			t.Error("an issued invoice has changed")
		}
		since := w.LastSeq()
		w.Is(w.Do("POST", "/v1/orders/"+string(pending.ID)+"/invoice", w.AllToken, nil), 202, nil) // 42
		w.Events(since, "order.updated")
		if download(w, link, 200) == first {
			t.Error("an invoice that was made again has not changed")
		}
		w.Is(w.Pay(pending.ID, "succeeded", 1000, "bank-1"), 201, nil)
		receipt := w.Do("GET", "/v1/orders/"+string(pending.ID)+"/receipt", w.AllToken, nil).Text("url")
		before := download(w, receipt, 200)
		w.Is(w.Pay(pending.ID, "refunded", 300, "bank-2"), 201, nil)
		if download(w, receipt, 200) == before {
			t.Error("a receipt does not show what was given back")
		}
		w.Clock.Advance(61 * time.Minute)
		download(w, link, 403)
	})
}

// A draft that is being charged is pending and has no number yet. An invoice that
// was made then would never have one.
func TestInvoiceWithoutItsNumber(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Billed().ID()
		p := w.Processor()
		w.Card(c, true)
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_a"}, nil)
		o := id.ID(w.Draft(c, w.Once(nil).ID(), nil).ID())
		w.Is(w.Do("POST", "/v1/orders/"+string(o)+"/finalize", w.AllToken, nil), 200, map[string]any{"status": "pending", "invoice_number": nil})
		w.Is(w.Do("POST", "/v1/orders/"+string(o)+"/invoice", w.AllToken, nil), 409, map[string]any{"error": "OrderNotEligibleForInvoice"})
		if code := w.Tell(payment.Event{ID: "evt_1", Type: payment.PaymentSucceeded, Organization: w.Org.ID, Order: o, Payment: "pay_a", Amount: 1000}); code != 204 {
			t.Fatalf("told: %d", code)
		}
		if got, want := invoiced(w, o).Facts[0].Value, w.Get(o).Text("invoice_number"); got != want {
			t.Errorf("the invoice of %s has the number %q", want, got)
		}
	})
}

// The lines below the total of an invoice lead from it to what is due.
func TestInvoiceOfABalance(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		for _, x := range []struct {
			before, total int64
			want          []string
		}{
			{0, 5000, []string{"Total (USD) $50.00", "Amount paid $0.00", "Amount due $50.00"}},
			{10000, 5000, []string{"Total (USD) $50.00", "Paid from balance -$50.00", "Amount paid $0.00", "Amount due $0.00"}},
			{-50, 5000, []string{"Total (USD) $50.00", "Debt carried over $0.50", "Amount paid $0.00", "Amount due $50.50"}},
			{0, -5000, []string{"Total (USD) -$50.00", "Credited to balance $50.00", "Amount paid $0.00", "Amount due $0.00"}},
			{-50, -5000, []string{"Total (USD) -$50.00", "Debt carried over $0.50", "Credited to balance $49.50", "Amount paid $0.00", "Amount due $0.00"}},
		} {
			c := w.Billed().ID()
			w.SetBalance(c, x.before)
			o := w.Make(c, ordertest.Of(id.New(), ordertest.Costs(x.total)))[0]
			d := invoiced(w, o.ID)
			var got []string
			for _, line := range d.Totals[len(d.Totals)-len(x.want):] {
				got = append(got, line.Label+" "+line.Amount)
			}
			if !slices.Equal(got, x.want) {
				t.Errorf("%d with a balance of %d: %q", x.total, x.before, got)
			}
		}
	})
}

// The lines above the total say what is without taxes, where that is not the
// subtotal.
func TestInvoiceOfTaxes(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		for _, x := range []struct {
			tax  within
			off  int64
			want []string
		}{
			{false, 0, []string{"Subtotal $100.00", "Tax $20.00", "Total (USD) $120.00"}},
			{false, 1000, []string{"Subtotal $100.00", "Discount -$10.00", "Total without tax $90.00", "Tax $20.00", "Total (USD) $110.00"}},
			{true, 0, []string{"Subtotal $100.00", "Total without tax $80.00", "Tax $20.00", "Total (USD) $100.00"}},
		} {
			w.Server.Orders.Tax = x.tax
			n := ordertest.Costs(10000)
			n.DiscountAmount = x.off
			var got []string
			for _, line := range invoiced(w, w.Make(w.Billed().ID(), n)[0].ID).Totals[:len(x.want)] {
				got = append(got, line.Label+" "+line.Amount)
			}
			if !slices.Equal(got, x.want) {
				t.Errorf("%+v: %q", x, got)
			}
		}
	})
}

// within is a tax of $20, within the amount or on top of it.
type within bool

func (w within) Of(context.Context, *order.Row, int64) (int64, bool, error) {
	return 2000, bool(w), nil
}

// Documents name the day on which the money moved, not the one on which
// somebody wrote that down; without money, the one on which the order was paid.
func TestDayOfPayment(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		now, day := w.Clock.Now(), 24*time.Hour
		for _, x := range []struct {
			costs int64
			paid  []time.Duration // before now, half of the amount each
			want  time.Time
		}{
			{1000, []time.Duration{9 * day, 3 * day}, now.Add(-3 * day)},
			{1000, []time.Duration{3 * day, 9 * day}, now.Add(-3 * day)},
			{0, nil, now},
		} {
			o := w.Make(w.Billed().ID(), ordertest.Costs(x.costs))[0]
			for i, ago := range x.paid {
				w.Is(w.Do("POST", "/v1/orders/"+string(o.ID)+"/payments", w.AllToken, map[string]any{"status": "succeeded",
					"amount": x.costs / 2, "reference": strconv.Itoa(i), "paid_at": now.Add(-ago)}), 201, nil)
			}
			facts := invoiced(w, o.ID).Facts
			if got, want := facts[len(facts)-1], (invoice.Fact{Name: "Paid on", Value: x.want.Format("January 2, 2006")}); got != want {
				t.Errorf("%d, paid %v ago: %v, want %v", x.costs, x.paid, got, want)
			}
		}
	})
}

// A receipt names the day on which money was given back, not the one on which
// somebody wrote that down; a refund without a day of its own the one on which
// it was made.
func TestDayOfRefund(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		now, ago := w.Clock.Now(), 9*24*time.Hour
		o := w.Make(w.Billed().ID(), ordertest.Costs(1000))[0]
		w.Is(w.Pay(o.ID, "succeeded", 1000, "bank-1"), 201, nil)
		w.Is(w.Do("POST", "/v1/orders/"+string(o.ID)+"/payments", w.AllToken, map[string]any{"status": "refunded",
			"amount": 300, "reference": "bank-2", "paid_at": now.Add(-ago)}), 201, nil)
		w.Is(w.Do("POST", "/v1/refunds/", w.AllToken, map[string]any{"order_id": o.ID, "amount": 200, "reason": "customer_request"}), 201, nil)
		r, err := order.Find(t.Context(), w.DB, w.Org.ID, o.ID)
		if err != nil {
			t.Fatal(err)
		}
		d, err := document.ReceiptOf(t.Context(), w.DB, &r)
		if err != nil {
			t.Fatal(err)
		}
		const layout = "January 2, 2006"
		want := [][]string{{now.Add(-ago).Format(layout), "Other", "", "-$3.00"}, {now.Format(layout), "Customer request", "", "-$2.00"}}
		if got := d.Tables[len(d.Tables)-1].Rows; !slices.EqualFunc(got, want, slices.Equal) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// invoiced makes the invoice of an order and answers what it says.
func invoiced(w ordertest.World, o id.ID) (d invoice.Document) {
	w.T.Helper()
	w.Is(w.Do("POST", "/v1/orders/"+string(o)+"/invoice", w.AllToken, nil), 202, nil)
	content, err := db.One[[]byte](w.T.Context(), w.DB, `SELECT content FROM order_documents WHERE organization_id = ? AND order_id = ?`, w.Org.ID, o)
	if err == nil {
		err = json.Unmarshal(content, &d)
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return d
}

// download opens a link, as a person does: without a token.
func download(w ordertest.World, link string, status int) string {
	w.T.Helper()
	r := httptest.NewRequestWithContext(w.T.Context(), http.MethodGet, strings.TrimPrefix(link, "https://floe.test"), nil)
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, r)
	if rec.Code != status {
		w.T.Fatalf("%s: %d %s", link, rec.Code, rec.Body)
	}
	return rec.Body.String()
}
