package subscription_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/ordertest"
)

// The numbers are those of the checklist in the specification;
// internal/checklists.txt says where each is tested, and why some are not.

// bench is an instance with products of every kind that subscriptions need.
type bench struct {
	ordertest.World
	t *testing.T
}

func each(t *testing.T, fn func(b *bench)) {
	t.Helper()
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) { fn(&bench{ordertest.World{Floe: f, T: t}, t}) })
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

func (b *bench) refused(r *floetest.Response, status int, parts ...string) {
	b.t.Helper()
	if r.Status != status {
		b.t.Errorf("status %d, want %d: %s", r.Status, status, r.Body)
	}
	for _, p := range parts {
		if !strings.Contains(r.Body, p) {
			b.t.Errorf("no %q in %d %s", p, r.Status, r.Body)
		}
	}
}

// events are the types that fn adds to the journal, of subscriptions or of
// all when prefixes are given.
func (b *bench) events(fn func(), prefixes ...string) []string {
	b.t.Helper()
	if len(prefixes) == 0 {
		prefixes = []string{"subscription."}
	}
	seq := b.LastSeq()
	fn()
	return slices.DeleteFunc(b.EventsSince(seq), func(e string) bool {
		return !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(e, p) })
	})
}

func (b *bench) said(got []string, want ...string) {
	b.t.Helper()
	if !slices.Equal(got, want) {
		b.t.Errorf("events %q, want %q", got, want)
	}
}

// seats is a product sold by seats.
func (b *bench) seats(least, most, price int) string {
	b.t.Helper()
	return b.Product(obj{"prices": []any{obj{"amount_type": "seat_based", "price_currency": "usd",
		"seat_tiers": obj{"tiers": []any{obj{"min_seats": least, "max_seats": most, "price_per_seat": price}}}}}}).ID()
}

// granting is a product at a price that grants a benefit.
func (b *bench) granting(price int) string {
	b.t.Helper()
	p := b.fixed(price)
	b.Do("POST", "/v1/products/"+p+"/benefits", b.AllToken, obj{"benefits": []string{b.Benefit(nil).ID()}})
	return p
}

// pay records payments of all pending orders of a subscription.
func (b *bench) pay(s string) {
	b.t.Helper()
	for _, o := range b.orders(s) {
		if o := o.(obj); o["status"] == "pending" {
			r := b.Do("POST", "/v1/orders/"+o["id"].(string)+"/payments", b.AllToken, obj{"status": "succeeded", "amount": o["due_amount"], "reference": "ref"})
			if r.Status/100 != 2 {
				b.t.Fatalf("pay: %d %s", r.Status, r.Body)
			}
		}
	}
}

func (b *bench) ends(s string, want ...string) {
	b.t.Helper()
	for _, w := range want {
		end, err := time.Parse(time.RFC3339Nano, b.get(s).Text("current_period_end"))
		if err != nil {
			b.t.Fatal(err)
		}
		if got := end.Format("2006-01-02"); got != w {
			b.t.Errorf("the period ends %s, want %s", got, w)
		}
		b.due(end.Add(time.Minute).Format(time.RFC3339))
	}
}
