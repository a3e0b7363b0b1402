package history

import (
	"context"
	"slices"
)

// The fields of a customer are a register: what was written last is what every
// read says, whichever way it comes, and after the deletion there is nothing,
// for ever.

func (k *client) register(ctx context.Context) error {
	p, ok := k.pick()
	if !ok {
		return k.makePerson(ctx)
	}
	switch n := k.random.IntN(100); {
	case n < 75:
		return k.read(ctx, p)
	case n < 97:
		return k.write(ctx, p)
	default:
		return k.remove(ctx, p)
	}
}

// pick is one of those that are there, or were a moment ago.
func (k *client) pick() (person, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.shared) < hotPeople {
		return person{}, false
	}
	return k.shared[k.random.IntN(len(k.shared))], true
}

func cellOf(p person) string { return "customer " + p.id }

func named(name string) map[string]any {
	return map[string]any{"name": name, "metadata": map[string]any{"name": name}}
}

func (k *client) makePerson(ctx context.Context) error {
	key, name := k.unique(), k.fresh()
	p := person{external: key, email: key + "@history.example.com"}
	body := named(name)
	body["external_id"], body["email"] = p.external, p.email
	r, err := k.do(ctx, "POST", "/v1/customers/", body)
	if err != nil {
		return err
	}
	if r.status != 201 {
		return r.unexpected()
	}
	c, err := r.customer()
	if err != nil {
		return err
	}
	p.id = c.ID
	k.log.Add(r.event(cellOf(p), Put, name, Done))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.shared = append(k.shared, p)
	return nil
}

// read asks in one of the ways in which the API tells of a customer.
func (k *client) read(ctx context.Context, p person) error {
	ways := []string{
		"/v1/customers/" + p.id,
		"/v1/customers/external/" + escape(p.external),
		"/v1/customers/" + p.id + "/state",
		"/v1/customers/external/" + escape(p.external) + "/state",
		query("email", anyCase(k.random, p.email)),
		query("query", p.email),
	}
	way := k.random.IntN(len(ways))
	r, err := k.do(ctx, "GET", ways[way], nil)
	if err != nil {
		return err
	}
	var c *seen
	switch {
	case r.status == 404 && way < 4:
	case r.status != 200:
		return r.unexpected()
	case way < 4:
		c, err = r.customer()
	default:
		c, err = r.first()
	}
	if err != nil {
		return err
	}
	if c == nil {
		k.log.Add(r.event(cellOf(p), Read, "", Missing))
		return nil
	}
	k.log.Add(r.event(cellOf(p), Read, c.value(), Done))
	return nil
}

func (k *client) write(ctx context.Context, p person) error {
	path := "/v1/customers/" + p.id
	if k.random.IntN(2) == 0 {
		path = "/v1/customers/external/" + escape(p.external)
	}
	name := k.fresh()
	r, err := k.do(ctx, "PATCH", path, named(name))
	if err != nil {
		return err
	}
	switch r.status {
	case 404:
		k.log.Add(r.event(cellOf(p), Write, name, Missing))
		return nil
	case 200:
	default:
		return r.unexpected()
	}
	// The answer shows the customer as this write left them.
	c, err := r.customer()
	if err != nil {
		return err
	}
	if c.value() != name {
		return r.unexpected()
	}
	k.log.Add(r.event(cellOf(p), Write, name, Done))
	return nil
}

func (k *client) remove(ctx context.Context, p person) error {
	path := "/v1/customers/" + p.id
	if k.random.IntN(2) == 0 {
		path = "/v1/customers/external/" + escape(p.external)
	}
	r, err := k.do(ctx, "DELETE", path, nil)
	if err != nil {
		return err
	}
	switch r.status {
	case 204:
		k.log.Add(r.event(cellOf(p), Remove, "", Done))
	case 404:
		k.log.Add(r.event(cellOf(p), Remove, "", Missing))
	default:
		return r.unexpected()
	}
	return k.bury(ctx, p)
}

// bury takes somebody who is gone out of the living, and asks once more:
// nothing may bring them back.
func (k *client) bury(ctx context.Context, p person) error {
	k.mu.Lock()
	k.shared = slices.DeleteFunc(k.shared, func(other person) bool { return other == p })
	k.mu.Unlock()
	for range 3 {
		if err := k.read(ctx, p); err != nil {
			return err
		}
	}
	return k.write(ctx, p)
}
