package floetest

import (
	"fmt"

	"floe/internal/payment"
)

// Happen makes events of every type of webhook that there is a way to, in the
// course of two months, and answers a customer who has had most of them.
func (f *Floe) Happen() (customer string) {
	f.t.Helper()
	c := f.Customer(map[string]any{"name": "Zoë", "external_id": "zoe", "metadata": map[string]any{"a": 1.5, "b": true}})
	team := f.Customer(map[string]any{"type": "team", "email": nil, "owner": map[string]any{"email": "owner@example.com"}})
	m := f.Do("POST", fmt.Sprintf("/v1/customers/%s/members", team.ID()), f.AllToken, map[string]any{"email": "member@example.com", "name": "M"})
	f.Do("PATCH", fmt.Sprintf("/v1/customers/%s/members/%s", team.ID(), m.ID()), f.AllToken, map[string]any{"name": "N"})
	f.Do("DELETE", fmt.Sprintf("/v1/customers/%s/members/%s", team.ID(), m.ID()), f.AllToken, nil)
	f.Do("PATCH", "/v1/customers/"+c.ID(), f.AllToken, map[string]any{"name": "Zoé"})
	f.Do("PATCH", "/v1/organizations/"+string(f.Org.ID), f.AllToken, map[string]any{"name": "Renamed"})
	f.sell(c.ID())
	f.age()
	return c.ID()
}

// sell makes what a customer owns happen: a free subscription with benefits
// that ends with the customer, one that is paid by invoice, and a refund.
func (f *Floe) sell(customer string) {
	note := f.Benefit(nil).ID()
	keys := f.Benefit(map[string]any{"type": "license_keys", "properties": map[string]any{"prefix": "A", "limit_usage": 5}}).ID()
	free := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 0}}}).ID()
	paid := f.Product(nil).ID()
	discount := f.Discount(nil).ID()
	do := func(method, path string, body any) *Response { return f.Do(method, path, f.AllToken, body) }
	do("POST", "/v1/products/"+free+"/benefits", map[string]any{"benefits": []any{note, keys}})
	do("PATCH", "/v1/products/"+free, map[string]any{"description": "More"})
	do("PATCH", "/v1/benefits/"+note, map[string]any{"type": "custom", "description": "Noted"})
	do("PATCH", "/v1/discounts/"+discount, map[string]any{"name": "Less"})
	do("DELETE", "/v1/discounts/"+discount, nil)
	do("POST", "/v1/subscriptions/", map[string]any{"product_id": free, "customer_id": customer})
	do("PATCH", "/v1/benefits/"+keys, map[string]any{"type": "license_keys", "properties": map[string]any{"prefix": "A", "limit_usage": 9}})
	s := do("POST", "/v1/subscriptions/", map[string]any{"product_id": paid, "customer_id": customer, "collection_method": "send_invoice"}).ID()
	do("PATCH", "/v1/subscriptions/"+s, map[string]any{"cancel_at_period_end": true, "customer_cancellation_reason": "other"})
	do("PATCH", "/v1/subscriptions/"+s, map[string]any{"cancel_at_period_end": false})
	order := do("GET", "/v1/orders/?subscription_id="+s, nil).Text("items.0.id")
	do("POST", "/v1/orders/"+order+"/payments", map[string]any{"status": "succeeded", "amount": 1000, "reference": "wire 1"})
	do("POST", "/v1/orders/"+order+"/payments", map[string]any{"status": "refunded", "amount": 400, "reference": "wire 2"})
	do("DELETE", "/v1/benefits/"+note, nil)
	f.charge(do)
}

// charge has a payment processor take money and give it back, of which it tells.
func (f *Floe) charge(do func(method, path string, body any) *Response) {
	p := f.Processor()
	defer func() { f.Server.Payments.Processor = payment.Manual{} }()
	p.Refunding = func(payment.Refund) (payment.RefundResult, error) {
		return payment.RefundResult{Status: payment.RefundPending, Reference: "re_1"}, nil
	}
	buyer := f.Customer(nil).ID()
	f.Card(buyer, true)
	order := do("POST", "/v1/orders/", map[string]any{"customer_id": buyer, "product_id": f.Product(map[string]any{"recurring_interval": nil}).ID()}).ID()
	do("POST", "/v1/orders/"+order+"/finalize", "{}")
	do("POST", "/v1/refunds/", map[string]any{"order_id": order, "reason": "other", "amount": 500})
	f.Tell(payment.Event{ID: "evt_1", Type: payment.RefundUpdated, Refund: "re_1", RefundStatus: payment.RefundSucceeded})
}

// age lets months go by: a subscription is renewed with its benefit, one is
// paused and comes back, one is not paid.
func (f *Floe) age() {
	start := f.Clock.Now()
	do := func(method, path string, body any) *Response { return f.Do(method, path, f.AllToken, body) }
	customer := f.Customer(map[string]any{"name": "Old"}).ID()
	free := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": 0}}}).ID()
	do("POST", "/v1/products/"+free+"/benefits", map[string]any{"benefits": []any{f.Benefit(nil).ID()}})
	do("POST", "/v1/subscriptions/", map[string]any{"product_id": free, "customer_id": customer})
	pausing := do("POST", "/v1/subscriptions/", map[string]any{"product_id": free, "customer_id": f.Customer(nil).ID()}).ID()
	do("PATCH", "/v1/subscriptions/"+pausing, map[string]any{"pause_at_period_end": true})
	do("POST", "/v1/subscriptions/", map[string]any{"product_id": f.Product(nil).ID(), "customer_id": customer, "collection_method": "send_invoice"})
	for month := range 2 {
		f.Clock.Set(start.AddDate(0, month+1, 1))
		f.RunDue()
	}
	do("PATCH", "/v1/subscriptions/"+pausing, map[string]any{"resume": true})
}

// NeverTold are the types that nothing here can cause: there are no checkouts and
// no seats.
var NeverTold = []string{"checkout.created", "checkout.updated", "checkout.expired",
	"customer_seat.assigned", "customer_seat.claimed", "customer_seat.revoked"}
