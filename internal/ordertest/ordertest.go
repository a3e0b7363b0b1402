// Package ordertest is what tests about orders and their money have in common:
// an instance where orders are made, paid and asked for, and a few steps that
// lead to where most of these tests begin.
package ordertest

import (
	"context"
	"fmt"
	"maps"
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

// Obj is a body, or what is wanted of one.
type Obj = map[string]any

// System does what the tests do without a token.
var System = auth.NewSystem("test")

// World is an instance with what orders need.
type World struct {
	*floetest.Floe
	T testing.TB
}

// Engines runs a test on every engine, without subscriptions: what orders say
// of them is heard by nobody.
func Engines(t *testing.T, fn func(t *testing.T, w World)) {
	t.Helper()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		t.Helper()
		f.Server.Orders.Subscriptions = NoSubscriptions{}
		fn(t, World{f, t})
	})
}

// Write does something in a transaction.
func (w World) Write(fn func(ctx context.Context, tx *db.Tx) error) {
	w.T.Helper()
	ctx := w.T.Context()
	if err := w.DB.Write(ctx, func(tx *db.Tx) error { return fn(ctx, tx) }); err != nil {
		w.T.Fatal(err)
	}
}

// Once is a product that is bought once for $10.
func (w World) Once(fields Obj) *floetest.Response {
	body := Obj{"recurring_interval": nil}
	maps.Copy(body, fields)
	return w.Product(body)
}

// Fixed is a fixed price.
func Fixed(amount int, currency string) Obj {
	return Obj{"amount_type": "fixed", "price_amount": amount, "price_currency": currency}
}

// Paris is an address.
var Paris = Obj{"line1": "1 Rue de la Paix", "postal_code": "75002", "city": "Paris", "country": "FR"}

// Billed is a customer with an address.
func (w World) Billed() *floetest.Response {
	return w.Customer(Obj{"name": "Jeanne", "billing_address": Paris})
}

// Make makes orders of a customer.
func (w World) Make(customerID string, list ...order.New) (out []order.Row) {
	w.T.Helper()
	w.Write(func(ctx context.Context, tx *db.Tx) error {
		c, err := w.Server.Customers.Lock(ctx, tx, w.Org.ID, id.ID(customerID))
		if err != nil {
			return err
		}
		for i := range list {
			list[i] = Filled(w.Org.ID, c, list[i])
		}
		out, err = w.Server.Orders.CreateMany(ctx, tx, System, list)
		return err
	})
	return out
}

// Filled is an order with what every order has.
func Filled(org id.ID, c customer.Row, n order.New) order.New {
	n.Organization, n.Customer = org, c
	if n.Currency == "" {
		n.Currency = "usd"
	}
	if n.Reason == "" {
		n.Reason = order.Purchase
	}
	return n
}

// Costs is an order of a single line.
func Costs(amount int64) order.New {
	return order.New{Lines: []order.Line{{Label: "Thing", Amount: amount}}}
}

// Of makes the order a subscription's.
func Of(subscription id.ID, n order.New) order.New {
	n.SubscriptionID, n.Reason, n.UseBalance = &subscription, order.SubCycle, true
	return n
}

// Balance is a customer's balance in dollars.
func (w World) Balance(customerID string) (n int64) {
	w.T.Helper()
	n, err := db.One[int64](w.T.Context(), w.DB, `SELECT CAST(COALESCE(SUM(amount), 0) AS bigint) FROM customer_balances
		WHERE organization_id = ? AND customer_id = ? AND currency = 'usd'`, w.Org.ID, customerID)
	if err != nil {
		w.T.Fatal(err)
	}
	return n
}

// SetBalance makes it that.
func (w World) SetBalance(customerID string, amount int64) {
	w.T.Helper()
	w.Write(func(ctx context.Context, tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `INSERT INTO customer_balances (organization_id, customer_id, currency, amount) VALUES (?, ?, 'usd', ?)
			ON CONFLICT (organization_id, customer_id, currency) DO UPDATE SET amount = excluded.amount`, w.Org.ID, customerID, amount)
		return err
	})
}

// Pay records a payment.
func (w World) Pay(orderID id.ID, status string, amount int, reference string) *floetest.Response {
	w.T.Helper()
	return w.Do("POST", fmt.Sprintf("/v1/orders/%s/payments", orderID), w.AllToken,
		Obj{"status": status, "amount": amount, "reference": reference})
}

// Get asks for an order.
func (w World) Get(orderID id.ID) *floetest.Response {
	w.T.Helper()
	return w.Do("GET", "/v1/orders/"+string(orderID), w.AllToken, nil)
}

// Events are the types of events since a number, and nothing but those of a kind.
func (w World) Events(since int64, want ...string) {
	w.T.Helper()
	if got := w.EventsSince(since); !slices.Equal(got, want) {
		w.T.Errorf("events %q, want %q", got, want)
	}
}

// Is wants an answer with a status, and with some values.
func (w World) Is(r *floetest.Response, status int, want any) {
	w.T.Helper()
	if r.Status != status {
		w.T.Fatalf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	if want == nil {
		return
	}
	if diff := r.Differs(want); diff != "" {
		w.T.Errorf("%s\nbody: %s", diff, r.Body)
	}
}

// Row is an order as it is stored.
func (w World) Row(orderID string) order.Row {
	w.T.Helper()
	r, err := order.Find(w.T.Context(), w.DB, w.Org.ID, id.ID(orderID))
	if err != nil {
		w.T.Fatal(err)
	}
	return r
}

// Draft is a draft of a product.
func (w World) Draft(customerID, productID string, fields Obj) *floetest.Response {
	w.T.Helper()
	body := Obj{"customer_id": customerID, "product_id": productID}
	maps.Copy(body, fields)
	r := w.Do("POST", "/v1/orders/", w.AllToken, body)
	w.Is(r, 201, nil)
	return r
}

// Healthy holds the database against the invariants of orders and balances.
func (w World) Healthy() {
	w.T.Helper()
	w.Sound("orders.amounts", "orders.paid", "orders.refunded", "orders.numbers", "balances.", "payments.")
}
