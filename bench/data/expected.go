package data

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"

	"floe/internal/customer"
	"floe/internal/demo"
	"floe/internal/id"
)

// Copy is the n-th copy of a seed as it must be read back.
func Copy(g customer.Given, n int) customer.Given {
	g.ID = g.ID[:28] + id.ID(hex(n))
	if g.Email != nil {
		v := mark(n) + *g.Email
		g.Email = &v
	}
	if g.ExternalID != nil {
		v := *g.ExternalID + mark(n)
		g.ExternalID = &v
	}
	if !noted(n) {
		g.Metadata = json.RawMessage(`{}`)
	}
	g.Members = nil
	return g
}

// Expected yields the customers of a tenant in the order of their creation.
// They are made once more, so that nothing has to be remembered.
func (s Set) Expected(tenant int) iter.Seq[customer.Given] {
	at := tenant * max(s.Organizations/maxTenants, 1) // of the organization among all
	return func(yield func(customer.Given) bool) {
		i := -1
		for g := range demo.Customers(s.config()) {
			if i++; i%s.Organizations != at {
				continue
			}
			g.OrganizationID = s.Tenants[tenant].Organization
			list := []customer.Given{g}
			for n := 1; n <= s.copies(); n++ {
				list = append(list, Copy(g, n))
			}
			slices.SortFunc(list, func(a, b customer.Given) int { return strings.Compare(string(a.ID), string(b.ID)) })
			for _, g := range list {
				if !yield(g) {
					return
				}
			}
		}
	}
}
