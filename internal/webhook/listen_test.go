package webhook_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

// heard asks what waits for a session.
func heard(f *floetest.Floe, token, session, query string) *floetest.Response {
	return f.Do("GET", "/v1/webhooks/listen?session="+session+query, token, nil)
}

func heardTypes(t *testing.T, r *floetest.Response) (out []string) {
	t.Helper()
	list, ok := r.Path("items").([]any)
	if !ok || r.Status != http.StatusOK {
		t.Fatalf("%d %s", r.Status, r.Body)
	}
	for _, x := range list {
		out = append(out, x.(map[string]any)["type"].(string))
	}
	return out
}

// TestListen: a session hears of its own organization what it asked for, from
// its beginning on, and what it has not been sent yet waits, but for that about
// people who were erased. Nobody else sees that there is one.
func TestListen(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		const types = "&type=customer.created&type=customer.deleted"
		session, reader := string(id.New()), f.Token(auth.WebhooksRead)
		f.Customer(nil)
		want := func(what string, n int) {
			t.Helper()
			if got := heardTypes(t, heard(f, reader, session, types)); len(got) != n {
				t.Errorf("%s: %q", what, got)
			}
		}
		want("before anything happens", 0)
		other := f.Organization("Other")
		if got := heardTypes(t, heard(f, other.Token, session, "")); len(got) != 0 {
			t.Errorf("another organization with the same session: %q", got)
		}
		gone := f.Customer(nil).ID()
		f.Customer(nil)
		want("two customers", 2)
		want("asked again", 2)
		f.Do("DELETE", "/v1/customers/"+gone+"?anonymize=true", f.AllToken, nil)
		if got := heardTypes(t, heard(f, reader, session, types)); len(got) != 2 || got[1] != "customer.deleted" {
			t.Errorf("after one was erased: %q", got)
		}
		if got := heardTypes(t, heard(f, other.Token, session, "")); len(got) != 0 {
			t.Errorf("another organization hears %q", got)
		}
		f.Sound("webhooks.", "customers.")
		if list := f.Do("GET", "/v1/webhooks/endpoints", f.AllToken, nil); total(t, list) != 0 {
			t.Errorf("an endpoint: %s", list.Body)
		}
		endpoint, err := db.One[string](t.Context(), f.DB, `SELECT id FROM webhook_endpoints WHERE organization_id = ?`, f.Org.ID)
		if err != nil {
			t.Fatal(err)
		}
		if r := f.Do("PATCH", "/v1/webhooks/endpoints/"+endpoint, f.AllToken, map[string]any{"enabled": true}); r.Status != http.StatusNotFound {
			t.Errorf("its endpoint can be changed: %d", r.Status)
		}
	})
}

// listenFor follows a session for a moment.
func listenFor(t *testing.T, f *floetest.Floe, session string) {
	t.Helper()
	ctx, leave := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer leave()
	r := f.Request("GET", "/v1/webhooks/listen?session="+session, f.AllToken, nil)
	r.Header.Set("Accept", "text/event-stream")
	w := httptest.NewRecorder()
	f.Handler.ServeHTTP(w, r.WithContext(ctx))
	if w.Code != http.StatusOK {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

// TestListenerGoes: of a session that nobody listens to any more nothing is
// left, and to look at what waits is not to listen.
func TestListenerGoes(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		session := string(id.New())
		heard(f, f.AllToken, session, "")
		later(f, 59*time.Second)
		listenFor(t, f, session)
		f.Customer(nil)
		later(f, 59*time.Second)
		if got := heardTypes(t, heard(f, f.AllToken, session, "")); len(got) != 3 {
			t.Errorf("after 59 seconds of a stream %q waits", got)
		}
		later(f, 2*time.Second)
		if got := heardTypes(t, heard(f, f.AllToken, session, "")); len(got) != 0 {
			t.Errorf("a minute after the stream %q waits", got)
		}
		f.Customer(nil)
		later(f, 61*time.Second)
		f.Customer(nil)
		later(f, 61*time.Second)
		for _, table := range []string{"webhook_events", "webhook_lanes", "webhook_targets", "webhook_endpoints", "jobs WHERE kind LIKE 'webhooks.unlisten%'"} {
			if n, err := db.One[int](t.Context(), f.DB, `SELECT COUNT(*) FROM `+table+floetest.AllOrganizations); err != nil || n != 0 {
				t.Errorf("%d rows of %s are left (%v)", n, table, err)
			}
		}
		if got := heardTypes(t, heard(f, f.AllToken, session, "")); len(got) != 0 {
			t.Errorf("the same session again hears %q", got)
		}
		f.Customer(nil)
		if got := heardTypes(t, heard(f, f.AllToken, session, "")); len(got) != 3 {
			t.Errorf("the same session again hears %q of what happens then", got)
		}
		f.Sound("webhooks.")
	})
}

// TestWhoMayListen: those who may read the log of deliveries, and not too many.
func TestWhoMayListen(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		for _, c := range []struct {
			who, token string
			want       int
		}{
			{"without the scope", f.Token(floetest.AllScopesBut(auth.WebhooksRead, auth.WebhooksWrite)...), http.StatusForbidden},
			{"a member", f.User(auth.Plain, f.Org), http.StatusForbidden},
			{"an admin", f.User(auth.Admin, f.Org), http.StatusOK},
		} {
			if r := heard(f, c.token, string(id.New()), ""); r.Status != c.want {
				t.Errorf("%s: %d %s", c.who, r.Status, r.Body)
			}
		}
		for range 9 {
			if r := heard(f, f.AllToken, string(id.New()), ""); r.Status != http.StatusOK {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
		}
		if r := heard(f, f.AllToken, string(id.New()), ""); r.Status != http.StatusConflict {
			t.Errorf("the eleventh: %d %s", r.Status, r.Body)
		}
		later(f, 2*time.Minute)
		if r := heard(f, f.AllToken, string(id.New()), ""); r.Status != http.StatusOK {
			t.Errorf("when the others have gone: %d %s", r.Status, r.Body)
		}
	})
}
