package customer_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/journal"
)

const create = "POST /v1/customers/"

func TestCreate(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		do := func(name, body string, status int, want any, events ...string) {
			t.Helper()
			s := floetest.Scenario{Name: name, Do: create, As: f.AllToken, Body: body, Status: status, Want: want}
			if events != nil {
				s.Events = events
			}
			f.Run(s)
		}
		const badEmail = "value is not a valid email address: An email address must have an @-sign."
		do("20 minimal, 47 events", `{"email":"min@example.com"}`, 201, `{"type":"individual","email_verified":false,"metadata":{},"modified_at":null,"external_id":null,"name":null,
			"billing_name":null,"billing_address":null,"tax_id":null,"locale":null,"default_payment_method_id":null,"deleted_at":null,"first_user_event_at":null}`,
			"member.created", "customer.created")
		do("21 empty body object", `{}`, 422, invalid(entry("missing", `["body","individual","email"]`, "Field required", `{}`)))
		for tag, shown := range map[string]string{`"foo"`: "foo", `null`: "None", `7`: "7", `"Team"`: "Team"} {
			body := `{"type":` + tag + `,"email":"t@example.com"}`
			do("22 type "+shown, body, 422, invalid(entry("union_tag_invalid", `["body"]`,
				"Input tag '"+shown+"' found using _customer_create_type() does not match any of the expected tags: 'individual', 'team'", body,
				`{"discriminator":"_customer_create_type()","tag":"`+shown+`","expected_tags":"'individual', 'team'"}`)))
		}
		do("23 list", `[]`, 422, invalid(entry("model_attributes_type", `["body","individual"]`, "Input should be a valid dictionary or object to extract fields from", `[]`)))
		do("23 no body", ``, 422, invalid(entry("missing", `["body"]`, "Field required", `null`)))
		do("23 null", `null`, 422, invalid(entry("missing", `["body"]`, "Field required", `null`)))
		do("23 broken", `{"a":`, 422, invalid(entry("json_invalid", `["body",5]`, "JSON decode error", `{}`, `{"error":"Expecting value"}`)))
		do("24 domain in lower case", `{"email":"A.b@EXAMPLE.com"}`, 201, `{"email":"A.b@example.com"}`)
		do("25 duplicate in another case", `{"email":"a.B@example.com"}`, 422,
			refused(entry("value_error", `["body","email"]`, "A customer with this email address already exists.", `"a.B@example.com"`)), []string{}...)
		do("26 first", `{"email":"both@example.com","external_id":"both"}`, 201, nil)
		do("26 two duplicates", `{"email":"BOTH@example.com","external_id":"both"}`, 422, refused(
			entry("value_error", `["body","email"]`, "A customer with this email address already exists.", `"BOTH@example.com"`),
			entry("value_error", `["body","external_id"]`, "A customer with this external ID already exists.", `"both"`)))
		do("28 blank external id", `{"email":"28a@example.com","external_id":"  "}`, 201, `{"external_id":null}`)
		do("28 trimmed external id", `{"email":"28b@example.com","external_id":" a "}`, 201, `{"external_id":"a"}`)
		do("29 long name", `{"email":"29@example.com","name":"`+strings.Repeat("n", 257)+`"}`, 422, invalid(entry("string_too_long", `["body","individual","name"]`,
			"String should have at most 256 characters", `"`+strings.Repeat("n", 257)+`"`, `{"max_length":256}`)))
		do("29 trimmed name", `{"email":"29a@example.com","name":"  x "}`, 201, `{"name":"x","billing_name":"x"}`)
		do("29 blank name", `{"email":"29b@example.com","name":""}`, 201, `{"name":null}`)
		do("35 team without anyone", `{"type":"team"}`, 422, invalid(entry("value_error", `["body","team"]`,
			"Value error, An owner with an email address is required when creating a team customer without an email.", `{"type":"team"}`, `{"error":{}}`)))
		do("35 empty e-mail is not null", `{"type":"team","email":""}`, 422, invalid(entry("value_error", `["body","team","email"]`, badEmail, `""`,
			`{"reason":"An email address must have an @-sign."}`)))
		do("35 empty owner", `{"type":"team","owner":{}}`, 422, invalid(entry("missing", `["body","team","owner","email"]`, "Field required", `{}`)))
		do("38 metadata types", `{"email":"38@example.com","metadata":{"t":true,"i":1,"f":1.0,"s":"1","u":"true"}}`, 201, nil)
		f.Run(floetest.Scenario{Name: "38 as they were", Do: "GET /v1/customers/?email=38@example.com", As: f.AllToken, Status: 200, Check: func(t testing.TB, r *floetest.Response) {
			if !strings.Contains(r.Body, `"metadata":{"t":true,"i":1,"f":1.0,"s":"1","u":"true"}`) {
				t.Errorf("types or order changed: %s", r.Body)
			}
		}})
		do("45 locale", `{"email":"45@example.com","locale":"en_us"}`, 201, `{"locale":"en-US"}`)
		do("45 no locale", `{"email":"45b@example.com","locale":"und"}`, 422, invalid(entry("value_error", `["body","individual","locale"]`,
			"Value error, Invalid IETF BCP 47 language tag", `"und"`, `{"error":{}}`)))
		do("NUL in a name", `{"email":"nul@example.com","name":"a\u0000b"}`, 422, invalid(entry("value_error", `["body","individual","name"]`,
			"Value error, This value contains invalid characters", `"a\u0000b"`, `{"error":{}}`)))
		do("order of fields", `{"type":"individual","email":1,"organization_id":"x","name":2,"metadata":3}`, 422, nil)
	})
}

func TestCreateMetadataLimits(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		loc := func(parts string) string { return `["body","individual","metadata",` + parts + `]` }
		many := make([]string, 51)
		for i := range many {
			many[i] = fmt.Sprintf(`"k%d":%d`, i, i)
		}
		all := "{" + strings.Join(many, ",") + "}"
		key, text := strings.Repeat("k", 41), strings.Repeat("v", 501)
		for _, s := range []struct{ name, metadata, want string }{
			{"51 entries", all, invalid(entry("too_long", `["body","individual","metadata"]`, "Dictionary should have at most 50 items after validation, not 51", all,
				`{"field_type":"Dictionary","max_length":50,"actual_length":51}`))},
			{"long key", `{"` + key + `":1}`, invalid(entry("string_too_long", loc(`"`+key+`","[key]"`), "String should have at most 40 characters", `"`+key+`"`, `{"max_length":40}`))},
			{"empty key", `{"":1}`, invalid(entry("string_too_short", loc(`"","[key]"`), "String should have at least 1 character", `""`, `{"min_length":1}`))},
			{"long value", `{"k":"` + text + `"}`, invalid(
				entry("string_too_long", loc(`"k","constrained-str"`), "String should have at most 500 characters", `"`+text+`"`, `{"max_length":500}`),
				entry("int_parsing", loc(`"k","int"`), "Input should be a valid integer, unable to parse string as an integer", `"`+text+`"`),
				entry("float_parsing", loc(`"k","float"`), "Input should be a valid number, unable to parse string as a number", `"`+text+`"`),
				entry("bool_parsing", loc(`"k","bool"`), "Input should be a valid boolean, unable to interpret input", `"`+text+`"`))},
			{"null value", `{"k":null}`, invalid(
				entry("string_type", loc(`"k","constrained-str"`), "Input should be a valid string", `null`),
				entry("int_type", loc(`"k","int"`), "Input should be a valid integer", `null`),
				entry("float_type", loc(`"k","float"`), "Input should be a valid number", `null`),
				entry("bool_type", loc(`"k","bool"`), "Input should be a valid boolean", `null`))},
			{"null", `null`, invalid(entry("dict_type", `["body","individual","metadata"]`, "Input should be a valid dictionary", `null`))},
		} {
			f.Run(floetest.Scenario{Name: "37 " + s.name, Do: create, As: f.AllToken, Body: `{"email":"37@example.com","metadata":` + s.metadata + `}`, Status: 422, Want: s.want})
		}
	})
}

func TestCreateAddressAndTaxID(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		n := 0
		do := func(name, fields string, status int, want any) {
			t.Helper()
			n++
			f.Run(floetest.Scenario{Name: name, Do: create, As: f.AllToken, Body: fmt.Sprintf(`{"email":"a%d@example.com",%s}`, n, fields), Status: status, Want: want})
		}
		addressLoc := `["body","individual","billing_address"]`
		do("39 lower-case country", `"billing_address":{"country":"us"}`, 201,
			`{"billing_address":{"line1":null,"line2":null,"postal_code":null,"city":null,"state":null,"country":"US"}}`)
		do("39 no country", `"billing_address":{}`, 422, invalid(entry("missing", `["body","individual","billing_address","country"]`, "Field required", `{}`)))
		f.Run(floetest.Scenario{Name: "39 sanctioned country", Do: create, As: f.AllToken, Body: `{"email":"ru@example.com","billing_address":{"country":"RU"}}`, Status: 422,
			Check: func(t testing.TB, r *floetest.Response) {
				if r.Text("detail.0.type") != "enum" || !strings.HasPrefix(r.Text("detail.0.msg"), "Input should be 'AD', 'AE', ") || !strings.HasSuffix(r.Text("detail.0.msg"), "'ZM' or 'ZW'") {
					t.Errorf("got %s", r.Body)
				}
				if n := strings.Count(r.Text("detail.0.ctx.expected"), "'"); n != 2*244 {
					t.Errorf("%d countries", n/2)
				}
			}})
		do("40 US state", `"billing_address":{"country":"US","state":"CA"}`, 201, `{"billing_address":{"state":"US-CA"}}`)
		do("40 US state with its prefix", `"billing_address":{"country":"us","state":"US-NY"}`, 201, `{"billing_address":{"state":"US-NY"}}`)
		for _, state := range []string{"ca", "PR", "us-ca"} {
			do("40 no US state "+state, `"billing_address":{"country":"US","state":"`+state+`"}`, 422,
				invalid(entry("value_error", addressLoc, "Value error, Invalid US state", `{"country":"US","state":"`+state+`"}`, `{"error":{}}`)))
		}
		do("40 no Canadian subdivision", `"billing_address":{"country":"CA","state":"NY"}`, 422,
			invalid(entry("value_error", addressLoc, "Value error, Invalid CA subdivision", `{"country":"CA","state":"NY"}`, `{"error":{}}`)))
		do("40 free text elsewhere", `"billing_address":{"country":"FR","state":" Bretagne ","line2":" "}`, 201, `{"billing_address":{"state":"Bretagne","line2":null}}`)
		do("40 not an object", `"billing_address":"x"`, 422,
			invalid(entry("model_attributes_type", addressLoc, "Input should be a valid dictionary or object to extract fields from", `"x"`)))
		do("41 no address", `"tax_id":"FR61954506077"`, 422,
			refused(entry("missing", `["body","billing_address"]`, "Country is required to validate tax ID.", `null`)))
		do("42 invalid", `"tax_id":" INVALID ","billing_address":{"country":"FR"}`, 422, refused(entry("invalid", `["body","tax_id"]`, "Invalid tax ID.", `"INVALID"`)))
		do("43 French VAT", `"tax_id":"FR61954506077","billing_address":{"country":"FR"}`, 201, `{"tax_id":["FR61954506077","eu_vat"]}`)
		do("43 German VAT in France", `"tax_id":"DE114103379","billing_address":{"country":"FR"}`, 201, `{"tax_id":["DE114103379","eu_vat"]}`)
		do("43 British VAT in France", `"tax_id":"GB980780684","billing_address":{"country":"FR"}`, 422, refused(entry("invalid", `["body","tax_id"]`, "Invalid tax ID.", `"GB980780684"`)))
		do("44 EIN", `"tax_id":"91-1144442","billing_address":{"country":"US"}`, 201, `{"tax_id":["911144442","us_ein"]}`)
		do("44 South Africa has no validator", `"tax_id":"4000000000","billing_address":{"country":"ZA"}`, 422, refused(entry("invalid", `["body","tax_id"]`, "Invalid tax ID.", `"4000000000"`)))
		do("41 blank tax id needs no address", `"tax_id":"  "`, 201, `{"tax_id":null}`)
		f.Run(floetest.Scenario{Name: "duplicates go before the tax id", Do: create, As: f.AllToken, Status: 422,
			Body: `{"email":"A1@example.com","tax_id":"X","billing_address":{"country":"FR"}}`,
			Want: refused(entry("value_error", `["body","email"]`, "A customer with this email address already exists.", `"A1@example.com"`))})
	})
}

func TestCreateOwner(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		members := func(c string) string { return "/v1/customers/" + c + "/members" }
		c := f.Customer(map[string]any{"email": "O@example.com", "name": "Owner", "external_id": "own"})
		f.Run(floetest.Scenario{Name: "30 follows the customer", Do: "GET " + members(c.ID()), As: f.AllToken, Status: 200,
			Want: map[string]any{"items": []any{map[string]any{"email": "O@example.com", "name": "Owner", "external_id": "own", "role": "owner", "customer_id": c.ID(),
				"created_at": c.Text("created_at")}}}})
		c = f.Customer(map[string]any{"email": "p@example.com", "name": "P", "owner": map[string]any{"email": "boss@example.com", "name": "Boss", "external_id": "b1"}})
		f.Run(floetest.Scenario{Name: "31 given", Do: "GET " + members(c.ID()), As: f.AllToken, Status: 200,
			Want: `{"items":[{"email":"boss@example.com","name":"Boss","external_id":"b1","role":"owner"}]}`})
		f.Run(floetest.Scenario{Name: "31 the customer keeps its own", Do: "GET /v1/customers/" + c.ID(), As: f.AllToken, Status: 200, Want: `{"email":"p@example.com","name":"P","external_id":null}`})
		team := f.Run(floetest.Scenario{Name: "33 team without e-mail", Do: create, As: f.AllToken, Body: `{"type":"team","owner":{"email":"customer@example.com"}}`, Status: 201,
			Want: `{"email":null,"type":"team","avatar_url":"https://www.gravatar.com/avatar/e233d4a29013e9d87150c6237c6777bedf379ebf1acdc5d6126fec7e8bb74fb5?d=404"}`})
		f.Run(floetest.Scenario{Name: "33 read back", Do: "GET /v1/customers/" + team.ID(), As: f.AllToken, Status: 200,
			Want: `{"avatar_url":"https://www.gravatar.com/avatar/e233d4a29013e9d87150c6237c6777bedf379ebf1acdc5d6126fec7e8bb74fb5?d=404"}`})

		setFeatures(t, f, f.Org.ID, `{"member_model_enabled":false,"seat_based_pricing_enabled":false}`)
		c = f.Run(floetest.Scenario{Name: "32 no members without the features", Do: create, As: f.AllToken, Body: `{"email":"q@example.com","owner":{"email":"boss@example.com"}}`, Status: 201,
			Events: []string{"customer.created"}})
		f.Run(floetest.Scenario{Name: "32 none", Do: "GET " + members(c.ID()), As: f.AllToken, Status: 200, Want: `{"items":[]}`})
		f.Run(floetest.Scenario{Name: "34 team without e-mail or owner member", Do: create, As: f.AllToken, Body: `{"type":"team","owner":{"email":"boss@example.com"}}`, Status: 201,
			Want: `{"email":null,"avatar_url":null}`})
	})
}

// setFeatures writes an organization's feature settings, which the API lets
// nobody switch off.
func setFeatures(t *testing.T, f *floetest.Floe, org id.ID, features string) {
	t.Helper()
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, `UPDATE organizations SET feature_settings = ? WHERE id = ?`, []byte(features), org)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// 36: however many ask at once for one e-mail or one external id, one gets it
// and the others are told which field was taken.
func TestCreateRaces(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const clients = 64
		race := func(name, field string, body func(i int) map[string]any) {
			t.Run(name, func(t *testing.T) {
				answers := make([]*floetest.Response, clients)
				var wait sync.WaitGroup
				for i := range clients {
					wait.Go(func() { answers[i] = f.Do("POST", "/v1/customers/", f.AllToken, body(i)) })
				}
				wait.Wait()
				created := 0
				for _, r := range answers {
					switch {
					case r.Status == 201:
						created++
					case r.Status != 422 || r.Path("detail.0.loc.1") != field || r.Path("detail.1") != nil:
						t.Errorf("%d %s", r.Status, r.Body)
					}
				}
				if created != 1 {
					t.Errorf("%d were created", created)
				}
			})
		}
		race("one e-mail", "email", func(i int) map[string]any {
			email := []byte("race@example.com")
			for bit := range 4 { // in sixteen letter cases
				if i>>bit&1 == 1 {
					email[bit] -= 'a' - 'A'
				}
			}
			return map[string]any{"email": string(email)}
		})
		race("one external id", "external_id", func(i int) map[string]any {
			return map[string]any{"email": fmt.Sprintf("race-%d@example.com", i), "external_id": "race"}
		})
		if log := f.Log(); log != "" {
			t.Errorf("races were logged: %s", log)
		}
		f.Run(floetest.Scenario{Do: "GET /v1/customers/", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":2,"max_page":1}}`})
	})
}

// Those who create at the same time share a transaction, and each gets what is
// theirs: the answer, the organization, the lines in the journal with the id of
// the request, and the refusal.
func TestCreateTogether(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const clients = 96
		other := f.Organization("Other")
		f.Run(floetest.Scenario{Do: "POST /v1/webhooks/endpoints", As: f.AllToken, Status: 201,
			Body: `{"url":"https://hooks.example.com/","format":"raw","events":["customer.created","customer.state_changed"]}`})
		answers := make([]*floetest.Response, clients)
		before := f.DB.Stats()
		var wait sync.WaitGroup
		for i := range clients {
			body := map[string]any{"email": fmt.Sprintf("together-%d@example.com", i), "metadata": map[string]any{"number": i}}
			token := f.AllToken
			switch i % 4 {
			case 1:
				token = other.Token
			case 2:
				body["tax_id"], body["billing_address"] = "wrong", map[string]any{"country": "US"}
			}
			wait.Go(func() { answers[i] = f.Do("POST", "/v1/customers/", token, body) })
		}
		wait.Wait()
		for i, r := range answers {
			if i%4 == 2 {
				if r.Status != 422 || r.Path("detail.0.msg") != "Invalid tax ID." {
					t.Errorf("%d: %d %s", i, r.Status, r.Body)
				}
				continue
			}
			org, want := f.Org.ID, "member.created, customer.created, customer.state_changed"
			if i%4 == 1 {
				org, want = other.ID, "member.created, customer.created"
			}
			if r.Status != 201 || r.Path("email") != fmt.Sprintf("together-%d@example.com", i) || r.Path("organization_id") != string(org) {
				t.Fatalf("%d: %d %s", i, r.Status, r.Body)
			}
			recorded, err := journal.OfCustomer(t.Context(), f.DB, []id.ID{org}, id.ID(r.Path("id").(string)))
			if err != nil {
				t.Fatal(err)
			}
			var types []string
			for _, e := range recorded {
				types = append(types, e.Type)
				if e.RequestID == nil || *e.RequestID != r.Header.Get("X-Request-Id") {
					t.Errorf("%s of %d has the request %v", e.Type, i, e.RequestID)
				}
			}
			if got := strings.Join(types, ", "); got != want {
				t.Errorf("%d: recorded %s", i, got)
			}
		}
		f.Run(floetest.Scenario{Do: "GET /v1/customers/?metadata[number]=5", As: other.Token, Status: 200, Want: `{"pagination":{"total_count":1}}`})
		f.Run(floetest.Scenario{Do: "GET /v1/customers/?query=together", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":48}}`})
		f.Run(floetest.Scenario{Do: "GET /v1/customers/", As: other.Token, Status: 200, Want: `{"pagination":{"total_count":24}}`})
		if n := f.DB.Stats().Batches - before.Batches; n > 72 {
			t.Errorf("%d commits for %d who came together", n, clients)
		}
	})
}
