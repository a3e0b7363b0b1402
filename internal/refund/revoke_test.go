package refund_test

import (
	"encoding/json"
	"testing"

	"floe/internal/id"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

// shop is a product with benefits, and how many of them a customer has.
type shop struct {
	ordertest.World
	product, customer string
}

func newShop(w ordertest.World) *shop {
	s := &shop{World: w, product: w.Once(nil).ID(), customer: w.Customer(nil).ID()}
	s.offers(s.benefit("one"), s.benefit("two"))
	return s
}

func (s *shop) benefit(name string) string {
	r := s.Do("POST", "/v1/benefits/", s.AllToken, obj{"type": "custom", "description": "Benefit " + name, "properties": obj{}})
	s.Is(r, 201, nil)
	return r.ID()
}

// offers makes the product grant these benefits.
func (s *shop) offers(benefits ...string) {
	s.T.Helper()
	s.Is(s.Do("POST", "/v1/products/"+s.product+"/benefits", s.AllToken, obj{"benefits": append([]string{}, benefits...)}), 200, nil)
}

// bought is an order that was paid by hand.
func (s *shop) bought() string {
	s.T.Helper()
	o := s.Draft(s.customer, s.product, nil).ID()
	s.Is(s.Do("POST", "/v1/orders/"+o+"/finalize", s.AllToken, obj{"collection_method": "send_invoice"}), 200, nil)
	s.Is(s.Pay(id.ID(o), "succeeded", 1000, "paid"), 201, nil)
	return o
}

func (s *shop) refund(order string, amount int, revoke bool) {
	s.T.Helper()
	s.Is(s.Do("POST", "/v1/refunds/", s.AllToken, obj{"order_id": order, "reason": "other", "amount": amount, "revoke_benefits": revoke}), 201, nil)
}

// has wants the customer to have so many benefits through an order.
func (s *shop) has(want int, order string) {
	s.T.Helper()
	r := s.Do("GET", "/v1/benefit-grants/?is_granted=true&limit=100&customer_id="+s.customer, s.AllToken, nil)
	var list struct {
		Items []struct {
			OrderID string `json:"order_id"`
		}
	}
	if err := json.Unmarshal([]byte(r.Body), &list); err != nil {
		s.T.Fatal(err)
	}
	n := 0
	for _, g := range list.Items {
		if g.OrderID == order {
			n++
		}
	}
	if n != want {
		s.T.Errorf("%d benefits, want %d", n, want)
	}
}

// TestTakenBackStaysTakenBack: a refund that took benefits back, be it of a
// part, is not undone by a change of what the product grants; one that left
// them leaves the buyer among those who follow the product.
func TestTakenBackStaysTakenBack(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		s := newShop(w)
		kept, part, whole, left := s.bought(), s.bought(), s.bought(), s.bought()
		for _, o := range []string{kept, part, whole, left} {
			s.has(2, o)
		}
		s.refund(part, 100, true)
		s.refund(whole, 1000, true)
		s.refund(left, 1000, false)
		s.has(0, part)
		s.has(0, whole)
		s.has(2, left)
		s.offers(s.benefit("three"), s.benefit("four"), s.benefit("five"))
		s.has(3, kept)
		s.has(0, part)
		s.has(0, whole)
		s.has(3, left)
		s.refund(part, 900, false)
		s.offers(s.benefit("six"))
		s.has(1, kept)
		s.has(0, part)
		s.has(1, left)
	})
}

// TestBoughtIsInherited: when a former owner is deleted, the owner gets what was
// bought once, but for what a refund took back.
func TestBoughtIsInherited(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		s := newShop(w)
		kept, back, left := s.bought(), s.bought(), s.bought()
		s.refund(back, 100, true)
		s.refund(left, 1000, false)
		s.Is(s.Do("PATCH", "/v1/customers/"+s.customer, s.AllToken, obj{"type": "team"}), 200, nil)
		members := "/v1/customers/" + s.customer + "/members"
		former := s.Do("GET", members, s.AllToken, nil).Text("items.0.id")
		next := s.Do("POST", members, s.AllToken, obj{"email": "next@example.com"}).ID()
		s.Is(s.Do("PATCH", members+"/"+next, s.AllToken, obj{"role": "owner"}), 200, nil)
		s.Is(s.Do("DELETE", members+"/"+former, s.AllToken, nil), 204, nil)
		s.has(2, kept)
		s.has(0, back)
		s.has(2, left)
	})
}

// boughtKey is an order of what gives a license key, and the benefit.
func (s *shop) boughtKey() (order, benefit string) {
	r := s.Do("POST", "/v1/benefits/", s.AllToken, obj{"type": "license_keys", "description": "Key", "properties": obj{}})
	s.Is(r, 201, nil)
	s.offers(r.ID())
	return s.bought(), r.ID()
}

// givesBack has somebody give back the key of a benefit, and answers its path.
func (s *shop) givesBack(benefit string) (path string) {
	path = "/v1/license-keys/" + s.Do("GET", "/v1/license-keys/?benefit_id="+benefit, s.AllToken, nil).Text("items.0.id")
	s.Is(s.Do("PATCH", path, s.AllToken, obj{"status": "granted"}), 200, obj{"status": "granted"})
	return path
}

// TestKeyGivenBackAfterARefund: a license key that a refund took and somebody
// gave back goes when the product does not grant it any more.
func TestKeyGivenBackAfterARefund(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		s := newShop(w)
		o, benefit := s.boughtKey()
		s.refund(o, 1000, true)
		s.has(0, o)
		key := s.givesBack(benefit)
		s.has(1, o)
		s.offers()
		s.has(0, o)
		s.Is(s.Do("GET", key, s.AllToken, nil), 200, obj{"status": "revoked"})
	})
}

// TestKeyGivenBackBeforeARefund: a refund takes a license key back, too, that
// somebody gave back when the product did not grant any more.
func TestKeyGivenBackBeforeARefund(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		s := newShop(w)
		o, benefit := s.boughtKey()
		s.offers()
		s.has(0, o)
		key := s.givesBack(benefit)
		s.has(1, o)
		s.refund(o, 1000, true)
		s.has(0, o)
		s.Is(s.Do("GET", key, s.AllToken, nil), 200, obj{"status": "revoked"})
	})
}

// TestTakenBackTwice: of two refunds that took benefits back, one that fails
// does not give them again.
func TestTakenBackTwice(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		p := w.Processor()
		s := newShop(w)
		w.Card(s.customer, false)
		o := s.Draft(s.customer, s.product, nil).ID()
		s.Is(s.Do("POST", "/v1/orders/"+o+"/finalize", s.AllToken, nil), 200, nil)
		s.has(2, o)
		p.Refunding = func(r payment.Refund) (payment.RefundResult, error) {
			return payment.RefundResult{Status: payment.RefundPending, Reference: "re_" + string(r.ID)}, nil
		}
		first := s.Do("POST", "/v1/refunds/", s.AllToken, obj{"order_id": o, "reason": "other", "amount": 100, "revoke_benefits": true})
		second := s.Do("POST", "/v1/refunds/", s.AllToken, obj{"order_id": o, "reason": "other", "amount": 100, "revoke_benefits": true})
		s.has(0, o)
		fails := func(event, refund string) {
			s.Told(204, payment.Event{ID: event, Type: payment.RefundUpdated, Refund: "re_" + refund, RefundStatus: payment.RefundFailed})
		}
		fails("1", first.ID())
		s.has(0, o)
		fails("2", second.ID())
		s.has(2, o)
	})
}

// TestGivenBackOfADebt: an order that cost nothing and collected a debt.
func TestGivenBackOfADebt(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Customer(nil)
		w.SetBalance(c.ID(), -50)
		o := w.Make(c.ID(), ordertest.Of(id.New(), ordertest.Costs(0)))[0]
		w.Is(w.Get(o.ID), 200, obj{"status": "pending", "total_amount": 0, "due_amount": 50})
		w.Is(w.Pay(o.ID, "succeeded", 50, "a"), 201, nil)
		w.Is(w.Pay(o.ID, "refunded", 20, "b"), 201, nil)
		w.Is(w.Get(o.ID), 200, obj{"status": "partially_refunded", "refunded_amount": 20, "refunded_tax_amount": 0})
	})
}

// TestTaxOfWhatTheBalancePaid: what is given back never takes more of the
// amount than there is, since the rest is tax.
func TestTaxOfWhatTheBalancePaid(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		w.Server.Orders.Tax = taxing(20)
		c := w.Billed()
		w.SetBalance(c.ID(), 6000)
		o := w.Make(c.ID(), ordertest.Of(id.New(), ordertest.Costs(10000)))[0]
		w.Is(w.Pay(o.ID, "succeeded", 6000, "a"), 201, nil)
		w.Is(w.Pay(o.ID, "refunded", 5500, "b"), 201, nil)
		w.Is(w.Get(o.ID), 200, obj{"refunded_amount": 4000, "refunded_tax_amount": 1500, "refundable_tax_amount": 500})
	})
}
