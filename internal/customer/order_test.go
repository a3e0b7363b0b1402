package customer_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/customer"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
)

// listed is a customer as the list has to show and sort them.
type listed struct {
	id          string
	at          time.Time
	email, name *string
	plan        string
	city        string
	batch       string // what came together lies together
	active      bool
}

// Whatever way is taken to a page, it shows what sorting and filtering all
// customers would.
func TestPagesOfEveryOrder(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		random := rand.New(rand.NewPCG(1, 2))
		other := f.Organization("Other")
		people := giveListed(t, f, random, f.Org, 7, 1150)
		all := append(giveListed(t, f, random, other, 8, 60), people...)
		user := f.User(auth.Admin, f.Org, other)
		sortings := [][]string{{}, {"created_at"}, {"email"}, {"-email"}, {"name"}, {"-name"}, {"email", "-name"}, {"-email", "name"}, {"name", "-email"}, {"-name", "created_at"}}
		filters := []string{"", "", "", "metadata[plan]=common", "metadata[plan]=rare", "metadata[plan]=common&metadata[city]=far", "metadata[plan]=common&metadata[plan]=rare",
			"active=true", "active=false", "active=true&metadata[plan]=common", "active=false&metadata[plan]=rare", "active=false&metadata[city]=far",
			"query=one", "query=one&metadata[plan]=common", "query=seldom", "query=one&active=false", "query=on&metadata[city]=far",
			"metadata[batch]=5", "metadata[batch]=0&metadata[batch]=10", "query=one&metadata[batch]=1"}
		for range 150 {
			sorting, filter := sortings[random.IntN(len(sortings))], filters[random.IntN(len(filters))]
			limit := []int{1, 7, 10, 10, 10, 100}[random.IntN(6)]
			token, among := f.AllToken, people
			if random.IntN(3) == 0 {
				token, among = user, all
			}
			comparePage(t, f, token, among, sorting, filter, limit, 1+random.IntN(len(expected(t, among, sorting, filter))/limit+2))
		}
		for _, filter := range []string{"metadata[batch]=0&metadata[batch]=5", "metadata[batch]=4&metadata[batch]=10", "metadata[batch]=0&metadata[batch]=1&metadata[batch]=11"} {
			for _, sorting := range []string{"created_at", "-created_at"} {
				for page := 1; page <= 30; page += 2 {
					comparePage(t, f, f.AllToken, people, []string{sorting}, filter, 10, page)
				}
			}
		}
	})
}

// comparePage asks for a page, one beyond the last at most, and compares it with what is expected.
func comparePage(t *testing.T, f *floetest.Floe, token string, among []listed, sorting []string, filter string, limit, page int) {
	t.Helper()
	want := expected(t, among, sorting, filter)
	page = min(page, len(want)/limit+2)
	query := fmt.Sprintf("limit=%d&page=%d", limit, page)
	for _, s := range sorting {
		query += "&sorting=" + s
	}
	r := f.Do("GET", "/v1/customers/?"+query+"&"+filter, token, nil)
	var got struct {
		Items      []struct{ ID string }
		Pagination struct {
			Total int `json:"total_count"`
		}
	}
	if err := json.Unmarshal([]byte(r.Body), &got); err != nil || r.Status != 200 {
		t.Fatalf("%s %s: %d %s", query, filter, r.Status, r.Body)
	}
	from := min((page-1)*limit, len(want))
	part := want[from:min(from+limit, len(want))]
	same := slices.EqualFunc(got.Items, part, func(g struct{ ID string }, w listed) bool { return g.ID == w.id })
	exact := !strings.Contains(filter, "query") || len(want) < 1000
	if !same || exact && got.Pagination.Total != len(want) {
		t.Errorf("%s %s: %d of %d customers, want %d of %d, or others", query, filter, len(got.Items), got.Pagination.Total, len(part), len(want))
	}
}

// giveListed makes customers, some without an address or a name, deletes some
// and lets some subscribe.
func giveListed(t *testing.T, f *floetest.Floe, random *rand.Rand, org floetest.Org, seed uint64, n int) (people []listed) {
	source, start := id.NewSource(seed), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var given []customer.Given
	for i := range n {
		at := start.Add(time.Duration(i/3) * time.Minute) // some at the same time
		p := listed{id: source.New(at).String(), at: at, plan: "common", city: "near", batch: strconv.Itoa(i / 100)}
		if random.IntN(3) > 0 {
			p.email = new(fmt.Sprintf("%c%d@Example.com", 'A'+random.IntN(26), i))
		}
		if random.IntN(3) > 0 {
			p.name = new([]string{"One", "one", "Two", "Three", "Seldom Six"}[min(random.IntN(5)+random.IntN(2), 4)])
		}
		if i%150 == 7 {
			p.plan = "rare"
		}
		if random.IntN(10) == 0 {
			p.city = "far"
		}
		metadata := fmt.Sprintf(`{"plan":%q,"city":%q,"batch":%q}`, p.plan, p.city, p.batch)
		typ := customer.Individual
		if p.email == nil {
			typ = customer.Team
		}
		given = append(given, customer.Given{Row: customer.Row{ID: id.ID(p.id), OrganizationID: org.ID, CreatedAt: at, Type: typ,
			Name: p.name, Email: p.email, Metadata: json.RawMessage(metadata)}})
		people = append(people, p)
	}
	err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
		return f.Server.Customers.AddGiven(t.Context(), tx, auth.NewSystem("test"), given)
	})
	if err != nil {
		t.Fatal(err)
	}
	if org != f.Org {
		return people
	}
	product := f.Product(map[string]any{"prices": []any{map[string]any{"amount_type": "free"}}}).ID()
	for i := range people {
		switch {
		case i%40 == 3:
			f.Do("DELETE", "/v1/customers/"+people[i].id, f.AllToken, nil)
		case i%40 == 5 && people[i].email != nil:
			r := f.Do("POST", "/v1/subscriptions/", f.AllToken, map[string]any{"product_id": product, "customer_id": people[i].id})
			if r.Status != 201 {
				t.Fatal(r.Body)
			}
			if people[i].active = i%80 != 5; !people[i].active {
				f.Do("DELETE", "/v1/subscriptions/"+r.ID(), f.AllToken, nil)
			}
		}
	}
	gone := 0
	return slices.DeleteFunc(people, func(listed) bool { gone++; return (gone-1)%40 == 3 })
}

// expected filters and sorts in the simplest way.
func expected(t *testing.T, people []listed, sorting []string, filter string) []listed {
	t.Helper()
	conditions, err := url.ParseQuery(filter)
	if err != nil {
		t.Fatal(err)
	}
	out := slices.DeleteFunc(slices.Clone(people), func(p listed) bool {
		for key, values := range conditions {
			var ok bool
			switch key {
			case "active":
				ok = p.active == (values[0] == "true")
			case "metadata[plan]":
				ok = slices.Contains(values, p.plan)
			case "metadata[city]":
				ok = slices.Contains(values, p.city)
			case "metadata[batch]":
				ok = slices.Contains(values, p.batch)
			case "query":
				ok = p.name != nil && strings.Contains(strings.ToLower(*p.name), values[0]) || p.email != nil && strings.Contains(strings.ToLower(*p.email), values[0])
			}
			if !ok {
				return true
			}
		}
		return false
	})
	if len(sorting) == 0 {
		sorting = []string{"-created_at"}
	}
	slices.SortFunc(out, func(a, b listed) int {
		c := 0
		for _, s := range sorting {
			key, down := strings.CutPrefix(s, "-")
			switch key {
			case "created_at":
				c = a.at.Compare(b.at)
			case "email":
				c = compareFolded(a.email, b.email)
			case "name":
				c = compareFolded(a.name, b.name)
			}
			if down {
				c = -c
			}
			if c != 0 {
				return c
			}
		}
		if strings.HasPrefix(sorting[len(sorting)-1], "-") {
			return cmp.Compare(b.id, a.id)
		}
		return cmp.Compare(a.id, b.id)
	})
	return out
}

// compareFolded puts what is missing last.
func compareFolded(a, b *string) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return 1
	case b == nil:
		return -1
	}
	return cmp.Compare(strings.ToLower(*a), strings.ToLower(*b))
}
