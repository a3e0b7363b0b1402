package grant_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/grant"
	"floe/internal/id"
	"floe/internal/server"
)

const keys = "/v1/license-keys/"

// a key is made by granting a benefit with these properties to a new customer.
func (b bench) key(properties fields, src grant.Source) (key *floetest.Response, benefitID, customerID string) {
	b.t.Helper()
	benefitID = b.Benefit(fields{"type": "license_keys", "properties": properties}).ID()
	customerID = b.Customer(nil).ID()
	b.sync(customerID, src, true, []string{benefitID}, created)
	list := b.Do("GET", keys+"?benefit_id="+benefitID, b.AllToken, nil)
	return b.Do("GET", keys+list.Text("items.0.id"), b.AllToken, nil), benefitID, customerID
}

// ask is a body for the operations that take a key.
func (b bench) ask(key *floetest.Response, more ...any) fields {
	out := fields{"key": key.Text("key"), "organization_id": b.Org.ID}
	for i := 0; i < len(more); i += 2 {
		out[more[i].(string)] = more[i+1]
	}
	return out
}

func missing(detail string) string {
	return fmt.Sprintf(`{"error":"ResourceNotFound","detail":%q}`, detail)
}

func forbidden(detail string) string {
	return fmt.Sprintf(`{"error":"NotPermitted","detail":%q}`, detail)
}

func TestKeyIsMade(t *testing.T) {
	t.Parallel()
	uuid := regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`)
	both(t, func(t *testing.T, f bench) {
		k, b, c := f.key(fields{}, subscription())
		if !uuid.MatchString(k.Text("key")) || k.Text("display_key") != "****-"+k.Text("key")[30:] {
			t.Errorf("2 the key: %s", k.Body)
		}
		want := fields{"status": "granted", "usage": 0, "validations": 0, "last_validated_at": nil, "expires_at": nil, "limit_activations": nil,
			"limit_usage": nil, "modified_at": nil, "customer_id": c, "benefit_id": b, "organization_id": f.Org.ID, "activations": []any{},
			"customer": fields{"id": c, "type": "individual"}}
		if d := k.Differs(want); d != "" {
			t.Error("1.1 " + d)
		}
		g := f.one(b)
		if g.Properties["license_key_id"] != k.ID() || g.Properties["display_key"] != k.Text("display_key") || len(g.Properties) != 2 {
			t.Errorf("the grant carries %v", g.Properties)
		}
		expires := fields{"ttl": 1, "timeframe": "month"}
		k, _, _ = f.key(fields{"prefix": " app ", "expires": expires, "activations": fields{"limit": 2, "enable_customer_admin": false}, "limit_usage": 9}, order())
		if !strings.HasPrefix(k.Text("key"), "APP-") || !uuid.MatchString(k.Text("key")[4:]) {
			t.Errorf("2 with a prefix: %s", k.Text("key"))
		}
		if d := k.Differs(fields{"limit_activations": 2, "limit_usage": 9}); d != "" || !strings.HasPrefix(k.Text("expires_at"), "2026-06-04T03:02:01.") {
			t.Errorf("2.1 %s %s", d, k.Body)
		}
		k, _, _ = f.key(fields{"expires": expires}, subscription())
		if k.Path("expires_at") != nil {
			t.Errorf("2.1 keys of subscriptions do not expire: %s", k.Body)
		}
	})
}

// At the end of a month an expiry in months stays within the month it comes to.
func TestKeyExpiresInTheCalendar(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		f.Clock.Advance(time.Date(2027, 1, 31, 12, 0, 0, 0, time.UTC).Sub(f.Clock.Now()))
		for _, v := range []struct {
			ttl         int
			frame, want string
		}{{1, "month", "2027-02-28T12:00:"}, {13, "month", "2028-02-29T12:00:"}, {1, "year", "2028-01-31T12:00:"}, {30, "day", "2027-03-02T12:00:"}, {457, "year", "2484-01-31T12:00:"}} {
			k, _, _ := f.key(fields{"expires": fields{"ttl": v.ttl, "timeframe": v.frame}}, order())
			if !strings.HasPrefix(k.Text("expires_at"), v.want) {
				t.Errorf("%d %s: %s, want %s", v.ttl, v.frame, k.Text("expires_at"), v.want)
			}
		}
	})
}

// Who asks without a token lives in the time of the organization that is named.
func TestKeyFollowsTheTestClock(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		k, _, _ := f.key(fields{"expires": fields{"ttl": 1, "timeframe": "month"}, "activations": fields{"limit": 9, "enable_customer_admin": false}}, order())
		end, err := time.Parse(time.RFC3339, k.Text("expires_at"))
		if err != nil {
			t.Fatal(err)
		}
		before := end.Add(-time.Hour).Format(time.RFC3339)
		f.Run(floetest.Scenario{Do: "POST /v1/test-clock", As: f.AllToken, Body: fields{"now": before}, Status: 201})
		f.Clock.Advance(90 * 24 * time.Hour)
		user := f.User(auth.Admin, f.Org, f.Organization("Other"))
		for _, v := range []struct {
			path, as string
		}{{keys, f.AllToken}, {keys, user}, {"/v1/customer-portal/license-keys/", ""}} {
			f.Run(floetest.Scenario{Do: "POST " + v.path + "validate", As: v.as, Body: f.ask(k), Status: 200, Want: fields{"last_validated_at": before}})
			f.Run(floetest.Scenario{Do: "POST " + v.path + "activate", As: v.as, Body: f.ask(k, "label", "x"), Status: 200, Want: fields{"created_at": before}})
		}
		f.Run(floetest.Scenario{Do: "POST /v1/test-clock/advance", As: f.AllToken, Body: fields{"to": k.Text("expires_at")}, Status: 200})
		f.Run(floetest.Scenario{Do: "POST /v1/customer-portal/license-keys/validate", Body: f.ask(k), Status: 404})
	})
}

// Who asks with the token of another organization is nobody in this one: a test
// clock of theirs makes no key valid that has expired, and the record does not
// show their token.
func TestKeyAskedForByStrangers(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		const portal = "/v1/customer-portal/license-keys/"
		k, _, _ := f.key(fields{"expires": fields{"ttl": 1, "timeframe": "day"}, "activations": fields{"limit": 9, "enable_customer_admin": false}}, order())
		f.Clock.Advance(48 * time.Hour)
		other := f.Organization("Other")
		f.Run(floetest.Scenario{Do: "POST /v1/test-clock", As: other.Token, Body: fields{"now": floetest.Start}, Status: 201})
		_, user := f.NewUser(auth.Owner, []floetest.Org{other})
		for _, as := range []string{"", other.Token, user} {
			f.RunAll(
				floetest.Scenario{Do: "POST " + portal + "validate", As: as, Body: f.ask(k), Status: 404, Want: missing("License key has expired.")},
				floetest.Scenario{Do: "POST " + portal + "activate", As: as, Body: f.ask(k, "label", "x"), Status: 403, Want: forbidden("License key has expired.")},
			)
		}
		f.Run(floetest.Scenario{Do: "PATCH " + keys + k.ID(), As: f.AllToken, Body: `{"expires_at":null}`, Status: 200})
		for as, actor := range map[string]fields{
			"":          {"type": "anonymous", "id": nil, "comment": nil, "email": nil},
			other.Token: {"type": "anonymous", "id": nil, "comment": nil, "email": nil},
			user:        {"type": "anonymous", "id": nil, "comment": nil, "email": nil},
			f.AllToken:  {"type": "organization", "id": floetest.Any},
		} {
			a := f.Run(floetest.Scenario{Do: "POST " + portal + "activate", As: as, Body: f.ask(k, "label", "x"), Status: 200})
			if at := a.Text("created_at"); at < "2026-05-06" {
				t.Errorf("activated at %s", at)
			}
			f.Run(floetest.Scenario{Do: "POST " + portal + "deactivate", As: as, Body: f.ask(k, "activation_id", a.ID()), Status: 204})
			f.Run(floetest.Scenario{Do: "GET /v1/audit?limit=2&type=license_key.*", As: f.AllToken, Status: 200,
				Want: fields{"items": []any{fields{"type": "license_key.deactivated", "actor": actor}, fields{"type": "license_key.activated", "actor": actor}}}})
		}
		r := f.Do("GET", "/v1/audit?actor_type=anonymous", f.AllToken, nil)
		if r.Status != 200 || len(r.Path("items").([]any)) != 6 {
			t.Errorf("what nobody in particular did: %d %s", r.Status, r.Body)
		}
	})
}

func TestKeyProvided(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		b, c, src := f.Benefit(fields{"type": "license_keys", "properties": fields{"prefix": "X"}}).ID(), f.Customer(nil).ID(), order()
		f.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `INSERT INTO benefit_grants (id, organization_id, created_at, customer_id, benefit_id, order_id, source_id, holder_id, properties)
				VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`, id.New(), f.Org.ID, tx.Now(), c, b, src.OrderID, src.OrderID, f.ownerOf(c), json.RawMessage(`{"user_provided_key":"mine"}`))
			return err
		})
		f.sync(c, src, true, []string{b}, created)
		if g := f.one(b); g.Properties["user_provided_key"] != "mine" || g.Properties["display_key"] != "****-mine" {
			t.Errorf("32 %v", g.Properties)
		}
		ok := floetest.Scenario{Do: "POST " + keys + "validate", As: f.AllToken, Body: fields{"key": "mine", "organization_id": f.Org.ID}, Status: 200}
		f.Run(ok)
		ok.Body, ok.Status = fields{"key": "MINE", "organization_id": f.Org.ID}, 404
		f.Run(ok)
	})
}

// TestDisabledStaysDisabled: what an operator has disabled does not work again
// because a payment was late, or the benefits of the product changed.
func TestDisabledStaysDisabled(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		src := subscription()
		k, b, c := f.key(fields{"limit_usage": 5}, src)
		is := func(status string) {
			t.Helper()
			f.Run(floetest.Scenario{Do: "GET " + keys + k.ID(), As: f.AllToken, Status: 200, Want: fields{"status": status}})
		}
		patch := func(status string) {
			t.Helper()
			f.Run(floetest.Scenario{Do: "PATCH " + keys + k.ID(), As: f.AllToken, Body: fields{"status": status}, Status: 200, Want: fields{"status": status}})
		}
		patch("disabled")
		for range 2 {
			f.sync(c, src, false, nil, revoked)
			is("revoked")
			f.sync(c, src, true, []string{b}, created)
			is("disabled")
		}
		f.sync(c, src, false, nil, revoked)
		patch("granted") // gives the grant again, too
		f.sync(c, src, false, nil, revoked)
		f.sync(c, src, true, []string{b}, created)
		is("granted")
		patch("disabled")
		patch("revoked")
		f.sync(c, src, true, []string{b}, created)
		is("granted")
	})
}

func TestKeyLaterRuns(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		src := order()
		k, b, c := f.key(fields{"limit_usage": 5, "expires": fields{"ttl": 10, "timeframe": "day"}}, src)
		get := func() *floetest.Response { return f.Do("GET", keys+k.ID(), f.AllToken, nil) }
		f.Run(floetest.Scenario{Do: "PATCH " + keys + k.ID(), As: f.AllToken, Body: `{"limit_usage":99}`, Status: 200, Want: `{"limit_usage":99}`})
		f.sync(c, src, false, nil, revoked)
		if r := get(); r.Text("status") != "revoked" || r.Text("key") != k.Text("key") {
			t.Errorf("2.3 %s", r.Body)
		}
		f.Clock.Advance(24 * time.Hour)
		f.sync(c, src, true, []string{b}, created)
		if r := get(); r.ID() != k.ID() || r.Text("status") != "granted" || r.Differs(fields{"limit_usage": 5}) != "" || r.Text("expires_at") <= k.Text("expires_at") {
			t.Errorf("2.2 granted again: %s", r.Body)
		}
		f.Run(floetest.Scenario{Do: "PATCH " + keys + k.ID(), As: f.AllToken, Body: `{"status":"disabled","limit_usage":99}`, Status: 200, Events: []string{"license_key.updated"}})
		f.Run(floetest.Scenario{Name: "2.2 the benefit changes", Do: "PATCH /v1/benefits/" + b, As: f.AllToken, Body: `{"type":"license_keys","properties":{"limit_usage":6}}`, Status: 200})
		if r := get(); r.Differs(`{"status":"disabled","limit_usage":6,"expires_at":null}`) != "" {
			t.Errorf("2.2 %s", r.Body)
		}
		f.sync(c, subscription(), true, []string{b}, created)
		f.Run(floetest.Scenario{Name: "2.2 another purchase, another key", Do: "GET " + keys + "?benefit_id=" + b, As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"id": k.ID()}, fields{"status": "granted"}}}})
		f.sync(c, src, false, nil, revoked) // 40
		f.Run(floetest.Scenario{Name: "2.3 only its own key", Do: "GET " + keys + "?benefit_id=" + b, As: f.AllToken, Status: 200,
			Want: fields{"items": []any{fields{"id": k.ID(), "status": "revoked"}, fields{"status": "granted"}}}})
	})
}

func TestKeyAccess(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		other := f.Organization("Other")
		k, b, _ := f.key(fields{"activations": fields{"limit": 3, "enable_customer_admin": true}}, order())
		a := f.Do("POST", keys+"activate", f.AllToken, f.ask(k, "label", "")).ID()
		body := f.ask(k, "label", "x", "activation_id", a)
		for _, do := range []string{"GET %s", "PATCH %s", "POST %s/rotate", "GET %s/activations/" + a} {
			f.RunAll(
				floetest.Scenario{Name: "foreign " + do, Do: f.Path(do, keys+k.ID()), As: other.Token, Body: `{}`, Status: 404, Want: notFound},
				floetest.Scenario{Name: "unknown " + do, Do: f.Path(do, keys+unknownID), As: f.AllToken, Body: `{}`, Status: 404, Want: notFound},
				floetest.Scenario{Name: "nobody " + do, Do: f.Path(do, keys+k.ID()), Body: `{}`, Status: 401, Want: `{"error":"Unauthorized"}`},
			)
		}
		for _, op := range []string{"validate", "activate", "deactivate"} {
			f.RunAll(
				floetest.Scenario{Name: "foreign " + op, Do: "POST " + keys + op, As: other.Token, Body: body, Status: 404, Want: notFound},
				floetest.Scenario{Name: "nobody " + op, Do: "POST " + keys + op, Body: body, Status: 401},
				floetest.Scenario{Name: "scope " + op, Do: "POST " + keys + op, As: f.Token(auth.LicenseKeysRead), Body: body, Status: 403},
				floetest.Scenario{Name: "no organization " + op, Do: "POST " + keys + op, As: f.AllToken, Body: fields{"key": "x", "label": "x", "activation_id": a}, Status: 422},
			)
		}
		f.RunAll(
			floetest.Scenario{Name: "foreign list", Do: "GET " + keys, As: other.Token, Status: 200, Want: `{"items":[]}`},
			floetest.Scenario{Name: "nobody lists", Do: "GET " + keys, Status: 401},
			floetest.Scenario{Name: "read scope", Do: "GET " + keys, As: f.Token(auth.LicenseKeysRead), Status: 200, Want: `{"pagination":{"total_count":1,"max_page":1}}`},
			floetest.Scenario{Name: "finance may not change", Do: "PATCH " + keys + k.ID(), As: f.User(auth.Finance), Body: `{}`, Status: 403},
			floetest.Scenario{Name: "by status", Do: "GET " + keys + "?status=revoked&status=disabled&benefit_id=" + b, As: f.AllToken, Status: 200, Want: `{"items":[]}`},
			floetest.Scenario{Name: "with activations", Do: "GET " + keys + k.ID(), As: f.AllToken, Status: 200, Want: fields{"activations": []any{fields{"id": a, "label": ""}}}},
			floetest.Scenario{Name: "activation", Do: "GET " + keys + k.ID() + "/activations/" + a, As: f.AllToken, Status: 200,
				Want: fields{"id": a, "license_key_id": k.ID(), "meta": fields{}, "license_key": fields{"id": k.ID()}}},
			floetest.Scenario{Name: "unknown activation", Do: "GET " + keys + k.ID() + "/activations/" + unknownID, As: f.AllToken, Status: 404, Want: notFound},
		)
	})
}

func TestKeyUpdate(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		k, b, c := f.key(fields{"limit_usage": 5}, order())
		patch := func(name, body string, status int, want any, events ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "PATCH " + keys + k.ID(), As: f.AllToken, Body: body, Status: status, Want: want, Events: events})
		}
		changed := "license_key.updated"
		patch("nothing", `{}`, 200, `{"modified_at":null}`, changed)
		patch("null status", `{"status":null}`, 200, `{"status":"granted"}`, changed)
		patch("negative usage", `{"usage":-3}`, 200, `{"usage":-3}`, changed)
		patch("usage stays", `{"limit_activations":4}`, 200, `{"usage":-3,"limit_activations":4,"limit_usage":5}`, changed)
		patch("no limits", `{"limit_activations":null,"limit_usage":null,"expires_at":"2030-01-01T00:00:00+02:00"}`, 200,
			`{"limit_activations":null,"limit_usage":null,"expires_at":"2029-12-31T22:00:00Z"}`, changed)
		patch("no expiry", `{"expires_at":null}`, 200, `{"expires_at":null}`, changed)
		for name, body := range map[string]string{"zero": `{"limit_usage":0}`, "zero activations": `{"limit_activations":0}`, "33 bits": `{"usage":2147483648}`,
			"null usage": `{"usage":null}`, "unknown status": `{"status":"zz"}`, "no time": `{"expires_at":"soon"}`} {
			f.Run(floetest.Scenario{Name: name, Do: "PATCH " + keys + k.ID(), As: f.AllToken, Body: body, Status: 422})
		}
		patch("3.1 disabled touches only the key", `{"status":"disabled"}`, 200, `{"status":"disabled"}`, changed)
		patch("3.1 and back", `{"status":"granted"}`, 200, `{"status":"granted"}`, changed)
		patch("3.1 revoked revokes the grant", `{"status":"revoked"}`, 200, `{"status":"revoked"}`, revoked, changed)
		if g := f.one(b); !g.IsRevoked {
			t.Errorf("3.1 %+v", g)
		}
		patch("3.1 revoked again", `{"status":"revoked"}`, 200, nil, changed)
		patch("3.1 disabled grants again", `{"status":"disabled"}`, 200, `{"status":"disabled","limit_usage":5}`, created, changed)
		if g := f.one(b); !g.IsGranted {
			t.Errorf("3.1 %+v", g)
		}
		f.Run(floetest.Scenario{Do: "DELETE /v1/customers/" + c, As: f.AllToken, Status: 204})
		patch("3.1 a deleted customer gets nothing", `{"status":"granted"}`, 200, `{"status":"granted"}`, changed)
		if g := f.grants(b); !g[0].IsRevoked {
			t.Errorf("3.1 %+v", g)
		}
	})
}

func TestKeyRotate(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		k, b, _ := f.key(fields{"prefix": "old", "activations": fields{"limit": 1, "enable_customer_admin": false}}, order())
		f.Do("POST", keys+"activate", f.AllToken, f.ask(k, "label", "x"))
		f.Do("PATCH", "/v1/benefits/"+b, f.AllToken, `{"type":"license_keys","properties":{"prefix":"new","activations":{"limit":1,"enable_customer_admin":false}}}`)
		rotate := floetest.Scenario{Name: "3.2", Do: "POST " + keys + k.ID() + "/rotate", As: f.AllToken, Status: 200, Want: fields{"id": k.ID(), "status": "granted", "limit_activations": 1},
			Events: []string{"license_key.rotated"}}
		r := f.Run(rotate)
		if !strings.HasPrefix(r.Text("key"), "NEW-") {
			t.Errorf("3.2 %s", r.Text("key"))
		}
		if g := f.one(b); g.Properties["display_key"] != r.Text("display_key") {
			t.Errorf("3.2 the grant shows %v", g.Properties)
		}
		f.RunAll(
			floetest.Scenario{Name: "3.2 the old one is gone", Do: "POST " + keys + "validate", As: f.AllToken, Body: f.ask(k), Status: 404, Want: notFound},
			floetest.Scenario{Name: "3.2 the new one works", Do: "POST " + keys + "validate", As: f.AllToken, Body: f.ask(r), Status: 200},
			floetest.Scenario{Name: "3.2 activations stay", Do: "GET " + keys + k.ID(), As: f.AllToken, Status: 200, Want: `{"activations":[{"label":"x"}]}`},
		)
		f.Do("PATCH", keys+k.ID(), f.AllToken, `{"status":"disabled"}`)
		rotate.Name, rotate.Want = "3.2 disabled", `{"status":"disabled"}`
		f.Run(rotate)
		f.Do("PATCH", keys+k.ID(), f.AllToken, `{"status":"revoked"}`)
		f.Run(floetest.Scenario{Name: "3.2 revoked", Do: rotate.Do, As: f.AllToken, Status: 400,
			Want: `{"error":"RotateNotPermitted","detail":"License key cannot be rotated in its current status. Current status: revoked. Allowed statuses: disabled, granted."}`})
	})
}

func TestKeyValidate(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		k, b, c := f.key(fields{"limit_usage": 3, "expires": fields{"ttl": 1, "timeframe": "day"}, "activations": fields{"limit": 5, "enable_customer_admin": true}}, order())
		other, _, _ := f.key(fields{"activations": fields{"limit": 5, "enable_customer_admin": true}}, order())
		plain := f.Do("POST", keys+"activate", f.AllToken, f.ask(k, "label", "plain", "meta", fields{"m": 1})).ID()
		bound := f.Do("POST", keys+"activate", f.AllToken, f.ask(k, "label", "bound", "conditions", fields{"major": 1, "edition": "pro"})).ID()
		foreign := f.Do("POST", keys+"activate", f.AllToken, f.ask(other, "label", "other")).ID()
		validate := func(name string, status int, want any, more ...any) {
			t.Helper()
			for _, path := range []string{keys, "/v1/customer-portal/license-keys/"} {
				as := f.AllToken
				if path != keys {
					as = ""
				}
				f.Run(floetest.Scenario{Name: name, Do: "POST " + path + "validate", As: as, Body: f.ask(k, more...), Status: status, Want: want, Events: []string{}})
			}
		}
		validate("plain", 200, fields{"id": k.ID(), "activation": nil, "last_validated_at": floetest.Any, "modified_at": floetest.Any})
		validate("1 unknown key", 404, notFound, "key", "nothing")
		validate("1 other letter case", 404, notFound, "key", strings.ToLower(k.Text("key")))
		validate("1 not trimmed", 404, notFound, "key", " "+k.Text("key"))
		validate("1 other organization", 404, notFound, "organization_id", unknownID)
		validate("4 unknown activation", 404, notFound, "activation_id", unknownID)
		validate("4 activation of another key", 404, notFound, "activation_id", foreign)
		validate("4 activation", 200, fields{"activation": fields{"id": plain, "label": "plain", "meta": fields{"m": 1}}}, "activation_id", plain)
		validate("5 accepts anything", 200, nil, "activation_id", plain, "conditions", fields{"x": 1})
		validate("5 same conditions", 200, nil, "activation_id", bound, "conditions", fields{"edition": "pro", "major": 1.0})
		differ := missing("License key does not match required conditions")
		validate("5 none", 404, differ, "activation_id", bound)
		validate("5 others", 404, differ, "activation_id", bound, "conditions", fields{"major": 2, "edition": "pro"})
		validate("5 more", 404, differ, "activation_id", bound, "conditions", fields{"major": 1, "edition": "pro", "x": 1})
		validate("5 text is no number", 404, differ, "activation_id", bound, "conditions", fields{"major": "1", "edition": "pro"})
		validate("5 without an activation they do not count", 200, nil, "conditions", fields{"x": 1})
		validate("6 benefit", 200, nil, "benefit_id", b)
		validate("6 other benefit", 404, missing("License key does not match given benefit."), "benefit_id", unknownID)
		validate("7 customer", 200, nil, "customer_id", c)
		validate("7 other customer", 404, missing("License key does not match given user."), "customer_id", unknownID)
		validate("8 negative", 422, nil, "increment_usage", -1)
		validate("8 one", 200, nil, "increment_usage", 1) // twice: here and in the portal
		validate("8 too many", 400, `{"error":"BadRequest","detail":"License key only has 1 more usages."}`, "increment_usage", 2)
		validate("8 none", 200, `{"usage":2}`, "increment_usage", 0)
		f.Run(floetest.Scenario{Name: "8 the last", Do: "POST " + keys + "validate", As: f.AllToken, Body: f.ask(k, "increment_usage", 1), Status: 200, Want: `{"usage":3}`})
		validate("exhausted but valid", 200, `{"usage":3}`)
		validate("exhausted", 400, `{"error":"BadRequest","detail":"License key only has 0 more usages."}`, "increment_usage", 1)
		n := f.Do("GET", keys+k.ID(), f.AllToken, nil)
		if d := n.Differs(`{"validations":21,"usage":3}`); d != "" {
			t.Errorf("only successes count: %s", d)
		}
		f.Clock.Advance(24 * time.Hour)
		validate("3 expired", 404, missing("License key has expired."))
		f.Do("PATCH", keys+k.ID(), f.AllToken, `{"status":"disabled"}`)
		validate("2 disabled goes before expired", 404, missing("License key is no longer active."))
		big := floetest.Scenario{Name: "no limit but 32 bits", Do: "POST " + keys + "validate", As: f.AllToken, Body: f.ask(other, "increment_usage", 2147483647), Status: 200}
		f.Run(big)
		big.Body, big.Status = f.ask(other, "increment_usage", json.Number("9223372036854775807")), 400
		f.Run(big)
	})
}

func TestKeyActivate(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		k, b, _ := f.key(fields{"expires": fields{"ttl": 1, "timeframe": "day"}, "activations": fields{"limit": 2, "enable_customer_admin": true}}, order())
		none, _, _ := f.key(fields{}, order())
		do := func(name, op string, body fields, status int, want any, events ...string) *floetest.Response {
			t.Helper()
			return f.Run(floetest.Scenario{Name: name, Do: "POST /v1/customer-portal/license-keys/" + op, Body: body, Status: status, Want: want, Events: events})
		}
		a := do("first", "activate", f.ask(k, "label", "same", "meta", fields{"m": "x"}, "conditions", fields{"c": 1}), 200,
			fields{"label": "same", "license_key_id": k.ID(), "meta": fields{"m": "x"}, "license_key": fields{"id": k.ID(), "validations": 0}}, "license_key.activated")
		if strings.Contains(a.Body, "conditions") {
			t.Errorf("conditions are never shown: %s", a.Body)
		}
		second := do("same label", "activate", f.ask(k, "label", "same"), 200, nil, "license_key.activated")
		do("5 limit", "activate", f.ask(k, "label", "third"), 403, forbidden("License key activation limit already reached"))
		do("frees", "deactivate", f.ask(k, "activation_id", a.ID()), 204, nil, "license_key.deactivated")
		do("already", "deactivate", f.ask(k, "activation_id", a.ID()), 404, notFound)
		do("unknown", "deactivate", f.ask(k, "activation_id", unknownID), 404, notFound)
		do("of another key", "deactivate", f.ask(none, "activation_id", second.ID()), 404, notFound)
		do("again", "activate", f.ask(k, "label", "third"), 200, nil, "license_key.activated")
		do("1 unknown", "activate", fields{"key": "x", "organization_id": f.Org.ID, "label": "x"}, 404, notFound)
		do("no label", "activate", f.ask(k), 422, nil)
		do("conditions too long", "activate", f.ask(k, "label", "", "conditions", fields{strings.Repeat("k", 41): 1}), 422, nil)
		do("4 not supported", "activate", f.ask(none, "label", "x"), 403,
			forbidden("This license key does not support activations. Use the /validate endpoint instead to check license validity."))
		f.Clock.Advance(24 * time.Hour)
		do("3 expired", "activate", f.ask(k, "label", "x"), 403, forbidden("License key has expired."))
		f.Do("PATCH", keys+k.ID(), f.AllToken, `{"status":"revoked"}`)
		do("2 revoked", "activate", f.ask(k, "label", "x"), 403, forbidden("License key is no longer active. This license key can not be activated."))
		do("deactivate all the same", "deactivate", f.ask(k, "activation_id", second.ID()), 204, nil, "license_key.deactivated")
		f.Run(floetest.Scenario{Name: "hidden", Do: "GET " + keys + k.ID(), As: f.AllToken, Status: 200, Want: `{"activations":[{"label":"third"}]}`})
		_ = b
	})
}

// Counting is exact however many ask at the same time.
func TestKeyConcurrency(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		k, _, _ := f.key(fields{"limit_usage": 3, "activations": fields{"limit": 2, "enable_customer_admin": true}}, order())
		for _, v := range []struct {
			op     string
			body   fields
			want   int
			refuse int
		}{
			{"validate", f.ask(k, "increment_usage", 1), 3, 400},
			{"activate", f.ask(k, "label", "x"), 2, 403},
		} {
			statuses := make([]int, 8)
			var wg sync.WaitGroup
			for i := range statuses {
				wg.Go(func() {
					statuses[i] = f.Do("POST", "/v1/customer-portal/license-keys/"+v.op, "", v.body).Status
				})
			}
			wg.Wait()
			n := map[int]int{}
			for _, s := range statuses {
				n[s]++
			}
			if n[200] != v.want || n[v.refuse] != len(statuses)-v.want {
				t.Errorf("%s: %v, want %d", v.op, statuses, v.want)
			}
		}
		f.Run(floetest.Scenario{Do: "GET " + keys + k.ID(), As: f.AllToken, Status: 200, Want: `{"usage":3,"validations":3}`})
	})
}

func TestKeysAreUnique(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, f bench) {
		f.Server.Grants.NewKey = func() string { return "SAME" }
		f.key(fields{}, order())
		b, c := f.Benefit(fields{"type": "license_keys"}).ID(), f.Customer(nil).ID()
		err := f.task(grant.Task{Source: order(), Benefits: ids([]string{b}), Entitled: true}, c)
		if !db.IsUnique(err, "license_keys_key") {
			t.Errorf("the same key twice in an organization: %v", err)
		}
		if n := len(f.grants(b)); n != 0 {
			t.Errorf("%d grants without a key", n)
		}
		// Another organization may have the same.
		other := f.Organization("Other")
		made := f.Do("POST", "/v1/benefits/", other.Token, fields{"type": "license_keys", "description": "Keys", "properties": fields{}}).ID()
		who := f.Do("POST", "/v1/customers/", other.Token, fields{"email": "x@example.com"}).ID()
		f.write(func(ctx context.Context, tx *db.Tx) error {
			row, err := f.Server.Customers.Lock(ctx, tx, other.ID, id.ID(who))
			if err != nil {
				return err
			}
			return f.Server.Grants.Sync(ctx, tx, system, row, order(), ids([]string{made}), true)
		})
		for _, org := range []floetest.Org{f.Org, other} {
			f.Run(floetest.Scenario{Do: "POST /v1/customer-portal/license-keys/validate", Body: fields{"key": "SAME", "organization_id": org.ID}, Status: 200,
				Want: fields{"organization_id": org.ID}})
		}
	})
}

func TestKeyLimit(t *testing.T) {
	t.Parallel()
	f := floetest.New(t, func(c *server.Config) { c.KeyLimit = api.Limit{Calls: 3, Per: time.Minute, Block: time.Minute} })
	call := func(from string) *floetest.Response {
		r := f.Request(http.MethodPost, "/v1/customer-portal/license-keys/validate", "", fields{"key": "x", "organization_id": f.Org.ID})
		r.RemoteAddr = from
		return f.Send(r)
	}
	for i := range 5 {
		want := 404
		if i >= 3 {
			want = 429
		}
		r := call("192.0.2.1:1000")
		if r.Status != want || want == 429 && (r.Body != "" || r.Header.Get("Retry-After") != "60" && r.Header.Get("Retry-After") != "59") {
			t.Errorf("call %d: %d %q, Retry-After %q", i, r.Status, r.Body, r.Header.Get("Retry-After"))
		}
	}
	if r := call("192.0.2.2:1000"); r.Status != 404 {
		t.Errorf("another address: %d", r.Status)
	}
	for i := range 4 {
		if r := call(fmt.Sprintf("[2001:db8::%d]:1000", i+1)); (r.Status == 429) != (i == 3) {
			t.Errorf("address %d of one network: %d", i, r.Status)
		}
	}
	if r := f.Do("GET", keys, f.AllToken, nil); r.Status != 200 {
		t.Errorf("others are not limited: %d", r.Status)
	}
}
