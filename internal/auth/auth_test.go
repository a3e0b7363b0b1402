package auth_test

import (
	"slices"
	"testing"

	"floe/internal/auth"
	"floe/internal/id"
)

const a, b, c id.ID = "a", "b", "c"

func TestOrganizations(t *testing.T) {
	t.Parallel()
	user := auth.Subject{Kind: auth.User, Memberships: []auth.Membership{{OrganizationID: a, Role: auth.Owner}, {OrganizationID: b, Role: auth.Finance}, {OrganizationID: c, Role: "made-up"}}}
	token := auth.Subject{Kind: auth.Organization, Memberships: []auth.Membership{{OrganizationID: a}}}
	session := auth.Subject{Kind: auth.Customer, Memberships: []auth.Membership{{OrganizationID: a}}}
	for _, s := range []struct {
		name    string
		subject auth.Subject
		need    auth.Permission
		wanted  []id.ID
		want    []id.ID
	}{
		{"all that may be seen", user, auth.CustomersView, nil, []id.ID{a, b}},
		{"finance does not manage", user, auth.CustomersManage, nil, []id.ID{a}},
		{"belonging is enough", user, auth.AnyMember, nil, []id.ID{a, b, c}},
		{"only the wanted", user, auth.CustomersView, []id.ID{b, "foreign"}, []id.ID{b}},
		{"a foreign one is nothing, not everything", user, auth.CustomersView, []id.ID{"foreign"}, nil},
		{"a token needs no role", token, auth.CustomersManage, nil, []id.ID{a}},
		{"a session has no role", session, auth.CustomersView, nil, nil},
		{"nobody", auth.Subject{}, auth.AnyMember, nil, nil},
	} {
		if got := s.subject.Organizations(s.need, s.wanted...); !slices.Equal(got, s.want) {
			t.Errorf("%s: %v, want %v", s.name, got, s.want)
		}
	}
	if user.May(b, auth.CustomersManage) || user.May("foreign", auth.AnyMember) || !token.May(a, auth.OrganizationManage) {
		t.Error("May disagrees")
	}
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	user := auth.Subject{Kind: auth.User, Memberships: []auth.Membership{{OrganizationID: a, Role: auth.Owner}, {OrganizationID: b, Role: auth.Plain}}}
	narrow, ok := user.Narrow(b)
	if !ok || !narrow.Narrowed || len(narrow.Memberships) != 1 || len(user.Memberships) != 2 {
		t.Errorf("narrowed to %+v; the original is %+v", narrow, user)
	}
	if _, ok := user.Narrow(c); ok {
		t.Error("narrowed to an organization out of reach")
	}
}

func TestScopes(t *testing.T) {
	t.Parallel()
	got, err := auth.ParseScopes([]string{"members:read", "customers:write", "members:read"})
	if err != nil || !slices.Equal(got, []auth.Scope{auth.CustomersWrite, auth.MembersRead}) {
		t.Errorf("got %v, %v", got, err)
	}
	for _, bad := range []string{"", "customers", "customers:delete", "organization_access_tokens:write"} {
		if _, err := auth.ParseScopes([]string{bad}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
	s := auth.Subject{Scopes: got}
	if !s.Has([]auth.Scope{auth.CustomersRead, auth.CustomersWrite}) || s.Has([]auth.Scope{auth.CustomersRead}) || s.Has(nil) {
		t.Error("any of the scopes is enough, none is not")
	}
	if !slices.IsSorted(auth.AllScopes()) {
		t.Error("scopes are looked up by halves and must be sorted")
	}
}
