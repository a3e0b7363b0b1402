package server_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/floetest"
)

// key is what a list is sorted by: a number, a text, or nil.
type key func(item map[string]any) any

// sorted are the lists and what each of their criteria means.
var sorted = map[string]map[string]key{
	"/v1/products/": {
		"created_at": field("created_at"), "name": folded("name"),
		"price_amount_type": func(item map[string]any) any { return representative(item, "rank") },
		"price_amount":      func(item map[string]any) any { return representative(item, "amount") },
	},
	"/v1/discounts/": {
		"created_at": field("created_at"), "name": folded("name"), "code": folded("code"), "redemptions_count": field("redemptions_count"),
		"ends_at": field("ends_at"),
	},
	"/v1/benefits/": {
		"created_at": field("created_at"), "description": folded("description"), "type": field("type"), "user_order": field("created_at"),
	},
	"/v1/benefit-grants/": {
		"created_at": field("created_at"), "granted_at": field("granted_at"), "revoked_at": field("revoked_at"),
	},
	"/v1/subscriptions/": {
		"customer": folded("customer.email"), "started_at": field("started_at"), "current_period_end": field("current_period_end"),
		"ended_at": field("ended_at"), "ends_at": field("ends_at"), "product": folded("product.name"), "discount": folded("discount.name"),
		"status": func(item map[string]any) any {
			if item["status"] == "active" && item["cancel_at_period_end"] == true {
				return 4.5
			}
			return rank(item["status"], "incomplete", "incomplete_expired", "trialing", "active", "paused", "past_due", "canceled", "unpaid")
		},
		"amount": func(item map[string]any) any {
			n, _ := item["amount"].(json.Number).Int64()
			switch item["recurring_interval"] {
			case "year":
				n /= 12
			case "week":
				n *= 4
			case "day":
				n *= 30
			}
			return float64(n)
		},
	},
	"/v1/orders/": {
		"created_at": field("created_at"), "invoice_number": field("invoice_number"), "amount": field("net_amount"), "net_amount": field("net_amount"),
		"customer": folded("customer.email"), "product": folded("product.name"), "discount": folded("discount.name"), "subscription": field("subscription_id"),
		"status": func(item map[string]any) any {
			return rank(item["status"], "draft", "pending", "paid", "partially_refunded", "refunded", "void")
		},
	},
}

// TestSorting: every list is in the order of each of its criteria, up and
// down, alone and after others: what is nothing comes last, or first on the way
// down; what is equal goes by id, and pages fit together.
func TestSorting(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		fillSorted(t, f)
		for path, keys := range sorted {
			criteria := criteriaOf(t, f, path)
			if len(criteria) != len(keys) {
				t.Errorf("%s can be sorted by %v", path, criteria)
			}
			all := page(t, f, path+"?limit=100")
			if len(all) < 8 {
				t.Fatalf("%s has only %d items", path, len(all))
			}
			for i, a := range criteria {
				b := criteria[(i+1)%len(criteria)]
				for _, by := range [][]string{{a}, {"-" + a}, {"-" + a, b}, {a, "-" + b}} {
					checkSorting(t, f, path, keys, all, by)
				}
				values := map[any]int{}
				for _, item := range all {
					values[keys[a](item)]++
				}
				if len(values) < 2 {
					t.Errorf("%s: all are equal by %s", path, a)
				}
			}
		}
	})
}

func checkSorting(t *testing.T, f *floetest.Floe, path string, keys map[string]key, all []map[string]any, by []string) {
	t.Helper()
	want := slices.Clone(all)
	slices.SortFunc(want, func(x, y map[string]any) int {
		for _, c := range by {
			name, down := strings.CutPrefix(c, "-")
			if d := directed(down, compare(keys[name](x), keys[name](y))); d != 0 {
				return d
			}
		}
		return directed(strings.HasPrefix(by[len(by)-1], "-"), strings.Compare(x["id"].(string), y["id"].(string)))
	})
	var got []map[string]any
	for n := 1; ; n++ {
		some := page(t, f, fmt.Sprintf("%s?limit=7&page=%d&sorting=%s", path, n, strings.Join(by, "&sorting=")))
		if len(some) == 0 {
			break
		}
		got = append(got, some...)
	}
	show := func(list []map[string]any) (out []string) {
		for _, item := range list {
			line := item["id"].(string)[:8]
			for _, c := range by {
				line += fmt.Sprintf(" %v", keys[strings.TrimPrefix(c, "-")](item))
			}
			out = append(out, line)
		}
		return out
	}
	if !reflect.DeepEqual(show(got), show(want)) {
		t.Errorf("%s by %v:\n%s\nwant\n%s", path, by, strings.Join(show(got), "\n"), strings.Join(show(want), "\n"))
	}
}

func directed(down bool, d int) int {
	if down {
		return -d
	}
	return d
}

// compare puts nothing after everything.
func compare(a, b any) int {
	switch {
	case a == nil || b == nil:
		return rankNil(a) - rankNil(b)
	case reflect.TypeOf(a) == reflect.TypeFor[string]():
		return strings.Compare(a.(string), b.(string))
	}
	return cmp.Compare(a.(float64), b.(float64))
}

func rankNil(v any) int {
	if v == nil {
		return 1
	}
	return 0
}

func at(item map[string]any, path string) any {
	var v any = item
	for step := range strings.SplitSeq(path, ".") {
		object, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = object[step]
	}
	return v
}

func field(path string) key {
	return func(item map[string]any) any {
		v := at(item, path)
		if n, ok := v.(json.Number); ok {
			f, _ := n.Float64()
			return f
		}
		return v
	}
}

// folded compares texts whatever their case.
func folded(path string) key {
	return func(item map[string]any) any {
		s, ok := at(item, path).(string)
		if !ok {
			return nil
		}
		return strings.ToLower(s)
	}
}

func rank(v any, order ...string) any { return float64(1 + slices.Index(order, v.(string))) }

// representative is the price that a product is sorted by.
func representative(item map[string]any, what string) any {
	for _, p := range item["prices"].([]any) {
		price := p.(map[string]any)
		kind, amount := 0., "price_amount"
		switch price["amount_type"] {
		case "custom":
			kind, amount = 1, "minimum_amount"
		case "fixed":
			kind = 2
		default:
			continue
		}
		if what == "rank" {
			return kind
		}
		return field(amount)(price)
	}
	return nil
}

// criteriaOf are those that the API document names.
func criteriaOf(t *testing.T, f *floetest.Floe, path string) (out []string) {
	t.Helper()
	doc := f.Do("GET", "/openapi.json", "", nil)
	for _, p := range doc.JSON().(map[string]any)["paths"].(map[string]any)[path].(map[string]any)["get"].(map[string]any)["parameters"].([]any) {
		if parameter := p.(map[string]any); parameter["name"] == "sorting" {
			out = enum(doc.JSON().(map[string]any), parameter["schema"])
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s cannot be sorted", path)
	}
	return out
}

// enum are the values of the first list of values in a schema, but those that
// go down.
func enum(doc map[string]any, schema any) (out []string) {
	switch s := schema.(type) {
	case []any:
		for _, x := range s {
			if out = enum(doc, x); len(out) > 0 {
				return out
			}
		}
	case map[string]any:
		if ref, ok := s["$ref"].(string); ok {
			return enum(doc, at(doc, strings.ReplaceAll(strings.TrimPrefix(ref, "#/"), "/", ".")))
		}
		if values, ok := s["enum"].([]any); ok {
			for _, v := range values {
				if !strings.HasPrefix(v.(string), "-") {
					out = append(out, v.(string))
				}
			}
			return out
		}
		for _, k := range []string{"anyOf", "items"} {
			if out = enum(doc, s[k]); len(out) > 0 {
				return out
			}
		}
	}
	return nil
}

func page(t *testing.T, f *floetest.Floe, path string) (out []map[string]any) {
	t.Helper()
	r := f.Do("GET", path, f.AllToken, nil)
	if r.Status != 200 {
		t.Fatalf("%s: %d %s", path, r.Status, r.Body)
	}
	for _, item := range r.Path("items").([]any) {
		out = append(out, item.(map[string]any))
	}
	return out
}

// fillSorted makes some of everything, with equals and with nothing.
func fillSorted(t *testing.T, f *floetest.Floe) {
	t.Helper()
	type obj = map[string]any
	do := func(method, path string, body any) *floetest.Response {
		t.Helper()
		r := f.Do(method, path, f.AllToken, body)
		if r.Status >= 300 {
			t.Fatalf("%s %s: %d %s", method, path, r.Status, r.Body)
		}
		return r
	}
	post := func(path string, body obj) string { t.Helper(); return do("POST", path, body).ID() }
	do("PATCH", "/v1/organizations/"+string(f.Org.ID), obj{"subscription_settings": obj{"allow_multiple_subscriptions": true, "proration_behavior": "prorate",
		"benefit_revocation_grace_period": 0, "prevent_trial_abuse": false, "allow_customer_updates": true}})
	names := []string{"zebra", "Äpfel", "apple pie", "Apple-Pie", "_under score", "ZEBRA", "10 a", "9 a", "éclair", "apple"}

	var discounts, products, once []string
	for i, name := range names {
		d := obj{"name": name, "type": "percentage", "duration": "forever", "basis_points": 1000}
		if i%3 == 0 {
			d["code"] = fmt.Sprintf("Code%c", "bAcZ"[i/3])
		}
		if i%2 == 0 {
			d["ends_at"] = f.Clock.Now().AddDate(1, i%4, 0)
		}
		discounts = append(discounts, post("/v1/discounts/", d))

		fixed := obj{"amount_type": "fixed", "price_amount": 1200 * (1 + i%3)}
		price := []obj{fixed, fixed, {"amount_type": "custom", "minimum_amount": 500 * i}, {"amount_type": "seat_based", "seat_tiers": obj{
			"tiers": []any{obj{"min_seats": 1, "max_seats": nil, "price_per_seat": 700}}}}, fixed}[i%5]
		p := obj{"name": name, "prices": []any{price}}
		if i%5 != 1 {
			p["recurring_interval"] = []string{"month", "", "day", "month", "week", "year", "", "day", "month", "week"}[i]
		}
		if i == 5 {
			p["trial_interval"], p["trial_interval_count"] = "month", 3
		}
		id := post("/v1/products/", p)
		benefit := post("/v1/benefits/", obj{"type": []string{"custom", "license_keys", "feature_flag"}[i%3], "description": name + "!", "properties": obj{}})
		do("POST", "/v1/products/"+id+"/benefits", obj{"benefits": []string{benefit}})
		switch i % 5 {
		case 1:
			once = append(once, id)
		case 0, 4:
			products = append(products, id)
		}
	}
	var subscriptions []string
	for i := range 14 {
		c := obj{"email": fmt.Sprintf("%c%d@Example.com", "bBaA"[i%4], i)}
		customer := post("/v1/customers/", c)
		s := obj{"product_id": products[i%len(products)], "customer_id": customer, "collection_method": "send_invoice"}
		subscriptions = append(subscriptions, post("/v1/subscriptions/", s))
		if i%3 != 1 {
			do("PATCH", "/v1/subscriptions/"+subscriptions[i], obj{"discount_id": discounts[i%len(discounts)]})
		}
		o := post("/v1/orders/", obj{"customer_id": customer, "product_id": once[i%len(once)], "amount": 500 * (1 + i%3)})
		if i%3 > 0 {
			do("POST", "/v1/orders/"+o+"/finalize", obj{"collection_method": "send_invoice"})
			total := do("GET", "/v1/orders/"+o, nil).Path("total_amount")
			if i%4 > 1 {
				do("POST", "/v1/orders/"+o+"/payments", obj{"status": "succeeded", "amount": total, "reference": "x"})
			}
			if i%4 == 3 {
				do("POST", "/v1/orders/"+o+"/payments", obj{"status": "refunded", "amount": 100 * (1 + i%3*2), "reference": "y"})
			}
		}
	}
	for i, s := range subscriptions {
		var body obj
		switch i % 5 {
		case 1:
			body = obj{"cancel_at_period_end": true}
		case 2:
			body = obj{"revoke": true}
		default:
			continue
		}
		do("PATCH", "/v1/subscriptions/"+s, body)
	}
	f.Clock.Advance(20 * 24 * time.Hour)
	f.RunDue()
}
