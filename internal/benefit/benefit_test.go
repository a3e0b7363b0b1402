package benefit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"floe/internal/auth"
	"floe/internal/benefit"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

// The numbers of subtests are those of the checklist in the specification of
// benefits, so that a case can be found from either side.

const (
	create    = "POST /v1/benefits/"
	notFound  = `{"error":"ResourceNotFound","detail":"Not found"}`
	unknownID = "00000000-0000-4000-8000-000000000000"
	mayNot    = `{"error":"NotPermitted","detail":"You don't have permission to manage products"}`
)

func refused(class, typ, loc, msg string) string {
	return fmt.Sprintf(`{"error":%q,"detail":[{"type":%q,"loc":%s,"msg":%q}]}`, class, typ, loc, msg)
}

const (
	schemaClass     = "RequestValidationError"
	businessClass   = "PolarRequestValidationError"
	propertiesClass = "BenefitPropertiesValidationError"
)

// body is a creation's body with some fields over those of a custom benefit.
func body(fields map[string]any) map[string]any {
	out := map[string]any{"type": "custom", "description": "A benefit", "properties": map[string]any{}}
	for k, v := range fields {
		out[k] = v
	}
	return out
}

func with(pairs ...any) map[string]any {
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		out[pairs[i].(string)] = pairs[i+1]
	}
	return out
}

// store adds a benefit that the API refuses to create.
func store(t testing.TB, f *floetest.Floe, r benefit.Row) benefit.Row {
	t.Helper()
	r.OrganizationID = f.Org.ID
	if r.Description == "" {
		r.Description = "Brought in"
	}
	err := f.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
		r, err = f.Server.Benefits.Add(t.Context(), tx, auth.NewSystem("test"), r)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestCreate(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		do := func(name string, fields map[string]any, status int, want any) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: create, As: f.AllToken, Body: body(fields), Status: status, Want: want})
		}
		f.Run(floetest.Scenario{Name: "11 16 custom", Do: create, As: f.AllToken, Body: body(with("metadata", with("k", 1, "f", 1.5, "b", true))), Status: 201,
			Want: map[string]any{"type": "custom", "description": "A benefit", "selectable": true, "deletable": true, "is_deleted": false, "visibility": "public",
				"visibility_configurable": true, "properties": map[string]any{"note": nil}, "organization_id": f.Org.ID, "modified_at": nil,
				"is_tax_applicable": true,
				"metadata":          json.RawMessage(`{"k":1,"f":1.5,"b":true}`)},
			Events: []string{"benefit.created"}})
		do("16 private", with("visibility", "private"), 201, `{"visibility":"private"}`)
		do("16 null visibility", with("visibility", nil), 201, `{"visibility":"public"}`)
		do("18 feature flag", with("type", "feature_flag"), 201, `{"visibility":"private","properties":{}}`)
		do("feature flag drops keys", with("type", "feature_flag", "properties", with("x", 1)), 201, `{"properties":{}}`)
		if r := f.Do("POST", "/v1/benefits/", f.AllToken, with("type", "feature_flag", "description", "abc", "properties", with())); strings.Contains(r.Body, "tax") {
			t.Errorf("a flag says something of taxes: %s", r.Body)
		}
		do("12 too short", with("description", "ab"), 422, refused(schemaClass, "string_too_short", `["body","custom","description"]`, "String should have at least 3 characters"))
		do("12 too long", with("description", strings.Repeat("x", 43)), 422, refused(schemaClass, "string_too_long", `["body","custom","description"]`, "String should have at most 42 characters"))
		do("12 not trimmed", with("description", "  a"), 201, `{"description":"  a"}`)
		do("13 organization token names its own", with("organization_id", f.Org.ID), 422,
			refused(businessClass, "organization_token", `["body","organization_id"]`, "Setting organization_id is disallowed when using an organization token."))
		do("unknown type", with("type", "magic"), 422, refused(schemaClass, "union_tag_invalid", `["body"]`,
			"Input tag 'magic' found using 'type' does not match any of the expected tags: 'custom', 'discord', 'github_repository', 'downloadables', 'license_keys', 'meter_credit', 'feature_flag', 'slack_shared_channel'"))
		f.Run(floetest.Scenario{Name: "no type", Do: create, As: f.AllToken, Body: `{"description":"abc"}`, Status: 422,
			Want: refused(schemaClass, "union_tag_not_found", `["body"]`, "Unable to extract tag using discriminator 'type'")})
		f.Run(floetest.Scenario{Name: "no properties", Do: create, As: f.AllToken, Body: `{"type":"feature_flag","description":"abc"}`, Status: 422,
			Want: refused(schemaClass, "missing", `["body","feature_flag","properties"]`, "Field required")})
		do("NUL", with("description", "a\x00bc"), 422, nil)
		do("23 slack", with("type", "slack_shared_channel", "properties", with("slack_integration_id", unknownID, "channel_name_template", "c")), 422,
			refused(businessClass, "value_error", `["body","type"]`, "Slack shared channel benefit is not enabled for this organization."))
		do("discord", with("type", "discord", "properties", with("guild_token", "x", "role_id", "y", "kick_member", true)), 422,
			refused(schemaClass, "value_error", `["body","discord","properties","guild_token"]`, "Value error, Invalid token. Please authenticate your Discord server again."))
		do("github", with("type", "github_repository", "properties", with("repository_owner", "o", "repository_name", "n", "permission", "pull")), 422,
			refused(propertiesClass, "invalid_auth_subject", `["body","properties","repository_owner"]`, "We do not yet support creating this benefit with an organization token."))
		do("24 unknown meter", with("type", "meter_credit", "properties", with("meter_id", unknownID, "units", 1, "rollover", false)), 422,
			refused(propertiesClass, "value_error", `["body","properties","meter_id"]`, "This meter does not exist."))
		do("24 own meter", with("type", "meter_credit", "properties", with("meter_id", f.Meter(f.Org, "Calls"), "units", 5, "rollover", true)), 201,
			`{"properties":{"units":5,"rollover":true},"visibility":"public"}`)
		do("24 meter of another organization", with("type", "meter_credit", "properties", with("meter_id", f.Meter(other, "Calls"), "units", 1, "rollover", false)), 422,
			refused(propertiesClass, "value_error", `["body","properties","meter_id"]`, "This meter does not exist."))
		do("25 files", with("type", "downloadables", "properties", with("files", []string{unknownID})), 422,
			refused(propertiesClass, "value_error", `["body","properties","files",0]`, "File not found."))
		do("25 no file", with("type", "downloadables", "properties", with("files", []string{})), 422, nil)
		f.Run(floetest.Scenario{Name: "25 archived are no ids, in the order in which they came", Do: create, As: f.AllToken, Status: 422,
			Body: `{"type":"downloadables","description":"A benefit","properties":{"files":["` + unknownID + `"],"archived":{"z":true,"b":1,"y":[],"a":true,"x":false}}}`,
			Check: func(t testing.TB, r *floetest.Response) {
				var got []string
				for _, m := range regexp.MustCompile(`"archived",(.*?)\],"msg"`).FindAllStringSubmatch(string(r.Body), -1) {
					got = append(got, m[1])
				}
				if want := []string{`"z","[key]"`, `"b","[key]"`, `"y","[key]"`, `"y"`, `"a","[key]"`, `"x","[key]"`}; !slices.Equal(got, want) {
					t.Errorf("%q, want %q", got, want)
				}
			}})
	})
}

func TestCreateWithFiles(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const known = "11111111-1111-4111-8111-111111111111"
		f.Server.Benefits.Files = func(context.Context, db.Querier, id.ID, []id.ID) (map[id.ID]bool, error) {
			return map[id.ID]bool{known: true}, nil
		}
		files := func(visibility any, list ...string) map[string]any {
			return body(with("type", "downloadables", "visibility", visibility, "properties", with("files", list)))
		}
		config := refused(businessClass, "value_error", `["body","visibility"]`, "Visibility is not configurable for this benefit type and must be public.")
		f.RunAll(
			floetest.Scenario{Name: "25 second file is foreign", Do: create, As: f.AllToken, Body: files(nil, known, unknownID), Status: 422,
				Want: refused(propertiesClass, "value_error", `["body","properties","files",1]`, "File not found.")},
			floetest.Scenario{Name: "17 private", Do: create, As: f.AllToken, Body: files("private", known), Status: 422, Want: config},
			floetest.Scenario{Name: "17 draft", Do: create, As: f.AllToken, Body: files("draft", known), Status: 422, Want: config},
			floetest.Scenario{Name: "17 public", Do: create, As: f.AllToken, Body: files("public", known), Status: 201},
		)
		r := f.Run(floetest.Scenario{Name: "17 nothing said", Do: create, As: f.AllToken, Body: files(nil, known), Status: 201,
			Want: map[string]any{"visibility": "public", "visibility_configurable": false, "properties": with("files", []string{known}, "archived", with())}})
		f.RunAll(
			floetest.Scenario{Name: "28 no files yet", Do: "GET /v1/benefits/" + r.ID() + "/files", As: f.AllToken, Status: 200,
				Want: `{"items":[],"pagination":{"total_count":0,"max_page":0}}`},
			floetest.Scenario{Name: "30 not downloadables", Do: "GET /v1/benefits/" + f.Benefit(nil).ID() + "/files", As: f.AllToken, Status: 404, Want: notFound},
		)
	})
}

func TestLicenseKeyProperties(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		do := func(name string, properties map[string]any, status int, want any) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: create, As: f.AllToken, Body: body(with("type", "license_keys", "properties", properties)), Status: status, Want: want})
		}
		do("empty", with(), 201, `{"visibility":"public","properties":{"prefix":null,"expires":null,"activations":null,"limit_usage":null}}`)
		do("blank prefix", with("prefix", "  "), 201, `{"properties":{"prefix":null}}`)
		do("all", with("prefix", " app ", "expires", with("ttl", 457, "timeframe", "year"), "activations", with("limit", 3, "enable_customer_admin", true), "limit_usage", 2147483647), 201,
			`{"properties":{"prefix":"app","expires":{"ttl":457,"timeframe":"year"},"activations":{"limit":3,"enable_customer_admin":true},"limit_usage":2147483647}}`)
		for frame, most := range map[string]int{"year": 457, "month": 1200, "day": 36500} {
			do("too far "+frame, with("expires", with("ttl", most+1, "timeframe", frame)), 422,
				refused(schemaClass, "value_error", `["body","license_keys","properties","expires"]`,
					fmt.Sprintf("Value error, ttl value %d exceeds the maximum of %d for timeframe '%s'.", most+1, most, frame)))
		}
		do("beyond 64 bits", with("expires", with("ttl", json.Number("1000000000000000000000"), "timeframe", "day")), 422,
			refused(schemaClass, "value_error", `["body","license_keys","properties","expires"]`,
				"Value error, ttl value 1000000000000000000000 exceeds the maximum of 36500 for timeframe 'day'."))
		do("no time", with("expires", with("ttl", 0, "timeframe", "day")), 422, nil)
		do("no activation", with("activations", with("limit", 0, "enable_customer_admin", true)), 422, nil)
		do("a prefix", with("prefix", strings.Repeat("x", 256)), 201, nil)
		do("a prefix beyond what can be stored of keys", with("prefix", strings.Repeat("x", 257)), 422,
			refused(schemaClass, "string_too_long", `["body","license_keys","properties","prefix"]`, "String should have at most 256 characters"))
		do("no usage", with("limit_usage", 0), 422, nil)
		do("beyond 32 bits", with("limit_usage", 2147483648), 422, nil)
	})
}

func TestAccess(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		b := f.Benefit(nil).ID()
		f.Benefit(nil)
		f.Benefit(nil)
		_, alone := f.NewUser(auth.Owner, []floetest.Org{other}, auth.BenefitsRead, auth.BenefitsWrite)
		user, finance := f.User(auth.Plain), f.User(auth.Finance)
		three := `{"pagination":{"total_count":3,"max_page":1}}`
		f.RunAll(
			floetest.Scenario{Name: "1 no token", Do: "GET /v1/benefits/", Status: 401},
			floetest.Scenario{Name: "2 elsewhere", Do: "GET /v1/benefits/", As: alone, Status: 200, Want: `{"items":[],"pagination":{"total_count":0,"max_page":0}}`},
			floetest.Scenario{Name: "3 organization token", Do: "GET /v1/benefits/", As: f.Token(auth.BenefitsRead), Status: 200, Want: three},
			floetest.Scenario{Name: "3 user token", Do: "GET /v1/benefits/", As: user, Status: 200, Want: three},
			floetest.Scenario{Name: "finance reads", Do: "GET /v1/benefits/" + b, As: finance, Status: 200},
			floetest.Scenario{Name: "finance may not change", Do: "PATCH /v1/benefits/" + b, As: finance, Body: `{"type":"custom"}`, Status: 403, Want: mayNot},
			floetest.Scenario{Name: "finance may not delete", Do: "DELETE /v1/benefits/" + b, As: finance, Status: 403, Want: mayNot},
			floetest.Scenario{Name: "finance may not create", Do: create, As: finance, Body: body(with("organization_id", f.Org.ID)), Status: 403, Want: mayNot},
			floetest.Scenario{Name: "read scope may not create", Do: create, As: f.Token(auth.BenefitsRead), Body: body(nil), Status: 403, Want: `{"error":"insufficient_scope"}`},
			floetest.Scenario{Name: "14 user names none", Do: create, As: user, Body: body(nil), Status: 422,
				Want: refused(businessClass, "missing", `["body","organization_id"]`, "organization_id is required.")},
			floetest.Scenario{Name: "15 elsewhere", Do: create, As: user, Body: body(with("organization_id", other.ID)), Status: 422,
				Want: refused(businessClass, "value_error", `["body","organization_id"]`, "Organization not found.")},
			floetest.Scenario{Name: "user names theirs", Do: create, As: user, Body: body(with("organization_id", f.Org.ID)), Status: 201},
		)
		for _, which := range []struct{ name, path, as string }{{"unknown", unknownID, f.AllToken}, {"foreign", b, other.Token}} {
			for _, do := range []string{"GET %s", "PATCH %s", "DELETE %s", "GET %s/grants", "GET %s/files"} {
				f.Run(floetest.Scenario{Name: "10 " + which.name + " " + do, Do: f.Path(do, "/v1/benefits/"+which.path), As: which.as, Body: `{"type":"custom"}`, Status: 404, Want: notFound})
			}
		}
		f.Run(floetest.Scenario{Name: "version 1", Do: "GET /v1/benefits/c232ab00-9414-11ec-b3c8-9f6bdeced846", As: f.AllToken, Status: 422})
	})
}

// ids checks which benefits a list shows, by their place in all.
func ids(all []string, want ...int) func(testing.TB, *floetest.Response) {
	return func(t testing.TB, r *floetest.Response) {
		t.Helper()
		items, _ := r.Path("items").([]any)
		got := make([]string, len(items))
		for i := range items {
			got[i] = r.Text(fmt.Sprintf("items.%d.id", i))
		}
		expected := make([]string, len(want))
		for i, w := range want {
			expected[i] = all[w]
		}
		if strings.Join(got, " ") != strings.Join(expected, " ") {
			t.Errorf("got %v, want %v of %v", got, want, all)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		all := []string{
			f.Benefit(with("description", "Banana")).ID(),
			f.Benefit(with("description", "apple_50%", "metadata", with("n", 1, "ok", true, "s", "x"))).ID(),
			f.Benefit(with("description", "Cherry", "type", "license_keys", "metadata", with("s", "y"))).ID(),
		}
		a, b, c := all[0], all[1], all[2]
		gone := f.Benefit(with("description", "Gone")).ID()
		f.Run(floetest.Scenario{Do: "DELETE /v1/benefits/" + gone, As: f.AllToken, Status: 204})
		do := func(name, query string, want ...int) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "GET /v1/benefits/?" + query, As: f.AllToken, Status: 200, Check: ids(all, want...)})
		}
		do("newest first", "", 2, 1, 0)
		do("4 two ids", "id="+a+"&id="+b, 1, 0)
		do("5 except", "exclude_id="+a, 2, 1)
		do("6 ids and except", "id="+a+"&id="+b+"&exclude_id="+a, 1)
		do("except two", "exclude_id="+a+"&exclude_id="+c, 1)
		do("7 user order", "id="+c+"&id="+a+"&id="+b+"&sorting=user_order", 2, 0, 1)
		do("7 user order reversed", "id="+c+"&id="+a+"&id="+b+"&sorting=-user_order", 1, 0, 2)
		do("7 user order goes first", "id="+c+"&id="+a+"&id="+b+"&sorting=description&sorting=user_order", 2, 0, 1)
		do("7 user order second page", "id="+c+"&id="+a+"&id="+b+"&sorting=user_order&limit=2&page=2", 1)
		do("8 user order without ids", "sorting=user_order", 0, 1, 2)
		do("8 and reversed", "sorting=-user_order", 2, 1, 0)
		do("9 type", "type=custom", 1, 0)
		do("9 two types", "type=custom&type=license_keys", 2, 1, 0)
		do("by description", "sorting=description", 1, 0, 2)
		do("by type", "sorting=-type&sorting=created_at", 2, 0, 1)
		do("query", "query=ANA", 0)
		do("query wildcard", "query=b_n", 0)
		do("query percent", "query=b%25a", 0)
		do("query backslash keeps its meaning", "query=50%5C", 1)
		do("metadata number", "metadata[n]=1", 1)
		do("metadata boolean", "metadata[ok]=true", 1)
		do("metadata values are or-ed", "metadata[s]=x&metadata[s]=y", 2, 1)
		do("metadata keys are and-ed", "metadata[s]=y&metadata[n]=1")
		do("organization", "organization_id="+unknownID)
		f.Run(floetest.Scenario{Name: "unknown sorting", Do: "GET /v1/benefits/?sorting=zz", As: f.AllToken, Status: 422})
		f.Run(floetest.Scenario{Name: "unknown type", Do: "GET /v1/benefits/?type=zz", As: f.AllToken, Status: 422})
		f.Run(floetest.Scenario{Name: "total of user order", Do: "GET /v1/benefits/?id=" + a + "&id=" + b + "&sorting=user_order&limit=1", As: f.AllToken, Status: 200,
			Want: `{"pagination":{"total_count":2,"max_page":2}}`})
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		custom := f.Benefit(with("description", "A benefit", "metadata", with("a", "b"))).ID()
		flag := f.Benefit(with("type", "feature_flag")).ID()
		keys := f.Benefit(with("type", "license_keys", "properties", with("prefix", "A", "limit_usage", 3, "activations", with("limit", 2, "enable_customer_admin", false)))).ID()
		updated := []string{"benefit.updated"}
		patch := func(name, benefit string, b any, want any) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/benefits/" + benefit, As: f.AllToken, Body: b, Status: 200, Want: want, Events: updated})
		}
		patch("no change", custom, `{"type":"custom"}`, `{"modified_at":null,"description":"A benefit","metadata":{"a":"b"}}`)
		patch("22 description and note", custom, `{"type":"custom","description":"Another","properties":{"note":"hello"}}`,
			map[string]any{"description": "Another", "properties": with("note", "hello"), "modified_at": floetest.Any})
		patch("null changes nothing", custom, `{"type":"custom","description":null,"properties":null}`, `{"description":"Another","properties":{"note":"hello"}}`)
		patch("metadata is replaced", custom, `{"type":"custom","metadata":{}}`, `{"metadata":{}}`)
		patch("20 visibility", flag, `{"type":"feature_flag","visibility":"public"}`, `{"visibility":"public"}`)
		patch("20 null is the default", flag, `{"type":"feature_flag","visibility":null}`, `{"visibility":"private"}`)
		patch("properties are replaced", keys, `{"type":"license_keys","properties":{"prefix":"B"}}`,
			`{"properties":{"prefix":"B","expires":null,"activations":null,"limit_usage":null}}`)
		for name, b := range map[string]string{
			"21 another type": `{"type":"feature_flag"}`, "21 discord": `{"type":"discord"}`,
		} {
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/benefits/" + custom, As: f.AllToken, Body: b, Status: 422,
				Want: refused(businessClass, "value_error", `["body","type"]`, "Benefit type cannot be changed."), Events: []string{}})
		}
		for name, b := range map[string]string{
			"no type": `{}`, "unknown type": `{"type":"zz"}`, "note is required": `{"type":"custom","properties":{}}`,
			"too short": `{"type":"custom","description":"a"}`, "null metadata": `{"type":"custom","metadata":null}`,
		} {
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/benefits/" + custom, As: f.AllToken, Body: b, Status: 422, Events: []string{}})
		}
		discord := string(store(t, f, benefit.Row{Type: benefit.Discord, Visibility: benefit.Public, Selectable: true, Deletable: true,
			Properties: json.RawMessage(`{"guild_id":"1","role_id":"2","kick_member":false}`)}).ID)
		patch("19 discord stays public", discord, `{"type":"discord","visibility":"private"}`,
			`{"visibility":"public","visibility_configurable":false,"properties":{"guild_id":"1","role_id":"2","kick_member":false,"guild_token":""}}`)
		f.Run(floetest.Scenario{Name: "discord properties", Do: "PATCH /v1/benefits/" + discord, As: f.AllToken, Status: 422,
			Body: `{"type":"discord","properties":{"guild_token":"x","role_id":"3","kick_member":true}}`})
	})
}

func TestDelete(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		kept := string(store(t, f, benefit.Row{Type: benefit.Custom, Properties: json.RawMessage(`{"note":null}`)}).ID)
		f.Run(floetest.Scenario{Name: "26 not deletable", Do: "DELETE /v1/benefits/" + kept, As: f.AllToken, Status: 403, Want: `{"error":"NotPermitted","detail":"Not permitted"}`, Events: []string{}})
		b := f.Benefit(nil).ID()
		p := f.Do("POST", "/v1/products/", f.AllToken, `{"name":"Product","prices":[{"amount_type":"free"}]}`)
		f.Run(floetest.Scenario{Do: "POST /v1/products/" + p.ID() + "/benefits", As: f.AllToken, Body: with("benefits", []string{b}), Status: 200,
			Want: map[string]any{"benefits": []any{with("id", b)}}})
		f.RunAll(
			floetest.Scenario{Name: "27 delete", Do: "DELETE /v1/benefits/" + b, As: f.AllToken, Status: 204, Events: []string{"benefit.updated"}},
			floetest.Scenario{Name: "27 it is off products", Do: "GET /v1/products/" + p.ID(), As: f.AllToken, Status: 200, Want: `{"benefits":[]}`},
			floetest.Scenario{Name: "27 get", Do: "GET /v1/benefits/" + b, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "27 again", Do: "DELETE /v1/benefits/" + b, As: f.AllToken, Status: 404, Want: notFound},
		)
		after, err := db.One[string](t.Context(), f.DB, `SELECT CAST(after AS text) FROM journal WHERE organization_id = ? AND subject_id = ? ORDER BY seq DESC LIMIT 1`, f.Org.ID, b)
		if err != nil || !strings.Contains(after, `"is_deleted":true`) {
			t.Errorf("27 the event says %s, %v", after, err)
		}
	})
}

func TestProperties(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		for typ, properties := range map[benefit.Type]string{
			benefit.GitHubRepository:   `{"repository_owner":"o","repository_name":"n","permission":"pull"}`,
			benefit.SlackSharedChannel: `{"slack_integration_id":"` + unknownID + `","channel_name_template":"c","private":true,"welcome_message":null,"archive_on_revoke":true,"team_invitees":[]}`,
		} {
			r := store(t, f, benefit.Row{Type: typ, Selectable: true, Properties: json.RawMessage(properties)})
			f.Run(floetest.Scenario{Name: "brought in: " + string(typ), Do: "GET /v1/benefits/" + string(r.ID), As: f.AllToken, Status: 200,
				Want: map[string]any{"properties": json.RawMessage(properties), "visibility_configurable": false}})
		}
	})
}
