package server_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
)

// needed are the scopes, any one of which an operation needs; none where anybody
// may call it. To read takes the scope to read or to write what the path names,
// to change the one to write.
func needed(method, path string) []auth.Scope {
	do := method + " " + path
	for pattern, scope := range map[string]auth.Scope{
		`^POST /v1/customer-portal/license-keys/`:      "",
		`^GET (/v1/audit|/v1/customers/.+/timeline)$`:  "audit:read",
		`^GET /v1/payments/`:                           "payments:read",
		`^(GET|POST) /v1/orders/.+/(invoice|receipt)$`: "orders:read",
		`^GET /v1/orders/(\{id\}|export)?$`:            "orders:read",
		`^POST /v1/customer-sessions/$`:                "customer_sessions:write",
	} {
		switch matched := regexp.MustCompile(pattern).MatchString(do); {
		case matched && scope == "":
			return nil
		case matched:
			return []auth.Scope{scope}
		}
	}
	of := strings.Split(path, "/")[2]
	for pattern, name := range map[string]string{
		`/members\b`: "members", `/v1/(changes|webhooks)\b`: "webhooks", `/v1/test-clock\b`: "organizations",
		`/v1/benefit-grants/`: "benefits", `/v1/license-keys/`: "license_keys",
	} {
		if regexp.MustCompile(pattern).MatchString(path) {
			of = name
		}
	}
	if method == http.MethodGet {
		return []auth.Scope{auth.Scope(of + ":read"), auth.Scope(of + ":write")}
	}
	return []auth.Scope{auth.Scope(of + ":write")}
}

// TestScopes: whoever has one of the scopes of an operation may call it; who has
// all the others, a session of the portal or nothing may not, whatever others
// were answered before.
func TestScopes(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		owner := f.Customer(nil).ID()
		start := func() string {
			return f.Do("POST", "/v1/customer-sessions/", f.AllToken, obj{"customer_id": owner}).Text("token")
		}
		sessions := []string{start()}
		if err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			_, err := db.Exec(t.Context(), tx, `UPDATE organizations SET feature_settings = '{}' WHERE id = ?`, f.Org.ID)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if sessions = append(sessions, start()); !strings.HasPrefix(sessions[0], "polar_mst_") || !strings.HasPrefix(sessions[1], "polar_cst_") {
			t.Fatalf("sessions %q", sessions)
		}
		tokens := map[string]string{}
		holder := func(o *api.Operation, scopes ...auth.Scope) string {
			key := fmt.Sprint(slices.Contains(o.Kinds, auth.Organization), scopes)
			if tokens[key] == "" && slices.Contains(o.Kinds, auth.Organization) {
				tokens[key] = f.Token(scopes...)
			} else if tokens[key] == "" {
				_, tokens[key] = f.NewUser(auth.Plain, nil, scopes...)
			}
			return tokens[key]
		}
		for i, o := range f.Server.Operations() {
			needs := needed(o.Method, o.Path)
			external := fmt.Sprint("external-", i)
			path := strings.NewReplacer("{id}", f.Customer(obj{"external_id": external}).ID(), "{external_id}", external,
				"{member_id}", owner, "{activation_id}", owner, "{member_external_id}", external).Replace(o.Path)
			do := func(bearer string) *floetest.Response {
				if o.Method == http.MethodGet || o.Method == http.MethodDelete {
					return f.Do(o.Method, path, bearer, nil)
				}
				return f.Do(o.Method, path, bearer, obj{})
			}
			if len(needs) == 0 {
				if r := do(""); r.Status != http.StatusUnprocessableEntity {
					t.Errorf("%s %s answers anybody %d %s", o.Method, o.Path, r.Status, r.Body)
				}
				continue
			}
			for _, scope := range needs {
				if r := do(holder(o, scope)); r.Status == http.StatusUnauthorized || r.Status == http.StatusForbidden {
					t.Errorf("%s %s answers who has %s: %d %s", o.Method, o.Path, scope, r.Status, r.Body)
				}
			}
			others := slices.DeleteFunc(auth.GrantableScopes(), func(s auth.Scope) bool { return slices.Contains(needs, s) })
			if r := do(holder(o, others...)); r.Status != http.StatusForbidden || r.Text("error") != "insufficient_scope" ||
				!strings.Contains(r.Header.Get("WWW-Authenticate"), `scope="`+auth.ScopeNames(needs, " ")+`"`) {
				t.Errorf("%s %s answers who has all scopes but %s: %d %s", o.Method, o.Path, needs, r.Status, r.Body)
			}
			for _, bearer := range append([]string{""}, sessions...) {
				if r := do(bearer); r.Status != http.StatusUnauthorized || r.Body != `{"error":"Unauthorized","detail":"Unauthorized"}` {
					t.Errorf("%s %s answers %.10q: %d %s", o.Method, o.Path, bearer, r.Status, r.Body)
				}
			}
		}
	})
}
