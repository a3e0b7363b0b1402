package demo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"floe/internal/customer"
	"floe/internal/email"
	"floe/internal/id"
	"floe/internal/locale"
	"floe/internal/place"
	"floe/internal/schema"
	"floe/internal/taxid"
)

var now = time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)

func sample(count int) Config {
	return Config{Organization: id.NewSource(1).New(now), Seed: 7, Now: now, Count: count}
}

func TestEveryCustomerPassesTheChecksOfACreation(t *testing.T) {
	t.Parallel()
	emails, externals, ids := map[string]bool{}, map[string]bool{}, map[id.ID]bool{}
	for g := range Customers(sample(20000)) {
		for _, m := range g.Members {
			checkEmail(t, m.Email)
		}
		if g.Email != nil {
			checkEmail(t, *g.Email)
			if key := strings.ToLower(*g.Email); emails[key] {
				t.Errorf("e-mail %s twice", key)
			} else {
				emails[key] = true
			}
		}
		if g.ExternalID != nil {
			if externals[*g.ExternalID] {
				t.Errorf("external id %s twice", *g.ExternalID)
			}
			externals[*g.ExternalID] = true
		}
		if ids[g.ID] {
			t.Errorf("id %s twice", g.ID)
		}
		ids[g.ID] = true
		if g.Locale != nil {
			if tag, ok := locale.Parse(*g.Locale); !ok || tag != *g.Locale {
				t.Errorf("locale %s is stored as %s (%v)", *g.Locale, tag, ok)
			}
		}
		checkTimes(t, g)
		checkAddress(t, g)
		checkMetadata(t, g)
	}
}

func checkEmail(t *testing.T, address string) {
	t.Helper()
	if normal, reason := email.Parse(address); reason != "" || normal != address {
		t.Errorf("e-mail %s is stored as %s: %s", address, normal, reason)
	}
	domain := address[strings.LastIndexByte(address, '@')+1:]
	for _, reserved := range []string{"example.com", "example.org", "example.net"} {
		if domain == reserved || strings.HasSuffix(domain, "."+reserved) {
			return
		}
	}
	t.Errorf("e-mail %s may reach somebody", address)
}

func checkTimes(t *testing.T, g customer.Given) {
	t.Helper()
	if g.CreatedAt.After(now) || g.CreatedAt.Before(now.AddDate(-years, 0, -1)) {
		t.Errorf("created at %s", g.CreatedAt)
	}
	if g.ModifiedAt != nil && (g.ModifiedAt.After(now) || g.ModifiedAt.Before(g.CreatedAt)) {
		t.Errorf("created at %s, modified at %s", g.CreatedAt, g.ModifiedAt)
	}
	for _, m := range g.Members {
		if m.CreatedAt.After(now) || m.CreatedAt.Before(g.CreatedAt) {
			t.Errorf("member of %s created at %s", g.CreatedAt, m.CreatedAt)
		}
	}
}

func checkAddress(t *testing.T, g customer.Given) {
	t.Helper()
	if len(g.BillingAddress) == 0 {
		if g.TaxID != nil {
			t.Errorf("tax id %s of no country", *g.TaxID)
		}
		return
	}
	var a struct {
		Country string
		State   *string
	}
	if err := json.Unmarshal(g.BillingAddress, &a); err != nil {
		t.Fatal(err)
	}
	if !place.IsInputCountry(a.Country) {
		t.Errorf("country %s", a.Country)
	}
	if a.State != nil {
		if state, ok := place.Subdivision(a.Country, *a.State); !ok || state != *a.State {
			t.Errorf("state %s of %s is stored as %s", *a.State, a.Country, state)
		}
	}
	if g.TaxID != nil {
		if normal, format, ok := taxid.Validate(a.Country, *g.TaxID); !ok || normal != *g.TaxID || string(format) != *g.TaxIDFormat {
			t.Errorf("tax id %s of %s is stored as %s %s (%v)", *g.TaxID, a.Country, normal, format, ok)
		}
	}
}

func checkMetadata(t *testing.T, g customer.Given) {
	t.Helper()
	n, err := schema.Parse(g.Metadata)
	if err != nil {
		t.Fatal(err)
	}
	if again := n.Append(nil); string(again) != string(g.Metadata) {
		t.Errorf("metadata %s is stored as %s", g.Metadata, again)
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	var teams, taxed, external, recent int
	places, members := map[string]int{}, map[int]int{}
	for g := range Customers(sample(0)) {
		if g.Type == customer.Team {
			teams++
			members[len(g.Members)]++
		}
		if g.TaxID != nil {
			taxed++
		}
		if g.ExternalID != nil {
			external++
		}
		if g.CreatedAt.After(now.AddDate(-1, 0, 0)) {
			recent++
		}
		n, _ := schema.Parse(g.BillingAddress)
		if c := n.Get("country"); c != nil {
			places[c.Text]++
		}
	}
	between(t, "teams", teams, 240, 360)
	between(t, "tax ids", taxed, 250, 550)
	between(t, "external ids", external, 1600, 1800)
	between(t, "customers of the last year", recent, 1300, 1700)
	between(t, "countries", len(places), 40, 50)
	between(t, "sizes of teams", len(members), maxMembers, maxMembers)
}

func between(t *testing.T, what string, got, low, high int) {
	t.Helper()
	if got < low || got > high {
		t.Errorf("%d %s, want %d to %d", got, what, low, high)
	}
}
