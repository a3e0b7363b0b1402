package customer_test

import (
	"regexp"
	"strings"
	"testing"

	"floe/internal/db"
	"floe/internal/floetest"
)

// What concerns one customer must not look at the rows of all of them. SQLite
// is told the same of every database, so its plans are the same for three
// customers as for three million, and can be read.
func TestPlansStayWithOneCustomer(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	team := f.Customer(map[string]any{"type": "team", "external_id": "team"}).ID()
	members := "/v1/customers/" + team + "/members/"
	member := f.Do("POST", members, f.AllToken, map[string]any{"email": "m@example.com", "external_id": "m", "name": "M"}).ID()
	person := f.Customer(map[string]any{"external_id": "person", "metadata": map[string]any{"a": 1}}).ID()
	session := f.Do("POST", "/v1/customer-sessions/", f.AllToken, map[string]any{"customer_id": person}).Text("token")
	for _, do := range []string{
		"GET " + members, "GET " + members + "?role=owner", "GET " + members + member, "GET /v1/members/?external_customer_id=team",
		"GET /v1/members/?customer_id=" + team, "GET /v1/customers/external/team/members/m", "GET /v1/customers/?query=person",
		"GET /v1/customers/?metadata[a]=1", "GET /v1/customers/?email=m@example.com", "GET /v1/customers/" + person + "/state",
		"GET /v1/subscriptions/?customer_id=" + person, "GET /v1/subscriptions/?external_customer_id=person", "GET /v1/customers/external/person/state",
		"GET /v1/orders/?customer_id=" + person, "GET /v1/orders/?external_customer_id=person", "GET /v1/orders/?subscription_id=" + person,
		"GET /v1/orders/?metadata[a]=1", "GET /v1/orders/?metadata[a]=1&sorting=amount", "GET /v1/orders/?metadata[a]=1&customer_id=" + person,
		"GET /v1/subscriptions/?metadata[a]=1", "GET /v1/subscriptions/?metadata[a]=1&metadata[b]=2&status=active",
		"GET /v1/benefit-grants/?customer_id=" + person, "GET /v1/benefit-grants/?external_customer_id=person",
		"GET /v1/refunds/?customer_id=" + person, "GET /v1/refunds/?order_id=" + person, "GET /v1/refunds/?external_customer_id=person",
		"GET /v1/payments/?customer_id=" + person, "GET /v1/payments/?order_id=" + person, "GET /v1/audit/?customer_id=" + person,
		"DELETE " + members + member, "DELETE /v1/customers/" + team + "?anonymize=true",
	} {
		method, path, _ := strings.Cut(do, " ")
		if r := f.Do(method, path, f.AllToken, nil); r.Status >= 300 {
			t.Errorf("%s: %d %s", do, r.Status, r.Body)
		}
	}
	f.Do("PATCH", "/v1/customers/"+person, f.AllToken, map[string]any{"email": "p@example.com", "name": "P", "metadata": map[string]any{"b": 2}})
	f.Do("GET", "/v1/customers/", session, nil)
	for _, sql := range f.Statements() {
		if !aboutOne(sql) {
			continue
		}
		args := make([]any, strings.Count(sql, "?"))
		steps, err := db.All[step](t.Context(), f.DB, "EXPLAIN QUERY PLAN "+strings.TrimSuffix(sql, floetest.AllOrganizations), args...)
		if err != nil {
			t.Errorf("%v\n%s", err, sql)
		}
		for _, s := range steps {
			if wide(s.Detail) {
				t.Errorf("%s\n%s", s.Detail, sql)
			}
		}
	}
}

// step is one line of a plan.
type step struct {
	ID      int64
	Parent  int64
	Notused int64
	Detail  string
}

// aboutOne says whether a statement names a customer, or what finds one.
func aboutOne(sql string) bool {
	if !strings.HasPrefix(sql, "SELECT") && !strings.HasPrefix(sql, "UPDATE") && !strings.HasPrefix(sql, "DELETE") {
		return false
	}
	for _, key := range []string{"customer_id = ?", "customer_id IN", "external_id = ?", "email_key = ?", "MATCH ?", "hash = ?",
		" subscription_id = ?", " order_id = ?", "_metadata WHERE"} {
		if strings.Contains(sql, key) {
			return true
		}
	}
	return false
}

// wide says whether a step of a plan looks at all rows of an organization, or
// at all there are.
func wide(detail string) bool {
	if strings.Contains(detail, "test_clocks") { // an organization has one at most
		return false
	}
	return strings.Contains(detail, "(organization_id=?)") ||
		regexp.MustCompile(`\(organization_id=\? AND (created_at|started_at|seq)[<>]`).MatchString(detail) || // in the order of time
		strings.HasPrefix(detail, "SCAN") && !strings.Contains(detail, "VIRTUAL TABLE") && !strings.Contains(detail, "CONSTANT") &&
			detail != "SCAN found" // to count up to a number
}
