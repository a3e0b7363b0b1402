package order_test

import (
	"context"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

// TestBalance: cases 31 to 33 and 55, 57 and 58.
func TestBalance(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w world) {
		sub := id.New()
		for _, x := range []struct{ before, total, applied, due, after int64 }{
			{10000, 5000, -5000, 0, 5000}, // 31
			{-50, 5000, 50, 5050, 0},      // 32
			{10000, -5000, 0, 0, 15000},   // 33
			{-50, -5000, 50, 0, 4950},     // 33
			{300, 5000, -300, 4700, 0},    // 55
		} {
			c := w.Customer(nil)
			w.setBalance(c.ID(), x.before)
			since := w.LastSeq()
			o := w.make(c.ID(), of(sub, costs(x.total)))[0]
			if o.AppliedBalanceAmount != x.applied || o.DueAmount() != x.due || w.balance(c.ID()) != x.after {
				t.Errorf("%+v: applied %d due %d balance %d", x, o.AppliedBalanceAmount, o.DueAmount(), w.balance(c.ID()))
			}
			if x.due == 0 {
				w.events(since, "order.created", "order.updated", "order.paid")
				w.is(w.get(o.ID), 200, map[string]any{"status": "paid", "receipt_number": nil, "invoice_number": floetest.Any})
			} else {
				w.events(since, "order.created")
			}
		}
		// Orders that do not ask for the balance leave it alone, and several of a
		// batch use it one after the other.
		c := w.Customer(nil)
		w.setBalance(c.ID(), 1500)
		w.make(c.ID(), costs(100))
		rows := w.make(c.ID(), of(sub, costs(1000)), of(sub, costs(1000)))
		if rows[0].DueAmount() != 0 || rows[1].DueAmount() != 500 || w.balance(c.ID()) != 0 {
			t.Errorf("due %d and %d, balance %d", rows[0].DueAmount(), rows[1].DueAmount(), w.balance(c.ID()))
		}
		// 57: what was consumed goes back.
		o := rows[1]
		since := w.LastSeq()
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, system, &o) })
		w.events(since, "order.updated")
		w.is(w.get(o.ID), 200, map[string]any{"status": "void", "next_payment_attempt_at": nil})
		if n := w.balance(c.ID()); n != 500 {
			t.Errorf("balance %d after voiding", n)
		}
		// 58
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Unvoid(ctx, tx, system, &o) })
		if n := w.balance(c.ID()); n != 0 {
			t.Errorf("balance %d after taking it up again", n)
		}
		// 57: credit is reduced by what was due, debt is not touched.
		w.setBalance(c.ID(), 200)
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, system, &o) })
		if n := w.balance(c.ID()); n != 500 {
			t.Errorf("balance %d, want the credit gone and the 500 back", n)
		}
		d := w.Customer(nil)
		o = w.make(d.ID(), of(sub, costs(700)))[0]
		w.setBalance(d.ID(), -100)
		w.write(func(ctx context.Context, tx *db.Tx) error { return w.Server.Orders.Void(ctx, tx, system, &o) })
		if n := w.balance(d.ID()); n != -100 {
			t.Errorf("a debt became %d", n)
		}
		// 54, 57: not while a processor is being asked for the money.
		o = w.make(d.ID(), of(sub, costs(700)))[0]
		w.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE orders SET charging_since = ? WHERE organization_id = ? AND id = ?`, tx.Now(), w.Org.ID, o.ID)
			return err
		})
		busy := w.DB.Write(t.Context(), func(tx *db.Tx) error { return w.Server.Orders.Void(t.Context(), tx, system, &o) })
		if busy == nil || !strings.Contains(busy.Error(), "PaymentAlreadyInProgress") {
			t.Errorf("voiding what is being paid: %v", busy)
		}
		// Only pending orders can be given up.
		err := w.DB.Write(t.Context(), func(tx *db.Tx) error { return w.Server.Orders.Void(t.Context(), tx, system, &rows[0]) })
		if err == nil || !strings.Contains(err.Error(), "OrderNotPending") {
			t.Errorf("voiding a paid order: %v", err)
		}
	})
}

func (w world) setBalance(customerID string, amount int64) {
	w.write(func(ctx context.Context, tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `INSERT INTO customer_balances (organization_id, customer_id, currency, amount) VALUES (?, ?, 'usd', ?)
			ON CONFLICT (organization_id, customer_id, currency) DO UPDATE SET amount = excluded.amount`, w.Org.ID, customerID, amount)
		return err
	})
}
