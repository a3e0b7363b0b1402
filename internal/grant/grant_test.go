package grant_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/grant"
	"floe/internal/id"
)

// The numbers of subtests are those of the checklist in the specification of
// benefits, so that a case can be found from either side.

const (
	notFound  = `{"error":"ResourceNotFound","detail":"Not found"}`
	unknownID = "00000000-0000-4000-8000-000000000000"

	created = "benefit_grant.created"
	revoked = "benefit_grant.revoked"
	updated = "benefit_grant.updated"
	cycled  = "benefit_grant.cycled"
)

var system = auth.NewSystem("test")

type fields = map[string]any

// bench drives the engine of one instance as the owners of sources do.
type bench struct {
	*floetest.Floe
	t testing.TB
}

func both(t *testing.T, fn func(t *testing.T, f bench)) {
	t.Helper()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) { fn(t, bench{f, t}) })
}

func (b bench) write(fn func(ctx context.Context, tx *db.Tx) error) {
	b.t.Helper()
	b.Clock.Advance(1_000_000)
	if err := b.DB.Write(b.t.Context(), func(tx *db.Tx) error { return fn(b.t.Context(), tx) }); err != nil {
		b.t.Fatal(err)
	}
}

func (b bench) events(fn func(ctx context.Context, tx *db.Tx) error, want ...string) {
	b.t.Helper()
	before := b.LastSeq()
	b.write(fn)
	if got := b.EventsSince(before); !slices.Equal(got, want) {
		b.t.Errorf("events %q, want %q", got, want)
	}
}

func subscription() grant.Source { return grant.Source{SubscriptionID: id.New()} }
func order() grant.Source        { return grant.Source{OrderID: id.New()} }

// sync makes the grants of a customer follow, and checks the events.
func (b bench) sync(customerID string, src grant.Source, entitled bool, benefits []string, want ...string) {
	b.t.Helper()
	b.events(func(ctx context.Context, tx *db.Tx) error {
		c, err := b.Server.Customers.Lock(ctx, tx, b.Org.ID, id.ID(customerID))
		if err != nil {
			return err
		}
		return b.Server.Grants.Sync(ctx, tx, system, c, src, ids(benefits), entitled)
	}, want...)
}

func (b bench) task(t grant.Task, customerID string) error {
	b.Clock.Advance(time.Millisecond) // so that what it makes is younger than what is there
	return b.DB.Write(b.t.Context(), func(tx *db.Tx) (err error) {
		t.Customer, err = b.Server.Customers.Lock(b.t.Context(), tx, b.Org.ID, id.ID(customerID))
		if err != nil {
			return err
		}
		return b.Server.Grants.SyncAll(b.t.Context(), tx, system, b.Org.ID, []grant.Task{t})
	})
}

func ids(list []string) []id.ID {
	out := make([]id.ID, len(list))
	for i, v := range list {
		out[i] = id.ID(v)
	}
	return out
}

// row is a grant as the API shows it.
type row struct {
	ID             string  `json:"id"`
	GrantedAt      *string `json:"granted_at"`
	RevokedAt      *string `json:"revoked_at"`
	IsGranted      bool    `json:"is_granted"`
	IsRevoked      bool    `json:"is_revoked"`
	SubscriptionID *string `json:"subscription_id"`
	MemberID       *string `json:"member_id"`
	Error          *struct{ Message, Type, Timestamp string }
	Properties     fields `json:"properties"`
}

// grants lists the grants of a benefit, newest first.
func (b bench) grants(benefitID string) []row {
	b.t.Helper()
	r := b.Do("GET", "/v1/benefits/"+benefitID+"/grants?limit=100", b.AllToken, nil)
	var out struct{ Items []row }
	if err := json.Unmarshal([]byte(r.Body), &out); err != nil || r.Status != 200 {
		b.t.Fatalf("%d %s: %v", r.Status, r.Body, err)
	}
	return out.Items
}

func (b bench) one(benefitID string) row {
	b.t.Helper()
	list := b.grants(benefitID)
	if len(list) != 1 {
		b.t.Fatalf("%d grants, want one", len(list))
	}
	return list[0]
}

// stored are the properties of the grants of a benefit, oldest first: of meter
// credits the API shows none.
func (b bench) stored(benefitID string) []string {
	b.t.Helper()
	out, err := db.All[string](b.t.Context(), b.DB, `SELECT CAST(properties AS text) FROM benefit_grants
		WHERE organization_id = ? AND benefit_id = ? ORDER BY created_at, id`, b.Org.ID, benefitID)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// broughtIn adds a benefit that the API refuses to create.
func (b bench) broughtIn(typ benefit.Type, properties string) string {
	b.t.Helper()
	r := benefit.Row{OrganizationID: b.Org.ID, Type: typ, Description: "Brought in", Selectable: true, Deletable: true, Properties: json.RawMessage(properties)}
	b.write(func(ctx context.Context, tx *db.Tx) (err error) {
		r, err = b.Server.Benefits.Add(ctx, tx, system, r)
		return err
	})
	return string(r.ID)
}

const (
	discordBenefit = `{"guild_id":"1","role_id":"2","kick_member":false}`
	githubBenefit  = `{"repository_owner":"o","repository_name":"n","permission":"pull"}`
	slackBenefit   = `{"slack_integration_id":"` + unknownID + `","channel_name_template":"c","private":true,"welcome_message":null,"archive_on_revoke":true,"team_invitees":[]}`
)

func (b bench) credit(units int) string {
	b.t.Helper()
	return b.Benefit(fields{"type": "meter_credit", "properties": fields{"meter_id": b.Meter(b.Org, "Calls"), "units": units, "rollover": false}}).ID()
}

func (b bench) ownerOf(customerID string) string {
	b.t.Helper()
	return b.Do("GET", "/v1/customers/"+customerID+"/members?role=owner", b.AllToken, nil).Text("items.0.id")
}

var _ customer.Grants = (*grant.Service)(nil)
var _ benefit.Grants = (*grant.Service)(nil)

func TestGrantAndRevoke(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c, src := f.Customer(nil).ID(), subscription()
		x, y := f.Benefit(nil).ID(), f.Benefit(fields{"type": "feature_flag"}).ID()
		f.sync(c, src, true, []string{x, y}, created, created) // 31 42
		first := f.one(x)
		if !first.IsGranted || first.IsRevoked || first.Error != nil || *first.SubscriptionID != string(src.SubscriptionID) {
			t.Errorf("31 granted: %+v", first)
		}
		if first.MemberID == nil || *first.MemberID != f.ownerOf(c) {
			t.Errorf("56 the owner should have it: %+v", first)
		}
		f.sync(c, src, true, []string{x, y})                    // 33 nothing again
		f.sync(c, src, false, []string{x, y}, revoked, revoked) // 44
		if r := f.one(x); r.IsGranted || !r.IsRevoked || r.ID != first.ID {
			t.Errorf("revoked: %+v", r)
		}
		f.sync(c, src, false, []string{x, y})      // 38 45
		f.sync(c, src, true, []string{x}, created) // 32 the same row again
		if r := f.one(x); !r.IsGranted || r.IsRevoked || r.ID != first.ID {
			t.Errorf("32 granted again: %+v", r)
		}
		f.sync(c, src, true, []string{y}, revoked, created) // 46 X goes before Y comes
		f.sync(c, src, true, []string{x, y}, created)       // 42 only what is missing
		f.sync(c, src, true, nil, revoked, revoked)         // all benefits were detached
		f.sync(c, subscription(), false, []string{x})       // 45 nothing there at all
		f.sync(c, src, true, []string{x, x, unknownID}, created)
		f.sync(c, src, false, nil, revoked)
	})
}

func TestActionRequired(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		for typ, v := range map[benefit.Type]struct{ properties, message string }{
			benefit.Discord:            {discordBenefit, "The customer needs to connect their Discord account"},
			benefit.GitHubRepository:   {githubBenefit, "The customer needs to connect their GitHub account"},
			benefit.SlackSharedChannel: {slackBenefit, "The Slack integration is not installed for this benefit."},
		} {
			c, src, b := f.Customer(nil).ID(), subscription(), f.broughtIn(typ, v.properties)
			f.sync(c, src, true, []string{b}, created) // 34
			r := f.one(b)
			if r.IsGranted || r.IsRevoked || r.Error == nil || r.Error.Type != "BenefitActionRequiredError" || r.Error.Message != v.message || r.Error.Timestamp == "" {
				t.Errorf("34 %s: %+v", typ, r)
			}
			f.sync(c, src, true, []string{b})  // 42 not tried again
			f.sync(c, src, false, []string{b}) // an errored row is not granted: nothing to revoke
			if r := f.one(b); r.Error == nil {
				t.Errorf("%s: an errored row stays so: %+v", typ, r)
			}
		}
		// 36, 41 and 43: rows that were granted elsewhere and came with their data.
		c, src, b := f.Customer(nil).ID(), subscription(), f.broughtIn(benefit.Discord, discordBenefit)
		f.sync(c, src, true, []string{b}, created)
		f.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `UPDATE benefit_grants SET granted_at = ?, error = NULL, properties = ? WHERE organization_id = ? AND benefit_id = ?`,
				tx.Now(), json.RawMessage(`{"account_id":"7","guild_id":"1"}`), f.Org.ID, b)
			return err
		})
		f.sync(c, src, false, nil, revoked)
		if r := f.one(b); !r.IsRevoked || r.Error != nil || len(r.Properties) != 1 || r.Properties["account_id"] != "7" {
			t.Errorf("41 revoked: %+v", r)
		}
		f.sync(c, src, true, []string{b}, created) // 43
		if r := f.one(b); r.GrantedAt != nil || r.RevokedAt != nil || r.Error == nil || r.Properties["account_id"] != "7" {
			t.Errorf("36 errored: %+v", r)
		}
	})
}

// 39, and the two notes on it: what else a holder has counts, not what they
// had, nor what others have.
func TestSharedBenefit(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c, a, b := f.Customer(nil).ID(), subscription(), order()
		m := f.credit(10)
		f.sync(c, a, true, []string{m}, created)
		f.sync(c, b, true, []string{m}, created)
		units := func(want ...string) {
			t.Helper()
			for i, p := range f.stored(m) {
				if !strings.Contains(p, `"last_credited_units":`+want[i]+`,`) {
					t.Errorf("grant %d carries %s, want %s units", i, p, want[i])
				}
			}
		}
		units("10", "10")
		f.sync(c, a, false, nil, revoked)
		units("10", "10") // still through b
		f.sync(c, b, false, nil, revoked)
		units("10", "-10")
		f.sync(c, a, true, []string{m}, created)
		units("10", "-10")
		f.sync(c, a, false, nil, revoked) // the other is not granted any more
		units("-10", "-10")
		f.sync(c, a, true, []string{m}, created)
		f.sync(c, b, true, []string{m}, created)
		f.events(func(ctx context.Context, tx *db.Tx) error { // together is as one after the other
			who, err := f.Server.Customers.Lock(ctx, tx, f.Org.ID, id.ID(c))
			if err != nil {
				return err
			}
			return f.Server.Grants.SyncAll(ctx, tx, system, f.Org.ID, []grant.Task{{Customer: who, Source: a}, {Customer: who, Source: b}})
		}, revoked, revoked)
		units("10", "-10")
		if list := f.grants(m); len(list) != 2 || len(list[0].Properties) != 0 {
			t.Errorf("the API shows no properties of credits: %+v", list)
		}
	})
}

// 35 and what a consumer reads of an event.
func TestJournal(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c, src, m := f.Customer(nil).ID(), subscription(), f.credit(6)
		f.sync(c, src, true, []string{m}, created)
		f.sync(c, src, false, nil, revoked)
		after, err := db.All[string](t.Context(), f.DB, `SELECT CAST(after AS text) FROM journal WHERE organization_id = ? AND type LIKE 'benefit_grant.%' ORDER BY seq`, f.Org.ID)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []string{`"previous_properties":{}`, `"previous_properties":{"last_credited_meter_id":`} {
			if !strings.Contains(after[i], want) || !strings.Contains(after[i], `"last_credited_units":`) || strings.Contains(after[i], `"customer":`) {
				t.Errorf("event %d is %s, want %s", i, after[i], want)
			}
		}
	})
}
