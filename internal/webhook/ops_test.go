package webhook_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/webhook"
)

// body is a valid creation with some fields changed; nil takes one out.
func body(change map[string]any) map[string]any {
	b := map[string]any{"url": "https://example.com/hook", "format": "raw", "events": []string{"customer.created"}}
	for k, v := range change {
		if b[k] = v; v == nil {
			delete(b, k)
		}
	}
	return b
}

const endpoints = "/v1/webhooks/endpoints"

// strict runs a test on both engines as a server in production is: nothing
// private may be called.
func strict(t *testing.T, fn func(t *testing.T, f *floetest.Floe)) {
	t.Helper()
	t.Parallel()
	floetest.Engines(t, fn)
}

// TestAccess: cases 1 to 8, 18 and 63.
func TestAccess(t *testing.T) {
	strict(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		theirs := f.Do("POST", endpoints, other.Token, body(nil)).ID()
		f.Do("POST", "/v1/customers/", other.Token, map[string]any{"email": "theirs@example.com"})
		event, err := db.One[string](t.Context(), f.DB, `SELECT id FROM webhook_events WHERE organization_id = ?`, other.ID)
		if err != nil {
			t.Fatal(err)
		}
		user := f.User(auth.Owner)
		f.RunAll(
			floetest.Scenario{Name: "nobody", Do: "GET " + endpoints, Status: 401, Want: `{"error": "Unauthorized"}`},
			floetest.Scenario{Name: "scope", Do: "GET " + endpoints, As: f.Token(auth.CustomersRead), Status: 403, Want: `{"error": "insufficient_scope"}`},
			floetest.Scenario{Name: "read scope writes", Do: "POST " + endpoints, As: f.Token(auth.WebhooksRead), Body: body(nil), Status: 403},
			floetest.Scenario{Name: "stranger", Do: "GET " + endpoints + "?organization_id=" + string(other.ID), As: user, Status: 200, Want: `{"items": []}`},
			floetest.Scenario{Name: "member lists", Do: "GET " + endpoints, As: f.User(auth.Plain), Status: 200, Want: `{"items": []}`},
			floetest.Scenario{Name: "member", Do: "POST " + endpoints, As: f.User(auth.Plain), Body: body(map[string]any{"organization_id": f.Org.ID}),
				Status: 403, Want: `{"error": "NotPermitted", "detail": "You don't have permission to manage the organization"}`},
			floetest.Scenario{Name: "owner", Do: "POST " + endpoints, As: user, Body: body(map[string]any{"organization_id": f.Org.ID}), Status: 201,
				Want: `{"enabled": true, "modified_at": null, "name": null}`, Events: []string{"webhook_endpoint.created"},
				Check: func(t testing.TB, r *floetest.Response) {
					if s, _ := r.Path("secret").(string); !strings.HasPrefix(s, "whsec_") || len(s) != 49 {
						t.Errorf("the secret is %q", s)
					}
				}},
			floetest.Scenario{Name: "organization", Do: "POST " + endpoints, As: f.AllToken, Body: body(nil), Status: 201, Want: map[string]any{"organization_id": f.Org.ID}},
			floetest.Scenario{Name: "named by its own token", Do: "POST " + endpoints, As: f.AllToken, Body: body(map[string]any{"organization_id": f.Org.ID}), Status: 422,
				Want: `{"detail": [{"type": "organization_token", "loc": ["body", "organization_id"], "msg": "Setting organization_id is disallowed when using an organization token."}]}`},
			floetest.Scenario{Name: "not named", Do: "POST " + endpoints, As: user, Body: body(nil), Status: 422,
				Want: `{"detail": [{"type": "missing", "loc": ["body", "organization_id"], "msg": "organization_id is required."}]}`},
			floetest.Scenario{Name: "unknown", Do: "POST " + endpoints, As: user, Body: body(map[string]any{"organization_id": other.ID}), Status: 422,
				Want: `{"detail": [{"loc": ["body", "organization_id"], "msg": "Organization not found."}]}`},
		)
		for _, do := range []string{"GET %s", "PATCH %s", "DELETE %s", "PATCH %s/secret"} {
			f.Run(floetest.Scenario{Name: "foreign " + do, Do: f.Path(do, endpoints+"/"+theirs), As: f.AllToken, Body: map[string]any{}, Status: 404,
				Want: `{"error": "ResourceNotFound", "detail": "Not found"}`})
		}
		for _, e := range []string{event, theirs} { // the second is no event at all
			f.Run(floetest.Scenario{Name: "foreign event", Do: "POST /v1/webhooks/events/" + e + "/redeliver", As: f.AllToken, Status: 404,
				Want: `{"error": "ResourceNotFound", "detail": "Not found"}`})
		}
		f.Run(floetest.Scenario{Name: "own event", Do: "POST /v1/webhooks/events/" + event + "/redeliver", As: other.Token, Status: 202})
		replay := f.Run(floetest.Scenario{Do: "POST /v1/webhooks/replays", As: other.Token, Body: map[string]any{"endpoint_id": theirs}, Status: 202}).ID()
		f.RunAll(
			floetest.Scenario{Name: "foreign replay", Do: "GET /v1/webhooks/replays/" + replay, As: f.AllToken, Status: 404,
				Want: `{"error": "ResourceNotFound", "detail": "Not found"}`},
			floetest.Scenario{Name: "own replay", Do: "GET /v1/webhooks/replays/" + replay, As: other.Token, Status: 200, Want: map[string]any{"endpoint_id": theirs}},
			floetest.Scenario{Name: "replay of a foreign endpoint", Do: "POST /v1/webhooks/replays", As: f.AllToken,
				Body: map[string]any{"endpoint_id": theirs}, Status: 404, Want: `{"error": "ResourceNotFound", "detail": "Not found"}`},
		)
		f.Run(floetest.Scenario{Name: "unknown endpoint's deliveries", Do: "GET /v1/webhooks/deliveries?endpoint_id=" + theirs, As: f.AllToken, Status: 200, Want: `{"items": []}`})
	})
}

// TestURLs: cases 9 to 13.
func TestURLs(t *testing.T) {
	strict(t, func(t *testing.T, f *floetest.Floe) {
		for url, want := range map[string]string{
			"  https://example.com/x  ":        "https://example.com/x",
			"https://EXAMPLE.com":              "https://example.com/",
			"https://münchen.example":          "https://xn--mnchen-3ya.example/",
			"https://user:pw@example.com:8443": "https://user:pw@example.com:8443/",
			"https://8.8.8.8/x":                "https://8.8.8.8/x",
			"https://my_host.example.com/?a=b": "https://my_host.example.com/?a=b",
		} {
			f.Run(floetest.Scenario{Do: "POST " + endpoints, As: f.AllToken, Body: body(map[string]any{"url": url}), Status: 201, Want: map[string]any{"url": want}})
		}
		refused := func(typ, msg string, urls ...string) {
			t.Helper()
			for _, url := range urls {
				f.Run(floetest.Scenario{Do: "POST " + endpoints, As: f.AllToken, Body: body(map[string]any{"url": url}), Status: 422,
					Want: map[string]any{"error": "RequestValidationError", "detail": []any{map[string]any{"type": typ, "loc": []any{"body", "url"}, "msg": msg}}}})
			}
		}
		refused("url_scheme", "URL scheme should be 'https'", "http://example.com/", "ftp://example.com/")
		refused("value_error", "Value error, Invalid webhook URL: the hostname contains characters not allowed in domain names.", "https://exa—mple.com/x")
		refused("value_error", "Value error, Invalid webhook URL: % must be followed by two hexadecimal digits.", "https://example.com/100%", "https://example.com/x#%zz")
		refused("value_error", "Value error, Webhook URLs cannot point to localhost or private IP addresses.",
			"https://127.0.0.1/x", "https://localhost/x", "https://[::1]/", "https://10.0.0.1/", "https://2130706433/", "https://0x7f.1/",
			"https://a.localhost/", "https://metadata.google.internal/", "https://169.254.169.254/", "https://100.64.0.1/", "https://224.0.0.1/",
			"https://[::ffff:127.0.0.1]/", "https://[fd00::1]/", "https://[fe80::1]/", "https://[64:ff9b::a00:1]/", "https://[2002:a00:1::]/",
			"https://0.0.0.0/", "https://255.255.255.255/", "https://192.0.2.1/", "https://localhost./")
		refused("url_parsing", "Input should be a valid URL, relative URL without a base", "example.com")
		refused("url_too_long", "URL should have at most 2083 characters", "https://example.com/"+strings.Repeat("x", 2100))
	})
}

// TestFields: cases 14 to 17 and 19 to 21.
func TestFields(t *testing.T) {
	strict(t, func(t *testing.T, f *floetest.Floe) {
		create := func(name string, change map[string]any, status int, want any) *floetest.Response {
			return f.Run(floetest.Scenario{Name: name, Do: "POST " + endpoints, As: f.AllToken, Body: body(change), Status: status, Want: want})
		}
		create("unknown type", map[string]any{"events": []string{"customer.created", "subscription.migrated"}}, 422, `{"detail": [{"type": "enum", "loc": ["body", "events", 1]}]}`)
		create("unknown format", map[string]any{"format": "xml"}, 422, `{"detail": [{"type": "enum", "loc": ["body", "format"]}]}`)
		create("all types", map[string]any{"events": webhook.Types()}, 201, map[string]any{"events": webhook.Types()})
		create("none, twice", map[string]any{"events": []string{}}, 201, `{"events": []}`)
		create("order kept", map[string]any{"events": []string{"order.paid", "customer.created", "order.paid"}}, 201, `{"events": ["order.paid", "customer.created", "order.paid"]}`)
		create("short secret", map[string]any{"secret": strings.Repeat("x", 31)}, 422, `{"detail": [{"type": "string_too_short", "msg": "String should have at least 32 characters"}]}`)
		create("own secret", map[string]any{"secret": strings.Repeat("x", 32)}, 201, map[string]any{"secret": strings.Repeat("x", 32)})
		if len(webhook.Types()) != 41 {
			t.Errorf("%d types", len(webhook.Types()))
		}
		e := create("named", map[string]any{"name": "mine"}, 201, nil)
		path := endpoints + "/" + e.ID()
		for _, nothing := range []string{`{}`, `{"name": null}`, `{"unknown": 1}`} {
			f.Run(floetest.Scenario{Name: "nothing changes", Do: "PATCH " + path, As: f.AllToken, Body: nothing, Status: 200, Want: `{"name": "mine", "modified_at": null}`})
		}
		f.RunAll(
			floetest.Scenario{Name: "null name", Do: "PATCH " + path, As: f.AllToken, Body: `{"name": null, "url": null, "events": null, "format": null, "enabled": null}`, Status: 200, Want: `{"name": "mine", "enabled": true}`},
			floetest.Scenario{Name: "empty name", Do: "PATCH " + path, As: f.AllToken, Body: `{"name": "", "events": ["order.paid"], "format": "slack"}`, Status: 200, Want: `{"name": "", "format": "slack", "events": ["order.paid"]}`},
			floetest.Scenario{Name: "private", Do: "PATCH " + path, As: f.AllToken, Body: `{"url": "https://10.1.2.3/"}`, Status: 422},
			floetest.Scenario{Name: "off", Do: "PATCH " + path, As: f.AllToken, Body: `{"enabled": false}`, Status: 200, Want: `{"enabled": false}`},
		)
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `UPDATE webhook_endpoints SET url = 'https://10.0.0.1/' WHERE id = ?`+floetest.AllOrganizations, e.ID())
			return err
		}); err != nil {
			t.Fatal(err)
		}
		f.RunAll(
			floetest.Scenario{Name: "on with a stored URL that is invalid", Do: "PATCH " + path, As: f.AllToken, Body: `{"enabled": true}`, Status: 422,
				Want: `{"detail": [{"loc": ["body", "enabled"], "msg": "Cannot enable a webhook endpoint with an invalid URL. Please update the URL first."}]}`},
			floetest.Scenario{Name: "on with a new URL", Do: "PATCH " + path, As: f.AllToken, Body: `{"enabled": true, "url": "https://example.com"}`, Status: 200, Want: `{"enabled": true}`},
		)
		first := e.Path("secret")
		r := f.Run(floetest.Scenario{Name: "rotate", Do: "PATCH " + path + "/secret", As: f.AllToken, Status: 200})
		if r.Path("secret") == first {
			t.Error("the secret is the old one")
		}
		if entries := journalText(t, f); strings.Contains(entries, first.(string)) || strings.Contains(entries, r.Path("secret").(string)) || strings.Contains(f.Log(), "whsec_") {
			t.Error("a secret is in the journal or the log")
		}
		f.RunAll(
			floetest.Scenario{Name: "delete", Do: "DELETE " + path, As: f.AllToken, Status: 204, Events: []string{"webhook_endpoint.deleted"}},
			floetest.Scenario{Name: "gone", Do: "GET " + path, As: f.AllToken, Status: 404},
		)
		list := f.Do("GET", endpoints+"?limit=100", f.AllToken, nil)
		if list.Status != http.StatusOK || strings.Contains(list.Body, e.ID()) || list.Path("pagination.total_count") != json.Number("4") {
			t.Errorf("the list is %s", list.Body)
		}
	})
}

func journalText(t *testing.T, f *floetest.Floe) string {
	t.Helper()
	all, err := db.All[string](t.Context(), f.DB, `SELECT COALESCE(CAST(before AS text), '') || COALESCE(CAST(after AS text), '') FROM journal`+floetest.AllOrganizations)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, "\n")
}
