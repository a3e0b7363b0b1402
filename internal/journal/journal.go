// Package journal records what changed: one append-only row per change, in
// the transaction that makes it, with who did it, in which request, what was
// before and what is now, and the customer's next sequence number. Webhooks,
// audit, timeline and change feed read from it. Rows are never changed, but
// for one case: erasing a person scrubs their data out of their rows.
package journal

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
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
	New          bool      // the customer is created by this transaction
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

// pending is an entry until it is written.
type pending struct {
	*Entry
	actor auth.Subject
	at    time.Time
}

const together = "journal"

// recorded are the entries of one transaction, in the order of the calls.
type recorded struct {
	items  []pending
	rounds int
}

type bagKey struct{}

// Append records changes. They are written just before the commit, when all
// other hooks have run, in the order of the calls, in two statements for dozens
// of entries: together with those of others who share the commit, unless
// somebody is told of them.
func Append(tx *db.Tx, actor auth.Subject, entries ...Entry) {
	r, ok := tx.Value(bagKey{}).(*recorded)
	if !ok {
		r = &recorded{}
		tx.SetValue(bagKey{}, r)
	}
	if len(r.items) == 0 { // the first, or what came up while others were written
		r.rounds++
		tx.AtEnd("journal "+strconv.Itoa(r.rounds), r.finish)
	}
	for i := range entries {
		e := &entries[i]
		at := e.At
		if at.IsZero() {
			at = tx.Now()
		}
		if e.Customer != "" {
			tx.Touch(e.Customer)
		} else {
			tx.Touch(e.Organization)
		}
		r.items = append(r.items, pending{e, actor, at})
	}
}

// finish asks the observers what they add, and hands everything over to be
// written. Where somebody is told, it is written now, because what they are
// told carries the numbers.
func (r *recorded) finish(ctx context.Context, tx *db.Tx) error {
	now := recorded{items: r.items}
	r.items = nil
	told, err := now.consult(ctx, tx)
	if err != nil {
		return err
	}
	if tx.Clocked() { // a test clock lets much happen in a transaction, each at its time
		slices.SortStableFunc(now.items, func(a, b pending) int { return a.at.Compare(b.at) })
	}
	for _, p := range now.items {
		tx.Together(together, p, flush)
	}
	tx.Signal(Topic)
	if len(told) == 0 {
		return nil
	}
	if err := tx.Settle(ctx, together); err != nil {
		return err
	}
	for _, tell := range told {
		if err := tell(ctx, tx, now.entries()); err != nil {
			return err
		}
	}
	return nil
}

// entries are the recorded changes, with their numbers once they are written.
func (r *recorded) entries() []Entry {
	out := make([]Entry, len(r.items))
	for i, p := range r.items {
		out[i] = *p.Entry
		out[i].At = p.at
	}
	return out
}

const insertColumns = `organization_id, type, customer_id, customer_seq, subject_id, actor_kind, actor_id, request_id, created_at, before, after`

func flush(ctx context.Context, tx *db.Tx, items []any) error {
	next, err := reserve(ctx, tx, items)
	if err != nil {
		return err
	}
	var args []any
	for _, item := range items {
		args = item.(pending).row(args, next)
	}
	if err := db.InsertLater(ctx, tx, db.Into{Table: "journal", Columns: insertColumns}, args); err != nil {
		return fmt.Errorf("append to the journal: %w", err)
	}
	return nil
}

// row adds the values of one entry, which takes its customer's next number.
func (p pending) row(args []any, next map[customerKey]int64) []any {
	var seq any
	if p.Customer != "" {
		k := customerKey{p.Organization, p.Customer}
		p.Seq = next[k]
		seq = p.Seq
		next[k]++
	}
	return append(args, p.Organization, p.Type, orNull(p.Customer), seq, orNull(p.Subject), p.actor.Kind.String(),
		orNull(actorID(p.actor)), textOrNull(p.actor.RequestID), p.at, p.Before, p.After)
}

type customerKey struct{ organization, customer id.ID }

// reserve takes sequence numbers for every customer and answers the first of
// each. A customer who is new begins at one; only for those who change later
// the last number is kept.
func reserve(ctx context.Context, tx *db.Tx, items []any) (map[customerKey]int64, error) {
	next, counts := map[customerKey]int64{}, map[customerKey]int64{}
	var order []customerKey
	for _, item := range items {
		p := item.(pending)
		k := customerKey{p.Organization, p.Customer}
		switch {
		case p.Customer == "" || next[k] > 0:
		case p.New:
			next[k] = 1
		default:
			if counts[k] == 0 {
				order = append(order, k)
			}
			counts[k]++
		}
	}
	order, err := raise(ctx, tx, order, counts, next)
	if err != nil {
		return nil, fmt.Errorf("number journal entries: %w", err)
	}
	for from, to := range db.Pieces(len(order)) {
		args := make([]any, 0, 6*(to-from))
		for _, k := range order[from:to] {
			args = append(args, k.organization, k.customer, counts[k], k.organization, k.customer, counts[k])
		}
		heads, err := db.All[head](ctx, tx, reserveText(to-from), args...)
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

// manyAlike is from how many customers on, with as many entries each, their
// last numbers are raised together.
const manyAlike = 16

// raise adds to the last numbers of many customers with as many entries each,
// as the billing cycle leaves them. It answers who is left: the few, and those
// who have no last number yet.
func raise(ctx context.Context, tx *db.Tx, order []customerKey, counts, next map[customerKey]int64) (left []customerKey, err error) {
	if len(order) < manyAlike {
		return order, nil
	}
	type alike struct {
		organization id.ID
		count        int64
	}
	groups := map[alike][]id.ID{}
	for _, k := range order {
		g := alike{k.organization, counts[k]}
		groups[g] = append(groups[g], k.customer)
	}
	for g, customers := range groups {
		if len(customers) < manyAlike {
			continue
		}
		for ids := range slices.Chunk(customers, 512) {
			w := db.Where("organization_id = ?", g.organization).In("customer_id", ids)
			heads, err := db.All[head](ctx, tx, `UPDATE journal_heads SET seq = seq + ?, added = ?`+w.SQL()+`
				RETURNING organization_id, customer_id, seq`, append([]any{g.count, g.count}, w.Args()...)...)
			if err != nil {
				return nil, err
			}
			for _, h := range heads {
				next[customerKey{h.OrganizationID, h.CustomerID}] = h.Seq - g.count + 1
			}
		}
	}
	return slices.DeleteFunc(order, func(k customerKey) bool { return next[k] > 0 }), nil
}

// reserveText adds to the last number of each customer. The first time, that
// is found in the journal; of two who do that at once, the second waits for
// the first and adds to what it has written.
func reserveText(customers int) string {
	const row = `(?, ?, CAST(? AS bigint) + COALESCE((SELECT MAX(customer_seq) FROM journal WHERE organization_id = ? AND customer_id = ?), 0), ?)`
	return `INSERT INTO journal_heads (organization_id, customer_id, seq, added) VALUES ` + row + strings.Repeat(", "+row, customers-1) + `
		ON CONFLICT (organization_id, customer_id) DO UPDATE SET seq = journal_heads.seq + excluded.added, added = excluded.added
		RETURNING organization_id, customer_id, seq`
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
	return Differing(schema.JSON(before), schema.JSON(after))
}

// Differing is Changes for two objects that schema.JSON has written. Such text
// is the same for the same values, so it is compared as it stands.
func Differing(before, after []byte) (json.RawMessage, json.RawMessage) {
	old := fieldsOf(before)
	was, is := []byte{'{'}, []byte{'{'}
	for i, f := range fieldsOf(after) {
		o := find(old, i, f.key)
		if o == nil || bytes.Equal(o.value, f.value) {
			continue
		}
		was, is = o.append(was), f.append(is)
	}
	return append(was, '}'), append(is, '}')
}

// field is a key of an object and its value, as they are written.
type field struct{ key, value []byte }

func (f *field) append(dst []byte) []byte {
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	return append(append(append(dst, f.key...), ':'), f.value...)
}

// find looks for a key, first where it should be.
func find(list []field, at int, key []byte) *field {
	if at < len(list) && bytes.Equal(list[at].key, key) {
		return &list[at]
	}
	for i := range list {
		if bytes.Equal(list[i].key, key) {
			return &list[i]
		}
	}
	return nil
}

// fieldsOf cuts an object without spaces into its fields.
func fieldsOf(text []byte) []field {
	out := make([]field, 0, 48)
	for at := 1; at < len(text) && text[at] != '}'; at++ {
		colon := valueEnd(text, at)
		end := valueEnd(text, colon+1)
		out = append(out, field{text[at:colon], text[colon+1 : end]})
		if at = end; at >= len(text) || text[at] == '}' {
			break
		}
	}
	return out
}

// valueEnd is where the value ends that begins at a place.
func valueEnd(text []byte, at int) int {
	depth := 0
	for ; at < len(text); at++ {
		switch text[at] {
		case '"':
			for at++; text[at] != '"'; at++ {
				if text[at] == '\\' {
					at++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return at
			}
			depth--
		case ',', ':':
			if depth == 0 {
				return at
			}
		}
	}
	return at
}

// Erase replaces the values of the named fields by null in everything that
// was recorded about a customer.
func Erase(ctx context.Context, tx *db.Tx, organization, customer id.ID, fields []string) error {
	for _, o := range observers(tx) {
		if err := o.Erased(ctx, tx, organization, customer); err != nil {
			return err
		}
	}
	if err := tx.Settle(ctx, together); err != nil {
		return err
	}
	rows, err := OfCustomer(ctx, tx, []id.ID{organization}, customer)
	if err != nil {
		return err
	}
	var scrubbed []Row
	for _, r := range rows {
		var b, a bool
		r.Before, b = scrub(r.Before, fields)
		r.After, a = scrub(r.After, fields)
		if a || b {
			scrubbed = append(scrubbed, r)
		}
	}
	for from, to := range db.Pieces(len(scrubbed)) {
		if err := overwrite(ctx, tx, organization, scrubbed[from:to]); err != nil {
			return fmt.Errorf("erase from the journal: %w", err)
		}
	}
	return nil
}

// overwrite puts other values in the place of what was before and after. With
// CASE, the types of the values are those of the columns on both engines.
func overwrite(ctx context.Context, tx *db.Tx, organization id.ID, rows []Row) error {
	var before, after, seqs []any
	for _, r := range rows {
		before, after, seqs = append(before, r.Seq, r.Before), append(after, r.Seq, r.After), append(seqs, r.Seq)
	}
	when := strings.Repeat(" WHEN CAST(? AS bigint) THEN ?", len(rows))
	in, seqs := db.InList("seq", seqs)
	_, err := db.Exec(ctx, tx, `UPDATE journal SET before = CASE seq`+when+` ELSE before END, after = CASE seq`+when+` ELSE after END
		WHERE organization_id = ? AND `+in, slices.Concat(before, after, []any{organization}, seqs)...)
	return err
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
