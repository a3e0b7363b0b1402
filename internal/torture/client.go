//go:build unix

package torture

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"syscall"
	"time"
)

// shop is what customers can have.
type shop struct {
	organization string
	endpoint     string
	free, dear   string // recurring products
	once         string // a product that is bought once
}

// price is what once costs.
const price = 1000

// client works on customers that nobody else touches, so that it knows what
// each must be.
type client struct {
	number int
	random *rand.Rand
	shop   *shop
	server *process
	made   int
	people []*person

	acknowledged atomic.Int64
	doubtful     atomic.Int64
	wrong        []string // answers that should not have been
}

// step is a request and what it would do.
type step struct {
	method, path string
	body         any
	want         int
	changes      []change
	learn        *thing // whose id the answer has
}

// work goes on until the end is asked for, or an answer was wrong. It leaves
// alone what it is in doubt about.
func (c *client) work(done context.Context) {
	for failures := 0; done.Err() == nil && len(c.wrong) == 0; {
		p := c.pick()
		s, ok := c.choose(p)
		if !ok {
			continue
		}
		if c.take(p, s) {
			failures = 0
			continue
		}
		failures++ // in a row: there may be nobody who answers for a while
		select {
		case <-done.Done():
		case <-time.After(time.Duration(5+c.random.IntN(10)) * time.Millisecond << min(failures, 5)):
		}
	}
}

// patience is how long a client waits for an answer.
const patience = 20 * time.Second

// take sends a request; false says that it is not known what came of it.
func (c *client) take(p *person, s step) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	p.doubt, p.asked = s.changes, s.method+" "+s.path
	status, answer, err := c.server.do(ctx, s.method, s.path, s.body)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED): // nobody was asked
		p.doubt = nil
		p.forget()
		return false
	case err != nil || status == 503 && bytes.HasPrefix(answer, []byte(`{"error":"ServiceUnavailable","detail":"`)): // it says that it cannot: it may have, before it lost the connection
		c.doubtful.Add(1)
		return false
	case status != s.want:
		c.wrong = append(c.wrong, fmt.Sprintf("%s %s answered %d %s", s.method, s.path, status, answer))
		return false
	}
	if s.learn != nil {
		var made struct{ ID string }
		_ = json.Unmarshal(answer, &made)
		s.learn.id = made.ID
	}
	p.happened(s.changes)
	p.doubt = nil
	c.acknowledged.Add(1)
	return true
}

// pick is a new person or one of the last who are there.
func (c *client) pick() *person {
	var living []*person
	for _, x := range c.people[max(0, len(c.people)-8):] {
		if x.alive() && x.doubt == nil {
			living = append(living, x)
		}
	}
	if len(living) > 0 && c.random.IntN(6) > 0 {
		return living[c.random.IntN(len(living))]
	}
	c.made++
	x := &person{
		thing: thing{kind: kindCustomer, key: fmt.Sprintf("ext-%d-%d", c.number, c.made)},
		email: fmt.Sprintf("client-%d-%d@example.com", c.number, c.made),
		team:  c.random.IntN(2) == 0,
	}
	c.people = append(c.people, x)
	return x
}

func name(version int) string { return fmt.Sprintf("Name %d", version) }

func metadata(version int) map[string]any {
	m := map[string]any{"version": version}
	for i := range version % 4 {
		m[fmt.Sprintf("key%d", i)] = fmt.Sprintf("value %d", version)
	}
	return m
}

// choose says what to do with a person; false when it is not possible now.
func (c *client) choose(p *person) (step, bool) {
	if p.state == "" {
		return c.create(p), true
	}
	switch n := c.random.IntN(100); {
	case n < 20:
		return c.update(p), true
	case n < 30:
		return c.addMember(p)
	case n < 34:
		return c.removeMember(p)
	case n < 48:
		return c.subscribe(p)
	case n < 58:
		return c.changeSubscription(p)
	case n < 68:
		return c.draft(p), true
	case n < 84:
		return c.settle(p)
	case n < 93:
		return c.activate(p)
	}
	return c.remove(p, c.random.IntN(2) == 0), true
}

func (c *client) create(p *person) step {
	body := map[string]any{"email": p.email, "external_id": p.key, "name": name(1), "metadata": metadata(1), "type": "individual"}
	if p.team {
		body["type"] = "team"
	}
	return step{"POST", "/v1/customers/", body, 201, []change{{&p.thing, version(1)}}, &p.thing}
}

func (c *client) update(p *person) step {
	next := p.version + 1
	return step{"PATCH", "/v1/customers/" + p.id, map[string]any{"name": name(next), "metadata": metadata(next)}, 200,
		[]change{{&p.thing, version(next)}}, nil}
}

// remove deletes a customer with all that follows from it.
func (c *client) remove(p *person, anonymise bool) step {
	to := gone
	if anonymise {
		to = anonymised
	}
	changes := []change{{&p.thing, to}}
	for _, m := range p.of(kindMember, "there") {
		changes = append(changes, change{m, gone})
	}
	for _, s := range p.of(kindSubscription, "active", "active ending") {
		changes = append(changes, change{s, "canceled"})
	}
	return step{"DELETE", fmt.Sprintf("/v1/customers/%s?anonymize=%v", p.id, anonymise), nil, 204, changes, nil}
}

func (c *client) addMember(p *person) (step, bool) {
	if !p.team || len(p.things) > 20 {
		return step{}, false
	}
	m := p.add(kindMember, fmt.Sprintf("m%d-%s", c.random.Uint64(), p.email))
	return step{"POST", "/v1/customers/" + p.id + "/members", map[string]any{"email": m.key}, 201, []change{{m, "there"}}, m}, true
}

func (c *client) removeMember(p *person) (step, bool) {
	list := p.of(kindMember, "there")
	if len(list) == 0 {
		return step{}, false
	}
	m := list[c.random.IntN(len(list))]
	return step{"DELETE", "/v1/customers/" + p.id + "/members/" + m.id, nil, 204, []change{{m, gone}}, nil}, true
}

// subscribe gives a person one subscription at a time.
func (c *client) subscribe(p *person) (step, bool) {
	if len(p.of(kindSubscription, "active", "active ending")) > 0 || len(p.things) > 20 {
		return step{}, false
	}
	s := p.add(kindSubscription, c.unique(p))
	body := map[string]any{"customer_id": p.id, "product_id": c.shop.free, "metadata": map[string]any{"key": s.key}}
	if c.random.IntN(3) == 0 {
		body["product_id"], body["collection_method"] = c.shop.dear, "send_invoice"
	}
	return step{"POST", "/v1/subscriptions/", body, 201, []change{{s, "active"}}, s}, true
}

func (c *client) unique(p *person) string { return fmt.Sprintf("%s-%d", p.key, c.random.Uint64()) }

func (c *client) changeSubscription(p *person) (step, bool) {
	list := p.of(kindSubscription, "active", "active ending")
	if len(list) == 0 {
		return step{}, false
	}
	s := list[c.random.IntN(len(list))]
	path := "/v1/subscriptions/" + s.id
	switch {
	case c.random.IntN(3) == 0:
		return step{"DELETE", path, nil, 200, []change{{s, "canceled"}}, nil}, true
	case s.state == "active":
		return step{"PATCH", path, map[string]any{"cancel_at_period_end": true}, 200, []change{{s, "active ending"}}, nil}, true
	}
	return step{"PATCH", path, map[string]any{"cancel_at_period_end": false}, 200, []change{{s, "active"}}, nil}, true
}

func (c *client) draft(p *person) step {
	o := p.add(kindOrder, c.unique(p))
	o.amount = price
	return step{"POST", "/v1/orders/", map[string]any{"customer_id": p.id, "product_id": c.shop.once, "metadata": map[string]any{"key": o.key}},
		201, []change{{o, "draft"}}, o}
}

// settle brings an order one step on.
func (c *client) settle(p *person) (step, bool) {
	list := p.of(kindOrder, "draft", "pending", "paid")
	if len(list) == 0 {
		return step{}, false
	}
	o := list[c.random.IntN(len(list))]
	switch o.state {
	case "draft":
		return step{"POST", "/v1/orders/" + o.id + "/finalize", map[string]any{"collection_method": "send_invoice"}, 200,
			[]change{{o, "pending"}}, nil}, true
	case "pending":
		x := p.add(kindPayment, c.unique(p))
		paid := p.paid(o)
		x.with, x.amount = o, o.amount-paid
		if paid == 0 && c.random.IntN(3) == 0 {
			x.amount /= 2
		}
		changes := []change{{x, "succeeded"}}
		if paid+x.amount == o.amount {
			changes = append(changes, change{o, "paid"})
		}
		return step{"POST", "/v1/orders/" + o.id + "/payments", map[string]any{"status": "succeeded", "amount": x.amount, "reference": x.key},
			201, changes, x}, true
	}
	x := p.add(kindRefund, c.unique(p))
	x.with, x.amount = o, o.amount
	return step{"POST", "/v1/refunds/", map[string]any{"order_id": o.id, "reason": "other", "amount": x.amount, "revoke_benefits": true,
		"metadata": map[string]any{"key": x.key}}, 201, []change{{x, "succeeded"}, {o, "refunded"}}, x}, true
}

// activate uses a license key that somebody was granted, on a new device or
// gives a device up.
func (c *client) activate(p *person) (step, bool) {
	if used := p.of(kindActivation, "there"); len(used) > 0 && c.random.IntN(3) == 0 {
		a := used[c.random.IntN(len(used))]
		return step{"POST", "/v1/license-keys/deactivate", map[string]any{"key": a.with.key, "organization_id": c.shop.organization, "activation_id": a.id},
			204, []change{{a, gone}}, nil}, true
	}
	key, ok := c.key(p)
	if !ok {
		return step{}, false
	}
	a := p.add(kindActivation, c.unique(p))
	a.with = &thing{key: key}
	return step{"POST", "/v1/license-keys/activate", map[string]any{"key": key, "organization_id": c.shop.organization, "label": a.key},
		200, []change{{a, "there"}}, a}, true
}

// activations is on how many devices a key may be active.
const activations = 3

// key looks for a license key of a person's that can be used on one more
// device.
func (c *client) key(p *person) (string, bool) {
	if len(p.of(kindSubscription, "active", "active ending")) == 0 {
		return "", false
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var grants struct {
		Items []struct {
			Properties struct {
				Key string `json:"license_key_id"`
			}
		}
	}
	if err := c.server.get(ctx, "/v1/benefit-grants/?is_granted=true&customer_id="+p.id, &grants); err != nil {
		return "", false
	}
	for _, g := range grants.Items {
		var key struct{ Key string }
		if g.Properties.Key == "" || c.server.get(ctx, "/v1/license-keys/"+g.Properties.Key, &key) != nil {
			continue
		}
		used := 0
		for _, a := range p.of(kindActivation, "there") {
			if a.with.key == key.Key {
				used++
			}
		}
		if used < activations {
			return key.Key, true
		}
	}
	return "", false
}
