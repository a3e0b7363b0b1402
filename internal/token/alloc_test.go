package token_test

import (
	"testing"

	"floe/internal/auth"
	"floe/internal/db/dbtest"
	"floe/internal/token"
)

func benchmarkToken(t testing.TB) (*bench, string) {
	b := newBench(t, dbtest.SQLite(t))
	_, clear := b.create(token.Request{OrganizationID: b.organization("acme"), Scopes: auth.GrantableScopes()})
	b.good(b.tokens, clear)
	return b, clear
}

// Every request comes through here.
func TestRememberedTokensCostNothing(t *testing.T) {
	b, clear := benchmarkToken(t)
	ctx := t.Context()
	n := testing.AllocsPerRun(1000, func() {
		if _, err := b.tokens.Authenticate(ctx, clear); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations", n)
	}
}
