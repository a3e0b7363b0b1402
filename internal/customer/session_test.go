package customer_test

import (
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

// A session ends with its member, for good.
func TestSessionEndsWithItsMember(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		team := f.Customer(map[string]any{"type": "team", "email": nil, "owner": map[string]any{"email": "owner@example.com"}}).ID()
		members := "/v1/customers/" + team + "/members"
		stays := f.Do("GET", members, f.AllToken, nil).Text("items.0.id")
		leaves := f.Do("POST", members, f.AllToken, map[string]any{"email": "member@example.com", "external_id": "m"}).ID()
		for _, m := range []string{stays, leaves, leaves} {
			f.Run(floetest.Scenario{Do: "POST /v1/customer-sessions/", As: f.AllToken, Body: map[string]any{"customer_id": team, "member_id": m}, Status: 201})
		}
		f.Run(floetest.Scenario{Do: "DELETE " + members + "/" + leaves, As: f.AllToken, Status: 204})
		left, err := db.All[id.ID](t.Context(), f.DB, `SELECT member_id FROM customer_sessions WHERE organization_id = ?`, f.Org.ID)
		if err != nil || len(left) != 1 || string(left[0]) != stays {
			t.Errorf("sessions are left of %q: %v", left, err)
		}
		f.Sound("customers.")
	})
}

// A session that was made while a test clock was ahead does not last until that
// time has come.
func TestSessionEndsWithItsClock(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(nil).ID()
		start := func() string {
			return f.Do("POST", "/v1/customer-sessions/", f.AllToken, map[string]any{"customer_id": c}).Text("token")
		}
		works := func(token string) bool {
			return f.Do("GET", "/v1/customers/", token, nil).Text("error") == "Unauthorized" // known, but not for this
		}
		before := start()
		f.Run(floetest.Scenario{Do: "POST /v1/test-clock", As: f.AllToken, Body: map[string]any{"now": f.Clock.Now().AddDate(1, 0, 0)}, Status: 201})
		ahead := start()
		if !works(ahead) || works(before) {
			t.Error("the time of the clock is not that of the sessions")
		}
		f.Run(floetest.Scenario{Do: "DELETE /v1/test-clock", As: f.AllToken, Status: 204})
		if works(ahead) || !works(before) {
			t.Error("the time of the clock is that of the sessions yet")
		}
	})
}

func TestSessions(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(map[string]any{"email": "contact+test@example.com", "external_id": "ext"})
		other := f.Customer(map[string]any{"email": "other@example.com"}).ID()
		team := f.Customer(map[string]any{"type": "team", "email": nil, "owner": map[string]any{"email": "owner@example.com", "external_id": "own"}}).ID()
		member := f.Do("GET", "/v1/customers/"+team+"/members", f.AllToken, nil).Text("items.0.id")
		do := func(name, body string, status int, want any, check ...func(testing.TB, *floetest.Response)) {
			t.Helper()
			s := floetest.Scenario{Name: name, Do: "POST /v1/customer-sessions/", As: f.Token(auth.CustomerSessionsWrite), Body: body, Status: status, Want: want}
			if len(check) > 0 {
				s.Check = check[0]
			}
			f.Run(s)
		}
		by := func(id string, more ...string) string {
			return `{"customer_id":"` + id + `"` + strings.Join(more, "") + `}`
		}
		gone := func(field, input string) string {
			return refused(entry("value_error", `["body","`+field+`"]`, "Customer does not exist.", `"`+input+`"`))
		}
		do("111 unknown", by(unknownID), 422, gone("customer_id", unknownID))
		do("111 unknown external", `{"external_customer_id":"none"}`, 422, gone("external_customer_id", "none"))
		do("117 115 member session", by(c.ID()), 201, map[string]any{"customer_id": c.ID(), "customer": map[string]any{"id": c.ID()}, "return_url": nil, "modified_at": nil},
			func(t testing.TB, r *floetest.Response) {
				token := r.Text("token")
				if !strings.HasPrefix(token, "polar_mst_") {
					t.Errorf("token %s", token)
				}
				if want := "https://floe.test/" + f.Org.Slug + "/portal?customer_session_token=" + token + "&email=contact%2Btest%40example.com"; r.Text("customer_portal_url") != want {
					t.Errorf("link %s, want %s", r.Text("customer_portal_url"), want)
				}
				created, _ := time.Parse(time.RFC3339, r.Text("created_at"))
				expires, _ := time.Parse(time.RFC3339, r.Text("expires_at"))
				if expires.Sub(created) != time.Hour {
					t.Errorf("lives %s", expires.Sub(created))
				}
			})
		do("113 external id", `{"external_customer_id":"ext"}`, 201, map[string]any{"customer_id": c.ID()})
		do("113 alias", `{"customer_external_id":"ext"}`, 201, map[string]any{"customer_id": c.ID()})
		do("113 external id wins", by(other, `,"external_customer_id":"ext"`), 201, map[string]any{"customer_id": c.ID()})
		do("113 bad id beside an external one", `{"customer_id":"x","external_customer_id":"ext"}`, 201, map[string]any{"customer_id": c.ID()})
		do("neither", `{}`, 422, invalid(
			entry("missing", `["body","CustomerSessionCustomerIDCreate","customer_id"]`, "Field required", `{}`),
			entry("missing", `["body","CustomerSessionCustomerExternalIDCreate","external_customer_id"]`, "Field required", `{}`)))
		do("114 return url", by(c.ID(), `,"return_url":"HTTPS://Example.com:443"`), 201, `{"return_url":"https://example.com/"}`)
		do("114 no url", `{"external_customer_id":"ext","return_url":"nope"}`, 422, invalid(
			entry("url_parsing", `["body","CustomerSessionCustomerIDCreate","return_url"]`, "Input should be a valid URL, relative URL without a base", `"nope"`, `{"error":"relative URL without a base"}`),
			entry("missing", `["body","CustomerSessionCustomerIDCreate","customer_id"]`, "Field required", `{"external_customer_id":"ext","return_url":"nope"}`),
			entry("url_parsing", `["body","CustomerSessionCustomerExternalIDCreate","return_url"]`, "Input should be a valid URL, relative URL without a base", `"nope"`, `{"error":"relative URL without a base"}`)))
		memberGone := func(field, input string) string {
			return refused(entry("value_error", `["body","`+field+`"]`, "Member does not exist for this customer.", `"`+input+`"`))
		}
		do("118 member", by(team, `,"member_id":"`+member+`"`), 201, nil, func(t testing.TB, r *floetest.Response) {
			if !strings.HasSuffix(r.Text("customer_portal_url"), "&email=owner%40example.com") {
				t.Errorf("link %s", r.Text("customer_portal_url"))
			}
		})
		do("118 external member", by(team, `,"external_member_id":"own"`), 201, nil)
		do("118 unknown member", by(team, `,"member_id":"`+unknownID+`","external_member_id":"own"`), 422, memberGone("member_id", unknownID))
		do("118 unknown external member", by(team, `,"external_member_id":"none"`), 422, memberGone("external_member_id", "none"))
		do("118 member of another customer", by(c.ID(), `,"member_id":"`+member+`"`), 422, memberGone("member_id", member))
		do("119 team without member", by(team), 422, refused(entry("value_error", `["body","member_id"]`, "member_id is required for team customers.", "null")))

		setFeatures(t, f, f.Org.ID, `{"member_model_enabled":false,"seat_based_pricing_enabled":true}`)
		do("112 116 customer session", by(c.ID(), `,"member_id":"`+unknownID+`"`), 201, nil, func(t testing.TB, r *floetest.Response) {
			if !strings.HasPrefix(r.Text("token"), "polar_cst_") {
				t.Errorf("token %s", r.Text("token"))
			}
		})
		do("a team without e-mail", by(team), 201, nil, func(t testing.TB, r *floetest.Response) {
			if strings.Contains(r.Text("customer_portal_url"), "email=") {
				t.Errorf("link %s", r.Text("customer_portal_url"))
			}
		})
	})
}

// 117: an individual who has no owner yet gets one with the first session.
func TestSessionMakesOwner(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		setFeatures(t, f, f.Org.ID, `{}`)
		c := f.Customer(map[string]any{"email": "legacy@example.com", "name": "Legacy", "external_id": "l"}).ID()
		setFeatures(t, f, f.Org.ID, `{"member_model_enabled":true}`)
		f.Run(floetest.Scenario{Do: "POST /v1/customer-sessions/", As: f.AllToken, Body: map[string]any{"customer_id": c}, Status: 201, Events: []string{"member.created"}})
		f.Run(floetest.Scenario{Do: "GET /v1/customers/" + c + "/members", As: f.AllToken, Status: 200, Want: `{"items":[{"email":"legacy@example.com","name":"Legacy","external_id":"l","role":"owner"}]}`})
	})
}

// 120: a token stops working with its time, its member and its customer.
func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		team := f.Customer(map[string]any{"type": "team"}).ID()
		member := f.Do("POST", "/v1/customers/"+team+"/members", f.AllToken, `{"email":"m@example.com"}`).ID()
		start := func() string {
			return f.Do("POST", "/v1/customer-sessions/", f.AllToken, map[string]any{"customer_id": team, "member_id": member}).Text("token")
		}
		works := func(token string) bool {
			return f.Do("GET", "/v1/customers/", token, nil).Text("error") == "Unauthorized" // known, but not for this
		}
		first := start()
		if !works(first) {
			t.Fatal("a new session does not work")
		}
		f.Clock.Advance(time.Hour)
		if works(first) {
			t.Error("an expired session works")
		}
		second := start()
		f.Do("DELETE", "/v1/customers/"+team+"/members/"+member, f.AllToken, nil)
		if works(second) {
			t.Error("a deleted member's session works")
		}
	})
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		day := func(n int) time.Time { return time.Date(2026, 6, n, 12, 0, 0, 0, time.UTC) }
		for _, n := range []int{1, 5, 5, 6} {
			f.Clock.Set(day(n))
			f.Customer(nil)
		}
		f.Clock.Set(day(6))
		gone := f.Customer(nil).ID()
		f.Do("DELETE", "/v1/customers/"+gone, f.AllToken, nil)
		growth := func(query string) string {
			return "GET /v1/customers/growth?organization_id=" + string(f.Org.ID) + "&" + query
		}
		bucket := func(at string, n, total int) map[string]any {
			return map[string]any{"timestamp": at, "new_customers": n, "total_customers": total}
		}
		f.RunAll(
			floetest.Scenario{Name: "121 days", Do: growth("start=2026-06-04&end=2026-06-06&interval=day"), As: f.AllToken, Status: 200,
				Want: []any{bucket("2026-06-04T00:00:00Z", 0, 1), bucket("2026-06-05T00:00:00Z", 2, 3), bucket("2026-06-06T00:00:00Z", 1, 4)}},
			floetest.Scenario{Name: "121 months", Do: growth("start=2026-05-20T10:00:00Z&end=2026-06-02&interval=month"), As: f.AllToken, Status: 200,
				Want: []any{bucket("2026-05-01T00:00:00Z", 0, 0), bucket("2026-06-01T00:00:00Z", 4, 4)}},
			floetest.Scenario{Name: "weeks start on Monday", Do: growth("start=2026-06-07&end=2026-06-08&interval=week"), As: f.AllToken, Status: 200,
				Want: []any{bucket("2026-06-01T00:00:00Z", 4, 4), bucket("2026-06-08T00:00:00Z", 0, 4)}},
			floetest.Scenario{Name: "122 too small", Do: growth("start=2026-06-01&end=2026-07-01&interval=hour"), As: f.AllToken, Status: 422,
				Want: refused(entry("value_error", `["query","interval"]`, "The interval is too small for the given date range. Use a larger interval or reduce the date range.", `"hour"`))},
			floetest.Scenario{Name: "122 backwards", Do: growth("start=2026-06-03&end=2026-06-01&interval=day"), As: f.AllToken, Status: 422},
			floetest.Scenario{Name: "122 not a member", Do: growth("start=2026-06-01&end=2026-06-02&interval=day"), As: f.User(auth.Owner, f.Organization("Other")), Status: 403,
				Want: `{"error":"NotPermitted","detail":"You don't have permission to view customers"}`},
			floetest.Scenario{Name: "122 missing", Do: "GET /v1/customers/growth", As: f.AllToken, Status: 422, Want: invalid(
				entry("missing", `["query","organization_id"]`, "Field required", "null"), entry("missing", `["query","start"]`, "Field required", "null"),
				entry("missing", `["query","end"]`, "Field required", "null"), entry("missing", `["query","interval"]`, "Field required", "null"))},
			floetest.Scenario{Name: "123 nobody has orders", Do: f.Path("GET /v1/customers/top?organization_id=%s", f.Org.ID), As: f.AllToken, Status: 200, Want: `[]`},
			floetest.Scenario{Name: "123 limit", Do: f.Path("GET /v1/customers/top?organization_id=%s&limit=51", f.Org.ID), As: f.AllToken, Status: 422,
				Want: invalid(entry("less_than_equal", `["query","limit"]`, "Input should be less than or equal to 50", `"51"`, `{"le":50}`))},
		)
	})
}
