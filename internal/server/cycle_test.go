package server_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

// TestRenewalIsCharged: what a subscription owes when its period ends is asked
// for within a second, not half a minute later, also when that job would have
// come much later.
func TestRenewalIsCharged(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p := f.Processor()
		subscribe(t, f, 1000)
		firstCycle(t, f)
		p.Charges()
		f.Drain()
		if n := len(p.Charges()); n != 0 {
			t.Errorf("charged %d times before anything was due", n)
		}
		f.Clock.Advance(32 * 24 * time.Hour)
		putOff(t, f, "payments.cycle")
		f.Drain()
		f.Clock.Advance(time.Second)
		f.Drain()
		if n := len(p.Charges()); n != 1 {
			t.Errorf("charged %d times when the period had ended", n)
		}
	})
}

// TestRenewedMeanwhile: a subscription that is renewed while the job that asks
// for payments is nearly done is charged within a second, too.
func TestRenewedMeanwhile(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p, w := f.Processor(), ordertest.World{Floe: f, T: t}
		o := w.Charged()
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) { return payment.RefundResult{}, floetest.ErrLost }
		w.Failing("POST", "/v1/refunds/", ordertest.RefundOf(o, 400, nil))
		subscribe(t, f, 1000)
		firstCycle(t, f)
		f.Drain()
		p.Charges()
		f.Clock.Advance(32 * 24 * time.Hour)
		putOff(t, f, "billing.cycle")
		p.Refunding = func(payment.Refund) (payment.RefundResult, error) { // what is overdue was looked for before this
			if n, _, err := f.Server.Subscriptions.RunDue(t.Context(), 10); n != 1 || err != nil {
				t.Errorf("renewed %d, %v", n, err)
			}
			return payment.RefundResult{Status: payment.RefundSucceeded, Reference: "re_1"}, nil
		}
		f.Drain()
		if n := len(p.Charges()); n != 0 {
			t.Errorf("charged %d times in the round before", n)
		}
		f.Clock.Advance(time.Second)
		f.Drain()
		if n := len(p.Charges()); n != 1 {
			t.Errorf("charged %d times", n)
		}
	})
}

// TestProcessorHoldsUpNoSubscription: while a processor does not answer,
// subscriptions go on and end when they are due.
func TestProcessorHoldsUpNoSubscription(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		p := f.Processor()
		subscribe(t, f, 1000)
		f.Clock.Advance(24 * time.Hour)
		ends := subscribe(t, f, 0)
		if r := f.Do("PATCH", "/v1/subscriptions/"+ends, f.AllToken, map[string]any{"cancel_at_period_end": true}); r.Status != 200 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		asked, answer := make(chan struct{}), make(chan struct{})
		var once sync.Once
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			once.Do(func() { close(asked) })
			<-answer
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_slow"}, nil
		}
		f.Clock.Advance(30*24*time.Hour + time.Hour)
		firstCycle(t, f)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { f.Server.Jobs.Run(ctx) })
		defer running.Wait()
		defer stop()
		defer close(answer)
		select {
		case <-asked:
		case <-time.After(30 * time.Second):
			t.Fatal("nobody was asked for what is due")
		}
		f.Clock.Advance(3 * 24 * time.Hour)
		for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
			status := fmt.Sprint(f.Do("GET", "/v1/subscriptions/"+ends, f.AllToken, nil).Path("status"))
			if status == "canceled" {
				break
			}
			if time.Since(begin) > 30*time.Second {
				t.Fatalf("the subscription of another customer is still %s", status)
			}
		}
	})
}

// subscribe makes a customer with a card who pays a price each month.
func subscribe(t *testing.T, f *floetest.Floe, price int) (subscription string) {
	t.Helper()
	product := func(amount int) string {
		return f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "fixed", "price_amount": amount}}}).ID()
	}
	c := f.Customer(nil).ID()
	f.Card(c, true)
	s := f.Do("POST", "/v1/subscriptions/", f.AllToken, map[string]any{"product_id": product(0), "customer_id": c})
	if s.Status != 201 {
		t.Fatalf("%d %s", s.Status, s.Body)
	}
	if price == 0 {
		return s.ID()
	}
	change := map[string]any{"product_id": product(price), "proration_behavior": "invoice"}
	if r := f.Do("PATCH", "/v1/subscriptions/"+s.ID(), f.AllToken, change); r.Status != 200 {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	return s.ID()
}

// firstCycle makes the first job of the cycle, as a server does when it starts.
func firstCycle(t *testing.T, f *floetest.Floe) {
	t.Helper()
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error { return f.Server.Jobs.Schedule(t.Context(), tx, "billing.cycle", tx.Now()) })
	if err != nil {
		t.Fatal(err)
	}
}

// putOff has the next job of a kind come in a year.
func putOff(t *testing.T, f *floetest.Floe, kind string) {
	t.Helper()
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		n, err := db.Exec(t.Context(), tx, `UPDATE jobs SET run_at = ? WHERE kind = ?`, tx.Now().AddDate(1, 0, 0), kind)
		if err == nil && n != 1 {
			err = fmt.Errorf("%d jobs are %s", n, kind)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
