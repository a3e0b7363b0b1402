package organization_test

import (
	"errors"
	"testing"

	"floe/internal/auth"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/schema"
)

func TestForCreate(t *testing.T) {
	t.Parallel()
	a, b, stranger := id.New(), id.New(), id.New()
	token := auth.Subject{Kind: auth.Organization, ID: a, Memberships: []auth.Membership{{OrganizationID: a}}, Narrowed: true}
	user := auth.Subject{Kind: auth.User, Memberships: []auth.Membership{{OrganizationID: a, Role: auth.Owner}, {OrganizationID: b, Role: auth.Finance}}}
	narrowed, _ := user.Narrow(a)
	powerless, _ := user.Narrow(b)
	alone := auth.Subject{Kind: auth.User, Memberships: user.Memberships[:1]}
	for name, c := range map[string]struct {
		sub       auth.Subject
		requested *id.ID
		want      id.ID
		problem   string
		input     string
	}{
		"token":                   {sub: token, want: a},
		"token, its own":          {sub: token, requested: &a, problem: "organization_token", input: string(a)},
		"token, another":          {sub: token, requested: &b, problem: "organization_token", input: string(b)},
		"user names one":          {sub: user, requested: &a, want: a},
		"user names none":         {sub: user, problem: "missing"},
		"user of one names none":  {sub: alone, problem: "missing"},
		"user names a stranger":   {sub: user, requested: &stranger, problem: "value_error", input: string(stranger)},
		"user without permission": {sub: user, requested: &b, problem: "403"},
		"narrowed":                {sub: narrowed, want: a},
		"narrowed names it":       {sub: narrowed, requested: &a, want: a},
		"narrowed names another":  {sub: narrowed, requested: &b, problem: "value_error", input: string(b)},
		"narrowed, no permission": {sub: powerless, problem: "403"},
		"nobody":                  {problem: "missing"},
		"system":                  {sub: auth.NewSystem("x"), requested: &a, want: a},
	} {
		got, err := organization.ForCreate(c.sub, c.requested, auth.CustomersManage)
		var p *schema.Problems
		switch {
		case c.problem == "403":
			if f := fault.Of(err); f == nil || f.Detail != "You don't have permission to manage customers" {
				t.Errorf("%s: %v", name, err)
			}
		case c.problem != "":
			if !errors.As(err, &p) || !p.Business || p.List[0].Type != c.problem {
				t.Errorf("%s: %v", name, err)
			} else if in := p.List[0].Input; (in == nil) != (c.input == "") || in != nil && in.Text != c.input {
				t.Errorf("%s: input %v", name, in)
			}
		case err != nil || got != c.want:
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
