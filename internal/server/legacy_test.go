package server_test

import (
	"strings"
	"testing"

	"floe/internal/floetest"
)

type obj = map[string]any

// What clients of earlier versions look for stands in answers, and not in the
// API document.
func TestLegacyFields(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		do := func(method, path string, body any) *floetest.Response {
			t.Helper()
			r := f.Do(method, path, f.AllToken, body)
			if r.Status/100 != 2 {
				t.Fatalf("%s %s: %d %s", method, path, r.Status, r.Body)
			}
			return r
		}
		keys := f.Benefit(obj{"type": "license_keys", "properties": obj{}}).ID()
		product := f.Product(nil)
		p, price := product.ID(), product.Path("prices.0.id")
		do("POST", "/v1/products/"+p+"/benefits", obj{"benefits": []string{keys}})
		c := f.Customer(obj{"name": "Žofie", "email": "zofie@example.com"}).ID()
		user := obj{"id": c, "email": "zofie@example.com", "public_name": "Ž"}
		sub := do("POST", "/v1/subscriptions/", obj{"product_id": p, "customer_id": c, "collection_method": "send_invoice"})
		if d := sub.Differs(obj{"user_id": c, "user": user, "price_id": price, "price": obj{"id": price}}); d != "" {
			t.Errorf("subscription: %s", d)
		}
		if v, ok := sub.JSON().(obj)["user"].(obj)["github_username"]; !ok || v != nil {
			t.Errorf("github_username is %v, %v", v, ok)
		}
		order := do("GET", "/v1/orders/?customer_id="+c, nil)
		if d := order.Differs(obj{"items": []any{obj{"user_id": c, "user": user, "product_price_id": price, "product_price": obj{"id": price},
			"amount": order.Path("items.0.net_amount"), "from_balance_amount": order.Path("items.0.applied_balance_amount")}}}); d != "" {
			t.Errorf("order: %s", d)
		}
		if d := do("GET", "/v1/benefit-grants/", nil).Differs(obj{"items": []any{obj{"user_id": c}}}); d != "" {
			t.Errorf("grant: %s", d)
		}
		if d := do("GET", "/v1/license-keys/", nil).Differs(obj{"items": []any{obj{"user_id": c, "user": user}}}); d != "" {
			t.Errorf("license key: %s", d)
		}
		if d := do("GET", "/v1/customers/"+c+"/state", nil).Differs(obj{"active_subscriptions": []any{obj{"price_id": price}}}); d != "" {
			t.Errorf("state: %s", d)
		}
		document := f.Do("GET", "/openapi.json", "", nil).Body
		for _, field := range []string{`"user_id"`, `"from_balance_amount"`, `"product_price"`, `"price_id"`, `"github_username"`} {
			if strings.Contains(document, field+":") {
				t.Errorf("the document tells of %s", field)
			}
		}
	})
}
