package server_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"floe/internal/floetest"
	"floe/internal/webhook"
)

var (
	livesSeed  = flag.Uint64("lives.seed", 1, "where to begin to choose")
	livesSteps = flag.Int("lives.steps", 60, "how many things happen")
)

// lives are customers who come, share what can be shared, go, and come again
// under the address and the external ID of somebody who has gone. Beside the
// server stands what it must know of each of them: whose everything is, who is
// entitled to what, and what is left of whom.
type lives struct {
	*estate
	r       *rand.Rand
	clocked bool
	people  []*soul
	plans   []*good
	things  []*good
	notes   []string           // benefits
	keys    map[string]bool    // those of them that are license keys
	said    map[string][]*soul // each text, and about whom it was
	ear     *ear
	left    int // uses of the discount
	reduced string
	n       int
	trail   []string
}

// good is what can be bought.
type good struct {
	id       string
	benefits []string
	fields   obj
}

// soul is a customer, as those who call know them.
type soul struct {
	id, tag      string
	mail, ext    string
	name         string
	team         bool
	gone, erased bool
	subs         []*deal // oldest first
	bought       []*deal
	etag, state  string
}

// deal is a subscription, or an order of a thing.
type deal struct {
	id    string
	of    *good
	paid  bool
	taken bool // a refund has taken the benefits back
}

func (l *lives) note(format string, args ...any) {
	l.trail = append(l.trail, l.Clock.Now().Format("01-02T15:04:05 ")+fmt.Sprintf(format, args...))
}

// do sends a request, and wants one of these statuses.
func (l *lives) do(method, path string, body any, want ...int) *floetest.Response {
	l.t.Helper()
	r := l.Do(method, path, l.AllToken, body)
	l.note("%s %s %v = %d %s", method, path, body, r.Status, r.Body[:min(160, len(r.Body))])
	if !slices.Contains(want, r.Status) {
		l.t.Errorf("%s %s %v: %d %s, want %v", method, path, body, r.Status, r.Body, want)
	}
	return r
}

// says is a text of a kind about somebody, which is found again.
func (l *lives) says(p *soul, kind, tag string) string {
	w := kind + "x" + tag
	if !slices.Contains(l.said[w], p) {
		l.said[w] = append(l.said[w], p)
	}
	return word(w)
}

// tag is a short text that no other has.
func (l *lives) tag() string {
	l.n++
	out := ""
	for n := l.n; n > 0; n /= 16 {
		out += string(rune('a' + n%16))
	}
	return out
}

func one[T any](r *rand.Rand, from []T) (v T) {
	if len(from) > 0 {
		v = from[r.IntN(len(from))]
	}
	return v
}

func (l *lives) opens() {
	l.processor = l.Processor()
	l.keys, l.said = map[string]bool{}, map[string][]*soul{}
	l.ear = newEar(l.t)
	l.must("POST", "/v1/webhooks/endpoints", obj{"url": l.ear.URL, "format": "raw", "events": webhook.Types()})
	for range 2 {
		k := l.Benefit(obj{"type": "license_keys", "properties": obj{"activations": obj{"limit": 50, "enable_customer_admin": true}}}).ID()
		l.keys[k] = true
		l.notes = append(l.notes, l.Benefit(nil).ID(), k)
	}
	free := []any{obj{"amount_type": "fixed", "price_amount": 0}}
	for _, g := range []*good{
		{benefits: l.notes[:2], fields: obj{"prices": free}},
		{benefits: l.notes[1:3]},
		{benefits: l.notes, fields: obj{"trial_interval": "day", "trial_interval_count": 9}},
		{fields: obj{"prices": []any{obj{"amount_type": "seat_based", "seat_tiers": obj{"tiers": []any{obj{"min_seats": 1, "price_per_seat": 100}}}}}}},
	} {
		g.id = l.Product(g.fields).ID()
		l.offers(g, g.benefits)
		l.plans = append(l.plans, g)
	}
	for range 2 {
		g := &good{id: l.Product(obj{"recurring_interval": nil}).ID()}
		l.offers(g, l.notes[1:])
		l.things = append(l.things, g)
	}
	l.left = 4
	l.reduced = l.Discount(obj{"max_redemptions": l.left}).ID()
	if l.clocked {
		l.must("POST", "/v1/test-clock", obj{"now": l.Clock.Now()})
	}
	for range 4 {
		l.comes()
	}
}

func (l *lives) offers(g *good, benefits []string) {
	g.benefits = slices.Clone(benefits)
	l.do("POST", "/v1/products/"+g.id+"/benefits", obj{"benefits": append([]string{}, benefits...)}, 200)
}

// those are the customers of whom something is so.
func (l *lives) those(so func(p *soul) bool) (out []*soul) {
	for _, p := range l.people {
		if so(p) {
			out = append(out, p)
		}
	}
	return out
}

func here(p *soul) bool { return !p.gone }

// has says who is here by an address and by an external ID.
func (l *lives) has(mail, ext string) bool {
	return len(l.those(func(p *soul) bool { return here(p) && (p.mail == mail || ext != "" && p.ext == ext) })) > 0
}

// somewhere are addresses and external IDs, few enough to be wanted by several.
func (l *lives) somewhere() (mail, ext string) {
	pool := []string{"aa", "ab", "ac", "ad", "ae", "af"}
	mail = one(l.r, pool)
	if l.r.IntN(3) > 0 {
		ext = one(l.r, pool)
	}
	return mail, ext
}

// live lets customers live, and holds what they have against what they should.
func live(t *testing.T, f *floetest.Floe, clocked bool) {
	l := &lives{estate: &estate{Floe: f, t: t}, r: rand.New(rand.NewPCG(*livesSeed, 2)), clocked: clocked}
	defer func() {
		if t.Failed() {
			t.Logf("-lives.seed %d:\n%s", *livesSeed, strings.Join(l.trail, "\n"))
		}
	}()
	l.opens()
	for i := range *livesSteps {
		l.step()
		l.Drain()
		if i%10 == 9 {
			l.all()
		} else {
			l.looks(one(l.r, l.people))
		}
		if t.Failed() {
			return
		}
	}
	l.all()
	l.goOn()
	l.all()
	l.feeds()
	l.remains()
}

// TestLives: whatever happens to customers who share all that can be shared, who
// go and come again, each has what is theirs, hears of it in order, and leaves
// nothing that should be gone; and nobody else is touched by that.
func TestLives(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) { live(t, f, false) }, private)
}

// TestLivesByTestClock is TestLives in an organization with a clock of its own.
func TestLivesByTestClock(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) { live(t, f, true) }, private)
}
