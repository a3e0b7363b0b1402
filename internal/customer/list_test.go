package customer_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
)

// emails checks which customers a list shows, by the part before the @.
func emails(want ...string) func(testing.TB, *floetest.Response) {
	return func(t testing.TB, r *floetest.Response) {
		t.Helper()
		items, _ := r.Path("items").([]any)
		got := make([]string, len(items))
		for i := range items {
			got[i], _, _ = strings.Cut(r.Text(fmt.Sprintf("items.%d.email", i)), "@")
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("got %v, want %v", got, want)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		for _, c := range []map[string]any{
			{"email": "a@example.com", "name": "Zoë Acme", "external_id": "ext_123", "metadata": map[string]any{"user_id": "ABC", "n": 1, "f": 1.5, "ok": true}},
			{"email": "B@example.com", "name": "acme 50% off", "external_id": "EXT_9", "metadata": map[string]any{"user_id": "DEF"}},
			{"email": "c@example.com", "name": "user_one"},
			{"email": "d@example.com", "name": "userAone", "metadata": map[string]any{"a]b": "x"}},
		} {
			f.Customer(c)
		}
		gone := f.Customer(map[string]any{"email": "gone@example.com"})
		f.Do("DELETE", "/v1/customers/"+gone.ID(), f.AllToken, nil)
		do := func(name, query string, want ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "GET /v1/customers/?" + query, As: f.AllToken, Status: 200, Check: emails(want...)})
		}
		do("56 newest first, without the deleted", "", "d", "c", "B", "a")
		do("48 one key, two values", "metadata[user_id]=ABC&metadata[user_id]=DEF", "B", "a")
		do("48 encoded brackets", "metadata%5Buser_id%5D=ABC", "a")
		do("48 two keys are both needed", "metadata[user_id]=DEF&metadata[n]=1")
		do("48 number", "metadata[n]=1", "a")
		do("48 number is not 1.0", "metadata[n]=1.0")
		do("48 float", "metadata[f]=1.5", "a")
		do("48 boolean", "metadata[ok]=true", "a")
		do("48 case-sensitive", "metadata[user_id]=abc")
		do("48 missing key", "metadata[none]=x")
		do("48 only the first brackets count", "metadata[user_id][x]=ABC", "a")
		do("49 external id prefix", "query=ext_1", "a")
		do("49 prefix in another case", "query=ext_", "B", "a")
		do("49 not inside the external id", "query=123")
		do("50 percent is a character", "query="+url.QueryEscape("50%"), "B")
		do("50 underscore is a character", "query=user_one", "c")
		do("50 two letters", "query=ac", "B", "a")
		do("50 quotes", "query="+url.QueryEscape(`"x" OR "`))
		do("50 letters with marks in another case", "query="+url.QueryEscape("ZOË"), "a")
		do("50 part of the e-mail", "query=b%40exam", "B")
		do("50 empty matches everyone with a field", "query=", "d", "c", "B", "a")
		do("52 exact e-mail", "email=b%40EXAMPLE.com", "B")
		do("52 empty e-mail", "email=")
		do("53 active", "active=true")
		do("53 inactive", "active=0", "d", "c", "B", "a")
		do("54 by name, any case", "sorting=name", "B", "c", "d", "a")
		do("54 by e-mail, any case", "sorting=email", "a", "B", "c", "d")
		do("54 two criteria", "sorting=-name&sorting=email", "a", "d", "c", "B")
		do("55 second page", "limit=3&page=2", "a")
		do("55 beyond the end", "limit=3&page=99")
		do("55 absurdly far", "limit=100&page=9999999999999999999999")
		do("unknown parameter", "nonsense=1&sorting=created_at", "a", "B", "c", "d")
		f.RunAll(
			floetest.Scenario{Name: "53 maybe", Do: "GET /v1/customers/?active=maybe", As: f.AllToken, Status: 422,
				Want: invalid(entry("bool_parsing", `["query","active"]`, "Input should be a valid boolean, unable to interpret input", `"maybe"`))},
			floetest.Scenario{Name: "54 unknown criterion", Do: "GET /v1/customers/?sorting=name&sorting=foo", As: f.AllToken, Status: 422,
				Want: invalid(entry("enum", `["query","sorting",1]`, "Input should be 'created_at', '-created_at', 'email', '-email', 'name' or '-name'", `"foo"`,
					`{"expected":"'created_at', '-created_at', 'email', '-email', 'name' or '-name'"}`))},
			floetest.Scenario{Name: "54 empty criterion", Do: "GET /v1/customers/?sorting=", As: f.AllToken, Status: 422},
			floetest.Scenario{Name: "55 limits", Do: "GET /v1/customers/?limit=1000", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":4,"max_page":1}}`},
			floetest.Scenario{Name: "55 pages", Do: "GET /v1/customers/?limit=3&page=%2B2", As: f.AllToken, Status: 200, Want: `{"pagination":{"total_count":4,"max_page":2}}`},
			floetest.Scenario{Name: "55 page zero", Do: "GET /v1/customers/?page=0", As: f.AllToken, Status: 422,
				Want: invalid(entry("greater_than", `["query","page"]`, "Input should be greater than 0", `"0"`, `{"gt":0}`))},
			floetest.Scenario{Name: "55 no number", Do: "GET /v1/customers/?limit=abc", As: f.AllToken, Status: 422,
				Want: invalid(entry("int_parsing", `["query","limit"]`, "Input should be a valid integer, unable to parse string as an integer", `"abc"`))},
			floetest.Scenario{Name: "57 other organization", Do: "GET /v1/customers/?organization_id=" + unknownID, As: f.AllToken, Status: 200,
				Want: `{"items":[],"pagination":{"total_count":0,"max_page":0}}`},
			floetest.Scenario{Name: "57 own organization twice", Do: f.Path("GET /v1/customers/?organization_id=%s&organization_id=%s", f.Org.ID, unknownID), As: f.AllToken, Status: 200,
				Want: `{"pagination":{"total_count":4,"max_page":1}}`},
			floetest.Scenario{Name: "57 malformed", Do: "GET /v1/customers/?organization_id=x", As: f.AllToken, Status: 422},
		)
		for range 97 {
			f.Customer(nil)
		}
		f.Run(floetest.Scenario{Name: "55 a hundred at most", Do: "GET /v1/customers/?limit=1000", As: f.AllToken, Status: 200,
			Want: `{"pagination":{"total_count":101,"max_page":2}}`, Check: func(t testing.TB, r *floetest.Response) {
				if items, _ := r.Path("items").([]any); len(items) != 100 {
					t.Errorf("%d items", len(items))
				}
			}})
	})
}

// TestListByManyKeys: however many keys of metadata are asked for, all of them
// count, and only a few are joined: PostgreSQL would plan fifty for seconds.
func TestListByManyKeys(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		long := strings.Repeat("x", 490)
		metadata, query := map[string]any{}, ""
		for i := range 50 {
			key := fmt.Sprintf("k%d", i)
			metadata[key] = long + key
			query += "&metadata[" + key + "]=" + long + key
		}
		metadata["k49"] = strings.Repeat("ö", 400) // longer than an index takes
		f.Customer(map[string]any{"email": "a@example.com", "metadata": metadata})
		f.Customer(map[string]any{"email": "b@example.com", "metadata": map[string]any{"k0": long + "k0"}})
		do := func(name, query string, want ...string) {
			t.Helper()
			f.Run(floetest.Scenario{Name: name, Do: "GET /v1/customers/?" + query, As: f.AllToken, Status: 200, Check: emails(want...)})
		}
		f.Statements()
		do("all but the last", query)
		for _, sql := range f.Statements() {
			if n := strings.Count(sql, "IN (SELECT"); n > 5 {
				t.Errorf("%d joins", n)
			}
		}
		last := url.QueryEscape(strings.Repeat("ö", 400))
		do("all", query+"&metadata[k49]="+last, "a")
		do("a few", "metadata[k0]="+long+"k0&metadata[k1]="+long+"k1", "a")
		do("one of them is missing", query+"&metadata[k49]="+last+"&metadata[k7]=x&metadata[k8]=x", "a")
		do("one is another", strings.Replace(query, long+"k8", "x", 1)+"&metadata[k49]="+last)
	})
}

// 51 and the order of customers without a name.
func TestListBillingNameAndNulls(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		f.Customer(map[string]any{"email": "none@example.com"})
		f.Customer(map[string]any{"email": "b@example.com", "name": "B"})
		c := f.Customer(map[string]any{"email": "a@example.com", "name": "A"}).ID()
		setBillingName(t, f, c, "Umbrella Ltd")
		for query, want := range map[string][]string{
			"query=umbrella": {"a"}, "sorting=name": {"a", "b", "none"}, "sorting=-name": {"none", "b", "a"},
		} {
			f.Run(floetest.Scenario{Name: "51 " + query, Do: "GET /v1/customers/?" + query, As: f.AllToken, Status: 200, Check: emails(want...)})
		}
		f.Run(floetest.Scenario{Do: "GET /v1/customers/" + c, As: f.AllToken, Status: 200, Want: `{"name":"A","billing_name":"Umbrella Ltd"}`})
	})
}

// setBillingName stands in for a checkout, which is where billing names are given.
func setBillingName(t *testing.T, f *floetest.Floe, customer, name string) {
	t.Helper()
	ctx := t.Context()
	err := f.DB.Write(ctx, func(tx *db.Tx) error {
		was, err := db.One[struct {
			Seq    int64
			Search string
		}](ctx, tx, `SELECT seq, search FROM customers WHERE organization_id = ? AND id = ?`, f.Org.ID, customer)
		if err != nil {
			return err
		}
		search := was.Search + "\x1f" + strings.ToLower(name)
		if _, err := db.Exec(ctx, tx, `UPDATE customers SET billing_name = ?, search = ? WHERE organization_id = ? AND id = ?`,
			name, search, f.Org.ID, customer); err != nil || f.DB.Engine() != "sqlite" {
			return err
		}
		_, err = db.Exec(ctx, tx, `INSERT OR REPLACE INTO customer_search (rowid, search) VALUES (?, ?)`, was.Seq, search)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Pages hold every customer exactly once, also when all were created in one
// instant and the sort key is the same.
func TestPagesAreStable(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		for i := range 25 {
			f.Customer(map[string]any{"email": fmt.Sprintf("p%d@example.com", i), "name": "Same"})
		}
		for _, sorting := range []string{"name", "-name", "created_at", "-created_at"} {
			seen := map[string]bool{}
			for page := 1; page <= 4; page++ {
				r := f.Do("GET", fmt.Sprintf("/v1/customers/?limit=7&page=%d&sorting=%s", page, sorting), f.AllToken, nil)
				for i := range r.Path("items").([]any) {
					seen[r.Text(fmt.Sprintf("items.%d.id", i))] = true
				}
			}
			if len(seen) != 25 {
				t.Errorf("%s: %d of 25 were seen", sorting, len(seen))
			}
		}
	})
}

func TestGetAndPaymentMethods(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const external = "a/b c%é?#"
		c := f.Customer(map[string]any{"email": "x@example.com", "external_id": external})
		path := "/v1/customers/external/" + url.PathEscape(external)
		empty := `{"items":[],"pagination":{"total_count":0,"max_page":0}}`
		f.RunAll(
			floetest.Scenario{Name: "58 by external id", Do: "GET " + path, As: f.AllToken, Status: 200, Want: map[string]any{"id": c.ID(), "default_payment_method_id": nil}},
			floetest.Scenario{Name: "58 case-sensitive", Do: "GET /v1/customers/external/" + url.PathEscape(strings.ToUpper(external)), As: f.AllToken, Status: 404},
			floetest.Scenario{Name: "58 id in another spelling", Do: "GET /v1/customers/" + strings.ToUpper(strings.ReplaceAll(c.ID(), "-", "")), As: f.AllToken, Status: 200},
			floetest.Scenario{Name: "59 unknown", Do: "GET /v1/customers/external/unknown", As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "59 the external id state", Do: "GET /v1/customers/external/state", As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "60 payment methods", Do: "GET /v1/customers/" + c.ID() + "/payment-methods?limit=5", As: f.AllToken, Status: 200, Want: empty},
			floetest.Scenario{Name: "60 by external id", Do: "GET " + path + "/payment-methods/", As: f.AllToken, Status: 200, Want: empty},
			floetest.Scenario{Name: "60 unknown", Do: "GET /v1/customers/" + unknownID + "/payment-methods", As: f.AllToken, Status: 404, Want: notFound},
			floetest.Scenario{Name: "95 state", Do: "GET " + path + "/state", As: f.AllToken, Status: 200,
				Want: map[string]any{"id": c.ID(), "external_id": external, "active_subscriptions": []any{}, "granted_benefits": []any{}, "active_meters": []any{}}},
			floetest.Scenario{Name: "95 unknown state", Do: "GET /v1/customers/" + unknownID + "/state", As: f.AllToken, Status: 404, Want: notFound},
		)
	})
}

func TestExport(t *testing.T) { // 61
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		head := "ID,External ID,Created At,Email,Name,Tax ID,Billing Address Line 1,Billing Address Line 2,Billing Address City,Billing Address State,Billing Address Zip,Billing Address Country,Metadata\r\n"
		if r := f.Do("GET", "/v1/customers/export", f.AllToken, nil); r.Body != head {
			t.Errorf("an empty export is %q", r.Body)
		}
		a := f.Customer(map[string]any{"email": "a@example.com", "name": "=SUM(A1) \"q\", x\nline", "external_id": " lead", "tax_id": "91-1144442",
			"billing_address": map[string]any{"country": "US", "state": "CA", "line1": "1, Main", "city": "X", "postal_code": "94105"},
			"metadata":        map[string]any{}})
		f.Do("POST", "/v1/customers/", f.AllToken, `{"email":"b@example.com","metadata":{"a":"é😀","b":1,"c":true,"d":1.0}}`)
		gone := f.Customer(map[string]any{"email": "gone@example.com"})
		f.Do("DELETE", "/v1/customers/"+gone.ID(), f.AllToken, nil)
		r := f.Do("GET", "/v1/customers/export", f.AllToken, nil)
		header("Content-Type", "text/csv; charset=utf-8")(t, r)
		header("Content-Disposition", `attachment; filename="polar-customers.csv"`)(t, r)
		created := strings.Replace(a.Text("created_at"), "Z", "+00:00", 1)
		want := a.ID() + ",lead," + created + `,a@example.com,"=SUM(A1) ""q"", x` + "\nline\",911144442,\"1, Main\",,X,US-CA,94105,US,\r\n"
		if !strings.HasPrefix(r.Body, head+want) {
			t.Errorf("got  %q\nwant %q", r.Body, head+want)
		}
		if !strings.HasSuffix(r.Body, ",b@example.com,,,,,,,,,"+`"{""a"": ""\u00e9\ud83d\ude00"", ""b"": 1, ""c"": true, ""d"": 1.0}"`+"\r\n") {
			t.Errorf("metadata is %q", r.Body)
		}
		records, err := csv.NewReader(strings.NewReader(r.Body)).ReadAll()
		if err != nil || len(records) != 3 {
			t.Errorf("%d records, %v", len(records), err)
		}
	})
}
