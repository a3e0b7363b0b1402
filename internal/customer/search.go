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

// Who searches for what half of all customers have looks at the first page and
// not at the number. So beyond a thousand a search is not counted: that would
// take longer the more customers there are. See docs/decisions/0013.
const counted = 1000

// way is how customers are found. Without statistics of how many customers an
// organization has, SQLite reads them in the order of some index, each from
// another place of the file; so the way says from where.
type way struct {
	page, count route
	// glance are letters for the index, whose first answers are enough to be
	// counted; none where not so many are expected.
	glance []gram
}

type route struct {
	from string
	ask  []gram // the letters that the index is asked for; none leaves it to the engine, on SQLite to look at everybody
}

// match asks SQLite's index for customers with all letters.
func match(ask []gram) string {
	terms := make([]string, len(ask))
	for i, g := range ask {
		terms[i] = `"` + strings.ReplaceAll(string(g[:]), `"`, `""`) + `"`
	}
	return strings.Join(terms, " AND ")
}

const (
	anyhow   = "customers"
	inOrder  = "customers INDEXED BY customers_created" // as they were written
	byNumber = "customers NOT INDEXED"                  // by the numbers that the index answers
)

// What a search costs, in customers that are looked at one after the other:
// to ask the index at all, and to look at one that it names.
const (
	askCost  = 200
	nameCost = 3
)

func asking(rows float64) float64 { return askCost + nameCost*rows }

// way chooses between looking at the customers one after the other until the
// page is full, which is quick where many are found, and asking the index,
// which is quick where few are. See docs/decisions/0014.
func (s *Service) way(ctx context.Context, orgs []id.ID, in listInput) (way, error) {
	switch {
	case in.Query == nil || in.Email != nil:
		return the(route{from: anyhow}), nil
	case s.DB.Engine() == "postgres":
		return s.wayPostgres(ctx, *in.Query)
	case !hasTrigram(*in.Query) && len(in.Metadata) > 0:
		return the(route{from: anyhow}), nil
	case !hasTrigram(*in.Query):
		return the(route{from: inOrder}), nil
	}
	var reads db.Reads
	live := countAll(&reads, orgs)
	if err := reads.Run(ctx, s.DB); err != nil {
		return way{}, err
	}
	sample, rows, err := s.samples.get(ctx, s.DB)
	if err != nil {
		return way{}, err
	}
	return choose(in, len(orgs), float64(live()), float64(rows), sample.look(fold(*in.Query), anyGram)), nil
}

func anyGram(gram) bool { return true }

// PostgreSQL plans by itself. But its index goes through the lists of all
// letters of a text; so where few are found it is asked for the rarest.
func (s *Service) wayPostgres(ctx context.Context, query string) (way, error) {
	w := the(route{from: anyhow})
	if !hasTrigram(query) {
		return w, nil
	}
	sample, _, err := s.samples.get(ctx, s.DB)
	if err != nil { // without a hint the search takes longer, where it can be had at all
		return w, ctx.Err()
	}
	const few = 1. / 256
	if o := sample.look(fold(query), ofWords); o.met < few && len(o.ask) >= atLeast {
		w = the(route{anyhow, o.ask})
	}
	return w, nil
}

// ofWords are those that pg_trgm has as they are whatever the locale: it cuts
// texts into words.
func ofWords(g gram) bool {
	for _, r := range g {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') {
			return false
		}
	}
	return true
}

// the same route for the page and for the count.
func the(r route) way { return way{page: r, count: r} }

// choose knows how many customers may be seen and how many there are in all.
func choose(in listInput, orgs int, live, rows float64, o outlook) (w way) {
	walked, named := live, asking(rows*o.met)
	if orgs == 1 && (len(in.Sorting) == 0 || strings.TrimPrefix(string(in.Sorting[0]), "-") == "created_at") {
		walked = min(live, float64(in.Last())/o.found)
	}
	shorter := func(walked float64) route {
		if named < walked {
			return route{byNumber, o.ask}
		}
		return route{from: inOrder}
	}
	if len(in.Metadata) > 0 { // which may be a shorter way still
		return the(route{anyhow, shorter(walked).ask})
	}
	most := float64(max(counted, in.Last()+1))
	counting := min(live, most/o.found)
	w = way{page: shorter(walked), count: shorter(counting)}
	if live*o.found >= most && asking(most*o.met/o.found*rows/live) < min(counting, named) {
		w.glance = o.ask
	}
	return w
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
	start := beginning(folded)
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
