// Package listing is what every list operation shares: pages, sorting with a
// stable order, metadata filters, and the shape of the result.
package listing

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/schema"
)

// MaxLimit is the size of the largest page; more is silently cut down to it.
const MaxLimit = 100

// usual is the size of a page when nothing is said.
const usual = 10

// Page is the part of an input that chooses a page. Its number has another name
// than the type: embedded, the type would hide it.
type Page struct {
	Number int `query:"page" first:"" gt:"0" default:"1" doc:"Page number, defaults to 1."`
	Limit  int `query:"limit" first:"" gt:"0" default:"10" doc:"Size of a page, defaults to 10. Maximum is 100."`
}

func (p Page) size() int { return min(max(p.Limit, 1), MaxLimit) }

// offset keeps absurd page numbers from overflowing.
func (p Page) offset() int {
	const farthest = 1 << 40
	return (min(max(p.Number, 1), farthest) - 1) * p.size()
}

// Last is how many rows there are up to the end of the page.
func (p Page) Last() int { return p.offset() + p.size() }

// Result is a page of a list.
type Result[T any] struct {
	Items      []T        `json:"items"`
	Pagination Pagination `json:"pagination"`
}

// SchemaName is the name of the reference: ListResource_Customer_.
func (Result[T]) SchemaName() string {
	t := reflect.TypeFor[T]()
	name := t.Name()
	if n, ok := reflect.New(t).Interface().(schema.Named); ok {
		name = n.SchemaName()
	}
	return "ListResource_" + name + "_"
}

// Pagination says how much there is.
type Pagination struct {
	TotalCount int `json:"total_count"`
	MaxPage    int `json:"max_page"`
}

// Of makes a result of a page's items and the number of all.
func Of[T any](items []T, total int, p Page) Result[T] {
	return Result[T]{Items: items, Pagination: Pagination{total, (total + p.size() - 1) / p.size()}}
}

// Cut makes a result of all that there is, for lists that no SQL can order.
func Cut[T any](all []T, p Page) Result[T] {
	from := min(p.offset(), len(all))
	return Of(all[from:min(from+p.size(), len(all))], len(all), p)
}

// Empty is a list without entries.
func Empty[T any]() Result[T] { return Result[T]{Items: []T{}} }

// Keys maps the name of a sorting criterion to the column that it sorts by. A
// column that can be null says so, because the engines disagree on where
// nulls go and the contract does not: last ascending, first descending.
type Keys map[string]Column

// Column is a sortable SQL expression.
type Column struct {
	SQL      string
	Nullable bool
}

// Order is the ORDER BY clause for criteria such as "-created_at". The id ends
// it, in the direction of the last criterion, so that equal rows keep their
// place from page to page.
func (k Keys) Order(criteria []string) string {
	var b strings.Builder
	direction := ""
	seen := map[string]bool{}
	for _, c := range criteria {
		name, down := strings.CutPrefix(c, "-")
		if seen[name] {
			continue // rows that are equal by it are not told apart by it
		}
		seen[name] = true
		direction = " ASC"
		if down {
			direction = " DESC"
		}
		if b.Len() == 0 {
			b.WriteString(" ORDER BY ")
		} else {
			b.WriteString(", ")
		}
		col := k[name]
		b.WriteString(col.SQL + direction)
		switch { // as words and not as an expression, so that an index can serve
		case col.Nullable && down:
			b.WriteString(" NULLS FIRST")
		case col.Nullable:
			b.WriteString(" NULLS LAST")
		}
	}
	if b.Len() == 0 {
		return " ORDER BY id ASC"
	}
	return b.String() + ", id" + direction
}

// Query is one list: FROM with its filter, the columns of T, an order, a page.
type Query struct {
	Columns string
	From    string
	Where   *db.W
	Order   string
	Page    Page
	// Total asks for the number of all rows when it is known without counting.
	Total func(reads *db.Reads) (rows func() int)
	// Known is the number of all rows, unless nil.
	Known *int
	// Enough, unless zero, is where counting ends. Of more rows the total says
	// only that there are so many, and as many as it takes for a next page to be
	// worth asking for while there is one.
	Enough int
	// AtLeast, unless nil, counts up to a number, quicker than counting would and
	// maybe not all. Where it finds enough nothing need be counted.
	AtLeast func(ctx context.Context, q db.Querier, most int) (int, error)
	// Counted, unless nil, are the same rows in another way, which is a better
	// one to count them.
	Counted *Rows
	// Key says that the filter has a key in it, so that few rows are looked at.
	Key bool
	// Far, unless nil, finds the rows of a page that is far from the start by
	// what an index holds: PostgreSQL reads every row that it skips.
	Far *Far
	// Several, unless nil, are the organizations whose rows these are: an index
	// has those of each in the order of the list, and none those of all.
	Several *Several
	// First are pieces from the start of the list, each with the one before in it:
	// a page that one of them fills need not be looked for in From and Where, which
	// find what lies anywhere.
	First []Part
	// Parts, unless empty, make up the list, one after the other, instead of From,
	// Where, Order and Far: no index has them together.
	Parts []Part
}

// Part is a piece of a list.
type Part struct {
	Rows
	Order string
	Far   *Far
}

// Several are organizations, and the filter of the list for some of them.
type Several struct {
	Orgs  []id.ID
	Where func(orgs []id.ID) *db.W
}

// most is of how many organizations the first rows are found one organization after
// the other.
const most = 20

// AmongSeveral is nil for a single organization, and for very many.
func AmongSeveral(orgs []id.ID, where func(orgs []id.ID) *db.W) *Several {
	if len(orgs) < 2 || len(orgs) > most {
		return nil
	}
	return &Several{orgs, where}
}

// Far is a column that tells the rows of organizations apart and that an index
// has in the order of the list.
type Far struct {
	Column string
	Of     []id.ID
}

// Rows are those of a FROM that its filter lets pass.
type Rows struct {
	From  string
	Where *db.W
}

// Run asks for the page and for the count as two statements: a count within
// the page's statement would read every row for every page.
func Run[T any](ctx context.Context, q db.Querier, l Query) (Result[T], error) {
	if l.Total != nil && len(l.Parts) == 0 && l.Page.offset() < far && q.Engine() == "postgres" {
		return together[T](ctx, q, l)
	}
	items, err := page[T](ctx, q, l)
	if err != nil {
		return Result[T]{}, err
	}
	total, err := l.total(ctx, q, len(items))
	if err != nil {
		return Result[T]{}, err
	}
	return Of(items, total, l.Page), nil
}

// together asks for both in one go, which saves PostgreSQL a round trip. On
// SQLite it would only be one question more where the page has all rows.
func together[T any](ctx context.Context, q db.Querier, l Query) (Result[T], error) {
	var reads db.Reads
	text, args := l.page()
	items, total := db.Ask[T](&reads, text, args...), l.Total(&reads)
	if err := reads.Run(ctx, q); err != nil {
		return Result[T]{}, err
	}
	return Of(*items, total(), l.Page), nil
}

// far is how many rows are skipped as they are.
const far = 1000

func page[T any](ctx context.Context, q db.Querier, l Query) ([]T, error) {
	if len(l.Parts) > 0 {
		return inParts[T](ctx, q, l)
	}
	find := db.All[T]
	if l.Key {
		find = db.Lookup[T]
	}
	for _, first := range l.First {
		text, args := l.of(first, l.Page.size(), l.Page.offset())
		if items, err := find(ctx, q, text, args...); err != nil || len(items) == l.Page.size() {
			return items, err
		}
	}
	text, args := l.page()
	return find(ctx, q, text, args...)
}

// inParts reads the page from the part in which it begins, and from the next
// ones for as long as it is not full.
func inParts[T any](ctx context.Context, q db.Querier, l Query) (items []T, err error) {
	size, offset := l.Page.size(), l.Page.offset()
	for _, p := range l.Parts {
		text, args := l.of(p, size-len(items), offset)
		some, err := db.All[T](ctx, q, text, args...)
		if err != nil {
			return nil, err
		}
		items = append(items, some...)
		switch {
		case len(items) == size:
			return items, nil
		case len(some) > 0:
			offset = 0
		case offset > 0: // it ended before the page begins
			n, err := p.count(ctx, q, offset)
			if err != nil {
				return nil, err
			}
			offset -= n
		}
	}
	return items, nil
}

// page is the statement of the page.
func (l Query) page() (text string, args []any) {
	if l.Several != nil && l.Page.Last() <= far {
		return l.amongSeveral()
	}
	return l.of(Part{Rows{l.From, l.Where}, l.Order, l.Far}, l.Page.size(), l.Page.offset())
}

// amongSeveral reads the page from as many rows of each organization as it
// would have if they were all of that one.
func (l Query) amongSeveral() (text string, args []any) {
	of := db.Where("").In("organization_id", l.Several.Orgs)
	args = of.Args()
	first := make([]string, len(l.Several.Orgs))
	for i := range l.Several.Orgs {
		w := l.Several.Where(l.Several.Orgs[i : i+1])
		first[i] = "SELECT id FROM (SELECT id FROM " + l.From + w.SQL() + l.Order + " LIMIT ?) AS part"
		args = append(append(args, w.Args()...), l.Page.Last())
	}
	return "SELECT " + l.Columns + " FROM " + l.From + of.SQL() + " AND id IN (" + strings.Join(first, " UNION ALL ") + ")" + l.Order + " LIMIT ? OFFSET ?",
		append(args, l.Page.size(), l.Page.offset())
}

// of is the statement of a page of a part. That a first page of the usual size
// ends soon stands in its text where nothing else is needed to plan it: what
// does not, PostgreSQL plans anew each time.
func (l Query) of(p Part, size, offset int) (text string, args []any) {
	args = p.Where.Args()
	rest := p.Where.SQL() + p.Order
	if offset == 0 && (size == usual || size == MaxLimit) && (l.Key || l.Total != nil) {
		rest += " LIMIT " + strconv.Itoa(size)
	} else {
		rest += " LIMIT ? OFFSET ?"
		args = slices.Concat(args, []any{size, offset})
	}
	if p.Far != nil && offset >= far {
		of := db.Where("").In("organization_id", p.Far.Of)
		rest = of.SQL() + " AND " + p.Far.Column + " IN (SELECT " + p.Far.Column + " FROM " + p.From + rest + ")" + p.Order
		args = slices.Concat(of.Args(), args)
	}
	return "SELECT " + l.Columns + " FROM " + p.From + rest, args
}

func (l Query) total(ctx context.Context, q db.Querier, got int) (int, error) {
	rows := Rows{l.From, l.Where}
	if l.Counted != nil {
		rows = *l.Counted
	}
	switch {
	case got > 0 && got < l.Page.size(), got == 0 && l.Page.offset() == 0:
		return l.Page.offset() + got, nil // the last page: nothing is left to count
	case l.Known != nil:
		return *l.Known, nil
	case l.Total != nil:
		var reads db.Reads
		rows := l.Total(&reads)
		err := reads.Run(ctx, q)
		return rows(), err
	case l.Enough > 0:
		most := max(l.Enough, l.Page.offset()+got+1)
		if l.AtLeast != nil {
			if n, err := l.AtLeast(ctx, q, most); err != nil || n >= most {
				return n, err
			}
		}
		return rows.count(ctx, q, most)
	}
	return rows.count(ctx, q, 0)
}

// count counts the rows, up to a number unless that is zero.
func (r Rows) count(ctx context.Context, q db.Querier, most int) (int, error) {
	text, args := "SELECT COUNT(*) FROM "+r.From+r.Where.SQL(), r.Where.Args()
	if most > 0 {
		text, args = "SELECT COUNT(*) FROM (SELECT 1 FROM "+r.From+r.Where.SQL()+" LIMIT ?) AS found", append(args, most)
	}
	n, err := db.One[int64](ctx, q, text, args...)
	return int(n), err
}

// Among filters by a list of values, when one was given.
func Among[T any](w *db.W, column string, values schema.Many[T]) {
	if values != nil {
		w.In(column, []T(values))
	}
}

// Names are sorting criteria as Keys.Order takes them.
func Names[K ~string](keys []K) []string {
	out := make([]string, len(keys))
	for i, k := range keys {
		out[i] = string(k)
	}
	return out
}

// MetadataFilter is metadata[key]=value, decoded: each key with the values of
// which one must match.
type MetadataFilter []MetadataMatch

// MetadataMatch is one key of a filter.
type MetadataMatch struct {
	Key    string
	Values []string
}

// DecodeNode reads what the query's brackets were gathered into.
func (m *MetadataFilter) DecodeNode(n *schema.Node, at *schema.At) {
	for i, key := range n.Keys {
		match := MetadataMatch{Key: key}
		for j := range n.Items[i].Items {
			v := &n.Items[i].Items[j]
			if schema.HasNUL(key) || schema.HasNUL(v.Text) {
				at.Key(key).ValueError(schema.InvalidCharacters, v)
			}
			match.Values = append(match.Values, v.Text)
		}
		*m = append(*m, match)
	}
}

// SchemaName is the name of the reference.
func (MetadataFilter) SchemaName() string { return "MetadataQuery" }

// DescribeSchema describes the filter.
func (MetadataFilter) DescribeSchema(*schema.Builder) *schema.Schema {
	scalar := func(t string) *schema.Schema { return &schema.Schema{Type: t} }
	list := func(t string) *schema.Schema { return &schema.Schema{Type: "array", Items: scalar(t)} }
	return schema.Nullable(&schema.Schema{Type: "object", AdditionalProperties: &schema.Schema{AnyOf: []*schema.Schema{
		scalar("string"), scalar("integer"), scalar("boolean"), list("string"), list("integer"), list("boolean")}}})
}
