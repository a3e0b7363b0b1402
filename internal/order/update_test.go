package order_test

import (
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
)

// TestUpdate: cases 11 and 12, and the rest of §8.6.
func TestUpdate(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Billed()
		o := w.Make(c.ID(), ordertest.Costs(100))[0]
		path := "PATCH /v1/orders/" + string(o.ID)
		us := map[string]any{"country": "US", "state": "CA"}
		w.RunAll(
			floetest.Scenario{Name: "nothing at first", Do: path, As: w.AllToken, Body: "{}", Status: 200, Events: []string{"order.updated"},
				Want: map[string]any{"modified_at": nil, "billing_name": "Jeanne"}},
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
		w.Is(w.Do("GET", "/v1/customers/"+c.ID(), w.AllToken, nil), 200, map[string]any{"billing_address": ordertest.Paris})
	})
}

// TestSnapshot: case 69, and the billing details of customers who change.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Billed()
		o := w.Make(c.ID(), ordertest.Costs(100))[0]
		w.Is(w.Do("PATCH", "/v1/customers/"+c.ID(), w.AllToken, map[string]any{"name": "Other", "billing_address": map[string]any{"country": "DE"}}), 200, nil)
		w.Is(w.Get(o.ID), 200, map[string]any{"billing_name": "Jeanne", "billing_address": ordertest.Paris, "customer": map[string]any{"name": "Other"}})
		w.Is(w.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", w.AllToken, nil), 204, nil)
		r := w.Get(o.ID)
		w.Is(r, 200, map[string]any{"billing_name": "Jeanne", "billing_address": ordertest.Paris, "invoice_number": *o.InvoiceNumber,
			"customer": map[string]any{"id": c.ID(), "deleted_at": floetest.Any, "billing_address": nil}})
		if r.Text("customer.name") == "Other" || !strings.HasSuffix(r.Text("customer.email"), ".invalid") {
			t.Errorf("the customer is still %s", r.Body)
		}
		w.Is(w.Do("POST", "/v1/orders/"+string(o.ID)+"/invoice", w.AllToken, nil), 202, nil)
	})
}

// TestResync: case 67: a change of a product's benefits reaches who bought it.
func TestResync(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p, benefit := w.Once(nil), w.Benefit(nil)
		pid, seats := id.ID(p.ID()), 3
		buy := func(n order.New) string {
			c := w.Customer(nil)
			n.ProductID = &pid
			w.Make(c.ID(), n)
			return c.ID()
		}
		owner := buy(ordertest.Costs(0))
		withSeats := ordertest.Costs(0)
		withSeats.Seats = &seats
		buy(withSeats)
		buy(ordertest.Costs(100))
		gone := buy(ordertest.Costs(0))
		w.Is(w.Do("DELETE", "/v1/customers/"+gone, w.AllToken, nil), 204, nil)
		w.Is(w.Do("POST", "/v1/products/"+p.ID()+"/benefits", w.AllToken, map[string]any{"benefits": []string{benefit.ID()}}), 200, nil)
		w.Is(w.Do("GET", "/v1/benefits/"+benefit.ID()+"/grants", w.AllToken, nil), 200,
			map[string]any{"items": []any{map[string]any{"customer_id": owner, "is_granted": true}}})
		w.Is(w.Do("DELETE", "/v1/products/"+p.ID(), w.AllToken, nil), 409, nil)
	})
}
