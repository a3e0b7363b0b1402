// Package journal records what changed: one append-only row per change, in
// the transaction that makes it, with who did it, in which request, what was
// before and what is now, and the customer's next sequence number. Webhooks,
// audit, timeline and change feed read from it. Rows are never changed, but
// for one case: erasing a person scrubs their data out of their rows.
package journal

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// Entry is one change as the code that makes it describes it.
type Entry struct {
	Organization id.ID
	Type         string // the webhook type where there is one, such as customer.created
	Customer     id.ID  // whom it concerns; empty when it is not about a customer
	Subject      id.ID  // the row that changed
	Before       json.RawMessage
	After        json.RawMessage
	At           time.Time // when it happened; the time of the transaction when zero
	// Payload is the whole object as the API shows it after the change, for
	// those who are told of it: a value that does not change any more, or a
	// Render. Without one nobody outside is told. It is encoded only when
	// somebody wants to hear of the type.
	Payload any
	// Seq is the customer's number of the entry, once it is written.
	Seq int64
}

// Row is one change as it was recorded.
type Row struct {
	Seq            int64
	OrganizationID id.ID
	Type           string
	CustomerID     *id.ID
	CustomerSeq    *int64
	SubjectID      *id.ID
	ActorKind      string
	ActorID        *id.ID
	RequestID      *string
	CreatedAt      time.Time
	Before         json.RawMessage
	After          json.RawMessage
}

// pending are the entries of one transaction, written together at its end.
type pending struct {
	entries []Entry
	actors  []auth.Subject
}

type bagKey struct{}

// Append records changes. They are written just before the commit, when all
// other hooks have run, in the order of the calls, in two statements for dozens
// of entries.
func Append(tx *db.Tx, actor auth.Subject, entries ...Entry) {
	p, ok := tx.Value(bagKey{}).(*pending)
	if !ok {
		p = &pending{}
		tx.SetValue(bagKey{}, p)
		tx.AtEnd("journal", p.flush)
	}
	for _, e := range entries {
		p.entries, p.actors = append(p.entries, e), append(p.actors, actor)
	}
}

const insertColumns = `organization_id, type, customer_id, customer_seq, subject_id, actor_kind, actor_id, request_id, created_at, before, after`

const insertWidth = 11

// flush writes the entries, those that observers add, and those that come up
// meanwhile.
func (p *pending) flush(ctx context.Context, tx *db.Tx) error {
	for len(p.entries) > 0 {
		now := *p
		p.entries, p.actors = nil, nil
		told, err := now.consult(ctx, tx)
		if err != nil {
			return err
		}
		if err := now.write(ctx, tx); err != nil {
			return err
		}
		for _, tell := range told {
			if err := tell(ctx, tx, now.entries); err != nil {
				return err
			}
		}
	}
	return nil
}

// write numbers the entries and inserts them.
func (p *pending) write(ctx context.Context, tx *db.Tx) error {
	next, err := p.reserve(ctx, tx)
	if err != nil {
		return err
	}
	for from, to := range db.Pieces(len(p.entries)) {
		args := make([]any, 0, insertWidth*(to-from))
		for i := from; i < to; i++ {
			args = p.row(args, i, tx.Now(), next)
		}
		if _, err := db.Exec(ctx, tx, `INSERT INTO journal (`+insertColumns+`) VALUES `+db.Values(to-from, insertWidth), args...); err != nil {
			return fmt.Errorf("append to the journal: %w", err)
		}
	}
	tx.Signal(Topic)
	return nil
}

// row adds the values of one entry, which takes its customer's next number.
func (p *pending) row(args []any, i int, at time.Time, next map[customerKey]int64) []any {
	e, actor := &p.entries[i], &p.actors[i]
	var seq *int64
	if e.Customer != "" {
		k := customerKey{e.Organization, e.Customer}
		n := next[k]
		next[k] = n + 1
		seq, e.Seq = &n, n
	}
	if !e.At.IsZero() {
		at = e.At
	}
	return append(args, e.Organization, e.Type, orNull(e.Customer), seq, orNull(e.Subject), actor.Kind.String(),
		orNull(actorID(*actor)), textOrNull(actor.RequestID), at, e.Before, e.After)
}

type customerKey struct{ organization, customer id.ID }

// reserve takes sequence numbers for every customer of the transaction and
// answers the first of each.
func (p *pending) reserve(ctx context.Context, tx *db.Tx) (map[customerKey]int64, error) {
	counts := map[customerKey]int64{}
	var order []customerKey
	for i := range p.entries {
		e := &p.entries[i]
		k := customerKey{e.Organization, e.Customer}
		if e.Customer == "" {
			continue
		}
		if counts[k] == 0 {
			order = append(order, k)
		}
		counts[k]++
	}
	next := make(map[customerKey]int64, len(order))
	for from, to := range db.Pieces(len(order)) {
		args := make([]any, 0, 3*(to-from))
		for _, k := range order[from:to] {
			args = append(args, k.organization, k.customer, counts[k])
		}
		heads, err := db.All[head](ctx, tx, `INSERT INTO journal_heads (organization_id, customer_id, seq) VALUES `+db.Values(to-from, 3)+`
			ON CONFLICT (organization_id, customer_id) DO UPDATE SET seq = journal_heads.seq + excluded.seq
			RETURNING organization_id, customer_id, seq`, args...)
		if err != nil {
			return nil, fmt.Errorf("number journal entries: %w", err)
		}
		for _, h := range heads {
			k := customerKey{h.OrganizationID, h.CustomerID}
			next[k] = h.Seq - counts[k] + 1
		}
	}
	return next, nil
}

type head struct {
	OrganizationID id.ID
	CustomerID     id.ID
	Seq            int64
}

// actorID is the token where there is one, because that is what can be revoked.
func actorID(s auth.Subject) id.ID {
	if s.TokenID != "" {
		return s.TokenID
	}
	return s.ID
}

func orNull(i id.ID) *id.ID {
	if i == "" {
		return nil
	}
	return &i
}

func textOrNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

const columns = `seq, ` + insertColumns

// OfCustomer reads what happened to one customer, oldest first.
func OfCustomer(ctx context.Context, q db.Querier, organizations []id.ID, customer id.ID) ([]Row, error) {
	w := db.Where("customer_id = ?", customer).In("organization_id", organizations)
	return db.All[Row](ctx, q, `SELECT `+columns+` FROM journal`+w.SQL()+` ORDER BY customer_seq`, w.Args()...)
}

// Changes compares two public forms of a resource and keeps, of each, the
// fields that differ. Equal values give two empty objects.
func Changes(before, after any) (json.RawMessage, json.RawMessage) {
	b, errB := schema.Parse(schema.JSON(before))
	a, errA := schema.Parse(schema.JSON(after))
	if errA != nil || errB != nil { // what we encode always parses
		panic("journal: a resource is not JSON")
	}
	was, is := &schema.Node{Kind: schema.Object}, &schema.Node{Kind: schema.Object}
	for i, key := range a.Keys {
		old := b.Get(key)
		if old == nil || string(old.Append(nil)) == string(a.Items[i].Append(nil)) {
			continue
		}
		was.Keys, was.Items = append(was.Keys, key), append(was.Items, *old)
		is.Keys, is.Items = append(is.Keys, key), append(is.Items, a.Items[i])
	}
	return was.Append(nil), is.Append(nil)
}

// Erase replaces the values of the named fields by null in everything that
// was recorded about a customer.
func Erase(ctx context.Context, tx *db.Tx, organization, customer id.ID, fields []string) error {
	for _, o := range observers(tx) {
		if err := o.Erased(ctx, tx, organization, customer); err != nil {
			return err
		}
	}
	rows, err := OfCustomer(ctx, tx, []id.ID{organization}, customer)
	if err != nil {
		return err
	}
	for _, r := range rows {
		before, b := scrub(r.Before, fields)
		after, a := scrub(r.After, fields)
		if !a && !b {
			continue
		}
		if _, err := db.Exec(ctx, tx, `UPDATE journal SET before = ?, after = ? WHERE organization_id = ? AND seq = ?`,
			before, after, organization, r.Seq); err != nil {
			return fmt.Errorf("erase from the journal: %w", err)
		}
	}
	return nil
}

func scrub(text json.RawMessage, fields []string) (json.RawMessage, bool) {
	if len(text) == 0 {
		return text, false
	}
	n, err := schema.Parse(text)
	if err != nil {
		return nil, true
	}
	changed := false
	for _, f := range fields {
		if v := n.Get(f); v != nil && v.Kind != schema.Null {
			*v = schema.Node{Kind: schema.Null}
			changed = true
		}
	}
	return n.Append(nil), changed
}
