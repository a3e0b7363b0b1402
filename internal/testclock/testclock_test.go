package testclock_test

import (
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/subscription"
	"floe/internal/testclock"
)

type obj = map[string]any

func TestClock(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		do := func(name string, status int, want any) floetest.Scenario {
			return floetest.Scenario{Do: name, As: f.AllToken, Status: status, Want: want}
		}
		f.Run(do("GET /v1/test-clock", 404, nil))
		for _, far := range []string{"1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
			refused := do("POST /v1/test-clock", 422, nil)
			refused.Body = obj{"now": far}
			f.Run(refused)
		}
		create := do("POST /v1/test-clock", 201, obj{"now": "2024-01-31T12:00:00Z", "organization_id": f.Org.ID})
		create.Body = obj{"now": "2024-01-31T12:00:00Z"}
		f.Run(create)
		create.Status, create.Want = 409, obj{"error": "TestClockExists"}
		f.Run(create)
		denied := create
		denied.As, denied.Status, denied.Want = f.Token(auth.OrganizationsRead), 403, nil
		f.Run(denied)

		// Requests happen at the clock's time, only for its organization.
		if at := f.Customer(nil).Text("created_at"); at != "2024-01-31T12:00:00Z" {
			t.Errorf("a customer was created %s", at)
		}
		other := f.Organization("Other")
		r := f.Do("POST", "/v1/customers/", other.Token, obj{"email": "a@example.com"})
		if at := r.Text("created_at"); at[:4] != "2026" {
			t.Errorf("another organization's customer was created %s", at)
		}
		sessions := f.Do("POST", "/v1/customer-sessions/", f.AllToken, obj{"customer_id": f.Customer(nil).ID()})
		if sessions.Status != 201 || sessions.Text("expires_at") != "2024-01-31T13:00:00Z" {
			t.Errorf("session: %s", sessions.Body)
		}

		p := f.Product(obj{"prices": []any{obj{"amount_type": "free"}}}).ID()
		s := f.Do("POST", "/v1/subscriptions/", f.AllToken, obj{"product_id": p, "customer_id": f.Customer(nil).ID()}).ID()
		if err := f.Server.RunDue(t.Context()); err != nil { // long due by the wall clock
			t.Fatal(err)
		}
		end := func() string {
			return f.Do("GET", "/v1/subscriptions/"+s, f.AllToken, nil).Text("current_period_end")
		}
		if got := end(); got != "2024-02-29T12:00:00Z" {
			t.Errorf("the period ends %s", got)
		}
		advance := do("POST /v1/test-clock/advance", 200, obj{"now": "2024-05-01T00:00:00Z"})
		advance.Body = obj{"to": "2024-05-01T00:00:00Z"}
		f.Run(advance)
		f.Run(advance) // again: nothing happens
		far := do("POST /v1/test-clock/advance", 422, nil)
		far.Body = obj{"to": "3000-01-01T00:00:00Z"}
		f.Run(far)
		if got := end(); got != "2024-05-31T12:00:00Z" {
			t.Errorf("the period ends %s", got)
		}
		orders := f.Do("GET", "/v1/orders/?sorting=created_at&subscription_id="+s, f.AllToken, nil)
		for i, want := range []string{"2024-02-29T12:00:00Z", "2024-03-31T12:00:00Z", "2024-04-30T12:00:00Z"} {
			if got := orders.Path("items").([]any)[i].(obj)["created_at"]; got != want {
				t.Errorf("order %d was made %s, want %s", i, got, want)
			}
		}
		advance.Body, advance.Status, advance.Want = obj{"to": "2024-04-01T00:00:00Z"}, 422, nil
		f.Run(advance)

		// Released, the wall clock catches up.
		f.Run(do("DELETE /v1/test-clock", 204, nil))
		f.Run(do("GET /v1/test-clock", 404, nil))
		if err := f.Server.RunDue(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, want := end(), time.Date(2026, 5, 31, 12, 0, 0, 0, time.UTC).Format(time.RFC3339); got != want {
			t.Errorf("the period ends %s, want %s", got, want)
		}
		f.Run(do("POST /v1/test-clock/advance", 422, nil))
	})
}

func TestUsersNameTheOrganization(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	user := f.User(auth.Admin, f.Org, f.Organization("Other"))
	run := func(do string, status int, body any) {
		t.Helper()
		f.Run(floetest.Scenario{Do: do, As: user, Status: status, Body: body})
	}
	run("POST /v1/test-clock", 422, obj{})
	run("POST /v1/test-clock", 201, obj{"organization_id": f.Org.ID})
	run("GET /v1/test-clock?organization_id="+string(f.Org.ID), 200, nil)
	for _, do := range []string{"GET /v1/test-clock", "DELETE /v1/test-clock"} {
		f.Run(floetest.Scenario{Do: do, As: user, Status: 422, Want: `{"detail": [{"type": "missing", "loc": ["query", "organization_id"]}]}`})
	}
	f.Run(floetest.Scenario{Do: "POST /v1/test-clock", As: f.User(auth.Plain), Body: obj{"organization_id": f.Org.ID}, Status: 403})
}

// An advance that is broken off leaves the clock where it has got to, and goes
// on from there.
func TestAdvanceInParts(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		start := time.Date(2024, 1, 31, 12, 0, 0, 0, time.UTC)
		f.Do("POST", "/v1/test-clock", f.AllToken, obj{"now": start})
		p := f.Product(obj{"prices": []any{obj{"amount_type": "free"}}}).ID()
		s := f.Do("POST", "/v1/subscriptions/", f.AllToken, obj{"product_id": p, "customer_id": f.Customer(nil).ID()}).ID()
		to := start.AddDate(0, 3, 0)
		parts := 0
		for c := (testclock.Clock{}); !c.Now.Equal(to); parts++ {
			var err error
			if c, err = f.Server.TestClocks.Advance(t.Context(), f.Org.ID, to, func(time.Time, int) bool { return false }); err != nil {
				t.Fatal(err)
			}
			if shown := f.Do("GET", "/v1/test-clock", f.AllToken, nil).Text("now"); shown != c.Now.Format(time.RFC3339) {
				t.Fatalf("the clock shows %s, not %s", shown, c.Now)
			}
		}
		if n := len(f.Do("GET", "/v1/orders/?subscription_id="+s, f.AllToken, nil).Path("items").([]any)); n != 3 || parts != 4 {
			t.Errorf("%d orders, want 3, after %d parts", n, parts)
		}
	})
}

// TestMadeMeanwhile: what was made in a transaction that did not know of a
// clock's release, or of its making, follows it all the same.
func TestMadeMeanwhile(t *testing.T) {
	t.Parallel()
	f := floetest.Postgres(t) // SQLite has one transaction at a time
	p, c := f.Product(obj{"prices": []any{obj{"amount_type": "free"}}}).ID(), f.Customer(nil).ID()
	actor := auth.NewSystem("test")
	actor.Memberships = []auth.Membership{{OrganizationID: f.Org.ID, Role: auth.Owner}}
	subscribe := func(meanwhile func()) (s subscription.Row) {
		t.Helper()
		err := f.DB.Write(t.Context(), func(tx *db.Tx) (err error) {
			in := subscription.Create{ByID: &subscription.CreateByID{CustomerID: id.ID(c)}}
			in.ByID.ProductID = id.ID(p)
			s, err = f.Server.Subscriptions.Subscribe(t.Context(), tx, actor, in)
			meanwhile()
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	do := func(status int, method, path string, body any) {
		t.Helper()
		if r := f.Do(method, path, f.AllToken, body); r.Status != status {
			t.Fatalf("%s %s: %d %s", method, path, r.Status, r.Body)
		}
	}
	moved := func(s subscription.Row) bool {
		t.Helper()
		at, err := time.Parse(time.RFC3339, f.Do("GET", "/v1/subscriptions/"+string(s.ID), f.AllToken, nil).Text("current_period_start"))
		if err != nil {
			t.Fatal(err)
		}
		return at.After(s.CurrentPeriodStart)
	}
	settle := func() {
		f.Clock.Advance(2 * time.Minute)
		f.Drain()
	}
	now := f.Clock.Now()
	made := subscribe(func() { do(201, "POST", "/v1/test-clock", obj{"now": now}) })
	settle()
	do(200, "POST", "/v1/test-clock/advance", obj{"to": now.AddDate(0, 1, 1)})
	if !moved(made) {
		t.Error("what was made while a clock was does not follow it")
	}
	made = subscribe(func() { do(204, "DELETE", "/v1/test-clock", nil) })
	settle()
	f.Clock.Set(made.CurrentPeriodEnd.Add(time.Hour))
	f.RunDue()
	if !moved(made) {
		t.Error("what was made while a clock was released waits for it for ever")
	}
}
