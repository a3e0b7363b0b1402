package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"floe/internal/db/dbtest"
	"floe/internal/id"
	"floe/internal/webhook"
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

// Whoever presses Ctrl-C is not told what was going on; the exit code stays that
// of the command.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	ended, end := context.WithCancel(t.Context())
	end()
	broken := fmt.Errorf("read a test clock: %w", context.Canceled)
	for _, x := range []struct {
		ctx  context.Context
		err  error
		code int
		says string
	}{
		{ended, broken, exitFailed, "floe: interrupted\n"},
		{ended, exit{exitUnknown, broken}, exitUnknown, "floe: interrupted\n"},
		{ended, errors.New("no"), exitFailed, "floe: no\n"},
		{t.Context(), broken, exitFailed, "floe: read a test clock: context canceled\n"},
		{t.Context(), exit{code: exitUnknown}, exitUnknown, ""},
	} {
		var said strings.Builder
		if code := failed(x.ctx, &said, x.err); code != x.code || said.String() != x.says {
			t.Errorf("%v: %d and %q, want %d and %q", x.err, code, said.String(), x.code, x.says)
		}
	}
}

// Times in tables are said to be those of UTC, whatever zone they are in.
func TestTimesShown(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 5, 45, 0, 0, time.FixedZone("", 20700))
	if got := dateShown(&at); got != "2026-05-04 00:00 UTC" {
		t.Errorf("a token expires %s", got)
	}
	if got := failing(&webhook.Standing{Failures: 3, FailingSince: &at}); got != "3 since 2026-05-04 00:00:00 UTC" {
		t.Errorf("an endpoint fails %s", got)
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
