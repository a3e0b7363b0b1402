package order_test

import (
	"context"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
)

// TestBalance: cases 31 to 33, 57 and 58.
func TestBalance(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		sub := id.New()
		for _, x := range []struct{ before, total, applied, due, after int64 }{
			{10000, 5000, -5000, 0, 5000}, // 31
			{-50, 5000, 50, 5050, 0},      // 32
			{10000, -5000, 0, 0, 15000},   // 33
			{-50, -5000, 50, 0, 4950},     // 33
			{300, 5000, -300, 4700, 0},
		} {
			c := w.Customer(nil)
			w.SetBalance(c.ID(), x.before)
			since := w.LastSeq()
			o := w.Make(c.ID(), ordertest.Of(sub, ordertest.Costs(x.total)))[0]
			if o.AppliedBalanceAmount != x.applied || o.DueAmount() != x.due || w.Balance(c.ID()) != x.after {
				t.Errorf("%+v: applied %d due %d balance %d", x, o.AppliedBalanceAmount, o.DueAmount(), w.Balance(c.ID()))
			}
			if x.due == 0 {
				w.Events(since, "order.created", "order.updated", "order.paid")
				w.Is(w.Get(o.ID), 200, map[string]any{"status": "paid", "receipt_number": nil, "invoice_number": floetest.Any})
			} else {
				w.Events(since, "order.created")
			}
		}
		// Orders that do not ask for the balance leave it alone, and several of a
		// batch use it one after the other.
		c := w.Customer(nil)
		w.SetBalance(c.ID(), 1500)
		w.Make(c.ID(), ordertest.Costs(100))
		rows := w.Make(c.ID(), ordertest.Of(sub, ordertest.Costs(1000)), ordertest.Of(sub, ordertest.Costs(1000)))
		if rows[0].DueAmount() != 0 || rows[1].DueAmount() != 500 || w.Balance(c.ID()) != 0 {
			t.Errorf("due %d and %d, balance %d", rows[0].DueAmount(), rows[1].DueAmount(), w.Balance(c.ID()))
		}
		// 57: what was consumed goes back.
		o := rows[1]
		since := w.LastSeq()
		w.Write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, ordertest.System, &o) })
		w.Events(since, "order.updated")
		w.Is(w.Get(o.ID), 200, map[string]any{"status": "void", "next_payment_attempt_at": nil})
		if n := w.Balance(c.ID()); n != 500 {
			t.Errorf("balance %d after voiding", n)
		}
		// 58
		w.Write(func(ctx context.Context, tx *db.Tx) error {
			return w.Server.Orders.Unvoid(ctx, tx, ordertest.System, &o)
		})
		if n := w.Balance(c.ID()); n != 0 {
			t.Errorf("balance %d after taking it up again", n)
		}
		// 57: credit is reduced by what was due, debt is not touched.
		w.SetBalance(c.ID(), 200)
		w.Write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, ordertest.System, &o) })
		if n := w.Balance(c.ID()); n != 500 {
			t.Errorf("balance %d, want the credit gone and the 500 back", n)
		}
		d := w.Customer(nil)
		o = w.Make(d.ID(), ordertest.Of(sub, ordertest.Costs(700)))[0]
		w.SetBalance(d.ID(), -100)
		w.Write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, ordertest.System, &o) })
		if n := w.Balance(d.ID()); n != -100 {
			t.Errorf("a debt became %d", n)
		}
		// What was bought once has never touched the balance, and does not then.
		w.SetBalance(d.ID(), 300)
		once := w.Make(d.ID(), ordertest.Costs(700))[0]
		w.Write(func(ctx context.Context, tx *db.Tx) error {
			return w.Server.Orders.Void(ctx, tx, ordertest.System, &once)
		})
		if n := w.Balance(d.ID()); n != 300 {
			t.Errorf("a credit of 300 became %d when an order that had nothing to do with it was voided", n)
		}
		// 57: not while a processor is being asked for the money.
		o = w.Make(d.ID(), ordertest.Of(sub, ordertest.Costs(700)))[0]
		w.Write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE orders SET charging_since = ? WHERE organization_id = ? AND id = ?`, tx.Now(), w.Org.ID, o.ID)
			return err
		})
		busy := w.DB.Write(t.Context(), func(tx *db.Tx) error { return w.Server.Orders.Void(t.Context(), tx, ordertest.System, &o) })
		if busy == nil || !strings.Contains(busy.Error(), "PaymentAlreadyInProgress") {
			t.Errorf("voiding what is being paid: %v", busy)
		}
		// An order that only says that money came for nothing is no order to be paid.
		nothing := ordertest.Costs(5)
		nothing.GivenUp = true
		o = w.Make(d.ID(), nothing)[0]
		unpaid := w.DB.Write(t.Context(), func(tx *db.Tx) error { return w.Server.Orders.Unvoid(t.Context(), tx, ordertest.System, &o) })
		if unpaid == nil || !strings.Contains(unpaid.Error(), "OrderNotPending") {
			t.Errorf("taking up what was never to be paid: %v", unpaid)
		}
		// Only pending orders can be given up.
		err := w.DB.Write(t.Context(), func(tx *db.Tx) error { return w.Server.Orders.Void(t.Context(), tx, ordertest.System, &rows[0]) })
		if err == nil || !strings.Contains(err.Error(), "OrderNotPending") {
			t.Errorf("voiding a paid order: %v", err)
		}
	})
}

// TestWhatWasPaidSurvives: what was paid of an order that is given up is the
// customer's, whatever else of the subscription is given up with it.
func TestWhatWasPaidSurvives(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		sub := id.New()
		for _, x := range []struct{ paid, before, after int64 }{{0, 400, 400}, {1, 400, 400}, {0, 0, 0}} {
			c := w.Customer(nil)
			list := w.Make(c.ID(), ordertest.Of(sub, ordertest.Costs(1000)), ordertest.Of(sub, ordertest.Costs(1000)))
			if x.before > 0 {
				w.Is(w.Pay(list[x.paid].ID, "succeeded", int(x.before), "a"), 201, nil)
			}
			w.Write(func(ctx context.Context, tx *db.Tx) error {
				return w.Server.Orders.VoidPending(ctx, tx, ordertest.System, w.Org.ID, order.Ended{Subscription: sub})
			})
			if n := w.Balance(c.ID()); n != x.after {
				t.Errorf("%+v: the balance is %d", x, n)
			}
		}
		// Credit from elsewhere is reduced by what both of them still cost, once.
		c := w.Customer(nil)
		list := w.Make(c.ID(), ordertest.Of(sub, ordertest.Costs(1000)), ordertest.Of(sub, ordertest.Costs(1000)))
		w.Is(w.Pay(list[0].ID, "succeeded", 400, "a"), 201, nil)
		w.SetBalance(c.ID(), 700)
		w.Write(func(ctx context.Context, tx *db.Tx) error {
			return w.Server.Orders.VoidPending(ctx, tx, ordertest.System, w.Org.ID, order.Ended{Subscription: sub})
		})
		if n := w.Balance(c.ID()); n != 400 {
			t.Errorf("the balance is %d, want what was paid", n)
		}
	})
}
