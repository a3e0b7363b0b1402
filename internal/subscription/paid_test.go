package subscription_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/ordertest"
	"floe/internal/payment"
)

// paying is a subscription to something free whose customer has a card.
func (b *bench) paying() (subscription, customer string) {
	b.t.Helper()
	b.at("2026-01-10T00:00:00Z")
	s := b.subscribe(b.fixed(0))
	b.Card(s.Text("customer_id"), true)
	return s.ID(), s.Text("customer_id")
}

// declined wants a 402, and that it has left no trace.
func (b *bench) declined(subscription string, body obj, name string) {
	b.t.Helper()
	before, since := b.get(subscription).Body, b.LastSeq()
	r := b.patch(subscription, body)
	if r.Status != 402 || r.Text("error") != name {
		b.t.Fatalf("answered %d %s, want %s", r.Status, r.Body, name)
	}
	if after := b.get(subscription).Body; after != before {
		b.t.Errorf("changed from\n%s to\n%s", before, after)
	}
	if said := b.EventsSince(since); len(said) != 0 {
		b.t.Errorf("said %v", said)
	}
	if n := len(b.orders(subscription)); n != 0 {
		b.t.Errorf("left %d orders", n)
	}
}

// lostAnswer is a change whose answer is a 500.
func (b *bench) lostAnswer(subscription string, body obj) {
	b.t.Helper()
	b.Failing("PATCH", "/v1/subscriptions/"+subscription, body)
}

// A change that is paid at once is made when it is paid, with an order of what
// was charged. Case 39.
func TestChangeIsPaidAtOnce(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, _ := b.paying()
		plan := b.fixed(1000)
		events := b.events(func() {
			r := b.patch(s, obj{"product_id": plan, "proration_behavior": "invoice", "metadata": obj{"a": "b"}})
			b.want(r, obj{"product_id": plan, "amount": 1000, "status": "active", "metadata": obj{"a": "b"}})
		}, "subscription.", "order.")
		b.said(events, "order.created", "subscription.updated", "order.updated", "order.paid")
		o := b.lastOrder(s)
		asked := p.Charges()
		if o["status"] != "paid" || len(asked) != 1 || string(asked[0].Order) != o["id"] || num(o["due_amount"]) != num(asked[0].Amount) ||
			asked[0].Trigger != payment.Purchase || asked[0].Method == "" || asked[0].Payer == "" {
			t.Errorf("charged %+v for %v", asked, o)
		}
		// An interval that changes is billed whatever is asked for, and so is a quantity.
		year := b.fixed(9000, obj{"recurring_interval": "year"})
		b.want(b.patch(s, obj{"product_id": year, "proration_behavior": "prorate"}), obj{"product_id": year})
		if asked := p.Charges(); len(asked) != 1 {
			t.Errorf("charged %+v", asked)
		}
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
	})
}

// A period that begins later than now, because a test clock was released, does
// not keep a paid change from being made: nothing was renewed meanwhile.
func TestPaidChangeOfAPeriodToCome(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		b.at("2026-01-10T00:00:00Z")
		b.Do("POST", "/v1/test-clock", b.AllToken, obj{"now": "2028-01-10T00:00:00Z"})
		sub := b.subscribe(b.fixed(0))
		s := sub.ID()
		b.Card(sub.Text("customer_id"), true)
		b.Do("DELETE", "/v1/test-clock", b.AllToken, nil)
		plan := b.fixed(1000)
		b.want(b.patch(s, obj{"product_id": plan, "proration_behavior": "invoice"}), obj{"product_id": plan, "amount": 1000})
		if given := p.Refunds(); len(p.Charges()) != 1 || len(given) != 0 {
			t.Errorf("gave back %+v", given)
		}
		b.Sound()
	})
}

// Declines and the like leave no trace. Cases 40 and, of orders, 35.
func TestRefusedChangeLeavesNoTrace(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, customer := b.paying()
		change := obj{"product_id": b.fixed(1000), "proration_behavior": "invoice"}
		p.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "card_error"}, nil)
		b.declined(s, change, "PaymentFailed")
		p.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "lost_card", Hard: true}, nil)
		b.declined(s, change, "PaymentFailed")
		p.Answer(payment.ChargeResult{State: payment.StateRequiresAction, ClientSecret: "x"}, nil)
		b.declined(s, change, "PaymentActionRequired")
		p.Can.OffSession = false
		b.declined(s, change, "PaymentFailed")
		p.Can.OffSession = true
		b.Server.Payments.Processor = payment.Manual{}
		b.declined(s, change, "PaymentFailed")
		b.Server.Payments.Processor = p
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")

		// A method that can never be charged again is forgotten.
		p.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "detached", Unusable: true}, nil)
		if r := b.patch(s, change); r.Status != 402 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		b.want(b.Do("GET", "/v1/customers/"+customer+"/payment-methods", b.AllToken, nil), obj{"items": []any{}})
		p.Heal()
		p.Charges()
		b.declined(s, change, "PaymentFailed") // missing_payment_method
		if asked := p.Charges(); len(asked) != 0 {
			t.Errorf("charged %+v", asked)
		}
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
	})
}

// A charge that is pending lets the change be made; its order waits for the
// event.
func TestChangeIsPending(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, _ := b.paying()
		plan := b.fixed(1000)
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_a"}, nil)
		b.want(b.patch(s, obj{"product_id": plan, "proration_behavior": "invoice"}), obj{"product_id": plan, "status": "active"})
		o := b.lastOrder(s)
		if o["status"] != "pending" {
			t.Fatalf("%v", o)
		}
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
		tell := func(name string, typ payment.EventType, o map[string]any, reference string) {
			t.Helper()
			e := payment.Event{ID: name, Type: typ, Organization: b.Org.ID, Order: id.ID(o["id"].(string)), Payment: reference}
			b.Told(204, e)
		}
		tell("1", payment.PaymentSucceeded, o, "pay_a")
		if o = b.lastOrder(s); o["status"] != "paid" {
			t.Errorf("%v", o)
		}

		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_b"}, nil)
		b.patch(s, obj{"product_id": b.fixed(5000), "proration_behavior": "invoice"})
		tell("2", payment.PaymentFailed, b.lastOrder(s), "pay_b")
		b.want(b.get(s), obj{"status": "past_due"})
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
	})
}

// When the answer to the charge is lost, or the server ends before it is
// recorded, the same is asked again and the change is made; until then nothing
// else changes the subscription and it is not renewed.
func TestChangeWithoutAnswer(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, customer := b.paying()
		plan := b.fixed(1000)
		change := obj{"product_id": plan, "proration_behavior": "invoice"}
		lost := func(payment.Charge) (payment.ChargeResult, error) {
			return payment.ChargeResult{State: payment.StateSucceeded}, floetest.ErrLost
		}
		p.Charging = lost
		b.at("2026-02-01T00:00:00Z")
		b.lostAnswer(s, change)
		if r := b.patch(s, obj{"metadata": obj{}}); r.Status != 409 || r.Text("error") != "SubscriptionLocked" {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
		b.due("2026-02-10T00:01:00Z") // the period has ended, and the answer comes
		b.want(b.get(s), obj{"product_id": plan, "amount": 1000, "current_period_end": "2026-02-10T00:00:00.003000Z"})
		asked := p.Charges()
		if len(asked) < 2 || asked[0] != asked[1] {
			t.Fatalf("asked for %+v", asked)
		}
		first := b.orders(s)[0].(map[string]any)
		if first["status"] != "paid" || string(asked[0].Order) != first["id"] {
			t.Errorf("%v", first)
		}
		p.Heal()
		b.RunDue()
		b.want(b.get(s), obj{"current_period_end": "2026-03-10T00:00:00.003000Z"}) // it was renewed then
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")

		// An event says it instead.
		p.Charging = lost
		plan = b.fixed(4000)
		b.Clock.Advance(time.Hour)
		b.lostAnswer(s, obj{"product_id": plan, "proration_behavior": "invoice"})
		last := p.Charges()
		c := last[len(last)-1]
		e := payment.Event{ID: "1", Type: payment.PaymentSucceeded, Organization: c.Organization, Order: c.Order, Key: c.IdempotencyKey, Payment: "pay_told", Amount: c.Amount}
		b.Told(204, e, e)
		b.want(b.get(s), obj{"product_id": plan})
		b.AskAgain()
		b.want(b.get(s), obj{"product_id": plan})

		// It was declined: no trace.
		b.Clock.Advance(time.Hour)
		p.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "card_error"}, floetest.ErrLost)
		b.lostAnswer(s, obj{"product_id": b.fixed(7000), "proration_behavior": "invoice"})
		b.AskAgain()
		b.want(b.get(s), obj{"product_id": plan})
		if r := b.patch(s, obj{"metadata": obj{"a": "1"}}); r.Status != 200 {
			t.Errorf("still locked: %d %s", r.Status, r.Body)
		}
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")

		// The customer goes while it is charged: the money goes back.
		b.Clock.Advance(time.Hour)
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			if r := b.Do("DELETE", "/v1/customers/"+customer+"?anonymize=true", b.AllToken, nil); r.Status != 204 {
				t.Errorf("delete: %d %s", r.Status, r.Body)
			}
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_late"}, nil
		}
		if r := b.patch(s, obj{"product_id": b.fixed(9000), "proration_behavior": "invoice"}); r.Status != 409 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		b.RunDue()
		if back := p.Refunds(); len(back) != 1 || back[0].Payment != "pay_late" {
			t.Errorf("gave back %+v", back)
		}
		b.want(b.get(s), obj{"status": "canceled"})
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
	})
}

// levy is a tax of a quarter on top of prices.
type levy struct{}

func (levy) Of(_ context.Context, _ *order.Row, taxable int64) (int64, bool, error) {
	return taxable / 4, false, nil
}

// What was paid for a change that came too late had its tax within. Its order
// says what was paid, and no tax on it once more.
func TestTaxOfAChangeThatIsNotMade(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		b.Server.Orders.Tax = levy{}
		s, customer := b.paying()
		b.want(b.Do("PATCH", "/v1/customers/"+customer, b.AllToken, obj{"billing_address": obj{"country": "FR"}}), obj{"id": customer})
		p.Charging = func(c payment.Charge) (payment.ChargeResult, error) {
			b.Do("DELETE", "/v1/subscriptions/"+s, b.AllToken, nil)
			return payment.ChargeResult{State: payment.StateSucceeded, Reference: "pay_late"}, nil
		}
		if r := b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "invoice"}); r.Status != 409 {
			t.Errorf("%d %s", r.Status, r.Body)
		}
		o := b.lastOrder(s)
		b.want(b.Do("GET", "/v1/orders/"+o["id"].(string), b.AllToken, nil), obj{"status": "void", "subtotal_amount": 1250, "tax_amount": 0, "total_amount": 1250})
		b.want(b.Do("GET", "/v1/orders/"+o["id"].(string)+"/payments", b.AllToken, nil), obj{"items": []any{obj{"amount": 1250, "surplus": true}}})
		b.Sound("orders.", "payments.")
	})
}

// What a balance has moved meanwhile is squared: what was charged is what was
// agreed.
func TestChangeIsSquared(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, customer := b.paying()
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			b.credit(customer, 300)
			return payment.ChargeResult{State: payment.StateSucceeded}, nil
		}
		b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "invoice"})
		o := b.lastOrder(s)
		asked := p.Charges()[0]
		if o["status"] != "paid" || num(o["due_amount"]) != num(asked.Amount) {
			t.Errorf("%v for %+v", o, asked)
		}
		if n := b.Balance(customer); n != 300 {
			t.Errorf("balance %d", n)
		}
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
	})
}

// TestChangeIsCoveredAndAwaiting: the balance has come to pay for a change whose
// payment waits for a person. Nobody looks at its order again; one that a version
// before has left to be looked at is looked at once.
func TestChangeIsCoveredAndAwaiting(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, customer := b.paying()
		p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
			b.credit(customer, 5000)
			return payment.ChargeResult{State: payment.StateAwaiting}, nil
		}
		b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "invoice"})
		o := b.lastOrder(s)
		watched := func() int64 {
			n, err := db.One[int64](t.Context(), b.DB, `SELECT COUNT(*) FROM orders WHERE organization_id = ? AND status <> 'pending' AND check_at IS NOT NULL`, b.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if o["status"] != "paid" || watched() > 0 {
			t.Errorf("%v, %d are looked at", o, watched())
		}
		err := b.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `UPDATE orders SET check_at = created_at WHERE organization_id = ? AND id = ?`, b.Org.ID, o["id"])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if n, _, err := b.Server.Orders.RunOverdue(t.Context(), 10); n != 1 || err != nil || watched() > 0 {
			t.Errorf("%d looked at, %d left: %v", n, watched(), err)
		}
		b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
	})
}

// TestChangeIsSquaredAndPending: so it is when an event tells of the payment.
func TestChangeIsSquaredAndPending(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, customer := b.paying()
		for i, credit := range []int64{300, -200, 5000} { // more of it, less of it, all that it costs
			name := fmt.Sprintf("pay_%d", i)
			p.Charging = func(payment.Charge) (payment.ChargeResult, error) {
				b.credit(customer, credit)
				return payment.ChargeResult{State: payment.StatePending, Reference: name}, nil
			}
			since := b.LastSeq()
			b.patch(s, obj{"product_id": b.fixed(1000 * (i + 1)), "proration_behavior": "invoice"})
			asked := p.Charges()[0]
			if o := b.lastOrder(s); credit < 1000 && (o["status"] != "pending" || num(o["due_amount"]) != num(asked.Amount)) {
				t.Errorf("%v for %+v, said %v", o, asked, b.EventsSince(since))
			}
			b.Told(204, payment.Event{ID: name, Type: payment.PaymentSucceeded, Organization: asked.Organization, Order: asked.Order, Payment: name, Amount: asked.Amount})
			if o := b.lastOrder(s); o["status"] != "paid" {
				t.Errorf("%v for %+v", o, asked)
			}
			if n := b.Balance(customer); credit < 1000 && n != credit {
				t.Errorf("balance %d, want %d", n, credit)
			}
			b.RunDue() // what nobody needs is given back
			if n := len(p.Refunds()); n != i/2 {
				t.Errorf("gave back %d times", n)
			}
			b.Sound("orders.", "balances.", "payments.", "customers.nothing", "grants.")
		}
	})
}

// credit gives a customer credit, as an order that came to less than nothing does.
func (b *bench) credit(customer string, amount int64) {
	b.t.Helper()
	n := ordertest.Costs(-amount)
	n.Reason, n.UseBalance = order.Purchase, true
	b.Make(customer, n)
}

// What is too little to be charged is paid, and becomes a debt that the next
// order collects. Case 36 of the checklist of orders.
func TestTooLittleToCharge(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, customer := b.paying()
		b.Clock.Set(b.at("2026-02-09T12:00:00Z")) // half a day of 31 is left
		events := b.events(func() {
			b.want(b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "invoice"}), obj{"amount": 1000})
		}, "subscription.", "order.")
		b.said(events, "order.created", "order.updated", "order.paid", "subscription.updated")
		o := b.lastOrder(s)
		got := fmt.Sprintln(o["status"], o["total_amount"], o["applied_balance_amount"], o["due_amount"], o["receipt_number"])
		if want := "paid 16 -16 0 <nil>\n"; got != want || len(p.Charges()) != 0 {
			t.Errorf("%s, want %s", got, want)
		}
		if n := b.Balance(customer); n != -16 {
			t.Errorf("balance %d", n)
		}
		b.due("2026-02-10T00:01:00Z")
		if asked := p.Charges(); len(asked) != 1 || asked[0].Amount != 1016 {
			t.Errorf("charged %+v", asked)
		}
		b.Sound("orders.", "balances.", "payments.")
	})
}

// What was too little when there was nothing to charge becomes a debt once there
// is. An attempt without a method fails, and the next one comes: case 52 of the
// checklist of orders.
func TestTooLittleToRetry(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		b.at("2026-01-10T00:00:00Z")
		sub := b.subscribe(b.fixed(0))
		s, customer := sub.ID(), sub.Text("customer_id")
		b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "next_period"})
		b.credit(customer, 980)
		b.due("2026-02-10T00:01:00Z")
		b.want(b.get(s), obj{"status": "past_due"})
		card := b.Card(customer, false)
		b.due("2026-02-12T00:02:00Z") // another attempt, and still no default
		b.want(b.get(s), obj{"status": "past_due"})
		if next, _ := b.lastOrder(s)["next_payment_attempt_at"].(string); !strings.HasPrefix(next, "2026-02-17") {
			t.Errorf("the next attempt is at %s", next)
		}
		again := payment.Event{ID: "again", Type: payment.SetupSucceeded, Organization: b.Org.ID, Customer: id.ID(customer), Method: floetest.CardOf(card), Default: true}
		b.Told(204, again)
		b.want(b.get(s), obj{"status": "active"})
		o := b.lastOrder(s)
		if got := fmt.Sprintln(o["status"], o["applied_balance_amount"], o["due_amount"]); got != "paid -1000 0\n" || len(p.Charges()) != 0 {
			t.Errorf("%s", got)
		}
		if n := b.Balance(customer); n != -20 {
			t.Errorf("balance %d", n)
		}
		b.Sound("orders.", "balances.", "payments.", "grants.")
	})
}

// A new default is charged for what is overdue, at once and beside the planned
// attempts, and becomes the subscription's own. Case 53 of the checklist of
// orders; without any method a renewal counts as a failed attempt (case 26).
func TestNewDefaultIsCharged(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		b.at("2026-01-10T00:00:00Z")
		sub := b.subscribe(b.fixed(0))
		s, customer := sub.ID(), sub.Text("customer_id")
		b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "next_period"})
		b.due("2026-02-10T00:01:00Z")
		b.want(b.get(s), obj{"status": "past_due"})
		next := b.lastOrder(s)["next_payment_attempt_at"]
		if asked := p.Charges(); len(asked) != 0 || next == nil {
			t.Errorf("charged %+v, next %v", asked, next)
		}
		b.Card(customer, false)
		b.RunDue()
		if asked := p.Charges(); len(asked) != 0 {
			t.Errorf("charged %+v", asked)
		}
		p.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "card_error"}, nil)
		b.Card(customer, true)
		b.RunDue()
		if asked := p.Charges(); len(asked) != 1 || asked[0].Trigger != payment.RetryNewMethod {
			t.Errorf("charged %+v", asked)
		}
		if o := b.lastOrder(s); o["next_payment_attempt_at"] != next {
			t.Errorf("the next attempt moved from %v to %v", next, o["next_payment_attempt_at"])
		}
		p.Heal()
		own := b.Card(customer, true)
		b.RunDue()
		b.want(b.get(s), obj{"status": "active"})
		if o := b.lastOrder(s); o["status"] != "paid" {
			t.Errorf("%v", o)
		}
		p.Charges()
		b.Card(customer, true) // nothing is overdue; the subscription has its own
		b.due("2026-03-10T00:01:00Z")
		if asked := p.Charges(); len(asked) != 1 || asked[0].Method != own || asked[0].Trigger != payment.Cycle {
			t.Errorf("charged %+v, want %s", asked, own)
		}
		b.Sound("orders.", "balances.", "payments.", "grants.")
	})
}

// Soft declines are tried on days 0, 2, 7, 14 and 21, a hard one on days 0 and
// 21, and then the subscription ends. Cases 47 and 48.
func TestDeclines(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		run := func(hard bool) (days []int) {
			t.Helper()
			s, _ := b.paying()
			b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "next_period"})
			p.Answer(payment.ChargeResult{State: payment.StateFailed, Code: "card_error", Hard: hard}, nil)
			start := b.at("2026-02-10T00:01:00Z")
			for day := range 24 {
				b.Clock.Set(start.Add(time.Duration(day)*24*time.Hour + time.Duration(day)*time.Minute))
				b.RunDue()
				for range p.Charges() {
					days = append(days, day)
				}
			}
			b.want(b.get(s), obj{"status": "canceled"})
			if o := b.lastOrder(s); o["status"] != "void" {
				t.Errorf("%v", o)
			}
			p.Heal()
			return days
		}
		if got := fmt.Sprint(run(false)); got != "[0 2 7 14 21]" {
			t.Errorf("soft declines on days %s", got)
		}
		if got := fmt.Sprint(run(true)); got != "[0 21]" {
			t.Errorf("hard declines on days %s", got)
		}
		b.Sound("orders.", "balances.", "payments.", "grants.")
	})
}

// What is paid after its subscription has ended is given back, and makes
// nothing paid; that it fails then has no consequence.
func TestPaidAfterTheEnd(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		for _, x := range []struct {
			typ  payment.EventType
			back int
		}{{payment.PaymentSucceeded, 1}, {payment.PaymentFailed, 0}} {
			s, customer := b.paying()
			b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "next_period"})
			reference := "pay_" + s
			p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: reference}, nil)
			b.due("2026-02-10T00:01:00Z")
			o := b.lastOrder(s)
			if r := b.Do("DELETE", "/v1/customers/"+customer+"?anonymize=true", b.AllToken, nil); r.Status != 204 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			b.Sound("orders.", "balances.", "payments.", "customers.")
			e := payment.Event{ID: reference, Type: x.typ, Payment: reference, Method: floetest.CardOf("pm_" + s)}
			b.Told(204, e, e)
			b.RunDue()
			b.RunDue()
			if back := p.Refunds(); len(back) != x.back || x.back == 1 && (back[0].Payment != reference || back[0].Amount != 1000) {
				t.Errorf("gave back %+v", back)
			}
			b.want(b.Do("GET", "/v1/orders/"+o["id"].(string), b.AllToken, nil), obj{"status": "void", "refunded_amount": 0})
			known, err := db.One[int64](t.Context(), b.DB, `SELECT COUNT(*) FROM payers WHERE organization_id = ? AND customer_id = ?`, b.Org.ID, customer)
			if err != nil || known != 0 {
				t.Errorf("the processor's name for them is kept: %d, %v", known, err)
			}
			b.Sound("orders.", "balances.", "payments.", "customers.")
		}
	})
}

// A payment that fails after its order was given up is on record as failed.
func TestFailsAfterTheEnd(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, _ := b.paying()
		p.Answer(payment.ChargeResult{State: payment.StatePending, Reference: "pay_a"}, nil)
		b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "invoice"})
		o := b.lastOrder(s)
		b.patch(s, obj{"revoke": true})
		path := "/v1/orders/" + o["id"].(string)
		b.want(b.Do("GET", path, b.AllToken, nil), obj{"status": "void"})
		b.Told(204, payment.Event{ID: "1", Type: payment.PaymentFailed, Organization: b.Org.ID, Order: id.ID(o["id"].(string)), Payment: "pay_a"})
		b.want(b.Do("GET", path+"/payments", b.AllToken, nil), obj{"items": []any{obj{"reference": "pay_a", "status": "failed"}}})
		b.want(b.Do("GET", path, b.AllToken, nil), obj{"status": "void"})
		b.Sound("orders.", "payments.")
	})
}

// A customer who is deleted takes their methods along, those of their
// subscriptions too: these have ended, and are charged to nothing.
func TestDeletedMethodOfASubscription(t *testing.T) {
	each(t, func(b *bench) {
		p := b.Processor()
		s, customer := b.paying()
		b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "next_period"})
		p.Answer(payment.ChargeResult{State: payment.StateFailed}, nil)
		b.due("2026-02-10T00:00:01Z")
		b.want(b.get(s), obj{"status": "past_due"})
		p.Heal()
		b.Card(customer, true) // it becomes the subscription's own
		b.due("2026-02-10T00:00:02Z")
		b.want(b.get(s), obj{"status": "active"})
		if r := b.Do("DELETE", "/v1/customers/"+customer, b.AllToken, nil); r.Status != 204 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		b.Sound("payments.methods")
	})
}
