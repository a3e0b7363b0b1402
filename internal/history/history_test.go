package history_test

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/db/dbtest"
	"floe/internal/history"
)

var (
	requests = flag.Int("history.requests", 102_000, "how many requests to record and check, on all engines together")
	seed     = flag.Uint64("history.seed", 0, "where the clients begin to choose; another one each time when 0")
)

func TestMain(m *testing.M) {
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64() //nolint:gosec // printed, to be repeated
	}
	os.Exit(m.Run())
}

// TestLinearizable asks real servers, and holds what they say against the
// model: one server on each engine, and three on one PostgreSQL, of which each
// request goes to any.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		if strings.HasSuffix(t.Name(), "/sqlite") {
			check(t, open, 1, *requests/2)
			return
		}
		t.Run("one", func(t *testing.T) { check(t, open, 1, *requests/4) })
		t.Run("three", func(t *testing.T) { check(t, open, 3, *requests/4) })
	})
}

func check(t *testing.T, open dbtest.Opener, nodes, count int) {
	t.Helper()
	urls, clear := serve(t, open, nodes)
	start := time.Now()
	list, err := history.Record(t.Context(), history.Config{URLs: urls, Token: clear, Clients: 16, Requests: count, Seed: *seed})
	if err != nil {
		t.Fatalf("%v (-history.seed %d)", err, *seed)
	}
	recorded := time.Since(start)
	if len(list) < count*9/10 {
		t.Errorf("%d events say too little of %d requests", len(list), count)
	}
	if err := history.Check(list); err != nil {
		t.Errorf("%v (-history.seed %d)", err, *seed)
	}
	t.Logf("%d requests in %s, checked in %s: %s (-history.seed %d)", count, recorded.Round(time.Millisecond),
		(time.Since(start) - recorded).Round(time.Millisecond), history.Summary(list), *seed)
}

// A check that accepts everything proves nothing: these histories are wrong,
// each in a way of its own, beside one that is right.
func TestWrongHistories(t *testing.T) {
	t.Parallel()
	at := func(from, to int, client int, action history.Action, value string, outcome history.Outcome) history.Event {
		return history.Event{
			Client: client, Cell: "customer", Action: action, Value: value, Outcome: outcome,
			Call: time.Duration(from) * time.Second, Return: time.Duration(to) * time.Second,
		}
	}
	put := at(1, 2, 1, history.Put, "a", history.Done)
	for name, c := range map[string]struct {
		right bool
		list  []history.Event
	}{
		"right": {true, []history.Event{
			put, at(3, 6, 1, history.Write, "b", history.Done), at(4, 5, 2, history.Read, "a", history.Done),
			at(4, 5, 3, history.Read, "b", history.Done), at(5, 7, 2, history.Put, "c", history.Taken),
			at(8, 9, 2, history.Remove, "b", history.Done), at(10, 11, 1, history.Read, "", history.Missing),
			at(12, 13, 1, history.Remove, "b", history.Missing), at(14, 15, 3, history.Put, "d", history.Done),
		}},
		"stale read": {false, []history.Event{
			put, at(3, 4, 1, history.Write, "b", history.Done), at(5, 6, 2, history.Read, "a", history.Done),
		}},
		"read that goes back": {false, []history.Event{
			put, at(3, 9, 1, history.Write, "b", history.Done), at(4, 5, 2, history.Read, "b", history.Done), at(6, 7, 3, history.Read, "a", history.Done),
		}},
		"lost write": {false, []history.Event{
			put, at(3, 4, 1, history.Write, "b", history.Done), at(3, 4, 2, history.Write, "c", history.Done),
			at(5, 6, 1, history.Read, "b", history.Done), at(7, 8, 1, history.Read, "c", history.Done),
		}},
		"value that nobody wrote": {false, []history.Event{put, at(3, 4, 2, history.Read, "half", history.Done)}},
		"claimed twice":           {false, []history.Event{put, at(1, 3, 2, history.Put, "b", history.Done)}},
		"refused for nothing":     {false, []history.Event{at(1, 2, 2, history.Put, "b", history.Taken), at(3, 4, 1, history.Put, "a", history.Done)}},
		"refused before it was there": {false, []history.Event{
			at(1, 9, 1, history.Put, "a", history.Done), at(2, 3, 2, history.Put, "b", history.Taken), at(4, 5, 2, history.Read, "", history.Missing),
		}},
		"read after deletion":  {false, []history.Event{put, at(3, 4, 1, history.Remove, "", history.Done), at(5, 6, 2, history.Read, "a", history.Done)}},
		"write after deletion": {false, []history.Event{put, at(3, 4, 1, history.Remove, "", history.Done), at(5, 6, 2, history.Write, "b", history.Done)}},
		"deleted twice":        {false, []history.Event{put, at(3, 4, 1, history.Remove, "", history.Done), at(3, 4, 2, history.Remove, "", history.Done)}},
		"still held":           {false, []history.Event{put, at(3, 4, 1, history.Remove, "a", history.Done), at(5, 6, 2, history.Put, "b", history.Taken)}},
		"gone by itself":       {false, []history.Event{put, at(3, 4, 2, history.Read, "", history.Missing)}},
	} {
		err := history.Check(c.list)
		if (err == nil) != c.right {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil {
			removePage(t, err)
		}
	}
}

var pageName = regexp.MustCompile(`\S+\.html`)

// removePage takes away the page that a check has kept, which must be there.
func removePage(t *testing.T, err error) {
	t.Helper()
	page := pageName.FindString(err.Error())
	text, readErr := os.ReadFile(page)
	if readErr != nil || !bytes.Contains(text, []byte("<html")) {
		t.Errorf("%v: the page: %v, %d bytes", err, readErr, len(text))
	}
	_ = os.Remove(page)
}

// Nor does one that passes when the server is wrong: here something in front
// of it remembers answers for a moment too long.
func TestStaleServer(t *testing.T) {
	t.Parallel()
	url, clear := serveThrough(t, dbtest.SQLite(t), stale)
	list, err := history.Record(t.Context(), history.Config{URLs: []string{url}, Token: clear, Clients: 8, Requests: 1500, Seed: *seed})
	if err != nil {
		t.Fatal(err)
	}
	if err = history.Check(list); err == nil {
		t.Fatalf("nothing was noticed (-history.seed %d)", *seed)
	}
	removePage(t, err)
}

// stale answers every third read with what the one before it was told.
func stale(h http.Handler) http.Handler {
	var (
		mu    sync.Mutex
		kept  = map[string]*httptest.ResponseRecorder{}
		count int
	)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			h.ServeHTTP(w, r)
			return
		}
		mu.Lock()
		count++
		old := kept[r.URL.String()]
		if old == nil || count%3 != 0 {
			mu.Unlock()
			old = httptest.NewRecorder()
			h.ServeHTTP(old, r)
			mu.Lock()
			kept[r.URL.String()] = old
		}
		mu.Unlock()
		w.WriteHeader(old.Code)
		_, _ = w.Write(old.Body.Bytes())
	})
}
