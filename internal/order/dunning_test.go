package order_test

import (
	"context"
	"io"
	"testing"
	"time"

	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

// TestCharges: what subscriptions cost is charged by a processor that can, with
// the attempts that follow; it is never asked inside a transaction. Cases 54,
// where the same is asked again instead of a lock that is given up, and 55.
func TestCharges(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		orders, subs, script := w.Server.Orders, &told{}, &charging{}
		orders.Subscriptions, orders.Payments.Processor = subs, script
		c := w.Customer(nil).ID()
		make := func() order.Row {
			n := ordertest.Of(id.New(), ordertest.Costs(1000))
			n.Charge, n.DueInDays = true, 14
			return w.Make(c, n)[0]
		}
		run := func(charges int, result payment.ChargeResult) payment.Charge {
			t.Helper()
			script.result, script.calls = result, nil
			if _, _, err := orders.RunOverdue(t.Context(), 100); err != nil {
				t.Error(err)
			}
			if _, _, err := w.Server.Charges.Run(t.Context(), 100); err != nil {
				t.Error(err)
			}
			if len(script.calls) != charges {
				t.Fatalf("charged %+v, want %d", script.calls, charges)
			}
			if charges == 0 {
				return payment.Charge{}
			}
			return script.calls[0]
		}
		is := func(o order.Row, want map[string]any) {
			t.Helper()
			w.Is(w.Get(o.ID), 200, want)
		}
		later := func(d time.Duration) { w.Clock.Advance(d + time.Second) }
		day := 24 * time.Hour
		soft := payment.ChargeResult{State: payment.StateFailed, Code: "card_error"}

		o := make()
		got := run(1, payment.ChargeResult{State: payment.StateSucceeded, Reference: "ch_1"})
		if got.Order != o.ID || got.Amount != 1000 || got.Trigger != "subscription_cycle" || !got.OffSession {
			t.Errorf("charged %+v", got)
		}
		is(o, map[string]any{"status": "paid", "receipt_number": floetest.Any})
		w.Is(w.Do("GET", "/v1/orders/"+string(o.ID)+"/payments", w.AllToken, nil), 200, map[string]any{"items": []any{
			map[string]any{"processor": "scripted", "reference": "ch_1", "status": "succeeded", "amount": 1000}}})
		if len(subs.paid) != 1 {
			t.Errorf("told of %v", subs.paid)
		}

		o = make()
		run(1, soft)
		is(o, map[string]any{"status": "pending", "next_payment_attempt_at": floetest.Any})
		later(day)
		run(0, soft)
		later(day)
		if again := run(1, payment.ChargeResult{State: payment.StateRequiresAction}); again.Trigger != "retry_dunning" || again.IdempotencyKey == got.IdempotencyKey {
			t.Errorf("charged %+v", again)
		}
		later(5 * day)
		run(1, payment.ChargeResult{State: payment.StateSucceeded, Reference: "ch_2"})
		is(o, map[string]any{"status": "paid", "next_payment_attempt_at": nil})

		hard := make()
		run(1, payment.ChargeResult{State: payment.StateFailed, Code: "lost_card", Hard: true})
		later(20 * day)
		run(0, soft)
		later(day + time.Minute)
		run(1, soft)
		is(hard, map[string]any{"next_payment_attempt_at": nil}) // that was the last

		o = make()
		asked := run(1, payment.ChargeResult{State: payment.StatePending})
		w.Is(w.Pay(o.ID, "succeeded", 1000, "by hand"), 409, map[string]any{"error": "PaymentAlreadyInProgress"})
		run(0, soft)
		later(time.Hour)
		if again := run(1, payment.ChargeResult{State: payment.StatePending}); again.IdempotencyKey != asked.IdempotencyKey || again.Order != o.ID {
			t.Errorf("without an answer to %+v, charged %+v", asked, again)
		}
		is(o, map[string]any{"status": "pending", "next_payment_attempt_at": nil})
		later(time.Hour)
		if again := run(1, soft); again.IdempotencyKey != asked.IdempotencyKey {
			t.Errorf("without an answer to %+v, charged %+v", asked, again)
		}
		is(o, map[string]any{"next_payment_attempt_at": floetest.Any})
		w.Is(w.Pay(o.ID, "succeeded", 1000, "by hand"), 201, nil)

		o = make()
		run(1, payment.ChargeResult{State: payment.StateAwaiting})
		later(13 * day)
		run(0, soft)
		is(o, map[string]any{"status": "pending", "next_payment_attempt_at": nil})
		later(day)
		run(0, soft) // it is overdue like any other invoice
		is(o, map[string]any{"next_payment_attempt_at": floetest.Any})

		// 55: what the balance pays is not charged.
		w.SetBalance(c, 300)
		o = make()
		if got := run(1, payment.ChargeResult{State: payment.StateSucceeded, Reference: "ch_3"}); got.Order != o.ID || got.Amount != 700 {
			t.Errorf("charged %+v", got)
		}
		is(o, map[string]any{"status": "paid", "applied_balance_amount": -300, "due_amount": 700})

		// 54: trouble on the way is no attempt: the same is asked again.
		o = make()
		script.err = io.ErrUnexpectedEOF
		if _, _, err := orders.RunOverdue(t.Context(), 100); err == nil {
			t.Error("trouble is not told")
		}
		first := script.calls[len(script.calls)-1]
		script.err = nil
		is(o, map[string]any{"status": "pending", "next_payment_attempt_at": nil})
		later(5 * time.Minute)
		if again := run(1, soft); again.IdempotencyKey != first.IdempotencyKey {
			t.Errorf("charged %+v, then %+v", first, again)
		}

		// Nobody pays for a time that is tried out, and none can be charged
		// without a processor that does it.
		n := ordertest.Of(id.New(), ordertest.Costs(1000))
		n.Charge, n.DueInDays = true, 14
		tried := func(ctx context.Context) (r order.Row) {
			t.Helper()
			err := w.DB.Write(ctx, func(tx *db.Tx) error {
				locked, err := w.Server.Customers.Lock(ctx, tx, w.Org.ID, id.ID(c))
				if err == nil {
					r, err = orders.Create(ctx, tx, ordertest.System, ordertest.Filled(w.Org.ID, locked, n))
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return r
		}
		if r := tried(clock.WithTime(t.Context(), w.Clock.Now())); r.DueAt == nil {
			t.Error("charged in a time of its own")
		}
		orders.Payments.Processor = payment.Manual{}
		if r := tried(t.Context()); r.DueAt == nil {
			t.Error("charged by nobody")
		}
	})
}
