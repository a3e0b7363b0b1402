package order

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"floe/internal/db"
	"floe/internal/id"
)

// account is one balance of a customer.
type account struct {
	organization, customer id.ID
	currency               string
}

func (r *Row) account() account { return account{r.OrganizationID, r.CustomerID, r.Currency} }

// apply is what a balance does to an order of a total: how much of it the
// order takes into account (below zero: the balance pays, above: a debt is
// collected), and how the balance moves.
func apply(total, balance int64) (applied, movement int64) {
	switch {
	case total >= 0:
		applied = -min(total, balance)
		return applied, applied
	case balance < 0:
		return min(-total, -balance), -total
	}
	return 0, -total
}

// accounts are balances that a transaction is moving.
type accounts struct {
	amounts map[account]int64
	moves   []move
}

type move struct {
	account
	order  id.ID
	at     time.Time
	amount int64
}

// openAccounts reads balances and locks them.
func openAccounts(ctx context.Context, tx *db.Tx, keys []account) (*accounts, error) {
	a := &accounts{amounts: map[account]int64{}}
	for org, ids := range db.PerOrganization(keys, func(k account) (id.ID, id.ID) { return k.organization, k.customer }) {
		w := db.Where("organization_id = ?", org).In("customer_id", ids)
		rows, err := db.All[struct {
			CustomerID id.ID
			Currency   string
			Amount     int64
		}](ctx, tx, `SELECT customer_id, currency, amount FROM customer_balances`+w.SQL()+` ORDER BY customer_id, currency`+tx.ForUpdate(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read balances: %w", err)
		}
		for _, r := range rows {
			a.amounts[account{org, r.CustomerID, r.Currency}] = r.Amount
		}
	}
	return a, nil
}

// move changes a balance on behalf of an order.
func (a *accounts) move(r *Row, at time.Time, amount int64) {
	if amount == 0 {
		return
	}
	a.amounts[r.account()] += amount
	a.moves = append(a.moves, move{r.account(), r.ID, at, amount})
}

// close writes what has moved.
func (a *accounts) close(ctx context.Context, tx *db.Tx) error {
	sums := map[account]int64{}
	for _, m := range a.moves {
		sums[m.account] += m.amount
	}
	keys := make([]account, 0, len(sums))
	for k := range sums {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(x, y account) int {
		return strings.Compare(string(x.organization)+string(x.customer)+x.currency, string(y.organization)+string(y.customer)+y.currency)
	})
	var sumsOf []any
	for _, k := range keys {
		sumsOf = append(sumsOf, k.organization, k.customer, k.currency, sums[k])
	}
	if err := db.Insert(ctx, tx, db.Into{Table: "customer_balances", Columns: "organization_id, customer_id, currency, amount", Tail: `
		ON CONFLICT (organization_id, customer_id, currency) DO UPDATE SET amount = customer_balances.amount + excluded.amount`}, sumsOf); err != nil {
		return fmt.Errorf("move balances: %w", err)
	}
	var moves []any
	for _, m := range a.moves {
		moves = append(moves, m.organization, m.customer, m.order, m.currency, m.at, m.amount)
	}
	if err := db.Insert(ctx, tx, db.Into{Table: "balance_movements",
		Columns: "organization_id, customer_id, order_id, currency, created_at, amount"}, moves); err != nil {
		return fmt.Errorf("record movements of balances: %w", err)
	}
	a.moves = nil
	return nil
}
