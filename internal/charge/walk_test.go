package charge_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/money"
	"floe/internal/order"
	"floe/internal/ordertest"
	"floe/internal/organization"
	"floe/internal/payment"
)

var (
	walkSeed  = flag.Uint64("charge.seed", 1, "where to begin to choose")
	walkSteps = flag.Int("charge.steps", 150, "how many things happen")
)

// shop is a random life of customers who are charged for subscriptions in two
// currencies, beside a processor that does anything a processor may do and
// keeps its own books.
type shop struct {
	ordertest.World
	*floetest.Processor
	*bank
	customers []string
	subs      []string
	plans     []string
	counted   []string // plans by seats and by units
	thing     string   // is bought once
	discounts []any
	byHand    map[id.ID]bool // orders that were given up or taken up by somebody, and their subscriptions
	asking    bool           // by a request, of which the server may die
	trail     []string
}

// one tells something, or something again.
func (s *shop) one() {
	if len(s.told) > 0 && s.r.IntN(3) == 0 {
		s.say(s.told[s.r.IntN(len(s.told))])
		return
	}
	if len(s.tell) == 0 {
		return
	}
	i := s.r.IntN(len(s.tell))
	e := s.tell[i]
	s.tell = slices.Delete(s.tell, i, i+1)
	s.say(e)
	s.told = append(s.told, e)
}

// say tells of an event until it is heard.
func (s *shop) say(e payment.Event) {
	s.note("told %s %s %s%s of order %s", e.ID, e.Type, e.Payment, e.Refund, e.Order)
	for range 5 {
		code := s.Tell(e)
		if code == http.StatusNoContent {
			return
		}
		if code != http.StatusConflict {
			s.T.Errorf("event answered %d: %+v", code, e)
			return
		}
		s.wait(charge.Soon + time.Second)
	}
	if e.Type == payment.RefundUpdated || e.Type == payment.DisputeUpdated { // of a payment that waits for its own event
		s.tell = append(s.tell, e)
		return
	}
	s.T.Errorf("never heard: %+v", e)
}

func (s *shop) note(format string, args ...any) {
	s.trail = append(s.trail, s.Clock.Now().Format("01-02T15:04:05 ")+fmt.Sprintf(format, args...))
}

// wait lets time pass, and what is due then happen.
func (s *shop) wait(d time.Duration) {
	s.Clock.Advance(d)
	s.note("waited %s", d)
	_ = s.Server.RunDue(s.T.Context())
}

// do sends a request of which any answer but a mistake of the server is right;
// 500 says that a processor was not heard. The server may die of it.
func (s *shop) do(method, path string, body any) (status int) {
	s.asking = true
	defer func() {
		s.asking = false
		if recover() != nil {
			s.note("died of it")
		}
	}()
	s.note("%s %s %v", method, path, body)
	rec := httptest.NewRecorder()
	s.Handler.ServeHTTP(rec, s.Request(method, path, s.AllToken, body))
	s.note("= %d %s", rec.Code, rec.Body.String()[:min(120, rec.Body.Len())])
	if rec.Code == 500 && !strings.Contains(s.Log(), floetest.ErrLost.Error()) || rec.Code > 500 {
		s.T.Errorf("%s %s: %d %s", method, path, rec.Code, rec.Body)
	}
	return rec.Code
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// orders are the ids of those in a status.
func (s *shop) orders(status string) []id.ID {
	list, err := db.All[id.ID](s.T.Context(), s.DB, `SELECT id FROM orders WHERE organization_id = ? AND status = ? ORDER BY seq`, s.Org.ID, status)
	if err != nil {
		s.T.Fatal(err)
	}
	return list
}

func (s *shop) opens() {
	for i, amounts := range [][2]int{{1000, 900}, {3000, 2500}, {60, 70}, {0, 0}, {100000, 90000}} {
		interval := []string{"month", "month", "week", "month", "year"}[i]
		s.plans = append(s.plans, s.Product(obj{"recurring_interval": interval, "prices": []any{
			ordertest.Fixed(amounts[0], "usd"), ordertest.Fixed(amounts[1], "eur")}}).ID())
	}
	for _, c := range []obj{{"amount_type": "seat_based", "seat_tiers": obj{"seat_tier_type": "graduated", "tiers": []any{
		obj{"min_seats": 2, "max_seats": 4, "price_per_seat": 333}, obj{"min_seats": 5, "max_seats": 20, "price_per_seat": 100}}}},
		{"amount_type": "unit_based", "tiers": obj{"type": "volume", "tiers": []any{obj{"bound": 5, "unit_amount": 75}, obj{"bound": nil, "unit_amount": 50}}}}} {
		var prices []any
		for _, currency := range []string{"usd", "eur"} {
			in := maps.Clone(c)
			in["price_currency"] = currency
			prices = append(prices, in, ordertest.Fixed(25, currency))
		}
		prices[1], prices[3] = ordertest.Fixed(99, "usd"), ordertest.Fixed(77, "eur")
		s.counted = append(s.counted, s.Product(obj{"prices": prices}).ID())
	}
	s.thing = s.Once(obj{"prices": []any{ordertest.Fixed(1000, "usd"), ordertest.Fixed(900, "eur")}}).ID()
	s.discounts = []any{nil}
	for _, body := range reductions() {
		r := s.World.Do("POST", "/v1/discounts/", s.AllToken, body)
		s.Is(r, 201, nil)
		s.discounts = append(s.discounts, r.ID())
	}
	for i := range 6 {
		c := s.Billed().ID()
		s.customers = append(s.customers, c)
		s.Card(c, i%3 > 0)
		for j := range 2 {
			s.currency([]string{"usd", "eur"}[(i+j)%2])
			r := s.World.Do("POST", "/v1/subscriptions/", s.AllToken, obj{"product_id": s.plans[3], "customer_id": c})
			s.Is(r, 201, nil)
			s.subs = append(s.subs, r.ID())
			s.Clock.Advance(time.Second)
		}
	}
	s.Processor.Charging, s.Processor.Refunding = s.bank.charge, s.bank.refund
}

func (s *shop) currency(c string) {
	s.Is(s.World.Do("PATCH", "/v1/organizations/"+string(s.Org.ID), s.AllToken, obj{"default_presentment_currency": c}), 200, nil)
}

// step is one thing that happens.
func (s *shop) step() {
	sub := "/v1/subscriptions/" + pick(s.r, s.subs)
	switch s.r.IntN(21) {
	case 18:
		s.do("PATCH", sub, obj{"product_id": pick(s.r, s.counted), "proration_behavior": pick(s.r, []string{"prorate", "invoice"})})
	case 19:
		s.do("PATCH", sub, obj{pick(s.r, []string{"seats", "units"}): 1 + s.r.IntN(9), "proration_behavior": pick(s.r, []string{"prorate", "invoice", "invoice", "next_period"})})
	case 20:
		s.there()
	case 0, 1, 2, 3:
		body := obj{"product_id": pick(s.r, s.plans), "proration_behavior": pick(s.r, []string{"prorate", "invoice", "invoice", "next_period"})}
		if s.r.IntN(3) == 0 {
			body["discount_id"] = pick(s.r, s.discounts)
		}
		if s.r.IntN(6) == 0 {
			body["collection_method"] = pick(s.r, []string{"send_invoice", "charge_automatically"})
		}
		s.do("PATCH", sub, body)
	case 4:
		s.do("PATCH", sub, pick(s.r, []obj{{"cancel_at_period_end": true}, {"cancel_at_period_end": false}, {"pause_at_period_end": true},
			{"resume": true}, {"pending_update": nil}, {"discount_id": pick(s.r, s.discounts)}}))
	case 5, 6:
		s.one()
	case 7, 8, 9:
		s.wait(time.Duration(s.r.IntN(9*24*60)) * time.Minute)
	case 10:
		s.wait(time.Duration(s.r.IntN(7)) * time.Minute)
	case 11:
		if list := append(s.orders("paid"), s.orders("partially_refunded")...); len(list) > 0 {
			s.do("POST", "/v1/refunds/", obj{"order_id": pick(s.r, list), "reason": "other", "amount": pick(s.r, []int{1, 50, 500, 900, 1000, 2500, 3000})})
		}
	case 12:
		if list := s.orders("pending"); len(list) > 0 {
			s.do("POST", "/v1/orders/"+string(pick(s.r, list))+"/payments", obj{"status": pick(s.r, []string{"succeeded", "failed"}),
				"amount": pick(s.r, []int{10, 100, 1000, 900, 3000}), "reference": s.name("bank")})
		}
	case 13:
		s.Card(pick(s.r, s.customers), true)
	case 14:
		s.giveUp()
	case 16, 17:
		s.buys()
	case 15:
		switch s.r.IntN(6) {
		case 0:
			s.do("DELETE", sub, nil)
		case 1:
			s.do("DELETE", "/v1/customers/"+pick(s.r, s.customers), nil)
		case 2:
			m := payment.Event{ID: s.name("evt"), Type: payment.MethodDetached, Organization: s.Org.ID, Method: floetest.CardOf(fmt.Sprintf("pm_%d", s.r.IntN(20)))}
			s.say(m)
		default:
			r := s.World.Do("POST", "/v1/subscriptions/", s.AllToken, obj{"product_id": s.plans[3], "customer_id": pick(s.r, s.customers)})
			if r.Status == 201 {
				s.subs = append(s.subs, r.ID())
			}
		}
	}
}

// there is what somebody does at the processor: a refund, or a dispute.
func (s *shop) there() {
	references := slices.Sorted(maps.Keys(s.books))
	if len(references) == 0 {
		return
	}
	reference := pick(s.r, references)
	p := s.books[reference]
	e := payment.Event{Organization: s.Org.ID, Order: p.order, Payment: reference, Currency: p.currency, Amount: p.amount}
	if s.r.IntN(3) == 0 {
		e.Type, e.Dispute = payment.DisputeUpdated, s.name("dp")
		e.DisputeStatus = pick(s.r, []payment.DisputeStatus{payment.DisputeWon, payment.DisputeLost, payment.DisputeUnderReview})
		s.later(e)
		return
	}
	if p.amount > p.back {
		e.Type, e.Refund, e.RefundStatus = payment.RefundUpdated, s.name("re"), payment.RefundSucceeded
		e.Amount = 1 + s.r.Int64N(p.amount-p.back)
		p.back, p.there = p.back+e.Amount, p.there+e.Amount
		s.note("gave back %d of %s", e.Amount, reference)
		s.later(e)
	}
}

// buys makes a draft, or asks for one to be charged.
func (s *shop) buys() {
	drafts := s.orders("draft")
	if len(drafts) > 0 && s.r.IntN(2) == 0 {
		s.do("POST", "/v1/orders/"+string(pick(s.r, drafts))+"/finalize", obj{})
		return
	}
	s.do("POST", "/v1/orders/", obj{"product_id": s.thing, "customer_id": pick(s.r, s.customers), "currency": pick(s.r, []string{"usd", "eur"}),
		"amount": pick(s.r, []int{0, 50, 700, 5000})})
}

// giveUp voids an order, or takes one up again that was given up.
func (s *shop) giveUp() {
	from := pick(s.r, []string{"pending", "void"})
	list := s.orders(from)
	if len(list) == 0 {
		return
	}
	o := s.Row(string(pick(s.r, list)))
	ctx := s.T.Context()
	err := s.DB.Write(ctx, func(tx *db.Tx) error {
		if _, err := s.Server.Customers.Lock(ctx, tx, o.OrganizationID, o.CustomerID); err != nil {
			return err
		}
		if from == "pending" {
			return s.Server.Orders.Void(ctx, tx, ordertest.System, &o)
		}
		return s.Server.Orders.Unvoid(ctx, tx, ordertest.System, &o)
	})
	s.note("from %s: order %s, %v", from, o.ID, err)
	if err == nil && o.SubscriptionID != nil {
		s.byHand[o.ID], s.byHand[*o.SubscriptionID] = true, true
	}
}

// ends lets everything through.
func (s *shop) ends() {
	s.kind = true
	for range 30 {
		for len(s.tell) > 0 {
			s.one()
		}
		s.wait(charge.Soon + time.Second)
	}
}

// levy is 20 % on top of dollars and 19 % within euros.
type levy struct{}

func (levy) Of(_ context.Context, r *order.Row, taxable int64) (int64, bool, error) {
	if r.Currency == "usd" {
		return money.MulDiv(taxable, 20, 100, money.HalfAwayFromZero), false, nil
	}
	return money.MulDiv(taxable, 19, 119, money.HalfAwayFromZero), true, nil
}

// TestWalk: whatever happens to customers who are charged, and whatever the
// processor does, in the end both have the same books and no rule is broken.
func TestWalk(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		w := ordertest.World{Floe: f, T: t}
		b := &bank{t: t, r: rand.New(rand.NewPCG(*walkSeed, 1)), books: map[string]*taken{}}
		s := &shop{World: w, Processor: w.Processor(), bank: b, byHand: map[id.ID]bool{}}
		b.dies, b.says = func() { s.Dies = s.asking }, s.note
		s.Server.Orders.Tax = levy{}
		s.Switch(s.Org, organization.UnitBasedPricing, true)
		s.opens()
		for range *walkSteps {
			s.step()
			if t.Failed() {
				break
			}
		}
		s.ends()
		s.agrees(t.Context(), s.DB, s.Org.ID, s.byHand)
		s.Sound()
		if len(s.books) == 0 {
			t.Error("nothing was paid")
		}
		t.Logf("%d payments, %d steps", len(s.books), len(s.trail))
		if t.Failed() {
			t.Logf("-charge.seed %d:\n%s", *walkSeed, strings.Join(s.trail, "\n"))
		}
	})
}
