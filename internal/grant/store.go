package grant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"floe/internal/db"
	"floe/internal/fault"
	"floe/internal/id"
)

const columns = `id, organization_id, created_at, modified_at, customer_id, member_id, benefit_id, subscription_id, order_id,
	source_id, holder_id, granted_at, revoked_at, error, properties`

// piece is how many ids a statement names at most.
const piece = 1024

// bySources reads and locks all grants through sources, in one order for all
// transactions.
func bySources(ctx context.Context, tx *db.Tx, org id.ID, sources []id.ID, condition string) (map[id.ID][]Row, error) {
	out := make(map[id.ID][]Row, len(sources))
	for ids := range slices.Chunk(sources, piece) {
		rows, err := locked(ctx, tx, db.Where("organization_id = ?", org).In("source_id", ids).And(condition))
		if err != nil {
			return nil, err
		}
		for _, r := range rows {
			out[r.SourceID] = append(out[r.SourceID], r)
		}
	}
	return out, nil
}

// locked reads and locks grants, customer by customer and in the order of
// their creation, which their ids have: all transactions take them in one
// order. Where there are no locks the order is made here, because SQLite would
// read a whole organization to find rows in the order of their ids.
func locked(ctx context.Context, tx *db.Tx, w *db.W) ([]Row, error) {
	order := ""
	if lock := tx.ForUpdate(); lock != "" {
		order = " ORDER BY customer_id, id" + lock
	}
	rows, err := db.All[Row](ctx, tx, `SELECT `+columns+` FROM benefit_grants`+w.SQL()+order, w.Args()...)
	if err != nil {
		return nil, fmt.Errorf("read grants: %w", err)
	}
	slices.SortFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(a.CustomerID, b.CustomerID), cmp.Compare(a.ID, b.ID))
	})
	return rows, nil
}

// byID reads and locks a grant; ok is false when there is none.
func byID(ctx context.Context, tx *db.Tx, org, grant id.ID) (r Row, ok bool, err error) {
	r, err = db.One[Row](ctx, tx, `SELECT `+columns+` FROM benefit_grants WHERE organization_id = ? AND id = ?`+tx.ForUpdate(), org, grant)
	if errors.Is(err, db.ErrNoRows) {
		return r, false, nil
	}
	return r, err == nil, err
}

// holdings counts the granted rows of holders of benefits.
func holdings(ctx context.Context, tx *db.Tx, org id.ID, of []*work) (map[held]int64, error) {
	out := map[held]int64{}
	customers := make([]id.ID, 0, len(of))
	for _, w := range of {
		customers = append(customers, w.CustomerID)
	}
	slices.Sort(customers)
	for ids := range slices.Chunk(slices.Compact(customers), piece) {
		w := db.Where("organization_id = ? AND granted_at IS NOT NULL", org).In("customer_id", ids)
		rows, err := db.All[heldRow](ctx, tx, `SELECT customer_id, member_id, benefit_id FROM benefit_grants`+w.SQL(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("count grants: %w", err)
		}
		for _, r := range rows {
			out[heldBy(r.CustomerID, r.MemberID, r.BenefitID)]++
		}
	}
	return out, nil
}

// held is a benefit in the hands of somebody.
type held struct{ customer, member, benefit id.ID }

type heldRow struct {
	CustomerID id.ID
	MemberID   *id.ID
	BenefitID  id.ID
}

func heldBy(customer id.ID, member *id.ID, benefit id.ID) held {
	h := held{customer: customer, benefit: benefit}
	if member != nil {
		h.member = *member
	}
	return h
}

// put writes whole rows: new ones, or over those that are there.
func put(ctx context.Context, tx *db.Tx, rows []*work) error {
	var args []any
	for _, r := range rows {
		args = append(args, r.ID, r.OrganizationID, r.CreatedAt, r.ModifiedAt, r.CustomerID, r.MemberID, r.BenefitID, r.SubscriptionID,
			r.OrderID, r.SourceID, r.HolderID, r.GrantedAt, r.RevokedAt, r.Error, r.Properties)
	}
	err := db.Insert(ctx, tx, db.Into{Table: "benefit_grants", Columns: columns, Tail: `
		ON CONFLICT (organization_id, id) DO UPDATE SET modified_at = excluded.modified_at, granted_at = excluded.granted_at,
			revoked_at = excluded.revoked_at, error = excluded.error, properties = excluded.properties`}, args)
	if err != nil {
		return fmt.Errorf("store grants: %w", err)
	}
	return nil
}

// mark changes the state of many grants that keep what they carry.
func mark(ctx context.Context, tx *db.Tx, org id.ID, ids []id.ID, granted, revoked *time.Time) error {
	for part := range slices.Chunk(ids, piece) {
		w := db.Where("organization_id = ?", org).In("id", part)
		args := append([]any{tx.Now(), granted, revoked}, w.Args()...)
		if _, err := db.Exec(ctx, tx, `UPDATE benefit_grants SET modified_at = ?, granted_at = ?, revoked_at = ?, error = NULL`+w.SQL(), args...); err != nil {
			return fmt.Errorf("mark grants: %w", err)
		}
	}
	return nil
}

// touch notes that many grants were renewed.
func touch(ctx context.Context, tx *db.Tx, org id.ID, ids []id.ID) error {
	for part := range slices.Chunk(ids, piece) {
		w := db.Where("organization_id = ?", org).In("id", part)
		if _, err := db.Exec(ctx, tx, `UPDATE benefit_grants SET modified_at = ?`+w.SQL(), append([]any{tx.Now()}, w.Args()...)...); err != nil {
			return fmt.Errorf("touch grants: %w", err)
		}
	}
	return nil
}

// notFound is fault.NotFound in place of there being no row.
func notFound(err error) error {
	if errors.Is(err, db.ErrNoRows) {
		return fault.NotFound.New()
	}
	return err
}
