package customer

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"

	"floe/internal/db"
	"floe/internal/schema"
)

// searchTogether is what changes of SQLite's search index are put off under,
// to be made by all who share a commit. One by one, each would be written as
// a small index of its own.
const searchTogether = "customer_search"

// searchChange is the text that a row is found by from now on.
type searchChange struct {
	seq  int64
	text string
}

// reindexSearch notes that a row's text changes.
func reindexSearch(ctx context.Context, tx *db.Tx, was, next *Row) error {
	text := next.search()
	if tx.Engine() != "sqlite" || was.search() == text {
		return nil
	}
	seq, err := db.One[int64](ctx, tx, `SELECT seq FROM customers WHERE organization_id = ? AND id = ?`, next.OrganizationID, next.ID)
	if err != nil {
		return fmt.Errorf("find the place in the search: %w", err)
	}
	tx.Together(searchTogether, searchChange{seq, text}, changeSearch)
	return nil
}

// Those who write merge some pages of the index, a few more than they add in
// the long run. Left to itself FTS5 does nothing for many commits and then so
// much that everybody waits.
const (
	mergedAfter   = 8  // rows
	mergedPages   = 16 // and one more for every rowsEachPage
	rowsEachPage  = 10
	mergeSearch   = `INSERT INTO customer_search (customer_search, rank) VALUES ('merge', ?)`
	replaceSearch = `INSERT OR REPLACE INTO customer_search (rowid, search)
		SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?)`
)

// unmerged is how many rows were written since pages were merged.
var unmerged atomic.Int64

// changeSearch makes the changes: all in one statement and in the order of the
// rows, because whenever a row is not beyond the one before, the index writes
// down what it has. Of a row that changed more than once the last text counts.
func changeSearch(ctx context.Context, tx *db.Tx, items []any) error {
	last := make(map[int64]string, len(items))
	for _, item := range items {
		c := item.(searchChange)
		last[c.seq] = c.text
	}
	rows := make([]any, 0, len(last))
	for _, seq := range slices.Sorted(maps.Keys(last)) {
		rows = append(rows, []any{seq, last[seq]})
	}
	if _, err := db.Exec(ctx, tx, replaceSearch, string(schema.JSON(&rows))); err != nil {
		return fmt.Errorf("index for search: %w", err)
	}
	n := unmerged.Add(int64(len(rows)))
	if n < mergedAfter {
		return nil
	}
	unmerged.Store(0)
	if _, err := db.Exec(ctx, tx, mergeSearch, mergedPages+n/rowsEachPage); err != nil {
		return fmt.Errorf("merge the index of the search: %w", err)
	}
	return nil
}
