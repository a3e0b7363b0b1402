package history

import (
	"context"
	"slices"
	"strings"
)

// An external id, and an e-mail address, is a cell that holds the customer who
// has it. Whoever asks for a free one gets it, one of those who ask at once;
// the others are told that it is taken; and with the deletion it is free again.

// keep bounds how many customers a client has of each kind.
const keep = 6

// externalID does something about an external id that other clients want, too.
// Such a customer's e-mail address is of no interest.
func (k *client) externalID(ctx context.Context) error {
	key := k.hot("external")
	cell := "external id " + key
	switch n := k.random.IntN(100); {
	case n < 55:
		return k.whoIs(ctx, cell, "/v1/customers/external/"+escape(key))
	case n < 70 && len(k.named) < keep:
		p := person{external: key, email: k.unique() + "@elsewhere.example.com"}
		return k.claim(ctx, p, &k.named, cell, "external_id")
	case n < 78:
		return k.nameLater(ctx, key, cell)
	case n < 85:
		r, err := k.do(ctx, "DELETE", "/v1/customers/external/"+escape(key), nil)
		if err != nil {
			return err
		}
		return k.removed(r, cell, "")
	default:
		p, ok := k.take(&k.named)
		if !ok {
			return k.whoIs(ctx, cell, "/v1/customers/external/"+escape(key))
		}
		// Somebody else may have deleted them by the external id.
		return k.drop(ctx, p, "external id "+p.external)
	}
}

// nameLater gives an external id to somebody who has none.
func (k *client) nameLater(ctx context.Context, key, cell string) error {
	p, ok := k.take(&k.unnamed)
	if !ok {
		p = person{email: k.unique() + "@elsewhere.example.com"}
		return k.claim(ctx, p, &k.unnamed, "", "")
	}
	r, err := k.do(ctx, "PATCH", "/v1/customers/"+p.id, map[string]any{"external_id": key})
	if err != nil {
		return err
	}
	switch {
	case r.status == 200:
		k.log.Add(r.event(cell, Put, p.id, Done))
		p.external = key
		k.named = append(k.named, p)
		return nil
	case r.status == 422 && slices.Contains(r.refused(), "external_id"):
		k.log.Add(r.event(cell, Put, p.id, Taken))
		k.unnamed = append(k.unnamed, p)
		return nil
	}
	return r.unexpected()
}

// address does something about an e-mail address that other clients want, too.
// Nobody but the client who made such a customer changes or deletes them.
func (k *client) address(ctx context.Context) error {
	key := k.hot("email") + "@history.example.com"
	cell := "address " + key
	switch n := k.random.IntN(100); {
	case n < 55:
		return k.whoIs(ctx, cell, query("email", anyCase(k.random, key)))
	case n < 70 && len(k.reached) < keep:
		return k.claim(ctx, person{email: key}, &k.reached, cell, "email")
	case n < 85:
		return k.move(ctx, key, cell)
	default:
		p, ok := k.take(&k.reached)
		if !ok {
			return k.whoIs(ctx, cell, query("email", key))
		}
		return k.drop(ctx, p, "address "+p.email)
	}
}

// move gives one of its customers another address, and frees the one they had.
func (k *client) move(ctx context.Context, key, cell string) error {
	p, ok := k.take(&k.reached)
	if !ok {
		return k.claim(ctx, person{email: key}, &k.reached, cell, "email")
	}
	defer func() { k.reached = append(k.reached, p) }()
	if p.email == key {
		return nil
	}
	r, err := k.do(ctx, "PATCH", "/v1/customers/"+p.id, map[string]any{"email": anyCase(k.random, key)})
	if err != nil {
		return err
	}
	switch {
	case r.status == 200:
		k.log.Add(r.event(cell, Put, p.id, Done), r.event("address "+p.email, Remove, p.id, Done))
		p.email = key
		return nil
	case r.status == 422 && slices.Contains(r.refused(), "email"):
		k.log.Add(r.event(cell, Put, p.id, Taken))
		return nil
	}
	return r.unexpected()
}

// whoIs asks who has it.
func (k *client) whoIs(ctx context.Context, cell, path string) error {
	r, err := k.do(ctx, "GET", path, nil)
	if err != nil {
		return err
	}
	var c *seen
	switch {
	case r.status == 404:
	case r.status != 200:
		return r.unexpected()
	case strings.Contains(path, "?"):
		c, err = r.first()
	default:
		c, err = r.customer()
	}
	if err != nil {
		return err
	}
	if c == nil {
		k.log.Add(r.event(cell, Read, "", Missing))
		return nil
	}
	k.log.Add(r.event(cell, Read, c.ID, Done))
	return nil
}

// claim makes a customer, and with them a claim to the field of that name,
// which is the cell's; without a cell nobody else wants what they have.
func (k *client) claim(ctx context.Context, p person, to *[]person, cell, field string) error {
	body := map[string]any{"email": anyCase(k.random, p.email)}
	if p.external != "" {
		body["external_id"] = p.external
	}
	r, err := k.do(ctx, "POST", "/v1/customers/", body)
	if err != nil {
		return err
	}
	if r.status == 422 && slices.Equal(r.refused(), []string{field}) {
		k.log.Add(r.event(cell, Put, "somebody", Taken))
		return nil
	}
	c, err := r.customer()
	if err != nil || r.status != 201 {
		return r.unexpected()
	}
	p.id = c.ID
	*to = append(*to, p)
	if cell != "" {
		k.log.Add(r.event(cell, Put, p.id, Done))
	}
	return nil
}

// drop deletes a customer, and with them the claim to the cell.
func (k *client) drop(ctx context.Context, p person, cell string) error {
	r, err := k.do(ctx, "DELETE", "/v1/customers/"+p.id, nil)
	if err != nil {
		return err
	}
	return k.removed(r, cell, p.id)
}

func (k *client) removed(r *request, cell, value string) error {
	switch r.status {
	case 204:
		k.log.Add(r.event(cell, Remove, value, Done))
		return nil
	case 404:
		k.log.Add(r.event(cell, Remove, value, Missing))
		return nil
	}
	return r.unexpected()
}
