package customer

import (
	"context"
	"errors"
	"iter"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// What follows is for readers that go through all customers: mirrors and the
// digests that check them.

// After reads live customers in the order of their ids.
func After(ctx context.Context, q db.Querier, organizations []id.ID, after id.ID, limit int) ([]Row, error) {
	w := db.Where("deleted_at IS NULL").In("organization_id", organizations)
	if after != "" {
		w.And("id > ?", after)
	}
	return db.All[Row](ctx, q, `SELECT `+columns+` FROM customers`+w.SQL()+` ORDER BY id LIMIT ?`, append(w.Args(), limit)...)
}

// Each yields every live customer, in no order.
func Each(ctx context.Context, q db.Querier, organizations []id.ID) iter.Seq2[Row, error] {
	w := db.Where("deleted_at IS NULL").In("organization_id", organizations)
	return db.Each[Row](ctx, q, `SELECT `+columns+` FROM customers`+w.SQL(), w.Args()...)
}

// EachMember yields every live member, in no order.
func EachMember(ctx context.Context, q db.Querier, organizations []id.ID) iter.Seq2[Member, error] {
	w := db.Where("deleted_at IS NULL").In("organization_id", organizations)
	return db.Each[Member](ctx, q, `SELECT `+memberColumns+` FROM members`+w.SQL(), w.Args()...)
}

// MembersOf reads the live members of several customers, oldest first.
func MembersOf(ctx context.Context, q db.Querier, organizations, customers []id.ID) (map[id.ID][]Member, error) {
	w := db.Where("deleted_at IS NULL").In("organization_id", organizations).In("customer_id", customers)
	list, err := db.All[Member](ctx, q, `SELECT `+memberColumns+` FROM members`+w.SQL()+` ORDER BY created_at, id`, w.Args()...)
	out := make(map[id.ID][]Member, len(customers))
	for _, m := range list {
		out[m.CustomerID] = append(out[m.CustomerID], m)
	}
	return out, err
}

// Recorded answers the organization of a customer that the subject can see,
// also of one who is deleted: their history stays.
func Recorded(ctx context.Context, q db.Querier, sub auth.Subject, customer id.ID) (id.ID, error) {
	w := db.Where("id = ?", customer).In("organization_id", visible(&sub))
	org, err := db.One[id.ID](ctx, q, `SELECT organization_id FROM customers`+w.SQL(), w.Args()...)
	if errors.Is(err, db.ErrNoRows) {
		return "", fault.NotFound.New()
	}
	return org, err
}
