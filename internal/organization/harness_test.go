package organization_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/conformance"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/token"
)

var everything = auth.GrantableScopes()

// bench is the operations on a fresh database, with tokens to call them.
type bench struct {
	t       *testing.T
	db      *db.DB
	tokens  *token.Service
	orgs    *organization.Service
	ops     []*api.Operation
	doc     *api.Document
	handler http.Handler
}

func each(t *testing.T, fn func(b *bench)) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		fn(newBench(t, d))
	})
}

func newBench(t *testing.T, d *db.DB) *bench {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	tokens, err := token.New(t.Context(), token.Config{DB: d, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, db: d, tokens: tokens}
	b.orgs = organization.New(organization.Config{DB: d, AccessChanged: tokens.Forget, BlockedWords: []string{"polar"}})
	b.ops = b.orgs.Operations()
	b.doc = api.Describe(api.Info{Title: "test"}, b.ops)
	b.handler = api.New(api.Config{Operations: b.ops, Auth: tokens, Logger: log})
	return b
}

func (b *bench) write(fn func(ctx context.Context, tx *db.Tx) error) {
	b.t.Helper()
	if err := b.db.Write(b.t.Context(), func(tx *db.Tx) error { return fn(b.t.Context(), tx) }); err != nil {
		b.t.Fatal(err)
	}
}

var system = auth.NewSystem("test")

// organization makes one without an owner.
func (b *bench) organization(slug string) (org id.ID) {
	b.t.Helper()
	in, err := organization.Draft("Org "+slug, slug)
	if err != nil {
		b.t.Fatal(err)
	}
	b.write(func(ctx context.Context, tx *db.Tx) error {
		o, err := b.orgs.Create(ctx, tx, system, in)
		org = o.ID
		return err
	})
	return org
}

func (b *bench) orgToken(org id.ID, scopes ...auth.Scope) (clear string) {
	b.t.Helper()
	return b.token(token.Request{OrganizationID: org, Scopes: scopes})
}

// user makes a user with a role in organizations and returns a token of theirs.
func (b *bench) user(address string, role auth.Role, orgs ...id.ID) (clear string) {
	b.t.Helper()
	var u organization.User
	b.write(func(ctx context.Context, tx *db.Tx) (err error) {
		u, err = b.orgs.CreateUser(ctx, tx, system, address, role, orgs...)
		return err
	})
	return b.token(token.Request{UserID: u.ID, Scopes: everything})
}

func (b *bench) token(r token.Request) (clear string) {
	b.t.Helper()
	if len(r.Scopes) == 0 {
		r.Scopes = everything
	}
	b.write(func(ctx context.Context, tx *db.Tx) (err error) {
		_, clear, err = b.tokens.Create(ctx, tx, system, r)
		return err
	})
	return clear
}

// reply is an answer that agrees with the document.
type reply struct {
	t      *testing.T
	status int
	body   string
	json   map[string]any
}

func (b *bench) call(bearer, method, path, body string, headers ...string) reply {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	text, _ := io.ReadAll(w.Body)
	out := reply{t: b.t, status: w.Code, body: string(text)}
	if err := json.Unmarshal(text, &out.json); err != nil {
		b.t.Fatalf("%s %s answered %d %s", method, path, w.Code, text)
	}
	for _, op := range b.ops {
		if op.Method == method && (op.Path == path || strings.HasSuffix(op.Path, "}") == !strings.HasSuffix(strings.Split(path, "?")[0], "/")) {
			if err := conformance.CheckResponse(b.doc, op, w.Code, text); err != nil {
				b.t.Errorf("%s %s: %v", method, path, err)
			}
		}
	}
	return out
}

func (r reply) is(status int, contains ...string) reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("status %d, want %d: %s", r.status, status, r.body)
	}
	for _, c := range contains {
		if !strings.Contains(r.body, c) {
			r.t.Errorf("answer lacks %s: %s", c, r.body)
		}
	}
	return r
}

// at follows keys into the answer.
func (r reply) at(keys ...string) any {
	var v any = r.json
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

func (r reply) has(want any, keys ...string) reply {
	r.t.Helper()
	if got := r.at(keys...); !reflect.DeepEqual(got, want) {
		r.t.Errorf("%v is %v, want %v", keys, got, want)
	}
	return r
}

type journaled struct {
	Type  string
	After json.RawMessage
}

// journal lists what was recorded about an organization since the beginning.
func (b *bench) journal(org id.ID) (types []string, last journaled) {
	b.t.Helper()
	rows, err := db.All[journaled](b.t.Context(), b.db, `SELECT type, after FROM journal WHERE organization_id = ? AND type LIKE 'organization.%' ORDER BY seq`, org)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, r := range rows {
		types, last = append(types, r.Type), r
	}
	return types, last
}

func isKind(err error, k fault.Kind) bool { return errors.Is(err, k.New()) }
