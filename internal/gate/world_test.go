package gate

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/organization"
	"floe/internal/server"
	"floe/internal/token"
)

// world is a server on a database that holds something, called without a
// network between.
type world struct {
	db      *db.DB
	server  *server.Server
	handler http.Handler
	// mindful has another server on the same database, which answers from memory
	// as "floe serve" does. There is none on PostgreSQL.
	mindful *world
	place   place
	out     *answer

	ids, externals, emails, owners []string
	made                           []string // to be changed or deleted
	run                            string   // makes names that no other world has made
	n                              int
}

// place is where a world lies, so that another process can find it.
type place struct {
	Engine       string
	DataDir, URL string
	Token        string // of the organization that everything is measured on
	Webhooks     string // a token of one that has an endpoint
	Exported     string // a token of one whose customers stay as many as they are
}

// customers is how many there are. It is more than fit on one page of a list,
// and few enough to be made in a moment.
const customers = 500

// subscribers of them have bought something.
const subscribers = 50

func open(ctx context.Context, p place) (*world, error) {
	log := slog.New(slog.DiscardHandler)
	// One connection: each prepares its statements, and which is used would be chance.
	d, err := db.Open(ctx, db.Config{DataDir: p.DataDir, URL: p.URL, Logger: log, ReadConns: 1})
	if err != nil {
		return nil, err
	}
	w := &world{db: d, place: p, out: &answer{header: http.Header{}}, run: strconv.FormatInt(time.Now().UnixNano(), 36)}
	if d.Versions() != nil {
		w.mindful = &world{db: d, place: p, out: w.out}
		if err := w.mindful.serve(ctx, log, 8<<20); err != nil {
			return nil, err
		}
	}
	return w, w.serve(ctx, log, 0) // the last one is told of what is written
}

func (w *world) serve(ctx context.Context, log *slog.Logger, memory int) (err error) {
	w.server, err = server.New(ctx, server.Config{DB: w.db, Logger: log, AllowPrivateWebhooks: true, AnswerMemory: memory})
	if err == nil {
		w.handler = w.server.Handler()
	}
	return err
}

func (w *world) close() error {
	if w.mindful != nil {
		if err := w.mindful.server.Close(); err != nil {
			return err
		}
	}
	if err := w.server.Close(); err != nil {
		return err
	}
	return w.db.Close()
}

// answer is what a handler writes to. It costs nothing of what is counted.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }

// do sends a request and fails when the answer is another than wanted.
func (w *world) do(method, path, bearer, body string, want int) error {
	u, err := url.Parse(path)
	if err != nil {
		return err
	}
	r := &http.Request{
		Method: method, URL: u, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Host: "floe.test", RemoteAddr: "192.0.2.1:1000",
		Header: http.Header{"Authorization": {"Bearer " + bearer}}, Body: http.NoBody, RequestURI: path,
	}
	if body != "" {
		r.Header["Content-Type"] = []string{"application/json"}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte(body))), int64(len(body))
	}
	clear(w.out.header)
	w.out.status = http.StatusOK
	w.out.body.Reset()
	w.handler.ServeHTTP(w.out, r)
	if w.out.status != want {
		return fmt.Errorf("%s %s: %d %s, want %d", method, path, w.out.status, w.out.body.Bytes(), want)
	}
	return nil
}

func (w *world) get(path string) error {
	return w.do(http.MethodGet, path, w.place.Token, "", http.StatusOK)
}

// post makes something and answers its id.
func (w *world) post(path, bearer, body string) (string, error) {
	if err := w.do(http.MethodPost, path, bearer, body, http.StatusCreated); err != nil {
		return "", err
	}
	var made struct{ ID string }
	err := json.Unmarshal(w.out.body.Bytes(), &made)
	return made.ID, err
}

func newCustomer(name string) string {
	return fmt.Sprintf(`{"email":"%[1]s@example.com","external_id":"usr_%[1]s","name":"Customer %[1]s",`+
		`"billing_address":{"line1":"1 Main Street","city":"San Francisco","state":"CA","postal_code":"94105","country":"US"},`+
		`"metadata":{"plan":"pro"},"locale":"en-US"}`, name)
}

// fill makes what there is, through the front door, and says where it lies.
func (w *world) fill(ctx context.Context, receiver string) error {
	var err error
	if w.place.Token, err = w.organization(ctx, "acme"); err != nil {
		return err
	}
	if w.place.Webhooks, err = w.organization(ctx, "told"); err != nil {
		return err
	}
	benefit, err := w.post("/v1/benefits/", w.place.Token, `{"type":"custom","description":"Support","properties":{"note":null}}`)
	if err != nil {
		return err
	}
	product, err := w.post("/v1/products/", w.place.Token, `{"name":"Pro","recurring_interval":"month","prices":[{"amount_type":"free"}]}`)
	if err != nil {
		return err
	}
	if err := w.do(http.MethodPost, "/v1/products/"+product+"/benefits", w.place.Token, `{"benefits":["`+benefit+`"]}`, http.StatusOK); err != nil {
		return err
	}
	for i := range customers {
		id, err := w.post("/v1/customers/", w.place.Token, newCustomer(fmt.Sprint("seed", i)))
		if err != nil {
			return err
		}
		if i >= subscribers {
			continue
		}
		if _, err := w.post("/v1/subscriptions/", w.place.Token, `{"product_id":"`+product+`","customer_id":"`+id+`"}`); err != nil {
			return err
		}
	}
	if w.place.Exported, err = w.organization(ctx, "exported"); err != nil {
		return err
	}
	for i := range customers {
		if _, err := w.post("/v1/customers/", w.place.Exported, newCustomer(fmt.Sprint("row", i))); err != nil {
			return err
		}
	}
	_, err = w.post("/v1/webhooks/endpoints", w.place.Webhooks, `{"url":"`+receiver+`","format":"raw","events":["customer.created"]}`)
	return err
}

func (w *world) organization(ctx context.Context, slug string) (bearer string, err error) {
	system := auth.NewSystem("gate")
	in, err := organization.Draft(slug, slug)
	if err != nil {
		return "", err
	}
	err = w.db.Write(ctx, func(tx *db.Tx) error {
		o, err := w.server.Organizations.Create(ctx, tx, system, in)
		if err != nil {
			return err
		}
		_, bearer, err = w.server.Tokens.Create(ctx, tx, system, token.Request{OrganizationID: o.ID, Scopes: auth.GrantableScopes()})
		return err
	})
	return bearer, err
}

// look finds out who there is.
func (w *world) look() error {
	for page := 1; len(w.ids) < customers; page++ {
		if err := w.get(fmt.Sprintf("/v1/customers/?limit=100&sorting=created_at&query=seed&page=%d", page)); err != nil {
			return err
		}
		var list struct {
			Items []struct {
				ID         string
				Email      string
				ExternalID string `json:"external_id"`
			}
		}
		if err := json.Unmarshal(w.out.body.Bytes(), &list); err != nil {
			return err
		}
		if len(list.Items) == 0 {
			return fmt.Errorf("%d customers, want %d", len(w.ids), customers)
		}
		for _, c := range list.Items {
			w.ids, w.externals, w.emails = append(w.ids, c.ID), append(w.externals, c.ExternalID), append(w.emails, c.Email)
		}
	}
	w.owners = w.ids[:subscribers]
	return nil
}

// create makes a customer of the organization that a token belongs to.
func (w *world) create(bearer string) error {
	w.n++
	id, err := w.post("/v1/customers/", bearer, newCustomer(fmt.Sprint(w.run, w.n)))
	w.made = append(w.made, id)
	return err
}

// path is one hot path: what is done before it is measured for n requests, and
// what is measured.
type path struct {
	name    string
	mindful bool // it is for a server that answers from memory
	prepare func(w *world, n int) error
	run     func(w *world, n int) error
}

// each does the same n times.
func each(do func(w *world, i int) error) func(w *world, n int) error {
	return func(w *world, n int) error {
		for i := range n {
			if err := do(w, i); err != nil {
				return err
			}
		}
		return nil
	}
}

// paths are the hot paths of an engine.
func (w *world) paths(ctx context.Context) []path {
	return slices.DeleteFunc(paths(ctx), func(p path) bool { return p.mindful && w.mindful == nil })
}

func paths(ctx context.Context) []path {
	of := func(list []string, i int) string { return list[i*7919%len(list)] }
	get := func(name string, at func(w *world, i int) string) path {
		return path{name: name, run: each(func(w *world, i int) error { return w.get("/v1/customers/" + at(w, i)) })}
	}
	again := func(name string, at func(w *world, i int) string) path {
		return path{name: name + " from memory", mindful: true, run: each(func(w *world, i int) error { return w.mindful.get("/v1/customers/" + at(w, i)) })}
	}
	byID := func(w *world, i int) string { return of(w.ids, i) }
	states := func(w *world, i int) string { return of(w.owners, i) + "/state" }
	create := each(func(w *world, _ int) error { return w.create(w.place.Token) })
	fresh := func(w *world, n int) error { w.made = nil; return create(w, n) }
	return []path{
		get("get by id", byID),
		get("get by external id", func(w *world, i int) string { return "external/" + of(w.externals, i) }),
		get("list a page", func(*world, int) string { return "?limit=10" }),
		get("list by e-mail", func(w *world, i int) string { return "?limit=10&email=" + of(w.emails, i) }),
		get("search", func(*world, int) string { return "?limit=10&query=seed44" }),
		get("state", states),
		again("get by id", byID),
		again("state", states),
		{name: fmt.Sprintf("export %d customers", customers), run: each(func(w *world, _ int) error {
			return w.do(http.MethodGet, "/v1/customers/export", w.place.Exported, "", http.StatusOK)
		})},
		{name: "create", run: create},
		{name: "update", prepare: fresh, run: each(func(w *world, i int) error {
			return w.do(http.MethodPatch, "/v1/customers/"+w.made[i], w.place.Token, fmt.Sprintf(`{"name":"Renamed %d"}`, i), http.StatusOK)
		})},
		{name: "delete", prepare: fresh, run: each(func(w *world, i int) error {
			return w.do(http.MethodDelete, "/v1/customers/"+w.made[i], w.place.Token, "", http.StatusNoContent)
		})},
		{
			name:    "deliver a webhook",
			prepare: each(func(w *world, _ int) error { return w.create(w.place.Webhooks) }),
			run: func(w *world, n int) error {
				sent, err := w.server.Webhooks.Drain(ctx)
				if err == nil && sent != n {
					err = fmt.Errorf("%d deliveries, want %d", sent, n)
				}
				return err
			},
		},
	}
}

// measure does a path for n requests at a time: first unmeasured, so that
// everything is warm, and then so many times between begin and end.
func (w *world) measure(p path, n, times int, begin, end func()) error {
	for i := range 1 + times {
		if p.prepare != nil {
			if err := p.prepare(w, n); err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
		}
		if i > 0 {
			begin()
		}
		if err := p.run(w, n); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
		if i > 0 {
			end()
		}
	}
	return nil
}
