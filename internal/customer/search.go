package customer

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// hasTrigram says whether SQLite's search index can be used.
func hasTrigram(text string) bool { return utf8.RuneCountInString(fold(text)) >= 3 }

// Who searches for what half of all customers have looks at the first page and
// not at the number. So beyond a thousand a search is not counted: that would
// take longer the more customers there are. See docs/decisions/0013.
const counted = 1000

// walks says whether a search on SQLite looks at the customers one after the
// other until the page is full, and not at all that are found. That is quick
// where many are; how many is asked of the index, which stops counting early.
// What cannot be looked up in the index is walked in any case.
func (s *Service) walks(ctx context.Context, orgs []id.ID, in listInput) (bool, error) {
	switch {
	case s.DB.Engine() != "sqlite" || in.Query == nil || in.Email != nil || len(in.Metadata) > 0:
		return false, nil
	case !hasTrigram(*in.Query):
		return true, nil
	case len(orgs) > 1 || len(in.Sorting) > 0 && strings.TrimPrefix(string(in.Sorting[0]), "-") != "created_at":
		return false, nil // the order is not that of the index
	}
	_, err := db.One[int64](ctx, s.DB, `SELECT rowid FROM customer_search WHERE customer_search MATCH ? LIMIT 1 OFFSET ?`, phrase(*in.Query), counted)
	if errors.Is(err, db.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// phrase is a text in the language of SQLite's search index.
func phrase(text string) string { return `"` + strings.ReplaceAll(fold(text), `"`, `""`) + `"` }

// searching adds the substring filter: contained in the e-mail, the name or
// the billing name, or the start of the external id, whatever the case. SQLite
// gets a list of rows, because with an OR it would look at every customer.
func searching(w *db.W, engine string, orgs []id.ID, text string, walk bool) {
	folded := fold(text)
	if folded == "" {
		w.And("(search <> '' OR external_id IS NOT NULL)")
		return
	}
	start := beginning(folded)
	end := start + "\U0010FFFF"
	const prefix = "(external_id >= ? AND external_id < ?) OR (external_key >= ? AND external_key < ?)"
	switch {
	case engine == "sqlite" && !walk && hasTrigram(text):
		named := db.Where(prefix, start, end, start, end).In("organization_id", orgs)
		w.And("seq IN (SELECT rowid FROM customer_search WHERE customer_search MATCH ? UNION SELECT seq FROM customers"+named.SQL()+")",
			append([]any{phrase(text)}, named.Args()...)...)
	case engine == "sqlite":
		w.And("(instr(search, ?) > 0 OR "+prefix+")", folded, start, end, start, end)
	default:
		w.And("(search LIKE ? ESCAPE '\\' OR "+prefix+")", db.LikeContains(folded), start, end, start, end)
	}
}

// searchTogether is what changes of SQLite's search index are put off under,
// to be made by all who share a commit. One by one, each would be written as
// a small index of its own.
const searchTogether = "customer_search"

// searchChange is a row's text and, unless the row is new, the text before.
type searchChange struct {
	seq  int64
	was  *string
	text string
}

// reindexSearch notes that a row's text changes. What it was is read, because
// the index must be told exactly what it was given.
func reindexSearch(ctx context.Context, tx *db.Tx, was, next *Row) error {
	text := next.search()
	if tx.Engine() != "sqlite" || was.search() == text {
		return nil
	}
	old, err := db.One[struct {
		Seq    int64
		Search string
	}](ctx, tx, `SELECT seq, search FROM customers WHERE organization_id = ? AND id = ?`, next.OrganizationID, next.ID)
	if err != nil {
		return fmt.Errorf("read the text for search: %w", err)
	}
	tx.Together(searchTogether, searchChange{old.Seq, &old.Search, text}, changeSearch)
	return nil
}

// changeSearch makes the changes: first it takes out what is no longer so,
// then it adds what is. A row that changed more than once goes from its first
// text to its last.
func changeSearch(ctx context.Context, tx *db.Tx, items []any) error {
	var order []int64
	last := make(map[int64]searchChange, len(items))
	for _, item := range items {
		c := item.(searchChange)
		if before, again := last[c.seq]; again {
			c.was = before.was
		} else {
			order = append(order, c.seq)
		}
		last[c.seq] = c
	}
	var out, in []any
	for _, seq := range order {
		c := last[seq]
		if c.was != nil {
			out = append(out, []any{c.seq, *c.was})
		}
		in = append(in, []any{c.seq, c.text})
	}
	const rows = `SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)`
	if err := execRows(ctx, tx, `INSERT INTO customer_search (rowid, search, customer_search) SELECT *, 'delete' FROM (`+rows+`)`, out); err != nil {
		return err
	}
	return execRows(ctx, tx, `INSERT INTO customer_search (rowid, search) `+rows, in)
}

// execRows runs one statement for any number of rows, because between two
// the index would write down what it has.
func execRows(ctx context.Context, tx *db.Tx, text string, rows []any) error {
	if len(rows) == 0 {
		return nil
	}
	if _, err := db.Exec(ctx, tx, text, string(schema.JSON(&rows))); err != nil {
		return fmt.Errorf("index for search: %w", err)
	}
	return nil
}
