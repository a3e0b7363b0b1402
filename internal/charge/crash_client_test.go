package charge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"

	"floe/internal/payment"
)

// client does things at random until it is stopped.
type client struct {
	*siege
	r *rand.Rand
	n *node
}

func (c *client) one(from *[]string) string {
	c.list.Lock()
	defer c.list.Unlock()
	return pick(c.r, (*from)[max(0, len(*from)-40):])
}

func (c *client) add(to *[]string, x string) {
	c.list.Lock()
	defer c.list.Unlock()
	*to = append(*to, x)
}

// do sends a request of which any answer but a mistake of the server is right.
func (c *client) do(method, path string, body any) (status int, answer []byte) {
	c.note("%s %s %v", method, path, body)
	status, answer = c.send(c.n, method, path, body)
	c.note("%s %s = %d %s", method, path, status, answer[:min(120, len(answer))])
	return status, answer
}

// order is one in a status.
func (c *client) order(status string) (string, bool) {
	code, answer := c.send(c.n, "GET", "/v1/orders/?limit=20&sorting=-created_at&status="+status, nil)
	var list struct{ Items []struct{ ID string } }
	if code != http.StatusOK || json.Unmarshal(answer, &list) != nil || len(list.Items) == 0 {
		return "", false
	}
	return pick(c.r, list.Items).ID, true
}

func (c *client) step() {
	c.n = pick(c.r, c.nodes)
	sub := "/v1/subscriptions/" + c.one(&c.subs)
	switch c.r.IntN(24) {
	case 0, 1, 2, 3:
		body := obj{"product_id": c.one(&c.plans), "proration_behavior": pick(c.r, []string{"prorate", "invoice", "invoice", "next_period"})}
		if c.r.IntN(3) == 0 {
			body["discount_id"] = pick(c.r, c.discounts)
		}
		if c.r.IntN(6) == 0 {
			body["collection_method"] = pick(c.r, []string{"send_invoice", "charge_automatically"})
		}
		c.do("PATCH", sub, body)
	case 4, 5:
		c.do("PATCH", sub, pick(c.r, []obj{{"cancel_at_period_end": true}, {"cancel_at_period_end": false}, {"pause_at_period_end": true},
			{"pause_at_period_end": true}, {"resume": true}, {"pending_update": nil}, {"discount_id": pick(c.r, c.discounts)}, {"trial_end": "now"}}))
	case 6, 7, 8, 9, 10:
		c.tells()
	case 11, 12:
		if o, ok := c.order(pick(c.r, []string{"paid", "partially_refunded"})); ok {
			c.do("POST", "/v1/refunds/", obj{"order_id": o, "reason": "other", "amount": pick(c.r, []int{1, 50, 500, 900, 1000, 2500, 3000})})
		}
	case 13:
		if o, ok := c.order("pending"); ok {
			c.do("POST", "/v1/orders/"+o+"/payments", obj{"status": pick(c.r, []string{"succeeded", "failed"}),
				"amount": pick(c.r, []int{10, 100, 1000, 900, 3000}), "reference": fmt.Sprintf("bank_%d", c.r.Uint64())})
		}
	case 14:
		c.card(c.n, c.one(&c.customers), c.r.IntN(3) > 0)
	case 15, 16, 17:
		c.buys()
	case 18:
		c.leaves(sub)
	default:
		c.subscribes()
	}
}

func (c *client) buys() {
	if o, ok := c.order("draft"); ok && c.r.IntN(3) > 0 {
		status, answer := c.do("POST", "/v1/orders/"+o+"/finalize", obj{})
		if status == http.StatusOK && bytes.Contains(answer, []byte(`"status":"paid"`)) {
			c.list.Lock()
			c.paid[o] = true
			c.list.Unlock()
		}
		return
	}
	c.do("POST", "/v1/orders/", obj{"product_id": c.thing, "customer_id": c.one(&c.customers), "currency": pick(c.r, []string{"usd", "eur"}),
		"amount": pick(c.r, []int{0, 50, 700, 5000})})
}

func (c *client) leaves(sub string) {
	switch c.r.IntN(6) {
	case 0, 1:
		c.do("DELETE", sub, nil)
	case 2:
		if c.r.IntN(3) == 0 {
			c.do("DELETE", "/v1/customers/"+c.one(&c.customers), nil)
			c.joins()
		}
	case 3:
		e := payment.Event{ID: fmt.Sprintf("gone_%d", c.r.Uint64()), Type: payment.MethodDetached, Organization: c.org,
			Method: &payment.Method{Reference: fmt.Sprintf("pm_%d", c.r.IntN(20)), Type: "card"}}
		c.heard(c.n, e)
	default:
		c.currency(c.n, pick(c.r, []string{"usd", "eur"}))
	}
}

func (c *client) joins() {
	status, answer := c.do("POST", "/v1/customers/", obj{"email": fmt.Sprintf("n%d@example.com", c.r.Uint64())})
	var x struct{ ID string }
	if status == http.StatusCreated && json.Unmarshal(answer, &x) == nil {
		c.add(&c.customers, x.ID)
		c.card(c.n, x.ID, true)
	}
}

// subscribes begins with a free plan, or a trial, and goes on to one that costs
// something.
func (c *client) subscribes() {
	body := obj{"product_id": c.plans[3], "customer_id": c.one(&c.customers)}
	next := obj{"product_id": c.one(&c.plans), "proration_behavior": pick(c.r, []string{"prorate", "invoice"})}
	if c.r.IntN(3) == 0 {
		body["product_id"], body["collection_method"] = c.one(&c.trials), "send_invoice"
		next = obj{"metadata": obj{"a": 1}, "collection_method": "charge_automatically"}
	}
	status, answer := c.do("POST", "/v1/subscriptions/", body)
	var x struct{ ID string }
	if status != http.StatusCreated || json.Unmarshal(answer, &x) != nil {
		return
	}
	c.add(&c.subs, x.ID)
	c.do("PATCH", "/v1/subscriptions/"+x.ID, next)
}

// tells tells something that the bank has not told yet, or again.
func (c *client) tells() {
	c.ledger.Lock()
	var e payment.Event
	switch {
	case len(c.told) > 0 && c.r.IntN(3) == 0:
		e = pick(c.r, c.told)
	case len(c.tell) > 0:
		i := c.r.IntN(len(c.tell))
		e = c.tell[i]
		c.tell = slices.Delete(c.tell, i, i+1)
		c.told = append(c.told, e)
	default:
		c.ledger.Unlock()
		return
	}
	c.ledger.Unlock()
	if !c.heard(c.n, e) {
		c.ledger.Lock()
		c.tell = append(c.tell, e)
		c.ledger.Unlock()
	}
}
