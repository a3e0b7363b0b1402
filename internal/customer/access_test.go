package customer_test

import (
	"fmt"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/floetest"
)

// The numbers of subtests are those of the checklist in the specification of
// customers, so that a case can be found from either side.

const (
	notFound     = `{"error":"ResourceNotFound","detail":"Not found"}`
	invalidToken = `{"error":"invalid_token","error_description":"The access token provided is expired, revoked, malformed, or invalid for other reasons."}`
	unauthorized = `{"error":"Unauthorized","detail":"Unauthorized"}`
	insufficient = `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token."}`
	mayNotManage = `{"error":"NotPermitted","detail":"You don't have permission to manage customers"}`
	unknownID    = "00000000-0000-4000-8000-000000000000"
)

// invalid is a 422 of the schema with exactly these entries.
func invalid(entries ...string) string {
	return `{"error":"RequestValidationError","detail":[` + strings.Join(entries, ",") + `]}`
}

// refused is a 422 of a business rule with exactly these entries.
func refused(entries ...string) string {
	return `{"error":"PolarRequestValidationError","detail":[` + strings.Join(entries, ",") + `]}`
}

func entry(typ, loc, msg, input string, ctx ...string) string {
	e := fmt.Sprintf(`{"type":%q,"loc":%s,"msg":%q,"input":%s`, typ, loc, msg, input)
	if len(ctx) > 0 {
		e += `,"ctx":` + ctx[0]
	}
	return e + "}"
}

// header checks one header of an answer.
func header(name, want string) func(testing.TB, *floetest.Response) {
	return func(t testing.TB, r *floetest.Response) {
		t.Helper()
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestAccess(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const list = "GET /v1/customers/"
		other := f.Organization("Other")
		c := f.Customer(nil).ID()
		stranger := f.User(auth.Owner, other)
		session := f.Do("POST", "/v1/customer-sessions/", f.AllToken, map[string]any{"customer_id": c}).Text("token")
		f.RunAll(
			floetest.Scenario{Name: "1 no token", Do: list, Status: 401, Want: unauthorized, Check: header("WWW-Authenticate", `Bearer realm="polar"`)},
			floetest.Scenario{Name: "2 bogus token", Do: list, As: "polar_oat_bogus", Status: 401, Want: invalidToken,
				Check: header("WWW-Authenticate", `Bearer realm="polar", error="invalid_token", error_description="The access token provided is expired, revoked, malformed, or invalid for other reasons."`)},
			floetest.Scenario{Name: "2 unknown prefix", Do: list, As: "whatever", Status: 401, Want: invalidToken},
			floetest.Scenario{Name: "2 bad token on an unknown path", Do: "GET /v1/nothing", As: "polar_oat_bogus", Status: 401, Want: invalidToken},
			floetest.Scenario{Name: "3 session token", Do: list, As: session, Status: 401, Want: unauthorized},
			floetest.Scenario{Name: "4 no scope", Do: list, As: f.Token("openid"), Status: 403, Want: insufficient,
				Check: header("WWW-Authenticate", `Bearer realm="polar", scope="customers:read customers:write", error="insufficient_scope", error_description="The request requires higher privileges than provided by the access token."`)},
			floetest.Scenario{Name: "5 write implies read", Do: list, As: f.Token(auth.CustomersWrite), Status: 200},
			floetest.Scenario{Name: "6 read may not create", Do: "POST /v1/customers/", As: f.Token(auth.CustomersRead), Body: `{}`, Status: 403, Want: insufficient},
			floetest.Scenario{Name: "7 stranger gets", Do: "GET /v1/customers/" + c, As: stranger, Status: 404, Want: notFound},
			floetest.Scenario{Name: "7 other organization's token", Do: "GET /v1/customers/" + c, As: other.Token, Status: 404, Want: notFound},
			floetest.Scenario{Name: "8 stranger lists", Do: list, As: stranger, Status: 200, Want: `{"items":[],"pagination":{"total_count":0,"max_page":0}}`},
			floetest.Scenario{Name: "9 malformed id", Do: "GET /v1/customers/not-a-uuid", As: f.AllToken, Status: 422,
				Want: invalid(entry("uuid_parsing", `["path","id"]`, "Input should be a valid UUID, invalid character: found `n` at 1", `"not-a-uuid"`,
					"{\"error\":\"invalid character: found `n` at 1\"}"))},
			floetest.Scenario{Name: "10 version 1", Do: "GET /v1/customers/c232ab00-9414-11ec-b3c8-9f6bdeced846", As: f.AllToken, Status: 422,
				Want: invalid(entry("uuid_version", `["path","id"]`, "UUID version 4 expected", `"c232ab00-9414-11ec-b3c8-9f6bdeced846"`, `{"expected_version":4}`))},
			floetest.Scenario{Name: "11 unknown id", Do: "GET /v1/customers/" + unknownID, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "12 no slash", Do: "GET /v1/customers", As: f.AllToken, Status: 200},
			floetest.Scenario{Name: "12 item with slash", Do: "GET /v1/customers/" + c + "/", As: f.AllToken, Status: 200},
			floetest.Scenario{Name: "12 post without slash", Do: "POST /v1/customers", As: f.AllToken, Body: `{"email":"slash@example.com"}`, Status: 201},
			floetest.Scenario{Name: "12 doubled slashes", Do: "GET //v1/customers/" + c, As: f.AllToken, Status: 200},
			floetest.Scenario{Name: "13 version echoed", Do: list, As: f.AllToken, Headers: map[string]string{"Polar-Version": "2026-10"}, Status: 200, Check: header("Polar-Version", "2026-10")},
			floetest.Scenario{Name: "13 default version", Do: list, As: f.AllToken, Status: 200, Check: header("Polar-Version", "2026-04")},
			floetest.Scenario{Name: "13 unknown version", Do: list, As: f.AllToken, Headers: map[string]string{"Polar-Version": "1999-01"}, Status: 404,
				Want: `{"detail":"Not Found"}`, Check: header("Polar-Version", "")},
			floetest.Scenario{Name: "14 other organization in the header", Do: list, As: f.AllToken, Headers: map[string]string{"Polar-Organization": string(other.ID)}, Status: 403,
				Want: `{"error":"RequestedOrganizationNotAccessible","detail":"The organization in the Polar-Organization header is not accessible with this credential."}`},
			floetest.Scenario{Name: "14 own organization in the header", Do: list, As: f.AllToken, Headers: map[string]string{"Polar-Organization": strings.ToUpper(string(f.Org.ID))}, Status: 200},
			floetest.Scenario{Name: "14 malformed header", Do: list, As: f.AllToken, Headers: map[string]string{"Polar-Organization": "acme"}, Status: 400,
				Want: `{"error":"InvalidRequestedOrganization","detail":"The Polar-Organization header must be an organization ID."}`},
			floetest.Scenario{Name: "unknown path", Do: "GET /v1/nothing", As: f.AllToken, Status: 404, Want: `{"detail":"Not Found"}`},
			floetest.Scenario{Name: "wrong method", Do: "PUT /v1/customers/" + c, As: f.AllToken, Status: 405, Want: `{"detail":"Method Not Allowed"}`, Check: header("Allow", "DELETE, GET, PATCH")},
			floetest.Scenario{Name: "head is not get", Do: "HEAD /v1/customers/" + c, As: f.AllToken, Status: 405},
			floetest.Scenario{Name: "broken JSON before missing credentials", Do: "POST /v1/customers/", Body: `{"a":`, Status: 422},
		)
	})
}

func TestNarrowedUser(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		b := f.Organization("Second")
		user := f.User(auth.Owner, f.Org, b)
		f.Customer(map[string]any{"email": "a@example.com"})
		f.Do("POST", "/v1/customers/", b.Token, `{"email":"b@example.com"}`)
		narrow := map[string]string{"Polar-Organization": string(f.Org.ID)}
		f.RunAll(
			floetest.Scenario{Name: "15 both without the header", Do: "GET /v1/customers/", As: user, Status: 200, Want: `{"pagination":{"total_count":2,"max_page":1}}`},
			floetest.Scenario{Name: "15 one with it", Do: "GET /v1/customers/", As: user, Headers: narrow, Status: 200,
				Want: `{"items":[{"email":"a@example.com"}],"pagination":{"total_count":1,"max_page":1}}`},
			floetest.Scenario{Name: "15 create goes to it", Do: "POST /v1/customers/", As: user, Headers: narrow, Body: `{"email":"c@example.com"}`, Status: 201,
				Want: map[string]any{"organization_id": f.Org.ID}},
			floetest.Scenario{Name: "16 organization required", Do: "POST /v1/customers/", As: user, Body: `{"email":"d@example.com"}`, Status: 422,
				Want: refused(entry("missing", `["body","organization_id"]`, "organization_id is required.", "null"))},
			floetest.Scenario{Name: "17 foreign organization", Do: "POST /v1/customers/", As: user, Body: `{"email":"d@example.com","organization_id":"` + unknownID + `"}`, Status: 422,
				Want: refused(entry("value_error", `["body","organization_id"]`, "Organization not found.", `"`+unknownID+`"`))},
			floetest.Scenario{Name: "17 named organization", Do: "POST /v1/customers/", As: user, Body: map[string]any{"email": "d@example.com", "organization_id": b.ID}, Status: 201,
				Want: map[string]any{"organization_id": b.ID}},
			floetest.Scenario{Name: "18 organization token names its own", Do: "POST /v1/customers/", As: f.AllToken, Body: map[string]any{"email": "e@example.com", "organization_id": f.Org.ID}, Status: 422,
				Want: refused(entry("organization_token", `["body","organization_id"]`, "Setting organization_id is disallowed when using an organization token.", `"`+string(f.Org.ID)+`"`))},
			floetest.Scenario{Name: "19 finance may not create", Do: "POST /v1/customers/", As: f.User(auth.Finance), Headers: narrow, Body: `{"email":"f@example.com"}`, Status: 403, Want: mayNotManage},
		)
	})
}

// A token of another organization finds nothing at all, whatever it asks.
func TestOrganizationsAreApart(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		c := f.Customer(map[string]any{"external_id": "x", "type": "team", "metadata": map[string]any{"k": "v"}})
		m := f.Do("POST", "/v1/customers/"+c.ID()+"/members", f.AllToken, `{"email":"m@example.com","external_id":"mx"}`).ID()
		for _, path := range []string{"/v1/customers/" + c.ID(), "/v1/customers/external/x"} {
			for _, do := range []string{"GET %s", "PATCH %s", "DELETE %s", "GET %s/state", "GET %s/payment-methods", "GET %s/members", "POST %s/members"} {
				f.Run(floetest.Scenario{Do: fmt.Sprintf(do, path), As: other.Token, Body: `{"email":"z@example.com"}`, Status: 404})
			}
		}
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			f.Run(floetest.Scenario{Do: method + " /v1/customers/" + c.ID() + "/members/" + m, As: other.Token, Body: `{}`, Status: 404})
			f.Run(floetest.Scenario{Do: method + " /v1/customers/external/x/members/mx", As: other.Token, Body: `{}`, Status: 404})
		}
		for _, path := range []string{"/v1/customers/", "/v1/customers/?query=customer", "/v1/customers/?metadata[k]=v", "/v1/members/", "/v1/members/?customer_id=" + c.ID(), "/v1/members/?external_customer_id=x"} {
			f.Run(floetest.Scenario{Do: "GET " + path, As: other.Token, Status: 200, Want: `{"items":[],"pagination":{"total_count":0,"max_page":0}}`})
		}
		export := f.Do("GET", "/v1/customers/export", other.Token, nil)
		if strings.Count(export.Body, "\r\n") != 1 {
			t.Errorf("the export shows another organization's customers: %q", export.Body)
		}
		f.Run(floetest.Scenario{Name: "27 the same e-mail", Do: "POST /v1/customers/", As: other.Token, Body: map[string]any{"email": c.Text("email"), "external_id": "x"}, Status: 201})
	})
}

// TestMembersTakeManaging: who may look at customers and not change them may
// not change their members, nor make a way into the portal, either.
func TestMembersTakeManaging(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(map[string]any{"type": "team", "external_id": "acme"}).ID()
		finance, admin := f.User(auth.Finance), f.User(auth.Admin)
		members := "/v1/customers/" + c + "/members"
		m := f.Run(floetest.Scenario{Do: "POST " + members, As: admin, Body: `{"email":"one@example.com","external_id":"one"}`, Status: 201})
		f.RunAll(
			floetest.Scenario{Name: "reads", Do: "GET " + members + "/" + m.ID(), As: finance, Status: 200},
			floetest.Scenario{Name: "adds", Do: "POST " + members, As: finance, Body: `{"email":"two@example.com"}`, Status: 403, Want: mayNotManage, Events: []string{}},
			floetest.Scenario{Name: "changes", Do: "PATCH " + members + "/" + m.ID(), As: finance, Body: `{"name":"X"}`, Status: 403, Want: mayNotManage, Events: []string{}},
			floetest.Scenario{Name: "changes by external id", Do: "PATCH /v1/customers/external/acme/members/one", As: finance, Body: `{}`, Status: 403, Want: mayNotManage},
			floetest.Scenario{Name: "removes", Do: "DELETE " + members + "/" + m.ID(), As: finance, Status: 403, Want: mayNotManage, Events: []string{}},
			floetest.Scenario{Name: "unknown before forbidden", Do: "DELETE " + members + "/" + unknownID, As: finance, Status: 404},
			floetest.Scenario{Name: "lets in", Do: "POST /v1/customer-sessions/", As: finance, Body: map[string]any{"customer_id": c}, Status: 403, Want: mayNotManage, Events: []string{}},
			floetest.Scenario{Name: "admin lets in", Do: "POST /v1/customer-sessions/", As: admin, Body: map[string]any{"customer_id": c, "member_id": m.ID()}, Status: 201},
		)
	})
}
