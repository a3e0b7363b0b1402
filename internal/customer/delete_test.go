package customer_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/journal"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(map[string]any{"email": "gone@example.com", "external_id": "ext", "type": "team", "name": "Gone"}).ID()
		f.Do("POST", "/v1/customers/"+c+"/members", f.AllToken, `{"email":"m@example.com"}`)
		owner := f.Do("GET", "/v1/customers/"+c+"/members?role=owner", f.AllToken, nil).Text("items.0.id")
		session := f.Do("POST", "/v1/customer-sessions/", f.AllToken, map[string]any{"customer_id": c, "member_id": owner}).Text("token")
		f.RunAll(
			floetest.Scenario{Name: "finance may not", Do: "DELETE /v1/customers/" + c, As: f.User(auth.Finance), Status: 403, Want: mayNotManage},
			floetest.Scenario{Name: "91 anonymize=zz", Do: "DELETE /v1/customers/" + c + "?anonymize=zz", As: f.AllToken, Status: 422,
				Want: invalid(entry("bool_parsing", `["query","anonymize"]`, "Input should be a valid boolean, unable to interpret input", `"zz"`))},
			floetest.Scenario{Name: "85 the session works", Do: "GET /v1/customers/", As: session, Status: 401, Want: unauthorized},
			floetest.Scenario{Name: "79 84 90 delete", Do: "DELETE /v1/customers/" + c, As: f.AllToken, Status: 204,
				Events: []string{"member.deleted", "member.deleted", "customer.deleted"}},
			floetest.Scenario{Name: "85 the session has ended", Do: "GET /v1/customers/", As: session, Status: 401, Want: invalidToken},
			floetest.Scenario{Name: "79 get", Do: "GET /v1/customers/" + c, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "79 get external", Do: "GET /v1/customers/external/ext", As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "79 state", Do: "GET /v1/customers/" + c + "/state", As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "79 patch", Do: "PATCH /v1/customers/" + c, As: f.AllToken, Body: `{}`, Status: 404, Want: notFound},
			floetest.Scenario{Name: "79 delete again", Do: "DELETE /v1/customers/" + c, As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "84 members are gone", Do: "GET /v1/members/?customer_id=" + c, As: f.AllToken, Status: 200, Want: `{"items":[]}`},
			floetest.Scenario{Name: "80 81 both are free", Do: create, As: f.AllToken, Body: `{"email":"GONE@example.com","external_id":"ext"}`, Status: 201},
			floetest.Scenario{Name: "81 one member of the new one", Do: "GET /v1/members/?external_customer_id=ext", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":1,"max_page":1}}`},
			floetest.Scenario{Name: "by external id", Do: "DELETE /v1/customers/external/ext", As: f.AllToken, Status: 204},
			floetest.Scenario{Name: "by external id again", Do: "DELETE /v1/customers/external/ext", As: f.AllToken, Status: 404, Want: notFound},
		)
		row := stored(t, f, c)
		if row.Email != "gone@example.com" || row.Name != "Gone" || row.Metadata != `{"__external_id":"ext"}` {
			t.Errorf("80 86 the row is %+v", row)
		}
	})
}

type storedRow struct{ Email, Name, BillingName, Address, Metadata, TaxID string }

func stored(t *testing.T, f *floetest.Floe, customer string) storedRow {
	t.Helper()
	r, err := db.One[storedRow](t.Context(), f.DB, `SELECT COALESCE(email, '') AS email, COALESCE(name, '') AS name, COALESCE(billing_name, '') AS billing_name,
		COALESCE(CAST(billing_address AS text), '') AS address, CAST(metadata AS text) AS metadata, COALESCE(tax_id, '') AS tax_id
		FROM customers WHERE organization_id = ? AND id = ?`, f.Org.ID, customer)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAnonymize(t *testing.T) {
	t.Parallel()
	hash := regexp.MustCompile(`^[0-9a-f]{64}$`)
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		jane := f.Customer(map[string]any{"email": "Jane@example.com", "name": "Jane Doe", "metadata": map[string]any{"keep": 1, "__anonymized_at": "planted"},
			"billing_address": map[string]any{"country": "FR", "line1": "Secret street"}})
		person, picture := jane.ID(), jane.Text("avatar_url") // which has a hash of the address
		f.Do("PATCH", "/v1/customers/"+person, f.AllToken, `{"name":"Jane Roe"}`)
		f.Run(floetest.Scenario{Name: "87 90 person", Do: "DELETE /v1/customers/" + person + "?anonymize=true", As: f.AllToken, Status: 204,
			Events: []string{"member.deleted", "customer.deleted"}})
		r := stored(t, f, person)
		local, domain, _ := strings.Cut(r.Email, "@")
		if !hash.MatchString(local) || domain != "anonymized.invalid" || !hash.MatchString(r.Name) || r.Address != "" {
			t.Errorf("87 the row is %+v", r)
		}
		if !strings.HasPrefix(r.Metadata, `{"__anonymized_at":"2026-`) || !strings.HasSuffix(r.Metadata, `,"keep":1}`) {
			t.Errorf("87 a planted marker kept the row as it was: %s", r.Metadata)
		}

		business := f.Customer(map[string]any{"email": "biz@example.com", "name": "Biz", "tax_id": "FR61954506077", "billing_address": map[string]any{"country": "FR"}, "external_id": "biz"}).ID()
		setBillingName(t, f, business, "Biz SARL")
		f.Run(floetest.Scenario{Name: "88 business", Do: "DELETE /v1/customers/external/biz?anonymize=1", As: f.AllToken, Status: 204})
		r = stored(t, f, business)
		if r.Name != "Biz" || r.TaxID != "FR61954506077" || !hash.MatchString(r.BillingName) || !strings.Contains(r.Metadata, `"__external_id":"biz"`) {
			t.Errorf("88 the row is %+v", r)
		}

		for _, table := range []string{"members", "journal", "customers"} {
			rows, err := db.All[string](t.Context(), f.DB, map[string]string{
				"members":   `SELECT email || COALESCE(name, '') FROM members WHERE organization_id = ?`,
				"journal":   `SELECT COALESCE(CAST(before AS text), '') || COALESCE(CAST(after AS text), '') FROM journal WHERE organization_id = ?`,
				"customers": `SELECT search || COALESCE(email_key, '') || COALESCE(name_key, '') FROM customers WHERE organization_id = ?`,
			}[table], f.Org.ID)
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range rows {
				for _, secret := range []string{"Jane", "jane", "Secret", "biz@example.com", picture} {
					if strings.Contains(text, secret) {
						t.Errorf("%s still holds %q: %s", table, secret, text)
					}
				}
			}
		}
		f.Run(floetest.Scenario{Name: "search finds nothing", Do: "GET /v1/customers/?query=jane", As: f.AllToken, Status: 200, Want: `{"items":[]}`})
	})
}

// 92: the hashes of the specification.
func TestPseudonym(t *testing.T) {
	t.Parallel()
	for _, v := range []struct{ at, value, want string }{
		{"2025-01-03T13:37:00.123456+00:00", "customer@example.com", "b8cb05807777926029e5af8aa632e6385d845357b78b2db42435248ba43acd31"},
		{"2025-01-03T13:37:00.123456+00:00", "John Doe", "b810f224000fc5d312bc31065ab3e0229115318aeff7240888152ce749c7e7e4"},
		{"2025-01-03T13:37:00+00:00", "customer@example.com", "8fe419842820d0003acccfc9498a84141fe70daa44686f7eb879bdf0360b3195"},
	} {
		if got := customer.Pseudonym(v.at, v.value); got != v.want {
			t.Errorf("%s at %s: %s", v.value, v.at, got)
		}
	}
}

// stubborn refuses to revoke, after everything else was done.
type stubborn struct{ customer.Grants }

var errStubborn = errors.New("grants cannot be revoked")

func (stubborn) AskHolders(reads *db.Reads, org id.ID, customers []id.ID) *[]id.ID {
	w := db.Where("organization_id = ?", org).In("id", customers)
	return db.Ask[id.ID](reads, `SELECT id FROM customers`+w.SQL(), w.Args()...)
}

func (stubborn) RevokeAll(context.Context, *db.Tx, auth.Subject, id.ID, id.ID) error {
	return errStubborn
}

// Deletion is one transaction: when a part fails, nothing has happened, no
// receiver is told of it (case 24 of the checklist of webhooks), and the caller
// is told no detail.
func TestDeleteIsAllOrNothing(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(map[string]any{"external_id": "ext"}).ID()
		f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, `{"url":"https://example.com/hook","format":"raw","events":["member.deleted","customer.deleted","customer.state_changed"]}`)
		f.Server.Customers.Grants = stubborn{}
		before := f.LastSeq()
		w := httptest.NewRecorder() // not through f.Do, which takes no 500 for an answer
		f.Handler.ServeHTTP(w, f.Request("DELETE", "/v1/customers/"+c+"?anonymize=true", f.AllToken, nil))
		request := w.Header().Get("X-Request-Id")
		if want := `{"error":"InternalServerError","detail":"Internal Server Error","request_id":"` + request + `"}`; w.Code != 500 || w.Body.String() != want {
			t.Errorf("%d %s, want %s", w.Code, w.Body, want)
		}
		if n := strings.Count(f.Log(), errStubborn.Error()); n != 1 || !strings.Contains(f.Log(), request) {
			t.Errorf("logged %d times: %s", n, f.Log())
		}
		if events := f.EventsSince(before); len(events) > 0 {
			t.Errorf("events %v", events)
		}
		if n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM webhook_events WHERE organization_id = ?`, f.Org.ID); n != 0 || err != nil {
			t.Errorf("%d events are to be sent: %v", n, err)
		}
		f.Run(floetest.Scenario{Do: "GET /v1/customers/external/ext", As: f.AllToken, Status: 200, Want: map[string]any{"id": c, "deleted_at": nil}})
		f.Run(floetest.Scenario{Do: "GET /v1/customers/" + c + "/members", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":1,"max_page":1}}`})
	})
}

// The maintained total agrees with a count after any mix of writes.
func TestTotalsAgree(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		for i := range 30 {
			c := f.Customer(nil).ID()
			f.Do("POST", "/v1/customers/", f.AllToken, `{"email":"same@example.com"}`)
			if i%3 == 0 {
				f.Do("DELETE", "/v1/customers/"+c, f.AllToken, nil)
			}
		}
		n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM customers WHERE organization_id = ? AND deleted_at IS NULL`, f.Org.ID)
		if err != nil {
			t.Fatal(err)
		}
		f.Run(floetest.Scenario{Do: "GET /v1/customers/?limit=5", As: f.AllToken, Status: 200, Want: fmt.Sprintf(`{"pagination":{"total_count":%d,"max_page":%d}}`, n, (n+4)/5)})
	})
}

// Those who delete at the same time share a transaction; each customer is
// deleted once, whoever asks for it and how often, and whom nobody has is not found.
func TestDeleteTogether(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const customers = 40
		var made []string
		for i := range customers {
			made = append(made, f.Customer(map[string]any{"email": fmt.Sprintf("c%d@example.com", i), "external_id": fmt.Sprintf("ext-%d", i)}).ID())
		}
		deleted := make([]atomic.Int32, customers)
		before := f.DB.Stats()
		var wait sync.WaitGroup
		del := func(i int, path string) {
			wait.Go(func() {
				switch r := f.Do("DELETE", path, f.AllToken, nil); {
				case r.Status == 204 && i >= 0:
					deleted[i].Add(1)
				case r.Status != 404:
					t.Errorf("%s: %d %s", path, r.Status, r.Body)
				}
			})
		}
		for i, customer := range made {
			del(i, f.Path("/v1/customers/%s?anonymize=%v", customer, i%2 == 0))
			del(i, f.Path("/v1/customers/external/ext-%d", i))
			del(-1, f.Path("/v1/customers/%s", id.New()))
		}
		wait.Wait()
		for i, customer := range made {
			recorded, err := journal.OfCustomer(t.Context(), f.DB, []id.ID{f.Org.ID}, id.ID(customer))
			if err != nil {
				t.Fatal(err)
			}
			ended := 0
			for _, e := range recorded {
				if e.Type == "customer.deleted" {
					ended++
				}
			}
			if deleted[i].Load() != 1 || ended != 1 {
				t.Errorf("%d was deleted %d times, and recorded %d times", i, deleted[i].Load(), ended)
			}
		}
		f.Run(floetest.Scenario{Do: "GET /v1/customers/", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":0}}`})
		if n := f.DB.Stats().Batches - before.Batches; n > customers {
			t.Errorf("%d commits for %d", n, customers)
		}
	})
}
