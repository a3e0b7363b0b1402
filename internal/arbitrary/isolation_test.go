package arbitrary_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"floe/internal/arbitrary"
	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/server"
)

// TestIsolation lets callers of several organizations ask for anything, with
// ids of their own, of others and of nobody. Every text of an organization
// carries its mark and every id has an owner, so that a byte of another one in
// an answer shows; and no row of another one may change. What belongs to another
// one is answered like what does not exist.
func TestIsolation(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		w := newWorld(t, f)
		callers := w.callers()
		w.crossed(t, callers[0], callers[1])
		w.wander(t, callers, *requests)
		w.outside(t, callers[0], callers[1])
		w.tally.report(t, callers[0].maker.Operations())
		f.Sound() // whatever was asked for, it all still fits together
		for _, wrong := range w.wrong[:min(len(w.wrong), 5)] {
			t.Errorf("-arbitrary.seed %d: %s", *seed, wrong)
		}
		if w.twins < *requests/10 {
			t.Errorf("only %d requests were made again with ids of nothing", w.twins)
		}
		if w.strange < *requests/10 {
			t.Errorf("only %d requests spoke of what is not the caller's", w.strange)
		}
	}, func(c *server.Config) { c.AllowPrivateWebhooks = true })
}

// Without this the test above would prove little: whoever is believed to belong to
// another organization must be caught reading and writing.
func TestIsolationNotices(t *testing.T) {
	t.Parallel()
	f := floetest.New(t, func(c *server.Config) { c.AllowPrivateWebhooks = true })
	w := newWorld(t, f)
	spy := w.callers()[0]
	spy.may = []string{string(w.orgs[1].ID)}
	w.wander(t, []*caller{spy}, 200)
	for _, kind := range []string{"shows the mark", "shows the id", "has changed"} {
		if !slices.ContainsFunc(w.wrong, func(s string) bool { return strings.Contains(s, kind) }) {
			t.Errorf("nothing %s among %q", kind, w.wrong)
		}
	}
}

// world is some organizations with some of everything.
type world struct {
	t       *testing.T
	f       *floetest.Floe
	orgs    []floetest.Org
	all     []*caller
	marks   map[string]string // by organization
	queries map[string]string
	now     *snapshot
	told    map[string]map[string]bool // ids that callers of an organization have spoken of
	wrote   map[string]map[string]bool // those that may stand somewhere since
	tally   *tally
	sink    string
	words   int
	strange int
	twins   int
	wrong   []string
}

// customer is a caller who, whatever of others of the same organization is spoken
// of, may only do what is open to everybody who has a license key.
const customer = "a customer of the second"

// caller is somebody who asks.
type caller struct {
	name, token string
	may         []string // organizations
	mark        string
	maker       *arbitrary.Maker
}

func newWorld(t *testing.T, f *floetest.Floe) *world {
	t.Helper()
	w := &world{t: t, f: f, orgs: []floetest.Org{f.Org, f.Organization("Bravo"), f.Organization("Charlie")},
		marks: map[string]string{}, told: map[string]map[string]bool{}, wrote: map[string]map[string]bool{}, tally: newTally()}
	sink := newSink(t)
	w.sink = sink.URL
	moody(f.Processor())
	for i, o := range w.orgs {
		mark := []string{"markalpha", "markbravo", "markcharlie"}[i]
		w.marks[string(o.ID)] = mark
		w.told[string(o.ID)], w.wrote[string(o.ID)] = map[string]bool{}, map[string]bool{}
		furnish(t, func(_, method, path string, body any) fields {
			r := f.Do(method, path, o.Token, body)
			if r.Status > 299 {
				t.Fatalf("%s %s %v: %d %s", method, path, body, r.Status, r.Body)
			}
			var out fields
			_ = json.Unmarshal([]byte(r.Body), &out)
			return out
		}, func() string { return w.word(mark) }, sink.URL+"/"+mark)
	}
	for _, o := range w.orgs {
		f.Meter(o, w.word(w.marks[string(o.ID)]))
	}
	f.Drain()
	for path, bodies := range sink.got() {
		for id, mark := range w.marks {
			if "/"+mark != path && strings.Contains(bodies, mark) || "/"+mark == path && !strings.Contains(bodies, mark) {
				t.Errorf("what was sent to %s, and the mark of %s: %s", path, id, bodies)
			}
		}
	}
	var err error
	if w.queries, err = tables(t.Context(), f.DB); err != nil {
		t.Fatal(err)
	}
	w.look(t)
	return w
}

func (w *world) word(mark string) string { w.words++; return fmt.Sprintf("%s%d", mark, w.words) }

func (w *world) look(t *testing.T) (before *snapshot) {
	t.Helper()
	before = w.now
	now, err := look(t.Context(), w.f.DB, w.queries, before)
	if err != nil {
		t.Fatal(err)
	}
	w.now = now
	return before
}

// callers are of all kinds that there are.
func (w *world) callers() []*caller {
	a, b, c := w.orgs[0], w.orgs[1], w.orgs[2]
	f := w.f
	one := f.Do("GET", "/v1/customers/?limit=1&sorting=created_at", b.Token, nil).Text("items.0.id")
	session := f.Do("POST", "/v1/customer-sessions/", b.Token, fields{"customer_id": one}).Text("token")
	list := []*caller{
		w.caller("a token of the first", a.Token, a),
		w.caller("a token of the second", b.Token, b),
		w.caller("a token of the third", c.Token, c),
		w.caller("a reader of the first", f.TokenOf(a, auth.CustomersRead, auth.OrdersRead, auth.WebhooksRead), a),
		w.caller("the owner of the third", f.User(auth.Owner, c), c),
		w.caller("a member of the first and the second", w.user(auth.Plain, a, b), a, b),
		w.caller("an admin of the second and the third", w.user(auth.Admin, b, c), b, c),
		w.caller("somebody in finance of the third", f.User(auth.Finance, c), c),
		w.caller(customer, session, b),
		w.caller("nobody", ""),
		w.caller("a guest", "polar_oat_00000000000000000000000000000000000000"),
	}
	w.look(w.t)
	return list
}

// user makes somebody who belongs to several organizations, so that each may
// see who they are.
func (w *world) user(role auth.Role, orgs ...floetest.Org) (token string) {
	who, token := w.f.NewUser(role, orgs)
	ctx := w.t.Context()
	tokens, err := db.All[string](ctx, w.f.DB, `SELECT id FROM tokens WHERE user_id = ?`, who)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, one := range append(tokens, string(who)) {
		w.now.ids[one] = "several"
	}
	return token
}

func (w *world) caller(name, token string, orgs ...floetest.Org) *caller {
	c := &caller{name: name, token: token, mark: "marknobody"}
	for _, o := range orgs {
		c.may = append(c.may, string(o.ID))
	}
	if len(orgs) == 1 { // what others write may stand in the rows of several
		c.mark = w.marks[c.may[0]]
	}
	c.maker = arbitrary.New(w.f.Server.Document(), random(uint64(len(name))))
	c.maker.Sink = w.sink + "/" + c.mark
	c.maker.Text = func() string { return w.word(c.mark) }
	c.maker.Known.Stranger = func(name string) string { return w.stranger(c, name) }
	w.all = append(w.all, c)
	for _, o := range orgs {
		c.maker.Known.Add("organization_id", string(o.ID))
	}
	w.hear(c)
	return c
}

// hear tells a caller what the lists have.
func (w *world) hear(c *caller) {
	lists := map[string]string{
		"benefits:list": "benefits/", "benefit-grants:list": "benefit-grants/", "customers:list": "customers/", "discounts:list": "discounts/",
		"license_keys:list": "license-keys/", "members:list_members": "members/", "orders:list": "orders/", "products:list": "products/",
		"refunds:list": "refunds/", "subscriptions:list": "subscriptions/", "webhooks:list_webhook_endpoints": "webhooks/endpoints",
		"webhooks:list_webhook_deliveries": "webhooks/deliveries",
		"payments:list":                    "payments/",
	}
	for _, operation := range slices.Sorted(maps.Keys(lists)) {
		path := lists[operation]
		c.maker.Known.Hear(operation, []byte(w.f.Do("GET", "/v1/"+path, c.token, nil).Body))
	}
}

// stranger is an id of another organization, mostly of what is asked for. But for
// the organizations themselves it is one of a half of them: what callers have
// never spoken of must never be shown to them.
func (w *world) stranger(c *caller, name string) string {
	if c.maker.Random.IntN(4) == 0 {
		return string(id.New())
	}
	theirs := func(one string) bool {
		owner := w.now.ids[one]
		return w.marks[owner] != "" && !slices.Contains(c.may, owner) && (name == "organization_id" || strings.Contains("02468ace", one[35:]))
	}
	for range 8 { // what somebody else knows who belongs there
		other := w.all[c.maker.Random.IntN(len(w.all))]
		if one := other.maker.Known.One(c.maker.Random, name); theirs(one) {
			return one
		}
	}
	var foreign []string
	for one := range w.now.ids {
		if theirs(one) {
			foreign = append(foreign, one)
		}
	}
	if len(foreign) == 0 {
		return string(id.New())
	}
	slices.Sort(foreign)
	return foreign[c.maker.Random.IntN(len(foreign))]
}

// wander sends requests in small groups of one caller, and looks at all rows
// after each.
func (w *world) wander(t *testing.T, callers []*caller, count int) {
	t.Helper()
	const group = 20
	for i := range count / group {
		// The first few know most, and are asked for most.
		c := callers[min(w.pick(callers, len(callers)), w.pick(callers, len(callers)))]
		var sent []string
		requests := []arbitrary.Request{}
		if i%50 == 25 {
			requests = c.maker.Lists()
		}
		for range group {
			requests = append(requests, c.maker.Next())
		}
		for _, r := range requests {
			sent = append(sent, r.String())
			w.ask(t, c, r)
		}
		if len(c.may) == 1 {
			w.tell(c)
		}
		before := w.look(t)
		for _, o := range w.orgs {
			if slices.Contains(c.may, string(o.ID)) {
				continue
			}
			if changed := w.now.changed(before, string(o.ID)); len(changed) > 0 {
				w.wrong = append(w.wrong, fmt.Sprintf("after requests of %s the %s of %s has changed:\n%s", c.name, changed, w.marks[string(o.ID)], strings.Join(sent, "\n")))
			}
		}
		if i%50 == 49 {
			w.f.Drain()
			w.look(t)
		}
	}
}

func (w *world) pick(callers []*caller, n int) int { return callers[0].maker.Random.IntN(n) }

func (w *world) ask(t *testing.T, c *caller, r arbitrary.Request) {
	t.Helper()
	if len(c.may) > 1 { // they would write what they have seen in one into another
		for _, o := range c.may {
			r.Body = bytes.ReplaceAll(r.Body, []byte(w.marks[o]), []byte(c.mark))
		}
	}
	text := strings.ToLower(r.Path + string(r.Body))
	for _, one := range uuid.FindAllString(text, -1) {
		if owner := w.now.ids[one]; owner != "" && !slices.Contains(c.may, owner) {
			w.strange++
		}
		for _, o := range c.may {
			w.told[o][one] = true
		}
	}
	var body any
	if r.Body != nil {
		body = r.Body
	}
	request := w.f.Request(r.Method, r.Path, c.token, body)
	if c.maker.Random.IntN(10) == 0 {
		request.Header.Set("Polar-Organization", string(w.orgs[c.maker.Random.IntN(len(w.orgs))].ID))
	}
	answer := w.f.Send(request)
	w.tally.add(r.ID, answer.Status)
	header, _ := json.Marshal(answer.Header)
	shown := strings.ToLower(answer.Body + string(header))
	for org, mark := range w.marks {
		if !slices.Contains(c.may, org) && strings.Contains(shown, mark) {
			w.wrong = append(w.wrong, fmt.Sprintf("the answer to %s shows the mark %s: %s\n%d %s", c.name, mark, r, answer.Status, answer.Body))
		}
	}
	for _, one := range uuid.FindAllString(shown, -1) {
		owner := w.now.ids[one]
		if owner == "" || slices.Contains(c.may, owner) || w.marks[owner] == "" || strings.Contains(text, one) ||
			slices.ContainsFunc(c.may, func(o string) bool { return w.told[o][one] }) {
			continue
		}
		w.wrong = append(w.wrong, fmt.Sprintf("the answer to %s shows the id %s of %s: %s\n%d %s", c.name, one, w.marks[owner], r, answer.Status, answer.Body))
	}
	if c.name == customer && answer.Status < 300 && !strings.Contains(r.ID, "license_keys:") {
		w.wrong = append(w.wrong, fmt.Sprintf("%s may do what is not for customers: %s: %d", c.name, r, answer.Status))
	}
	if answer.Status >= 500 {
		w.wrong = append(w.wrong, fmt.Sprintf("%s: %d %s", r, answer.Status, answer.Body))
	}
	w.twin(c, r, request, answer)
	for _, one := range uuid.FindAllString(strings.ToLower(string(r.Body)), -1) {
		for _, o := range c.may {
			w.wrote[o][one] = w.wrote[o][one] || answer.Status < 300
		}
	}
	c.maker.Known.Answered(r, answer.Status, []byte(answer.Body))
	w.forge(t, c, answer)
}

// twin sends a request with ids of nothing in place of those of others, which
// must be answered in the same way: that something is there shows, too.
func (w *world) twin(c *caller, r arbitrary.Request, first *http.Request, answer *floetest.Response) {
	if answer.Status < 300 && r.Method != "GET" {
		return // it was done
	}
	text, back := r.Path+"\n"+string(r.Body), []string(nil)
	for _, one := range uuid.FindAllString(text, -1) {
		owner := w.now.ids[one]
		if w.marks[owner] == "" || slices.Contains(c.may, owner) || slices.ContainsFunc(c.may, func(o string) bool { return w.wrote[o][one] }) {
			continue
		}
		nothing := string(id.New())
		text, back = strings.ReplaceAll(text, one, nothing), append(back, nothing, one)
	}
	if len(back) == 0 {
		return
	}
	w.twins++
	path, sent, _ := strings.Cut(text, "\n")
	var body any
	if r.Body != nil {
		body = []byte(sent)
	}
	again := w.f.Request(r.Method, path, c.token, body)
	if o := first.Header.Get("Polar-Organization"); o != "" {
		again.Header.Set("Polar-Organization", o)
	}
	other := w.f.Send(again)
	if shown := strings.NewReplacer(back...).Replace(other.Body); other.Status != answer.Status || shown != answer.Body && answer.Header.Get("Content-Type") != "application/pdf" {
		w.wrong = append(w.wrong, fmt.Sprintf("%s is told by %s that something is there:\n%d %s\nand of what is not:\n%d %s", c.name, r, answer.Status, answer.Body, other.Status, shown))
	}
}

// tell has the processor speak to an organization of an order, a customer or a
// card that it does not have, and of one of its own.
func (w *world) tell(c *caller) {
	e := event(c.maker)
	if e.Organization = id.ID(c.may[0]); e.Order != "" {
		e.Order = id.ID(w.stranger(c, "order_id"))
	}
	if e.Customer != "" && c.maker.Random.IntN(2) == 0 {
		e.Customer = id.ID(w.stranger(c, "customer_id"))
	}
	e.Payment, e.Refund = e.Payment+"?", "" // by its name alone it could be anybody's
	if status := w.f.Tell(e); status >= 500 {
		w.wrong = append(w.wrong, fmt.Sprintf("told %+v: %d", e, status))
	}
}

// outside asks with external ids of another organization, which must be
// answered like those of nobody.
func (w *world) outside(t *testing.T, c, other *caller) {
	t.Helper()
	var theirs struct {
		Items []struct {
			ExternalID string `json:"external_id"`
		}
	}
	list := w.f.Do("GET", "/v1/customers/?limit=100", other.token, nil)
	if err := json.Unmarshal([]byte(list.Body), &theirs); err != nil || len(theirs.Items) == 0 {
		t.Fatalf("%v: %s", err, list.Body)
	}
	product := c.maker.Known.One(c.maker.Random, "product_id")
	try := func(method, path string, body func(external string) any) {
		for _, x := range theirs.Items {
			if !strings.HasPrefix(x.ExternalID, other.mark) {
				continue
			}
			ask := func(external string) string {
				var b any
				if body != nil {
					b = body(external)
				}
				r := w.f.Do(method, strings.ReplaceAll(path, "{x}", external), c.token, b)
				return fmt.Sprintf("%d %s", r.Status, strings.ReplaceAll(r.Body, external, "{x}"))
			}
			if a, b := ask(x.ExternalID), ask("nobody-has-this"); a != b {
				t.Errorf("%s %s with the external id of another organization:\n%s\nwith that of nobody:\n%s", method, path, a, b)
			}
		}
	}
	none := func(string) any { return fields{} }
	one := func(more fields) func(string) any {
		return func(external string) any {
			b := maps.Clone(more)
			b["external_customer_id"] = external
			return b
		}
	}
	const path = "/v1/customers/external/{x}"
	for _, below := range []string{"", "/state", "/timeline", "/members", "/payment-methods", "/members/{x}"} {
		try("GET", path+below, nil)
	}
	for _, list := range []string{"benefit-grants/", "changes", "members/", "orders/", "refunds/", "subscriptions/"} {
		try("GET", "/v1/"+list+"?external_customer_id={x}", nil)
	}
	try("PATCH", path, none)
	try("PATCH", path+"/members/{x}", none)
	try("POST", path+"/members", func(string) any { return fields{"email": "m@example.com"} })
	try("DELETE", path, nil)
	try("DELETE", path+"/members/{x}", nil)
	try("POST", "/v1/customer-sessions/", one(fields{}))
	try("POST", "/v1/subscriptions/", one(fields{"product_id": product}))
}

// crossed asks for what belongs to another organization in each way in which a
// single thing can be asked for; by chance some come late or never.
func (w *world) crossed(t *testing.T, c, other *caller) {
	t.Helper()
	org := c.may[0]
	told := maps.Clone(w.told[org])
	before, met := w.look(t), map[string]bool{}
	mark := regexp.MustCompile("(?i)" + other.mark) // what is sent is shown again
	own := func(text string) string { return mark.ReplaceAllString(text, c.mark) }
	for _, r := range other.maker.OfThings(12) {
		for _, one := range uuid.FindAllString(r.Path, -1) {
			met[r.ID] = met[r.ID] || slices.Contains(other.may, w.now.ids[one])
		}
		if r.Path = own(r.Path); r.Body != nil {
			r.Body = []byte(own(string(r.Body)))
		}
		w.ask(t, c, r)
	}
	w.told[org] = told // as if nobody had spoken of them
	w.look(t)
	if changed := w.now.changed(before, other.may[0]); len(changed) > 0 {
		t.Errorf("%s has changed the %s of %s", c.name, changed, other.mark)
	}
	for _, r := range other.maker.OfThings(1) {
		if !met[r.ID] && !strings.Contains(r.Path, "/external/") { // see outside
			t.Errorf("%s was never asked about what belongs to another", r.ID)
		}
	}
}

// forge turns a link to a document into one to that of somebody else.
func (w *world) forge(t *testing.T, c *caller, answer *floetest.Response) {
	t.Helper()
	var link struct{ URL string }
	if json.Unmarshal([]byte(answer.Body), &link) != nil || !strings.Contains(link.URL, "/documents?") {
		return
	}
	u, err := url.Parse(link.URL)
	if err != nil {
		t.Fatal(err)
	}
	if r := w.f.Do("GET", u.RequestURI(), "", nil); r.Status != http.StatusOK {
		t.Errorf("%s: %d %s", link.URL, r.Status, r.Body)
	}
	for _, o := range w.orgs {
		for one, owner := range w.now.ids {
			if owner != string(o.ID) || slices.Contains(c.may, owner) || !bytes.ContainsAny([]byte(one[35:]), "0123") {
				continue
			}
			q := u.Query()
			q.Set("organization", owner)
			q.Set("order", one)
			if r := w.f.Do("GET", u.Path+"?"+q.Encode(), "", nil); r.Status != http.StatusForbidden {
				w.wrong = append(w.wrong, fmt.Sprintf("a forged link shows the document %s: %d", one, r.Status))
			}
		}
	}
}

// sink receives webhooks.
type sink struct {
	*httptest.Server
	mu   sync.Mutex
	sent map[string]string // until it was looked at
}

func newSink(t *testing.T) *sink {
	s := &sink{sent: map[string]string{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.sent != nil {
			s.sent[r.URL.Path] += string(body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) got() map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}
