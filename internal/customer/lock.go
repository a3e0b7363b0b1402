package customer

import (
	"context"
	"errors"
	"fmt"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

// Lock reads a customer, also one that is deleted, and keeps others from
// changing it until the transaction ends.
//
// All transactions lock in one order, so that no two wait for each other:
// customers, in the order of their ids; their subscriptions and orders;
// products; discounts; benefits; then grants, license keys and what is told of
// it all. Whoever changes a product or a benefit, and with it what customers
// have, finds out first who they are and locks them, and begins anew when
// another one has come to have it meanwhile.
func (s *Service) Lock(ctx context.Context, tx *db.Tx, org, customer id.ID) (Row, error) {
	r, err := db.One[Row](ctx, tx, `SELECT `+columns+` FROM customers WHERE organization_id = ? AND id = ?`+tx.ForUpdate(), org, customer)
	if errors.Is(err, db.ErrNoRows) {
		return r, fault.NotFound.New()
	}
	if err != nil {
		return r, fmt.Errorf("lock a customer: %w", err)
	}
	return r, nil
}

// Rows reads customers, also deleted ones, for those who show them beside
// something else. Unknown ids are left out.
func Rows(ctx context.Context, q db.Querier, orgs []id.ID, ids []id.ID) (map[id.ID]Row, error) {
	out := make(map[id.ID]Row, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	w := db.Where("").In("organization_id", orgs).In("id", ids)
	rows, err := db.All[Row](ctx, q, `SELECT `+columns+` FROM customers`+w.SQL(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read customers: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = r
	}
	return out, nil
}

// LockAll is Lock for many customers of an organization at once, in the order
// of their ids.
func (s *Service) LockAll(ctx context.Context, tx *db.Tx, org id.ID, ids []id.ID) (map[id.ID]Row, error) {
	out := make(map[id.ID]Row, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	w := db.Where("organization_id = ?", org).In("id", ids)
	rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM customers`+w.SQL()+` ORDER BY id`+tx.ForUpdate(), w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("lock customers: %w", err)
	}
	for _, r := range rows {
		out[r.ID] = r
	}
	return out, nil
}

// Owner finds the owner among a customer's members, or makes it from the
// customer's own data when there is none yet.
func (s *Service) Owner(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) (Member, error) {
	m, err := memberWhere(ctx, tx, r, "role = ?", RoleOwner, "")
	if !errors.Is(err, fault.NotFound.New()) {
		return m, err
	}
	m = ownerOf(r, tx.Now())
	if err := insertMember(ctx, tx, &m); err != nil {
		return m, err
	}
	record(tx, actor, "member.created", nil, &m)
	return m, nil
}

// MakeTeam turns a person into a team, which is what buys seats.
func (s *Service) MakeTeam(ctx context.Context, tx *db.Tx, actor auth.Subject, r *Row) error {
	if r.Type == Team {
		return nil
	}
	was := *r
	r.Type = Team
	return s.amend(ctx, tx, actor, &was, r)
}
