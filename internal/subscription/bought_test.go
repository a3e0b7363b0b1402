package subscription_test

import (
	"context"
	"fmt"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/order"
	"floe/internal/payment"
)

// What the first order bills, and which benefits come with it. Cases 18 of the
// checklist of orders, 70 of that of benefits.
func TestWhatIsBought(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		p := b.Product(obj{"name": "Plan with usage", "prices": []any{
			obj{"amount_type": "fixed", "price_amount": 1000, "price_currency": "usd"},
			obj{"amount_type": "metered_unit", "meter_id": b.Meter(b.Org, "Calls"), "unit_amount": "0.5", "price_currency": "usd"},
		}}).ID()
		benefits := map[string]string{
			"custom":       b.Benefit(obj{"properties": obj{"note": "Hello"}}).ID(),
			"feature_flag": b.Benefit(obj{"type": "feature_flag", "properties": obj{}}).ID(),
			"license_keys": b.Benefit(obj{"type": "license_keys", "properties": obj{"prefix": "k"}}).ID(),
			"meter_credit": b.Benefit(obj{"type": "meter_credit", "properties": obj{"meter_id": b.Meter(b.Org, "Credit"), "units": 5, "rollover": false}}).ID(),
		}
		var attached []string
		for _, x := range benefits {
			attached = append(attached, x)
		}
		b.Do("POST", "/v1/products/"+p+"/benefits", b.AllToken, obj{"benefits": attached})
		s := b.subscribe(p, invoiced).ID()
		list := b.orders(s)
		if items := list[0].(obj)["items"].([]any); len(list) != 1 || len(items) != 1 || items[0].(obj)["label"] != "Plan with usage" {
			b.t.Errorf("the first order is %v", list)
		}
		for kind, x := range benefits {
			r := b.Do("GET", "/v1/benefits/"+x+"/grants", b.AllToken, nil)
			b.want(r, obj{"pagination": obj{"total_count": 1}, "items": []any{obj{"is_granted": true, "subscription_id": s}}})
			if has := r.Path("items.0.properties.display_key") != nil; has != (kind == "license_keys") {
				b.t.Errorf("%s has %v", kind, r.Path("items.0.properties"))
			}
		}
	})
}

// A discount of everything leaves an order that is paid by itself. Case 16 of
// the checklist of orders.
func TestAllOff(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		b.pay(s)
		b.patch(s, obj{"discount_id": b.Discount(obj{"basis_points": 10000}).ID()})
		b.due("2026-02-11T00:00:00Z")
		o := b.lastOrder(s)
		got := fmt.Sprintln(o["subtotal_amount"], o["discount_amount"], o["net_amount"], o["due_amount"], o["status"], o["receipt_number"])
		if want := "1000 1000 0 0 paid <nil>\n"; got != want {
			b.t.Errorf("got %s, want %s", got, want)
		}
	})
}

// charger is a processor that can charge anybody.
type charger struct {
	payment.Manual
	charged []payment.Charge
}

func (*charger) Capabilities() payment.Capabilities { return payment.Capabilities{OffSession: true} }

func (c *charger) Charge(_ context.Context, x payment.Charge) (payment.ChargeResult, error) {
	c.charged = append(c.charged, x)
	return payment.ChargeResult{State: payment.StateSucceeded, Reference: "ch_" + string(x.Order)}, nil
}

// With a processor that charges, renewals are paid by themselves, other than
// those that are sent as invoices.
func TestRenewalIsCharged(t *testing.T) {
	each(t, func(b *bench) {
		c := &charger{}
		b.Server.Payments.Processor = c
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(0)).ID()
		b.patch(s, obj{"product_id": b.fixed(1000), "proration_behavior": "next_period"})
		sent := b.subscribe(b.fixed(1000), invoiced).ID()
		b.due("2026-02-11T00:00:00Z")
		if o := b.lastOrder(s); o["status"] != "paid" || num(o["due_amount"]) != "1000" || len(c.charged) != 1 || string(c.charged[0].Order) != o["id"] {
			b.t.Errorf("charged %+v for %v", c.charged, o)
		}
		if o := b.lastOrder(sent); o["status"] != "pending" {
			b.t.Errorf("an invoice is %v", o["status"])
		}
	})
}

// What has ended is not renewed. Case 23.
func TestEndedIsLeft(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(0)).ID()
		b.patch(s, obj{"revoke": true})
		before := b.get(s).Body
		b.said(b.events(func() { b.due("2026-06-01T00:00:00Z") }))
		if after := b.get(s).Body; after != before || len(b.orders(s)) != 0 {
			b.t.Errorf("changed from %s to %s", before, after)
		}
	})
}

// A payment that fails for what has ended, or for what was given up, has no
// consequence. Cases 49 and 52 of the checklist of orders.
func TestFailureAfterTheEnd(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-10T00:00:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		o := b.lastOrder(s)["id"].(string)
		fail := func(reference string, status int) {
			b.t.Helper()
			r := b.Do("POST", "/v1/orders/"+o+"/payments", b.AllToken, obj{"status": "failed", "amount": 1000, "reference": reference})
			if r.Status != status {
				b.t.Errorf("%s: %d %s", reference, r.Status, r.Body)
			}
		}
		fail("first", 201)
		b.want(b.get(s), obj{"status": "past_due"})
		b.patch(s, obj{"revoke": true})
		b.want(b.Do("GET", "/v1/orders/"+o, b.AllToken, nil), obj{"status": "void", "next_payment_attempt_at": nil})
		fail("of a void order", 409)
		err := b.DB.Write(b.t.Context(), func(tx *db.Tx) error { // taken up again, as an operator may
			r, err := order.Find(b.t.Context(), tx, b.Org.ID, id.ID(o))
			if err != nil {
				return err
			}
			return b.Server.Orders.Unvoid(b.t.Context(), tx, auth.NewSystem("test"), &r)
		})
		if err != nil {
			b.t.Fatal(err)
		}
		b.said(b.events(func() { fail("of an ended subscription", 201) }))
		b.want(b.Do("GET", "/v1/orders/"+o, b.AllToken, nil), obj{"status": "pending", "next_payment_attempt_at": nil})
		b.want(b.get(s), obj{"status": "canceled"})
	})
}
