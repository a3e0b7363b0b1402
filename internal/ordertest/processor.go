package ordertest

import (
	"context"
	"maps"
	"net/http/httptest"
	"time"

	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/order"
	"floe/internal/payment"
)

// Drafted is a draft of $10 whose customer has a card.
func (w World) Drafted() order.Row {
	w.T.Helper()
	c, p := w.Billed(), w.Once(nil)
	w.Card(c.ID(), false)
	return w.Row(w.Draft(c.ID(), p.ID(), nil).ID())
}

// Finalize asks for a draft to be charged.
func (w World) Finalize(o order.Row) *floetest.Response {
	w.T.Helper()
	return w.Do("POST", "/v1/orders/"+string(o.ID)+"/finalize", w.AllToken, "{}")
}

// Charged is an order of $10 that the processor was paid for.
func (w World) Charged() order.Row {
	w.T.Helper()
	o := w.Drafted()
	w.Is(w.Finalize(o), 200, Obj{"status": "paid"})
	return w.Row(string(o.ID))
}

// Payments wants the payments of an order, and no others.
func (w World) Payments(o order.Row, want ...Obj) {
	w.T.Helper()
	items := make([]any, len(want))
	for i := range want {
		items[i] = want[i]
	}
	w.Is(w.Do("GET", "/v1/orders/"+string(o.ID)+"/payments", w.AllToken, nil), 200, Obj{"items": items})
}

// Refund asks for a part of an order to be given back.
func (w World) Refund(o order.Row, amount int, fields Obj) *floetest.Response {
	w.T.Helper()
	return w.Do("POST", "/v1/refunds/", w.AllToken, RefundOf(o, amount, fields))
}

// RefundOf is the body of a refund.
func RefundOf(o order.Row, amount int, fields Obj) Obj {
	body := Obj{"order_id": o.ID, "reason": "customer_request", "amount": amount}
	maps.Copy(body, fields)
	return body
}

// Event is about a payment of an order.
func Event(name string, typ payment.EventType, o order.Row, reference string) payment.Event {
	return payment.Event{ID: name, Type: typ, Organization: o.OrganizationID, Order: o.ID, Payment: reference, Amount: o.DueAmount()}
}

// Told has the processor tell of events, and wants the status.
func (w World) Told(status int, events ...payment.Event) {
	w.T.Helper()
	if got := w.Tell(events...); got != status {
		w.T.Errorf("events answered %d, want %d: %+v", got, status, events)
	}
}

// Failing is a request whose answer is a 500, which no document promises.
func (w World) Failing(method, path string, body any) {
	w.T.Helper()
	rec := httptest.NewRecorder()
	w.Handler.ServeHTTP(rec, w.Request(method, path, w.AllToken, body))
	if rec.Code != 500 {
		w.T.Errorf("%s %s: %d %s, want 500", method, path, rec.Code, rec.Body)
	}
}

// Meanwhile runs something while another node has rows of a table in hand, whose
// date it moves in a column.
func (w World) Meanwhile(table, column string, run func(ctx context.Context, limit int) (int, time.Time, error)) {
	w.T.Helper()
	done := make(chan error, 1)
	w.Write(func(ctx context.Context, tx *db.Tx) error {
		_, err := db.Exec(ctx, tx, `UPDATE `+table+` SET `+column+` = ? WHERE organization_id = ? AND `+column+` IS NOT NULL`,
			tx.Now().Add(charge.Soon), w.Org.ID)
		go func() {
			_, _, err := run(ctx, 10)
			done <- err
		}()
		time.Sleep(300 * time.Millisecond) // by then it has found nothing, or waits for this transaction
		return err
	})
	if err := <-done; err != nil {
		w.T.Error(err)
	}
}

// AskAgain waits until what was not answered is asked for again.
func (w World) AskAgain() {
	w.T.Helper()
	w.Clock.Advance(charge.Soon + time.Second)
	w.RunDue()
}
