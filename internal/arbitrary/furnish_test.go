package arbitrary_test

import (
	"fmt"
	"testing"
)

// fields is a JSON object.
type fields = map[string]any

// do sends a request that must succeed, and returns the answer's object.
type do func(operation, method, path string, body any) fields

// furnish gives an organization some of everything that one can have. word
// makes texts: names, notes, external ids, the part of an address before @.
func furnish(t *testing.T, send do, word func() string, hook string) {
	t.Helper()
	id := func(o fields) string { return fmt.Sprint(o["id"]) }
	post := func(operation, path string, body any) fields { t.Helper(); return send(operation, "POST", path, body) }

	note := post("benefits:create", "/v1/benefits/", fields{"type": "custom", "description": word(), "properties": fields{"note": word()}})
	flag := post("benefits:create", "/v1/benefits/", fields{"type": "feature_flag", "description": word(), "properties": fields{}, "metadata": fields{"a": word()}})
	keys := post("benefits:create", "/v1/benefits/", fields{"type": "license_keys", "description": word(), "properties": fields{"prefix": word(), "activations": fields{"limit": 5, "enable_customer_admin": true}}})
	product := func(price fields, interval any) fields {
		return post("products:create", "/v1/products/", fields{"name": word(), "description": word(), "metadata": fields{"plan": word()}, "recurring_interval": interval, "prices": []any{price}})
	}
	free := product(fields{"amount_type": "free"}, "month")
	monthly := product(fields{"amount_type": "fixed", "price_amount": 1000}, "month")
	yearly := product(fields{"amount_type": "fixed", "price_amount": 9000}, "year")
	once := product(fields{"amount_type": "fixed", "price_amount": 500}, nil)
	for _, p := range []fields{free, monthly, once} {
		post("products:update_benefits", "/v1/products/"+id(p)+"/benefits", fields{"benefits": []any{id(note), id(flag), id(keys)}})
	}
	post("discounts:create", "/v1/discounts/", fields{"name": word(), "code": word(), "type": "percentage", "basis_points": 1000, "duration": "forever", "products": []any{id(monthly)}})

	address := fields{"line1": word(), "city": word(), "country": "FR"}
	var people []fields
	for range 3 {
		people = append(people, post("customers:create", "/v1/customers/", fields{
			"email": word() + "@example.com", "name": word(), "external_id": word(), "metadata": fields{"plan": word(), "a": 1},
			"billing_address": address, "tax_id": "FR61954506077", "locale": "fr",
		}))
	}
	team := post("customers:create", "/v1/customers/", fields{"type": "team", "name": word(), "external_id": word(), "owner": fields{"email": word() + "@example.com", "name": word()}})
	post("customers:members:create", "/v1/customers/"+id(team)+"/members", fields{"email": word() + "@example.com", "name": word(), "external_id": word()})
	post("customer-sessions:create", "/v1/customer-sessions/", fields{"customer_id": id(people[0])})

	post("webhooks:create_webhook_endpoint", "/v1/webhooks/endpoints", fields{"url": hook, "name": word(), "format": "raw", "events": []any{"customer.created", "customer.updated", "order.created", "subscription.created", "customer.state_changed"}})
	post("subscriptions:create", "/v1/subscriptions/", fields{"customer_id": id(people[0]), "product_id": id(free), "metadata": fields{"a": word()}})
	s := post("subscriptions:create", "/v1/subscriptions/", fields{"customer_id": id(people[1]), "product_id": id(monthly), "collection_method": "send_invoice"})
	send("subscriptions:update", "PATCH", "/v1/subscriptions/"+id(s), fields{"product_id": id(yearly), "collection_method": "send_invoice"})
	for _, p := range people[1:] {
		o := post("orders:create", "/v1/orders/", fields{"customer_id": id(p), "product_id": id(once), "description": word(), "metadata": fields{"a": word()}})
		post("orders:finalize", "/v1/orders/"+id(o)+"/finalize", fields{"collection_method": "send_invoice"})
		post("orders:generate_invoice", "/v1/orders/"+id(o)+"/invoice", nil)
		post("orders:record_payment", "/v1/orders/"+id(o)+"/payments", fields{"status": "succeeded", "amount": 500, "reference": word(), "note": word()})
		post("refunds:create", "/v1/refunds/", fields{"order_id": id(o), "amount": 100, "reason": "other", "comment": word(), "metadata": fields{"a": word()}})
	}
	post("orders:create", "/v1/orders/", fields{"customer_id": id(people[0]), "product_id": id(once)})
	list := send("license_keys:list", "GET", "/v1/license-keys/?status=granted", nil)
	items, _ := list["items"].([]any)
	for _, k := range items {
		post("license_keys:activate", "/v1/license-keys/activate", fields{
			"key": k.(fields)["key"], "organization_id": k.(fields)["organization_id"], "label": word(), "meta": fields{"a": word()}})
	}
	send("customers:update", "PATCH", "/v1/customers/"+id(people[2]), fields{"name": word()})
}
