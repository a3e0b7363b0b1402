package subscription_test

import (
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/ordertest"
)

var (
	walkSeed  = flag.Uint64("subscription.seed", 1, "where to begin to choose")
	walkSteps = flag.Int("subscription.steps", 60, "how many things happen")
)

// plan is a product of the walk, with what it costs in both currencies.
type plan struct {
	interval string
	count    int
	fixed    map[string]int64
	perSeat  map[string][3]int64 // up to four, beyond, and whether all seats have the rate of the last
	trial    int                 // days
}

var plans = []plan{
	{interval: "month", count: 1, fixed: map[string]int64{"usd": 1000, "jpy": 999}},
	{interval: "month", count: 1, fixed: map[string]int64{"usd": 3333, "jpy": 5000}},
	{interval: "month", count: 1, fixed: map[string]int64{"usd": 0, "jpy": 0}},
	{interval: "month", count: 1, fixed: map[string]int64{"usd": 99_999_999, "jpy": 99_999_999}, trial: 10},
	{interval: "year", count: 1, fixed: map[string]int64{"usd": 12345, "jpy": 20001}},
	{interval: "week", count: 1, fixed: map[string]int64{"usd": 501, "jpy": 83}, trial: 3},
	{interval: "month", count: 1, fixed: map[string]int64{"usd": 777, "jpy": 100}, perSeat: map[string][3]int64{"usd": {333, 101, 0}, "jpy": {90, 37, 0}}},
	{interval: "month", count: 2, perSeat: map[string][3]int64{"usd": {550, 499, 1}, "jpy": {81, 80, 1}}},
}

// costs are the prices of a plan for a number of seats.
func (p *plan) costs(currency string, seats int64) (out []int64) {
	if amount, ok := p.fixed[currency]; ok {
		out = append(out, amount)
	}
	if rates, ok := p.perSeat[currency]; ok {
		few, many := min(seats, 4), max(0, seats-4)
		if rates[2] == 1 && many > 0 {
			few, many = 0, seats
		}
		out = append(out, few*rates[0]+many*rates[1])
	}
	return out
}

// reduction is a discount of the walk.
type reduction struct {
	points int64
	fixed  map[string]int64
	more   obj
}

var reductions = []reduction{
	{points: 2550, more: obj{"duration": "forever"}},
	{points: 3333, more: obj{"duration": "once"}},
	{points: 10000, more: obj{"duration": "repeating", "duration_in_months": 2}},
	{fixed: map[string]int64{"usd": 777, "jpy": 333}, more: obj{"duration": "repeating", "duration_in_months": 3}},
	{fixed: map[string]int64{"usd": 1_000_000}, more: obj{"duration": "forever"}},
}

// off is what a discount takes of an amount.
func (r *reduction) off(amount int64, currency string) int64 {
	if r == nil {
		return 0
	}
	if r.points > 0 {
		return rounded(big.NewRat(amount*r.points, 10000), away)
	}
	return min(r.fixed[currency], amount)
}

// shares are what it takes of each of several amounts.
func (r *reduction) shares(amounts []int64, currency string) []int64 {
	out := make([]int64, len(amounts))
	total := sumOf(amounts)
	if r == nil || total == 0 {
		return out
	}
	left := r.off(total, currency)
	rests := make([]*big.Rat, len(amounts))
	for i, a := range amounts {
		if r.points > 0 {
			out[i] = r.off(a, currency)
			continue
		}
		exact := big.NewRat(r.off(total, currency), total)
		exact.Mul(exact, big.NewRat(a, 1))
		out[i] = rounded(exact, zero)
		rests[i] = exact.Sub(exact, big.NewRat(out[i], 1))
		left -= out[i]
	}
	for r.points == 0 && left > 0 {
		most := 0
		for i := range rests {
			if rests[i].Cmp(rests[most]) > 0 {
				most = i
			}
		}
		out[most]++
		left--
		rests[most] = big.NewRat(-1, 1)
	}
	return out
}

func sumOf(list []int64) (n int64) {
	for _, x := range list {
		n += x
	}
	return n
}

type rounding int

const (
	zero rounding = iota
	away
	even
)

// rounded rounds a fraction.
func rounded(x *big.Rat, how rounding) int64 {
	down := new(big.Int).Quo(x.Num(), x.Denom())
	rest := new(big.Rat).Sub(x, new(big.Rat).SetInt(down))
	n, half := down.Int64(), new(big.Rat).Abs(rest).Cmp(big.NewRat(1, 2))
	if how == zero || half < 0 || half == 0 && how == even && n%2 == 0 {
		return n
	}
	return n + int64(rest.Sign())
}

// sub is a subscription as it was shown.
type sub struct {
	status, currency string
	plan             *plan
	seats, amount    int64
	off              *reduction
	start, end       time.Time
}

// twins are the same lives on two engines, which must show the same.
type twins struct {
	t         *testing.T
	r         *rand.Rand
	on        []*floetest.Floe
	names     []map[string]string // of ids, for people
	ids       []map[string]string // and back
	now       time.Time
	customers []string
	subs      []string
	trail     []string
	seen      map[string]bool // orders
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}`)

// do asks both, and answers what the first says of it.
func (w *twins) do(method, path string, body any) *floetest.Response {
	w.t.Helper()
	var first *floetest.Response
	var texts []string
	for i, f := range w.on {
		r := f.Do(method, w.mine(i, path), f.AllToken, w.bodyOf(i, body))
		texts = append(texts, fmt.Sprint(r.Status, " ", uuid.ReplaceAllStringFunc(r.Body, func(x string) string { return w.name(i, x) })))
		if r.Status >= 500 {
			w.t.Errorf("%s %s %v: %s", method, path, body, r.Body)
		}
		if first == nil {
			first = r
		}
	}
	if method != "GET" {
		w.trail = append(w.trail, fmt.Sprintf("%s %s %s %v = %.90s", w.now.Format(time.RFC3339), method, path, body, texts[0]))
	}
	if texts[0] != texts[1] {
		w.t.Errorf("%s %s %v\n%s\n%s", method, path, body, texts[0], texts[1])
	}
	return first
}

// name is what an id is called, in the order in which they were seen.
func (w *twins) name(i int, id string) string {
	if _, ok := w.names[i][id]; !ok {
		n := fmt.Sprintf("#%d#", len(w.names[i])+1)
		w.names[i][id], w.ids[i][n] = n, id
	}
	return w.names[i][id]
}

var named = regexp.MustCompile(`#\d+#`)

func (w *twins) mine(i int, text string) string {
	return named.ReplaceAllStringFunc(text, func(n string) string { return w.ids[i][n] })
}

func (w *twins) bodyOf(i int, body any) any {
	switch v := body.(type) {
	case obj:
		out := obj{}
		for k, x := range v {
			out[k] = w.bodyOf(i, x)
		}
		return out
	case string:
		return w.mine(i, v)
	}
	return body
}

// made creates something that must succeed, and answers its name.
func (w *twins) made(path string, body obj) string {
	w.t.Helper()
	r := w.do("POST", path, body)
	if r.Status != 201 {
		w.t.Fatalf("%s %v: %d %s", path, body, r.Status, r.Body)
	}
	return w.name(0, r.ID())
}

func (w *twins) advance(to time.Time) {
	if !to.After(w.now) {
		return
	}
	w.now = to
	w.do("POST", "/v1/test-clock/advance", obj{"to": to.Format(time.RFC3339Nano)})
}

func instant(t *testing.T, text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// look reads a subscription, and holds its amount against its prices.
func (w *twins) look(name string, products, discounts []string) sub {
	w.t.Helper()
	r := w.do("GET", "/v1/subscriptions/"+name, nil)
	s := sub{status: r.Text("status"), currency: r.Text("currency"), start: instant(w.t, r.Text("current_period_start")),
		end: instant(w.t, r.Text("current_period_end")), plan: &plans[slices.Index(products, w.name(0, r.Text("product_id")))]}
	s.amount = number(r.Path("amount"))
	if n := r.Path("seats"); n != nil {
		s.seats = number(n)
	}
	if d := r.Path("discount_id"); d != nil {
		s.off = &reductions[slices.Index(discounts, w.name(0, d.(string)))]
	}
	total := sumOf(s.plan.costs(s.currency, s.seats))
	if want := total - s.off.off(total, s.currency); s.amount != want {
		w.t.Errorf("%s costs %d, want %d", name, s.amount, want)
	}
	return s
}

func number(v any) int64 {
	n, ok := new(big.Rat).SetString(fmt.Sprint(v))
	if !ok || !n.IsInt() {
		panic(fmt.Sprintf("%v is no number", v))
	}
	return n.Num().Int64()
}

// entries are what a change has added to what is billed.
func (w *twins) entries(after int64) (list []string, last int64) {
	rows, err := db.All[struct {
		Seq  int64
		Text string
	}](w.t.Context(), w.on[0].DB, `SELECT seq, direction || ' ' || CAST(amount AS text) AS text FROM billing_entries
		WHERE organization_id = ? AND seq > ? ORDER BY seq`, w.on[0].Org.ID, after)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, r := range rows {
		list, after = append(list, r.Text), r.Seq
	}
	return list, after
}

// prorated is what a change of plan must add, in the words of the specification.
func prorated(was, is sub, at time.Time, how string) (want []string) {
	if was.status != "active" && was.status != "past_due" || how == "next_period" {
		return nil
	}
	left := big.NewRat(was.end.Sub(at).Microseconds(), was.end.Sub(was.start).Microseconds())
	add := func(direction string, s sub, part *big.Rat) {
		list := s.plan.costs(s.currency, s.seats)
		for i, off := range s.off.shares(list, s.currency) {
			if n, ok := s.plan.fixed[s.currency]; ok && i == 0 && n == 0 {
				continue
			}
			x := big.NewRat(list[i]-off, 1)
			want = append(want, fmt.Sprintf("%s %d", direction, rounded(x.Mul(x, part), even)))
		}
	}
	if how != "reset" {
		add("credit", was, left)
	}
	if how == "reset" || was.plan.interval != is.plan.interval || was.plan.count != is.plan.count {
		left = big.NewRat(1, 1)
	}
	add("debit", is, left)
	return want
}

// counted is what a change of the number of seats must add.
func counted(was, is sub, at time.Time, how string) []string {
	if was.status != "active" && was.status != "past_due" || how == "next_period" || was.seats == is.seats {
		return nil
	}
	if how == "reset" {
		return prorated(was, is, at, how)
	}
	cost := func(s sub) int64 {
		list := s.plan.costs(s.currency, s.seats)
		i := len(list) - 1
		return list[i] - s.off.shares(list, s.currency)[i]
	}
	x := big.NewRat(cost(is)-cost(was), 1)
	n := rounded(x.Mul(x, big.NewRat(was.end.Sub(at).Microseconds(), was.end.Sub(was.start).Microseconds())), zero)
	switch {
	case n > 0:
		return []string{fmt.Sprintf("debit %d", n)}
	case n < 0:
		return []string{fmt.Sprintf("credit %d", -n)}
	}
	return nil
}

// TestWalkOfChanges: what changes of subscriptions cost is what a small model
// says, on both engines the same, whatever happens to them in between.
func TestWalkOfChanges(t *testing.T) {
	t.Parallel()
	w := &twins{t: t, r: rand.New(rand.NewPCG(*walkSeed, 3)), on: []*floetest.Floe{floetest.New(t), floetest.Postgres(t)},
		names: []map[string]string{{}, {}}, ids: []map[string]string{{}, {}}, seen: map[string]bool{}}
	defer func() {
		if t.Failed() {
			t.Logf("-subscription.seed %d:\n%s", *walkSeed, strings.Join(w.trail, "\n"))
		}
	}()
	w.now = time.Date(2027, 12, 31, 22, 30, 0, 0, time.UTC)
	for i, f := range w.on {
		f.Feature(f.Org, "reset_proration_behavior_enabled", true)
		w.name(i, string(f.Org.ID))
	}
	w.do("POST", "/v1/test-clock", obj{"now": w.now.Format(time.RFC3339)})
	var products, discounts []string
	for i := range plans {
		products = append(products, w.made("/v1/products/", plans[i].body(fmt.Sprintf("Plan %d", i))))
	}
	for i, d := range reductions {
		body := obj{"name": fmt.Sprintf("Off %d", i)}
		if d.points > 0 {
			body["type"], body["basis_points"] = "percentage", d.points
		} else {
			body["type"], body["amounts"] = "fixed", d.fixed
		}
		for k, v := range d.more {
			body[k] = v
		}
		discounts = append(discounts, w.made("/v1/discounts/", body))
	}
	for i := range 3 {
		w.customers = append(w.customers, w.made("/v1/customers/", obj{"email": fmt.Sprintf("c%d@example.com", i), "name": "C", "billing_address": ordertest.Paris}))
	}
	for range *walkSteps {
		w.step(products, discounts)
		if t.Failed() {
			return
		}
		w.orders()
	}
	for _, f := range w.on {
		f.Sound()
	}
	t.Logf("%d orders", len(w.seen))
}

func (p *plan) body(name string) obj {
	var prices []any
	for _, currency := range []string{"usd", "jpy"} {
		if amount, ok := p.fixed[currency]; ok {
			prices = append(prices, ordertest.Fixed(int(amount), currency))
		}
		if r, ok := p.perSeat[currency]; ok {
			kind := "graduated"
			if r[2] == 1 {
				kind = "volume"
			}
			prices = append(prices, obj{"amount_type": "seat_based", "price_currency": currency, "seat_tiers": obj{"seat_tier_type": kind, "tiers": []any{
				obj{"min_seats": 1, "max_seats": 4, "price_per_seat": r[0]}, obj{"min_seats": 5, "max_seats": nil, "price_per_seat": r[1]}}}})
		}
	}
	body := obj{"name": name, "recurring_interval": p.interval, "recurring_interval_count": p.count, "prices": prices}
	if p.trial > 0 {
		body["trial_interval"], body["trial_interval_count"] = "day", p.trial
	}
	return body
}

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

// step is one thing that happens.
func (w *twins) step(products, discounts []string) {
	if len(w.subs) < 3 || w.r.IntN(25) == 0 {
		w.do("PATCH", "/v1/organizations/"+w.name(0, string(w.on[0].Org.ID)), obj{"default_presentment_currency": pick(w.r, []string{"usd", "jpy"})})
		w.subs = append(w.subs, w.made("/v1/subscriptions/", obj{"product_id": pick(w.r, products), "customer_id": pick(w.r, w.customers), "collection_method": "send_invoice"}))
		return
	}
	name := pick(w.r, w.subs)
	path := "/v1/subscriptions/" + name
	how := pick(w.r, []string{"prorate", "prorate", "invoice", "next_period", "reset"})
	was := w.look(name, products, discounts)
	if was.status == "canceled" && w.r.IntN(5) > 0 {
		w.subs = slices.DeleteFunc(w.subs, func(x string) bool { return x == name })
		return
	}
	_, last := w.entries(0)
	compare := func(model func(was, is sub, at time.Time, how string) []string, body obj) {
		body["proration_behavior"] = how
		if w.do("PATCH", path, body).Status != 200 {
			return
		}
		got, _ := w.entries(last)
		if want := model(was, w.look(name, products, discounts), w.now, how); fmt.Sprint(got) != fmt.Sprint(want) {
			w.t.Errorf("%v: %q, want %q", body, got, want)
		}
	}
	switch w.r.IntN(14) {
	case 0, 1, 2:
		body := obj{"product_id": pick(w.r, products)}
		switch w.r.IntN(4) {
		case 0:
			body["discount_id"] = nil
		case 1:
			body["discount_id"] = pick(w.r, discounts)
		}
		compare(prorated, body)
	case 3, 4:
		compare(counted, obj{"seats": 1 + w.r.IntN(9)})
	case 5:
		w.do("PATCH", path, obj{"discount_id": pick(w.r, discounts)})
	case 6:
		w.do("PATCH", path, pick(w.r, []obj{{"cancel_at_period_end": true}, {"cancel_at_period_end": false}, {"pause_at_period_end": true}, {"resume": true},
			{"pending_update": nil}, {"trial_end": "now"}, {"trial_end": was.end.Add(50 * time.Hour).Format(time.RFC3339Nano)},
			{"current_billing_period_end": w.now.Add(time.Duration(1+w.r.IntN(90*24)) * time.Hour).Format(time.RFC3339Nano)}}))
	case 7, 8, 9, 10:
		w.advance(w.now.Add(time.Duration(1+w.r.IntN(20*24*3600)) * time.Second))
	case 11, 12:
		w.pay()
	default:
		if w.r.IntN(4) == 0 {
			w.do("DELETE", path, nil)
		} else {
			w.advance(was.end) // to the moment
		}
	}
}

// pay records that somebody has paid, or has got something back.
func (w *twins) pay() {
	r := w.do("GET", "/v1/orders/?limit=100&status="+pick(w.r, []string{"pending", "pending", "paid", "partially_refunded"}), nil)
	items := r.Path("items").([]any)
	if len(items) == 0 {
		return
	}
	o := pick(w.r, items).(obj)
	id := w.name(0, o["id"].(string))
	amount := number(o["due_amount"])
	if w.r.IntN(3) == 0 {
		amount = 1 + w.r.Int64N(max(1, amount))
	}
	if o["status"] != "pending" {
		w.do("POST", "/v1/refunds/", obj{"order_id": id, "reason": "other", "amount": max(1, amount)})
		return
	}
	w.do("POST", "/v1/orders/"+id+"/payments", obj{"status": "succeeded", "amount": max(1, amount), "reference": fmt.Sprint("bank-", len(w.trail))})
}

// orders holds all orders against the formulas, and the last ones of both
// engines against each other.
func (w *twins) orders() {
	r := w.do("GET", "/v1/orders/?limit=100", nil)
	for _, x := range r.Path("items").([]any) {
		o := x.(obj)
		w.seen[o["id"].(string)] = true
		n := func(key string) int64 { return number(o[key]) }
		var lines, full int64
		for _, y := range o["items"].([]any) {
			amount := number(y.(obj)["amount"])
			lines += amount
			if y.(obj)["proration"] == false {
				full += amount
			}
		}
		back := n("refunded_amount")
		switch {
		case lines != n("subtotal_amount"), n("net_amount") != lines-n("discount_amount"), n("total_amount") != n("net_amount")+n("tax_amount"),
			n("due_amount") != max(0, n("total_amount")+n("applied_balance_amount")), n("discount_amount") > full, n("discount_amount") < 0,
			back > max(0, n("net_amount")+n("applied_balance_amount")), n("refundable_amount") != max(0, n("net_amount")+n("applied_balance_amount")-back):
			w.t.Errorf("an order does not add up: %v", o)
		}
	}
}
