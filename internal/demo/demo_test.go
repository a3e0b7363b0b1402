package demo

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/email"
	"floe/internal/id"
	"floe/internal/locale"
	"floe/internal/organization"
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

// Both engines must hold the same customers, to the byte, and so must a second
// run with the same seed.
func TestFillIsDeterministic(t *testing.T) {
	t.Parallel()
	var first string
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		ctx := t.Context()
		c := Config{Seed: 7, Now: now, Organization: newOrganization(ctx, t, d)}
		s := &customer.Service{DB: d}
		last := 0
		if err := Fill(ctx, d, s, c, func(done, total int) { last = done * 1000 / total }); err != nil {
			t.Fatal(err)
		}
		if last != 1000 {
			t.Errorf("progress ended at %d of 1000", last)
		}
		got := everything(ctx, t, d, s)
		if n := strings.Count(got, "\n"); n != defaultCount {
			t.Errorf("%d customers, want %d", n, defaultCount)
		}
		got = strings.ReplaceAll(got, string(c.Organization), "ORG")
		if first == "" {
			first = got
		}
		if diff := cmp.Diff(first, got); diff != "" {
			t.Errorf("engines differ:\n%s", diff)
		}
		checkJournal(ctx, t, d)
		if err := Fill(ctx, d, s, c, nil); !errors.Is(err, ErrNotEmpty) {
			t.Errorf("filling twice: %v", err)
		}
	})
}

func newOrganization(ctx context.Context, t *testing.T, d *db.DB) (org id.ID) {
	t.Helper()
	in, err := organization.Draft("Demo", "demo")
	if err != nil {
		t.Fatal(err)
	}
	err = d.Write(ctx, func(tx *db.Tx) error {
		o, err := organization.New(organization.Config{DB: d}).Create(ctx, tx, auth.NewSystem("test"), in)
		org = o.ID
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return org
}

// everything is each customer as callers see it, one a line.
func everything(ctx context.Context, t *testing.T, d *db.DB, s *customer.Service) string {
	t.Helper()
	ids, err := db.All[id.ID](ctx, d, `SELECT id FROM customers ORDER BY created_at, id`)
	if err != nil {
		t.Fatal(err)
	}
	orgs, err := db.All[id.ID](ctx, d, `SELECT id FROM organizations`)
	if err != nil {
		t.Fatal(err)
	}
	sub := auth.Subject{Kind: auth.Organization, Memberships: []auth.Membership{{OrganizationID: orgs[0]}}}
	var b strings.Builder
	for _, customer := range ids {
		r, err := s.Find(ctx, d, sub, customer, nil)
		if err != nil {
			t.Fatal(err)
		}
		public := s.Public(r)
		b.Write(schema.JSON(&public))
		b.WriteByte('\n')
	}
	return b.String()
}

// Each customer and each member is in the journal, numbered from one.
func checkJournal(ctx context.Context, t *testing.T, d *db.DB) {
	t.Helper()
	for text, want := range map[string]int64{
		`SELECT COUNT(*) FROM journal WHERE type = 'customer.created'`: defaultCount,
		`SELECT COUNT(*) FROM (SELECT customer_id FROM journal WHERE customer_id IS NOT NULL GROUP BY customer_id
			HAVING MIN(customer_seq) = 1 AND MAX(customer_seq) = COUNT(*)) AS numbered`: defaultCount,
		`SELECT CAST(SUM(live) AS bigint) FROM customer_totals`:                                       defaultCount,
		`SELECT COUNT(*) - (SELECT COUNT(*) FROM members) FROM journal WHERE type = 'member.created'`: 0,
		`SELECT COUNT(*) FROM members WHERE role = 'owner'`:                                           defaultCount,
	} {
		if got, err := db.One[int64](ctx, d, text); err != nil || got != want {
			t.Errorf("%s\nanswers %d (%v), want %d", text, got, err, want)
		}
	}
}
