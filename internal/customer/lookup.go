package customer

import (
	"context"
	"fmt"

	"floe/internal/db"
	"floe/internal/id"
)

// MembersByID reads members, also deleted ones, for those who show them beside
// something else. The customer of each has the same place in their list as the member's id
// in its own. Unknown ids are left out.
func MembersByID(ctx context.Context, q db.Querier, orgs, customers, ids []id.ID) (map[id.ID]Member, error) {
	out := make(map[id.ID]Member, len(ids))
	for some := range db.Batches(ids) {
		w := db.Where("").In("organization_id", orgs).In("customer_id", customers[:len(some)]).In("id", some)
		list, err := db.All[Member](ctx, q, `SELECT `+memberColumns+` FROM members`+w.SQL(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read members: %w", err)
		}
		for _, m := range list {
			out[m.ID] = m
		}
		customers = customers[len(some):]
	}
	return out, nil
}

// Owners finds the owners of customers, by the customer. Those who have none
// are left out; Owner makes one.
func Owners(ctx context.Context, q db.Querier, org id.ID, customers []id.ID) (map[id.ID]id.ID, error) {
	out := make(map[id.ID]id.ID, len(customers))
	for some := range db.Batches(customers) {
		w := db.Where("organization_id = ? AND role = 'owner' AND deleted_at IS NULL", org).In("customer_id", some)
		list, err := db.All[ownerOfCustomer](ctx, q, `SELECT id, customer_id FROM members`+w.SQL(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read owners: %w", err)
		}
		for _, m := range list {
			out[m.CustomerID] = m.ID
		}
	}
	return out, nil
}

type ownerOfCustomer struct {
	ID         id.ID
	CustomerID id.ID
}
