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

// TestWhatIsActive: which subscriptions and benefits a state shows, and whom a
// list takes for active, which is not the same. Cases 53, 93 and 94 of the
// checklist of customers.
func TestWhatIsActive(t *testing.T) {
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
		kept, taken := f.Benefit(nil).ID(), f.Benefit(nil).ID()
		free := f.Product(obj{"prices": []any{obj{"amount_type": "free"}}}).ID()
		attach := func(benefits ...string) { do("POST", "/v1/products/"+free+"/benefits", obj{"benefits": benefits}) }
		attach(kept, taken)
		trial := f.Product(obj{"trial_interval": "year", "trial_interval_count": 1}).ID()
		customers := map[string]string{"nobody": f.Customer(obj{"email": "nobody@example.com"}).ID()}
		subscribe := func(status, product string) (id string) {
			customers[status] = f.Customer(obj{"email": status + "@example.com"}).ID()
			return do("POST", "/v1/subscriptions/", obj{"product_id": product, "customer_id": customers[status], "collection_method": "send_invoice"}).ID()
		}
		later := func(days int) {
			f.Clock.Set(f.Clock.Now().AddDate(0, 0, days))
			if err := f.Server.RunDue(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		do("PATCH", "/v1/subscriptions/"+subscribe("paused", free), obj{"pause_at_period_end": true})
		later(32)
		subscribe("past_due", f.Product(nil).ID())
		later(15)
		subscribe("trialing", trial)
		subscribe("active", free)
		do("DELETE", "/v1/subscriptions/"+subscribe("canceled", free), nil)
		attach(kept)
		for name, customer := range customers {
			active, granted := []any{}, []any{}
			if name == "active" || name == "trialing" {
				active = []any{obj{"status": name}}
			}
			if name == "active" {
				granted = []any{obj{"benefit_id": kept, "benefit_type": "custom", "benefit_metadata": obj{}, "properties": obj{}}}
			}
			r := do("GET", "/v1/customers/"+customer+"/state", nil)
			if d := r.Differs(obj{"active_subscriptions": active, "granted_benefits": granted}); d != "" {
				t.Errorf("%s: %s: %s", name, d, r.Body)
			}
			if name == "nobody" {
				continue
			}
			subs := do("GET", "/v1/subscriptions/?customer_id="+customer, nil)
			if d := subs.Differs(obj{"items": []any{obj{"status": name}}}); d != "" {
				t.Errorf("%s: %s", name, d)
			}
		}
		of := func(statuses ...string) (out []any) {
			for _, s := range statuses {
				out = append(out, obj{"id": customers[s]})
			}
			return out
		}
		for active, want := range map[string][]any{"true": of("active", "past_due", "trialing"), "false": of("canceled", "nobody", "paused")} {
			r := do("GET", "/v1/customers/?sorting=email&active="+active, nil)
			if d := r.Differs(obj{"items": want}); d != "" {
				t.Errorf("active=%s: %s", active, d)
			}
		}
	})
}
