package state_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/server"
)

// missed says whether a request was answered anew that could have been from
// memory. Statements do not tell: the token is looked up every second.
func missed(f *floetest.Floe, do func()) bool {
	misses := func() string {
		_, after, _ := strings.Cut(f.Do("GET", "/metrics", "letmein", nil).Body, `floe_answers_total{result="miss"} `)
		count, _, ok := strings.Cut(after, "\n")
		if !ok {
			panic("misses are not counted")
		}
		return count
	}
	before := misses()
	do()
	return misses() != before
}

// TestRemembered: what has not changed is not read again, and what has changed
// is, whoever has changed it.
func TestRemembered(t *testing.T) {
	t.Parallel()
	f := floetest.New(t, func(c *server.Config) { c.MetricsToken = "letmein" })
	do := func(method, path string, body any) *floetest.Response {
		t.Helper()
		r := f.Do(method, path, f.AllToken, body)
		if r.Status/100 != 2 {
			t.Fatalf("%s %s: %d %s", method, path, r.Status, r.Body)
		}
		return r
	}
	benefit := f.Benefit(obj{"metadata": obj{"level": "1"}}).ID()
	p := f.Product(obj{"prices": []any{obj{"amount_type": "free"}}}).ID()
	keys := f.Benefit(obj{"type": "license_keys", "properties": obj{}}).ID()
	do("POST", "/v1/products/"+p+"/benefits", obj{"benefits": []string{benefit, keys}})
	c, bystander := f.Customer(obj{"external_id": "x/1"}).ID(), f.Customer(nil).ID()
	paths := []string{"/v1/customers/" + c, "/v1/customers/external/x%2F1", "/v1/customers/" + c + "/state",
		"/v1/customers/external/x%2F1/state", "/v1/customers/" + c + "/state?include=paused", "/v1/customers/" + bystander}
	last := map[string]string{}
	read := func(path string) (changed, anew bool) {
		anew = missed(f, func() {
			r := do("GET", path, nil)
			changed = r.Body != last[path]
			last[path] = r.Body
		})
		return changed, anew
	}
	warm := func() {
		for _, path := range paths {
			read(path)
		}
	}
	var order string
	for _, step := range []struct {
		name string
		do   func()
		// which of the paths answer something new; all others are from memory
		customer, state, bystander bool
	}{
		{"nothing", func() {}, false, false, false},
		{"its name", func() { do("PATCH", "/v1/customers/"+c, obj{"name": "New"}) }, true, true, false},
		{"a subscription", func() {
			order = do("POST", "/v1/subscriptions/", obj{"product_id": p, "customer_id": c}).ID()
		}, false, true, false},
		{"the use of a license key", func() {
			key := do("GET", "/v1/license-keys/", nil).Path("items.0.key")
			do("POST", "/v1/customer-portal/license-keys/validate", obj{"organization_id": f.Org.ID, "key": key})
		}, false, false, false},
		{"what the server does by itself each minute and each hour", func() {
			do("POST", "/v1/customer-sessions/", obj{"customer_id": bystander})
			err := f.DB.Write(t.Context(), func(tx *db.Tx) error {
				tx.TouchNothing()
				return errors.Join(f.Server.Jobs.Schedule(t.Context(), tx, "billing.cycle", tx.Now()),
					f.Server.Jobs.Schedule(t.Context(), tx, "customer_sessions.purge", tx.Now().Add(2*time.Hour)))
			})
			if err != nil {
				t.Fatal(err)
			}
			if n := f.Drain(); n != 1 { // that for payments follows in half a minute
				t.Errorf("%d jobs were due at once", n)
			}
			f.Clock.Advance(2 * time.Hour)
			if n := f.Drain(); n != 3 {
				t.Errorf("%d jobs were due after two hours", n)
			}
		}, false, false, false},
		{"the benefit's metadata", func() { do("PATCH", "/v1/benefits/"+benefit, obj{"metadata": obj{"level": "2"}, "type": "custom"}) }, false, true, false},
		{"the end of the subscription", func() { do("DELETE", "/v1/subscriptions/"+order, nil) }, false, true, false},
		{"the other customer", func() { do("PATCH", "/v1/customers/"+bystander, obj{"name": "New"}) }, false, false, true},
	} {
		warm()
		step.do()
		for i, path := range paths {
			want := map[bool]bool{true: step.bystander, false: i < 2 && step.customer || i >= 2 && step.state}[i == len(paths)-1]
			changed, anew := read(path)
			if changed != want {
				t.Errorf("after %s, %s is new: %v, want %v", step.name, path, changed, want)
			}
			if !step.customer && !step.state && !step.bystander && anew {
				t.Errorf("%s was not from memory after %s", path, step.name)
			}
			if changed && !anew {
				t.Errorf("%s is new and was not read", path)
			}
		}
	}
	warm()
	stranger := f.Organization("Other")
	for _, path := range paths {
		if r := f.Do("GET", path, stranger.Token, nil); r.Status != http.StatusNotFound {
			t.Errorf("%s answers a stranger %d", path, r.Status)
		}
	}
	do("DELETE", "/v1/customers/"+c, nil)
	for _, path := range paths[:5] {
		if r := f.Do("GET", path, f.AllToken, nil); r.Status != http.StatusNotFound {
			t.Errorf("%s answers %d after the customer was deleted", path, r.Status)
		}
	}
}

// TestAmbiguousIsNotRemembered: an external id that was one customer's is asked
// for again once a second organization that the caller sees has it, too.
func TestAmbiguousIsNotRemembered(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		other := f.Organization("Other")
		token := f.User(auth.Owner, f.Org, other)
		for _, o := range []floetest.Org{f.Org, other} {
			if r := f.Do("POST", "/v1/customers/", token, obj{"organization_id": o.ID, "external_id": "x", "email": "x@example.com"}); r.Status != 201 {
				t.Fatalf("%d %s", r.Status, r.Body)
			}
			want := map[bool]int{true: http.StatusOK, false: http.StatusConflict}[o.ID == f.Org.ID]
			for range 3 {
				for _, path := range []string{"/v1/customers/external/x", "/v1/customers/external/x/state"} {
					if r := f.Do("GET", path, token, nil); r.Status != want {
						t.Errorf("%s in %s: %d %s, want %d", path, o.Slug, r.Status, r.Body, want)
					}
				}
			}
		}
	})
}

// TestNeverStale: readers of two operations on a customer who is written all
// the time never see less than what was acknowledged before they asked, and
// never go back.
func TestNeverStale(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	const customers, writes, readers = 3, 80, 4
	var all sync.WaitGroup
	for n := range customers {
		c := f.Customer(obj{"external_id": strconv.Itoa(n)}).ID()
		paths := []string{"/v1/customers/" + c, "/v1/customers/external/" + strconv.Itoa(n), "/v1/customers/" + c + "/state"}
		var acknowledged, seen atomic.Int64
		var done atomic.Bool
		all.Go(func() {
			defer done.Store(true)
			for i := range int64(writes) {
				if r := f.Do("PATCH", "/v1/customers/"+c, f.AllToken, obj{"name": fmt.Sprint(i + 1)}); r.Status != 200 {
					t.Errorf("%d %s", r.Status, r.Body)
				}
				acknowledged.Store(i + 1)
			}
		})
		for r := range readers {
			all.Go(func() {
				for i := r; !done.Load(); i++ {
					least := max(acknowledged.Load(), seen.Load())
					var got struct{ Name string }
					_ = json.Unmarshal([]byte(f.Do("GET", paths[i%len(paths)], f.AllToken, nil).Body), &got)
					name, _ := strconv.ParseInt(got.Name, 10, 64)
					if name < least {
						t.Errorf("%s answers %d after %d was known", paths[i%len(paths)], name, least)
						return
					}
					for old := seen.Load(); name > old && !seen.CompareAndSwap(old, name); old = seen.Load() {
					}
				}
			})
		}
	}
	all.Wait()
}
