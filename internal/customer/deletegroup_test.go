package customer_test

import (
	"fmt"
	"slices"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/journal"
)

// Of customers who are deleted in one transaction, whatever each of them owns
// and whosever they are, it ends as if each had been deleted alone, and the
// journal says who asked for it.
func TestDeleteInOneTransaction(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		benefit := f.Benefit(nil).ID()
		product := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "free"}}}).ID()
		f.Do("POST", "/v1/products/"+product+"/benefits", f.AllToken, map[string]any{"benefits": []any{benefit}})
		own := []func(c string){
			func(string) {},
			func(c string) {
				f.Do("POST", "/v1/subscriptions/", f.AllToken, map[string]any{"product_id": product, "customer_id": c})
			},
			func(c string) {
				f.Do("PATCH", "/v1/customers/"+c, f.AllToken, `{"type":"team","metadata":{"k":"v"}}`)
				f.Do("POST", "/v1/customers/"+c+"/members", f.AllToken, `{"email":"m@example.com"}`)
			},
			func(c string) { f.Do("POST", "/v1/customer-sessions/", f.AllToken, map[string]any{"customer_id": c}) },
		}
		const alike = 3 // customers who own the same, one of whom is erased
		var together []id.ID
		var requests []string
		alone := make([][]string, len(own)*alike)
		for i := range alone {
			twins := [2]string{}
			for j := range twins {
				twins[j] = f.Customer(map[string]any{"name": fmt.Sprintf("Jane %d", i), "external_id": fmt.Sprintf("ext-%d-%d", i, j)}).ID()
				own[i/alike](twins[j])
			}
			request := f.Do("DELETE", f.Path("/v1/customers/%s?anonymize=%v", twins[0], i%3 == 0), f.AllToken, nil).Header.Get("X-Request-Id")
			alone[i] = askedBy(t, f, f.Org.ID, twins[0], request)
			together, requests = append(together, id.ID(twins[1])), append(requests, fmt.Sprintf("req-%d", i))
		}
		stranger := f.Do("POST", "/v1/customers/", other.Token, `{"email":"stranger@example.com"}`).ID()
		together, requests = append(together, id.ID(stranger), id.New()), append(requests, "req-other", "req-nobody")

		err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			return f.Server.Customers.RemoveAll(t.Context(), tx, requests, together, func(i int) bool { return i%3 == 0 }, f.Org.ID, other.ID)
		})
		if err != nil {
			t.Fatal(err)
		}
		for i, ends := range []string{"member.deleted", "benefit_grant.revoked", "member.deleted", "member.deleted"} {
			if !slices.Contains(alone[i*alike], ends) {
				t.Errorf("alone %d: %v, without %s", i*alike, alone[i*alike], ends)
			}
		}
		for i := range alone {
			if got := askedBy(t, f, f.Org.ID, string(together[i]), requests[i]); !slices.Equal(got, alone[i]) || len(got) < 2 {
				t.Errorf("%d: %v, alone %v", i, got, alone[i])
			}
		}
		if got := askedBy(t, f, other.ID, stranger, "req-other"); len(got) != 2 {
			t.Errorf("of the other organization: %v", got)
		}
		for _, table := range []string{"members", "customers"} {
			if n := one[int64](t, f, `SELECT COUNT(*) FROM `+table+` WHERE deleted_at IS NULL`); n != 0 {
				t.Errorf("%d %s are left", n, table)
			}
		}
		for _, table := range []string{"customer_sessions", "customer_metadata"} {
			if n := one[int64](t, f, `SELECT COUNT(*) FROM `+table+` WHERE customer_id IS NOT NULL`); n != 0 {
				t.Errorf("%d %s are left", n, table)
			}
		}
		if n := one[int64](t, f, `SELECT COUNT(*) FROM members WHERE email NOT LIKE '%@anonymized.invalid'
			AND customer_id IN (SELECT id FROM customers WHERE anonymized_at IS NOT NULL)`); n != 0 {
			t.Errorf("%d members of the erased are known", n)
		}
		f.Sound()
	})
}

// askedBy are the types of what a request has recorded of a customer.
func askedBy(t *testing.T, f *floetest.Floe, org id.ID, customer, request string) (types []string) {
	t.Helper()
	recorded, err := journal.OfCustomer(t.Context(), f.DB, []id.ID{org}, id.ID(customer))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range recorded {
		if e.RequestID != nil && *e.RequestID == request {
			types = append(types, e.Type)
		}
	}
	return types
}

func one[T any](t *testing.T, f *floetest.Floe, text string) T {
	t.Helper()
	v, err := db.One[T](t.Context(), f.DB, text+floetest.AllOrganizations)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A customer more who owns nothing but a member costs two statements
// more (to find them and to hide them) and little else, because what they might
// own is asked for together.
func TestDeleteInFewStatements(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const many = 11
		cost := func(n int) int64 {
			var ids []id.ID
			var requests []string
			for range n {
				ids, requests = append(ids, id.ID(f.Customer(nil).ID())), append(requests, "req")
			}
			before := f.DB.Stats().Queries
			if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
				return f.Server.Customers.RemoveAll(t.Context(), tx, requests, ids, func(int) bool { return false }, f.Org.ID)
			}); err != nil {
				t.Fatal(err)
			}
			return f.DB.Stats().Queries - before
		}
		_, _ = cost(1), cost(many)
		if more := cost(many) - cost(1); more > 3*(many-1) {
			t.Errorf("%d customers more took %d statements more", many-1, more)
		}
	})
}
