package customer_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

// noise is text that does not compress, so that an index has to hold all of it.
func noise(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rand.N(len(letters))] //nolint:gosec // a text, not a secret
	}
	return string(b)
}

// External ids have no limit, while an entry of a PostgreSQL index has.
func TestLongExternalIDs(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		long := noise(6000)
		twin := long[:5999] + "!" // differs in its last character
		c := f.Customer(map[string]any{"email": "long@example.com", "external_id": long})
		if c.Text("external_id") != long {
			t.Errorf("stored %.20s…", c.Text("external_id"))
		}
		other := f.Customer(map[string]any{"email": "twin@example.com", "external_id": twin, "type": "team"})
		f.Customer(map[string]any{"email": "owner@example.com", "owner": map[string]any{"email": "o@example.com", "external_id": noise(6000)}})
		members := "/v1/customers/" + other.ID() + "/members/"
		f.RunAll(
			floetest.Scenario{Name: "taken", Do: "POST /v1/customers/", As: f.AllToken, Body: map[string]any{"email": "x@example.com", "external_id": long},
				Status: 422, Want: map[string]any{"detail": []any{map[string]any{"loc": []any{"body", "external_id"}, "input": long}}}},
			floetest.Scenario{Name: "found", Do: "GET /v1/customers/external/" + long, As: f.AllToken, Status: 200, Want: map[string]any{"id": c.ID(), "external_id": long}},
			floetest.Scenario{Name: "its twin", Do: "GET /v1/customers/external/" + twin, As: f.AllToken, Status: 200, Want: map[string]any{"id": other.ID()}},
			floetest.Scenario{Name: "another", Do: "GET /v1/customers/external/" + long + "x", As: f.AllToken, Status: 404},
			floetest.Scenario{Name: "the start of one is none", Do: "GET /v1/customers/external/" + long[:512], As: f.AllToken, Status: 404},
			floetest.Scenario{Name: "by its start", Do: "GET /v1/customers/?sorting=email&query=" + strings.ToUpper(long[:40]), As: f.AllToken, Status: 200, Check: emails("long", "twin")},
			floetest.Scenario{Name: "by all of it", Do: "GET /v1/customers/?sorting=email&query=" + long, As: f.AllToken, Status: 200, Check: emails("long", "twin")},
			floetest.Scenario{Name: "members by it", Do: "GET /v1/members/?external_customer_id=" + long, As: f.AllToken, Status: 200,
				Want: map[string]any{"items": []any{map[string]any{"external_id": long}}}},
			floetest.Scenario{Name: "the same on update", Do: "PATCH /v1/customers/" + c.ID(), As: f.AllToken, Body: map[string]any{"external_id": long}, Status: 200},
			floetest.Scenario{Name: "a member's", Do: "POST " + members, As: f.AllToken, Body: map[string]any{"email": "m@example.com", "external_id": twin + "1"}, Status: 201,
				Want: map[string]any{"external_id": twin + "1"}},
			floetest.Scenario{Name: "a member's is taken", Do: "POST " + members, As: f.AllToken, Body: map[string]any{"email": "n@example.com", "external_id": twin + "1"}, Status: 422},
			floetest.Scenario{Name: "a member by it", Do: "GET /v1/customers/external/" + twin + "/members/" + twin + "1", As: f.AllToken, Status: 200},
			floetest.Scenario{Name: "a session by it", Do: "POST /v1/customer-sessions/", As: f.AllToken, Status: 201,
				Body: map[string]any{"external_customer_id": twin, "external_member_id": twin + "1"}},
			floetest.Scenario{Name: "deleted", Do: "DELETE /v1/customers/external/" + long, As: f.AllToken, Status: 204},
			floetest.Scenario{Name: "free again", Do: "POST /v1/customers/", As: f.AllToken, Body: map[string]any{"email": "x@example.com", "external_id": long}, Status: 201},
			floetest.Scenario{Name: "set later", Do: "PATCH /v1/customers/" + f.Customer(nil).ID(), As: f.AllToken, Body: map[string]any{"external_id": noise(6000)}, Status: 200},
		)
		export := f.Do("GET", "/v1/customers/export", f.AllToken, nil)
		if !strings.Contains(export.Body, twin) {
			t.Error("the export lacks the whole external id")
		}
	})
}

// Input that a database cannot take must not reach it.
func TestHostileLists(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		digits := strings.NewReplacer("a", "1").Replace("9" + strings.Repeat("1234567890", 429))
		f.Customer(map[string]any{"email": "a@example.com", "name": "Ann", "metadata": map[string]any{"k0": "1", "big": json.Number(digits)}})
		f.Customer(map[string]any{"email": "b@example.com", "name": "Ann"})
		many := func(n int, format string) string {
			parts := make([]string, n)
			for i := range parts {
				parts[i] = strings.ReplaceAll(format, "#", fmt.Sprint(i))
			}
			return strings.Join(parts, "&")
		}
		list := func(name, query string, status int, want ...string) {
			t.Helper()
			s := floetest.Scenario{Name: name, Do: "GET /v1/customers/?" + query, As: f.AllToken, Status: status}
			if status == 200 {
				s.Check = emails(want...)
			}
			f.Run(s)
		}
		list("a key that is not UTF-8", "metadata[%ff]=1", 200)
		list("a value that is not UTF-8", "metadata[k0]=%ff", 200)
		list("text that is not UTF-8", "query=%ff%fe", 200)
		list("a NUL in a key", "metadata[%00]=1", 422)
		list("a NUL in a value", "metadata[k0]=%00", 422)
		list("a number of 4,291 digits", "metadata[big]="+digits, 200, "a")
		list("a number that begins alike", "metadata[big]="+digits[:len(digits)-1]+"1", 200)
		list("as many keys as may be", many(50, "metadata[k#]=1"), 200)
		list("more keys than anybody has", many(3000, "metadata[k#]=1"), 200)
		list("thousands of values", many(3000, "metadata[k0]=#"), 200, "a")
		list("thousands of criteria", many(4000, "sorting=name")+"&sorting=email", 200, "a", "b")
		list("the first of two equal criteria counts", "sorting=-email&sorting=email", 200, "b", "a")
		list("a percent sign as it is", "query=zz%", 200)
		list("a semicolon as it is", "query=zz;ann", 200)
		list("a long text", "query="+noise(50_000), 200)
		list("quotes", "query=%22%22%22%22", 200)
		list("a short text and an address", "query=an&email=A@example.com", 200, "a")
		list("a long one and metadata", "query=ann&metadata[k0]=1", 200, "a")
		list("nothing and an address", "query=&email=b@example.com", 200, "b")
		f.Run(floetest.Scenario{Name: "a path that is not UTF-8", Do: "GET /v1/customers/external/%ff", As: f.AllToken, Status: 404})
		f.Run(floetest.Scenario{Name: "a member's", Do: "GET /v1/customers/external/x%ff/members/%ff", As: f.AllToken, Status: 404})
	})
}

// Creates and deletions of one e-mail and external id, all at once: whoever
// comes at a bad moment is told that they are taken, or gets through.
func TestCreatesAgainstDeletions(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		var wait sync.WaitGroup
		for worker := range 24 {
			wait.Go(func() {
				for range 15 {
					if worker%2 == 0 {
						r := f.Do(http.MethodPost, "/v1/customers/", f.AllToken, map[string]any{"email": "One@example.com", "external_id": "one"})
						if r.Status != 201 && r.Status != 422 {
							t.Errorf("create: %d %s", r.Status, r.Body)
						}
					} else if r := f.Do(http.MethodDelete, "/v1/customers/external/one", f.AllToken, nil); r.Status != 204 && r.Status != 404 {
						t.Errorf("delete: %d %s", r.Status, r.Body)
					}
				}
			})
		}
		wait.Wait()
	})
}

// An export is read in pieces, and those of several organizations are merged.
func TestExportInPieces(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const each = 2100
		second := f.Organization("Second")
		orgs := []floetest.Org{f.Org, second}
		given := make([]customer.Given, 2*each)
		for i := range given {
			at := floetest.Start.AddDate(0, 0, -i/46) // many share a time, also where a piece ends
			email := fmt.Sprintf("c%d@example.com", i)
			given[i].Row = customer.Row{ID: id.New(), OrganizationID: orgs[i%2].ID, CreatedAt: at, Type: customer.Individual, Email: &email, Metadata: json.RawMessage("{}")}
		}
		err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			return f.Server.Customers.AddGiven(t.Context(), tx, auth.NewSystem("test"), given)
		})
		if err != nil {
			t.Fatal(err)
		}
		f.Do("DELETE", "/v1/customers/"+string(given[7].ID), second.Token, nil)
		rows := func(token, query string) []string {
			t.Helper()
			r := f.Do("GET", "/v1/customers/export"+query, token, nil)
			lines := strings.Split(strings.TrimSuffix(r.Body, "\r\n"), "\r\n")
			return lines[1:]
		}
		user := f.User("member", orgs...)
		both := rows(user, "")
		if len(both) != 2*each-1 {
			t.Fatalf("%d rows, want %d", len(both), 2*each-1)
		}
		for i := 1; i < len(both); i++ {
			a, b := strings.Split(both[i-1], ","), strings.Split(both[i], ",")
			if a[2] > b[2] || a[2] == b[2] && a[0] >= b[0] {
				t.Fatalf("row %d is not in its place:\n%s\n%s", i, both[i-1], both[i])
			}
		}
		slowReaders(t, f, user)
		if one := rows(user, "?organization_id="+url.QueryEscape(string(second.ID))); len(one) != each-1 {
			t.Errorf("%d rows of the second, want %d", len(one), each-1)
		}
	})
}

// slowReaders begins more exports than there are connections, reads none of
// them on, and expects that others are served.
func slowReaders(t *testing.T, f *floetest.Floe, token string) {
	t.Helper()
	slow := stuck{begun: make(chan struct{}), release: make(chan struct{})}
	var wait sync.WaitGroup
	defer wait.Wait()
	defer close(slow.release)
	for range 8 {
		wait.Go(func() {
			f.Handler.ServeHTTP(slow, f.Request("GET", "/v1/customers/export", token, nil))
		})
		<-slow.begun
	}
	done := make(chan int, 1)
	go func() { done <- f.Do("GET", "/v1/customers/?limit=1", f.AllToken, nil).Status }()
	select {
	case status := <-done:
		if status != 200 {
			t.Errorf("a list beside slow exports: %d", status)
		}
	case <-time.After(5 * time.Second):
		t.Error("a list waits for slow exports")
	}
}

// stuck is a client that reads nothing until it is released.
type stuck struct{ begun, release chan struct{} }

func (stuck) Header() http.Header { return http.Header{} }
func (stuck) WriteHeader(int)     {}

func (s stuck) Write(p []byte) (int, error) {
	select {
	case s.begun <- struct{}{}:
	case <-s.release:
	}
	<-s.release
	return len(p), nil
}
