package customer_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

// A search that finds more than are counted shows every one of them, newest
// first, and there is a next page for as long as there is one.
func TestBroadSearch(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		const found = 1250
		source, start := id.NewSource(1), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var given []customer.Given
		for i := range found + 300 {
			at := start.Add(time.Duration(i) * time.Minute)
			name, email := fmt.Sprintf("Broad %d", i), fmt.Sprintf("u%d@example.com", i)
			if i%31 == 5 || i >= found+50 { // those who are not found
				name = "Other"
			}
			given = append(given, customer.Given{Row: customer.Row{ID: source.New(at), OrganizationID: f.Org.ID, CreatedAt: at, Type: customer.Individual,
				Name: &name, Email: &email, Metadata: json.RawMessage(`{}`)}})
		}
		err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
			return f.Server.Customers.AddGiven(t.Context(), tx, auth.NewSystem("test"), given)
		})
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := len(given) - 1; i >= 0; i-- {
			if strings.HasPrefix(*given[i].Name, "Broad") {
				want = append(want, *given[i].Email)
			}
		}
		var got []string
		for page := 1; ; page++ {
			r := f.Do("GET", fmt.Sprintf("/v1/customers/?query=bRoad&limit=100&page=%d", page), f.AllToken, nil)
			var list struct {
				Items      []struct{ Email string }
				Pagination struct {
					Total   int `json:"total_count"`
					MaxPage int `json:"max_page"`
				}
			}
			if err := json.Unmarshal([]byte(r.Body), &list); err != nil {
				t.Fatal(err)
			}
			for _, item := range list.Items {
				got = append(got, item.Email)
			}
			if total := list.Pagination.Total; total < len(got) || total > len(want) || page == 1 && total != 1000 {
				t.Errorf("page %d: a total of %d", page, total)
			}
			if page >= list.Pagination.MaxPage {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("%d customers, want %d, newest first", len(got), len(want))
		}
		for query, total := range map[string]int{"query=broad%201234": 1, "query=Other": len(given) - len(want), "query=broad&sorting=name": 1000, "query=ad": 1000,
			"query=broad&email=u1@example.com": 1} {
			if r := f.Do("GET", "/v1/customers/?limit=1&"+query, f.AllToken, nil); fmt.Sprint(r.Path("pagination.total_count")) != fmt.Sprint(total) {
				t.Errorf("%s: a total of %v, want %d", query, r.Path("pagination.total_count"), total)
			}
		}
		// The other way to a page far from the start, on PostgreSQL.
		if r := f.Do("GET", "/v1/customers/?limit=2&page=700", f.AllToken, nil); r.Text("items.1.email") != *given[len(given)-1400].Email {
			t.Errorf("page 700 has %s", r.Body)
		}
	})
}
