package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// TestLocksInOrder: while products and benefits change, others sell them to a
// few customers and take payments, change plans and end them. They wait for each
// other, and never in a circle. SQLite has one transaction at a time.
func TestLocksInOrder(t *testing.T) {
	t.Parallel()
	const clients, turns, people = 11, 40, 6
	f := floetest.Postgres(t)
	nodes := []*floetest.Floe{f.Beside(), f.Beside(), f.Beside()} // each has few connections
	s := newShop(f, people)
	var all sync.WaitGroup
	for i := range clients {
		node := nodes[i%len(nodes)]
		all.Go(func() {
			for range turns {
				do := s.doings[rand.N(len(s.doings))]
				if r := do(func(method, path string, body any) *floetest.Response {
					return node.Do(method, path, f.AllToken, body)
				}); r.Status >= http.StatusInternalServerError {
					t.Errorf("%d %s", r.Status, r.Body)
				}
			}
		})
	}
	all.Wait()
	for _, n := range nodes { // a connection tells the counters at its end
		if err := errors.Join(n.Server.Close(), n.DB.Close()); err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(300 * time.Millisecond)
	n, err := db.One[int64](t.Context(), f.DB, `SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()`)
	if err != nil || n > 0 {
		t.Errorf("%d deadlocks, %v", n, err)
	}
}

type (
	object = map[string]any
	asking = func(method, path string, body any) *floetest.Response
)

// shop is what some customers have, and all that can happen to it.
type shop struct {
	customers, subscriptions, plans, benefits []string

	paid, once, discount string
	doings               []func(do asking) *floetest.Response
}

func newShop(f *floetest.Floe, people int) *shop {
	free := []any{object{"amount_type": "free"}}
	s := &shop{
		plans:    []string{f.Product(object{"prices": free}).ID(), f.Product(object{"prices": free}).ID()},
		paid:     f.Product(nil).ID(),
		once:     f.Product(object{"recurring_interval": nil, "prices": free}).ID(),
		discount: f.Discount(nil).ID(),
		benefits: []string{f.Benefit(nil).ID(), f.Benefit(object{"type": "license_keys", "properties": object{}}).ID(), f.Benefit(nil).ID()},
	}
	for _, p := range s.sold() {
		f.Do("POST", "/v1/products/"+p+"/benefits", f.AllToken, object{"benefits": s.benefits[:2]})
	}
	for range people {
		c := f.Customer(nil).ID()
		s.customers = append(s.customers, c)
		s.subscriptions = append(s.subscriptions, f.Do("POST", "/v1/subscriptions/", f.AllToken, object{"product_id": s.plans[0], "customer_id": c}).ID())
	}
	s.doings = []func(asking) *floetest.Response{s.changeBenefits, s.changeBenefit, s.endBenefit, s.changeProduct, s.changeDiscount,
		s.changeCustomer, s.changePlan, s.subscribe, s.buy, s.pay}
	return s
}

func (s *shop) sold() []string { return []string{s.plans[0], s.plans[1], s.paid, s.once} }

func oneOf(list []string) string { return list[rand.N(len(list))] }

func (s *shop) changeBenefits(do asking) *floetest.Response {
	return do("POST", "/v1/products/"+oneOf(s.sold())+"/benefits", object{"benefits": []string{oneOf(s.benefits), oneOf(s.benefits)}})
}

func (s *shop) changeBenefit(do asking) *floetest.Response {
	return do("PATCH", "/v1/benefits/"+s.benefits[1], object{"type": "license_keys", "properties": object{"limit_usage": 1 + rand.N(1000)}})
}

func (s *shop) endBenefit(do asking) *floetest.Response {
	b := do("POST", "/v1/benefits/", object{"type": "custom", "description": "Short", "properties": object{"note": nil}}).ID()
	do("POST", "/v1/products/"+oneOf(s.sold())+"/benefits", object{"benefits": []string{b, s.benefits[0]}})
	return do("DELETE", "/v1/benefits/"+b, nil)
}

func (s *shop) changeProduct(do asking) *floetest.Response {
	return do("PATCH", "/v1/products/"+oneOf(s.sold()), object{"name": fmt.Sprintf("Plan %d", rand.N(1000))})
}

func (s *shop) changeDiscount(do asking) *floetest.Response {
	return do("PATCH", "/v1/discounts/"+s.discount, object{"products": s.plans[:1+rand.N(2)]})
}

func (s *shop) changeCustomer(do asking) *floetest.Response {
	return do("PATCH", "/v1/customers/"+oneOf(s.customers), object{"name": fmt.Sprintf("Name %d", rand.N(1000))})
}

func (s *shop) changePlan(do asking) *floetest.Response {
	body := object{"product_id": oneOf(s.plans)}
	if rand.N(2) == 0 {
		body["discount_id"] = s.discount
	}
	return do("PATCH", "/v1/subscriptions/"+oneOf(s.subscriptions), body)
}

func (s *shop) subscribe(do asking) *floetest.Response {
	r := do("POST", "/v1/subscriptions/", object{"product_id": oneOf(s.plans), "customer_id": oneOf(s.customers)})
	if r.Status != http.StatusCreated || rand.N(3) == 0 {
		return r
	}
	return do("DELETE", "/v1/subscriptions/"+r.ID(), nil)
}

func (s *shop) buy(do asking) *floetest.Response {
	r := do("POST", "/v1/orders/", object{"product_id": s.once, "customer_id": oneOf(s.customers)})
	if r.Status != http.StatusCreated {
		return r
	}
	return do("POST", "/v1/orders/"+r.ID()+"/finalize", object{})
}

func (s *shop) pay(do asking) *floetest.Response {
	r := do("POST", "/v1/subscriptions/", object{"product_id": s.paid, "customer_id": oneOf(s.customers), "collection_method": "send_invoice"})
	if r.Status != http.StatusCreated {
		return r
	}
	var orders struct{ Items []struct{ ID string } }
	r = do("GET", "/v1/orders/?subscription_id="+r.ID(), nil)
	if err := json.Unmarshal([]byte(r.Body), &orders); err != nil || len(orders.Items) == 0 {
		return r
	}
	return do("POST", "/v1/orders/"+orders.Items[0].ID+"/payments", object{"status": "succeeded", "amount": 1000, "reference": "bank"})
}
