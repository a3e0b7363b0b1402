package feed_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/journal"
	"floe/internal/token"
)

// seqs are the numbers of a page.
func types(r *floetest.Response) (out []string) {
	for _, item := range r.Path("items").([]any) {
		out = append(out, item.(map[string]any)["type"].(string))
	}
	return out
}

func TestChanges(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		reader := f.Token(auth.WebhooksRead)
		a := f.Customer(map[string]any{"external_id": "a/1", "name": "Ann"}).ID()
		f.Customer(nil)
		f.Do("PATCH", "/v1/customers/"+a, f.AllToken, map[string]any{"name": "Anna"})
		says(t, f, a)
		get := func(query string) *floetest.Response {
			t.Helper()
			return f.Run(floetest.Scenario{Do: "GET /v1/changes" + query, As: reader, Status: 200, Events: []string{}})
		}
		for query, want := range map[string]string{
			"":                              "[organization.created member.created customer.created member.created customer.created customer.updated customer.said]",
			"/?type=customer.*":             "[customer.created customer.created customer.updated customer.said]",
			"?type=customer.updated&type=x": "[customer.updated]",
			"?customer_id=" + a:             "[member.created customer.created customer.updated customer.said]",
			"?external_customer_id=a%2F1":   "[member.created customer.created customer.updated customer.said]",
			"?external_customer_id=a%2F1&customer_id=" + a:                "[member.created customer.created customer.updated customer.said]",
			"?external_customer_id=a%2F1&customer_id=" + string(f.Org.ID): "[]",
			"?after=now":                       "[]",
			"?after=now&wait=0":                "[]",
			"?organization_id=" + a:            "[]",
			"?customer_id=" + string(f.Org.ID): "[]",
		} {
			if got := fmt.Sprint(types(get(query))); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		// More types than the database takes are refused as such.
		many := "?type=a.*" + strings.Repeat("&type=a.*", 1100)
		for _, path := range []string{"/v1/changes", "/v1/audit", "/v1/customers/" + a + "/timeline"} {
			if r := f.Do("GET", path+many, f.AllToken, nil); r.Status != 422 || r.Path("detail.0.type") != "too_long" {
				t.Errorf("%s of many types: %d %s", path, r.Status, r.Body)
			}
		}
		// Page by page is the same as all at once.
		var paged []string
		next := "0"
		for more := true; more; {
			r := get("?limit=2&after=" + next)
			paged, next, more = append(paged, types(r)...), fmt.Sprint(r.Path("next")), r.Path("has_more").(bool)
		}
		if got := fmt.Sprint(paged); got != fmt.Sprint(types(get(""))) {
			t.Errorf("page by page: %s", got)
		}
		f.Do("PATCH", "/v1/customers/"+a, f.AllToken, map[string]any{})
		if r := get("?type=customer.updated&full=true&limit=1000"); r.Path("items.1.data.name") != "Anna" {
			t.Errorf("after a change of nothing: %s", r.Body)
		}
		r := get("?type=customer.updated&full=true&limit=1")
		if d := r.Differs(`{"items": [{"before": {"name": "Ann", "billing_name": "Ann", "modified_at": null},
			"after": {"name": "Anna", "billing_name": "Anna", "modified_at": "` + r.Text("items.0.data.modified_at") + `"}, "customer_seq": 3,
			"data": {"id": "` + a + `", "name": "Anna", "external_id": "a/1", "metadata": {}}}]}`); d != "" {
			t.Errorf("%s\n%s", d, r.Body)
		}
		f.RunAll(
			floetest.Scenario{Name: "foreign", Do: "GET /v1/changes", As: f.Organization("Other").Token, Status: 200,
				Check: func(t testing.TB, r *floetest.Response) {
					if got := fmt.Sprint(types(r)); got != "[organization.created]" {
						t.Errorf("another organization sees %s", got)
					}
				}},
			floetest.Scenario{Name: "scope", Do: "GET /v1/changes", As: f.Token(floetest.AllScopesBut(auth.WebhooksRead, auth.WebhooksWrite)...), Status: 403},
			floetest.Scenario{Name: "ahead", Do: "GET /v1/changes?after=99999999", As: reader, Status: 410, Want: `{"error": "ResourceUnavailable"}`},
			floetest.Scenario{Name: "bad", Do: "GET /v1/changes?after=-1&limit=1001&wait=61", As: reader, Status: 422},
			floetest.Scenario{Name: "unknown", Do: "GET /v1/changes?external_customer_id=x", As: reader, Status: 404},
		)
	})
}

// says records a change of a customer that has neither before nor after.
func says(t *testing.T, f *floetest.Floe, customer string) {
	t.Helper()
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		journal.Append(tx, auth.NewSystem("test"), journal.Entry{Organization: f.Org.ID, Type: "customer.said", Customer: id.ID(customer), Subject: id.ID(customer)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestLongPoll: a request that waits is answered when something happens, and
// without anything once it has waited for as long as it wanted to.
func TestLongPoll(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		after, begun := fmt.Sprint("after=", f.LastSeq()), time.Now()
		ask := func(query string) <-chan *floetest.Response {
			answer := make(chan *floetest.Response, 1)
			go func() { answer <- f.Do("GET", "/v1/changes?"+after+query, f.AllToken, nil) }()
			return answer
		}
		served, empty := ask("&wait=60&type=customer.created"), ask("&wait=1&type=never")
		time.Sleep(100 * time.Millisecond) // by then they wait
		f.Customer(nil)
		if r := <-served; !slices.Equal(types(r), []string{"customer.created"}) || time.Since(begun) > 30*time.Second {
			t.Errorf("after %v: %d %s", time.Since(begun), r.Status, r.Body)
		}
		if r := <-empty; r.Status != http.StatusOK || len(types(r)) > 0 || time.Since(begun) < time.Second {
			t.Errorf("after %v: %d %s", time.Since(begun), r.Status, r.Body)
		}
	})
}

// TestLongPollOfTheRevoked: who may no longer call is told nothing of what has
// happened while they waited, whichever node has refused them; and who reaches
// something else by then asks anew.
func TestLongPollOfTheRevoked(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Beside()
		write := func(d *db.DB, fn func(ctx context.Context, tx *db.Tx) error) {
			if err := d.Write(t.Context(), func(tx *db.Tx) error { return fn(t.Context(), tx) }); err != nil {
				t.Error(err)
			}
		}
		revoke := func(by *floetest.Floe, clear string) func() {
			return func() {
				write(by.DB, func(ctx context.Context, tx *db.Tx) error {
					_, err := by.Server.Tokens.Revoke(ctx, tx, auth.NewSystem("test"), clear)
					return err
				})
			}
		}
		user, pat := f.NewUser(auth.Admin, nil)
		reduce := func() {
			write(other.DB, func(ctx context.Context, tx *db.Tx) error {
				_, err := db.Exec(ctx, tx, `UPDATE memberships SET role = 'member' WHERE organization_id = ? AND user_id = ?`, f.Org.ID, user)
				return err
			})
		}
		here, elsewhere, brief := f.Token(), f.Token(), f.NewToken(token.Request{OrganizationID: f.Org.ID, ExpiresIn: time.Hour})
		for _, c := range []struct {
			name, clear string
			refuse      func()
			elsewhere   bool
			status      int
		}{
			{"revoked", here, revoke(f, here), false, 401},
			{"revoked on another node", elsewhere, revoke(other, elsewhere), true, 401},
			{"expired", brief, func() { f.Clock.Advance(2 * time.Hour) }, false, 401},
			{"less than before", pat, reduce, true, 200},
		} {
			begun := f.LastSeq()
			answer := make(chan *floetest.Response, 1)
			go func() { answer <- f.Do("GET", fmt.Sprint("/v1/changes?wait=60&after=", begun), c.clear, nil) }()
			time.Sleep(100 * time.Millisecond) // by then it waits
			c.refuse()
			if c.elsewhere {
				time.Sleep(token.CacheTTL) // as those do who say that it is done
			}
			other.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{"url": "https://example.com/secret", "format": "raw", "events": []string{}})
			r := <-answer
			if r.Status != c.status || strings.Contains(r.Body, "secret") || r.Status == 200 && r.Differs(map[string]any{"items": []any{}, "next": begun}) != "" {
				t.Errorf("%s: %d %s", c.name, r.Status, r.Body)
			}
		}
	})
}

// TestStream: events as they happen, from where one stopped, until the server
// ends; and none of what is filtered out.
func TestStream(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		s := follow(t, f, "?type=customer.*", "")
		a := f.Customer(nil).ID()
		if c := s.next(t); c.Type != "customer.created" || string(c.CustomerID) != a {
			t.Errorf("%+v", c)
		}
		f.Do("PATCH", "/v1/customers/"+a, f.AllToken, map[string]any{"name": "x"})
		updated := s.next(t)
		f.Do("DELETE", "/v1/customers/"+a, f.AllToken, nil)
		if c := s.next(t); c.Type != "customer.deleted" || c.Seq <= updated.Seq {
			t.Errorf("%+v after %+v", c, updated)
		}
		again := follow(t, f, "?after=now", fmt.Sprint(updated.Seq))
		if c := again.next(t); c.Type != "member.deleted" {
			t.Errorf("%+v", c)
		}
		other := follow(t, f, "?after=now&organization_id="+a, "")
		other.close()
	})
}

// TestStreamEndsWithTheServer: clients see an end, not a broken connection,
// and the server does not wait for them.
func TestStreamEndsWithTheServer(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	s := follow(t, f, "", "")
	if c := s.next(t); c.Type != "organization.created" {
		t.Errorf("%+v", c)
	}
	waiting := make(chan int, 1)
	go func() {
		waiting <- f.Do("GET", "/v1/changes?after=now&wait=30", f.AllToken, nil).Status
	}()
	time.Sleep(50 * time.Millisecond)
	start := time.Now()
	f.Server.StopFeed()
	if err := s.end(); err != nil {
		t.Errorf("the stream ended with %v", err)
	}
	if status := <-waiting; status != http.StatusOK || time.Since(start) > 5*time.Second {
		t.Errorf("a waiting request was answered %d after %v", status, time.Since(start))
	}
}

// TestEndpointsInTheFeed: who may not see webhook endpoints does not see them
// here, and nobody sees a password that stands in an address.
func TestEndpointsInTheFeed(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		e := f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{
			"url": "https://user:password1@example.com/hook", "format": "raw", "events": []string{}})
		f.Do("PATCH", "/v1/webhooks/endpoints/"+e.ID(), f.AllToken, map[string]any{"url": "https://user:password2@example.com/hook"})
		f.Do("POST", "/v1/webhooks/replays", f.AllToken, map[string]any{"endpoint_id": e.ID(), "url": "https://user:password3@example.com/other"})
		f.Do("DELETE", "/v1/webhooks/endpoints/"+e.ID(), f.AllToken, nil)
		const all = "[webhook_endpoint.created webhook_endpoint.updated webhook_replay.created webhook_endpoint.deleted]"
		for _, c := range []struct{ token, want string }{
			{f.AllToken, all}, {f.User(auth.Admin), all},
			{f.User(auth.Plain), "[]"}, {f.User(auth.Finance), "[]"},
		} {
			r := f.Do("GET", "/v1/changes?type=webhook_endpoint.*&type=webhook_replay.*&full=true", c.token, nil)
			if got := fmt.Sprint(types(r)); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if strings.Contains(r.Body, "password") {
				t.Errorf("a password is told: %s", r.Body)
			}
		}
		if r := f.Do("GET", "/v1/audit?limit=100", f.AllToken, nil); strings.Contains(r.Body, "password") || !strings.Contains(r.Body, "user:xxxxx@example.com") {
			t.Errorf("the audit list has %s", r.Body)
		}
	})
}

// TestKeysInTheFeed: what was done with a device is recorded under the license
// key, and is no part of it.
func TestKeysInTheFeed(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		type obj = map[string]any
		do := func(method, path string, body obj) *floetest.Response { return f.Do(method, path, f.AllToken, body) }
		b := f.Benefit(obj{"type": "license_keys", "properties": obj{"activations": obj{"limit": 2, "enable_customer_admin": false}}}).ID()
		free := f.Product(obj{"prices": []any{obj{"amount_type": "fixed", "price_amount": 0}}}).ID()
		do("POST", "/v1/products/"+free+"/benefits", obj{"benefits": []string{b}})
		do("POST", "/v1/subscriptions/", obj{"product_id": free, "customer_id": f.Customer(nil).ID()})
		key := do("GET", "/v1/license-keys/", nil)
		path := "/v1/license-keys/" + key.Text("items.0.id")
		a := do("POST", "/v1/license-keys/activate", obj{"key": key.Text("items.0.key"), "organization_id": f.Org.ID, "label": "laptop"})
		do("PATCH", path, obj{"limit_usage": 7})
		do("PATCH", path, obj{"status": "revoked"})
		f.Run(floetest.Scenario{Do: "GET /v1/changes?type=license_key.*&type=benefit_grant.*&full=true", As: f.AllToken, Status: 200, Want: obj{"items": []any{
			obj{"type": "benefit_grant.created", "data": obj{"is_granted": true}},
			obj{"type": "license_key.activated", "data": obj{"id": a.ID(), "label": "laptop"}},
			obj{"type": "license_key.updated", "after": obj{"limit_usage": 7}, "data": nil},
			obj{"type": "benefit_grant.revoked", "data": obj{"is_granted": false}},
			obj{"type": "license_key.updated", "after": obj{"status": "revoked"}, "data": nil},
		}}})
	})
}

func TestTimeline(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		user, pat := f.NewUser(auth.Admin, nil)
		a := f.Customer(map[string]any{"external_id": "e", "name": "Ann", "email": "ann@example.com"}).ID()
		done := f.Do("PATCH", "/v1/customers/"+a, pat, map[string]any{"name": "Anna"})
		reader := f.Token(auth.AuditRead)
		path := "/v1/customers/" + a + "/timeline"
		f.RunAll(
			floetest.Scenario{Do: "GET " + path + "?limit=1", As: reader, Status: 200, Want: `{"items": [{"type": "customer.updated",
				"actor": {"type": "user", "email": "user-2@example.com"}, "request_id": "` + done.Header.Get("X-Request-Id") + `",
				"before": {"name": "Ann", "billing_name": "Ann"}, "after": {"name": "Anna", "billing_name": "Anna"}, "customer_seq": 3}]}`},
			floetest.Scenario{Do: "GET /v1/customers/external/e/timeline?type=customer.created", As: reader, Status: 200,
				Want: `{"items": [{"type": "customer.created", "actor": {"type": "organization", "comment": ""}, "before": null}], "next": null}`},
			floetest.Scenario{Do: "GET " + path + "?actor_type=user&start_timestamp=2026-01-01T00:00:00Z", As: reader, Status: 200,
				Check: func(t testing.TB, r *floetest.Response) {
					if got := fmt.Sprint(types(r)); got != "[customer.updated]" {
						t.Error(got)
					}
				}},
			floetest.Scenario{Do: "GET " + path + "?actor_id=" + string(user), As: reader, Status: 200, Want: `{"items": []}`},
			floetest.Scenario{Do: "GET " + path + "?end_timestamp=2026-01-01", As: reader, Status: 200, Want: `{"items": []}`},
			floetest.Scenario{Do: "GET " + path, As: f.Organization("Other").Token, Status: 404},
			floetest.Scenario{Do: "GET " + path, As: f.Token(floetest.AllScopesBut(auth.AuditRead)...), Status: 403},
			floetest.Scenario{Do: "GET /v1/audit", As: f.Token(floetest.AllScopesBut(auth.AuditRead)...), Status: 403},
			floetest.Scenario{Do: "GET /v1/audit", As: f.User(auth.Plain), Status: 200, Want: `{"items": [], "next": null}`},
			floetest.Scenario{Do: "GET /v1/audit?limit=2&type=organization.*&type=organization_access_token.*", As: pat, Status: 200,
				Check: func(t testing.TB, r *floetest.Response) {
					if r.Path("next") == nil || len(types(r)) != 2 {
						t.Error(r.Body)
					}
				}},
		)
		f.Do("DELETE", "/v1/customers/"+a+"?anonymize=true", pat, nil)
		gone := f.Run(floetest.Scenario{Do: "GET " + path, As: reader, Status: 200})
		for _, secret := range []string{"ann@example.com", "Anna", `"Ann"`} {
			if strings.Contains(gone.Body, secret) {
				t.Errorf("an erased person is still known by %s:\n%s", secret, gone.Body)
			}
		}
		if len(types(gone)) != 5 {
			t.Errorf("%s", gone.Body)
		}
	})
}
