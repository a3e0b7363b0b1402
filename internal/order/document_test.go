package order_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/invoice"
	"floe/internal/order"
)

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

// The lines below the total of an invoice lead from it to what is due.
func TestInvoiceOfABalance(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
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
			c := w.billed().ID()
			w.setBalance(c, x.before)
			o := w.make(c, of(id.New(), costs(x.total)))[0]
			w.is(w.Do("POST", "/v1/orders/"+string(o.ID)+"/invoice", w.AllToken, nil), 202, nil)
			content, err := db.One[[]byte](t.Context(), w.DB, `SELECT content FROM order_documents WHERE organization_id = ? AND order_id = ?`, w.Org.ID, o.ID)
			if err != nil {
				t.Fatal(err)
			}
			var d invoice.Document
			if err := json.Unmarshal(content, &d); err != nil {
				t.Fatal(err)
			}
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
