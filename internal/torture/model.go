//go:build unix

package torture

import (
	"fmt"
	"strings"
)

// thing is a row that a client has made or wants to make. Its state is a word;
// none is that there is no such row.
type thing struct {
	kind  string
	key   string // the client's own name for it, by which it is found again
	id    string // once it is known
	state string
	// What it costs or is used with.
	amount int64
	with   *thing
}

// change is what a request would do to a thing.
type change struct {
	*thing
	to string
}

// person is a customer and all that they have. One client at a time touches
// them, so it is known what they must be.
type person struct {
	thing
	email   string
	team    bool
	version int
	things  []*thing
	// What was asked for and not answered: all of it happened, or nothing.
	doubt []change
	asked string
}

// The kinds of things.
const (
	kindCustomer     = "customer"
	kindMember       = "member"
	kindSubscription = "subscription"
	kindOrder        = "order"
	kindPayment      = "payment"
	kindRefund       = "refund"
	kindActivation   = "activation"
)

// The states of customers, beside their versions.
const (
	gone       = "gone"
	anonymised = "anonymised"
)

func version(n int) string { return fmt.Sprintf("version %d", n) }

func (p *person) alive() bool { return strings.HasPrefix(p.state, "version") }

// of are the things of a kind in one of some states.
func (p *person) of(kind string, states ...string) (out []*thing) {
	for _, t := range p.things {
		for _, s := range states {
			if t.kind == kind && t.state == s {
				out = append(out, t)
			}
		}
	}
	return out
}

// paid is how much of an order was paid.
func (p *person) paid(o *thing) (sum int64) {
	for _, x := range p.of(kindPayment, "succeeded") {
		if x.with == o {
			sum += x.amount
		}
	}
	return sum
}

// add is a new thing of the person, which is not there yet.
func (p *person) add(kind, key string) *thing {
	t := &thing{kind: kind, key: key}
	p.things = append(p.things, t)
	return t
}

// happened makes changes the truth.
func (p *person) happened(changes []change) {
	for _, c := range changes {
		c.state = c.to
		if c.kind == kindCustomer && p.alive() {
			_, _ = fmt.Sscanf(c.to, "version %d", &p.version)
		}
	}
	p.forget()
}

// forget drops things that never came to be.
func (p *person) forget() {
	kept := p.things[:0]
	for _, t := range p.things {
		if t.state != "" {
			kept = append(kept, t)
		}
	}
	p.things = kept
}

// row is a thing as it lies in the database.
type row struct {
	ID    string
	Key   *string
	State string
	met   bool
}

// table finds the rows of all kinds.
type table struct {
	byID, byKey map[string]*row
}

func (t *table) find(x *thing) *row {
	if x.id != "" {
		return t.byID[x.kind+x.id]
	}
	return t.byKey[x.kind+x.key]
}

// is says whether a thing is in a state.
func (t *table) is(x *thing, state string) bool {
	r := t.find(x)
	if r == nil {
		return state == ""
	}
	return r.State == state
}

// settle finds out what became of what was not answered, and compares the rest.
func (p *person) settle(t *table, problem func(string, ...any)) (happened bool) {
	if p.doubt != nil {
		before, after := true, true
		for _, c := range p.doubt {
			before = before && t.is(c.thing, c.state)
			after = after && t.is(c.thing, c.to)
		}
		switch {
		case after:
			happened = true
			p.happened(p.doubt)
		case !before:
			problem("%s happened by half: %s", p.asked, p.halves(t))
			p.happened(p.doubt)
		}
		p.doubt = nil
		p.forget()
	}
	for _, x := range append([]*thing{&p.thing}, p.things...) {
		r := t.find(x)
		switch {
		case r == nil && x.state != "":
			problem("%s %s (%s) is lost; it was %s", x.kind, x.key, x.id, x.state)
		case r == nil:
		case r.State != x.state:
			problem("%s %s (%s) is %s, and should be %s", x.kind, x.key, r.ID, r.State, x.state)
		default:
			x.id, r.met = r.ID, true
		}
	}
	return happened
}

func (p *person) halves(t *table) string {
	var out []string
	for _, c := range p.doubt {
		is := "not there"
		if r := t.find(c.thing); r != nil {
			is = r.State
		}
		out = append(out, fmt.Sprintf("%s %s was %q, would be %q, is %q", c.kind, c.key, c.state, c.to, is))
	}
	return strings.Join(out, "; ")
}
