package arbitrary_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"floe/internal/arbitrary"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/payment"
	"floe/internal/server"
)

var (
	requests = flag.Int("arbitrary.requests", 2000, "how many requests to make up for each test")
	seed     = flag.Uint64("arbitrary.seed", 1, "where to begin to choose; another one each time when 0")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64() //nolint:gosec // printed, to be repeated
	}
	os.Exit(m.Run())
}

func random(n uint64) *rand.Rand { return rand.New(rand.NewPCG(*seed, n)) } //nolint:gosec // to be repeated

// TestEnginesAgree sends the same requests to a server on each engine. What is
// random is given names in the order in which it appears; everything else in
// the answers, down to the last byte, must be the same.
//
// It runs alone: ids of one instant stand in the order in which they were made
// only as long as nobody in the process makes ids of another instant between
// them, as tests with clocks of their own do.
func TestEnginesAgree(t *testing.T) { //nolint:paralleltest // see above
	private := func(c *server.Config) { c.AllowPrivateWebhooks = true }
	a, b := newSide(floetest.New(t, private)), newSide(floetest.Postgres(t, private))
	m := arbitrary.New(a.f.Server.Document(), random(1))
	m.Known.Add("organization_id", a.plain([]byte(a.f.Org.ID)))
	b.plain([]byte(b.f.Org.ID))
	m.Known.Add("meter_id", a.plain([]byte(a.f.Meter(a.f.Org, "Calls"))))
	b.plain([]byte(b.f.Meter(b.f.Org, "Calls")))
	sink := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(sink.Close)
	m.Sink = sink.URL + "/in"
	// While a test clock stands still, what is made at the same instant is in the
	// order of its ids, which are random then: age makes time pass instead.
	m.Skip = func(id string) bool { return strings.HasPrefix(id, "test-clock:") }
	// A letter may be part of one random id, and not of another.
	m.Without = func(id, parameter string) bool {
		return id == "webhooks:list_webhook_deliveries" && parameter == "query"
	}
	tally := newTally()
	words := 0
	word := func() string { words++; return fmt.Sprintf("word%d", words) }
	both := func(operation, method, path string, body any) fields {
		r := arbitrary.Request{Method: method, Path: path, ID: operation}
		if body != nil {
			r.Body, _ = json.Marshal(body)
		}
		got, other := a.send(r, a.f.AllToken), b.send(r, b.f.AllToken)
		if got != other || got.status > 299 && words < 60 { // later something may be switched off
			t.Fatalf("-arbitrary.seed %d: %s:\n%s", *seed, r, differs(got, other))
		}
		m.Known.Hear(operation, []byte(got.body))
		var out fields
		_ = json.Unmarshal([]byte(got.body), &out)
		return out
	}
	ask := func(r arbitrary.Request, byUser bool) {
		got, other := a.send(r, a.token(byUser)), b.send(r, b.token(byUser))
		if got != other {
			t.Fatalf("-arbitrary.seed %d:\n%s\n%s", *seed, r, differs(got, other))
		}
		tally.add(r.ID, got.status)
		m.Known.Answered(r, got.status, []byte(got.body))
	}
	for i := range *requests {
		if i%1000 == 500 {
			for _, r := range m.Lists() {
				ask(r, i > 1000)
			}
		}
		if i%250 == 0 {
			furnish(t, both, word, m.Sink)
			both("benefits:create", "POST", "/v1/benefits/", fields{"type": "downloadables", "description": word(), "properties": fields{"files": []any{file}}})
		}
		if i%500 == 0 {
			age(both, i)
		}
		r := m.Next()
		ask(r, m.Random.IntN(8) == 0 || r.ID == "organizations:create")
		if i%10 == 9 {
			hear(t, m, a, b)
		}
		if i%25 == 24 {
			for _, s := range []*side{a, b} {
				s.f.Clock.Advance(time.Minute)
				s.f.Drain()
				s.lineUp(t)
			}
		}
	}
	compareFeeds(t, a, b)
	for _, s := range []*side{a, b} {
		s.f.Sound() // whatever was asked for, it all still fits together
	}
	tally.report(t, m.Operations())
}

// hear has the processors tell of something: a card of a customer, or what
// became of a payment, a refund or a dispute that there may be.
func hear(t *testing.T, m *arbitrary.Maker, a, b *side) {
	t.Helper()
	e := event(m)
	text, err := json.Marshal([]payment.Event{e})
	if err != nil {
		t.Fatal(err)
	}
	if got, other := a.tell(string(text)), b.tell(string(text)); got != other || got >= 500 {
		t.Fatalf("-arbitrary.seed %d: told %s, SQLite answers %d, PostgreSQL %d", *seed, text, got, other)
	}
}

// event is any event of a processor.
func event(m *arbitrary.Maker) payment.Event {
	n := m.Random.IntN
	one := func(name string) id.ID { return id.ID(m.Known.One(m.Random, name)) }
	e := payment.Event{ID: fmt.Sprintf("evt_%d", n(1000)), Organization: one("organization_id"), Order: one("order_id"), Currency: "usd", Amount: int64(n(3) * 500)}
	about := fmt.Sprintf("%d", 1+n(30))
	who := one("customer_id")
	card := floetest.CardOf("pm_" + string(who[max(0, len(who)-12):]))
	if n(4) == 0 { // which several can have
		card = floetest.CardOf("pm_" + about)
	}
	switch n(8) {
	case 0, 1, 2:
		e.Type, e.Order, e.Customer = payment.SetupSucceeded, "", who
		e.Method, e.Default = card, n(3) > 0
	case 3:
		e.Type, e.Payment = [...]payment.EventType{payment.PaymentSucceeded, payment.PaymentFailed, payment.PaymentPending}[n(3)], "pay_"+about
	case 4:
		e.Type, e.Refund, e.Order, e.Organization = payment.RefundUpdated, "re_"+about, "", ""
		e.RefundStatus = [...]payment.RefundStatus{payment.RefundSucceeded, payment.RefundFailed, payment.RefundPending}[n(3)]
	case 5:
		e.Type, e.Payment, e.Dispute, e.Order, e.Organization = payment.DisputeUpdated, "pay_"+about, "dp_"+about, "", ""
		status := payment.DisputeStatus("").Enum()
		e.DisputeStatus = payment.DisputeStatus(status[n(len(status))])
	case 6:
		e.Type, e.Method, e.Order = payment.MethodUpdated, card, ""
	case 7:
		e.Type, e.Method, e.Order = payment.MethodDetached, card, ""
	}
	return e
}

// age lets two months pass for those who are there.
func age(send do, i int) {
	clock := send("test-clock:create", "POST", "/v1/test-clock", fields{"now": floetest.Start.AddDate(0, i/100, 0)})
	if now, ok := clock["now"].(string); ok {
		from, _ := time.Parse(time.RFC3339, now)
		send("test-clock:advance", "POST", "/v1/test-clock/advance", fields{"to": from.AddDate(0, 2, 0)})
		send("test-clock:get", "GET", "/v1/test-clock", nil)
		send("test-clock:release", "DELETE", "/v1/test-clock", nil)
	}
}

// file is the one that can be downloaded.
const file = "01e6b9a2-7c43-4d1b-8f00-4c7bd1a90c12"

// side is a server, and the names of what is random in its answers.
type side struct {
	f       *floetest.Floe
	user    string // the token of one who may make organizations
	byValue map[string]string
	byName  map[string]string
	sent    int64 // the last delivery that stands in line
}

func newSide(f *floetest.Floe) *side {
	s := &side{f: f, user: f.User(auth.Owner, f.Org), byValue: map[string]string{}, byName: map[string]string{}}
	moody(f.Processor())
	f.Server.Benefits.Files = func(context.Context, db.Querier, id.ID, []id.ID) (map[id.ID]bool, error) {
		return map[id.ID]bool{file: true}, nil
	}
	return s
}

// lineUp gives deliveries of one instant, which were made in any order, that of
// their events.
func (s *side) lineUp(t *testing.T) {
	t.Helper()
	err := s.f.DB.Write(t.Context(), func(tx *db.Tx) error {
		list, err := db.All[struct {
			Seq       int64
			CreatedAt time.Time
		}](t.Context(), tx, `SELECT d.seq, d.created_at FROM webhook_deliveries d JOIN webhook_events e ON e.organization_id = d.organization_id AND e.id = d.event_id
			WHERE d.seq > ? ORDER BY d.created_at, e.seq`+floetest.AllOrganizations, s.sent)
		if err != nil {
			return err
		}
		for i, d := range list {
			s.sent = max(s.sent, d.Seq)
			if err := db.Later(t.Context(), tx, `UPDATE webhook_deliveries SET created_at = ? WHERE seq = ?`+floetest.AllOrganizations,
				d.CreatedAt.Add(time.Duration(i)*time.Microsecond), d.Seq); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// moody has a processor take most of what is asked, and refuse or leave open
// some of it by its amount.
func moody(p *floetest.Processor) {
	p.Charging = func(c payment.Charge) (r payment.ChargeResult, err error) {
		r.State = [...]payment.State{payment.StateSucceeded, payment.StateSucceeded, payment.StateSucceeded, payment.StatePending, payment.StateFailed}[c.Amount%5]
		if r.State == payment.StateFailed {
			r.Code, r.Message = "insufficient_funds", "Not enough."
		}
		return r, nil
	}
	p.Refunding = func(r payment.Refund) (payment.RefundResult, error) {
		return payment.RefundResult{Status: [...]payment.RefundStatus{payment.RefundSucceeded, payment.RefundSucceeded, payment.RefundPending, payment.RefundFailed}[r.Amount%4]}, nil
	}
}

func (s *side) token(user bool) string {
	if user {
		return s.user
	}
	return s.f.AllToken
}

// tell brings events that speak in names, and answers the status.
func (s *side) tell(events string) int {
	var list []payment.Event
	if err := json.Unmarshal([]byte(s.real(events)), &list); err != nil {
		panic(err)
	}
	return s.f.Tell(list...)
}

type answer struct {
	status       int
	media, allow string
	body         string
}

func (a answer) String() string {
	return fmt.Sprintf("%d %s %s %s", a.status, a.media, a.allow, a.body)
}

// differs shows two answers around the first place where they differ.
func differs(a, b answer) string {
	x, y := a.String(), b.String()
	at := 0
	for at < min(len(x), len(y)) && x[at] == y[at] {
		at++
	}
	around := func(s string) string { return s[max(0, at-300):min(len(s), at+300)] }
	return fmt.Sprintf("SQLite answers     %s\nPostgreSQL answers %s\nfrom byte %d of\n%s", around(x), around(y), at, x[:min(len(x), 2000)])
}

var (
	uuid = regexp.MustCompile(`(?i)[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	// Each begins with letters that are always the same, so that they are found fast.
	secrets = func() (list []*regexp.Regexp) {
		for _, s := range []string{`polar_[a-z]+_[A-Za-z0-9_-]+`, `whsec_[A-Za-z0-9_-]+`, `"digest":"[0-9a-f]{64}`, `\*\*\*\*-[0-9A-F]{6}`,
			`-TW[A-Z]{6,10}-[0-9]{4}`, `sig=[A-Za-z0-9_%.-]+`, `signature=[A-Za-z0-9_%.-]+`, `token=[A-Za-z0-9_%.-]+`} {
			list = append(list, regexp.MustCompile(s))
		}
		return list
	}()
)

// real puts the values of this side into a request that speaks in names.
func (s *side) real(text string) string {
	return uuid.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := s.byName[strings.ToLower(name)]
		switch {
		case !ok:
			return name
		case strings.ToLower(name) != name:
			return strings.ToUpper(value)
		}
		return value
	})
}

// plain is an answer that speaks in names.
func (s *side) plain(text []byte) string {
	text = uuid.ReplaceAllFunc(text, func(b []byte) []byte {
		value := strings.ToLower(string(b))
		if s.byName[value] != "" || strings.HasPrefix(value, "00000000-") || strings.HasPrefix(value, "01e6b9a2-") {
			return b // chosen by the caller
		}
		name, ok := s.byValue[value]
		if !ok {
			name = fmt.Sprintf("ffffffff-0000-4000-8000-%012d", len(s.byValue)+1)
			s.byValue[value], s.byName[name] = name, value
		}
		if value != string(b) {
			name = strings.ToUpper(name)
		}
		return []byte(name)
	})
	for _, r := range secrets {
		text = r.ReplaceAll(text, []byte("secret"))
	}
	return string(text)
}

func (s *side) send(r arbitrary.Request, token string) answer {
	var body any
	if r.Body != nil {
		body = s.real(string(r.Body))
	}
	path, query, _ := strings.Cut(r.Path, "?")
	out := s.f.Do(r.Method, s.real(path)+"?"+s.real(query), token, body)
	a := answer{status: out.Status, media: out.Header.Get("Content-Type"), allow: out.Header.Get("Allow")}
	if a.media != "application/pdf" {
		a.body = s.plain([]byte(out.Body))
	}
	if out.Cut {
		a.body += " (cut off)"
	}
	return a
}

// compareFeeds reads all that has happened.
func compareFeeds(t *testing.T, a, b *side) {
	t.Helper()
	for _, path := range []string{"/v1/changes?limit=100&full=true&after=%s", "/v1/audit?limit=100&after=%s"} {
		after := "0"
		for {
			r := arbitrary.Request{Method: "GET", Path: fmt.Sprintf(path, url.QueryEscape(after))}
			got, other := a.send(r, a.f.AllToken), b.send(r, b.f.AllToken)
			if got != other {
				t.Fatalf("-arbitrary.seed %d: %s\n%s", *seed, r, differs(got, other))
			}
			next := lastSeq(got.body)
			if next == "" || next == after {
				break
			}
			after = next
		}
	}
}

var seq = regexp.MustCompile(`"seq":(\d+)`)

func lastSeq(body string) string {
	all := seq.FindAllStringSubmatch(body, -1)
	if len(all) == 0 {
		return ""
	}
	return all[len(all)-1][1]
}

// tally counts how requests ended.
type tally struct {
	total map[int]int
	fine  map[string]int
	all   map[string]int
}

func newTally() *tally {
	return &tally{total: map[int]int{}, fine: map[string]int{}, all: map[string]int{}}
}

func (c *tally) add(operation string, status int) {
	c.total[status]++
	c.all[operation]++
	if status < 300 {
		c.fine[operation]++
	}
}

// report fails a test that has not tried everything: it would prove little.
func (c *tally) report(t *testing.T, operations []string) {
	t.Helper()
	var failed bytes.Buffer
	fine := 0
	for _, id := range operations {
		if c.fine[id] > 0 {
			fine++
			continue
		}
		fmt.Fprintf(&failed, " %s(%d)", id, c.all[id])
	}
	t.Logf("-arbitrary.seed %d: answers by status: %v; of %d operations %d have succeeded, not%s", *seed, c.total, len(operations), fine, failed.String())
	if fine < len(operations)*9/10 {
		t.Errorf("only %d of %d operations have succeeded", fine, len(operations))
	}
}
