package server_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/floetest"
)

// A user of several organizations sees in one list what each of them has, in
// the order of the list and page by page.
func TestListsOfSeveralOrganizations(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		type obj = map[string]any
		other := f.Organization("Other")
		tokens := []string{f.AllToken, f.TokenOf(other, auth.GrantableScopes()...)}
		var products []string
		for _, token := range tokens {
			post := func(path string, body any) string { return f.Do("POST", path, token, body).ID() }
			p := post("/v1/products/", obj{"name": "Product", "recurring_interval": "month", "prices": []any{obj{"amount_type": "free"}}})
			b := post("/v1/benefits/", obj{"type": "custom", "description": "Benefit", "properties": obj{"note": nil}})
			f.Do("POST", "/v1/products/"+p+"/benefits", token, obj{"benefits": []any{b}})
			products = append(products, p)
		}
		for i := range 14 { // now in one, now in the other
			in := i * i % 3 % 2
			c := f.Do("POST", "/v1/customers/", tokens[in], obj{"email": fmt.Sprintf("c%d@example.com", i)}).ID()
			f.Do("POST", "/v1/subscriptions/", tokens[in], obj{"product_id": products[in], "customer_id": c})
			f.Clock.Advance(time.Minute)
		}
		user := f.User(auth.Admin, f.Org, other)
		for path, at := range map[string]string{"/v1/members/": "created_at", "/v1/subscriptions/": "started_at", "/v1/benefit-grants/": "created_at"} {
			type item = map[string]any
			list := func(token, query string) (items []item) {
				var page struct{ Items []item }
				if err := json.Unmarshal([]byte(f.Do("GET", path+"?"+query, token, nil).Body), &page); err != nil {
					t.Fatal(err)
				}
				return page.Items
			}
			want := append(list(tokens[0], "limit=100"), list(tokens[1], "limit=100")...)
			slices.SortFunc(want, func(a, b item) int { return cmp.Compare(b[at].(string), a[at].(string)) })
			if len(want) != 14 {
				t.Errorf("%s has %d, want 14", path, len(want))
			}
			for number := range (len(want) + 2) / 3 {
				got, part := list(user, fmt.Sprintf("limit=3&page=%d", number+1)), want[number*3:min(number*3+3, len(want))]
				if !slices.EqualFunc(got, part, func(a, b item) bool { return a["id"] == b["id"] }) {
					t.Errorf("%s: page %d is another", path, number+1)
				}
			}
		}
	})
}
