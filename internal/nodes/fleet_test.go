package nodes_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/floetest"
)

const (
	clients       = 8
	subscriptions = 90
	// drain is more than the balancer needs to learn that a node is leaving.
	drain = 10 * checkEvery
)

// firstNew is the first migration that the old version does not have. Those
// from here on change what older ones have made, and today's code can work with
// the schema before them on PostgreSQL, as a predecessor must with the one after
// them. When that ends, the first one that it can do without stands here.
const firstNew = 24

// older is a program of another day, which says that its version is 1.0.0.
var older = flag.String("nodes.old", "", "begin with this program, and not with one of today without some migrations")

// TestFleet takes three nodes away and brings them back, one after the other,
// under load: restarted, replaced by a version that migrates the database under
// the old ones, and killed. No request fails but those in the hands of the node
// that was killed, no acknowledged write is lost or done twice, and everybody is
// told of everything in order.
func TestFleet(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: takes a minute")
	}
	t.Parallel()
	f := newFleet(t)
	due := f.subscribe()
	var work sync.WaitGroup
	done, end := context.WithCancel(t.Context())
	list := make([]*client, clients)
	for i := range list {
		list[i] = newClient(i, f.balancer.URL, f.token)
		list[i].over = f.over
		work.Go(func() { list[i].work(done) })
	}
	for _, n := range f.nodes {
		f.pause()
		n.stop(t)
		n.start(t, f.old)
	}
	if *older == "" {
		f.schema(firstNew - 1)
	}
	for i, n := range f.nodes {
		f.pause()
		n.stop(t)
		n.start(t, f.new)
		f.version(n, "2.0.0")
		if _, wants, err := f.db.Schema(t.Context()); err != nil {
			t.Error(err)
		} else if i == 0 { // two old ones serve on
			f.schema(wants)
			f.nodes[1].stop(t) // and can be started again
			f.nodes[1].start(t, f.old)
			f.version(f.nodes[1], "1.0.0")
		}
	}
	if n := f.sink.repeated(); n != 0 {
		t.Errorf("%d events were sent twice though every node left in order", n)
	}
	for _, n := range f.nodes {
		f.pause()
		n.kill()
		f.pause()
		n.start(t, f.new)
	}
	f.pause()
	end()
	work.Wait()
	f.look(list, due)
}

type fleet struct {
	t        *testing.T
	db       *db.DB
	old, new string
	token    string
	nodes    []*node
	balancer *balancer
	sink     *sink
}

func newFleet(t *testing.T) *fleet {
	url := dbtest.EmptyURL(t)
	f := &fleet{t: t, old: *older, new: build(t, "2.0.0", 0), sink: newSink(t)}
	if f.old == "" {
		f.old = build(t, "1.0.0", firstNew)
	}
	for range 3 {
		n := newNode(t, "--database-url", url, "--allow-private-webhooks", "--drain-delay", drain.String())
		n.lingers = drain
		t.Cleanup(n.kill)
		f.nodes = append(f.nodes, n)
		if token := n.start(t, f.old); token != "" {
			f.token = token
		}
	}
	f.balancer = newBalancer(t, f.nodes...)
	var err error
	if f.db, err = db.Open(t.Context(), db.Config{URL: url, Logger: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.db.Close() })
	for !f.balancer.backends[0].healthy.Load() || !f.balancer.backends[1].healthy.Load() || !f.balancer.backends[2].healthy.Load() {
		time.Sleep(checkEvery)
	}
	f.make("/v1/webhooks/endpoints", map[string]any{"url": f.sink.URL, "format": "raw", "events": []string{"customer.created", "customer.updated", "order.created"}})
	return f
}

// over waits until the transactions that are open now have ended.
func (f *fleet) over() {
	ctx, cancel := context.WithTimeout(f.t.Context(), 10*time.Second)
	defer cancel()
	now, err := db.One[time.Time](ctx, f.db, `SELECT clock_timestamp()`)
	for open := 1; open > 0 && err == nil; time.Sleep(time.Millisecond) {
		open, err = db.One[int](ctx, f.db, `SELECT COUNT(*) FROM pg_stat_activity
			WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() AND xact_start <= ?`, now)
	}
	if err != nil {
		f.t.Errorf("wait for open transactions: %v", err)
	}
}

func (f *fleet) pause() { time.Sleep(2 * time.Second) }

// make creates something and answers its id.
func (f *fleet) make(path string, body any) string {
	f.t.Helper()
	c := newClient(-1, f.balancer.URL, f.token)
	status, answer, _ := c.do("POST", path, body)
	if status != 201 {
		f.t.Fatalf("POST %s: %d %v %v", path, status, answer, c.wrong)
	}
	id, _ := answer["id"].(string)
	return id
}

// subscribe makes subscriptions whose periods end while the test runs, one
// after the other, and answers when.
func (f *fleet) subscribe() map[string]time.Time {
	product := f.make("/v1/products/", map[string]any{"name": "Free", "recurring_interval": "month", "prices": []any{map[string]any{"amount_type": "free"}}})
	due := map[string]time.Time{}
	begin := time.Now().Add(10 * time.Second)
	c := newClient(-2, f.balancer.URL, f.token)
	for i := range subscriptions {
		customer := f.make("/v1/customers/", map[string]any{"email": fmt.Sprintf("subscriber-%d@example.com", i)})
		id := f.make("/v1/subscriptions/", map[string]any{"customer_id": customer, "product_id": product})
		at := begin.Add(time.Duration(i) * 500 * time.Millisecond).UTC().Truncate(time.Microsecond)
		status, answer, _ := c.do("PATCH", "/v1/subscriptions/"+id, map[string]any{"current_billing_period_end": at.Format(time.RFC3339Nano)})
		if status != 200 {
			f.t.Fatalf("period of a subscription: %d %v %v", status, answer, c.wrong)
		}
		due[id] = at
	}
	return due
}

func (f *fleet) version(n *node, want string) {
	f.t.Helper()
	_, text, err := ask(f.t.Context(), newClient(0, "", "").http, "GET", "http://"+n.address+"/openapi.json", nil, nil)
	var document struct{ Info struct{ Version string } }
	if err == nil {
		err = json.Unmarshal(text, &document)
	}
	if err != nil || document.Info.Version != want {
		f.t.Errorf("the node is of version %s, %v; want %s", document.Info.Version, err, want)
	}
}

func (f *fleet) schema(want int64) {
	f.t.Helper()
	if has, _, err := f.db.Schema(f.t.Context()); err != nil || has != want {
		f.t.Errorf("the schema is version %d, %v; want %d", has, err, want)
	}
}

// look compares what is there with what was promised.
func (f *fleet) look(list []*client, due map[string]time.Time) {
	t := f.t
	answered, lost := 0, 0
	for _, c := range list {
		for _, x := range c.customers {
			if x.doubt != 0 {
				c.settle(x)
			}
		}
		for _, wrong := range c.wrong {
			t.Error(wrong)
		}
		answered, lost = answered+c.answered, lost+c.lost
	}
	if kills := len(f.nodes); lost > kills*clients {
		t.Errorf("%d requests failed, more than were in flight at %d kills", lost, kills)
	}
	if answered < 500 {
		t.Errorf("only %d requests were answered: nothing was tested", answered)
	}
	f.customers(list)
	late := f.renewed(due)
	want, err := db.All[happened](t.Context(), f.db, `SELECT customer_id, customer_seq, type, created_at FROM journal
		WHERE type IN ('customer.created', 'customer.updated', 'order.created') ORDER BY seq`+floetest.AllOrganizations)
	if err != nil {
		t.Fatal(err)
	}
	for begin := time.Now(); f.sink.count() < len(want) && time.Since(begin) < time.Minute; {
		time.Sleep(50 * time.Millisecond)
	}
	delay := f.sink.compare(t, want)
	if delay > takeover {
		t.Errorf("an event arrived %v after it had happened", delay)
	}
	t.Logf("%d requests were answered, %d lost with a killed node; %d events, %d of them more than once, at most %v late; renewals were at most %v late",
		answered, lost, len(want), f.sink.repeats, delay.Round(time.Millisecond), late.Round(time.Millisecond))
}

// customers holds the rows and the journal against what the clients know: each
// acknowledged change was made, and once.
func (f *fleet) customers(list []*client) {
	type row struct {
		ExternalID       string
		Name             string
		Created, Updated int
	}
	rows, err := db.All[row](f.t.Context(), f.db, `SELECT c.external_id, c.name,
			(SELECT COUNT(*) FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id AND j.type = 'customer.created') AS created,
			(SELECT COUNT(*) FROM journal j WHERE j.organization_id = c.organization_id AND j.customer_id = c.id AND j.type = 'customer.updated') AS updated
		FROM customers c WHERE c.external_id IS NOT NULL`+floetest.AllOrganizations)
	if err != nil {
		f.t.Fatal(err)
	}
	there := map[string]row{}
	for _, r := range rows {
		there[r.ExternalID] = r
	}
	known := 0
	for _, c := range list {
		for _, x := range c.customers {
			r, found := there[x.external]
			if x.version == 0 {
				if found {
					f.t.Errorf("%s is there, which nobody made", x.external)
				}
				continue
			}
			known++
			if !found || r.Name != name(x.version) || r.Created != 1 || r.Updated != x.version-1 {
				f.t.Errorf("%s must be at version %d: %v %+v", x.external, x.version, found, r)
			}
		}
	}
	if known != len(rows) {
		f.t.Errorf("%d customers are there, %d are known", len(rows), known)
	}
}

// takeover is how long the work of a node that was killed may lie: its lease of
// ten seconds, five until another node looks, and ten for a busy machine.
const takeover = 25 * time.Second

// renewed waits until every subscription has been renewed, each once, and
// answers how late the latest was of those that the billing cycle knew of. It
// looks for new ones every half minute; from then on it runs whenever something
// is due, on whichever node is there.
func (f *fleet) renewed(due map[string]time.Time) (late time.Duration) {
	type order struct {
		SubscriptionID string
		CreatedAt      time.Time
	}
	var orders []order
	for begin := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		var err error
		orders, err = db.All[order](f.t.Context(), f.db, `SELECT subscription_id, created_at FROM orders
			WHERE reason = 'subscription_cycle' ORDER BY created_at, seq`+floetest.AllOrganizations)
		if err != nil {
			f.t.Fatal(err)
		}
		if len(orders) >= len(due) || time.Since(begin) > time.Minute {
			break
		}
	}
	seen, known := map[string]int{}, 0
	for _, o := range orders {
		seen[o.SubscriptionID]++
		if at := due[o.SubscriptionID]; at.After(orders[0].CreatedAt) {
			known++
			late = max(late, o.CreatedAt.Sub(at))
		}
	}
	if known < 5 || late > takeover {
		f.t.Errorf("%d renewals were known to the billing cycle, and at most %v late", known, late)
	}
	for id := range due {
		if seen[id] != 1 {
			f.t.Errorf("the subscription %s was renewed %d times", id, seen[id])
		}
	}
	return late
}
