package charge_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/charge"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/freeport"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/payment"
	"floe/internal/server"
	"floe/internal/token"
	"floe/internal/webhook"
)

var crashKills = flag.Int("charge.kills", 6, "how many times a server is killed")

// siege is a life like that of a shop, on servers that are killed.
type siege struct {
	*bank
	t      *testing.T
	config db.Config
	base   *dbtest.Server // the database's own server, if it is killed, too
	nodes  []*node
	org    id.ID
	token  string
	hooks  *heard

	ledger sync.Mutex // of the bank, which knows what it was asked
	known  map[string]said
	target *node // dies with the bank's answer

	list      sync.Mutex // of what is known
	ahead     time.Duration
	customers []string
	subs      []string
	plans     []string
	trials    []string
	thing     string
	discounts []any
	paid      map[string]bool // orders of which a client was told that they are paid
	cards     int
	trail     []string
	started   time.Time
}

// said is what was answered to a key.
type said struct {
	of     [32]byte
	result any
}

func (s *siege) note(format string, args ...any) {
	s.list.Lock()
	defer s.list.Unlock()
	s.trail = append(s.trail, time.Since(s.started).Round(100*time.Microsecond).String()+" "+fmt.Sprintf(format, args...))
}

// ServeHTTP is the bank's side of the wire. It does a thing once for a key, and
// says the same again, to whoever is left to hear it.
func (s *siege) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.ledger.Lock()
	defer s.ledger.Unlock()
	var key string
	var do func() (any, error)
	if r.URL.Path == "/charges" {
		var c payment.Charge
		_ = json.Unmarshal(body, &c)
		key, do = c.IdempotencyKey, func() (any, error) { return s.charge(c) }
	} else {
		var x payment.Refund
		_ = json.Unmarshal(body, &x)
		key, do = x.IdempotencyKey, func() (any, error) { return s.refund(x) }
	}
	before, ok := s.known[key]
	switch {
	case ok && before.of != sha256.Sum256(body):
		s.t.Errorf("something else was asked under the key %s: %s", key, body)
	case !ok && !s.kind && s.r.IntN(20) == 0: // it has not even arrived
		s.note("lost on the way: %s", key)
		w.WriteHeader(http.StatusBadGateway)
		return
	case !ok:
		result, lost := do()
		before = said{sha256.Sum256(body), result}
		s.known[key] = before
		if lost != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
	default:
		s.note("asked again: %s", key)
	}
	_ = json.NewEncoder(w).Encode(before.result)
}

// send sends a request to one of the nodes. Status 0 says that there was no answer.
func (s *siege) send(n *node, method, path string, body any) (status int, answer []byte) {
	text, _ := json.Marshal(body)
	r, err := http.NewRequestWithContext(context.Background(), method, "http://"+n.Address+path, bytes.NewReader(text))
	if err != nil {
		s.t.Error(err)
		return 0, nil
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	w, err := caller.Do(r)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = w.Body.Close() }()
	answer, err = io.ReadAll(w.Body)
	if err != nil {
		return 0, nil
	}
	return w.StatusCode, answer
}

// made sends a request that has to succeed, and answers the id of what it made.
func (s *siege) made(path string, body any) string {
	s.t.Helper()
	status, answer := s.send(s.nodes[0], "POST", path, body)
	var x struct{ ID string }
	if err := json.Unmarshal(answer, &x); status != http.StatusCreated || err != nil {
		s.t.Fatalf("POST %s: %d %s", path, status, answer)
	}
	return x.ID
}

// heard says whether a node has taken in an event.
func (s *siege) heard(n *node, e payment.Event) bool {
	status, _ := s.send(n, "POST", "/processors/stripe/events", []payment.Event{e})
	s.note("told %s %s %s%s of order %s: %d", e.ID, e.Type, e.Payment, e.Refund, e.Order, status)
	return status == http.StatusNoContent
}

// card saves a card for a customer.
func (s *siege) card(n *node, customer string, byDefault bool) {
	s.list.Lock()
	s.cards++
	reference := fmt.Sprintf("pm_%d", s.cards)
	s.list.Unlock()
	e := payment.Event{ID: "setup_" + reference, Type: payment.SetupSucceeded, Organization: s.org, Customer: id.ID(customer),
		Method: &payment.Method{Reference: reference, Type: "card", Card: &payment.Card{Brand: "visa", Last4: "4242", ExpMonth: 7, ExpYear: 2030}}, Default: byDefault}
	for range 3 {
		if s.heard(n, e) {
			return
		}
	}
}

// advance moves the time of all nodes, and has them do what is due.
func (s *siege) advance(by time.Duration) error {
	s.list.Lock()
	s.ahead += by
	ahead := s.ahead
	s.list.Unlock()
	s.note("waited %s", by)
	var mu sync.Mutex
	var trouble error
	var wait sync.WaitGroup
	for _, n := range s.nodes {
		wait.Go(func() {
			r, err := caller.Post(fmt.Sprintf("http://%s/?ahead=%d", n.Control, ahead), "", nil)
			if err == nil {
				defer func() { _ = r.Body.Close() }()
				text, _ := io.ReadAll(r.Body)
				if r.StatusCode == http.StatusOK {
					return
				}
				err = fmt.Errorf("%s", text)
			}
			mu.Lock()
			defer mu.Unlock()
			trouble = err
		})
	}
	wait.Wait()
	return trouble
}

// prepare makes an organization with a token.
func (s *siege) prepare() {
	ctx := s.t.Context()
	d, err := db.Open(ctx, s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Migrate(ctx); err != nil {
		s.t.Fatal(err)
	}
	x, err := server.New(ctx, server.Config{DB: d})
	if err != nil {
		s.t.Fatal(err)
	}
	in, err := organization.Draft("Acme", "acme")
	if err != nil {
		s.t.Fatal(err)
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		o, err := x.Organizations.Create(ctx, tx, auth.NewSystem("test"), in)
		if err != nil {
			return err
		}
		s.org = o.ID
		_, s.token, err = x.Tokens.Create(ctx, tx, auth.NewSystem("test"), token.Request{OrganizationID: o.ID, Scopes: auth.GrantableScopes()})
		return err
	})
	if err := errors.Join(err, x.Close()); err != nil {
		s.t.Fatal(err)
	}
}

func (s *siege) opens(hooks string) {
	both := func(usd, eur int) []any {
		return []any{obj{"amount_type": "fixed", "price_amount": usd, "price_currency": "usd"}, obj{"amount_type": "fixed", "price_amount": eur, "price_currency": "eur"}}
	}
	s.made("/v1/webhooks/endpoints", obj{"url": hooks, "format": "raw", "events": webhook.Types()})
	benefit := s.made("/v1/benefits/", obj{"type": "custom", "description": "Note", "properties": obj{"note": nil}})
	key := s.made("/v1/benefits/", obj{"type": "license_keys", "description": "Key", "properties": obj{}})
	for i, amounts := range [][2]int{{1000, 900}, {3000, 2500}, {60, 70}, {0, 0}, {100000, 90000}, {500, 400}} {
		body := obj{"name": fmt.Sprintf("Plan %d", i), "recurring_interval": []string{"month", "month", "week", "month", "year", "day"}[i], "prices": both(amounts[0], amounts[1])}
		if i == 5 {
			body["recurring_interval_count"] = 10
		}
		p := s.made("/v1/products/", body)
		if status, answer := s.send(s.nodes[0], "POST", "/v1/products/"+p+"/benefits", obj{"benefits": []string{benefit, key}[:i%3]}); status != 200 {
			s.t.Fatalf("benefits: %d %s", status, answer)
		}
		s.plans = append(s.plans, p)
	}
	for i, interval := range []string{"week", "month"} {
		s.trials = append(s.trials, s.made("/v1/products/", obj{"name": "Trial " + interval, "recurring_interval": "month", "prices": both(2000+i, 1500),
			"trial_interval": interval, "trial_interval_count": 1}))
	}
	s.thing = s.made("/v1/products/", obj{"name": "Thing", "recurring_interval": nil, "prices": both(1000, 900)})
	s.discounts = []any{nil}
	for _, body := range reductions() {
		s.discounts = append(s.discounts, s.made("/v1/discounts/", body))
	}
	for i := range 8 {
		s.customers = append(s.customers, s.made("/v1/customers/", obj{"email": fmt.Sprintf("c%d@example.com", i), "name": "Jeanne",
			"billing_address": obj{"line1": "1 Rue de la Paix", "postal_code": "75002", "city": "Paris", "country": "FR"}}))
		s.card(s.nodes[0], s.customers[i], i%4 > 0)
	}
	for i := range 24 {
		s.currency(s.nodes[0], []string{"usd", "eur"}[i/2%2])
		s.subs = append(s.subs, s.made("/v1/subscriptions/", obj{"product_id": s.plans[3], "customer_id": s.customers[i%8]}))
		status, _ := s.send(s.nodes[0], "PATCH", "/v1/subscriptions/"+s.subs[i], obj{"product_id": s.plans[i%len(s.plans)], "proration_behavior": "prorate"})
		s.note("begins: %d", status)
	}
}

func (s *siege) currency(n *node, c string) {
	s.send(n, "PATCH", "/v1/organizations/"+string(s.org), obj{"default_presentment_currency": c})
}

// round lets clients work until one of the nodes dies.
func (s *siege) round(r *rand.Rand, number int) {
	n := pick(r, s.nodes)
	ways := []db.Point{"", "", "with its processor", db.Committing, db.Committed, charging, charged, charged, refunding, refunded, webhook.Sending, webhook.Sent}
	if s.base != nil {
		ways = append(ways, slices.Repeat([]db.Point{beneath}, len(ways))...)
	}
	how := pick(r, ways)
	most := map[db.Point]int64{db.Committing: 150, db.Committed: 150, charging: 12, charged: 12, refunding: 2, refunded: 2, webhook.Sending: 60, webhook.Sent: 60}
	after := int64(0)
	if most[how] > 0 {
		after = r.Int64N(most[how])
	}
	n.kill()
	<-n.ended
	for _, other := range s.nodes {
		if other != n && closed(other.ended) {
			s.looks(other)
			other.start(s.t, s.ahead, "", 0)
		}
	}
	s.looks(n)
	s.note("round %d: %q after %d", number, how, after)
	s.t.Logf("round %d, %s: %q after %d", number, time.Since(s.started).Round(time.Second), how, after)
	if most[how] > 0 {
		n.start(s.t, s.ahead, how, after)
	} else {
		n.start(s.t, s.ahead, "", 0)
	}
	var wait sync.WaitGroup
	stop := make(chan struct{})
	for i := range 5 {
		c := &client{siege: s, r: rand.New(rand.NewPCG(*walkSeed, uint64(number*100+i)))}
		wait.Go(func() {
			for !closed(stop) {
				c.step()
			}
		})
	}
	hours, tired := rand.New(rand.NewPCG(*walkSeed, uint64(number*100+99))), make(chan struct{})
	patience, tire := 3+r.IntN(8), sync.OnceFunc(func() { close(tired) })
	wait.Go(func() {
		defer tire() // also when the database does not come back, which ends the test
		for i := 0; !closed(stop); i++ {
			if i == patience {
				tire()
			}
			by := time.Duration(hours.IntN(9*24*60)) * time.Minute
			if hours.IntN(3) == 0 {
				by = time.Duration(hours.IntN(7)) * time.Minute
			}
			_ = s.advance(by) // of what is lost on the way, and of servers that die
			if i == 1 && how == "with its processor" {
				s.ledger.Lock()
				s.target = n
				s.ledger.Unlock()
			}
			if i == 1 && how == beneath {
				s.crash(hours)
			}
			time.Sleep(time.Duration(hours.IntN(30)) * time.Millisecond)
		}
	})
	select {
	case <-n.ended:
		s.note("it died")
	case <-tired: // and what was due then is in hand
		time.Sleep(time.Duration(r.IntN(50)) * time.Millisecond)
		s.note("it is killed")
		n.kill()
		<-n.ended
	case <-time.After(stuck):
		s.hangs()
	}
	time.Sleep(time.Duration(r.IntN(60)) * time.Millisecond) // the others go on, and nobody is there
	close(stop)
	wait.Wait()
	s.ledger.Lock()
	s.target = nil
	s.ledger.Unlock()
}

// stuck is how long a round may take, and the end of all.
const stuck = 5 * time.Minute

// hangs ends servers that do not get on, and has them say at what they are.
func (s *siege) hangs() {
	for _, n := range s.nodes {
		n.dump()
		<-n.ended
		s.t.Errorf("it does not get on, and %s is at:\n%s", n.Address, n.log.String())
		n.log.Reset()
	}
}

// beneath is a server that lives when its database is killed, while what is due
// is in hand.
const beneath db.Point = "without its database"

// crash kills the database's server while the nodes do what is due, and starts
// it again.
func (s *siege) crash(r *rand.Rand) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.advance(time.Duration(r.IntN(9*24*60)) * time.Minute)
	}()
	time.Sleep(time.Duration(r.IntN(100)) * time.Millisecond)
	s.note("the database dies")
	s.base.Crash(s.t)
	time.Sleep(time.Duration(r.IntN(1500)) * time.Millisecond)
	s.base.Start(s.t)
	s.note("the database is back")
	<-done
}

func closed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func (s *siege) open(fn func(d *db.DB)) {
	s.t.Helper()
	config := s.config
	config.ReadOnly = true
	d, err := db.Open(s.t.Context(), config)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	fn(d)
}

// counts has PostgreSQL find out how much there is. Those that tests share never
// do, and then compare, for one of the rules, every event with every entry.
func (s *siege) counts() {
	if s.config.URL == "" {
		return
	}
	d, err := db.Open(s.t.Context(), s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = d.Close() }()
	if err := d.Write(s.t.Context(), func(tx *db.Tx) error { return tx.Analyze(s.t.Context()) }); err != nil {
		s.t.Error(err)
	}
}

// settles lets everything through, with servers that live.
func (s *siege) settles() {
	s.ledger.Lock()
	s.kind = true
	s.ledger.Unlock()
	for _, n := range s.nodes {
		if closed(n.ended) {
			s.looks(n)
			n.start(s.t, s.ahead, "", 0)
		}
	}
	c := &client{siege: s, r: s.r, n: s.nodes[0]}
	begun := time.Now()
	for i := range 30 {
		if time.Since(begun) > stuck {
			s.hangs()
			return
		}
		for range len(s.tell) * 3 {
			c.tells()
		}
		if err := s.advance(charge.Soon + time.Second); err != nil && i > 20 {
			s.t.Errorf("what is due: %v", err)
		}
	}
	if len(s.tell) > 0 {
		s.t.Errorf("never heard: %+v", s.tell)
	}
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); {
		_ = s.advance(time.Minute)
		waiting := int64(0)
		s.open(func(d *db.DB) { waiting, _ = db.One[int64](s.t.Context(), d, `SELECT COUNT(*) FROM webhook_queue`) })
		if waiting == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.t.Error("webhooks wait for ever")
}

// TestCrash kills servers at every point of the billing cycle, and whenever: in
// the end the processor's books are theirs, nobody was charged twice for one
// thing, and each period was ordered once.
//
//	go test ./internal/charge -run TestCrash -v -charge.seed 7 -charge.kills 200 -timeout 30m
func TestCrash(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: starts servers again and again")
	}
	t.Parallel()
	for name, config := range map[string]func(t *testing.T) (db.Config, *dbtest.Server){
		"sqlite":   func(t *testing.T) (db.Config, *dbtest.Server) { return db.Config{DataDir: dbtest.DataDir(t)}, nil },
		"postgres": func(t *testing.T) (db.Config, *dbtest.Server) { return db.Config{URL: dbtest.URL(t)}, nil },
		"postgres that dies": func(t *testing.T) (db.Config, *dbtest.Server) {
			base := dbtest.Primary(t)
			return db.Config{URL: base.URL}, base
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, base := config(t)
			s := newSiege(t, c)
			s.base = base
			r := rand.New(rand.NewPCG(*walkSeed, 5))
			for i := range *crashKills {
				s.round(r, i)
				s.counts()
				s.open(s.sound)
				if t.Failed() {
					break
				}
			}
			s.settles()
			for _, n := range s.nodes {
				n.kill()
				<-n.ended
				s.looks(n)
			}
			periods := 0
			s.open(func(d *db.DB) {
				s.once(d)
				s.agrees(t.Context(), d, s.org, nil)
				s.sound(d)
				periods = s.periods(d)
			})
			t.Logf("%d periods, %d charges succeeded, %d webhooks, %s", periods, len(s.books), len(s.hooks.arrived), s.ahead.Round(24*time.Hour))
			if t.Failed() {
				t.Logf("-charge.seed %d:\n%s", *walkSeed, strings.Join(s.trail, "\n"))
			}
		})
	}
}

func newSiege(t *testing.T, config db.Config) *siege {
	r := rand.New(rand.NewPCG(*walkSeed, 3))
	s := &siege{bank: &bank{t: t, r: r, books: map[string]*taken{}}, t: t, config: config, known: map[string]said{}, paid: map[string]bool{}, started: time.Now(),
		hooks: &heard{t: t, arrived: map[string]bool{}, last: map[string]string{}}}
	s.says, s.dies = s.note, func() {
		if s.target != nil {
			s.target.kill()
		}
	}
	money, hooks := httptest.NewServer(s), httptest.NewServer(s.hooks)
	t.Cleanup(money.Close)
	t.Cleanup(hooks.Close)
	s.prepare()
	for range map[bool]int{true: 1, false: 2}[config.URL == ""] {
		n := &node{orders: orders{DataDir: config.DataDir, URL: config.URL, Bank: money.URL}}
		for _, a := range []*string{&n.Address, &n.Control} {
			address, err := freeport.Address(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			*a = address
		}
		n.start(t, 0, "", 0)
		t.Cleanup(n.kill)
		s.nodes = append(s.nodes, n)
	}
	s.kind = true
	s.opens(hooks.URL)
	s.kind = false
	return s
}
