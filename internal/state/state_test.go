package state_test

import (
	"testing"

	"floe/internal/floetest"
)

type obj = map[string]any

func TestState(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		post := func(path string, body any) *floetest.Response {
			t.Helper()
			r := f.Do("POST", path, f.AllToken, body)
			if r.Status/100 != 2 {
				t.Fatalf("%s: %d %s", path, r.Status, r.Body)
			}
			return r
		}
		benefit := f.Benefit(nil).ID()
		p := f.Product(obj{"prices": []any{obj{"amount_type": "free"}}}).ID()
		post("/v1/products/"+p+"/benefits", obj{"benefits": []string{benefit}})
		c := f.Customer(obj{"external_id": "x"}).ID()
		path := "/v1/customers/" + c + "/state"
		get := func(path, tag string) *floetest.Response {
			r := f.Request("GET", path, f.AllToken, nil)
			if tag != "" {
				r.Header.Set("If-None-Match", tag)
			}
			return f.Send(r)
		}
		empty := get(path, "")
		tag := empty.Header.Get("ETag")
		if tag[:3] != `W/"` || empty.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("ETag %s, %s", tag, empty.Header.Get("Cache-Control"))
		}
		for _, same := range []string{tag, tag[2:], `"x", ` + tag, "*"} {
			if r := get(path, same); r.Status != 304 || r.Body != "" || r.Header.Get("ETag") != tag {
				t.Errorf("If-None-Match %s: %d %s", same, r.Status, r.Body)
			}
		}
		if r := get("/v1/customers/external/x/state", tag); r.Status != 304 {
			t.Errorf("by external id: %d", r.Status)
		}
		s := post("/v1/subscriptions/", obj{"product_id": p, "customer_id": c}).ID()
		full := get(path, tag)
		if d := full.Differs(obj{"active_subscriptions": []any{obj{"id": s, "status": "active", "seats": nil, "meters": []any{}}},
			"granted_benefits": []any{obj{"benefit_id": benefit, "benefit_type": "custom"}}, "active_meters": []any{}}); full.Status != 200 || d != "" {
			t.Errorf("%s: %d %s", d, full.Status, full.Body)
		}
		for _, key := range []string{"past_due_subscriptions", "paused_subscriptions"} {
			if full.Path(key) != nil {
				t.Errorf("%s without being asked for", key)
			}
		}
		both := get(path+"?include=past_due,paused", "")
		if d := both.Differs(obj{"past_due_subscriptions": []any{}, "paused_subscriptions": []any{}}); d != "" {
			t.Error(d)
		}
		late := post("/v1/subscriptions/", obj{"product_id": f.Product(nil).ID(), "customer_id": c, "collection_method": "send_invoice"}).ID()
		f.Clock.Set(f.Clock.Now().AddDate(0, 0, 15))
		if err := f.Server.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		one := get(path+"?include=past_due", "")
		if d := one.Differs(obj{"past_due_subscriptions": []any{obj{"id": late, "status": "past_due"}}}); d != "" || one.Path("paused_subscriptions") != nil {
			t.Errorf("%s: %s", d, one.Body)
		}
		if r := get(path+"?include=canceled", ""); r.Status != 422 {
			t.Errorf("include=canceled: %d", r.Status)
		}
		list := f.Do("GET", "/v1/customers/?active=true", f.AllToken, nil)
		if d := list.Differs(obj{"items": []any{obj{"id": c}}}); d != "" {
			t.Error(d)
		}
		if r := f.Do("GET", "/v1/customers/?active=false", f.AllToken, nil); r.Differs(obj{"items": []any{}}) != "" {
			t.Errorf("inactive: %s", r.Body)
		}
	})
}
