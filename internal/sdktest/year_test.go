package sdktest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
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
// instant, as under a test clock, is in the order of its ids, which grow unless
// much is made at other times in the same process meanwhile.
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
