package sdktest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"floe/internal/auth"
	"floe/internal/floetest"
)

// ours are the documented operations that are no part of the reference, so that
// no SDK can know them.
var ours = []string{
	"webhooks:create_webhook_replay", "webhooks:get_webhook_replay", "webhooks:listen", "changes:list", "changes:snapshot", "changes:digest", "audit:list",
	"customers:timeline", "customers:timeline_external",
}

// TestSDK drives the server with the SDKs that people have in production. Each
// client has an instance of its own, and every answer that it gets is also held
// against our document.
func TestSDK(t *testing.T) {
	t.Parallel()
	_, err := sdks()
	need(t, err)
	for _, c := range []struct {
		name, client, version string
		without               []string // operations that this SDK does not know
	}{
		{"1.0.1 2026-04", "current", "2026-04", []string{"members:list_members"}},
		{"1.0.1 2026-10", "current", "2026-10", []string{"members:list_members"}},
		{"1.0.1 2027-01", "current", "2027-01", []string{"members:list_members"}},
		{"0.49.0", "legacy", "", []string{
			"customers:members:list", "customers:members:list_external", "products:delete", "benefits:files", "license_keys:rotate",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
				front := listen(t, f)
				// SDK 0.49.0 does not know prices by units, and neither may its lists.
				f.Switch(f.Org, "unit_based_pricing", c.client == "current")
				f.Switch(f.Org, "reset_proration_behavior", true)
				drive(t, []string{c.client + ".mjs", c.client + "-catalogue.mjs", c.client + "-sales.mjs", c.client + "-variants.mjs"}, config(f, front.url, c.version))
				for _, missed := range front.missed() {
					if !slices.Contains(c.without, missed) && !slices.Contains(ours, missed) {
						t.Errorf("the client never called %s", missed)
					}
				}
			})
		})
	}
}

// config is what a client has to know of the instance.
func config(f *floetest.Floe, url, version string) map[string]any {
	org := func(o floetest.Org) map[string]any {
		return map[string]any{"id": o.ID, "slug": o.Slug, "token": o.Token}
	}
	other := f.Organization("Other")
	return map[string]any{
		"url": url, "version": version, "token": f.AllToken, "organization": org(f.Org), "other": org(other),
		"userToken": f.User(auth.Admin, f.Org, other), "readToken": f.Token(auth.CustomersRead),
		"meter": f.Meter(f.Org, "Calls"),
	}
}

// front is an instance that listens, and notes which operations are called.
type front struct {
	floe *floetest.Floe
	url  string

	mu     sync.Mutex
	called map[string]bool
}

func listen(t *testing.T, f *floetest.Floe) *front {
	t.Helper()
	front := &front{floe: f, called: map[string]bool{}}
	s := httptest.NewServer(front)
	t.Cleanup(s.Close)
	front.url = s.URL
	return front
}

// ServeHTTP passes a request to the instance the way that checks the answer.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if op := f.floe.Operation(r.Method, r.URL.EscapedPath()); op != nil {
		f.mu.Lock()
		f.called[op.ID] = true
		f.mu.Unlock()
	}
	answer := f.floe.Send(r)
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Status)
	_, _ = io.WriteString(w, answer.Body)
}

// missed are the documented operations that nobody called.
func (f *front) missed() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []string
	document := f.floe.Server.Document()
	for _, op := range f.floe.Server.Operations() {
		if document.Paths[op.Path][strings.ToLower(op.Method)] != nil && !f.called[op.ID] {
			out = append(out, op.ID)
		}
	}
	return out
}
