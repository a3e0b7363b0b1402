package subscription_test

import (
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/ordertest"
	"floe/internal/product"
)

// TestBenefitsMeanwhile: who comes to own a product while its benefits change
// gets those that it has afterwards. SQLite has one transaction at a time.
func TestBenefitsMeanwhile(t *testing.T) {
	t.Parallel()
	b := &bench{ordertest.World{Floe: floetest.Postgres(t), T: t}, t}
	type request func() *floetest.Response
	plan := func() string { return b.fixed(0) }
	for name, x := range map[string]struct {
		product func() string
		owning  func(product string) request
	}{
		"subscribe": {plan, func(p string) request {
			c := b.Customer(nil).ID()
			return func() *floetest.Response {
				return b.Do("POST", "/v1/subscriptions/", b.AllToken, obj{"product_id": p, "customer_id": c})
			}
		}},
		"change": {plan, func(p string) request {
			s := b.subscribe(b.fixed(0)).ID()
			return func() *floetest.Response { return b.patch(s, obj{"product_id": p}) }
		}},
		"buy": {func() string {
			return b.Product(obj{"recurring_interval": nil, "prices": []any{obj{"amount_type": "free"}}}).ID()
		}, func(p string) request {
			o := b.Do("POST", "/v1/orders/", b.AllToken, obj{"product_id": p, "customer_id": b.Customer(nil).ID()}).ID()
			return func() *floetest.Response { return b.Do("POST", "/v1/orders/"+o+"/finalize", b.AllToken, obj{}) }
		}},
	} {
		p := x.product()
		begin, benefit, done := x.owning(p), b.Benefit(nil).ID(), make(chan *floetest.Response, 1)
		err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			actor := auth.NewSystem("test")
			actor.Memberships = []auth.Membership{{OrganizationID: b.Org.ID, Role: auth.Owner}}
			if _, err := db.One[id.ID](t.Context(), tx, `SELECT id FROM products WHERE organization_id = ? AND id = ?`+tx.ForUpdate(), b.Org.ID, p); err != nil {
				return err
			}
			some, err := product.Load(t.Context(), tx, []id.ID{b.Org.ID}, id.ID(p))
			if err != nil {
				return err
			}
			l := some[id.ID(p)]
			if err := b.Server.Products.SetBenefits(t.Context(), tx, actor, &l, []id.ID{id.ID(benefit)}); err != nil {
				return err
			}
			go func() { done <- begin() }()
			time.Sleep(300 * time.Millisecond) // by then it waits for this transaction
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if r := <-done; r.Status >= 300 {
			t.Errorf("%s: %d %s", name, r.Status, r.Body)
		}
		b.want(b.Do("GET", "/v1/benefits/"+benefit+"/grants?is_granted=true", b.AllToken, nil), obj{"pagination": obj{"total_count": 1}})
	}
}

// TestHeldMeanwhile: a subscription whose change begins to be paid for while the
// cycle, which has found it due, waits for its customer is not renewed in between:
// the change could not be made any more. SQLite has one transaction at a time.
func TestHeldMeanwhile(t *testing.T) {
	t.Parallel()
	b := &bench{ordertest.World{Floe: floetest.Postgres(t), T: t}, t}
	b.at("2026-01-31T00:00:00Z")
	customer := b.Customer(nil).ID()
	s := b.subscribe(b.fixed(0), obj{"customer_id": customer})
	b.at("2026-03-01T00:00:00Z")
	done := make(chan error, 1)
	err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
		if _, err := b.Server.Customers.Lock(t.Context(), tx, b.Org.ID, id.ID(customer)); err != nil {
			return err
		}
		go func() { done <- b.Server.RunDue(t.Context()) }()
		time.Sleep(300 * time.Millisecond) // by then it waits for this transaction
		_, err := db.Exec(t.Context(), tx, `UPDATE subscriptions SET held_until = ? WHERE organization_id = ? AND id = ?`,
			tx.Now().Add(time.Hour), b.Org.ID, s.ID())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	end := s.Text("current_period_end")
	b.want(b.get(s.ID()), obj{"current_period_end": end})
	b.Clock.Advance(2 * time.Hour)
	b.RunDue()
	b.want(b.get(s.ID()), obj{"current_period_start": end})
}
