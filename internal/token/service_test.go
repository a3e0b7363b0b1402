package token_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/clock"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/fault"
	"floe/internal/id"
	"floe/internal/organization"
	"floe/internal/token"
)

var system = auth.NewSystem("test")

type bench struct {
	t      testing.TB
	db     *db.DB
	clock  *clock.Manual
	tokens *token.Service
	orgs   *organization.Service
}

func each(t *testing.T, fn func(t *testing.T, b *bench)) {
	t.Parallel()
	dbtest.Each(t, func(t *testing.T, d *db.DB) {
		t.Parallel()
		fn(t, newBench(t, d))
	})
}

func newBench(t testing.TB, d *db.DB) *bench {
	b := &bench{t: t, db: d, clock: clock.NewManual(time.Now().Add(time.Hour))}
	b.tokens = b.open()
	b.orgs = organization.New(organization.Config{DB: d, AccessChanged: b.tokens.Forget})
	return b
}

// open makes another service on the same database, as another process has.
func (b *bench) open() *token.Service {
	b.t.Helper()
	s, err := token.New(b.t.Context(), token.Config{DB: b.db, Clock: b.clock, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

func (b *bench) write(fn func(ctx context.Context, tx *db.Tx) error) {
	b.t.Helper()
	if err := b.db.Write(b.t.Context(), func(tx *db.Tx) error { return fn(b.t.Context(), tx) }); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) exec(text string, args ...any) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *db.Tx) error {
		n, err := db.Exec(ctx, tx, text, args...)
		if err == nil && n == 0 {
			err = errors.New("no row was changed")
		}
		return err
	})
}

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

func (b *bench) user(address string, orgs ...id.ID) (u organization.User) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *db.Tx) (err error) {
		u, err = b.orgs.CreateUser(ctx, tx, system, address, "", orgs...)
		return err
	})
	return u
}

func (b *bench) create(r token.Request) (t token.Token, clear string) {
	b.t.Helper()
	b.write(func(ctx context.Context, tx *db.Tx) (err error) {
		t, clear, err = b.tokens.Create(ctx, tx, system, r)
		return err
	})
	return t, clear
}

func (b *bench) good(s *token.Service, clear string) auth.Subject {
	b.t.Helper()
	sub, err := s.Authenticate(b.t.Context(), clear)
	if err != nil {
		b.t.Fatalf("a good token: %v", err)
	}
	return sub
}

func (b *bench) bad(s *token.Service, clear string) {
	b.t.Helper()
	if sub, err := s.Authenticate(b.t.Context(), clear); !errors.Is(err, auth.ErrInvalid) {
		b.t.Errorf("%s is %v: %v", clear, sub.Kind, err)
	}
}

func TestOrganizationToken(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		org := b.organization("acme")
		tok, clear := b.create(token.Request{OrganizationID: org, Scopes: []auth.Scope{"customers:write", "customers:read", "customers:write"}})
		for range 2 { // read, then remembered
			sub := b.good(b.tokens, clear)
			if sub.Kind != auth.Organization || sub.ID != org || sub.TokenID != tok.ID || !sub.Narrowed ||
				!slices.Equal(sub.Scopes, []auth.Scope{"customers:read", "customers:write"}) ||
				!slices.Equal(sub.Memberships, []auth.Membership{{OrganizationID: org}}) {
				t.Errorf("stands for %+v", sub)
			}
		}
		stored, err := db.One[string](t.Context(), b.db, `SELECT hash FROM tokens WHERE id = ?`, tok.ID)
		if err != nil || stored != b.tokens.Hash(clear) {
			t.Errorf("stored %s: %v", stored, err)
		}
		b.exec(`UPDATE organizations SET deleted_at = ? WHERE id = ?`, b.clock.Now(), org)
		b.tokens.Forget()
		b.bad(b.tokens, clear)
	})
}

func TestUserToken(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		one, two, gone := b.organization("one"), b.organization("two"), b.organization("gone")
		first := b.user("first@example.com", one)
		u := b.user("second@example.com", two, one, gone)
		b.exec(`UPDATE organizations SET deleted_at = ? WHERE id = ?`, b.clock.Now(), gone)
		_, clear := b.create(token.Request{UserID: u.ID, Scopes: []auth.Scope{"customers:read"}})
		want := []auth.Membership{{OrganizationID: one, Role: auth.Plain}, {OrganizationID: two, Role: auth.Owner}}
		if sub := b.good(b.tokens, clear); sub.Kind != auth.User || sub.ID != u.ID || sub.Narrowed || !slices.Equal(sub.Memberships, want) {
			t.Errorf("stands for %+v", sub)
		}
		three := b.organization("three")
		b.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := b.orgs.Join(ctx, tx, system, u, three, "")
			return err
		})
		if sub := b.good(b.tokens, clear); !sub.Reach(three) {
			t.Error("a new membership is not seen at once")
		}
		b.exec(`UPDATE users SET deleted_at = ? WHERE id = ?`, b.clock.Now(), u.ID)
		b.tokens.Forget()
		b.bad(b.tokens, clear)

		_, clear = b.create(token.Request{UserID: b.user("alone@example.com").ID})
		if sub := b.good(b.tokens, clear); len(sub.Memberships) != 0 {
			t.Errorf("stands for %+v", sub)
		}
		_ = first
	})
}

func TestInvalidTokens(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, clear := b.create(token.Request{OrganizationID: b.organization("acme")})
		for _, s := range []string{"", "x", "polar_oat_", clear + "x", clear[:len(clear)-1] + "!", token.Mint(token.Organization), token.Mint(token.Personal),
			token.Mint(token.CustomerSession), token.Mint(token.MemberSession), token.Mint("polar_us__"), token.Personal + clear[10:], "Bearer"} {
			b.bad(b.tokens, s)
		}
		if sub, err := b.tokens.Authenticate(t.Context(), "polar_crt_whatever"); err != nil || sub.Kind != auth.Anonymous {
			t.Errorf("a client's token is %v: %v", sub.Kind, err)
		}
		before := b.db.Stats().Queries
		b.bad(b.tokens, "polar_oat_"+strings.Repeat("x", 43))
		if n := b.db.Stats().Queries - before; n != 0 {
			t.Errorf("garbage costs %d statements", n)
		}
	})
}

// TestAlike: every letter of a token counts, whether or not the token is
// remembered. What differs in one is another token, also where the checksum is
// right.
func TestAlike(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		_, clear := b.create(token.Request{OrganizationID: b.organization("acme")})
		for at := range token.RandomLength {
			b.good(b.tokens, clear)
			other := token.Alike(clear, at)
			b.bad(b.tokens, other)
			if !b.tokens.Known(clear) || b.tokens.Known(other) {
				t.Errorf("letter %d does not matter", at)
			}
			b.tokens.Forget()
			b.bad(b.tokens, other)
		}
	})
}

func TestExpiryCountsForRememberedTokens(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		tok, clear := b.create(token.Request{OrganizationID: b.organization("acme"), ExpiresIn: time.Hour})
		b.clock.Set(*tok.ExpiresAt)
		b.clock.Advance(-time.Microsecond)
		b.good(b.tokens, clear)
		b.clock.Advance(time.Microsecond)
		b.bad(b.tokens, clear)
		b.tokens.Forget()
		b.bad(b.tokens, clear)
	})
}

func (b *bench) revoke(what string) error {
	return b.db.Write(b.t.Context(), func(tx *db.Tx) error {
		_, err := b.tokens.Revoke(b.t.Context(), tx, system, what)
		return err
	})
}

func TestRevoke(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		org := b.organization("acme")
		one, oneClear := b.create(token.Request{OrganizationID: org})
		_, twoClear := b.create(token.Request{OrganizationID: org})
		b.good(b.tokens, oneClear)
		b.good(b.tokens, twoClear)
		for _, what := range []string{strings.ToUpper(string(one.ID)), twoClear} {
			if err := b.revoke(what); err != nil {
				t.Fatal(err)
			}
		}
		b.bad(b.tokens, oneClear)
		b.bad(b.tokens, twoClear)
		for _, what := range []string{string(one.ID), twoClear, "nonsense", string(id.New())} {
			if err := b.revoke(what); !errors.Is(err, fault.NotFound.New()) {
				t.Errorf("revoking %s: %v", what, err)
			}
		}
		types, err := db.All[string](t.Context(), b.db, `SELECT type FROM journal WHERE subject_id = ? ORDER BY seq`, one.ID)
		if err != nil || strings.Join(types, " ") != "organization_access_token.created organization_access_token.deleted" {
			t.Errorf("recorded %v: %v", types, err)
		}
	})
}

// meanwhile is a clock beside which something happens when it is looked at next.
type meanwhile struct {
	clock.Clock
	happens func()
}

func (m *meanwhile) Now() time.Time {
	if f := m.happens; f != nil {
		m.happens = nil
		f()
	}
	return m.Clock.Now()
}

// TestRevokedWhileLookedUp: a token that was read before it was revoked is not
// remembered as good after that.
func TestRevokedWhileLookedUp(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		hands := &meanwhile{Clock: b.clock}
		s, err := token.New(t.Context(), token.Config{DB: b.db, Clock: hands, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		b.tokens = s
		_, clear := b.create(token.Request{OrganizationID: b.organization("acme")})
		hands.happens = func() { // it is read by now, and not kept yet
			if err := b.revoke(clear); err != nil {
				t.Error(err)
			}
		}
		b.good(s, clear)
		b.bad(s, clear)
	})
}

// Another process sees a revocation after CacheTTL at the latest.
func TestRevocationElsewhere(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		other := b.open()
		_, clear := b.create(token.Request{OrganizationID: b.organization("acme")})
		b.good(other, clear)
		if err := b.revoke(clear); err != nil {
			t.Fatal(err)
		}
		limit := time.NewTimer(token.CacheTTL)
		defer limit.Stop()
		<-limit.C
		b.bad(other, clear)
	})
}

func TestSecretIsMadeOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.exec(`DELETE FROM settings`)
		clear := token.Mint(token.Organization)
		hashes := make([]string, 5)
		var group sync.WaitGroup
		for i := range hashes {
			group.Go(func() {
				s, err := token.New(t.Context(), token.Config{DB: b.db})
				if err != nil {
					t.Error(err)
					return
				}
				hashes[i] = s.Hash(clear)
			})
		}
		group.Wait()
		if len(slices.Compact(slices.Sorted(slices.Values(hashes)))) != 1 {
			t.Errorf("several secrets: %v", hashes)
		}
	})
}

func TestList(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		org, other := b.organization("acme"), b.organization("other")
		_, _ = b.create(token.Request{OrganizationID: org, Comment: "one", Scopes: []auth.Scope{"openid"}})
		gone, _ := b.create(token.Request{OrganizationID: org, Comment: "gone"})
		_, _ = b.create(token.Request{UserID: b.user("a@example.com").ID, Comment: "two"})
		_, _ = b.create(token.Request{OrganizationID: other, Comment: "three"})
		if err := b.revoke(string(gone.ID)); err != nil {
			t.Fatal(err)
		}
		describe := func(orgs ...id.ID) string {
			list, err := token.List(t.Context(), b.db, orgs...)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, l := range list {
				owner := l.OrganizationSlug
				if owner == nil {
					owner = l.UserEmail
				}
				out = append(out, l.Comment+" of "+*owner)
			}
			return strings.Join(out, ", ")
		}
		if got := describe(); got != "one of acme, two of a@example.com, three of other" {
			t.Errorf("all: %s", got)
		}
		if got := describe(org); got != "one of acme" {
			t.Errorf("one organization's: %s", got)
		}
	})
}

func TestCreateRefuses(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		org := b.organization("acme")
		for _, r := range []token.Request{{}, {OrganizationID: org, UserID: org}, {OrganizationID: org, ExpiresIn: -1}} {
			err := b.db.Write(t.Context(), func(tx *db.Tx) error {
				_, _, err := b.tokens.Create(t.Context(), tx, system, r)
				return err
			})
			if !errors.Is(err, fault.BadRequest.New()) {
				t.Errorf("%+v: %v", r, err)
			}
		}
	})
}

// TestFewStrangersAtATime: tokens that are not known to be good wait for each
// other, and leave the database's connections to those that are.
func TestFewStrangersAtATime(t *testing.T) {
	t.Parallel()
	b := newBench(t, dbtest.Postgres(t))
	var all sync.WaitGroup
	locked, release := make(chan struct{}), make(chan struct{})
	all.Go(func() {
		b.write(func(ctx context.Context, tx *db.Tx) error {
			_, err := db.Exec(ctx, tx, `LOCK TABLE tokens IN ACCESS EXCLUSIVE MODE`)
			close(locked)
			<-release
			return err
		})
	})
	<-locked
	for range 20 {
		all.Go(func() { b.bad(b.tokens, token.Mint(token.Organization)) })
	}
	looking := func() int64 {
		n, err := db.One[int64](t.Context(), b.db, `SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		if err != nil {
			t.Error(err)
		}
		return n
	}
	for begun := time.Now(); looking() < 2 && time.Since(begun) < 10*time.Second; {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // for those who should not follow
	if n := looking(); n != 2 {
		t.Errorf("%d are looked up at a time, want 2", n)
	}
	close(release)
	all.Wait()
}
