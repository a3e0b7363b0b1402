package subscription_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"floe/internal/floetest"
)

// bench is an instance with products of every kind that subscriptions need.
type bench struct {
	*floetest.Floe
	t *testing.T
}

func each(t *testing.T, fn func(b *bench)) {
	t.Helper()
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) { fn(&bench{f, t}) })
}

// obj is a body.
type obj = map[string]any

// fixed is a product with one fixed price a month.
func (b *bench) fixed(amount int, more ...obj) string {
	b.t.Helper()
	fields := obj{"name": fmt.Sprintf("Plan %d", amount), "recurring_interval": "month",
		"prices": []any{obj{"amount_type": "fixed", "price_amount": amount, "price_currency": "usd"}}}
	for _, m := range more {
		for k, v := range m {
			fields[k] = v
		}
	}
	return b.Product(fields).ID()
}

// at sets the clock.
func (b *bench) at(text string) time.Time {
	b.t.Helper()
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Clock.Set(t)
	return t
}

func (b *bench) subscribe(product string, more ...obj) *floetest.Response {
	b.t.Helper()
	body := obj{"product_id": product, "customer_id": b.Customer(nil).ID()}
	for _, m := range more {
		for k, v := range m {
			body[k] = v
		}
	}
	r := b.Do("POST", "/v1/subscriptions/", b.AllToken, body)
	if r.Status != 201 {
		b.t.Fatalf("subscribe: %d %s", r.Status, r.Body)
	}
	return r
}

var invoiced = obj{"collection_method": "send_invoice"}

// due runs the billing cycle at a time.
func (b *bench) due(text string) {
	b.t.Helper()
	b.at(text)
	if err := b.Server.RunDue(context.Background()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) get(subscription string) *floetest.Response {
	b.t.Helper()
	r := b.Do("GET", "/v1/subscriptions/"+subscription, b.AllToken, nil)
	if r.Status != 200 {
		b.t.Fatalf("get: %d %s", r.Status, r.Body)
	}
	return r
}

func (b *bench) patch(subscription string, body obj) *floetest.Response {
	b.t.Helper()
	return b.Do("PATCH", "/v1/subscriptions/"+subscription, b.AllToken, body)
}

// want compares some keys of an answer.
func (b *bench) want(r *floetest.Response, want obj) {
	b.t.Helper()
	if d := r.Differs(want); d != "" {
		b.t.Errorf("%s\n%d %s", d, r.Status, r.Body)
	}
}

// orders are the orders of a subscription, oldest first.
func (b *bench) orders(subscription string) []any {
	b.t.Helper()
	r := b.Do("GET", "/v1/orders/?limit=100&sorting=created_at&subscription_id="+subscription, b.AllToken, nil)
	if r.Status != 200 {
		b.t.Fatalf("orders: %d %s", r.Status, r.Body)
	}
	return r.Path("items").([]any)
}
