package customer

import (
	"context"
	"math"
	"strings"

	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/listing"
)

// Who searches for what half of all customers have looks at the first page and
// not at the number. So beyond a thousand a search is not counted: that would
// take longer the more customers there are. See docs/decisions/0013.
const counted = 1000

// way is how customers are found. SQLite is told the same of every database
// (docs/decisions/0022) and cannot know how many have what is asked for; so
// the way says from where.
type way struct {
	page, count route
	// first are how many customers are looked at, in the order of the list, before
	// the page is looked for in its own way: if they fill it, that is the page. Those
	// who are found need not lie spread over the list: what one import brought lies
	// together.
	first []int
	// glance are letters for the index, whose first answers are enough to be
	// counted; none where not so many are expected.
	glance []gram
	// known is how many there are, where an index told.
	known *int
}

type route struct {
	from string
	ask  []gram // the letters that the index is asked for; none leaves it to the engine, on SQLite to look at everybody
	// check looks at the metadata and subscriptions of each customer, where
	// otherwise these lead to the customers.
	check bool
}

const (
	anyhow   = "customers"
	inOrder  = "customers INDEXED BY customers_created" // as they were written
	byName   = "customers INDEXED BY customers_name"
	byEmail  = "customers INDEXED BY customers_email"
	without  = "customers INDEXED BY customers_without_email"
	byNumber = "customers NOT INDEXED" // by the numbers that the index answers
)

// What it costs to find customers, in customers that are looked at as they
// were written, one after the other: to ask the index of letters at all, to
// look at one that it names, at one that is found by its id, at one that comes
// next in the order of names or addresses and lies anywhere, and at somebody's
// metadata and subscriptions.
const (
	askCost   = 200
	nameCost  = 3
	idCost    = 12
	orderCost = 10
	checkCost = 2
)

func asking(rows float64) float64 { return askCost + nameCost*rows }

// the same route for the page and for the count.
func the(r route) way { return way{page: r, count: r} }

// way chooses between looking at the customers one after the other until the
// page is full, which is quick where many are found, and asking an index for
// them, which is quick where few are. See docs/decisions/0014.
func (s *Service) way(ctx context.Context, orgs []id.ID, in listInput) (way, error) {
	postgres := s.DB.Engine() == "postgres"
	switch {
	case in.Email != nil:
		return the(route{from: anyhow, check: true}), nil
	case in.Query != nil && postgres:
		return s.wayPostgres(ctx, *in.Query)
	case in.Query == nil && !in.narrowed():
		return the(route{from: anyhow}), nil
	}
	c, known, err := s.crowd(ctx, orgs, in)
	switch {
	case err != nil:
		return way{}, err
	case postgres: // it plans by itself, but would count what an index has counted
		c.ids /= 3 // it goes to each in less time, beside the others
		return way{page: route{from: anyhow}, count: route{from: anyhow}, known: known, first: choose(in, c, everybody).first}, nil
	}
	o := everybody
	if in.Query != nil && hasTrigram(*in.Query) {
		sample, rows, err := s.samples.get(ctx, s.DB)
		if err != nil {
			return way{}, err
		}
		c.rows, o = float64(rows), sample.look(fold(*in.Query), anyGram)
	}
	w := choose(in, c, o)
	w.known = known
	return w, nil
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
		w = the(route{from: anyhow, ask: o.ask})
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

// everybody is what to expect where no letters are asked for.
var everybody = outlook{found: 1, met: 1}

// crowd are the customers among whom some are looked for.
type crowd struct {
	orgs int
	rows float64 // about how many customers there are, of all organizations
	live float64 // how many may be seen
	have float64 // how many of them have the metadata and subscriptions
	ids  float64 // to how many the metadata and subscriptions lead
	look float64 // what it costs to look whether somebody has them
}

// enough are as many as are counted where a guess will do.
const enough = 20_000

// crowd also answers how many are found, where metadata and subscriptions are
// all that is asked for.
func (s *Service) crowd(ctx context.Context, orgs []id.ID, in listInput) (c crowd, known *int, err error) {
	var reads db.Reads
	all := countAll(&reads, orgs)
	if err := reads.Run(ctx, s.DB); err != nil {
		return c, nil, err
	}
	c = crowd{orgs: len(orgs), live: max(float64(all()), 1), ids: math.Inf(1)}
	c.have = c.live
	if !in.narrowed() {
		return c, nil, nil
	}
	most := 0
	if in.Query != nil {
		most = enough
	}
	lead, have, err := in.countNarrowed(ctx, s.DB, orgs, all(), most)
	if err != nil {
		return c, nil, err
	}
	if in.Query == nil {
		known = &have
	}
	c.look = checkCost
	if c.have = float64(have); lead < all() {
		c.ids = float64(lead)
	}
	if most > 0 && lead >= most { // or more: too many to go to each of them
		c.have, c.ids = max(c.have, c.live/4), math.Inf(1)
	}
	return c, known, nil
}

// narrowed says whether an index tells who has the metadata and subscriptions.
func (in *listInput) narrowed() bool {
	return (len(in.Metadata) > 0 || in.Active != nil) && len(in.Metadata) <= listing.Joined
}

// countNarrowed counts in indexes alone, which hold nobody who was deleted: to
// how many of all customers the metadata and subscriptions lead, and how many
// have them. Most, unless zero, is where counting ends.
func (in *listInput) countNarrowed(ctx context.Context, q db.Querier, orgs []id.ID, all, most int) (lead, have int, err error) {
	count := func(text string, w *db.W) (int, error) {
		args := w.Args()
		if text += w.SQL(); most > 0 {
			text, args = text+" LIMIT ?", append(args, most)
		}
		n, err := db.One[int64](ctx, q, "SELECT COUNT(*) FROM ("+text+") AS found", args...)
		return int(n), err
	}
	running := db.Where("").In("organization_id", orgs).And(runs)
	var entries *db.W
	if len(in.Metadata) > 0 {
		entries = in.Metadata.Entry(orgs, described)
	}
	const metadata, subscriptions = "SELECT customer_id FROM customer_metadata", "SELECT DISTINCT customer_id FROM subscriptions"
	switch {
	case in.Active == nil:
		have, err = count(metadata, entries)
		return have, have, err
	case len(in.Metadata) == 0:
		have, err = count(subscriptions, running)
		lead = all
	default:
		if lead, err = count(metadata, entries); err != nil {
			return 0, 0, err
		}
		have, err = count(metadata, entries.And("customer_id IN (SELECT customer_id FROM subscriptions"+running.SQL()+")", running.Args()...))
	}
	if *in.Active {
		return have, have, err
	}
	return lead, max(lead-have, 0), err
}

// choose takes the shortest way.
func choose(in listInput, c crowd, o outlook) (w way) {
	found := max(o.found*c.have/c.live, 0.5/c.live)
	from, step := in.inOrder(c.orgs)
	last := float64(in.Last()) / found
	w.page = shortest(c, o, last, from, step)
	if w.page.from == inOrder && step == 1 {
		w.hopefully(c, o, last)
	}
	if in.Query == nil {
		return w
	}
	most := float64(max(counted, in.Last()+1))
	w.count = shortest(c, o, most/found, inOrder, 1)
	if len(o.ask) > 0 && !in.narrowed() && c.live*o.found >= most &&
		asking(most*o.met/o.found*c.rows/c.live) < min(c.live, most/found, asking(c.rows*o.met)) {
		w.glance = o.ask
	}
	return w
}

// shortest is the shortest route to customers of whom one meets as many in an
// index, each at the price of some steps.
func shortest(c crowd, o outlook, meets float64, from string, step float64) route {
	walked := min(c.live, meets) * (step + c.look)
	if all := c.live * (1 + c.look); walked > all { // as they were written, and to sort
		from, walked = inOrder, all
	}
	if r, cost := led(c, o); cost < walked {
		return r
	}
	return route{from: from, check: true}
}

// led is the route on which an index leads to all who are found, however they
// lie. Its cost is infinite where there is none.
func led(c crowd, o outlook) (r route, cost float64) {
	named := math.Inf(1)
	if len(o.ask) > 0 {
		named = asking(c.rows*o.met) + c.look*c.rows*o.met
	}
	if ids := idCost * c.ids; ids < named {
		return route{from: anyhow}, ids
	}
	return route{byNumber, o.ask, true}, named
}

// How many customers are looked at first: so many times as many as fill the page
// where those who are found lie spread over the list; then so many times as many
// again. See docs/decisions/0014.
const (
	patience  = 4
	growsBy   = 4
	mostTries = 8
)

// hopefully goes past one customer after the other no longer than it takes to be
// led to all who are found.
func (w *way) hopefully(c crowd, o outlook, last float64) {
	r, cost := led(c, o)
	if cost >= c.live*(1+c.look) {
		return
	}
	for n := patience * last; len(w.first) < mostTries; n *= growsBy {
		if n >= c.live {
			if len(w.first) == 0 {
				return // those are all
			}
			break
		}
		if w.first = append(w.first, int(n)); growsBy*n*(1+c.look) > cost/2 {
			break
		}
	}
	w.page = r
}

// inOrder says which index has customers in the order of the list, and what
// one costs that is found by it. Those of several organizations are sorted.
func (in *listInput) inOrder(orgs int) (from string, step float64) {
	switch first := in.first(); {
	case orgs > 1:
		return inOrder, math.Inf(1)
	case first == "email":
		return byEmail, orderCost
	case first == "name":
		return byName, orderCost
	}
	return inOrder, 1
}

// first is the criterion by which the list is sorted before any other.
func (in *listInput) first() string {
	if len(in.Sorting) == 0 {
		return "created_at"
	}
	return strings.TrimPrefix(string(in.Sorting[0]), "-")
}

// descends says whether the latest come first, as they do unless asked otherwise.
func (in *listInput) descends() bool {
	return len(in.Sorting) == 0 || in.Sorting[0][0] == '-'
}
