// Package numbering gives invoices and receipts their numbers, which run without
// gaps and without doubles: the counter's row is changed in the transaction
// that makes the order, and stays locked until it commits. What rolls back gives
// its number back. What an organization wants of numbers is with the
// organization.
package numbering

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
)

// The kinds of counter.
const (
	invoices = "invoice"
	receipts = "receipt"
)

// shortEpoch is where short ids begin to count.
var shortEpoch = time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)

// shortID is the number that a customer is called by on invoices: 42 bits of
// milliseconds and 10 of the sequence in which customers were stored.
func shortID(created time.Time, seq int64) int64 {
	return max(0, created.Sub(shortEpoch).Milliseconds())*1024 + seq%1024
}

// crowd is how many customers can be made in one millisecond and find a short
// id at the second attempt.
const crowd = 1 << 20

// shortText writes a short id in the letters A to Z, at least eight of them.
func shortText(n int64) string {
	var letters []byte
	for ; n > 0; n /= 26 {
		letters = append(letters, byte('A'+n%26))
	}
	for len(letters) < 8 {
		letters = append(letters, 'A')
	}
	slices.Reverse(letters)
	return string(letters)
}

// shortOf is the short id that a text is, if it is one.
func shortOf(text string) (n int64, ok bool) {
	if len(text) > 12 { // more than fits
		return 0, false
	}
	for i := range len(text) {
		n = n*26 + int64(text[i]) - 'A'
	}
	return n, n >= 0 && shortText(n) == text
}

// Check refuses an organization whose invoices are numbered through all
// customers, with a prefix that is how those of one customer begin: a number
// would be given twice.
func Check(ctx context.Context, q db.Querier, org id.ID) error {
	t, err := organization.TermsOf(ctx, q, org)
	if err != nil || !t.PerOrganization() {
		return err
	}
	prefix := t.Prefix()
	i := strings.LastIndexByte(prefix, '-')
	n, ok := shortOf(prefix[i+1:])
	if i < 0 || !ok {
		return nil
	}
	taken, err := db.Exists(ctx, q, `SELECT 1 FROM customers WHERE organization_id = ? AND short_id = ?`, org, n)
	if err == nil && taken {
		err = schema.ValueError("Invoices of one customer begin with "+prefix+". Choose another prefix.", schema.StringNode(prefix), "body", "prefix")
	}
	return err
}

func invoiceNumber(prefix, short string, n int64) string {
	if short == "" {
		return fmt.Sprintf("%s-%04d", prefix, n)
	}
	return fmt.Sprintf("%s-%s-%04d", prefix, short, n)
}

func receiptNumber(short string, n int64) string { return fmt.Sprintf("RCPT-%s-%04d", short, n) }

// Customer is who gets an invoice or a receipt.
type Customer struct{ Organization, ID id.ID }

// counter names one row of the counters: a customer's, or the organization's.
type counter struct{ organization, owner id.ID }

// count raises counters, each by a number, and answers the first number that
// each now gives. Rows are changed in the order of their keys, so that two
// transactions never wait for each other.
func count(ctx context.Context, tx *db.Tx, kind string, by map[counter]int64) (map[counter]int64, error) {
	keys := make([]counter, 0, len(by))
	for k := range by {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b counter) int {
		if c := strings.Compare(string(a.organization), string(b.organization)); c != 0 {
			return c
		}
		return strings.Compare(string(a.owner), string(b.owner))
	})
	first := make(map[counter]int64, len(keys))
	var args []any
	for _, k := range keys {
		args = append(args, k.organization, k.owner, kind, by[k])
	}
	rows, err := db.InsertReturning[struct {
		OrganizationID id.ID
		OwnerID        id.ID
		Value          int64
	}](ctx, tx, db.Into{Table: "order_counters", Columns: "organization_id, owner_id, kind, value", Tail: `
		ON CONFLICT (organization_id, owner_id, kind) DO UPDATE SET value = order_counters.value + excluded.value
		RETURNING organization_id, owner_id, value`}, args)
	if err != nil {
		return nil, fmt.Errorf("take numbers: %w", err)
	}
	for _, r := range rows {
		k := counter{r.OrganizationID, r.OwnerID}
		first[k] = r.Value - by[k] + 1
	}
	return first, nil
}

// Invoices answers the next number of an invoice for each customer of a list,
// in its order.
func Invoices(ctx context.Context, tx *db.Tx, list []Customer) ([]string, error) {
	terms, err := termsOf(ctx, tx, list)
	if err != nil {
		return nil, err
	}
	by := map[counter]int64{}
	var named []Customer
	for _, c := range list {
		k := c.counter(terms)
		if by[k] == 0 && !terms[c.Organization].PerOrganization() {
			named = append(named, c)
		}
		by[k]++
	}
	if len(by) == 0 {
		return nil, nil
	}
	short, err := shortTexts(ctx, tx, named)
	if err != nil {
		return nil, err
	}
	next, err := count(ctx, tx, invoices, by)
	if err != nil {
		return nil, err
	}
	out := make([]string, len(list))
	for i, c := range list {
		k := c.counter(terms)
		out[i] = invoiceNumber(terms[c.Organization].Prefix(), short[c], next[k])
		next[k]++
	}
	return out, nil
}

// counter is what the numbers of a customer's invoices come from.
func (c Customer) counter(terms map[id.ID]*organization.Terms) counter {
	if terms[c.Organization].PerOrganization() {
		return counter{c.Organization, c.Organization}
	}
	return counter{c.Organization, c.ID}
}

// termsOf reads how the organizations of customers number invoices.
func termsOf(ctx context.Context, tx *db.Tx, list []Customer) (map[id.ID]*organization.Terms, error) {
	out := map[id.ID]*organization.Terms{}
	for _, c := range list {
		if out[c.Organization] != nil {
			continue
		}
		t, err := organization.TermsOf(ctx, tx, c.Organization)
		if err != nil {
			return nil, err
		}
		out[c.Organization] = &t
	}
	return out, nil
}

// Receipt answers the next number of a customer's receipts.
func Receipt(ctx context.Context, tx *db.Tx, c Customer) (string, error) {
	short, err := shortTexts(ctx, tx, []Customer{c})
	if err != nil {
		return "", err
	}
	k := counter{c.Organization, c.ID}
	next, err := count(ctx, tx, receipts, map[counter]int64{k: 1})
	if err != nil {
		return "", err
	}
	return receiptNumber(short[c], next[k]), nil
}

type shortRow struct {
	OrganizationID id.ID
	ID             id.ID
	Seq            int64
	CreatedAt      time.Time
	ShortID        *int64
}

// shortTexts reads what customers are called on invoices. Those who have not
// been called yet get their short id now, and keep it.
func shortTexts(ctx context.Context, tx *db.Tx, customers []Customer) (map[Customer]string, error) {
	out := make(map[Customer]string, len(customers))
	for org, ids := range db.PerOrganization(customers, func(c Customer) (id.ID, id.ID) { return c.Organization, c.ID }) {
		w := db.Where("organization_id = ?", org).In("id", ids)
		rows, err := db.All[shortRow](ctx, tx, `SELECT organization_id, id, seq, created_at, short_id FROM customers`+w.SQL(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("read the short ids of customers: %w", err)
		}
		if err := name(ctx, tx, org, rows); err != nil {
			return nil, err
		}
		for i := range rows {
			out[Customer{org, rows[i].ID}] = shortText(*rows[i].ShortID)
		}
	}
	return out, nil
}

// name gives customers who have none a short id that nobody else in the
// organization has: two who came in the same millisecond can collide, since the
// sequence counts to 1,024 only.
func name(ctx context.Context, tx *db.Tx, org id.ID, rows []shortRow) error {
	var nameless []*shortRow
	for i := range rows {
		if rows[i].ShortID == nil {
			nameless = append(nameless, &rows[i])
		}
	}
	if len(nameless) == 0 {
		return nil
	}
	slices.SortFunc(nameless, func(a, b *shortRow) int { return cmp.Compare(a.Seq, b.Seq) })
	free, err := freeShortIDs(ctx, tx, org, nameless)
	if err != nil {
		return err
	}
	for from, to := range db.Pieces(len(nameless)) {
		err := keepShortIDs(ctx, tx, org, nameless[from:to], free[from:to])
		if db.IsUnique(err, "customers_short_id_key") { // somebody else has taken one since
			err = db.Collision(err)
		}
		if err != nil {
			return fmt.Errorf("give customers their short ids: %w", err)
		}
	}
	return nil
}

// freeShortIDs proposes a number for each customer: the one that follows from
// when the customer was made, or else one that is free behind it.
func freeShortIDs(ctx context.Context, tx *db.Tx, org id.ID, of []*shortRow) ([]int64, error) {
	out := make([]int64, len(of))
	taken, asked := map[int64]bool{}, map[int64]bool{}
	for {
		var ask []int64
		mine := map[int64]bool{}
		for i, r := range of {
			n := shortID(r.CreatedAt, r.Seq)
			if taken[n] || mine[n] { // as are thousands under a test clock that stands still
				n += r.Seq % crowd / 1024 * 1024
			}
			for taken[n] || mine[n] {
				n++
			}
			out[i], mine[n] = n, true
			if !asked[n] {
				ask, asked[n] = append(ask, n), true
			}
		}
		if len(ask) == 0 {
			return out, nil
		}
		w := db.Where("organization_id = ?", org).In("short_id", ask)
		found, err := db.All[int64](ctx, tx, `SELECT short_id FROM customers`+w.SQL(), w.Args()...)
		if err != nil {
			return nil, fmt.Errorf("look for free short ids: %w", err)
		}
		for _, n := range found {
			taken[n] = true
		}
	}
}

// keepShortIDs stores what customers are called. Another order of one of them
// may have been first; then its word counts.
func keepShortIDs(ctx context.Context, tx *db.Tx, org id.ID, of []*shortRow, numbers []int64) error {
	args := make([]any, 0, 3*len(of)+1)
	byID := make(map[id.ID]*shortRow, len(of))
	ids := make([]id.ID, len(of))
	for i, r := range of {
		args = append(args, r.ID, numbers[i])
		byID[r.ID], ids[i] = r, r.ID
	}
	w := db.Where("organization_id = ?", org).In("id", ids)
	rows, err := db.All[shortRow](ctx, tx, `UPDATE customers SET short_id = COALESCE(short_id, CASE id`+
		strings.Repeat(" WHEN ? THEN CAST(? AS bigint)", len(of))+` END)`+w.SQL()+` RETURNING organization_id, id, seq, created_at, short_id`,
		append(args, w.Args()...)...)
	for _, r := range rows {
		byID[r.ID].ShortID = r.ShortID
	}
	return err
}
