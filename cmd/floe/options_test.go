package main

import (
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"floe/internal/db/dbtest"
	"floe/internal/id"
)

// A role that may not make tables is told what it would have to be.
func TestRoleThatOwnsNothing(t *testing.T) {
	t.Parallel()
	owner := dbtest.EmptyURL(t)
	conn, err := pgx.Connect(t.Context(), owner)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	role := "stranger_" + strings.ReplaceAll(string(id.New()), "-", "")
	if _, err := conn.Exec(t.Context(), `CREATE ROLE `+role+` LOGIN PASSWORD 'secret'`); err != nil {
		t.Fatal(err)
	}
	defer func() { _, _ = conn.Exec(t.Context(), `DROP ROLE `+role) }()
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(role, "secret")
	d, err := dataOptions{DatabaseURL: u.String()}.open(t.Context(), toolLog(t.Output()))
	if err == nil {
		_ = d.Close()
	}
	if err == nil || !strings.Contains(err.Error(), "must own the database") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
}

// What a driver says once for each way that it tried is said once.
func TestOneLine(t *testing.T) {
	t.Parallel()
	err := oneLine(errors.New("failed to connect:\n\tresolving: lookup x: no such host\n\tlookup x: no such host\n"))
	if want := "failed to connect: resolving: lookup x: no such host"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}
