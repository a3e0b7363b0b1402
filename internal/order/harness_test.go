package order_test

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
)

// The numbers in the tests' names are those of the checklist in the
// specification of orders; internal/checklists.txt says where each is tested.

var system = auth.NewSystem("test")

// world is an instance with what orders need.
type world struct {
	*floetest.Floe
	t testing.TB
}

func engines(t *testing.T, fn func(t *testing.T, w world)) {
	t.Helper()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		t.Helper()
		f.Server.Orders.Subscriptions = order.NoSubscriptions{}
		fn(t, world{f, t})
	})
}

func (w world) write(fn func(ctx context.Context, tx *db.Tx) error) {
	w.t.Helper()
	ctx := w.t.Context()
	if err := w.DB.Write(ctx, func(tx *db.Tx) error { return fn(ctx, tx) }); err != nil {
		w.t.Fatal(err)
	}
}

// once is a product that is bought once for $10.
func (w world) once(fields map[string]any) *floetest.Response {
	body := map[string]any{"recurring_interval": nil}
	for k, v := range fields {
		body[k] = v
	}
	return w.Product(body)
}

func fixed(amount int, currency string) map[string]any {
	return map[string]any{"amount_type": "fixed", "price_amount": amount, "price_currency": currency}
}

var paris = map[string]any{"line1": "1 Rue de la Paix", "postal_code": "75002", "city": "Paris", "country": "FR"}

// billed is a customer with an address.
func (w world) billed() *floetest.Response {
	return w.Customer(map[string]any{"name": "Jeanne", "billing_address": paris})
}

// make makes orders of a customer.
func (w world) make(customerID string, list ...order.New) (out []order.Row) {
	w.t.Helper()
	w.write(func(ctx context.Context, tx *db.Tx) error {
		c, err := w.Server.Customers.Lock(ctx, tx, w.Org.ID, id.ID(customerID))
		if err != nil {
			return err
		}
		for i := range list {
			list[i] = filled(w.Org.ID, c, list[i])
		}
		out, err = w.Server.Orders.CreateMany(ctx, tx, system, list)
		return err
	})
	return out
}

func filled(org id.ID, c customer.Row, n order.New) order.New {
	n.Organization, n.Customer = org, c
	if n.Currency == "" {
		n.Currency = "usd"
	}
	if n.Reason == "" {
		n.Reason = order.Purchase
	}
	return n
}

// costs is an order of a single line.
func costs(amount int64) order.New {
	return order.New{Lines: []order.Line{{Label: "Thing", Amount: amount}}}
}

// of makes the order a subscription's.
func of(subscription id.ID, n order.New) order.New {
	n.SubscriptionID, n.Reason, n.UseBalance = &subscription, order.SubCycle, true
	return n
}

func (w world) balance(customerID string) (n int64) {
	w.t.Helper()
	n, err := order.Balance(w.t.Context(), w.DB, w.Org.ID, id.ID(customerID), "usd")
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// pay records a payment.
func (w world) pay(orderID id.ID, status string, amount int, reference string) *floetest.Response {
	w.t.Helper()
	return w.Do("POST", fmt.Sprintf("/v1/orders/%s/payments", orderID), w.AllToken,
		map[string]any{"status": status, "amount": amount, "reference": reference})
}

func (w world) get(orderID id.ID) *floetest.Response {
	w.t.Helper()
	return w.Do("GET", "/v1/orders/"+string(orderID), w.AllToken, nil)
}

// events are the types of events since a number, and nothing but those of a kind.
func (w world) events(since int64, want ...string) {
	w.t.Helper()
	if got := w.EventsSince(since); !slices.Equal(got, want) {
		w.t.Errorf("events %q, want %q", got, want)
	}
}

func (w world) is(r *floetest.Response, status int, want any) {
	w.t.Helper()
	if r.Status != status {
		w.t.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	if want == nil {
		return
	}
	if diff := r.Differs(want); diff != "" {
		w.t.Errorf("%s\nbody: %s", diff, r.Body)
	}
}

// row is an order as it is stored.
func (w world) row(orderID string) order.Row {
	w.t.Helper()
	r, err := order.Find(w.t.Context(), w.DB, w.Org.ID, id.ID(orderID))
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// healthy holds the database against the invariants of orders and balances.
func (w world) healthy() {
	w.t.Helper()
	w.Sound("orders.amounts", "orders.paid", "orders.refunded", "orders.numbers", "balances.", "payments.")
}
