package server_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"floe/internal/api"
	"floe/internal/document"
	"floe/internal/floetest"
	"floe/internal/server"
)

// TestSecurityHeaders: every operation, whatever it answers, and every other
// path, says to browsers what they must not do with the answer.
func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	f := floetest.New(t, func(c *server.Config) { c.MetricsToken = "letmein" })
	parameter := regexp.MustCompile(`\{\w+\}`)
	statuses := map[int]bool{}
	check := func(method, path, bearer string, body any) {
		t.Helper()
		r := f.Do(method, path, bearer, body)
		statuses[r.Status] = true
		policy := "default-src 'none'"
		if strings.HasPrefix(path, document.Path) {
			policy = "" // a PDF: some browsers show it with a page of their own
		}
		html := strings.HasPrefix(r.Header.Get("Content-Type"), "text/html")
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": policy,
		} {
			if got := r.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s %s (%d): %s is %q", method, path, r.Status, name, got)
			}
		}
		if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "script-src") {
			t.Errorf("%s %s: Content-Security-Policy is %q", method, path, policy)
		}
		if html && r.Header.Get("X-Frame-Options") != "DENY" {
			t.Errorf("%s %s: the page can be framed", method, path)
		}
		if cache := r.Header.Get("Cache-Control"); !strings.Contains(cache, "no-store") && cache != "private, no-cache" && (cache != "no-cache" || strings.HasPrefix(path, "/v1/")) {
			t.Errorf("%s %s (%d): Cache-Control is %q", method, path, r.Status, cache)
		}
		if r.Header.Get("Strict-Transport-Security") != "" {
			t.Errorf("%s %s: HSTS belongs to whoever holds the certificate", method, path)
		}
		if r.Header.Get("Server") != "" || r.Header.Get("X-Powered-By") != "" {
			t.Errorf("%s %s says what it is made with", method, path)
		}
		if origin := r.Header.Get("Access-Control-Allow-Credentials"); origin != "" {
			t.Errorf("%s %s allows credentials", method, path)
		}
	}
	bodies := map[string]any{http.MethodPost: map[string]any{}, http.MethodPatch: map[string]any{}, http.MethodPut: map[string]any{}}
	for _, o := range f.Server.Operations() {
		path := parameter.ReplaceAllString(o.Path, "00000000-0000-4000-8000-000000000000")
		if strings.HasSuffix(path, "/changes") {
			path += "?limit=1"
		}
		check(o.Method, path, "", bodies[o.Method])
		check(o.Method, path, "nonsense", bodies[o.Method])
		check(o.Method, path, f.Token("webhooks:read"), bodies[o.Method])
		check(o.Method, path, f.AllToken, bodies[o.Method])
		check("TRACE", path, f.AllToken, nil)
	}
	check("POST", "/v1/customers/", f.AllToken, "{broken")
	check("POST", "/v1/customers/", f.AllToken, strings.Repeat(" ", api.MaxBody+1))
	for _, path := range []string{"/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", "/nothing", document.Path, "/processors/stripe/events"} {
		check("GET", path, "", nil)
		check("GET", path, "letmein", nil)
		check("DELETE", path, "", nil)
	}
	for _, status := range []int{200, 401, 403, 404, 405, 413, 422} {
		if !statuses[status] {
			t.Errorf("no answer was a %d", status)
		}
	}
}
