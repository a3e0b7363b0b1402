package sdktest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/floetest"
)

// TestYear lives through a year by a test clock, with a hundred customers who
// subscribe on the 31st and then go ten different ways. All of it is done with
// the SDK, but for what that does not know: the clock, payments, and the feed.
// Each month the state, the subscriptions, the orders and the grants of
// everybody are what a spreadsheet says, which knows nothing of the code: see
// person.expect. At the end the journal adds up, and the same seed has given the
// same output, to the byte, each time and on both engines. Ids are chance, so
// each is written as a number in the order in which they appear.
func TestYear(t *testing.T) {
	t.Parallel()
	_, err := sdks()
	need(t, err)
	runs := []string{"sqlite", "postgres", "sqlite again", "postgres again"}
	outputs := make([]string, len(runs))
	t.Run("runs", func(t *testing.T) {
		for i, run := range runs {
			t.Run(run, func(t *testing.T) {
				t.Parallel()
				file := filepath.Join(t.TempDir(), "output")
				test := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestYearAlone$", "-test.count=1", "-test.v")
				test.Env = append(os.Environ(), yearEngine+"="+strings.TrimSuffix(run, " again"), yearOutput+"="+file)
				if out, err := test.CombinedOutput(); err != nil {
					t.Fatalf("%v\n%s", err, out)
				}
				text, err := os.ReadFile(file)
				if err != nil && !errors.Is(err, fs.ErrNotExist) { // there is no such engine here
					t.Fatal(err)
				}
				outputs[i] = string(text)
			})
		}
	})
	if outputs[0] == "" && !t.Failed() {
		t.Error("there is no output to compare with")
	}
	for i, run := range runs {
		if outputs[i] != outputs[0] && outputs[i] != "" { // one that was skipped or stopped has none
			t.Errorf("%s differs from sqlite, at:\n%s", run, difference(outputs[0], outputs[i]))
		}
	}
}

const yearEngine, yearOutput = "FLOE_YEAR_ENGINE", "FLOE_YEAR_OUTPUT"

// TestYearAlone is one of the runs, in a process of its own: what is made at one
// instant, as under a test clock, is in the order of its ids, which grow for as
// long as nobody else in the process asks for ids of other times.
func TestYearAlone(t *testing.T) {
	start := map[string]func(testing.TB, ...floetest.Option) *floetest.Floe{"sqlite": floetest.New, "postgres": floetest.Postgres}[os.Getenv(yearEngine)]
	if start == nil {
		return // nobody has asked
	}
	f := start(t)
	text := (&year{Floe: f, t: t, sdk: newCaller(t, map[string]any{"url": f.URL(), "token": f.AllToken})}).live(7)
	if err := os.WriteFile(os.Getenv(yearOutput), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func difference(a, b string) string {
	x, y := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range x {
		if i >= len(y) || x[i] != y[i] {
			return x[i] + "\n" + strings.Join(y[min(i, len(y)):min(i+1, len(y))], "")
		}
	}
	return "its end"
}

type obj = map[string]any

// way is what a customer does in the year.
type way int

const (
	stays      way = iota // on the free plan
	pays                  // for plan A
	upgrades              // from A to B on March 15, at once
	downgrades            // from B to A on April 10, for the next period
	pauses                // from the end of February to May 15
	leaves                // at the end of March, and comes back on July 31
	owes                  // and never pays for A
	vanishes              // from B: is deleted on June 1, each second one anonymised; another then has their address
	wavers                // cancels on February 10 and takes it back on the 20th
	quits                 // A, which is revoked on August 5
	ways
)

type person struct {
	way          way
	email        string
	id           string
	subscription string // the latest
	gone         bool
	anonymised   bool
}

type year struct {
	*floetest.Floe
	t          *testing.T
	sdk        *caller
	people     []*person
	free, a, b string
	plans      map[string]string // names by product
	paid       map[string]bool
	keys       int
	later      int // customers who came when another was gone
	text       strings.Builder
	names      map[string]string
}

func noon(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC)
}

// must calls a method of the SDK that has to succeed.
func (y *year) must(method string, args ...any) json.RawMessage {
	y.t.Helper()
	value, failed := y.sdk.call(method, args...)
	if failed != "" {
		y.t.Fatalf("%s %v: %s", method, args, failed)
	}
	return value
}

// made is the id of what a method makes.
func (y *year) made(method string, args ...any) string {
	y.t.Helper()
	return y.object(y.must(method, args...))["id"].(string)
}

func (y *year) object(text json.RawMessage) (out obj) {
	y.t.Helper()
	if err := json.Unmarshal(text, &out); err != nil {
		y.t.Fatalf("%s: %v", text, err)
	}
	return out
}

// ours sends a request of Floe's own, which has to succeed.
func (y *year) ours(method, path string, body any) obj {
	y.t.Helper()
	answer := y.object(y.must("request", method, path, body))
	if status := answer["status"].(float64); int(status)/100 != 2 {
		y.t.Fatalf("%s %s: %v", method, path, answer)
	}
	out, _ := answer["body"].(obj)
	return out
}

func (y *year) live(seed int) string {
	y.Server.Grants.NewKey = func() string { y.keys++; return fmt.Sprintf("KEY-%06d", y.keys) }
	y.names, y.paid = map[string]string{}, map[string]bool{}
	y.ours("POST", "/v1/test-clock", obj{"now": noon(1, 31)})
	y.sell()
	for i := range 100 {
		p := &person{way: way((i*seed + i/10) % int(ways)), email: fmt.Sprintf("person-%02d@example.com", i)}
		p.anonymised = p.way == vanishes && i/10%2 == 0
		p.id = y.made("customers.create", obj{"email": p.email, "name": fmt.Sprintf("Person %d", i), "external_id": p.email})
		y.people = append(y.people, p)
		y.subscribe(p)
	}
	for _, e := range y.diary() {
		y.ours("POST", "/v1/test-clock/advance", obj{"to": e.at})
		e.do()
	}
	y.journalAddsUp()
	for _, p := range y.people {
		y.write(p)
	}
	return y.text.String()
}

func (y *year) sell() {
	var benefits []string
	for _, f := range []obj{
		{"type": "custom", "description": "A note", "properties": obj{"note": "thanks"}},
		{"type": "feature_flag", "description": "A flag", "properties": obj{}},
		{"type": "license_keys", "description": "A key", "properties": obj{"prefix": "K"}},
	} {
		benefits = append(benefits, y.made("benefits.create", f))
	}
	y.plans = map[string]string{}
	product := func(name string, amount int, benefits []string) string {
		p := y.made("products.create", obj{"name": name, "recurring_interval": "month",
			"prices": []any{obj{"amount_type": "fixed", "price_amount": amount, "price_currency": "usd"}}})
		y.must("products.updateBenefits", p, obj{"benefits": benefits})
		y.plans[p] = name
		return p
	}
	y.free, y.a, y.b = product("Free plan", 0, benefits), product("Plan A", 1000, benefits[:2]), product("Plan B", 3000, benefits)
}

func (y *year) subscribe(p *person) {
	body := obj{"product_id": y.free, "customer_id": p.id}
	switch p.way {
	case pays, upgrades, owes, quits:
		body["product_id"], body["collection_method"] = y.a, "send_invoice"
	case downgrades, vanishes:
		body["product_id"], body["collection_method"] = y.b, "send_invoice"
	}
	p.subscription = y.made("subscriptions.create", body)
}

type entry struct {
	at time.Time
	do func()
}

// diary is what is done in the year, in order. On the first of each month
// everybody but those who owe pays what is open; on the fifth all is checked.
func (y *year) diary() []entry {
	all := func(w way, fn func(p *person)) func() {
		return func() {
			for _, p := range y.people {
				if p.way == w {
					fn(p)
				}
			}
		}
	}
	patch := func(body obj) func(p *person) {
		return func(p *person) { y.must("subscriptions.update", p.subscription, body) }
	}
	list := []entry{
		{noon(2, 10), all(wavers, patch(obj{"cancel_at_period_end": true, "customer_cancellation_reason": "unused"}))},
		{noon(2, 10), all(pauses, patch(obj{"pause_at_period_end": true, "resumes_at": noon(5, 15)}))},
		{noon(2, 20), all(wavers, patch(obj{"cancel_at_period_end": false}))},
		{noon(3, 10), all(leaves, patch(obj{"cancel_at_period_end": true}))},
		{noon(3, 15), all(upgrades, patch(obj{"product_id": y.b, "proration_behavior": "invoice"}))},
		{noon(4, 10), all(downgrades, patch(obj{"product_id": y.a, "proration_behavior": "next_period"}))},
		{noon(6, 1), all(vanishes, func(p *person) {
			y.must("customers.delete", p.id, obj{"anonymize": p.anonymised})
			p.gone = true
			y.made("customers.create", obj{"email": p.email, "external_id": p.email})
			y.later++
		})},
		{noon(7, 31), all(leaves, y.subscribe)},
		{noon(8, 5), all(quits, patch(obj{"revoke": true}))},
	}
	for month := range 12 {
		list = append(list,
			entry{time.Date(2026, time.Month(month+2), 1, 12, 0, 0, 0, time.UTC), y.pay},
			entry{time.Date(2026, time.Month(month+2), 5, 13, 0, 0, 0, time.UTC), func() {
				y.check(time.Date(2026, time.Month(month+2), 5, 13, 0, 0, 0, time.UTC))
			}})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return a.at.Compare(b.at) })
	return list
}

// each reads a whole list, page by page.
func (y *year) each(method string, query obj, fn func(item obj)) {
	y.t.Helper()
	for page := 1; ; page++ {
		query["limit"], query["page"] = 100, page
		items := y.object(y.must(method, query))["items"].([]any)
		for _, i := range items {
			fn(i.(obj))
		}
		if len(items) < 100 {
			return
		}
	}
}

func (y *year) pay() {
	owing := map[string]bool{}
	for _, p := range y.people {
		owing[p.id] = p.way == owes
	}
	y.each("orders.list", obj{"status": []string{"pending"}, "sorting": []string{"created_at"}}, func(o obj) {
		if !owing[o["customer_id"].(string)] && !y.paid[o["id"].(string)] {
			y.paid[o["id"].(string)] = true
			y.ours("POST", "/v1/orders/"+o["id"].(string)+"/payments", obj{"status": "succeeded", "amount": o["due_amount"], "reference": "bank"})
		}
	})
}

// row is a line of the spreadsheet.
type row struct {
	Plan   string // of the latest subscription
	Status string
	Ends   string // its period
	Grants int
	Orders string // oldest first: the day, the net amount and the status of each
}

// bill is an order, as a row has it.
func bill(day string, amount int64, status string) string {
	return fmt.Sprintf("%s %d %s; ", day, amount, status)
}

// bills are orders of one amount that are paid.
func bills(amount int64, at ...time.Time) (out string) {
	for _, t := range at {
		out += bill(t.Format(time.DateOnly), amount, "paid")
	}
	return out
}

// months are the period ends of a 31st, and of other days of the month.
func months(from time.Time, day int, until time.Time) (list []time.Time) {
	for m := from.Month() + 1; ; m++ {
		first := time.Date(2026, m, 1, 12, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		end := first.AddDate(0, 0, min(day, last)-1)
		if end.After(until) {
			return append(list, end) // the one that is running
		}
		list = append(list, end)
	}
}

// priced are the plans by what a month costs.
var priced = map[int64]string{0: "Free plan", 1000: "Plan A", 3000: "Plan B"}

// expect is the spreadsheet: what there is at a time, by calendar and by the
// price list.
func (p *person) expect(now time.Time) row {
	after := func(m time.Month, d int) bool { return !now.Before(noon(m, d)) }
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	ends := months(noon(1, 31), 31, now) // of one who subscribed on the 31st
	n := len(ends) - 1                   // periods that have ended
	free := func(grants int) row {       // nothing is ordered at first
		return row{"Free plan", "active", day(ends[n]), grants, bills(0, ends[:n]...)}
	}
	paid := func(price int64, grants int) row {
		return row{priced[price], "active", day(ends[n]), grants, bills(price, noon(1, 31)) + bills(price, ends[:n]...)}
	}
	switch p.way {
	case stays, wavers:
		return free(3)
	case pays:
		return paid(1000, 2)
	case upgrades:
		if !after(3, 15) {
			return paid(1000, 2)
		}
		// 16 of the 31 days from February 28 are left: 1548 for 516. The period
		// goes on, and so do those after it.
		later := ends[1:]
		k := len(later) - 1
		return row{"Plan B", "active", day(later[k]), 3,
			bills(1000, noon(1, 31), noon(2, 28)) + bills(1548-516, noon(3, 15)) + bills(3000, later[:k]...)}
	case downgrades:
		if !after(4, 30) {
			return paid(3000, 3)
		}
		// January 31 to April 30 at 3000, then 1000 from April 30 on.
		later := ends[2:]
		k := len(later) - 1
		return row{"Plan A", "active", day(later[k]), 2, bills(3000, noon(1, 31), noon(2, 28), noon(3, 31)) + bills(1000, later[:k]...)}
	case pauses:
		if !after(2, 28) {
			return free(3)
		}
		if !after(5, 15) {
			return row{"Free plan", "paused", "2026-02-28", 0, ""}
		}
		later := append([]time.Time{noon(5, 15)}, months(noon(5, 15), 15, now)...)
		k := len(later) - 1
		return row{"Free plan", "active", day(later[k]), 3, bills(0, later[:k]...)}
	case leaves:
		if !after(3, 31) {
			return free(3)
		}
		if !after(7, 31) {
			return row{"Free plan", "canceled", "2026-03-31", 0, bills(0, noon(2, 28))}
		}
		later := months(noon(7, 31), 31, now)
		k := len(later) - 1
		return row{"Free plan", "active", day(later[k]), 3, bills(0, noon(2, 28)) + bills(0, later[:k]...)}
	case owes:
		first, second := "2026-01-31", "2026-02-28"
		switch {
		case !after(2, 14):
			return row{"Plan A", "active", second, 2, bill(first, 1000, "pending")}
		case !after(2, 28):
			return row{"Plan A", "past_due", second, 0, bill(first, 1000, "pending")}
		case !after(3, 7): // three more attempts after February 14, and one on this day
			return row{"Plan A", "past_due", "2026-03-31", 0, bill(first, 1000, "pending") + bill(second, 1000, "pending")}
		}
		return row{"Plan A", "canceled", "2026-03-31", 0, bill(first, 1000, "void") + bill(second, 1000, "void")}
	case vanishes:
		if !after(6, 1) {
			return paid(3000, 3)
		}
		return row{"Plan B", "canceled", "2026-06-30", 0,
			bills(3000, noon(1, 31), noon(2, 28), noon(3, 31), noon(4, 30)) + bill("2026-05-31", 3000, "void")}
	case quits:
		if !after(8, 5) {
			return paid(1000, 2)
		}
		return row{"Plan A", "canceled", "2026-08-31", 0, bills(1000, append([]time.Time{noon(1, 31)}, ends[:6]...)...)}
	}
	panic("no such way")
}

// kinds are the benefits that come with a plan, by their number.
var kinds = map[int]string{0: "", 2: "custom feature_flag", 3: "custom feature_flag license_keys"}

// check compares everybody's subscriptions, orders and benefits with the
// spreadsheet.
func (y *year) check(now time.Time) {
	y.t.Helper()
	got := map[string]*row{}
	latest := map[string]string{}
	for _, p := range y.people {
		got[p.id], latest[p.subscription] = &row{}, p.id
	}
	y.each("subscriptions.list", obj{}, func(s obj) {
		if c, ok := latest[s["id"].(string)]; ok {
			r := got[c]
			r.Plan, r.Status, r.Ends = y.plans[s["product_id"].(string)], s["status"].(string), s["current_period_end"].(string)[:10]
			y.bought(now, c, s)
		}
	})
	y.each("orders.list", obj{"sorting": []string{"created_at"}}, func(o obj) {
		c := o["customer_id"].(string)
		r := got[c]
		r.Orders += bill(o["created_at"].(string)[:10], int64(o["net_amount"].(float64)), o["status"].(string))
		if n := fmt.Sprintf("-%04d", strings.Count(r.Orders, ";")); !strings.HasSuffix(o["invoice_number"].(string), n) {
			y.t.Errorf("%s: invoice %v of %s, want %s", now.Format(time.DateOnly), o["invoice_number"], c, n)
		}
		y.bought(now, c, o)
	})
	y.each("benefitGrants.list", obj{"is_granted": true}, func(g obj) { got[g["customer_id"].(string)].Grants++ })
	for _, p := range y.people {
		want := p.expect(now)
		if *got[p.id] != want {
			y.t.Errorf("%s: customer %s (way %d)\ngot  %+v\nwant %+v", now.Format(time.DateOnly), p.email, p.way, *got[p.id], want)
		}
		y.checkState(now, p, want)
	}
}

// bought checks that an order or a subscription says who has it, also of one who
// is gone.
func (y *year) bought(now time.Time, customer string, o obj) {
	y.t.Helper()
	p := y.person(customer)
	who := o["customer"].(obj)
	email, hidden := who["email"].(string), p.gone && p.anonymised
	if who["id"] != p.id || (who["deleted_at"] != nil) != p.gone || who["external_id"] != p.email ||
		hidden != strings.HasSuffix(email, ".invalid") || !hidden && email != p.email {
		y.t.Errorf("%s: %v has %v for %s", now.Format(time.DateOnly), o["id"], who, p.email)
	}
}

func (y *year) person(customer string) *person {
	y.t.Helper()
	i := slices.IndexFunc(y.people, func(p *person) bool { return p.id == customer })
	if i < 0 {
		y.t.Fatalf("nobody is %s", customer)
	}
	return y.people[i]
}

// checkState compares what one call says of a customer with the spreadsheet.
func (y *year) checkState(now time.Time, p *person, want row) {
	y.t.Helper()
	text, failed := y.sdk.call("customers.getState", p.id)
	if p.gone {
		if !strings.Contains(failed, "404") {
			y.t.Errorf("%s: the state of %s, who is gone: %s", now, p.email, text)
		}
		return
	}
	state := y.object(text)
	var types []string
	for _, g := range state["granted_benefits"].([]any) {
		types = append(types, g.(obj)["benefit_type"].(string))
	}
	slices.Sort(types)
	if got := strings.Join(types, " "); got != kinds[want.Grants] {
		y.t.Errorf("%s: %s has %s, want %s", now, p.email, got, kinds[want.Grants])
	}
	active := state["active_subscriptions"].([]any)
	if want.Status == "past_due" || want.Status == "paused" || len(active) == 0 {
		asked := y.ours("GET", "/v1/customers/"+p.id+"/state?include=past_due,paused", nil)
		for _, status := range []string{"past_due", "paused"} {
			if list := asked[status+"_subscriptions"].([]any); (len(list) == 1) != (want.Status == status) {
				y.t.Errorf("%s: %s, %s, has %d %s subscriptions", now, p.email, want.Status, len(list), status)
			}
		}
	}
	if (len(active) == 1) != (want.Status == "active") {
		y.t.Errorf("%s: %s has %d active subscriptions", now, p.email, len(active))
	}
	for _, s := range active {
		if s := s.(obj); y.plans[s["product_id"].(string)] != want.Plan || s["current_period_end"].(string)[:10] != want.Ends {
			y.t.Errorf("%s: the state of %s has %v", now, p.email, s)
		}
	}
}

// changes reads the feed from its beginning: those of a customer, or all.
func (y *year) changes(customer string, fn func(change obj)) {
	y.t.Helper()
	query := url.Values{"limit": {"1000"}}
	if customer != "" {
		query.Set("customer_id", customer)
	}
	for {
		page := y.ours("GET", "/v1/changes?"+query.Encode(), nil)
		for _, c := range page["items"].([]any) {
			fn(c.(obj))
		}
		if page["has_more"] != true {
			return
		}
		query.Set("after", fmt.Sprintf("%.0f", page["next"]))
	}
}

// journalAddsUp: each customer's entries are numbered without gaps; of the
// orders, subscriptions and grants that there are it tells just what they are,
// and of no others.
func (y *year) journalAddsUp() {
	y.t.Helper()
	numbers, paid, told := map[string]float64{}, map[string]int{}, map[string]map[string]obj{}
	for _, kind := range []string{"order", "subscription", "benefit_grant"} {
		told[kind] = map[string]obj{}
	}
	y.changes("", func(c obj) {
		if customer, ok := c["customer_id"].(string); ok {
			numbers[customer]++
			if c["customer_seq"] != numbers[customer] {
				y.t.Fatalf("%s: entry %v has number %v", customer, numbers[customer], c["customer_seq"])
			}
		}
		subject, _ := c["subject_id"].(string)
		kind, what, _ := strings.Cut(c["type"].(string), ".")
		if c["type"] == "order.paid" {
			paid[subject]++
		}
		after, _ := c["after"].(obj)
		if things := told[kind]; things != nil {
			if known := things[subject] != nil; known == (what == "created") && (!known || kind != "benefit_grant") { // one that is given again is told so
				y.t.Errorf("%s of %s, which is there: %v", c["type"], subject, known)
			}
			if things[subject] == nil {
				things[subject] = obj{}
			}
			maps.Copy(things[subject], after)
		}
	})
	for kind, list := range map[string]struct {
		method string
		fields []string
	}{
		"order":         {"orders.list", []string{"status", "net_amount", "invoice_number", "customer_id", "created_at"}},
		"subscription":  {"subscriptions.list", []string{"status", "amount", "product_id", "customer_id", "current_period_end", "ended_at"}},
		"benefit_grant": {"benefitGrants.list", []string{"is_granted", "is_revoked", "granted_at", "revoked_at", "customer_id"}},
	} {
		y.each(list.method, obj{}, func(is obj) {
			id := is["id"].(string)
			for _, field := range list.fields {
				if said := told[kind][id][field]; said != is[field] {
					y.t.Errorf("the %s of %s %s is %v, the journal ends with %v", field, kind, id, is[field], said)
				}
			}
			delete(told[kind], id)
			if times := paid[id]; kind == "order" && (times == 1) != (is["status"] == "paid") {
				y.t.Errorf("order %s, %s, was paid %d times", id, is["status"], times)
			}
		})
		if len(told[kind]) > 0 {
			y.t.Errorf("in the journal, but not there: %s %v", kind, told[kind])
		}
	}
	if len(numbers) != len(y.people)+y.later {
		y.t.Errorf("%d customers in the journal", len(numbers))
	}
}

var (
	uuids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	numbers = regexp.MustCompile(`ORG-\d+-([A-Z]{8})-`)
)

// write adds everything that is known of a customer to the output.
func (y *year) write(p *person) {
	y.t.Helper()
	add := func(v any) {
		text, ok := v.(string)
		if !ok {
			line, err := json.Marshal(v)
			if err != nil {
				y.t.Fatal(err)
			}
			text = string(line)
		}
		text = uuids.ReplaceAllStringFunc(text, y.name)
		text = numbers.ReplaceAllStringFunc(text, y.name)
		y.text.WriteString(text + "\n")
	}
	add(p.email)
	add(string(y.must("subscriptions.list", obj{"limit": 100, "sorting": []string{"started_at"}, "customer_id": p.id})))
	add(string(y.must("orders.list", obj{"limit": 100, "sorting": []string{"created_at"}, "customer_id": p.id})))
	add(string(y.must("benefitGrants.list", obj{"limit": 100, "sorting": []string{"created_at"}, "customer_id": p.id})))
	y.changes(p.id, func(c obj) {
		delete(c, "seq") // PostgreSQL leaves numbers out
		add(c)
	})
}

func (y *year) name(text string) string {
	if y.names[text] == "" {
		y.names[text] = fmt.Sprintf("#%d", len(y.names))
	}
	return y.names[text]
}
