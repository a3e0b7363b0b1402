package customer_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

// person is what a search can find a customer by.
type person struct {
	id, email, name string
	gone            bool
}

func (p *person) found(query string) bool {
	return !p.gone && (strings.Contains(p.email+"\x1f"+strings.ToLower(p.name), query))
}

// A search finds those whose text has the query in it, whichever way it goes
// about it: rare texts and common ones, after changes and deletions.
func TestSearchFindsWhatIsThere(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		random := rand.New(rand.NewPCG(1, 2))
		people := givePeople(t, f, random, 4000)
		for range 40 {
			p := people[random.IntN(len(people))]
			switch random.IntN(3) {
			case 0:
				f.Do("DELETE", "/v1/customers/"+p.id, f.AllToken, nil)
				p.gone = true
			default:
				p.name = "Renamed " + madeUp(random)
				f.Do("PATCH", "/v1/customers/"+p.id, f.AllToken, map[string]any{"name": p.name})
			}
		}
		for i := range 150 {
			p := people[random.IntN(len(people))]
			text := []rune(p.email + "\x1f" + strings.ToLower(p.name))
			from := random.IntN(len(text) - 3)
			query := string(text[from:min(len(text), from+2+random.IntN(12))])
			if i%10 == 0 {
				query += "ž" // which nobody has there
			}
			checkSearch(t, f, people, query, []string{"-created_at", "created_at"}[i%2], 1+random.IntN(20), 1+random.IntN(3))
		}
		for _, query := range []string{"example.com", "renamed", "o\x1f", `"`, `" or "`, "an", "ana", "100%"} {
			checkSearch(t, f, people, query, "created_at", 100, 1)
		}
	})
}

// checkSearch compares a page, and the total, with what everybody's text says.
func checkSearch(t *testing.T, f *floetest.Floe, people []*person, query, sorting string, limit, page int) {
	t.Helper()
	var want []string
	for _, p := range people {
		if p.found(query) {
			want = append(want, p.email)
		}
	}
	if sorting[0] == '-' {
		slices.Reverse(want)
	}
	total := len(want)
	want = want[min((page-1)*limit, total):min(page*limit, total)]
	r := f.Do("GET", fmt.Sprintf("/v1/customers/?limit=%d&page=%d&sorting=%s&query=%s", limit, page, sorting, url.QueryEscape(query)), f.AllToken, nil)
	var list struct {
		Items      []struct{ Email string }
		Pagination struct {
			Total int `json:"total_count"`
		}
	}
	if err := json.Unmarshal([]byte(r.Body), &list); err != nil {
		t.Fatalf("%v in %s", err, r.Body)
	}
	var got []string
	for _, item := range list.Items {
		got = append(got, item.Email)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, %s, page %d of %d: got %v, want %v", query, sorting, page, limit, got, want)
	}
	if got := list.Pagination.Total; got != min(total, max(1000, page*limit+1)) {
		t.Errorf("%q: a total of %d, and there are %d", query, got, total)
	}
}

// givePeople adds customers in the order of their creation.
func givePeople(t *testing.T, f *floetest.Floe, random *rand.Rand, n int) []*person {
	t.Helper()
	source, start := id.NewSource(1), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	people := make([]*person, n)
	given := make([]customer.Given, n)
	for i := range n {
		at := start.Add(time.Duration(i) * time.Minute)
		p := &person{id: string(source.New(at)), email: fmt.Sprintf("%s%d@example.com", strings.ToLower(madeUp(random)), i), name: madeUp(random) + " " + madeUp(random)}
		people[i] = p
		given[i] = customer.Given{Row: customer.Row{ID: id.ID(p.id), OrganizationID: f.Org.ID, CreatedAt: at, Type: customer.Individual,
			Name: &p.name, Email: &p.email, Metadata: json.RawMessage(`{}`)}}
	}
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		return f.Server.Customers.AddGiven(t.Context(), tx, auth.NewSystem("test"), given)
	})
	if err != nil {
		t.Fatal(err)
	}
	return people
}

// madeUp is a name, of syllables that are common and of some that are rare.
func madeUp(random *rand.Rand) string {
	common, rare := []string{"An", "na", "ber", "to", "mi", "lo"}, []string{"žof", "東京都", `q"x`, "50%", "_x_", "ø", "zz"}
	var b strings.Builder
	for range 2 + random.IntN(3) {
		b.WriteString(common[random.IntN(len(common))])
	}
	if random.IntN(40) == 0 {
		b.WriteString(rare[random.IntN(len(rare))])
	}
	return b.String()
}

// Whose texts are kept in memory for guessing is nobody who was erased.
func TestErasedAreNotInTheSample(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(map[string]any{"name": "Ottilie Unverwechselbar"}).ID()
		search := func() { f.Do("GET", "/v1/customers/?query=unverwechselbar", f.AllToken, nil) }
		for range 100 { // PostgreSQL takes rows at random
			if search(); f.Server.Customers.Remembers("unverwechselbar") {
				break
			}
			f.Do("DELETE", "/v1/customers/"+f.Customer(nil).ID()+"?anonymize=true", f.AllToken, nil)
		}
		if !f.Server.Customers.Remembers("unverwechselbar") {
			t.Fatal("the sample does not have what there is")
		}
		f.Do("DELETE", "/v1/customers/"+c+"?anonymize=true", f.AllToken, nil)
		if f.Server.Customers.Remembers("unverwechselbar") {
			t.Error("a name is in memory after its owner was erased")
		}
		search()
		if f.Server.Customers.Remembers("unverwechselbar") {
			t.Error("a name came back into memory")
		}
	})
}
