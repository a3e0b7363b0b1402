package subscription_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// entries are what is left to be billed, as "credit 5000" or "debit 15000".
func (b *bench) entries(s string) []string {
	b.t.Helper()
	list, err := db.All[string](b.t.Context(), b.DB, `SELECT direction || ' ' || CAST(amount AS text) FROM billing_entries
		WHERE organization_id = ? AND subscription_id = ? AND order_id IS NULL ORDER BY seq`, b.Org.ID, s)
	if err != nil {
		b.t.Fatal(err)
	}
	return list
}

func (b *bench) left(s string, want ...string) {
	b.t.Helper()
	if got := b.entries(s); fmt.Sprint(got) != fmt.Sprint(want) {
		b.t.Errorf("entries %v, want %v", got, want)
	}
}

func (b *bench) lastOrder(s string) obj {
	b.t.Helper()
	list := b.orders(s)
	return list[len(list)-1].(obj)
}

func num(v any) string { return fmt.Sprint(v) }

// The rows of the specification's table of prorations.
func TestProrations(t *testing.T) { // 38
	each(t, func(b *bench) {
		type plan struct {
			price    int
			interval string
		}
		month, year := "month", "year"
		percent := func(points int) obj { return obj{"basis_points": points} }
		off := func(amount int) obj {
			return obj{"type": "fixed", "amount": amount, "currency": "usd", "basis_points": nil}
		}
		for i, c := range []struct {
			from, to   plan
			start, now string
			before     obj
			after      obj // nil keeps what there is
			none       bool
			want       []string
		}{
			{plan{10000, month}, plan{30000, month}, "2026-06-01", "2026-06-16", nil, nil, false, []string{"credit 5000", "debit 15000"}},
			{plan{10000, month}, plan{30000, month}, "2026-06-01", "2026-06-11", nil, nil, false, []string{"credit 6667", "debit 20000"}},
			{plan{10000, month}, plan{30000, month}, "2024-02-18", "2024-02-25", nil, nil, false, []string{"credit 7586", "debit 22759"}},
			{plan{100000, year}, plan{300000, year}, "2024-08-01", "2024-10-01", nil, nil, false, []string{"credit 83288", "debit 249863"}},
			{plan{100000, year}, plan{300000, year}, "2024-02-18", "2024-09-05", nil, nil, false, []string{"credit 45355", "debit 136066"}},
			{plan{100000, year}, plan{300000, year}, "2023-02-18", "2023-09-05", nil, nil, false, []string{"credit 45479", "debit 136438"}},
			{plan{10000, month}, plan{100000, month}, "2026-06-01", "2026-06-16", percent(2500), percent(5000), false, []string{"credit 3750", "debit 25000"}},
			{plan{10000, month}, plan{100000, month}, "2026-06-01", "2026-06-16", nil, percent(5000), false, []string{"credit 5000", "debit 25000"}},
			{plan{10000, month}, plan{100000, month}, "2026-06-01", "2026-06-16", percent(2500), nil, true, []string{"credit 3750", "debit 50000"}},
			{plan{10000, month}, plan{100000, month}, "2026-06-01", "2026-06-16", off(2500), off(5000), false, []string{"credit 3750", "debit 47500"}},
			{plan{0, month}, plan{5000, month}, "2026-06-01", "2026-06-01", nil, nil, false, []string{"debit 5000"}},
		} {
			product := func(p plan) string { return b.fixed(p.price, obj{"recurring_interval": p.interval}) }
			from, to := product(c.from), product(c.to)
			b.at(c.start + "T00:00:00Z")
			var before, after string
			if c.before != nil {
				before = b.Discount(c.before).ID()
			}
			if c.after != nil {
				after = b.Discount(c.after).ID()
			}
			customer := b.Customer(nil).ID()
			b.at(c.start + "T00:00:00Z") // to the millisecond, as far as requests let it
			s := b.subscribe(from, invoiced, obj{"customer_id": customer}).ID()
			if before != "" {
				b.patch(s, obj{"discount_id": before})
			}
			start := b.get(s).Text("current_period_start")
			at, err := time.Parse(time.RFC3339Nano, start)
			if err != nil {
				b.t.Fatal(err)
			}
			now, _ := time.Parse(time.DateOnly, c.now)
			day, _ := time.Parse(time.DateOnly, c.start)
			body := obj{"product_id": to, "proration_behavior": "prorate"}
			if c.none {
				body["discount_id"] = nil
			} else if after != "" {
				body["discount_id"] = after
			}
			b.Clock.Set(at.Add(now.Sub(day)).Add(-time.Millisecond)) // the request itself takes one
			r := b.patch(s, body)
			if r.Status != 200 {
				b.t.Fatalf("case %d: %d %s", i, r.Status, r.Body)
			}
			b.left(s, c.want...)
			if r.Path("current_period_start") != start || len(b.orders(s)) != 1 {
				b.t.Errorf("case %d: the period moved or an order was made: %s", i, r.Body)
			}
		}
	})
}

// What restarts the period is ordered at once: the old plan's rest is given
// back, the new one is paid in full.
// A period of centuries is as long as it is.
func TestProrationOfCenturies(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2000-01-01T00:00:00Z")
		centuries := obj{"recurring_interval": "year", "recurring_interval_count": 400}
		s := b.subscribe(b.fixed(1000, centuries), invoiced).ID()
		b.at("2200-01-01T00:00:00Z") // the first half of 400 years has a day more
		b.patch(s, obj{"product_id": b.fixed(3000, centuries), "proration_behavior": "invoice"})
		if o := b.lastOrder(s); num(o["net_amount"]) != "1000" {
			b.t.Errorf("half of the period costs %v more", o["net_amount"])
		}
	})
}

func TestChangeOfInterval(t *testing.T) { // 41
	each(t, func(b *bench) {
		for _, c := range []struct {
			from, to       int
			fromInt, toInt string
			start, now     string
			want           []string
		}{
			{10000, 100000, "month", "year", "2026-06-01", "2026-06-16", []string{"-5000", "100000"}},
			{100000, 10000, "year", "month", "2026-06-01", "2026-08-13", []string{"-80000", "10000"}},
			{100000, 10000, "year", "month", "2024-02-18", "2024-04-19", []string{"-83333", "10000"}},
		} {
			from := b.fixed(c.from, obj{"recurring_interval": c.fromInt})
			to := b.fixed(c.to, obj{"recurring_interval": c.toInt})
			customer := b.Customer(nil).ID()
			b.at(c.start + "T00:00:00Z")
			s := b.subscribe(from, invoiced, obj{"customer_id": customer}).ID()
			at, _ := time.Parse(time.RFC3339Nano, b.get(s).Text("current_period_start"))
			now, _ := time.Parse(time.DateOnly, c.now)
			day, _ := time.Parse(time.DateOnly, c.start)
			b.Clock.Set(at.Add(now.Sub(day)).Add(-time.Millisecond))
			r := b.patch(s, obj{"product_id": to, "proration_behavior": "prorate"})
			b.want(r, obj{"recurring_interval": c.toInt, "amount": c.to})
			if got := r.Text("current_period_start")[:10]; got != c.now {
				b.t.Errorf("the period starts %s", got)
			}
			o := b.lastOrder(s)
			var got []string
			for _, i := range o["items"].([]any) {
				got = append(got, num(i.(obj)["amount"]))
			}
			if fmt.Sprint(got) != fmt.Sprint(c.want) || o["billing_reason"] != "subscription_update" {
				b.t.Errorf("order %v, want %v: %v", got, c.want, o)
			}
		}
	})
}

func TestChangeNow(t *testing.T) { // 39, 40, 43, 44
	each(t, func(b *bench) {
		b.at("2026-06-01T00:00:00Z")
		free := b.subscribe(b.fixed(0)).ID()
		paid := b.fixed(5000)
		before := b.get(free).Body
		b.refused(b.patch(free, obj{"product_id": paid, "proration_behavior": "invoice"}), 402, "PaymentFailed",
			"Payment failed with reason: missing_payment_method.")
		yearly := b.fixed(5000, obj{"recurring_interval": "year"})
		b.refused(b.patch(free, obj{"product_id": yearly}), 402, "PaymentFailed")
		if after := b.get(free).Body; after != before {
			b.t.Errorf("a refused change left traces:\n%s\n%s", before, after)
		}
		b.patch(free, obj{"product_id": b.fixed(0), "proration_behavior": "next_period"})
		b.said(b.events(func() {
			b.want(b.patch(free, obj{"product_id": paid, "proration_behavior": "invoice", "collection_method": "send_invoice"}),
				obj{"product_id": paid, "amount": 5000, "pending_update": nil})
		}, "subscription.", "order."), "order.created", "subscription.updated")
		if o := b.lastOrder(free); o["status"] != "pending" || o["billing_reason"] != "subscription_update" {
			b.t.Errorf("order: %v", o)
		}
		b.left(free)

		b.want(b.patch(free, obj{"product_id": b.fixed(6000), "proration_behavior": "invoice"}), obj{"amount": 6000}) // it is remembered
		b.refused(b.patch(free, obj{"product_id": b.fixed(9000), "proration_behavior": "invoice", "collection_method": "charge_automatically"}), 402)
		b.want(b.patch(free, obj{"product_id": b.fixed(7000), "proration_behavior": "next_period", "collection_method": "charge_automatically"}), obj{"amount": 6000})
		b.refused(b.patch(free, obj{"product_id": b.fixed(9000), "proration_behavior": "invoice"}), 402)

		// Down again: what is given back goes to the balance and pays what comes.
		b.said(b.events(func() { b.patch(free, obj{"product_id": b.fixed(0), "proration_behavior": "invoice"}) }, "subscription.", "order."),
			"order.created", "order.updated", "order.paid", "subscription.updated")

		s := b.subscribe(b.fixed(1000), invoiced).ID()
		b.refused(b.patch(s, obj{"product_id": paid, "proration_behavior": "reset"}), 422,
			"The 'reset' proration behavior is not enabled for this organization.", `"body","proration_behavior"`)
		b.Switch(b.Org, "reset_proration_behavior", true)
		b.at("2026-06-16T00:00:00Z")
		r := b.patch(s, obj{"product_id": paid, "proration_behavior": "reset"})
		if r.Text("current_period_start")[:10] != "2026-06-16" || r.Text("current_period_end")[:10] != "2026-07-16" {
			b.t.Errorf("reset: %s", r.Body)
		}
		o := b.lastOrder(s)
		if items := o["items"].([]any); len(items) != 1 || num(items[0].(obj)["amount"]) != "5000" {
			b.t.Errorf("reset ordered %v", o)
		}
	})
}

func TestNextPeriod(t *testing.T) { // 31 to 34, 42
	each(t, func(b *bench) {
		b.at("2026-01-15T00:00:00Z")
		free, other := b.fixed(0), b.fixed(0)
		yearly := b.fixed(0, obj{"recurring_interval": "year"})
		s := b.subscribe(free).ID()
		r := b.patch(s, obj{"product_id": other, "proration_behavior": "next_period"})
		b.want(r, obj{"product_id": free, "pending_update": obj{"product_id": other, "applies_at": r.Path("current_period_end"), "modified_at": nil}})
		first := r.Text("pending_update.id")
		r = b.patch(s, obj{"product_id": other, "proration_behavior": "next_period"})
		if r.Text("pending_update.id") != first || r.Path("pending_update.modified_at") == nil {
			b.t.Errorf("a second request: %s", r.Body)
		}
		b.due("2026-02-16T00:00:00Z")
		b.want(b.get(s), obj{"product_id": other, "pending_update": nil})
		b.ends(s, "2026-03-15", "2026-04-15")
		b.patch(s, obj{"product_id": yearly, "proration_behavior": "next_period"})
		b.ends(s, "2026-05-15", "2027-05-15")

		// A pause in between puts it off.
		b.at("2026-01-15T00:00:00Z")
		s = b.subscribe(free).ID()
		b.patch(s, obj{"product_id": yearly, "proration_behavior": "next_period"})
		b.patch(s, obj{"pending_update": nil})
		b.patch(s, obj{"pause_at_period_end": true})
		b.due("2026-03-01T00:00:00Z")
		b.want(b.patch(s, obj{"product_id": yearly, "proration_behavior": "next_period"}), obj{"status": "paused", "pending_update": obj{"product_id": yearly}})
		b.at("2026-05-20T00:00:00Z")
		r = b.patch(s, obj{"resume": true})
		b.want(r, obj{"status": "active", "product_id": yearly, "pending_update": nil})
		b.ends(s, "2027-05-20", "2028-05-20")

		// 33
		b.at("2026-01-15T00:00:00Z")
		s = b.subscribe(free).ID()
		gone := b.fixed(0)
		b.patch(s, obj{"product_id": gone, "proration_behavior": "next_period"})
		err := b.DB.Write(b.t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(b.t.Context(), tx, `UPDATE product_prices SET price_currency = 'eur' WHERE organization_id = ? AND product_id = ?`, b.Org.ID, gone)
			return err
		})
		if err != nil {
			b.t.Fatal(err)
		}
		b.due("2026-02-16T00:00:00Z")
		b.want(b.get(s), obj{"product_id": free, "pending_update": nil})

		// 34, 52
		b.at("2026-01-15T00:00:00Z")
		s = b.subscribe(b.seats(1, 100, 1000), invoiced).ID()
		b.patch(s, obj{"seats": 5, "proration_behavior": "next_period"})
		b.want(b.get(s), obj{"seats": 1, "amount": 1000, "pending_update": obj{"seats": 5}})
		b.due("2026-02-15T12:00:00Z")
		b.want(b.get(s), obj{"seats": 5, "amount": 5000})
		if o := b.lastOrder(s); num(o["subtotal_amount"]) != "5000" {
			b.t.Errorf("billed %v", o)
		}
	})
}

// What a product does not sell in the quantity that there will be is refused
// at once; where that comes about later, the subscription stays what it is.
// A product that somebody is to have is in use.
func TestNextProductStays(t *testing.T) {
	each(t, func(b *bench) {
		s, to := b.subscribe(b.fixed(0)).ID(), b.fixed(0)
		b.patch(s, obj{"product_id": to, "proration_behavior": "next_period"})
		b.refused(b.Do("DELETE", "/v1/products/"+to, b.AllToken, nil), 409, "ProductNotDeletable")
		b.patch(s, obj{"pending_update": nil})
		if r := b.Do("DELETE", "/v1/products/"+to, b.AllToken, nil); r.Status != 204 {
			b.t.Errorf("%d %s", r.Status, r.Body)
		}
	})
}

func TestNextProductAndQuantity(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-15T00:00:00Z")
		wide, small := b.seats(1, 100, 1000), b.seats(1, 10, 500)
		later := func(key string, v any) obj { return obj{key: v, "proration_behavior": "next_period"} }
		s := b.subscribe(wide, invoiced).ID()
		b.patch(s, obj{"seats": 15})
		b.refused(b.patch(s, later("product_id", small)), 400, "InvalidQuantityError", "No tier covers quantity 15")
		b.want(b.get(s), obj{"pending_update": nil})
		other := b.subscribe(wide, invoiced).ID()
		b.want(b.patch(other, later("seats", 15)), obj{"pending_update": obj{"seats": 15}})
		b.refused(b.patch(other, later("product_id", small)), 400, "InvalidQuantityError", "No tier covers quantity 15")
		b.want(b.patch(other, later("seats", 9)), obj{"pending_update": obj{"seats": 9, "product_id": nil}})
		b.want(b.patch(other, later("product_id", small)), obj{"pending_update": obj{"seats": 9, "product_id": small}})
		b.want(b.patch(s, later("seats", 8)), obj{"pending_update": obj{"seats": 8}})
		b.want(b.patch(s, later("product_id", small)), obj{"pending_update": obj{"product_id": small}})
		tiers := obj{"tiers": []any{obj{"min_seats": 1, "max_seats": 8, "price_per_seat": 500}}}
		f := b.Do("PATCH", "/v1/products/"+small, b.AllToken, obj{"prices": []any{obj{"amount_type": "seat_based", "seat_tiers": tiers}}})
		if f.Status != 200 {
			b.t.Fatal(f.Body)
		}
		b.due("2026-02-15T12:00:00Z")
		b.want(b.get(s), obj{"product_id": small, "seats": 8, "amount": 4000, "pending_update": nil})
		b.want(b.get(other), obj{"product_id": wide, "seats": 1, "amount": 1000, "pending_update": nil})
		b.ends(other, "2026-03-15")
	})
}

func TestTooMuch(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-01-15T00:00:00Z")
		tiers := obj{"tiers": []any{obj{"min_seats": 1, "price_per_seat": 99_999_999}}}
		p := b.Product(obj{"prices": []any{obj{"amount_type": "seat_based", "seat_tiers": tiers}}}).ID()
		s := b.subscribe(p, invoiced).ID()
		for _, how := range []string{"prorate", "next_period", "invoice"} {
			b.refused(b.patch(s, obj{"seats": 10_000_001, "proration_behavior": how}), 400, "InvalidQuantityError",
				"Quantity 10000001 costs more than can be charged")
		}
		b.want(b.patch(s, obj{"seats": 10_000_000}), obj{"amount": 999_999_990_000_000})
	})
}

func TestTargets(t *testing.T) { // 46, 47
	each(t, func(b *bench) {
		s := b.subscribe(b.fixed(0)).ID()
		refuse := func(product string, text string) {
			b.t.Helper()
			b.refused(b.patch(s, obj{"product_id": product}), 422, text, `"body","product_id"`)
		}
		refuse(s, "Product does not exist.")
		archived := b.fixed(0)
		b.Do("PATCH", "/v1/products/"+archived, b.AllToken, obj{"is_archived": true})
		refuse(archived, "Product is archived.")
		refuse(b.Product(obj{"recurring_interval": nil}).ID(), "Product is not recurring.")
		refuse(b.Product(obj{"prices": []any{obj{"amount_type": "custom"}}}).ID(), "Can't update to a product with custom prices.")
		exec := func(text string, args ...any) {
			b.t.Helper()
			err := b.DB.Write(b.t.Context(), func(tx *db.Tx) error {
				_, err := db.Exec(b.t.Context(), tx, text, args...)
				return err
			})
			if err != nil {
				b.t.Fatal(err)
			}
		}
		legacy := b.fixed(0)
		exec(`UPDATE products SET recurring_interval = NULL, recurring_interval_count = NULL WHERE organization_id = ? AND id = ?`, b.Org.ID, legacy)
		exec(`UPDATE product_prices SET legacy_interval = 'month' WHERE organization_id = ? AND product_id = ?`, b.Org.ID, legacy)
		refuse(legacy, "Product has legacy recurring prices.")
		elsewhere := b.fixed(0)
		exec(`UPDATE product_prices SET price_currency = 'eur' WHERE organization_id = ? AND product_id = ?`, b.Org.ID, elsewhere)
		refuse(elsewhere, "This product doesn't have a price for the subscription currency.")
		seats := b.seats(3, 20, 1000)
		b.refused(b.patch(s, obj{"product_id": seats, "proration_behavior": "next_period"}), 422, `"body","proration_behavior"`,
			"Switching from a non-seat to a seat-based product must apply immediately and can't use the 'next_period' proration behavior.")
		b.want(b.patch(s, obj{"product_id": seats}), obj{"seats": 3, "amount": 3000, "customer": obj{"type": "team"}})
		refuse(b.fixed(0), "Can't switch from a seat-based to a non-seat-based product.")
	})
}

func TestSeats(t *testing.T) { // 52, 54 to 56
	each(t, func(b *bench) {
		b.at("2026-06-01T00:00:00Z")
		p := b.seats(1, 100, 1000)
		s := b.subscribe(p, invoiced).ID()
		grow := func(n int, more ...obj) *floetest.Response {
			body := obj{"seats": n, "proration_behavior": "prorate"}
			for _, m := range more {
				for k, v := range m {
					body[k] = v
				}
			}
			start, _ := time.Parse(time.RFC3339Nano, b.get(s).Text("current_period_start"))
			b.Clock.Set(start.Add(-time.Millisecond)) // the whole period is left
			return b.patch(s, body)
		}
		b.want(grow(5), obj{"seats": 5, "amount": 5000})
		b.left(s, "debit 4000")
		b.want(grow(10), obj{"seats": 10, "amount": 10000})
		b.left(s, "debit 4000", "debit 5000")
		grow(5)
		b.left(s, "debit 4000", "debit 5000", "credit 5000")
		b.said(b.events(func() { b.want(grow(5), obj{"seats": 5}) }))
		b.patch(s, obj{"seats": 7, "proration_behavior": "next_period"})
		b.said(b.events(func() { b.want(grow(5), obj{"seats": 5, "pending_update": nil}) }), "subscription.updated")
		b.refused(grow(0), 422, "greater_than_equal")
		b.refused(grow(101), 400, "AboveMaximumSeats", "Maximum 100 seats allowed.")
		other := b.subscribe(b.seats(3, 20, 0)).ID()
		b.refused(b.patch(other, obj{"seats": 2}), 400, "BelowMinimumSeats", "Minimum 3 seats required.")
		b.refused(b.patch(other, obj{"seats": 21}), 400, "AboveMaximumSeats", "Maximum 20 seats allowed.")
		b.refused(b.patch(b.subscribe(b.fixed(0)).ID(), obj{"seats": 2}), 400, "NotASeatBasedSubscription")
		b.refused(b.patch(s, obj{"units": 2}), 400, "NotAUnitBasedSubscription")

		for _, c := range []struct {
			discount obj
			from, to int
			want     []string
		}{
			{obj{"type": "fixed", "amount": 1000, "currency": "usd", "basis_points": nil}, 5, 10, []string{"debit 5000"}},
			{obj{"basis_points": 2000}, 5, 10, []string{"debit 4000"}},
			{obj{"type": "fixed", "amount": 1000, "currency": "usd", "basis_points": nil}, 10, 5, []string{"credit 5000"}},
			{obj{"basis_points": 10000}, 1, 2, nil},
		} {
			b.at("2026-06-01T00:00:00Z")
			s = b.subscribe(p, invoiced).ID()
			b.patch(s, obj{"discount_id": b.Discount(c.discount).ID()})
			if c.from != 1 {
				b.patch(s, obj{"seats": c.from, "proration_behavior": "next_period"})
				b.due("2026-07-02T00:00:00Z")
			}
			grow(c.to)
			b.left(s, c.want...)
		}

		// 56
		b.at("2026-06-01T00:00:00Z")
		s = b.subscribe(p, invoiced).ID()
		next := b.seats(1, 100, 2000)
		b.patch(s, obj{"product_id": next, "proration_behavior": "next_period"})
		b.patch(s, obj{"seats": 9, "proration_behavior": "next_period"})
		b.want(b.patch(s, obj{"seats": 4, "proration_behavior": "prorate"}), obj{"seats": 4, "pending_update": obj{"product_id": next, "seats": nil}})
		b.due("2026-07-01T12:00:00Z")
		b.want(b.get(s), obj{"seats": 4, "amount": 8000, "product_id": next})
	})
}

// TestSeatsOfAnotherProduct: nobody gets more seats than a product sells, while
// fewer can be added once it is there.
func TestSeatsOfAnotherProduct(t *testing.T) {
	each(t, func(b *bench) {
		graduated := func(least, most int) string {
			return b.Product(obj{"prices": []any{obj{"amount_type": "seat_based", "price_currency": "usd", "seat_tiers": obj{"seat_tier_type": "graduated",
				"tiers": []any{obj{"min_seats": least, "max_seats": most, "price_per_seat": 1000}}}}}}).ID()
		}
		few, many, teams := graduated(1, 5), graduated(1, 20), graduated(15, 40)
		s := b.subscribe(many, invoiced).ID()
		b.want(b.patch(s, obj{"seats": 10}), obj{"seats": 10})
		for _, how := range []string{"prorate", "next_period"} {
			b.refused(b.patch(s, obj{"product_id": few, "proration_behavior": how}), 400, "InvalidQuantityError", "No tier covers quantity 10")
		}
		b.want(b.patch(s, obj{"product_id": teams}), obj{"seats": 10, "amount": 10000})
		b.want(b.patch(s, obj{"seats": 30}), obj{"seats": 30, "amount": 30000})
		b.want(b.patch(s, obj{"seats": 16, "proration_behavior": "next_period"}), obj{"seats": 30})
		b.want(b.patch(s, obj{"seats": 18}), obj{"seats": 18})
		b.want(b.patch(s, obj{"seats": 25, "proration_behavior": "next_period"}), obj{"pending_update": obj{"seats": 25}})
		b.refused(b.patch(s, obj{"product_id": many, "proration_behavior": "next_period"}), 400, "InvalidQuantityError", "No tier covers quantity 25") // then there are 25
	})
}

func TestFixedAndSeats(t *testing.T) {
	each(t, func(b *bench) {
		product := func(base, seat int) string {
			return b.Product(obj{"prices": []any{
				obj{"amount_type": "fixed", "price_amount": base, "price_currency": "usd"},
				obj{"amount_type": "seat_based", "price_currency": "usd", "seat_tiers": obj{"tiers": []any{obj{"min_seats": 1, "price_per_seat": seat}}}},
			}}).ID()
		}
		from, to := product(10000, 20000), product(30000, 20000)
		d := b.Discount(obj{"type": "fixed", "amount": 9000, "currency": "usd", "basis_points": nil}).ID()
		c := b.Customer(nil).ID()
		b.at("2026-06-01T00:00:00Z")
		s := b.subscribe(from, invoiced, obj{"customer_id": c}).ID()
		b.want(b.patch(s, obj{"discount_id": d}), obj{"amount": 21000})
		start, _ := time.Parse(time.RFC3339Nano, b.get(s).Text("current_period_start"))
		b.Clock.Set(start.AddDate(0, 0, 15).Add(-time.Millisecond))
		b.patch(s, obj{"product_id": to, "proration_behavior": "prorate"})
		b.left(s, "credit 3500", "credit 7000", "debit 12300", "debit 8200")
	})
}

// Whoever changes to seats keeps no benefits of their own, which would stay
// with them when the subscription ends.
func TestChangeToSeatsTakesBenefits(t *testing.T) {
	each(t, func(b *bench) {
		p, seats := b.granting(0), b.seats(1, 5, 700)
		both := []string{b.Benefit(nil).ID(), b.Benefit(obj{"type": "license_keys"}).ID()}
		for _, product := range []string{p, seats} {
			b.Do("POST", "/v1/products/"+product+"/benefits", b.AllToken, obj{"benefits": both})
		}
		s := b.subscribe(p).ID()
		granted := func(want int) {
			b.t.Helper()
			r := b.Do("GET", "/v1/benefit-grants/?is_granted=true&subscription_id="+s, b.AllToken, nil)
			if got := len(r.Path("items").([]any)); got != want {
				b.t.Errorf("%d benefits are granted, want %d", got, want)
			}
		}
		granted(2)
		b.want(b.patch(s, obj{"product_id": seats, "collection_method": "send_invoice"}), obj{"seats": 1})
		granted(0)
		if got := b.events(func() { b.patch(s, obj{"revoke": true}) }, "benefit_grant."); len(got) != 0 {
			b.t.Errorf("%v when it ends", got)
		}
	})
}

// Orders count units in the words of their price, and show how many there are.
func TestWordsForUnits(t *testing.T) {
	each(t, func(b *bench) {
		b.Switch(b.Org, "unit_based_pricing", true)
		b.at("2026-01-15T00:00:00Z")
		for _, c := range []struct {
			words     any
			one, four string
		}{
			{nil, "1 unit", "1 → 4 units"},
			{obj{"en": obj{"=1": "device", "other": "devices"}}, "1 device", "1 → 4 devices"},
			{obj{"en": obj{"one": "device", "other": "devices"}}, "1 device", "1 → 4 devices"},
			{obj{"en": obj{"=4": "quartet", "other": "kit"}}, "1 kit", "1 → 4 quartet"},
			{obj{"de": obj{"=1": "Gerät", "other": "Geräte"}}, "1 unit", "1 → 4 units"},
		} {
			s := b.subscribe(b.Product(obj{"name": "Fleet", "prices": []any{obj{"amount_type": "unit_based", "price_currency": "usd",
				"unit_label": c.words, "tiers": obj{"type": "volume", "tiers": []any{obj{"unit_amount": 100}}}}}}).ID(), invoiced).ID()
			b.want(b.patch(s, obj{"units": 4, "proration_behavior": "invoice"}), obj{"units": 4})
			for i, counted := range []string{c.one, c.four} {
				o := b.orders(s)[i].(obj)
				if got := o["items"].([]any)[0].(obj)["label"].(string); !strings.HasPrefix(got, "Fleet ("+counted+")") {
					t.Errorf("%v: an item says %q, want %q", c.words, got, counted)
				}
				if units, given := o["units"]; !given || units != nil || num(o["subscription"].(obj)["units"]) != "4" {
					t.Errorf("the units of an order are %v, those of its subscription %v", units, o["subscription"].(obj)["units"])
				}
			}
		}
	})
}

// TestAmountsOfTiers: what a number of seats or units costs in each kind of
// tiers, and with each kind of discount, is what the doctor reckons.
func TestAmountsOfTiers(t *testing.T) {
	each(t, func(b *bench) {
		b.Feature(b.Org, "seat_based_pricing_enabled", true)
		b.Switch(b.Org, "unit_based_pricing", true)
		b.at("2026-01-15T00:00:00Z")
		off := []obj{
			{"name": "Share", "type": "percentage", "basis_points": 3333, "duration": "forever"},
			{"name": "Amount", "type": "fixed", "amounts": obj{"usd": 2500}, "duration": "forever"},
		}
		for i := range off {
			off[i] = obj{"discount_id": b.Do("POST", "/v1/discounts/", b.AllToken, off[i]).ID()}
		}
		for _, mode := range []string{"volume", "graduated"} {
			kinds := map[string]obj{
				"seats": {"amount_type": "seat_based", "seat_tiers": obj{"seat_tier_type": mode, "tiers": []any{
					obj{"min_seats": 1, "max_seats": 5, "price_per_seat": 1000}, obj{"min_seats": 6, "max_seats": 10, "price_per_seat": 701}, obj{"min_seats": 11, "price_per_seat": 303}}}},
				"units": {"amount_type": "unit_based", "tiers": obj{"type": mode, "tiers": []any{
					obj{"bound": 5, "unit_amount": 1000}, obj{"bound": 10, "unit_amount": 701}, obj{"unit_amount": 303}}}},
			}
			for kind, price := range kinds {
				p := b.Product(obj{"prices": []any{obj{"amount_type": "fixed", "price_amount": 99}, price}}).ID()
				for _, n := range []int{1, 5, 6, 13} {
					for _, change := range append(off, obj{"discount_id": nil}) {
						s := b.subscribe(p, invoiced).ID()
						b.patch(s, obj{kind: n, "proration_behavior": "prorate"})
						b.want(b.patch(s, change), obj{kind: n})
					}
				}
			}
		}
		b.Sound("subscriptions.")
	})
}

// TestPendingProductHasOtherPrices: a change that waits is not made where it
// would be refused by then, because the product is sold by other prices.
func TestPendingProductHasOtherPrices(t *testing.T) {
	each(t, func(b *bench) {
		b.Feature(b.Org, "seat_based_pricing_enabled", true)
		b.Switch(b.Org, "unit_based_pricing", true)
		fixed := obj{"amount_type": "fixed", "price_amount": 3000}
		seats := obj{"amount_type": "seat_based", "seat_tiers": obj{"tiers": []any{obj{"min_seats": 3, "price_per_seat": 500}}}}
		units := obj{"amount_type": "unit_based", "tiers": obj{"type": "volume", "tiers": []any{obj{"unit_amount": 5}}}}
		custom := obj{"amount_type": "custom", "minimum_amount": 700}
		b.at("2026-01-15T00:00:00Z")
		type change struct{ subscription, from, to string }
		pending := func(from, to string, prices obj) change {
			c := change{b.subscribe(from, invoiced).ID(), from, to}
			b.want(b.patch(c.subscription, obj{"product_id": to, "proration_behavior": "next_period"}), obj{"pending_update": obj{"product_id": to}})
			if r := b.Do("PATCH", "/v1/products/"+to, b.AllToken, obj{"prices": []any{prices}}); r.Status != 200 {
				b.t.Fatal(r.Body)
			}
			return c
		}
		made := []change{pending(b.fixed(1000), b.fixed(2000), fixed), pending(b.seats(1, 10, 1000), b.seats(1, 5, 900), seats)}
		dropped := []change{
			pending(b.fixed(1000), b.fixed(2000), custom), pending(b.fixed(1000), b.fixed(2000), seats),
			pending(b.fixed(1000), b.fixed(2000), units), pending(b.seats(1, 10, 1000), b.seats(1, 5, 900), fixed),
		}
		b.due("2026-02-15T01:00:00Z")
		for _, c := range made {
			b.want(b.get(c.subscription), obj{"product_id": c.to, "pending_update": nil})
		}
		for _, c := range dropped {
			b.want(b.get(c.subscription), obj{"product_id": c.from, "amount": 1000, "pending_update": nil})
		}
	})
}

// A test clock can show a time before a period begins. What is left of the period
// is all of it then, and not as many times as would fit in between.
func TestChangeBeforeThePeriod(t *testing.T) {
	each(t, func(b *bench) {
		b.at("2026-06-01T00:00:00Z")
		s := b.subscribe(b.fixed(1000), invoiced).ID()
		seats := b.Product(obj{"recurring_interval": "day", "prices": []any{obj{"amount_type": "seat_based", "seat_tiers": obj{"tiers": []any{
			obj{"min_seats": 1, "max_seats": nil, "price_per_seat": 99999999}}}}}}).ID()
		many := b.subscribe(seats, invoiced).ID()
		b.Is(b.Do("POST", "/v1/test-clock", b.AllToken, obj{"now": "1970-01-02T00:00:00Z"}), 201, nil)
		b.Is(b.patch(s, obj{"product_id": b.fixed(3000), "proration_behavior": "prorate"}), 200, nil)
		b.left(s, "credit 1000", "debit 3000")
		b.Is(b.patch(many, obj{"seats": 9000001, "proration_behavior": "prorate"}), 200, nil)
		b.left(many, "debit 899999991000000")
		b.refused(b.patch(s, obj{"current_billing_period_end": "1980-01-01T00:00:00Z"}), 422, "Input should be in the future")
		b.Is(b.Do("DELETE", "/v1/test-clock", b.AllToken, nil), 204, nil)
		onTrial := func() string {
			return b.subscribe(b.fixed(1000, obj{"trial_interval": "month", "trial_interval_count": 1}), invoiced).ID()
		}
		ends, canceled := onTrial(), onTrial()
		b.Is(b.patch(canceled, obj{"cancel_at_period_end": true}), 200, nil)
		b.Is(b.Do("POST", "/v1/test-clock", b.AllToken, obj{"now": "1970-01-02T00:00:00Z"}), 201, nil)
		b.refused(b.patch(ends, obj{"trial_end": "1980-01-01T00:00:00Z"}), 422, "Input should be in the future")
		b.Is(b.patch(ends, obj{"trial_end": "now"}), 200, obj{"status": "active"})
		b.Is(b.patch(canceled, obj{"trial_end": "now"}), 200, obj{"status": "canceled"})
		b.Sound("subscriptions.")
	})
}
