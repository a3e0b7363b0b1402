package server_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"floe/internal/floetest"
	"floe/internal/webhook"
)

// ear is a receiver that keeps what it is told of each customer.
type ear struct {
	*httptest.Server
	mu   sync.Mutex
	told map[string][]heard
}

type heard struct {
	seq, before int64
	typ, body   string
}

func newEar(t *testing.T) *ear {
	e := &ear{told: map[string][]heard{}}
	e.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := heard{body: string(body)}
		h.seq, _ = strconv.ParseInt(r.Header.Get("Webhook-Sequence"), 10, 64)
		h.before, _ = strconv.ParseInt(r.Header.Get("Webhook-Previous-Sequence"), 10, 64)
		var of struct {
			Type string
			Data struct {
				ID         string
				CustomerID string `json:"customer_id"`
			}
		}
		_ = json.Unmarshal(body, &of)
		h.typ = of.Type
		if h.seq == 0 {
			return // about no customer
		}
		e.mu.Lock()
		defer e.mu.Unlock()
		who := cmp.Or(of.Data.CustomerID, of.Data.ID)
		e.told[who] = append(e.told[who], h)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *ear) of(who string) []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.told[who])
}

// listed is what is on the first page of a list, and how many the list has.
func (l *lives) listed(path string) (items []obj, total int) {
	l.t.Helper()
	r := l.must("GET", path, nil)
	list, _ := r.Path("items").([]any)
	for _, i := range list {
		items = append(items, i.(obj))
	}
	n, _ := strconv.Atoi(fmt.Sprint(r.Path("pagination.total_count")))
	if n <= 100 && n != len(items) {
		l.t.Errorf("%s has %d and says %d", path, len(items), n)
	}
	return items, n
}

var theirs = []string{"/v1/subscriptions/?limit=100", "/v1/orders/?limit=100", "/v1/benefit-grants/?limit=100", "/v1/refunds/?limit=100", "/v1/members/?limit=100"}

func idsOf(list []obj) []string {
	out := make([]string, len(list))
	for i, o := range list {
		out[i] = o["id"].(string)
	}
	slices.Sort(out)
	return out
}

// looks holds one customer against what is known of them.
func (l *lives) looks(p *soul) {
	l.t.Helper()
	lists := map[string][]obj{}
	for _, path := range theirs {
		items, _ := l.listed(path + "&customer_id=" + p.id)
		for _, i := range items {
			if i["customer_id"] != p.id {
				l.t.Errorf("%s shows %v of %v to those who ask for %s", path, i["id"], i["customer_id"], p.id)
			}
		}
		if p.gone && strings.Contains(path, "/members/") && len(items) > 0 {
			l.t.Errorf("%s has gone and has %d members", p.id, len(items))
		}
		lists[path] = items
		if p.ext == "" || p.gone {
			continue
		}
		same, _ := l.listed(path + "&external_customer_id=" + word("externalx"+p.ext))
		if !slices.Equal(idsOf(same), idsOf(items)) {
			l.t.Errorf("%s: %v by external ID, %v by ID", path, idsOf(same), idsOf(items))
		}
	}
	live := l.subscriptions(p, lists[theirs[0]])
	l.ordered(p, lists[theirs[1]])
	granted := l.granted(p, lists[theirs[2]], live)
	l.told(p, live, granted)
}

// subscriptions are whose they are, and those that run; none of one who has gone.
func (l *lives) subscriptions(p *soul, list []obj) (live map[string]string) {
	live = map[string]string{}
	var want []string
	for _, d := range p.subs {
		want = append(want, d.id)
	}
	slices.Sort(want)
	if !slices.Equal(idsOf(list), want) {
		l.t.Errorf("%s has subscriptions %v, want %v", p.id, idsOf(list), want)
	}
	for _, s := range list {
		status := s["status"].(string)
		if p.gone && status != "canceled" {
			l.t.Errorf("%s has gone, and subscription %s is %s", p.id, s["id"], status)
		}
		live[s["id"].(string)] = status
	}
	return live
}

// ordered are things that they have bought, and periods of their subscriptions.
func (l *lives) ordered(p *soul, list []obj) {
	mine := map[any]bool{}
	for _, d := range append(slices.Clone(p.subs), p.bought...) {
		mine[d.id] = true
	}
	things := 0
	for _, o := range list {
		if o["subscription_id"] == nil {
			things++
			if !mine[o["id"]] {
				l.t.Errorf("order %v is not %s's", o["id"], p.id)
			}
		} else if !mine[o["subscription_id"]] {
			l.t.Errorf("order %v of %v is not %s's", o["id"], o["subscription_id"], p.id)
		}
	}
	if things != len(p.bought) && len(list) < 100 {
		l.t.Errorf("%s has bought %d things, want %d", p.id, things, len(p.bought))
	}
}

// granted are the benefits that they have: of each thing that entitles them,
// each benefit once.
func (l *lives) granted(p *soul, list []obj, live map[string]string) (out []string) {
	want := map[string]int{}
	if !p.gone {
		for _, d := range p.subs {
			if s := live[d.id]; s == "active" || s == "trialing" {
				for _, b := range d.of.benefits {
					want[d.id+" "+b]++
				}
			}
		}
		for _, d := range p.bought {
			if d.paid && !d.taken {
				for _, b := range d.of.benefits {
					want[d.id+" "+b]++
				}
			}
		}
	}
	members := map[any]bool{}
	if !p.gone {
		some, _ := l.listed("/v1/members/?limit=100&customer_id=" + p.id)
		for _, m := range some {
			members[m["id"]] = true
		}
	}
	status := map[any]any{}
	for _, k := range l.keysOf(p) {
		status[k["id"]] = k["status"]
	}
	for _, g := range list {
		is := g["is_granted"] == true
		if key, _ := g["properties"].(obj)["license_key_id"].(string); key != "" && l.keys[g["benefit_id"].(string)] && (status[key] == "granted") != is {
			l.t.Errorf("grant %v of %s: granted is %v, and the key is %v", g["id"], p.id, is, status[key])
		}
		if !is {
			continue
		}
		source := g["subscription_id"]
		if source == nil {
			source = g["order_id"]
		}
		want[fmt.Sprintf("%v %v", source, g["benefit_id"])]--
		out = append(out, g["id"].(string))
		if !members[g["member_id"]] {
			l.t.Errorf("grant %v is of member %v, who is not there", g["id"], g["member_id"])
		}
	}
	for of, n := range want {
		if n != 0 {
			l.t.Errorf("%s lacks %d of %s", p.id, n, of)
		}
	}
	slices.Sort(out)
	return out
}

// told is what the state says, and what was told of it, in order.
func (l *lives) told(p *soul, live map[string]string, granted []string) {
	l.t.Helper()
	said := l.ear.of(p.id)
	last := map[string]string{}
	at := map[string]int{}
	for i, h := range said {
		if i > 0 && h.before != said[i-1].seq || i == 0 && h.before != 0 || h.seq <= h.before {
			l.t.Errorf("%s was told %d (before it %d) after %+v", p.id, h.seq, h.before, said[max(0, i-1)].seq)
		}
		last[h.typ], at[h.typ] = h.body, i
	}
	var state struct{ Data any }
	_ = json.Unmarshal([]byte(last["customer.state_changed"]), &state)
	got, _ := state.Data.(obj)
	if p.gone {
		l.finds(p, nil)
		if at["customer.deleted"] == 0 || at["customer.state_changed"] < at["customer.deleted"] {
			l.t.Errorf("%s has gone, and was told %v", p.id, at)
		}
		if len(got["active_subscriptions"].([]any))+len(got["granted_benefits"].([]any)) > 0 {
			l.t.Errorf("%s has gone, and the last state has %s", p.id, last["customer.state_changed"])
		}
		return
	}
	r := l.must("GET", "/v1/customers/"+p.id+"/state", nil)
	var now obj
	_ = json.Unmarshal([]byte(r.Body), &now)
	if !reflect.DeepEqual(now, got) {
		l.t.Errorf("the state of %s is\n%s\nand was told as\n%s", p.id, r.Body, last["customer.state_changed"])
	}
	var subs, benefits []string
	for _, s := range now["active_subscriptions"].([]any) {
		subs = append(subs, s.(obj)["id"].(string))
	}
	for _, g := range now["granted_benefits"].([]any) {
		benefits = append(benefits, g.(obj)["id"].(string))
	}
	var want []string
	for s, status := range live {
		if status == "active" || status == "trialing" {
			want = append(want, s)
		}
	}
	slices.Sort(want)
	slices.Sort(subs)
	slices.Sort(benefits)
	if !slices.Equal(subs, want) || !slices.Equal(benefits, granted) {
		l.t.Errorf("the state of %s has %v and %v, want %v and %v", p.id, subs, benefits, want, granted)
	}
	wantExt := any(nil)
	if p.ext != "" {
		wantExt = word("externalx" + p.ext)
	}
	if now["name"] != p.name || now["email"] != word("mailx"+p.mail)+"@example.com" || now["external_id"] != wantExt {
		l.t.Errorf("%s is %s, want %s %s %v", p.id, r.Body, p.name, p.mail, wantExt)
	}
	l.finds(p, r)
	q := l.Request("GET", "/v1/customers/"+p.id+"/state", l.AllToken, nil)
	q.Header.Set("If-None-Match", p.etag)
	again := l.Send(q)
	if p.etag != "" && (again.Status == 304) != (p.state == r.Body) {
		l.t.Errorf("the state of %s was\n%s\nis\n%s\nand is answered %d", p.id, p.state, r.Body, again.Status)
	}
	p.etag, p.state = r.Header.Get("Etag"), r.Body
}

// finds looks for somebody by all that a customer is found by: they are found
// while they are here.
func (l *lives) finds(p *soul, state *floetest.Response) {
	l.t.Helper()
	want := []string{}
	if state != nil {
		want = append(want, p.id)
	}
	for _, by := range []string{"query=" + p.name[3:], "metadata[a]=" + word("metadatax"+p.tag)} {
		if list, _ := l.listed("/v1/customers/?limit=100&" + by); !slices.Equal(idsOf(list), want) {
			l.t.Errorf("by %s %v is found, want %v", by, idsOf(list), want)
		}
	}
	for _, by := range []string{"email=" + word("mailx"+p.mail) + "@example.com", "query=" + word("mailx"+p.mail)} {
		for _, c := range l.those(func(o *soul) bool { return here(o) && o.mail == p.mail }) {
			if list, _ := l.listed("/v1/customers/?limit=100&" + by); !slices.Equal(idsOf(list), []string{c.id}) {
				l.t.Errorf("by %s %v is found, want %v", by, idsOf(list), c.id)
			}
		}
	}
}

// all holds everybody, and the sums of lists, against what is known.
func (l *lives) all() {
	l.t.Helper()
	l.Drain()
	for _, p := range l.people {
		l.looks(p)
	}
	for _, path := range theirs {
		_, whole := l.listed(path)
		sum := 0
		for _, p := range l.people {
			_, n := l.listed(path + "&customer_id=" + p.id)
			sum += n
		}
		if whole != sum {
			l.t.Errorf("%s has %d, and its customers %d", path, whole, sum)
		}
	}
	list, n := l.listed("/v1/customers/?limit=100")
	if want := len(l.those(here)); n != want || len(list) != want {
		l.t.Errorf("%d customers, want %d", n, want)
	}
	for _, ext := range []string{"aa", "ab", "ac", "ad", "ae", "af"} {
		if len(l.those(func(p *soul) bool { return here(p) && p.ext == ext })) > 0 {
			continue
		}
		for _, path := range theirs {
			if list, _ := l.listed(path + "&external_customer_id=" + word("externalx"+ext)); len(list) > 0 {
				l.t.Errorf("%s: nobody has the external ID %s, and %v are found", path, ext, idsOf(list))
			}
		}
	}
	if got := fmt.Sprint(l.must("GET", "/v1/discounts/"+l.reduced, nil).Path("redemptions_count")); got != strconv.Itoa(4-l.left) {
		l.t.Errorf("the discount counts %s uses, want %d", got, 4-l.left)
	}
	l.Sound()
}

// remains is what is left of those who were erased: nothing but what may be.
func (l *lives) remains() {
	l.t.Helper()
	for column, words := range found(l.t, l.Floe) {
		for _, w := range words {
			kind, _, _ := strings.Cut(w, "x")
			if strings.HasPrefix(w, "externalx") {
				kind = "external"
			}
			owned := slices.ContainsFunc(l.said[w], func(p *soul) bool { return !p.erased })
			if !owned && !slices.Contains(strings.Fields(kept[column]), kind) {
				l.t.Errorf("%s still has %s", column, w)
			}
		}
	}
}

// feeds is the feed, which has the same as was told.
func (l *lives) feeds() {
	l.t.Helper()
	changes := map[string][]string{}
	numbers := map[string]int64{}
	known := map[string]bool{}
	for _, t := range webhook.Types() {
		known[t] = true
	}
	for after := "0"; ; {
		r := l.must("GET", "/v1/changes?limit=1000&after="+after, nil)
		list := r.Path("items").([]any)
		for _, c := range list {
			c := c.(obj)
			who, _ := c["customer_id"].(string)
			if who == "" {
				continue
			}
			n, _ := strconv.ParseInt(fmt.Sprint(c["customer_seq"]), 10, 64)
			if n != numbers[who]+1 {
				l.t.Errorf("change %d of %s comes after %d", n, who, numbers[who])
			}
			numbers[who] = n
			if t := c["type"].(string); known[t] {
				changes[who] = append(changes[who], fmt.Sprintf("%d %s", n, t))
			}
		}
		if len(list) == 0 {
			break
		}
		after = fmt.Sprint(r.Path("next"))
	}
	for _, p := range l.people {
		var told []string
		for _, h := range l.ear.of(p.id) {
			told = append(told, fmt.Sprintf("%d %s", h.seq, h.typ))
		}
		if !slices.Equal(told, changes[p.id]) {
			l.t.Errorf("%s was told\n%v\nand the feed has\n%v", p.id, told, changes[p.id])
		}
	}
}
