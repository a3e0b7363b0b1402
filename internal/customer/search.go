package customer

import (
	"context"
	"strings"
	"unicode/utf8"

	"floe/internal/db"
	"floe/internal/id"
)

// hasTrigram says whether SQLite's search index can be used.
func hasTrigram(text string) bool { return utf8.RuneCountInString(fold(text)) >= 3 }

// match asks SQLite's index for customers with all letters.
func match(ask []gram) string {
	terms := make([]string, len(ask))
	for i, g := range ask {
		terms[i] = `"` + strings.ReplaceAll(string(g[:]), `"`, `""`) + `"`
	}
	return strings.Join(terms, " AND ")
}

// searching adds the substring filter: contained in the e-mail, the name or
// the billing name, or the start of the external id, whatever the case. SQLite
// gets a list of rows, because with an OR it would look at every customer.
func searching(w *db.W, engine string, orgs []id.ID, text string, ask []gram) {
	folded := fold(text)
	if folded == "" {
		w.And("(search <> '' OR external_id IS NOT NULL)")
		return
	}
	start := db.Beginning(folded, maxIndexed)
	end := start + "\U0010FFFF"
	const prefix = "(external_id >= ? AND external_id < ?) OR (external_key >= ? AND external_key < ?)"
	if engine == "postgres" {
		has, args := containing(folded, ask)
		w.And("("+has+" OR "+prefix+")", append(args, start, end, start, end)...)
		return
	}
	if len(ask) > 0 {
		named := db.Where(prefix, start, end, start, end).In("organization_id", orgs)
		w.And("seq IN (SELECT rowid FROM customer_search WHERE customer_search MATCH ? UNION SELECT seq FROM customers"+named.SQL()+")",
			append([]any{match(ask)}, named.Args()...)...)
	}
	w.And("(instr(search, ?) > 0 OR "+prefix+")", folded, start, end, start, end)
}

// containing is the condition that the text has a part, for PostgreSQL, whose
// index serves LIKE.
func containing(folded string, ask []gram) (condition string, args []any) {
	if len(ask) == 0 {
		return "search LIKE ? ESCAPE '\\'", []any{db.LikeContains(folded)}
	}
	for _, g := range ask {
		args = append(args, "%"+string(g[:])+"%")
	}
	return strings.Repeat("search LIKE ? AND ", len(ask)) + "strpos(search, ?) > 0", append(args, folded)
}

// countNamed counts, up to a number, those that the index names and the filter
// lets pass. It stops there, so the index need not name all.
func countNamed(ctx context.Context, q db.Querier, ask []gram, filter *db.W, most int) (int, error) {
	args := append(append([]any{match(ask)}, filter.Args()...), most)
	n, err := db.One[int64](ctx, q, `SELECT COUNT(*) FROM (SELECT 1 FROM (SELECT rowid AS named FROM customer_search WHERE customer_search MATCH ?)
		CROSS JOIN customers ON seq = named`+filter.SQL()+` LIMIT ?)`, args...)
	return int(n), err
}
