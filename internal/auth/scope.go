package auth

import (
	"fmt"
	"slices"
	"strings"
)

// Scope is one thing that a token may be used for.
type Scope string

// The scopes of the operations that exist today.
const (
	OrganizationsRead     Scope = "organizations:read"
	OrganizationsWrite    Scope = "organizations:write"
	CustomersRead         Scope = "customers:read"
	CustomersWrite        Scope = "customers:write"
	MembersRead           Scope = "members:read"
	MembersWrite          Scope = "members:write"
	CustomerSessionsWrite Scope = "customer_sessions:write"
	CustomerPortalWrite   Scope = "customer_portal:write"
	OrdersRead            Scope = "orders:read"
	OrdersWrite           Scope = "orders:write"
	PaymentsRead          Scope = "payments:read"
	RefundsRead           Scope = "refunds:read"
	RefundsWrite          Scope = "refunds:write"
	SubscriptionsRead     Scope = "subscriptions:read"
	SubscriptionsWrite    Scope = "subscriptions:write"
	ProductsRead          Scope = "products:read"
	ProductsWrite         Scope = "products:write"
	DiscountsRead         Scope = "discounts:read"
	DiscountsWrite        Scope = "discounts:write"
	BenefitsRead          Scope = "benefits:read"
	BenefitsWrite         Scope = "benefits:write"
	LicenseKeysRead       Scope = "license_keys:read"
	LicenseKeysWrite      Scope = "license_keys:write"
	WebhooksRead          Scope = "webhooks:read"
	WebhooksWrite         Scope = "webhooks:write"
	AuditRead             Scope = "audit:read" // ours: who did what
)

// pairs have a read and a write form.
var pairs = []string{"user", "organizations", "custom_fields", "discounts", "checkout_links", "checkouts", "transactions",
	"payouts", "products", "benefits", "events", "meters", "files", "subscriptions", "customers", "members", "wallets",
	"disputes", "customer_seats", "orders", "refunds", "metrics", "webhooks", "license_keys", "customer_portal",
	"notifications", "notification_recipients", "organization_access_tokens"}

var singles = []string{"audit:read", "openid", "profile", "email", "customer_meters:read", "payments:read", "customer_sessions:write", "member_sessions:write"}

// AllScopes lists every scope there is, sorted.
func AllScopes() []Scope {
	out := make([]Scope, 0, 2*len(pairs)+len(singles))
	for _, s := range singles {
		out = append(out, Scope(s))
	}
	for _, p := range pairs {
		out = append(out, Scope(p+":read"), Scope(p+":write"))
	}
	slices.Sort(out)
	return out
}

// GrantableScopes are the scopes a token may be given: all but those that
// would let a token make tokens.
func GrantableScopes() []Scope {
	return slices.DeleteFunc(AllScopes(), func(s Scope) bool { return strings.HasPrefix(string(s), "organization_access_tokens:") })
}

// ParseScopes checks names, sorts them and drops duplicates.
func ParseScopes(names []string) ([]Scope, error) {
	all := GrantableScopes()
	out := make([]Scope, 0, len(names))
	for _, n := range names {
		if _, ok := slices.BinarySearch(all, Scope(n)); !ok {
			return nil, fmt.Errorf("unknown scope %q; known are: %s", n, ScopeNames(all, " "))
		}
		out = append(out, Scope(n))
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
