package testclock_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
)

// TestYear lives through a year by a test clock, with a hundred customers who
// subscribe on the 31st and then go ten different ways. Each month the state,
// the subscriptions and the orders of everybody are what a spreadsheet says,
// which knows nothing of the code: see life.expect. At the end the journal
// adds up, and the same seed has given the same output, on both engines.
func TestYear(t *testing.T) {
	t.Parallel()
	outputs := map[string]string{}
	for _, run := range []string{"sqlite", "sqlite again", "postgres"} {
		t.Run(run, func(t *testing.T) {
			start := floetest.New
			if run == "postgres" {
				start = floetest.Postgres
			}
			outputs[run] = (&year{Floe: start(t), t: t}).live(7)
		})
	}
	for run, text := range outputs {
		if text == outputs["sqlite"] {
			continue
		}
		dir := t.TempDir()
		_ = os.WriteFile(filepath.Join(dir, "sqlite"), []byte(outputs["sqlite"]), 0o600)
		t.Errorf("%s differs from sqlite, at:\n%s", run, difference(outputs["sqlite"], text))
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
	vanishes              // is deleted and anonymised on June 1
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
}

type year struct {
	*floetest.Floe
	t          *testing.T
	people     []*person
	free, a, b string
	paid       map[string]bool
	keys       int
	text       strings.Builder
	names      map[string]string
}

func at(month time.Month, day int) time.Time {
	return time.Date(2026, month, day, 12, 0, 0, 0, time.UTC)
}

// must sends a request that has to succeed.
func (y *year) must(do string, body any) *floetest.Response {
	y.t.Helper()
	method, path, _ := strings.Cut(do, " ")
	r := y.Do(method, path, y.AllToken, body)
	if r.Status/100 != 2 {
		y.t.Fatalf("%s: %d %s", do, r.Status, r.Body)
	}
	return r
}

func (y *year) live(seed int) string {
	y.Server.Grants.NewKey = func() string { y.keys++; return fmt.Sprintf("KEY-%06d", y.keys) }
	y.names, y.paid = map[string]string{}, map[string]bool{}
	y.must("POST /v1/test-clock", obj{"now": at(1, 31)})
	y.sell()
	for i := range 100 {
		p := &person{way: way((i*seed + i/10) % int(ways)), email: fmt.Sprintf("person-%02d@example.com", i)}
		p.id = y.must("POST /v1/customers/", obj{"email": p.email, "name": fmt.Sprintf("Person %d", i), "external_id": p.email}).ID()
		y.people = append(y.people, p)
		y.subscribe(p)
	}
	for _, e := range y.diary() {
		y.must("POST /v1/test-clock/advance", obj{"to": e.at})
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
		benefits = append(benefits, y.Benefit(f).ID())
	}
	product := func(name string, amount int, benefits []string) string {
		p := y.Product(obj{"name": name, "prices": []any{obj{"amount_type": "fixed", "price_amount": amount, "price_currency": "usd"}}}).ID()
		y.must("POST /v1/products/"+p+"/benefits", obj{"benefits": benefits})
		return p
	}
	y.free, y.a, y.b = product("Free plan", 0, benefits), product("Plan A", 1000, benefits[:2]), product("Plan B", 3000, benefits)
}

func (y *year) subscribe(p *person) {
	body := obj{"product_id": y.free, "customer_id": p.id}
	switch p.way {
	case pays, upgrades, owes, quits:
		body["product_id"], body["collection_method"] = y.a, "send_invoice"
	case downgrades:
		body["product_id"], body["collection_method"] = y.b, "send_invoice"
	}
	p.subscription = y.must("POST /v1/subscriptions/", body).ID()
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
		return func(p *person) { y.must("PATCH /v1/subscriptions/"+p.subscription, body) }
	}
	list := []entry{
		{at(2, 10), all(wavers, patch(obj{"cancel_at_period_end": true, "customer_cancellation_reason": "unused"}))},
		{at(2, 10), all(pauses, patch(obj{"pause_at_period_end": true, "resumes_at": at(5, 15)}))},
		{at(2, 20), all(wavers, patch(obj{"cancel_at_period_end": false}))},
		{at(3, 10), all(leaves, patch(obj{"cancel_at_period_end": true}))},
		{at(3, 15), all(upgrades, patch(obj{"product_id": y.b, "proration_behavior": "invoice"}))},
		{at(4, 10), all(downgrades, patch(obj{"product_id": y.a, "proration_behavior": "next_period"}))},
		{at(6, 1), all(vanishes, func(p *person) { y.must("DELETE /v1/customers/"+p.id+"?anonymize=true", nil); p.gone = true })},
		{at(7, 31), all(leaves, y.subscribe)},
		{at(8, 5), all(quits, patch(obj{"revoke": true}))},
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
func (y *year) each(path string, fn func(item obj)) {
	y.t.Helper()
	for page := 1; ; page++ {
		r := y.must(fmt.Sprintf("GET %slimit=100&page=%d", path, page), nil)
		items := r.Path("items").([]any)
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
	y.each("/v1/orders/?status=pending&sorting=created_at&", func(o obj) {
		if !owing[o["customer_id"].(string)] && !y.paid[o["id"].(string)] {
			y.paid[o["id"].(string)] = true
			y.must("POST /v1/orders/"+o["id"].(string)+"/payments", obj{"status": "succeeded", "amount": o["due_amount"], "reference": "bank"})
		}
	})
}

// row is a line of the spreadsheet.
type row struct {
	Status  string // of the latest subscription
	Ends    string // its period
	Grants  int
	Paid    int // orders
	Pending int
	Void    int
	Sum     int64 // of the net amounts of those that are paid
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

// expect is the spreadsheet: what there is at a time, by calendar and by the
// price list.
func (p *person) expect(now time.Time) row {
	after := func(m time.Month, d int) bool { return !now.Before(at(m, d)) }
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	ends := months(at(1, 31), 31, now) // of one who subscribed on the 31st
	n := len(ends) - 1                 // periods that have ended
	simple := func(price int64, first, grants int) row {
		return row{"active", day(ends[n]), grants, n + first, 0, 0, price * int64(n+first)}
	}
	switch p.way {
	case stays, wavers:
		return simple(0, 0, 3)
	case pays:
		return simple(1000, 1, 2)
	case upgrades:
		if !after(3, 15) {
			return simple(1000, 1, 2)
		}
		// 16 of the 31 days from February 28 are left: 1548 for 516. The period
		// goes on; from then on it aims for the 28th, where it began.
		paid := int64(1000 + 1000 + 1548 - 516)
		if !after(3, 31) {
			return row{"active", "2026-03-31", 3, 2, 1, 0, 2000}
		}
		later := append([]time.Time{at(3, 31)}, months(at(3, 31), 28, now)...)
		k := len(later) - 1
		return row{"active", day(later[k]), 3, 3 + k, 0, 0, paid + 3000*int64(k)}
	case downgrades:
		if !after(4, 30) {
			return simple(3000, 1, 3)
		}
		// January 31 to April 30 at 3000, then 1000 from April 30 on the 30th.
		later := months(at(4, 30), 30, now)
		k := len(later)
		return row{"active", day(later[k-1]), 2, 3 + k, 0, 0, 3*3000 + 1000*int64(k)}
	case pauses:
		if !after(2, 28) {
			return simple(0, 0, 3)
		}
		if !after(5, 15) {
			return row{"paused", "2026-02-28", 0, 0, 0, 0, 0}
		}
		later := months(at(5, 15), 15, now)
		return row{"active", day(later[len(later)-1]), 3, len(later), 0, 0, 0}
	case leaves:
		if !after(3, 31) {
			return simple(0, 0, 3)
		}
		if !after(7, 31) {
			return row{"canceled", "2026-03-31", 0, 1, 0, 0, 0}
		}
		later := months(at(7, 31), 31, now)
		return row{"active", day(later[len(later)-1]), 3, len(later), 0, 0, 0}
	case owes:
		switch {
		case !after(2, 14):
			return row{"active", "2026-02-28", 2, 0, 1, 0, 0}
		case !after(2, 28):
			return row{"past_due", "2026-02-28", 0, 0, 1, 0, 0}
		case !after(3, 7): // three more attempts after February 14, and one on this day
			return row{"past_due", "2026-03-31", 0, 0, 2, 0, 0}
		}
		return row{"canceled", "2026-03-31", 0, 0, 0, 2, 0}
	case vanishes:
		if !after(6, 1) {
			return simple(0, 0, 3)
		}
		return row{"canceled", "2026-06-30", 0, 4, 0, 0, 0}
	case quits:
		if !after(8, 5) {
			return simple(1000, 1, 2)
		}
		return row{"canceled", "2026-08-31", 0, 7, 0, 0, 7000}
	}
	panic("no such way")
}

// check compares everybody's subscriptions, orders and benefits with the
// spreadsheet.
func (y *year) check(now time.Time) {
	y.t.Helper()
	got := map[string]*row{}
	latest := map[string]string{}
	for _, p := range y.people {
		got[p.id], latest[p.subscription] = &row{}, p.id
	}
	y.each("/v1/subscriptions/?", func(s obj) {
		if c, ok := latest[s["id"].(string)]; ok {
			got[c].Status, got[c].Ends = s["status"].(string), s["current_period_end"].(string)[:10]
		}
	})
	y.each("/v1/orders/?", func(o obj) {
		r := got[o["customer_id"].(string)]
		switch o["status"] {
		case "paid":
			n, _ := o["net_amount"].(json.Number).Int64()
			r.Paid, r.Sum = r.Paid+1, r.Sum+n
		case "pending":
			r.Pending++
		case "void":
			r.Void++
		}
	})
	for _, p := range y.people {
		want := p.expect(now)
		r := y.Do("GET", "/v1/customers/"+p.id+"/state", y.AllToken, nil)
		switch {
		case p.gone:
			if r.Status != 404 {
				y.t.Errorf("%s: the state of %s is there: %d", now, p.email, r.Status)
			}
		default:
			got[p.id].Grants = len(r.Path("granted_benefits").([]any))
			active := len(r.Path("active_subscriptions").([]any))
			if (active == 1) != (want.Status == "active") {
				y.t.Errorf("%s: %s has %d active subscriptions", now, p.email, active)
			}
		}
		if *got[p.id] != want {
			y.t.Errorf("%s: customer %s (way %d)\ngot  %+v\nwant %+v", now.Format(time.DateOnly), p.email, p.way, *got[p.id], want)
		}
	}
}

// journalAddsUp: each customer's entries are numbered without gaps, every
// order was created once and paid once if it is paid, and what the journal
// last says of a subscription is what it is.
func (y *year) journalAddsUp() {
	y.t.Helper()
	type line struct {
		CustomerSeq int64
		Type        string
		SubjectID   string
		After       *string
	}
	orders := map[string]string{}
	y.each("/v1/orders/?", func(o obj) { orders[o["id"].(string)] = o["status"].(string) })
	statuses := map[string]string{}
	y.each("/v1/subscriptions/?", func(s obj) { statuses[s["id"].(string)] = s["status"].(string) })
	created, paid, last := map[string]int{}, map[string]int{}, map[string]string{}
	for _, p := range y.people {
		list, err := db.All[line](context.Background(), y.DB, `SELECT customer_seq, type, subject_id, after FROM journal
			WHERE organization_id = ? AND customer_id = ? ORDER BY customer_seq`, y.Org.ID, p.id)
		if err != nil {
			y.t.Fatal(err)
		}
		for i, l := range list {
			if l.CustomerSeq != int64(i+1) {
				y.t.Fatalf("%s: entry %d has number %d", p.email, i+1, l.CustomerSeq)
			}
			switch {
			case l.Type == "order.created":
				created[l.SubjectID]++
			case l.Type == "order.paid":
				paid[l.SubjectID]++
			case strings.HasPrefix(l.Type, "subscription."):
				var s struct{ Status string }
				if err := json.Unmarshal([]byte(*l.After), &s); err != nil {
					y.t.Fatal(err)
				}
				last[l.SubjectID] = s.Status
			}
		}
	}
	for o, status := range orders {
		want := 0
		if status == "paid" {
			want = 1
		}
		if created[o] != 1 || paid[o] != want {
			y.t.Errorf("order %s, %s: created %d times, paid %d times", o, status, created[o], paid[o])
		}
	}
	if len(created) != len(orders) {
		y.t.Errorf("%d orders in the journal, %d there", len(created), len(orders))
	}
	for s, status := range statuses {
		if last[s] != status {
			y.t.Errorf("subscription %s is %s, the journal ends with %s", s, status, last[s])
		}
	}
}

var (
	uuids   = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	numbers = regexp.MustCompile(`ORG-\d+-([A-Z]{8})-`)
)

// write adds everything that is known of a customer to the output, with ids in
// the order in which they appear.
func (y *year) write(p *person) {
	y.t.Helper()
	add := func(text string) {
		text = uuids.ReplaceAllStringFunc(text, y.name)
		text = numbers.ReplaceAllStringFunc(text, y.name)
		y.text.WriteString(text + "\n")
	}
	add(p.email)
	add(y.must("GET /v1/subscriptions/?limit=100&sorting=started_at&customer_id="+p.id, nil).Body)
	add(y.must("GET /v1/orders/?limit=100&sorting=created_at&customer_id="+p.id, nil).Body)
	list, err := db.All[string](context.Background(), y.DB, `SELECT type || ' ' || COALESCE(CAST(before AS text), '') || ' ' || COALESCE(CAST(after AS text), '')
		FROM journal WHERE organization_id = ? AND customer_id = ? ORDER BY customer_seq`, y.Org.ID, p.id)
	if err != nil {
		y.t.Fatal(err)
	}
	for _, l := range list {
		add(l)
	}
}

func (y *year) name(text string) string {
	if y.names[text] == "" {
		y.names[text] = fmt.Sprintf("#%d", len(y.names))
	}
	return y.names[text]
}
