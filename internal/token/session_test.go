package token_test

import (
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/id"
	"floe/internal/token"
)

// portal is a customer with a member, and a session of each.
type portal struct {
	org, customer, member id.ID
	ofCustomer, ofMember  string
}

func (b *bench) portal(slug string) portal {
	b.t.Helper()
	p := portal{org: b.organization(slug), customer: id.New(), member: id.New()}
	now := b.clock.Now()
	b.exec(`INSERT INTO customers (id, organization_id, created_at, type, email_verified, metadata, search) VALUES (?, ?, ?, 'individual', FALSE, '{}', '')`,
		p.customer, p.org, now)
	b.exec(`INSERT INTO members (id, organization_id, customer_id, created_at, email, email_key, role) VALUES (?, ?, ?, ?, 'a@example.com', 'a@example.com', 'owner')`,
		p.member, p.org, p.customer, now)
	p.ofCustomer, p.ofMember = token.Mint(token.CustomerSession), token.Mint(token.MemberSession)
	b.session(p, p.ofCustomer, nil)
	b.session(p, p.ofMember, &p.member)
	return p
}

func (b *bench) session(p portal, clear string, member *id.ID) {
	b.t.Helper()
	now := b.clock.Now()
	b.exec(`INSERT INTO customer_sessions (id, organization_id, customer_id, member_id, created_at, expires_at, hash) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		id.New(), p.org, p.customer, member, now, now.Add(time.Hour), b.tokens.Hash(clear))
}

func TestSessions(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		p := b.portal("acme")
		sub := b.good(b.tokens, p.ofCustomer)
		if sub.Kind != auth.Customer || sub.ID != p.customer || sub.CustomerID != p.customer || !sub.Reach(p.org) ||
			len(sub.Scopes) != 1 || sub.Scopes[0] != auth.CustomerPortalWrite {
			t.Errorf("a customer's session stands for %+v", sub)
		}
		sub = b.good(b.tokens, p.ofMember)
		if sub.Kind != auth.Member || sub.ID != p.member || sub.CustomerID != p.customer || !sub.Reach(p.org) {
			t.Errorf("a member's session stands for %+v", sub)
		}
		b.clock.Advance(time.Hour - time.Microsecond)
		b.good(b.tokens, p.ofCustomer)
		b.clock.Advance(time.Microsecond)
		b.bad(b.tokens, p.ofCustomer)
		b.bad(b.tokens, p.ofMember)
	})
}

func TestSessionsEndWithTheirOwner(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		for slug, c := range map[string]struct {
			text     string
			of       func(portal) id.ID
			customer bool // whether the customer's own session lives on
		}{
			"member":       {`UPDATE members SET deleted_at = ? WHERE id = ?`, func(p portal) id.ID { return p.member }, true},
			"customer":     {`UPDATE customers SET deleted_at = ? WHERE id = ?`, func(p portal) id.ID { return p.customer }, false},
			"organization": {`UPDATE organizations SET deleted_at = ? WHERE id = ?`, func(p portal) id.ID { return p.org }, false},
		} {
			p := b.portal(slug)
			b.good(b.tokens, p.ofMember)
			b.exec(c.text, b.clock.Now(), c.of(p))
			b.bad(b.tokens, p.ofMember)
			if c.customer {
				b.good(b.tokens, p.ofCustomer)
			} else {
				b.bad(b.tokens, p.ofCustomer)
			}
		}
	})
}

func lastUsed(b *bench, tok id.ID) *time.Time {
	b.t.Helper()
	at, err := db.One[*time.Time](b.t.Context(), b.db, `SELECT last_used_at FROM tokens WHERE id = ?`, tok)
	if err != nil {
		b.t.Fatal(err)
	}
	return at
}

// TestUseIsRecorded: case 22 of the checklist of organizations.
func TestUseIsRecorded(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		org := b.organization("acme")
		used, clear := b.create(token.Request{OrganizationID: org})
		idle, _ := b.create(token.Request{OrganizationID: org})
		b.good(b.tokens, clear)
		if at := lastUsed(b, used.ID); at != nil {
			t.Errorf("written in the request's path, at %v", at)
		}
		if err := b.tokens.Close(); err != nil {
			t.Fatal(err)
		}
		if at := lastUsed(b, used.ID); at == nil || !at.Equal(b.clock.Now()) {
			t.Errorf("used at %v", at)
		}
		if at := lastUsed(b, idle.ID); at != nil {
			t.Errorf("an idle token was used at %v", at)
		}
		writes := b.db.Stats().Writes
		if err := b.tokens.Close(); err != nil || b.db.Stats().Writes != writes {
			t.Errorf("nothing new, and yet a write: %v", err)
		}
	})
}

func BenchmarkAuthenticateCached(bm *testing.B) {
	b, clear := benchmarkToken(bm)
	bm.ReportAllocs()
	bm.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if _, err := b.tokens.Authenticate(bm.Context(), clear); err != nil {
				bm.Fatal(err)
			}
		}
	})
}

func BenchmarkAuthenticateRead(bm *testing.B) {
	b, clear := benchmarkToken(bm)
	bm.ReportAllocs()
	for bm.Loop() {
		b.tokens.Forget()
		b.good(b.tokens, clear)
	}
}
