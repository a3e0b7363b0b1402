package customer_test

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/journal"
)

func TestUpdate(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(map[string]any{"email": "Me@example.com", "name": "Me"}).ID()
		f.Customer(map[string]any{"email": "other@example.com", "external_id": "other"})
		do := func(name, body string, status int, want any) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/customers/" + c, As: f.AllToken, Body: body, Status: status, Want: want})
		}
		verify(t, f, c)
		taken := refused(entry("value_error", `["body","email"]`, "A customer with this email address already exists.", `"OTHER@example.com"`))
		fixed := func(input string) string {
			return refused(entry("value_error", `["body","external_id"]`, "Customer external ID cannot be updated.", input))
		}
		f.Run(floetest.Scenario{Name: "76 empty", Do: "PATCH /v1/customers/" + c, As: f.AllToken, Body: `{}`, Status: 200, Want: `{"modified_at":null}`, Events: []string{"customer.updated"}})
		do("62 taken e-mail", `{"email":"OTHER@example.com","name":"Changed"}`, 422, taken)
		do("62 nothing changed", `{}`, 200, `{"email":"Me@example.com","name":"Me","modified_at":null}`)
		do("64 case only", `{"email":"me@EXAMPLE.com"}`, 200, `{"email":"Me@example.com","email_verified":true}`)
		do("65 null", `{"email":null}`, 200, `{"email":"Me@example.com","email_verified":true}`)
		do("63 new address", `{"email":"new@example.com"}`, 200, `{"email":"new@example.com","email_verified":false}`)
		do("66 metadata set", `{"metadata":{"a":1,"b":"x"}}`, 200, `{"metadata":{"a":1,"b":"x"}}`)
		do("66 replaced", `{"metadata":{"c":true}}`, 200, `{"metadata":{"c":true}}`)
		f.Run(floetest.Scenario{Name: "66 filters follow", Do: "GET /v1/customers/?metadata[a]=1", As: f.AllToken, Status: 200, Want: `{"items":[]}`})
		f.Run(floetest.Scenario{Name: "66 filters follow too", Do: "GET /v1/customers/?metadata[c]=true", As: f.AllToken, Status: 200, Check: emails("new")})
		do("66 cleared", `{"metadata":{}}`, 200, `{"metadata":{}}`)
		do("66 null", `{"metadata":null}`, 422, invalid(entry("dict_type", `["body","metadata"]`, "Input should be a valid dictionary", `null`)))
		do("67 no address", `{"billing_address":null}`, 422,
			refused(entry("value_error", `["body","billing_address"]`, "Customer billing address cannot be reset to null once set.", `null`)))
		do("68 null on null", `{"external_id":null}`, 200, `{"external_id":null}`)
		do("68 blank on null", `{"external_id":""}`, 200, `{"external_id":null}`)
		do("68 duplicate", `{"external_id":"other"}`, 422,
			refused(entry("value_error", `["body","external_id"]`, "A customer with this external ID already exists.", `"other"`)))
		do("68 set", `{"external_id":"mine"}`, 200, `{"external_id":"mine"}`)
		do("68 same", `{"external_id":"mine"}`, 200, `{"external_id":"mine"}`)
		do("68 other value", `{"external_id":"yours"}`, 422, fixed(`"yours"`))
		do("68 null", `{"external_id":null}`, 422, fixed(`null`))
		do("several problems in order", `{"external_id":"yours","billing_address":null,"email":"OTHER@example.com"}`, 422, refused(
			entry("value_error", `["body","email"]`, "A customer with this email address already exists.", `"OTHER@example.com"`),
			entry("value_error", `["body","billing_address"]`, "Customer billing address cannot be reset to null once set.", `null`),
			entry("value_error", `["body","external_id"]`, "Customer external ID cannot be updated.", `"yours"`)))
		f.Run(floetest.Scenario{Name: "69 by external id", Do: "PATCH /v1/customers/external/mine", As: f.AllToken, Body: `{"external_id":"yours","type":"nonsense","name":"N"}`, Status: 200,
			Want: `{"external_id":"mine","type":"individual","name":"N"}`})
		do("70 same type", `{"type":"individual"}`, 200, `{"type":"individual"}`)
		do("70 null for an individual", `{"type":null}`, 200, `{"type":"individual"}`)
		do("70 unknown type", `{"type":"club"}`, 422, invalid(entry("enum", `["body","type"]`, "Input should be 'individual' or 'team'", `"club"`, `{"expected":"'individual' or 'team'"}`)))
		do("70 upgrade", `{"type":"team"}`, 200, `{"type":"team"}`)
		down := "Customer type cannot be downgraded from 'team' to 'individual'."
		do("70 downgrade", `{"type":"individual"}`, 422, refused(entry("value_error", `["body","type"]`, down, `"individual"`)))
		do("70 downgrade by null", `{"type":null}`, 422, refused(entry("value_error", `["body","type"]`, down, `null`)))
		do("name cleared", `{"name":" "}`, 200, `{"name":null}`)
		do("locale cleared", `{"locale":null}`, 200, `{"locale":null}`)
		do("not an object", `[]`, 422, invalid(entry("model_attributes_type", `["body"]`, "Input should be a valid dictionary or object to extract fields from", `[]`)))
		do("no tag in locations", `{"email":"x"}`, 422, invalid(entry("value_error", `["body","email"]`, "value is not a valid email address: An email address must have an @-sign.", `"x"`,
			`{"reason":"An email address must have an @-sign."}`)))
		f.RunAll(
			floetest.Scenario{Name: "78 finance may not", Do: "PATCH /v1/customers/" + c, As: f.User(auth.Finance), Body: `{}`, Status: 403, Want: mayNotManage},
			floetest.Scenario{Name: "78 unknown before forbidden", Do: "PATCH /v1/customers/" + unknownID, As: f.User(auth.Finance), Body: `{}`, Status: 404, Want: notFound},
			floetest.Scenario{Name: "78 finance may read", Do: "GET /v1/customers/" + c, As: f.User(auth.Finance), Status: 200},
		)
	})
}

// verify stands in for a sign-in to the portal with the customer's address.
func verify(t *testing.T, f *floetest.Floe, customer string) {
	t.Helper()
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		_, err := db.Exec(t.Context(), tx, `UPDATE customers SET email_verified = ? WHERE organization_id = ? AND id = ?`, true, f.Org.ID, customer)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestUpdateTaxID(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(nil).ID()
		do := func(name, body string, status int, want any) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "PATCH /v1/customers/" + c, As: f.AllToken, Body: body, Status: status, Want: want})
		}
		do("71 no address", `{"tax_id":"FR61954506077"}`, 422, refused(entry("missing", `["body","billing_address"]`, "Country is required to validate tax ID.", `null`)))
		do("74 blank needs none", `{"tax_id":""}`, 200, `{"tax_id":null}`)
		do("71 address in France", `{"billing_address":{"country":"FR"}}`, 200, nil)
		do("71 stored address", `{"tax_id":"FR 61 954 506 077"}`, 200, `{"tax_id":["FR61954506077","eu_vat"]}`)
		do("72 to America", `{"billing_address":{"country":"US"}}`, 422, refused(entry("invalid", `["body","tax_id"]`, "Invalid tax ID.", `"FR61954506077"`)))
		do("73 to Germany", `{"billing_address":{"country":"DE","city":"Berlin"}}`, 200, `{"tax_id":["FR61954506077","eu_vat"],"billing_address":{"country":"DE","city":"Berlin"}}`)
		do("replaced as a whole", `{"billing_address":{"country":"DE"}}`, 200, `{"billing_address":{"country":"DE","city":null}}`)
		do("both at once", `{"billing_address":{"country":"US"},"tax_id":"91-1144442"}`, 200, `{"tax_id":["911144442","us_ein"]}`)
		do("74 other fields do not check again", `{"name":"x"}`, 200, `{"tax_id":["911144442","us_ein"]}`)
		do("74 cleared", `{"tax_id":null}`, 200, `{"tax_id":null}`)
	})
}

func TestUpdateOwnerFollows(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		ind := f.Customer(map[string]any{"email": "i@example.com", "owner": map[string]any{"email": "drifted@example.com"}}).ID()
		team := f.Customer(map[string]any{"email": "t@example.com", "type": "team"}).ID()
		owner := func(customer string) string {
			return f.Do("GET", "/v1/customers/"+customer+"/members?role=owner", f.AllToken, nil).Text("items.0.email")
		}
		f.Do("PATCH", "/v1/customers/"+ind, f.AllToken, `{"email":"i2@example.com"}`)
		f.Do("PATCH", "/v1/customers/"+team, f.AllToken, `{"email":"t2@example.com"}`)
		if got := owner(ind); got != "i2@example.com" {
			t.Errorf("75 the individual's owner is %s", got)
		}
		if got := owner(team); got != "t@example.com" {
			t.Errorf("75 the team's owner is %s", got)
		}
	})
}

// The journal knows who changed what, in which request, and numbers each
// customer's changes without a gap.
func TestJournal(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(map[string]any{"name": "Old"}).ID()
		r := f.Do("PATCH", "/v1/customers/"+c, f.AllToken, `{"name":"New"}`)
		f.Do("PATCH", "/v1/customers/"+c, f.AllToken, `{}`)
		type row struct {
			Type          string
			CustomerSeq   int64
			ActorKind     string
			ActorID       string
			RequestID     string
			Before, After string
		}
		rows, err := db.All[row](t.Context(), f.DB, `SELECT type, customer_seq, actor_kind, actor_id, request_id, COALESCE(before, '{}') AS before, after
			FROM journal WHERE organization_id = ? AND customer_id = ? ORDER BY seq`, f.Org.ID, c)
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 4 {
			t.Fatalf("%d rows: %+v", len(rows), rows)
		}
		for i, want := range []string{"member.created", "customer.created", "customer.updated", "customer.updated"} {
			if rows[i].Type != want || rows[i].CustomerSeq != int64(i+1) || rows[i].ActorKind != "organization" || rows[i].ActorID == "" || rows[i].RequestID == "" {
				t.Errorf("row %d: %+v", i, rows[i])
			}
		}
		if rows[2].RequestID != r.Header.Get("X-Request-Id") {
			t.Errorf("request %s, want %s", rows[2].RequestID, r.Header.Get("X-Request-Id"))
		}
		if want := `{"modified_at":null,"name":"Old","billing_name":"Old"}`; rows[2].Before != want {
			t.Errorf("before %s, want %s", rows[2].Before, want)
		}
		if rows[3].Before != "{}" || rows[3].After != "{}" {
			t.Errorf("an empty change: %+v", rows[3])
		}
	})
}

// Those who change customers at the same time share a transaction; of several
// changes of one customer each is made and recorded, and what is wrong with one
// does not touch the others.
func TestUpdateTogether(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const customers, each = 12, 8
		var made []*floetest.Response
		for i := range customers {
			made = append(made, f.Customer(map[string]any{"email": fmt.Sprintf("c%d@example.com", i), "external_id": fmt.Sprintf("ext-%d", i)}))
		}
		before := f.DB.Stats()
		var wait sync.WaitGroup
		for i := range customers {
			for n := range each {
				path, body, status := f.Path("/v1/customers/%s", made[i].Path("id")), map[string]any{"metadata": map[string]any{"n": n}}, 200
				switch n {
				case 1, 2:
					path = f.Path("/v1/customers/external/ext-%d", i)
				case 3:
					path, status = f.Path("/v1/customers/%s", id.New()), 404
				case 4:
					body["external_id"], status = "other", 422
				case 5:
					body["email"], status = fmt.Sprintf("c%d@example.com", (i+1)%customers), 422
				}
				wait.Go(func() {
					r := f.Do("PATCH", path, f.AllToken, body)
					if r.Status != status || status == 200 && fmt.Sprint(r.Path("metadata.n")) != fmt.Sprint(n) {
						t.Errorf("%d of %d: %d %s", n, i, r.Status, r.Body)
					}
				})
			}
		}
		wait.Wait()
		for i := range customers {
			r := f.Do("GET", f.Path("/v1/customers/%s", made[i].Path("id")), f.AllToken, nil)
			recorded, err := journal.OfCustomer(t.Context(), f.DB, []id.ID{f.Org.ID}, id.ID(r.Path("id").(string)))
			if err != nil {
				t.Fatal(err)
			}
			was, changes := "{}", 0
			for _, e := range recorded {
				if e.Type != "customer.updated" {
					continue
				}
				changes++
				var old, now struct{ Metadata json.RawMessage }
				if json.Unmarshal(e.Before, &old) != nil || json.Unmarshal(e.After, &now) != nil || string(old.Metadata) != was {
					t.Errorf("%d: recorded %s after %s", i, e.Before, was)
				}
				was = string(now.Metadata)
			}
			if now := r.Path("metadata.n"); changes != each-3 || was != fmt.Sprintf(`{"n":%v}`, now) {
				t.Errorf("%d: %d changes, the last to %s, and it is %s", i, changes, was, r.Body)
			}
			f.Run(floetest.Scenario{Do: f.Path("GET /v1/customers/?metadata[n]=%v&query=c%d@", r.Path("metadata.n"), i), As: f.AllToken, Status: 200,
				Want: `{"pagination":{"total_count":1}}`})
		}
		if n := f.DB.Stats().Batches - before.Batches; n > customers*(each-3) {
			t.Errorf("%d commits", n)
		}
	})
}
