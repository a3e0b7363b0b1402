package db_test

import (
	"context"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/db/dbtest"
)

// TestHear: a process hears of what another one commits, also after its
// connection was cut, and of everything that it may have missed meanwhile.
func TestHear(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	open := func() *db.DB {
		d, err := db.Open(t.Context(), db.Config{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = d.Close() })
		return d
	}
	here, there := open(), open()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	missed := here.Signalled("news")
	go func() { defer close(done); here.Hear(ctx) }()
	t.Cleanup(func() { stop(); <-done })
	heard := func(what string, c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(30 * time.Second):
			t.Fatalf("not heard: %s", what)
		}
	}
	signal := func(from *db.DB, topic string) {
		t.Helper()
		if err := from.Write(t.Context(), func(tx *db.Tx) error { tx.Signal(topic); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	heard("what was said before it listened", missed)
	news, other := here.Signalled("news"), here.Signalled("other")
	signal(there, "news")
	heard("a commit of the other", news)
	select {
	case <-other:
		t.Error("another topic was woken")
	default:
	}
	n, err := db.One[int64](t.Context(), there, `SELECT COUNT(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'floe signals') AS ended`)
	if err != nil || n != 1 {
		t.Fatalf("ended %d connections, %v", n, err)
	}
	heard("that something may have been missed", other)
	news = here.Signalled("news")
	signal(there, "news")
	heard("a commit after that", news)
}
