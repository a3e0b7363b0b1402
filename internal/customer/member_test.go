package customer_test

import (
	"testing"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/floetest"
	"floe/internal/id"
)

const (
	noMember   = `{"error":"ResourceNotFound","detail":"Member not found"}`
	noCustomer = `{"error":"ResourceNotFound","detail":"Customer not found"}`
	ambiguous  = `{"error":"AmbiguousExternalCustomerID","detail":"Several customers across your organizations share this external customer ID. Use an organization-scoped token, the Polar customer ID, or a unique external ID to disambiguate."}`
)

func TestMembers(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		team := f.Customer(map[string]any{"type": "team", "email": "owner@example.com", "external_id": "team"}).ID()
		ind := f.Customer(map[string]any{"email": "ind@example.com", "external_id": "ind"}).ID()
		members := "/v1/customers/" + team + "/members"
		do := func(name, do string, body any, status int, want any, events ...string) *floetest.Response {
			t.Helper()
			s := floetest.Scenario{Name: name, Do: do, As: f.AllToken, Body: body, Status: status, Want: want}
			if events != nil {
				s.Events = events
			}
			return f.Run(s)
		}
		none := []string{}
		m := do("99 default role", "POST "+members, `{"email":"M@example.com","name":" M ","external_id":"m1"}`, 201,
			map[string]any{"email": "M@example.com", "name": "M", "external_id": "m1", "role": "member", "modified_at": nil, "customer_id": team}, "member.created").ID()
		const literal = "<MemberRole.member: 'member'> or <MemberRole.billing_manager: 'billing_manager'>"
		do("99 no owner", "POST "+members, `{"email":"o@example.com","role":"owner"}`, 422,
			invalid(entry("literal_error", `["body","role"]`, "Input should be "+literal, `"owner"`, `{"expected":"`+literal+`"}`)))
		do("100 same e-mail", "POST "+members, `{"email":"m@example.com","name":"Other","role":"billing_manager"}`, 201, map[string]any{"id": m, "name": "M", "role": "member"}, none...)
		do("101 individual", "POST /v1/customers/"+ind+"/members", `{"email":"ind@example.com"}`, 403,
			`{"error":"NotPermitted","detail":"Individual customers can only have one member (the owner). Upgrade to a team customer to add more members."}`)
		do("102 unknown customer", "POST /v1/customers/"+unknownID+"/members", `{"email":"x@example.com"}`, 404, noCustomer)
		do("102 unknown external customer", "POST /v1/customers/external/none/members", `{"email":"x@example.com"}`, 404, noCustomer)
		do("duplicate external id", "POST "+members, `{"email":"d@example.com","external_id":"m1"}`, 422,
			refused(entry("value_error", `["body","external_id"]`, "A member with this external ID already exists for this customer.", `"m1"`)), none...)
		do("by external id", "POST /v1/customers/external/team/members", `{"email":"e@example.com","role":"billing_manager","external_id":"e1"}`, 201, `{"role":"billing_manager"}`)

		do("97 of a customer by role", "GET /v1/members/?role=owner&customer_id="+team, nil, 200, `{"items":[{"email":"owner@example.com"}]}`)
		do("97 of an external customer", "GET /v1/members/?external_customer_id=team&sorting=created_at&limit=2", nil, 200,
			`{"items":[{"email":"owner@example.com"},{"email":"M@example.com"}],"pagination":{"total_count":3,"max_page":2}}`)
		do("97 no id", "GET /v1/members/?customer_id=abc", nil, 404, `{"error":"ResourceNotFound","detail":"Invalid customer ID format"}`)
		do("97 id of another version", "GET /v1/members/?customer_id=c232ab00-9414-11ec-b3c8-9f6bdeced846", nil, 200, `{"items":[]}`)
		do("97 unknown role", "GET /v1/members/?role=boss", nil, 422,
			invalid(entry("enum", `["query","role"]`, "Input should be 'owner', 'billing_manager' or 'member'", `"boss"`, `{"expected":"'owner', 'billing_manager' or 'member'"}`)))
		f.Run(floetest.Scenario{Name: "98 customer scopes do not help", Do: "GET /v1/members/", As: f.Token(auth.CustomersRead, auth.CustomersWrite), Status: 403, Want: insufficient})
		f.Run(floetest.Scenario{Name: "98 write implies read", Do: "GET " + members, As: f.Token(auth.MembersWrite), Status: 200})
		do("110 list", "GET "+members+"?role=member", nil, 200, `{"items":[{"email":"M@example.com"}]}`)
		do("110 list by external id", "GET /v1/customers/external/team/members?limit=1", nil, 200, `{"items":[{"email":"e@example.com"}],"pagination":{"total_count":3,"max_page":3}}`)
		do("110 unknown", "GET /v1/customers/"+unknownID+"/members", nil, 404, noCustomer)

		one := members + "/" + m
		do("get", "GET "+one, nil, 200, map[string]any{"id": m})
		do("103 of another customer", "GET /v1/customers/"+ind+"/members/"+m, nil, 404, noMember)
		do("103 unknown customer", "GET /v1/customers/"+unknownID+"/members/"+m, nil, 404, noMember)
		do("103 any UUID version", "GET "+members+"/c232ab00-9414-11ec-b3c8-9f6bdeced846", nil, 404, noMember)
		do("104 nothing", "PATCH "+one, `{}`, 200, `{"modified_at":null}`, none...)
		do("104 nulls and blanks", "PATCH "+one, `{"name":" ","email":null,"role":null}`, 200, `{"name":"M","modified_at":null}`, none...)
		do("104 same values", "PATCH "+one, `{"name":"M","role":"member","email":"M@example.com","external_id":"zzz"}`, 200, `{"modified_at":null,"external_id":"m1"}`, none...)
		do("104 name", "PATCH "+one, `{"name":"N"}`, 200, `{"name":"N"}`, "member.updated")
		do("104 unknown role", "PATCH "+one, `{"role":"boss"}`, 422,
			invalid(entry("enum", `["body","role"]`, "Input should be 'owner', 'billing_manager' or 'member'", `"boss"`, `{"expected":"'owner', 'billing_manager' or 'member'"}`)))
		do("107 duplicate in another case", "PATCH "+one, `{"email":"OWNER@example.com"}`, 422,
			refused(entry("value_error", `["body","email"]`, "A member with this email already exists for this customer.", `"OWNER@example.com"`)))
		do("107 own address in another case", "PATCH "+one, `{"email":"m@example.com"}`, 200, `{"email":"m@example.com"}`)
		do("107 an error undoes the transfer", "PATCH "+one, `{"role":"owner","email":"owner@example.com"}`, 422, nil, none...)
		do("107 still not the owner", "GET "+one, nil, 200, `{"role":"member"}`)
		do("105 promote", "PATCH "+one, `{"role":"owner"}`, 200, `{"role":"owner"}`, "member.handed_over", "member.updated")
		do("105 the former owner", "GET "+members+"?role=billing_manager&sorting=created_at", nil, 200, `{"items":[{"email":"owner@example.com"},{"email":"e@example.com"}]}`)
		do("106 owner to member", "PATCH "+one, `{"role":"member"}`, 422,
			refused(entry("value_error", `["body","role"]`, "Cannot change role. Customer must have exactly one owner.", `"member"`)))
		do("108 the only owner", "DELETE "+one, nil, 422,
			refused(entry("value_error", `["body"]`, "Cannot delete the only owner. Transfer ownership first.", `"`+m+`"`)))
		do("109 get external", "GET /v1/customers/external/team/members/e1", nil, 200, `{"email":"e@example.com"}`)
		do("109 patch external", "PATCH /v1/customers/external/team/members/e1", `{"name":"E"}`, 200, `{"name":"E"}`)
		do("109 unknown", "GET /v1/customers/external/team/members/none", nil, 404, noMember)
		do("109 unknown customer", "DELETE /v1/customers/external/none/members/e1", nil, 404, noMember)
		do("109 delete external", "DELETE /v1/customers/external/team/members/e1", nil, 204, nil, "member.deleted")
		do("108 gone", "GET /v1/customers/external/team/members/e1", nil, 404, noMember)
		do("108 delete again", "DELETE /v1/customers/external/team/members/e1", nil, 404, noMember)
		do("both are free again", "POST "+members, `{"email":"e@example.com","external_id":"e1"}`, 201, nil, "member.created")

		owner := f.Do("GET", "/v1/customers/"+ind+"/members", f.AllToken, nil).Text("items.0.id")
		do("107 an individual's owner", "PATCH /v1/customers/"+ind+"/members/"+owner, `{"email":"new@example.com"}`, 422,
			refused(entry("value_error", `["body","email"]`, "Cannot change the email of an individual customer's owner. Update the customer's email instead.", `"new@example.com"`)))
		setFeatures(t, f, f.Org.ID, `{}`)
		do("101 features off", "POST "+members, `{"email":"off@example.com"}`, 403, `{"error":"NotPermitted","detail":"Member management is not enabled for this organization"}`)
	})
}

// A user who sees one external id in two organizations has to say which.
func TestAmbiguousExternalID(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		second := f.Organization("Second")
		user := f.User(auth.Owner, f.Org, second)
		f.Customer(map[string]any{"email": "a@example.com", "external_id": "twin"})
		f.Do("POST", "/v1/customers/", second.Token, `{"email":"b@example.com","external_id":"twin"}`)
		for _, do := range []string{"GET %s", "PATCH %s", "DELETE %s", "GET %s/state", "GET %s/payment-methods", "GET %s/members", "POST %s/members", "GET %s/members/x", "PATCH %s/members/x", "DELETE %s/members/x"} {
			f.Run(floetest.Scenario{Do: f.Path(do, "/v1/customers/external/twin"), As: user, Body: `{"email":"z@example.com"}`, Status: 409, Want: ambiguous})
		}
		f.Run(floetest.Scenario{Do: "POST /v1/customer-sessions/", As: user, Body: `{"external_customer_id":"twin"}`, Status: 409, Want: ambiguous})
		f.Run(floetest.Scenario{Do: "GET /v1/customers/external/twin", As: user, Headers: map[string]string{"Polar-Organization": string(second.ID)}, Status: 200, Want: `{"email":"b@example.com"}`})
	})
}

// TestVeryManyOwners: a product may be owned by more than a statement takes.
func TestVeryManyOwners(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		known := id.ID(f.Customer(nil).ID())
		ids := []id.ID{known}
		for range 40_000 {
			ids = append(ids, id.New())
		}
		owners, err := customer.Owners(t.Context(), f.DB, f.Org.ID, ids)
		if err != nil || len(owners) != 1 || owners[known] == "" {
			t.Errorf("owners: %v, %v", owners, err)
		}
		people, err := customer.MembersByID(t.Context(), f.DB, []id.ID{f.Org.ID}, append(ids, known), append(ids, owners[known]))
		if err != nil || len(people) != 1 {
			t.Errorf("members: %v, %v", people, err)
		}
	})
}
