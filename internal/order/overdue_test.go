package order_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
)

// told remembers what subscriptions hear.
type told struct {
	ordertest.NoSubscriptions
	mu      sync.Mutex
	paid    []id.ID
	overdue []int
	revoke  func(ctx context.Context, tx *db.Tx, o order.Row) error
	broken  id.ID // an order that cannot be told of
}

func (s *told) OrderPaid(_ context.Context, _ *db.Tx, _ auth.Subject, o order.Row) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.paid = append(s.paid, o.ID)
	return nil
}

func (s *told) OrdersOverdue(ctx context.Context, tx *db.Tx, _ auth.Subject, _ id.ID, list []order.Overdue) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range list {
		if o.ID == s.broken {
			return errors.New("out of order")
		}
		s.overdue = append(s.overdue, o.Attempts)
		if o.Exhausted() && s.revoke != nil {
			if err := s.revoke(ctx, tx, o.Row); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestOverdue: cases 7, 46, 47 and 51: a due date that passes, dunning, its end,
// and a payment in between.
func TestOverdue(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		orders := w.Server.Orders
		subs := &told{}
		subs.revoke = func(ctx context.Context, tx *db.Tx, o order.Row) error {
			return orders.VoidPending(ctx, tx, ordertest.System, o.OrganizationID, order.Ended{Subscription: *o.SubscriptionID})
		}
		orders.Subscriptions = subs
		c, sub := w.Customer(nil), id.New()
		n := ordertest.Of(sub, ordertest.Costs(1000))
		n.DueInDays = 14
		o := w.Make(c.ID(), n, n)[0]
		run := func(want int) time.Time {
			t.Helper()
			done, next, err := orders.RunOverdue(t.Context(), 100)
			if err != nil || done != want {
				t.Fatalf("%d orders overdue, %v; want %d", done, err, want)
			}
			return next
		}
		if next := run(0); !next.Equal(o.CreatedAt.AddDate(0, 0, 14)) {
			t.Errorf("the next is due at %s", next)
		}
		w.Clock.Advance(14 * 24 * time.Hour)
		since := w.LastSeq()
		run(2)
		w.Events(since, "order.updated", "order.updated")
		run(0)
		at := w.Get(o.ID).Text("next_payment_attempt_at") // 7
		when, err := time.Parse(time.RFC3339Nano, at)
		if err != nil || when.Sub(w.Clock.Now()).Round(time.Hour) != 48*time.Hour {
			t.Errorf("the next attempt is at %s", at)
		}
		if owing, err := orders.Owing(t.Context(), w.DB, w.Org.ID, sub, o.ID); err != nil || !owing { // 46
			t.Errorf("the subscription does not owe the other: %v", err)
		}
		w.Is(w.Pay(o.ID, "succeeded", 1000, "a"), 201, nil)
		if len(subs.paid) != 1 || subs.paid[0] != o.ID {
			t.Errorf("told of %v", subs.paid)
		}
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "paid", "next_payment_attempt_at": nil})
		for _, days := range []int{2, 5, 7, 7} { // 47
			w.Clock.Advance(time.Duration(days)*24*time.Hour + time.Second)
			run(1)
		}
		if want := []int{1, 1, 2, 3, 4, 5}; fmt.Sprint(subs.overdue) != fmt.Sprint(want) {
			t.Errorf("told of attempts %v, want %v", subs.overdue, want)
		}
		w.Is(w.Do("GET", "/v1/orders/?status=void", w.AllToken, nil), 200, map[string]any{"pagination": map[string]any{"total_count": 1}})
		run(0)

		m := ordertest.Of(id.New(), ordertest.Costs(500)) // 51
		m.Reason, m.DueInDays = order.SubMeterCycle, 1
		o = w.Make(c.ID(), m)[0]
		told := len(subs.overdue)
		for range 5 {
			w.Clock.Advance(8 * 24 * time.Hour)
			run(1)
		}
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "void", "billing_reason": "subscription_meter_cycle"})
		if len(subs.overdue) != told {
			t.Error("a subscription was told of an order for usage")
		}
		// A failed payment that is recorded is an attempt.
		o = w.Make(c.ID(), ordertest.Of(sub, ordertest.Costs(1000)))[0]
		w.Is(w.Pay(o.ID, "failed", 1000, "x"), 201, nil)
		w.Is(w.Get(o.ID), 200, map[string]any{"next_payment_attempt_at": floetest.Any, "status": "pending"})
	})
}

// TestOverdueOnce: many nodes that look at once handle each order once.
func TestOverdueOnce(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		subs := &told{}
		w.Server.Orders.Subscriptions = subs
		const count = 20
		for range count / 2 {
			n := ordertest.Of(id.New(), ordertest.Costs(1000))
			n.DueInDays = 1
			w.Make(w.Customer(nil).ID(), n, n)
		}
		w.Clock.Advance(25 * time.Hour)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for range 5 {
					if _, _, err := w.Server.Orders.RunOverdue(t.Context(), 6); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if len(subs.overdue) < count {
			t.Errorf("told %d times", len(subs.overdue))
		}
		n, err := db.One[int64](t.Context(), w.DB, `SELECT COUNT(*) FROM orders WHERE organization_id = ? AND attempts = 1`, w.Org.ID)
		if err != nil || n != count {
			t.Errorf("%d orders were tried once, %v", n, err)
		}
	})
}

// TestOverdueOneThatFails: an order that cannot be handled does not keep the
// others from it, and is tried again later.
func TestOverdueOneThatFails(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		subs := &told{}
		w.Server.Orders.Subscriptions = subs
		for range 5 {
			n := ordertest.Of(id.New(), ordertest.Costs(1000))
			n.DueInDays = 1
			subs.broken = w.Make(w.Customer(nil).ID(), n)[0].ID
		}
		tried := func(want int64) {
			t.Helper()
			for {
				done, _, err := w.Server.Orders.RunOverdue(t.Context(), 3)
				if err != nil {
					t.Fatal(err)
				}
				if done == 0 {
					break
				}
			}
			n, err := db.One[int64](t.Context(), w.DB, `SELECT COUNT(*) FROM orders WHERE organization_id = ? AND attempts = 1`, w.Org.ID)
			if err != nil || n != want {
				t.Errorf("%d orders were tried once, want %d; %v", n, want, err)
			}
		}
		w.Clock.Advance(25 * time.Hour)
		tried(4)
		subs.broken = ""
		tried(4)
		w.Clock.Advance(10 * time.Minute)
		tried(5)
	})
}
