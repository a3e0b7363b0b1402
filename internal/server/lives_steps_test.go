package server_test

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/payment"
)

// comes is a customer who comes, if address and external ID are free.
func (l *lives) comes() *soul {
	p := &soul{tag: l.tag(), team: l.r.IntN(3) == 0}
	p.mail, p.ext = l.somewhere()
	taken := l.has(p.mail, p.ext)
	body := obj{"type": "individual", "email": word("mailx"+p.mail) + "@example.com", "name": word("namex" + p.tag), "metadata": obj{"a": word("metadatax" + p.tag)},
		"billing_address": obj{"country": "FR", "line1": word("streetx" + p.tag), "city": word("cityx" + p.tag)}}
	if p.team {
		body["type"] = "team"
	}
	if p.ext != "" {
		body["external_id"] = word("externalx" + p.ext)
	}
	if taken {
		l.do("POST", "/v1/customers/", body, 422)
		return nil
	}
	p.id = l.do("POST", "/v1/customers/", body, 201).ID()
	for kind, tag := range map[string]string{"mail": p.mail, "name": p.tag, "metadata": p.tag, "street": p.tag, "city": p.tag, "external": p.ext} {
		l.says(p, kind, tag)
	}
	p.name = word("namex" + p.tag)
	err := l.DB.Write(l.t.Context(), func(tx *db.Tx) error { // as the portal will
		_, err := db.Exec(l.t.Context(), tx, `UPDATE customers SET billing_name = ? WHERE organization_id = ? AND id = ?`, l.says(p, "billing", p.tag), l.Org.ID, p.id)
		return err
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.do("PATCH", "/v1/customers/"+p.id, obj{}, 200)
	l.people = append(l.people, p)
	return p
}

// changes is a change of a customer's own data.
func (l *lives) changes(p *soul) {
	mail, ext := l.somewhere()
	switch l.r.IntN(3) {
	case 0:
		p.name = l.says(p, "name", l.tag())
		l.do("PATCH", "/v1/customers/"+p.id, obj{"name": p.name}, 200)
	case 1:
		body := obj{"email": word("mailx"+mail) + "@example.com"}
		if mail != p.mail && l.has(mail, "") {
			l.do("PATCH", "/v1/customers/"+p.id, body, 422)
			return
		}
		l.do("PATCH", "/v1/customers/"+p.id, body, 200)
		p.mail = mail
		l.says(p, "mail", mail)
	case 2:
		if ext == "" {
			return
		}
		body := obj{"external_id": word("externalx" + ext)}
		if p.ext != "" && p.ext != ext || p.ext == "" && len(l.those(func(o *soul) bool { return here(o) && o.ext == ext })) > 0 {
			l.do("PATCH", "/v1/customers/"+p.id, body, 422)
			return
		}
		l.do("PATCH", "/v1/customers/"+p.id, body, 200)
		p.ext = ext
		l.says(p, "external", ext)
	}
}

// staffs is a change of who acts for a team.
func (l *lives) staffs(p *soul) {
	members := "/v1/customers/" + p.id + "/members"
	list := l.must("GET", members+"?limit=100", nil).Path("items").([]any)
	m := one(l.r, list).(obj)
	switch l.r.IntN(4) {
	case 0, 1:
		if !p.team {
			l.do("POST", members, obj{"email": word("mailxaa") + "@example.com"}, 403)
			return
		}
		mail, _ := l.somewhere()
		l.do("POST", members, obj{"email": word("memberx"+mail) + "@example.com", "name": l.says(p, "membername", l.tag())}, 201)
		l.says(p, "member", mail)
	case 2:
		if m["role"] == "owner" {
			return
		}
		l.do("PATCH", members+"/"+m["id"].(string), obj{"role": "owner"}, 200)
	case 3:
		want := 204
		if m["role"] == "owner" {
			want = 422
		}
		l.do("DELETE", members+"/"+m["id"].(string), nil, want)
	}
}

// subscribes is a customer who gets a subscription.
func (l *lives) subscribes(p *soul) {
	g := one(l.r, l.plans)
	body := obj{"customer_id": p.id, "product_id": g.id, "collection_method": "send_invoice", "metadata": obj{"a": l.says(p, "submetadata", l.tag())}}
	if p.ext != "" && l.r.IntN(2) == 0 {
		delete(body, "customer_id")
		body["external_customer_id"] = word("externalx" + p.ext)
	}
	r := l.do("POST", "/v1/subscriptions/", body, 201)
	if got := r.Text("customer_id"); got != p.id {
		l.t.Errorf("the subscription is %s's, not %s's", got, p.id)
	}
	p.subs = append(p.subs, &deal{id: r.ID(), of: g})
	p.team = p.team || g == l.plans[3]
}

// adjusts is a change of a subscription, of which any sensible answer is right.
func (l *lives) adjusts(p *soul) {
	d := one(l.r, p.subs)
	if d == nil {
		return
	}
	path := "/v1/subscriptions/" + d.id
	switch l.r.IntN(9) {
	case 0, 1:
		g := one(l.r, l.plans[:3])
		if d.of == l.plans[3] {
			return
		}
		if l.do("PATCH", path, obj{"product_id": g.id, "proration_behavior": "invoice", "collection_method": "send_invoice"}, 200, 403, 404, 410, 409, 422).Status == 200 {
			d.of = g
		}
	case 2:
		l.do("PATCH", path, obj{"cancel_at_period_end": true, "customer_cancellation_comment": l.says(p, "comment", l.tag())}, 200, 400, 403, 404, 410, 409)
	case 3:
		l.do("PATCH", path, obj{"cancel_at_period_end": false}, 200, 400, 403, 404, 410)
	case 4:
		l.do("PATCH", path, obj{"pause_at_period_end": true}, 200, 400, 403, 404, 410, 409, 422)
	case 5:
		l.do("PATCH", path, obj{"resume": true}, 200, 400, 403, 404, 410, 409, 422)
	case 6:
		l.do("DELETE", path, nil, 200, 403, 404, 410)
	default:
		was := l.must("GET", path, nil)
		if was.Path("discount_id") != nil {
			return
		}
		r := l.do("PATCH", path, obj{"discount_id": l.reduced}, 200, 403, 404, 410, 422, 409)
		if r.Status == 200 {
			l.left--
		}
		if l.left < 0 {
			l.t.Error("the discount was used more often than it may")
		}
	}
}

// buys is a customer who buys a thing, and perhaps pays for it.
func (l *lives) buys(p *soul) {
	g := one(l.r, l.things)
	d := &deal{of: g}
	d.id = l.do("POST", "/v1/orders/", obj{"customer_id": p.id, "product_id": g.id, "description": l.says(p, "description", l.tag()),
		"metadata": obj{"a": l.says(p, "ordermetadata", l.tag())}}, 201).ID()
	p.bought = append(p.bought, d)
	switch l.r.IntN(4) {
	case 0:
		return
	case 1:
		if l.clocked { // where nobody is charged
			return
		}
		l.Card(p.id, true)
		d.paid = l.do("POST", "/v1/orders/"+d.id+"/finalize", obj{}, 200).Text("status") == "paid"
		return
	}
	l.do("POST", "/v1/orders/"+d.id+"/finalize", obj{"collection_method": "send_invoice"}, 200)
	if l.r.IntN(2) == 0 {
		l.do("POST", "/v1/orders/"+d.id+"/invoice", nil, 202, 201, 200)
	}
}

// pays is somebody who pays for an order that there is, also for one who has
// gone.
func (l *lives) pays(p *soul) {
	r := l.must("GET", "/v1/orders/?status=pending&limit=100&customer_id="+p.id, nil)
	list, _ := r.Path("items").([]any)
	if len(list) == 0 {
		return
	}
	o := one(l.r, list).(obj)
	r = l.do("POST", fmt.Sprintf("/v1/orders/%s/payments", o["id"]), obj{"status": "succeeded", "amount": o["due_amount"], "reference": "bank-" + l.tag()}, 201)
	if r.Status != 201 {
		return
	}
	for _, d := range p.bought {
		d.paid = d.paid || d.id == o["id"]
	}
}

// givesBack is a part or all of an order given back, with or without what it
// has brought.
func (l *lives) givesBack(p *soul) {
	for _, d := range p.bought {
		if !d.paid || l.r.IntN(3) > 0 {
			continue
		}
		body := obj{"order_id": d.id, "amount": one(l.r, []int{100, 300}), "reason": "other", "revoke_benefits": l.r.IntN(2) == 0}
		if !p.erased {
			body["comment"] = l.says(p, "remark", l.tag())
			body["metadata"] = obj{"a": l.says(p, "refundmetadata", l.tag())}
		}
		if l.do("POST", "/v1/refunds/", body, 201, 422, 403, 400).Status == 201 {
			d.taken = d.taken || body["revoke_benefits"] == true
		}
		return
	}
}

// unlocks is a use of one of the license keys of a customer.
func (l *lives) unlocks(p *soul) {
	k := one(l.r, l.keysOf(p))
	if k == nil {
		return
	}
	named := obj{"key": k["key"], "organization_id": l.Org.ID}
	good := k["status"] == "granted"
	if p.gone && good {
		l.t.Errorf("the key %s of one who has gone is good", k["id"])
	}
	want := map[bool]int{true: 200, false: 404}[good]
	switch l.r.IntN(5) {
	case 0, 1:
		named["label"], named["meta"], named["conditions"] = word("labelx"+p.tag), obj{"a": word("metax" + p.tag)}, obj{"a": word("conditionsx" + p.tag)}
		if !good {
			want = 403
		} else {
			for _, kind := range []string{"label", "meta", "conditions"} {
				l.says(p, kind, p.tag)
			}
		}
		l.do("POST", "/v1/license-keys/activate", named, want)
	case 2:
		named["customer_id"] = p.id
		l.do("POST", "/v1/license-keys/validate", named, want)
	case 3:
		named["customer_id"] = one(l.r, l.people).id
		if named["customer_id"] != p.id {
			want = 404
		}
		l.do("POST", "/v1/license-keys/validate", named, want)
	case 4:
		if p.gone || k["status"] == "revoked" {
			return
		}
		l.do("POST", fmt.Sprintf("/v1/license-keys/%s/rotate", k["id"]), nil, 200)
		l.do("PATCH", "/v1/customers/"+p.id, obj{}, 200) // a rotation alone tells nobody
	}
}

func (l *lives) keysOf(p *soul) (out []obj) {
	for page := 1; ; page++ {
		list := l.must("GET", fmt.Sprintf("/v1/license-keys/?limit=100&page=%d", page), nil).Path("items").([]any)
		for _, k := range list {
			if k := k.(obj); k["customer_id"] == p.id {
				out = append(out, k)
			}
		}
		if len(list) < 100 {
			return out
		}
	}
}

// wait lets time pass.
func (l *lives) wait() {
	d := time.Duration(1+l.r.IntN(12*24*60)) * time.Minute
	l.Clock.Advance(d)
	l.note("waited %s", d)
	if l.clocked {
		now, err := time.Parse(time.RFC3339Nano, l.must("GET", "/v1/test-clock", nil).Text("now"))
		if err != nil {
			l.t.Fatal(err)
		}
		l.do("POST", "/v1/test-clock/advance", obj{"to": now.Add(d)}, 200)
	}
	l.RunDue()
}

// goes is a customer who is deleted, or erased.
func (l *lives) goes(p *soul) {
	erased := l.r.IntN(2) == 0
	if d := one(l.r, p.subs); d != nil {
		l.do("PATCH", "/v1/subscriptions/"+d.id, obj{"cancel_at_period_end": true, "customer_cancellation_comment": l.says(p, "comment", l.tag())},
			200, 400, 403, 404, 410, 409)
	}
	l.do("DELETE", l.end(p, erased), nil, 204)
	p.gone, p.erased = true, erased
}

func (l *lives) end(p *soul, erased bool) string {
	path := "/v1/customers/" + p.id
	if p.ext != "" && l.r.IntN(2) == 0 {
		path = "/v1/customers/external/" + word("externalx"+p.ext)
	}
	return path + "?anonymize=" + strconv.FormatBool(erased)
}

// haunts is what somebody still wants of a customer who has gone.
func (l *lives) haunts(p *soul) {
	path := "/v1/customers/" + p.id
	l.do("GET", path, nil, 404)
	l.do("GET", path+"/state", nil, 404)
	l.do("PATCH", path, obj{"name": word("late")}, 404)
	l.do("DELETE", path, nil, 404)
	l.do("POST", path+"/members", obj{"email": word("late") + "@example.com"}, 404)
	l.do("POST", "/v1/customer-sessions/", obj{"customer_id": p.id}, 422)
	l.do("POST", "/v1/subscriptions/", obj{"customer_id": p.id, "product_id": l.plans[0].id}, 422)
	l.do("POST", "/v1/orders/", obj{"customer_id": p.id, "product_id": l.things[0].id}, 422)
	card := floetest.CardOf("pm_late_" + l.tag())
	card.Card.Brand = word("late")
	l.Tell(payment.Event{ID: "late_" + l.tag(), Type: payment.SetupSucceeded, Organization: l.Org.ID, Customer: id.ID(p.id), Method: card, Default: true})
	for _, d := range p.subs {
		l.do("PATCH", "/v1/subscriptions/"+d.id, obj{"product_id": l.plans[1].id}, 403, 404, 410, 409, 422, 400)
		l.do("PATCH", "/v1/subscriptions/"+d.id, obj{"cancel_at_period_end": true, "customer_cancellation_comment": word("late")}, 403, 404, 410, 409, 422, 400)
	}
	for _, d := range p.bought {
		if r := l.must("GET", "/v1/orders/"+d.id, nil); r.Text("status") == "draft" {
			l.do("POST", "/v1/orders/"+d.id+"/finalize", obj{}, 402, 404, 409, 422, 403, 400)
		}
	}
	l.adopts(p)
}

// adopts learns what has become of somebody, where that was left open.
func (l *lives) adopts(p *soul) {
	for _, d := range p.bought {
		status := l.must("GET", "/v1/orders/"+d.id, nil).Text("status")
		d.paid = slices.Contains([]string{"paid", "partially_refunded", "refunded"}, status)
	}
	if !p.gone {
		c := l.must("GET", "/v1/customers/"+p.id, nil)
		p.name, p.team = c.Text("name"), c.Text("type") == "team"
	}
}

// request is something that is asked while something else is.
type request struct {
	send func() *floetest.Response
	then func(r *floetest.Response) // when it was done
}

// meanwhile is something that happens to a customer, or nothing.
func (l *lives) meanwhile(p *soul) (out request) {
	path := "/v1/customers/" + p.id
	ask := func(method, path string, body any) {
		l.note("at once: %s %s %v", method, path, body)
		out.send = func() *floetest.Response { return l.Do(method, path, l.AllToken, body) }
	}
	switch l.r.IntN(15) {
	case 0:
		g := one(l.r, l.plans)
		ask("POST", "/v1/subscriptions/", obj{"customer_id": p.id, "product_id": g.id, "collection_method": "send_invoice",
			"metadata": obj{"a": l.says(p, "submetadata", l.tag())}})
		out.then = func(r *floetest.Response) { p.subs = append(p.subs, &deal{id: r.ID(), of: g}) }
	case 1:
		ask("PATCH", path, obj{"name": l.says(p, "name", l.tag())})
	case 2:
		ask("POST", path+"/members", obj{"email": l.says(p, "member", l.tag()) + "@example.com", "name": l.says(p, "membername", l.tag())})
	case 3:
		if k := one(l.r, l.keysOf(p)); k != nil {
			ask("POST", "/v1/license-keys/activate", obj{"key": k["key"], "organization_id": l.Org.ID, "label": l.says(p, "label", p.tag)})
		}
	case 4:
		g := one(l.r, append(slices.Clone(l.plans[:3]), l.things...))
		ask("POST", "/v1/products/"+g.id+"/benefits", obj{"benefits": one(l.r, [][]string{l.notes, l.notes[:1], l.notes[2:]})})
	case 5:
		if d := one(l.r, p.subs); d != nil {
			ask("PATCH", "/v1/subscriptions/"+d.id, obj{"cancel_at_period_end": true, "customer_cancellation_comment": l.says(p, "comment", l.tag())})
		}
	case 6:
		ask("POST", "/v1/orders/", obj{"customer_id": p.id, "product_id": l.things[0].id, "description": l.says(p, "description", l.tag())})
		out.then = func(r *floetest.Response) { p.bought = append(p.bought, &deal{id: r.ID(), of: l.things[0]}) }
	case 7:
		list, _ := l.must("GET", "/v1/orders/?status=pending&limit=100&customer_id="+p.id, nil).Path("items").([]any)
		if len(list) > 0 {
			o := one(l.r, list).(obj)
			ask("POST", fmt.Sprintf("/v1/orders/%s/payments", o["id"]), obj{"status": "succeeded", "amount": o["due_amount"], "reference": "bank-" + l.tag()})
		}
	case 8:
		for _, d := range p.bought {
			if d.paid {
				// Without a remark: one that is made after an erasure stays.
				ask("POST", "/v1/refunds/", obj{"order_id": d.id, "amount": 50, "reason": "other"})
			}
		}
	case 9:
		l.Clock.Advance(31 * 24 * time.Hour)
		l.note("at once: a month")
		out.send = func() *floetest.Response { l.RunDue(); return nil }
	case 10:
		card := floetest.CardOf("pm_once_" + l.tag())
		card.Card.Brand = l.says(p, "brand", l.tag())
		e := payment.Event{ID: "once_" + l.tag(), Type: payment.SetupSucceeded, Organization: l.Org.ID, Customer: id.ID(p.id), Method: card, Default: true}
		out.send = func() *floetest.Response { l.Tell(e); return nil }
	case 11:
		out.send = func() *floetest.Response { l.Drain(); return nil }
	case 12:
		m := one(l.r, l.must("GET", path+"/members?limit=100", nil).Path("items").([]any)).(obj)
		ask(one(l.r, []string{"PATCH", "PATCH", "DELETE"}), path+"/members/"+m["id"].(string), obj{"role": "owner"})
	case 13:
		k := one(l.r, slices.Sorted(maps.Keys(l.keys)))
		ask("PATCH", "/v1/benefits/"+k, obj{"type": "license_keys", "properties": obj{"activations": obj{"limit": 50 + l.r.IntN(9), "enable_customer_admin": true}}})
	case 14:
		if d := one(l.r, p.subs); d != nil && l.must("GET", "/v1/subscriptions/"+d.id, nil).Path("discount_id") == nil {
			ask("PATCH", "/v1/subscriptions/"+d.id, obj{"discount_id": l.reduced})
			out.then = func(*floetest.Response) { l.left-- }
		}
	}
	return out
}

// atOnce is some of what happens, at the same time; often somebody goes.
func (l *lives) atOnce(p *soul) {
	var list []request
	for range 1 + l.r.IntN(3) {
		if one := l.meanwhile(one(l.r, []*soul{p, p, one(l.r, l.those(here))})); one.send != nil {
			list = append(list, one)
		}
	}
	if l.r.IntN(3) > 0 {
		erased := l.r.IntN(2) == 0
		path := l.end(p, erased)
		l.note("at once: DELETE %s", path)
		list = append(list, request{func() *floetest.Response { return l.Do("DELETE", path, l.AllToken, nil) },
			func(*floetest.Response) { p.gone, p.erased = true, erased }})
	}
	answers := make([]*floetest.Response, len(list))
	var all sync.WaitGroup
	for i := range list {
		all.Go(func() { answers[i] = list[i].send() })
	}
	all.Wait()
	for i, r := range answers {
		if r == nil {
			continue
		}
		l.note("= %d", r.Status)
		if r.Status >= 500 {
			l.t.Errorf("at once with others: %d %s", r.Status, r.Body)
		}
		if r.Status < 300 && list[i].then != nil {
			list[i].then(r)
		}
	}
	for _, o := range l.people {
		l.adopts(o)
	}
	for _, g := range append(slices.Clone(l.plans), l.things...) {
		g.benefits = nil
		for _, b := range l.must("GET", "/v1/products/"+g.id, nil).Path("benefits").([]any) {
			g.benefits = append(g.benefits, b.(obj)["id"].(string))
		}
	}
}

// step is one thing that happens.
func (l *lives) step() {
	p := one(l.r, l.those(here))
	if p == nil || l.r.IntN(6) == 0 {
		l.comes()
		return
	}
	former := one(l.r, l.those(func(p *soul) bool { return p.gone }))
	switch l.r.IntN(20) {
	case 0, 1, 2:
		l.subscribes(p)
	case 3, 4, 5:
		l.adjusts(p)
	case 6, 7:
		l.buys(p)
	case 8:
		l.pays(one(l.r, l.people))
	case 9:
		l.givesBack(one(l.r, l.people))
	case 10, 11:
		l.unlocks(one(l.r, l.people))
	case 12:
		l.changes(p)
	case 13, 14:
		l.staffs(p)
	case 15, 16:
		l.wait()
		for _, p := range l.people {
			l.adopts(p)
		}
	case 17:
		l.goes(p)
	case 18:
		l.atOnce(p)
	case 19:
		if former != nil {
			l.haunts(former)
		} else {
			l.offers(one(l.r, l.things), one(l.r, [][]string{l.notes, l.notes[:2], nil}))
		}
	}
}
