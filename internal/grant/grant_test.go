package grant_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

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
		WHERE organization_id = ? AND benefit_id = ? ORDER BY id`, b.Org.ID, benefitID)
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
		if list := f.grants(m); len(list) != 2 || len(list[0].Properties) != 0 {
			t.Errorf("the API shows no properties of credits: %+v", list)
		}
	})
}

func TestMembers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c := f.Customer(fields{"type": "team"}).ID()
		member := func(email string) string {
			return f.Do("POST", "/v1/customers/"+c+"/members", f.AllToken, fields{"email": email}).ID()
		}
		one, two := member("one@example.com"), member("two@example.com")
		src, m := subscription(), f.credit(5)
		seat := func(who string, entitled bool) error {
			return f.task(grant.Task{Source: src, Benefits: ids([]string{m}), Entitled: entitled, Member: id.ID(who), Seats: true}, c)
		}
		for _, who := range []string{one, two} {
			if err := seat(who, true); err != nil {
				t.Fatal(err)
			}
		}
		if n := len(f.grants(m)); n != 2 {
			t.Fatalf("55 %d grants, want two", n)
		}
		if err := seat(one, false); err != nil {
			t.Fatal(err)
		}
		for _, r := range f.grants(m) {
			if r.IsGranted != (*r.MemberID == two) {
				t.Errorf("55 %+v", r)
			}
		}
		if p := f.stored(m); !strings.Contains(p[0], `"last_credited_units":-5,`) || !strings.Contains(p[1], `"last_credited_units":5,`) {
			t.Errorf("another member's grant keeps nothing of one's own: %v", p)
		}
		if err := f.task(grant.Task{Source: subscription(), Benefits: ids([]string{m}), Entitled: true, Seats: true}, c); !errors.Is(err, grant.ErrMemberRequired) {
			t.Errorf("57 %v", err)
		}
		if err := seat(unknownID, true); !errors.Is(err, grant.ErrMemberNotFound) {
			t.Errorf("unknown member: %v", err)
		}
		f.Run(floetest.Scenario{Name: "64 by member", Do: "GET /v1/benefits/" + m + "/grants?member_id=" + one, As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"member_id": one, "member": fields{"email": "one@example.com"}}}}})
		f.Run(floetest.Scenario{Name: "8.4 deleting a member", Do: "DELETE /v1/customers/" + c + "/members/" + two, As: f.AllToken, Status: 204,
			Events: []string{"member.deleted", revoked}})
		f.Run(floetest.Scenario{Name: "the deleted member is still shown", Do: "GET /v1/benefits/" + m + "/grants?member_id=" + two, As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"is_revoked": true, "member": fields{"id": two}}}}})
		if err := seat(two, true); !errors.Is(err, grant.ErrMemberNotFound) {
			t.Errorf("a deleted member gets nothing: %v", err)
		}
	})
}

func TestOwnerIsMade(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		f.Feature(f.Org, "member_model_enabled", false)
		c, b := f.Customer(nil).ID(), f.Benefit(nil).ID()
		f.sync(c, subscription(), true, []string{b}, created)
		if r := f.one(b); r.MemberID != nil {
			t.Errorf("without members: %+v", r)
		}
		f.Feature(f.Org, "member_model_enabled", true)
		b = f.Benefit(nil).ID()
		f.sync(c, subscription(), true, []string{b}, "member.created", created)
		if r := f.one(b); r.MemberID == nil || *r.MemberID != f.ownerOf(c) {
			t.Errorf("56 %+v", r)
		}
	})
}

func TestBenefitChanged(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		b := f.Benefit(fields{"type": "license_keys", "properties": fields{"limit_usage": 5}}).ID()
		other := f.Benefit(fields{"type": "license_keys", "properties": fields{}}).ID()
		customers := []string{f.Customer(nil).ID(), f.Customer(nil).ID(), f.Customer(nil).ID()}
		sources := []grant.Source{subscription(), order(), subscription()}
		for i, c := range customers {
			f.sync(c, sources[i], true, []string{b, other}, created, created)
		}
		f.sync(customers[2], sources[2], false, nil, revoked, revoked)
		patch := func(name, properties string, want ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/benefits/" + b, As: f.AllToken, Status: 200,
				Body: `{"type":"license_keys","properties":` + properties + `}`, Events: append([]string{"benefit.updated"}, want...)})
		}
		patch("47 only the prefix", `{"limit_usage":5,"prefix":"X"}`)
		patch("47 48 the limit", `{"limit_usage":7,"prefix":"X"}`, updated, updated)
		patch("47 the same again", `{"limit_usage":7,"prefix":"X"}`)
		patch("expiry", `{"limit_usage":7,"expires":{"ttl":1,"timeframe":"month"}}`, updated, updated)
		var keys struct {
			Items []struct {
				LimitUsage *int    `json:"limit_usage"`
				ExpiresAt  *string `json:"expires_at"`
				Status     string
			}
		}
		if err := json.Unmarshal([]byte(f.Do("GET", "/v1/license-keys/?benefit_id="+b, f.AllToken, nil).Body), &keys); err != nil {
			t.Fatal(err)
		}
		if k := keys.Items; *k[0].LimitUsage != 7 || k[0].ExpiresAt != nil || *k[1].LimitUsage != 7 || k[1].ExpiresAt == nil || *k[2].LimitUsage != 5 || k[2].Status != "revoked" {
			t.Errorf("the keys: %+v", k)
		}
		custom := f.Benefit(nil).ID()
		f.sync(customers[0], sources[0], true, []string{b, other, custom}, created)
		f.Run(floetest.Scenario{Name: "47 never for notes", Do: "PATCH /v1/benefits/" + custom, As: f.AllToken, Status: 200,
			Body: `{"type":"custom","properties":{"note":"new"}}`, Events: []string{"benefit.updated"}})
	})
}

func TestCycle(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c, src := f.Customer(nil).ID(), subscription()
		x, y, m := f.Benefit(nil).ID(), f.Benefit(fields{"type": "license_keys"}).ID(), f.credit(3)
		f.sync(c, src, true, []string{x, y, m}, created, created, created)
		f.sync(c, src, true, []string{y, m}, revoked)
		before, credit := f.one(y), f.stored(m)[0]
		f.events(func(ctx context.Context, tx *db.Tx) error {
			return f.Server.Grants.Cycle(ctx, tx, system, f.Org.ID, src.SubscriptionID)
		}, cycled, cycled) // 50
		after := f.one(y)
		if *after.GrantedAt != *before.GrantedAt || after.Properties["display_key"] != before.Properties["display_key"] {
			t.Errorf("49 %+v, before %+v", after, before)
		}
		if p := f.stored(m)[0]; p == credit || !strings.Contains(p, `"last_credited_units":3,`) {
			t.Errorf("49 the credit: %s, before %s", p, credit)
		}
		if r := f.one(x); !r.IsRevoked {
			t.Errorf("48 %+v", r)
		}
		f.events(func(ctx context.Context, tx *db.Tx) error {
			return f.Server.Grants.Cycle(ctx, tx, system, f.Org.ID, id.New())
		})
	})
}

func TestBenefitDeleted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c, a, b := f.Customer(nil).ID(), subscription(), subscription()
		m, x := f.credit(4), f.Benefit(nil).ID()
		f.sync(c, a, true, []string{m, x}, created, created)
		f.sync(c, b, true, []string{m}, created)
		f.Run(floetest.Scenario{Name: "51", Do: "DELETE /v1/benefits/" + m, As: f.AllToken, Status: 204, Events: []string{"benefit.updated", revoked, revoked}})
		for _, p := range f.stored(m) {
			if !strings.Contains(p, `"last_credited_units":-4,`) {
				t.Errorf("51 taken back whatever else there is: %s", p)
			}
		}
		if r := f.one(x); !r.IsGranted {
			t.Errorf("51 other benefits stay: %+v", r)
		}
		f.RunAll(
			floetest.Scenario{Name: "65 still listed", Do: "GET /v1/benefit-grants/?customer_id=" + c, As: f.AllToken, Status: 200,
				Want: fields{"items": []any{
					fields{"is_revoked": true, "benefit": fields{"id": m, "is_deleted": true}},
					fields{"is_granted": true},
					fields{"is_revoked": true, "benefit": fields{"id": m, "is_deleted": true}},
				}}},
			floetest.Scenario{Name: "its own list is gone", Do: "GET /v1/benefits/" + m + "/grants", As: f.AllToken, Status: 404, Want: notFound},
		)
		f.sync(c, a, true, []string{m, x}) // what is deleted is not given
	})
}

func TestCustomerDeleted(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		c := f.Customer(fields{"external_id": "ext"}).ID()
		k, m := f.Benefit(fields{"type": "license_keys"}).ID(), f.credit(2)
		src := subscription()
		f.sync(c, src, true, []string{k, m}, created, created)
		f.sync(c, order(), true, []string{k}, created)
		f.Run(floetest.Scenario{Name: "state", Do: "GET /v1/customers/" + c + "/state", As: f.AllToken, Status: 200,
			Want: fields{"granted_benefits": []any{
				fields{"benefit_id": k, "benefit_type": "license_keys", "benefit_metadata": fields{}},
				fields{"benefit_id": m, "properties": fields{}},
				fields{"benefit_id": k},
			}}})
		f.RunAll(
			floetest.Scenario{Name: "66 by external id", Do: "GET /v1/benefit-grants/?external_customer_id=ext", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":3,"max_page":1}}`},
			floetest.Scenario{Name: "58 delete", Do: "DELETE /v1/customers/" + c + "?anonymize=true", As: f.AllToken, Status: 204,
				Events: []string{"member.deleted", revoked, revoked, revoked, "customer.deleted"}},
			floetest.Scenario{Name: "no longer by external id", Do: "GET /v1/benefit-grants/?external_customer_id=ext", As: f.AllToken, Status: 200, Want: `{"items":[]}`},
			floetest.Scenario{Name: "still by id", Do: "GET /v1/benefit-grants/?customer_id=" + c + "&is_granted=false", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":3,"max_page":1}}`},
			floetest.Scenario{Name: "keys are revoked", Do: "GET /v1/license-keys/?status=revoked", As: f.AllToken, Status: 200,
				Want: fields{"items": []any{fields{"customer_id": c}, fields{"customer_id": c}}}},
		)
		err := f.task(grant.Task{Source: src, Benefits: ids([]string{k}), Entitled: true}, c)
		if !errors.Is(err, grant.ErrDeletedCustomer) {
			t.Errorf("58 %v", err)
		}
		f.sync(c, src, false, []string{k}) // nothing left, and no refusal
	})
}

// Taking everything from a customer with a thousand grants takes a bounded
// number of statements.
func TestRevokeAllInBulk(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		const n = 1000
		c := f.Customer(nil).ID()
		k, x := f.Benefit(fields{"type": "license_keys"}).ID(), f.Benefit(nil).ID()
		f.write(func(ctx context.Context, tx *db.Tx) error {
			row, err := f.Server.Customers.Lock(ctx, tx, f.Org.ID, id.ID(c))
			if err != nil {
				return err
			}
			tasks := make([]grant.Task, n/2)
			for i := range tasks {
				tasks[i] = grant.Task{Customer: row, Source: subscription(), Benefits: ids([]string{k, x}), Entitled: true}
			}
			return f.Server.Grants.SyncAll(ctx, tx, system, f.Org.ID, tasks)
		})
		before, seq := f.DB.Stats().Queries, f.LastSeq()
		f.write(func(ctx context.Context, tx *db.Tx) error {
			return f.Server.Grants.RevokeAll(ctx, tx, system, f.Org.ID, id.ID(c))
		})
		statements := f.DB.Stats().Queries - before
		if events := f.EventsSince(seq); len(events) != n {
			t.Errorf("%d events, want %d", len(events), n)
		}
		// A few for the grants and keys, one for 64 entries of the journal.
		if most := int64(10 + n/64 + 8); statements > most {
			t.Errorf("%d statements, want at most %d", statements, most)
		}
		f.Run(floetest.Scenario{Do: "GET /v1/benefit-grants/?is_granted=true", As: f.AllToken, Status: 200, Want: `{"items":[]}`})
		f.Run(floetest.Scenario{Do: "GET /v1/license-keys/?status=granted", As: f.AllToken, Status: 200, Want: `{"items":[]}`})
	})
}

// holders is who holds a product in a test.
type holders struct{ list []grant.SourceState }

func (h *holders) OfProduct(context.Context, *db.Tx, id.ID, id.ID) ([]grant.SourceState, error) {
	return h.list, nil
}

func TestResync(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		h := &holders{}
		f.Server.Grants.Sources = h
		active, ended, gone := f.Customer(nil).ID(), f.Customer(nil).ID(), f.Customer(nil).ID()
		p := f.Product(nil).ID()
		x, y, z := f.Benefit(nil).ID(), f.Benefit(nil).ID(), f.Benefit(nil).ID()
		h.list = []grant.SourceState{
			{Source: subscription(), Customer: id.ID(active), Entitled: true},
			{Source: order(), Customer: id.ID(active), Entitled: true},
			{Source: subscription(), Customer: id.ID(ended)},
			{Source: order(), Customer: id.ID(gone), Entitled: true},
		}
		f.Run(floetest.Scenario{Do: "DELETE /v1/customers/" + gone, As: f.AllToken, Status: 204})
		attach := func(name string, list []string, want ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "POST /v1/products/" + p + "/benefits", As: f.AllToken, Body: fields{"benefits": list}, Status: 200, Events: want})
		}
		attach("61 62 attach", []string{x, y}, "product.updated", created, created, created, created)
		attach("61 reorder", []string{y, x}, "product.updated")
		attach("61 detach and attach", []string{z, x}, "product.updated", revoked, revoked, created, created)
		if n := len(f.grants(z)); n != 2 {
			t.Errorf("62 %d grants, want two", n)
		}
	})
}

func TestLists(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		other := f.Organization("Other")
		b := f.Benefit(nil).ID()
		c1, c2 := f.Customer(nil).ID(), f.Customer(nil).ID()
		s1, s2 := subscription(), subscription()
		f.sync(c1, s1, true, []string{b}, created)
		f.sync(c2, s2, true, []string{b}, created)
		f.sync(c2, s2, false, nil, revoked)
		d := f.broughtIn(benefit.Discord, discordBenefit)
		f.sync(c1, s1, true, []string{b, d}, created)
		total := func(name, path string, n int) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "GET " + path, As: f.AllToken, Status: 200, Want: fmt.Sprintf(`{"pagination":{"total_count":%d,"max_page":%d}}`, n, min(n, 1))})
		}
		f.Run(floetest.Scenario{Name: "63 flags", Do: "GET /v1/benefits/" + b + "/grants", As: f.AllToken, Status: 200, Want: fields{"items": []any{
			fields{"customer_id": c2, "is_granted": false, "is_revoked": true, "granted_at": nil, "error": nil, "subscription_id": s2.SubscriptionID, "order_id": nil,
				"customer": fields{"id": c2}, "member": fields{"customer_id": c2, "role": "owner"}, "benefit": fields{"id": b, "type": "custom"}, "properties": fields{}},
			fields{"customer_id": c1, "is_granted": true, "is_revoked": false, "revoked_at": nil, "error": nil},
		}}})
		f.Run(floetest.Scenario{Name: "63 errored", Do: "GET /v1/benefits/" + d + "/grants", As: f.AllToken, Status: 200, Want: fields{"items": []any{
			fields{"is_granted": false, "is_revoked": false, "error": fields{"type": "BenefitActionRequiredError"}}}}})
		total("granted", "/v1/benefits/"+b+"/grants?is_granted=true", 1)
		total("not granted", "/v1/benefits/"+b+"/grants?is_granted=false", 1)
		total("by customers", "/v1/benefits/"+b+"/grants?customer_id="+c1+"&customer_id="+c2, 2)
		total("by customer", "/v1/benefits/"+b+"/grants?customer_id="+c1, 1)
		total("all", "/v1/benefit-grants/", 3)
		total("all granted", "/v1/benefit-grants/?is_granted=true", 1)
		total("everything else", "/v1/benefit-grants/?is_granted=false", 2)
		total("customer and unknown external id", "/v1/benefit-grants/?customer_id="+c1+"&external_customer_id=x", 0)
		total("66 organization", "/v1/benefit-grants/?organization_id="+string(f.Org.ID), 3)
		total("66 foreign organization", "/v1/benefit-grants/?organization_id="+string(other.ID), 0)
		f.Run(floetest.Scenario{Name: "66 foreign token", Do: "GET /v1/benefit-grants/", As: other.Token, Status: 200, Want: `{"items":[]}`})
		f.Run(floetest.Scenario{Name: "66 foreign token names it", Do: "GET /v1/benefit-grants/?organization_id=" + string(f.Org.ID), As: other.Token, Status: 200, Want: `{"items":[]}`})
		sorted := func(name, sorting string, want ...any) {
			t.Helper()
			items := make([]any, len(want))
			for i, w := range want {
				items[i] = fields{"benefit_id": w}
			}
			f.Run(floetest.Scenario{Name: name, Do: "GET /v1/benefit-grants/?sorting=" + sorting, As: f.AllToken, Status: 200, Want: fields{"items": items}})
		}
		sorted("newest first", "-created_at", d, b, b)
		f.Run(floetest.Scenario{Name: "nulls last", Do: "GET /v1/benefit-grants/?sorting=revoked_at", As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"is_revoked": true}, fields{"is_revoked": false}, fields{"is_revoked": false}}}})
		f.Run(floetest.Scenario{Name: "nulls first", Do: "GET /v1/benefit-grants/?sorting=-granted_at", As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"is_granted": false}, fields{"is_granted": false}, fields{"is_granted": true}}}})
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

var _ customer.Grants = (*grant.Service)(nil)
var _ benefit.Grants = (*grant.Service)(nil)
