package order_test

import (
	"testing"
	"time"

	"floe/internal/ordertest"
)

// TestTopCustomers is case 123 of the specification of customers.
func TestTopCustomers(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		begin := w.Clock.Now()
		paid := func(customerID string, amounts ...int64) (last string) {
			for _, a := range amounts {
				o := w.Make(customerID, ordertest.Costs(a))[0]
				w.Is(w.Pay(o.ID, "succeeded", int(a), string(o.ID)), 201, nil)
				last = string(o.ID)
			}
			return last
		}
		team := w.Customer(ordertest.Obj{"type": "team", "name": "Team", "email": nil, "owner": ordertest.Obj{"email": "owner@example.com"}})
		often, once, gone := w.Customer(ordertest.Obj{"name": "Often"}), w.Customer(nil), w.Customer(nil)
		owing := w.Customer(nil)
		w.Make(owing.ID(), ordertest.Costs(9000))
		paid(team.ID(), 700)
		paid(often.ID(), 300, 300)
		given := paid(once.ID(), 1000)
		w.Is(w.Do("POST", "/v1/refunds/", w.AllToken, ordertest.Obj{"order_id": given, "reason": "other", "amount": 900}), 201, nil)
		given = paid(owing.ID(), 5000)
		w.Is(w.Do("POST", "/v1/refunds/", w.AllToken, ordertest.Obj{"order_id": given, "reason": "other", "amount": 5000}), 201, nil)
		w.Clock.Advance(time.Hour)
		later := w.Clock.Now()
		paid(gone.ID(), 650)
		w.Is(w.Do("DELETE", "/v1/customers/"+gone.ID(), w.AllToken, nil), 204, nil)

		other := w.Organization("Other")
		top := func(query string, want ...any) {
			t.Helper()
			w.Is(w.Do("GET", "/v1/customers/top?organization_id="+string(w.Org.ID)+query, w.AllToken, nil), 200, want)
		}
		is := func(id string, count, revenue int) ordertest.Obj {
			return ordertest.Obj{"id": id, "order_count": count, "net_revenue": revenue}
		}
		owner := is(team.ID(), 1, 700)
		owner["email"], owner["name"] = nil, "Team"
		owner["avatar_url"] = team.Text("avatar_url")
		top("", owner, is(gone.ID(), 1, 650), is(often.ID(), 2, 600), is(once.ID(), 1, 100))
		top("&limit=1", owner)
		at := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
		top("&start="+at(later), is(gone.ID(), 1, 650))
		top("&start="+at(begin)+"&end="+at(later), owner, is(often.ID(), 2, 600), is(once.ID(), 1, 100))
		w.Is(w.Do("GET", "/v1/customers/top?organization_id="+string(other.ID), w.AllToken, nil), 403, nil)
	})
}
