// Package floetest runs a whole Floe in a test: a fresh, migrated database,
// every operation behind the real handler, a clock that the test moves, and an
// organization with a token. Every answer that passes through it is held
// against our own OpenAPI document, and every SQL text against the rule that
// rows of one organization are never touched without naming it. It is imported
// by tests only.
package floetest

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/server"
	"floe/internal/token"
)

// Start is the time at which the clock of every test stands at first.
var Start = time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC)

// Floe is a running instance that belongs to one test.
type Floe struct {
	DB      *db.DB
	Clock   *clock.Manual // moves a millisecond with every request, and when told
	Server  *server.Server
	Handler http.Handler

	Org      Org    // an organization that is there from the start
	AllToken string // a token of Org with all scopes

	t   testing.TB
	db  db.Config
	log *logBuffer
	sql *tenantRule
	n   *atomic.Int64

	secrets *secretRule
	url     func() string
}

// Org is an organization of the test, with a token of its own that may do
// everything in it.
type Org struct {
	ID    id.ID
	Name  string
	Slug  string
	Token string
}

// An Option changes how the server is made.
type Option func(*server.Config)

// New starts an instance on SQLite.
func New(t testing.TB, options ...Option) *Floe {
	t.Helper()
	return start(t, db.Config{DataDir: dbtest.DataDir(t)}, options)
}

// Postgres starts an instance on PostgreSQL, or skips the test where there is
// none.
func Postgres(t testing.TB, options ...Option) *Floe {
	t.Helper()
	return start(t, db.Config{URL: dbtest.URL(t)}, options)
}

// Engines runs fn as a parallel subtest on SQLite and on PostgreSQL, each with
// an instance of its own.
func Engines(t *testing.T, fn func(t *testing.T, f *Floe), options ...Option) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		fn(t, New(t, options...))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		fn(t, Postgres(t, options...))
	})
}

func start(t testing.TB, c db.Config, options []Option) *Floe {
	t.Helper()
	f := &Floe{t: t, Clock: clock.NewManual(Start), log: &logBuffer{}, n: new(atomic.Int64), secrets: newSecretRule()}
	t.Cleanup(func() { f.secrets.check(t) })
	rule := &tenantRule{t: t}
	f.sql = rule
	c.Clock, c.Logger, c.OnStatement = f.Clock, f.logger(), rule.check
	c.ReadConns = 4 // tests are many and small
	f.db = c
	f.serve(options)
	f.Org = f.Organization("Acme")
	f.AllToken = f.Org.Token
	return f
}

// Beside is a second server on the same database, with the same organization
// and clock.
func (f *Floe) Beside(options ...Option) *Floe {
	f.t.Helper()
	g := *f
	g.serve(options)
	return &g
}

// serve opens the database and makes the server.
func (f *Floe) serve(options []Option) {
	t := f.t
	t.Helper()
	d, err := db.Open(t.Context(), f.db)
	if err != nil {
		t.Fatalf("open the test database: %v", err)
	}
	t.Cleanup(func() {
		f.sql.end()
		if err := d.Close(); err != nil {
			t.Errorf("close the test database: %v", err)
		}
	})
	f.DB = d
	config := server.Config{DB: d, Logger: f.db.Logger, Clock: f.Clock, PublicURL: "https://floe.test", AnswerMemory: 8 << 20}
	for _, option := range options {
		option(&config)
	}
	if f.Server, err = server.New(t.Context(), config); err != nil {
		t.Fatalf("make the server: %v", err)
	}
	t.Cleanup(func() {
		if err := f.Server.Close(); err != nil {
			t.Errorf("close the server: %v", err)
		}
		if t.Failed() && f.log.String() != "" {
			t.Logf("the server's log:\n%s", f.log)
		}
	})
	f.Handler = f.Server.Handler()
	f.url = sync.OnceValue(f.listen)
}

// with is the same instance reporting to a subtest.
func (f *Floe) with(t testing.TB) *Floe {
	g := *f
	g.t = t
	return &g
}

// URL is where the instance answers over TCP, with the limits of a real
// server. It listens when first asked.
func (f *Floe) URL() string { return f.url() }

func (f *Floe) listen() string {
	l, err := new(net.ListenConfig).Listen(f.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(f.t.Context()))
	done := make(chan error, 1)
	go func() { done <- f.Server.Run(ctx, l) }()
	f.t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			f.t.Errorf("run the server: %v", err)
		}
	})
	return "http://" + l.Addr().String()
}

// Drain does all jobs and sends all webhooks that are due by the test's clock,
// and those that they bring about, and answers how many they were.
func (f *Floe) Drain() (done int) {
	f.t.Helper()
	for {
		n, err := f.Server.Jobs.Drain(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		sent, err := f.Server.Webhooks.Drain(f.t.Context())
		if err != nil {
			f.t.Fatal(err)
		}
		if n += sent; n == 0 {
			return done
		}
		done += n
	}
}

// RunDue does what the billing cycle has due by the test's clock.
func (f *Floe) RunDue() {
	f.t.Helper()
	if err := f.Server.RunDue(f.t.Context()); err != nil {
		f.t.Fatal(err)
	}
}

// Settle writes down when tokens were used, now instead of fifteen seconds after
// the first use: a test that counts statements or commits to the last one would
// count that too, on a machine that is busy enough.
func (f *Floe) Settle() {
	f.t.Helper()
	if err := f.Server.Tokens.Close(); err != nil {
		f.t.Fatal(err)
	}
}

// Statements are the SQL texts that have been run so far, each once.
func (f *Floe) Statements() []string { return f.sql.statements() }

// Log is what the server has logged so far, warnings and errors only.
func (f *Floe) Log() string { return f.log.String() }

// Organization makes another organization. Names may repeat.
func (f *Floe) Organization(name string) Org {
	f.t.Helper()
	slug := fmt.Sprintf("org-%d", f.n.Add(1))
	in, err := organization.Draft(name, slug)
	if err != nil {
		f.t.Fatal(err)
	}
	var o organization.Organization
	f.write(func(ctx context.Context, tx *db.Tx) (err error) {
		o, err = f.Server.Organizations.Create(ctx, tx, auth.NewSystem("test"), in)
		return err
	})
	out := Org{ID: o.ID, Name: name, Slug: slug}
	out.Token = f.TokenOf(out)
	return out
}

// Token makes a token of Org: with the scopes, or with all when none is named.
func (f *Floe) Token(scopes ...auth.Scope) string {
	f.t.Helper()
	return f.TokenOf(f.Org, scopes...)
}

// TokenOf makes a token of an organization.
func (f *Floe) TokenOf(o Org, scopes ...auth.Scope) string {
	f.t.Helper()
	return f.NewToken(token.Request{OrganizationID: o.ID, Scopes: scopes})
}

// NewToken makes any token; without scopes it gets all.
func (f *Floe) NewToken(r token.Request) (clear string) {
	f.t.Helper()
	if len(r.Scopes) == 0 {
		r.Scopes = auth.GrantableScopes()
	}
	f.write(func(ctx context.Context, tx *db.Tx) (err error) {
		_, clear, err = f.Server.Tokens.Create(ctx, tx, auth.NewSystem("test"), r)
		return err
	})
	f.secrets.add(clear)
	return clear
}

// User makes a user with a role in each of the organizations (in Org when none
// is named) and returns a personal token with all scopes.
func (f *Floe) User(role auth.Role, orgs ...Org) string {
	f.t.Helper()
	_, clear := f.NewUser(role, orgs)
	return clear
}

// NewUser is User for tests that need to know who it is, or that want a token
// with fewer scopes.
func (f *Floe) NewUser(role auth.Role, orgs []Org, scopes ...auth.Scope) (user id.ID, clear string) {
	f.t.Helper()
	if len(orgs) == 0 {
		orgs = []Org{f.Org}
	}
	ids := make([]id.ID, len(orgs))
	for i, o := range orgs {
		ids[i] = o.ID
	}
	address := fmt.Sprintf("user-%d@example.com", f.n.Add(1))
	f.write(func(ctx context.Context, tx *db.Tx) error {
		u, err := f.Server.Organizations.CreateUser(ctx, tx, auth.NewSystem("test"), address, role, ids...)
		user = u.ID
		return err
	})
	return user, f.NewToken(token.Request{UserID: user, Scopes: scopes})
}

// AllScopesBut are the scopes that a token may have, without some.
func AllScopesBut(without ...auth.Scope) []auth.Scope {
	return slices.DeleteFunc(auth.GrantableScopes(), func(s auth.Scope) bool { return slices.Contains(without, s) })
}

func (f *Floe) write(fn func(ctx context.Context, tx *db.Tx) error) {
	f.t.Helper()
	ctx := f.t.Context()
	if err := f.DB.Write(ctx, func(tx *db.Tx) error { return fn(ctx, tx) }); err != nil {
		f.t.Fatal(err)
	}
}

// Path is fmt.Sprintf, under a name that says what for.
func (f *Floe) Path(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// Customer makes a customer of Org with these fields over a default of a
// fresh e-mail address, and returns it as the API does.
func (f *Floe) Customer(fields map[string]any) *Response {
	f.t.Helper()
	body := map[string]any{"email": fmt.Sprintf("customer-%d@example.com", f.n.Add(1))}
	for k, v := range fields {
		body[k] = v
	}
	r := f.Do(http.MethodPost, "/v1/customers/", f.AllToken, body)
	if r.Status != http.StatusCreated {
		f.t.Fatalf("create a customer: %d %s", r.Status, r.Body)
	}
	return r
}

// logBuffer collects what is logged, up to a limit if it has one.
type logBuffer struct {
	limit int

	mu   sync.Mutex
	text []byte
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.limit == 0 || len(b.text) < b.limit {
		b.text = append(b.text, p...)
	}
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.text)
}
