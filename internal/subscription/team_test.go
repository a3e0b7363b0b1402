package subscription_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// team is a customer whose members come and go while what they subscribe to
// grants now this, now that.
type team struct {
	*bench
	random   *rand.Rand
	customer string
	members  []string // the owner first
	products []string
	granted  map[string][]string // by product
	running  map[string]string   // the products of the subscriptions
	named    int
}

func (w *team) pick(list []string) string { return list[w.random.IntN(len(list))] }

func (w *team) path() string { return "/v1/customers/" + w.customer + "/members" }

func (w *team) ask(method, path string, body obj, want int) string {
	w.t.Helper()
	r := w.Do(method, path, w.AllToken, body)
	if r.Status != want {
		w.t.Fatalf("%s %s %v: %d %s", method, path, body, r.Status, r.Body)
	}
	return r.Body
}

func (w *team) joins() {
	w.named++
	m := w.Do("POST", w.path(), w.AllToken, obj{"email": fmt.Sprintf("member%d@example.com", w.named)}).ID()
	w.members = append(w.members, m)
}

// owns makes another member the owner.
func (w *team) owns() {
	if len(w.members) > 1 {
		i := 1 + w.random.IntN(len(w.members)-1)
		w.ask("PATCH", w.path()+"/"+w.members[i], obj{"role": "owner"}, 200)
		w.members[0], w.members[i] = w.members[i], w.members[0]
	}
}

// leaves deletes a member who is not the owner.
func (w *team) leaves() {
	if len(w.members) > 1 {
		i := 1 + w.random.IntN(len(w.members)-1)
		w.ask("DELETE", w.path()+"/"+w.members[i], nil, 204)
		w.members = slices.Delete(w.members, i, i+1)
	}
}

func (w *team) grants(benefits []string) {
	p, some := w.pick(w.products), slices.Clone(benefits)
	w.random.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
	some = some[:w.random.IntN(len(some)+1)]
	w.ask("POST", "/v1/products/"+p+"/benefits", obj{"benefits": some}, 200)
	w.granted[p] = some
}

func (w *team) subscribes() {
	p := w.pick(w.products)
	w.running[w.subscribe(p, invoiced, obj{"customer_id": w.customer}).ID()] = p
}

func (w *team) changes(subscription string) {
	p := w.pick(w.products)
	w.ask("PATCH", "/v1/subscriptions/"+subscription, obj{"product_id": p, "proration_behavior": "prorate"}, 200)
	w.running[subscription] = p
}

func (w *team) ends(subscription string) {
	w.ask("DELETE", "/v1/subscriptions/"+subscription, nil, 200)
	delete(w.running, subscription)
}

// has wants each subscription that runs to grant what its product does, to
// somebody who is still there.
func (w *team) has(step int, did string) {
	w.t.Helper()
	got := map[string][]string{}
	r := w.Do("GET", "/v1/benefit-grants/?is_granted=true&limit=100&customer_id="+w.customer, w.AllToken, nil)
	for i := range r.Path("items").([]any) {
		at := fmt.Sprintf("items.%d.", i)
		if m := r.Text(at + "member_id"); !slices.Contains(w.members, m) {
			w.t.Fatalf("step %d (%s): %s has a benefit, and is not there", step, did, m)
		}
		s := r.Text(at + "subscription_id")
		got[s] = append(got[s], r.Text(at+"benefit_id"))
	}
	for s, p := range w.running {
		want := slices.Sorted(slices.Values(w.granted[p]))
		slices.Sort(got[s])
		if !slices.Equal(got[s], want) {
			w.t.Fatalf("step %d (%s): a subscription grants %v, want %v", step, did, got[s], want)
		}
		delete(got, s)
	}
	if len(got) > 0 {
		w.t.Fatalf("step %d (%s): what has ended grants %v", step, did, got)
	}
}

// TestTeamKeepsWhatItPaysFor: whoever comes, goes and owns, a team has what its
// subscriptions grant.
func TestTeamKeepsWhatItPaysFor(t *testing.T) {
	each(t, func(b *bench) {
		w := &team{bench: b, random: rand.New(rand.NewPCG(7, 1)), granted: map[string][]string{}, running: map[string]string{}} //nolint:gosec // the same walk every time
		w.customer = b.Customer(obj{"type": "team"}).ID()
		w.members = []string{b.Do("GET", w.path(), b.AllToken, nil).Text("items.0.id")}
		w.products = []string{b.fixed(1000), b.fixed(2000)}
		benefits := []string{b.Benefit(nil).ID(), b.Benefit(obj{"type": "license_keys"}).ID(), b.Benefit(nil).ID()}
		for step := range 120 {
			subscription := ""
			for s := range w.running {
				if subscription == "" || s < subscription {
					subscription = s
				}
			}
			did := ""
			switch n := w.random.IntN(10); {
			case n < 2:
				did = "somebody joins"
				w.joins()
			case n < 4:
				did = "another owns"
				w.owns()
			case n < 6:
				did = "somebody leaves"
				w.leaves()
			case n < 7:
				did = "the product grants other things"
				w.grants(benefits)
			case n < 8 && len(w.running) < 3:
				did = "a subscription begins"
				w.subscribes()
			case n < 9 && subscription != "":
				did = "a subscription changes"
				w.changes(subscription)
			case subscription != "":
				did = "a subscription ends"
				w.ends(subscription)
			}
			w.has(step, did)
		}
	})
}
