// Package auth says who is calling and what they may do: subjects, scopes and
// the roles of users. It finds nobody in a database; that is the work of an
// Authenticator, which the token package provides.
package auth

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"floe/internal/id"
)

// ErrInvalid is returned for a credential that is unknown, expired, revoked or
// whose owner may not sign in. Callers are never told which.
var ErrInvalid = errors.New("invalid token")

// Authenticator resolves a bearer token.
type Authenticator interface {
	// Authenticate returns ErrInvalid for a token that must be refused.
	Authenticate(ctx context.Context, bearer string) (Subject, error)
	// Known says, from memory, that a token was good a while ago.
	Known(bearer string) bool
}

// Kind is what a credential stands for.
type Kind uint8

// The kinds of subject.
const (
	Anonymous Kind = iota
	User
	Organization
	Customer
	Member
	System // the server itself: a job, the command line
)

// String is the kind as the journal and logs write it.
func (k Kind) String() string {
	return [...]string{"anonymous", "user", "organization", "customer", "member", "system"}[k]
}

// Membership is an organization that a subject can reach. Organization tokens
// have one, without a role, because they bypass roles.
type Membership struct {
	OrganizationID id.ID
	Role           Role
	// TestClock is the time of an organization that does not live on the wall
	// clock's.
	TestClock *time.Time
}

// Subject is the caller of one request.
type Subject struct {
	Kind        Kind
	ID          id.ID // of the user, organization, customer or member
	TokenID     id.ID
	RequestID   string
	Scopes      []Scope // sorted
	Memberships []Membership
	// Narrowed is set when the credential is confined to a single organization,
	// so that creates need not name it.
	Narrowed bool
	// CustomerID is the customer of a customer's or member's session.
	CustomerID id.ID
}

// Clock is the time that a request happens at where that is not the wall
// clock's: of a subject with one organization, which has a test clock.
func (s *Subject) Clock() *time.Time {
	if len(s.Memberships) != 1 {
		return nil
	}
	return s.Memberships[0].TestClock
}

// NewSystem is the subject of work that no caller asked for.
func NewSystem(what string) Subject { return Subject{Kind: System, RequestID: what} }

// Has says whether the subject holds any of the scopes.
func (s *Subject) Has(any []Scope) bool {
	for _, scope := range any {
		if _, ok := slices.BinarySearch(s.Scopes, scope); ok {
			return true
		}
	}
	return false
}

// Reach says whether the subject can see an organization at all.
func (s *Subject) Reach(org id.ID) bool {
	return slices.ContainsFunc(s.Memberships, func(m Membership) bool { return m.OrganizationID == org })
}

// May says whether the subject can see an organization and has a permission
// there. Organization tokens are the organization: only their scopes count.
func (s *Subject) May(org id.ID, p Permission) bool {
	for _, m := range s.Memberships {
		if m.OrganizationID == org {
			return s.Kind == Organization || m.Role.Allows(p)
		}
	}
	return false
}

// Organizations is the only way to an organization filter: those that the
// subject can reach and where it has the permission (Membership asks for
// none), cut down to the wanted ones if any are named. An empty answer means
// that nothing may be seen.
func (s *Subject) Organizations(p Permission, wanted ...id.ID) []id.ID {
	out := make([]id.ID, 0, len(s.Memberships))
	for _, m := range s.Memberships {
		if p != AnyMember && s.Kind != Organization && !m.Role.Allows(p) {
			continue
		}
		if len(wanted) == 0 || slices.Contains(wanted, m.OrganizationID) {
			out = append(out, m.OrganizationID)
		}
	}
	return out
}

// Narrow confines the subject to one organization that it can reach.
func (s Subject) Narrow(org id.ID) (Subject, bool) {
	for _, m := range s.Memberships {
		if m.OrganizationID == org {
			s.Memberships, s.Narrowed = []Membership{m}, true
			return s, true
		}
	}
	return s, false
}

// Role is what a user is in an organization.
type Role string

// The roles. Every organization has exactly one owner.
const (
	Owner   Role = "owner"
	Admin   Role = "admin"
	Finance Role = "finance"
	Plain   Role = "member"
)

// Permission is what a role may allow.
type Permission string

// The permissions that are checked today. AnyMember asks for no more than
// belonging to the organization.
const (
	AnyMember          Permission = ""
	OrganizationManage Permission = "organization:manage"
	CustomersView      Permission = "customers:read"
	CustomersManage    Permission = "customers:manage"
	ProductsView       Permission = "products:read"
	ProductsManage     Permission = "products:manage"
	SalesView          Permission = "sales:read"
	SalesManage        Permission = "sales:manage"
)

// Denied is what a caller without the permission is told.
func (p Permission) Denied() string {
	return "You don't have permission to " + map[Permission]string{
		OrganizationManage: "manage the organization",
		CustomersView:      "view customers",
		CustomersManage:    "manage customers",
		ProductsView:       "view products",
		ProductsManage:     "manage products",
		SalesView:          "view sales data",
		SalesManage:        "manage sales",
	}[p]
}

// Allows says whether a role has a permission.
func (r Role) Allows(p Permission) bool {
	switch p {
	case AnyMember:
		return true
	case CustomersView, ProductsView, SalesView, SalesManage:
		return r == Owner || r == Admin || r == Finance || r == Plain
	case CustomersManage, ProductsManage:
		return r == Owner || r == Admin || r == Plain
	case OrganizationManage:
		return r == Owner || r == Admin
	}
	return false
}

// ScopeNames joins scopes as challenges and documents list them.
func ScopeNames(scopes []Scope, sep string) string {
	names := make([]string, len(scopes))
	for i, s := range scopes {
		names[i] = string(s)
	}
	return strings.Join(names, sep)
}
