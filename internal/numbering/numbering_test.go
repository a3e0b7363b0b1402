package numbering_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/numbering"
	"floe/internal/ordertest"
	"floe/internal/organization"
	"floe/internal/schema"
)

// TestNumbering: cases 39 and 40, and 64 writers at once. Numbers have no gaps
// and no doubles, also when some of the writers fail.
func TestNumbering(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		const writers, each = 64, 4
		var customers [4]string
		for i := range customers {
			customers[i] = w.Customer(nil).ID()
		}
		run := func() map[string]int {
			var wg sync.WaitGroup
			for i := range writers {
				wg.Go(func() {
					for j := range each {
						who := customers[(i+j)%len(customers)]
						err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
							c, err := w.Server.Customers.Lock(t.Context(), tx, w.Org.ID, id.ID(who))
							if err != nil {
								return err
							}
							if _, err := w.Server.Orders.Create(t.Context(), tx, ordertest.System, ordertest.Filled(w.Org.ID, c, ordertest.Costs(100))); err != nil {
								return err
							}
							if j == 1 {
								return io.EOF // what fails burns no number
							}
							return nil
						})
						if (err != nil) != (j == 1) {
							t.Error(err)
						}
					}
				})
			}
			wg.Wait()
			numbers, err := db.All[string](t.Context(), w.DB, `SELECT invoice_number FROM orders WHERE organization_id = ?`, w.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			seen := map[string]int{}
			for _, n := range numbers {
				seen[n]++
			}
			return seen
		}
		seen := run()
		for _, c := range customers { // 39: each customer from 1 on
			short := short(w, c)
			for i := range writers * (each - 1) / len(customers) {
				n := fmt.Sprintf("%s-%s-%04d", strings.ToUpper(w.Org.Slug), short, i+1)
				if seen[n] != 1 {
					t.Errorf("number %s was given %d times", n, seen[n])
				}
			}
		}
		if len(seen) != writers*(each-1) {
			t.Errorf("%d numbers, want %d", len(seen), writers*(each-1))
		}
		w.Write(func(ctx context.Context, tx *db.Tx) error { // 40
			_, err := db.Exec(ctx, tx, `UPDATE organizations SET invoice_numbering = 'organization', invoice_prefix = 'RE' WHERE id = ?`, w.Org.ID)
			return err
		})
		seen = run()
		for i := range writers * (each - 1) {
			if n := fmt.Sprintf("RE-%04d", i+1); seen[n] != 1 {
				t.Errorf("number %s was given %d times", n, seen[n])
			}
		}
	})
}

// TestPrefixOfCustomer: an organization cannot number all its invoices as those
// of one customer are.
func TestPrefixOfCustomer(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		c := w.Customer(nil).ID()
		w.Make(c, ordertest.Costs(100))
		own := strings.ToUpper(w.Org.Slug) + "-" + short(w, c)
		for _, x := range []struct {
			numbering, prefix string
			ok                bool
		}{{"organization", own, false}, {"organization", short(w, c), true}, {"organization", own + "X", true}, {"organization", "RE", true}, {"customer", own, true}} {
			err := w.DB.Write(t.Context(), func(tx *db.Tx) error {
				v := organization.Invoicing{NetDays: 14, Numbering: x.numbering, Prefix: &x.prefix}
				if err := organization.SetInvoicing(t.Context(), tx, w.Org.ID, v); err != nil {
					return err
				}
				return numbering.Check(t.Context(), tx, w.Org.ID)
			})
			if problems := (*schema.Problems)(nil); err == nil != x.ok || err != nil && !errors.As(err, &problems) {
				t.Errorf("%+v: %v", x, err)
			}
			w.Make(c, ordertest.Costs(100))
			w.Make(w.Customer(nil).ID(), ordertest.Costs(100))
		}
	})
}

// short is the part of a customer's invoice numbers that is theirs.
func short(w ordertest.World, customerID string) string {
	w.T.Helper()
	n, err := db.One[string](w.T.Context(), w.DB, `SELECT invoice_number FROM orders WHERE organization_id = ? AND customer_id = ? LIMIT 1`, w.Org.ID, customerID)
	if err != nil {
		w.T.Fatal(err)
	}
	parts := strings.Split(n, "-")
	return parts[len(parts)-2]
}

// TestShortIDsAtOnce: they are told apart, too, when their first orders are
// made at once, and the last of many is not long looked for.
func TestShortIDsAtOnce(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		const customers = 40
		ids := make([]string, customers)
		for i := range ids {
			ids[i] = w.Customer(nil).ID()
			w.Write(func(ctx context.Context, tx *db.Tx) error {
				_, err := db.Exec(ctx, tx, `UPDATE customers SET created_at = '2026-01-01T00:00:00Z', seq = ? WHERE organization_id = ? AND id = ?`,
					1024*(int64(i)+1<<30), w.Org.ID, ids[i])
				return err
			})
		}
		order := func(customer string) error {
			return w.DB.Write(t.Context(), func(tx *db.Tx) error {
				c, err := w.Server.Customers.Lock(t.Context(), tx, w.Org.ID, id.ID(customer))
				if err != nil {
					return err
				}
				_, err = w.Server.Orders.Create(t.Context(), tx, ordertest.System, ordertest.Filled(w.Org.ID, c, ordertest.Costs(100)))
				return err
			})
		}
		var wg sync.WaitGroup
		for _, c := range ids[1:] {
			wg.Go(func() {
				if err := order(c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		cost := func(customer string) int64 {
			before := w.DB.Stats().Queries
			if err := order(customer); err != nil {
				t.Error(err)
			}
			return w.DB.Stats().Queries - before
		}
		if alone, last := cost(w.Customer(nil).ID()), cost(ids[0]); last > alone+6 {
			t.Errorf("%d statements for the last of %d, %d for one alone", last, customers, alone)
		}
		called := map[string]bool{}
		for _, c := range ids {
			called[short(w, c)] = true
		}
		if len(called) != customers {
			t.Errorf("%d customers have %d short ids", customers, len(called))
		}
	})
}

// TestShortIDsDiffer: two customers of one millisecond whose sequence is the
// same modulo 1,024 are still told apart.
func TestShortIDsDiffer(t *testing.T) {
	t.Parallel()
	ordertest.Engines(t, func(t *testing.T, w ordertest.World) {
		a, b := w.Customer(nil), w.Customer(nil)
		w.Write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE customers SET created_at = ?, seq = seq + CASE WHEN id = ? THEN 102399 ELSE 0 END WHERE organization_id = ?`,
				tx.Now(), b.ID(), w.Org.ID)
			return err
		})
		w.Make(a.ID(), ordertest.Costs(1))
		w.Make(b.ID(), ordertest.Costs(1))
		if short(w, a.ID()) == short(w, b.ID()) {
			t.Errorf("both are called %s", short(w, a.ID()))
		}
	})
}
