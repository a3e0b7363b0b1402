package api_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/db"
)

// fickle accepts a token until it is told not to.
type fickle struct {
	anyone
	revoked *atomic.Bool
	why     error // auth.ErrInvalid when nil
}

func (f fickle) Authenticate(ctx context.Context, bearer string) (auth.Subject, error) {
	if f.revoked.Load() {
		return auth.Subject{}, cmp.Or(f.why, auth.ErrInvalid)
	}
	return f.anyone.Authenticate(ctx, bearer)
}

// following serves one operation that answers JSON or the events of follow.
func following(t *testing.T, follow func(to *api.Events) error) (get func(accept string) (*http.Response, string), revoked *atomic.Bool) {
	t.Helper()
	revoked = &atomic.Bool{}
	op := api.Follow("/v1/news", func(context.Context, auth.Subject, struct{}) ([]string, error) { return []string{"json"}, nil },
		func(_ context.Context, _ auth.Subject, _ struct{}, to *api.Events) error { return follow(to) }).
		Scopes(auth.CustomersRead).Named("news", "News")
	s := httptest.NewServer(api.New(api.Config{Operations: []*api.Operation{op}, Auth: fickle{revoked: revoked}, Logger: slog.New(slog.DiscardHandler)}))
	t.Cleanup(s.Close)
	return func(accept string) (*http.Response, string) {
		r, err := http.NewRequest(http.MethodGet, s.URL+"/v1/news", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer good")
		r.Header.Set("Accept", accept)
		r.Header.Set("Last-Event-ID", "41")
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Body.Close()
		text, err := io.ReadAll(w.Body)
		if err != nil {
			text = append(text, " CUT"...)
		}
		return w, string(text)
	}, revoked
}

func TestEvents(t *testing.T) {
	t.Parallel()
	get, _ := following(t, func(to *api.Events) error {
		return errors.Join(to.Open(), to.Send(api.Event{ID: to.LastID() + "+1", Data: []string{"a\nb"}}, api.Event{ID: "43", Data: 1}), to.Beat("44"))
	})
	for _, accept := range []string{"text/event-stream", "application/json;q=0.1, Text/Event-Stream; q=1"} {
		w, body := get(accept)
		want := "retry: 1000\n\nid: 41+1\ndata: [\"a\\nb\"]\n\nid: 43\ndata: 1\n\n: still here\nid: 44\n\n"
		if w.StatusCode != 200 || w.Header.Get("Content-Type") != "text/event-stream" || body != want {
			t.Errorf("%d %s\n%q\nwant %q", w.StatusCode, w.Header.Get("Content-Type"), body, want)
		}
	}
	for _, accept := range []string{"application/json", "*/*", ""} {
		if w, body := get(accept); body != `["json"]` || w.Header.Get("Content-Type") != "application/json" {
			t.Errorf("for %q: %s %s", accept, w.Header.Get("Content-Type"), body)
		}
	}
}

// TestEventsFail: before the first event an error is an ordinary answer, after
// it the connection is cut; doing nothing is a good and empty stream.
func TestEventsFail(t *testing.T) {
	t.Parallel()
	get, _ := following(t, func(*api.Events) error { return errBroken })
	if w, body := get("text/event-stream"); w.StatusCode != 500 || strings.Contains(body, "secret") {
		t.Errorf("%d %s", w.StatusCode, body)
	}
	get, _ = following(t, func(to *api.Events) error { return errors.Join(to.Open(), errBroken) })
	if w, body := get("text/event-stream"); w.StatusCode != 200 || !strings.HasSuffix(body, "CUT") {
		t.Errorf("%d %s", w.StatusCode, body)
	}
	get, _ = following(t, func(*api.Events) error { return nil })
	if w, body := get("text/event-stream"); w.StatusCode != 200 || body != "retry: 1000\n\n" {
		t.Errorf("%d %s", w.StatusCode, body)
	}
}

// TestEventsOfTheRevoked: a credential that is revoked meanwhile ends the
// stream with the next heartbeat, and before the next event.
func TestEventsOfTheRevoked(t *testing.T) {
	t.Parallel()
	for name, next := range map[string]func(*api.Events) error{
		"heartbeat": func(to *api.Events) error { return to.Beat("1") },
		"event":     func(to *api.Events) error { return to.Send(api.Event{ID: "1", Data: 1}) },
	} {
		var revoke func()
		get, revoked := following(t, func(to *api.Events) error {
			if err := to.Open(); err != nil {
				return err
			}
			revoke()
			err := next(to)
			if !errors.Is(err, auth.ErrInvalid) {
				t.Errorf("the %s answered %v", name, err)
			}
			return err
		})
		revoke = func() { revoked.Store(true) }
		if w, body := get("text/event-stream"); w.StatusCode != 200 || body != "retry: 1000\n\n" {
			t.Errorf("%s: %d %s", name, w.StatusCode, body)
		}
	}
}

// clocked is somebody whose organization has a test clock, which is read anew
// each time.
type clocked struct{ anyone }

func (c clocked) Authenticate(ctx context.Context, bearer string) (auth.Subject, error) {
	sub, err := c.anyone.Authenticate(ctx, bearer)
	now := time.Now()
	sub.Memberships = []auth.Membership{{OrganizationID: org, TestClock: &now}}
	return sub, err
}

// TestEventsOfTheClocked: a test clock changes nothing of who somebody is.
func TestEventsOfTheClocked(t *testing.T) {
	t.Parallel()
	op := api.Follow("/v1/news", func(context.Context, auth.Subject, struct{}) ([]string, error) { return nil, nil },
		func(_ context.Context, _ auth.Subject, _ struct{}, to *api.Events) error {
			return errors.Join(to.Open(), to.Send(api.Event{ID: "1", Data: 1}))
		}).Scopes(auth.CustomersRead).Named("news", "News")
	h := api.New(api.Config{Operations: []*api.Operation{op}, Auth: clocked{}, Logger: slog.New(slog.DiscardHandler)})
	r := httptest.NewRequest(http.MethodGet, "/v1/news", nil)
	r.Header.Set("Authorization", "Bearer good")
	r.Header.Set("Accept", "text/event-stream")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if want := "retry: 1000\n\nid: 1\ndata: 1\n\n"; w.Body.String() != want {
		t.Errorf("got %q, want %q", w.Body, want)
	}
}

// TestExportOfTheRevoked: who may no longer call gets no more of an export that
// goes on, and no more of it is read. The same goes where nobody can say whether
// they may; then that is what the log has.
func TestExportOfTheRevoked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		why  error
		want string
	}{
		"revoked":  {auth.ErrInvalid, `level=INFO msg="answer cut off"`},
		"database": {db.ErrUnavailable, `level=ERROR msg="answer cut off"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := cutOff(t, c.why)
			if !strings.Contains(log, c.want) || !strings.Contains(log, c.why.Error()) {
				t.Errorf("the log has %s", log)
			}
		})
	}
}

// cutOff has a caller's credential looked at in the middle of an export, and
// answers the log.
func cutOff(t *testing.T, why error) string {
	var revoked atomic.Bool
	var log strings.Builder
	read := 0
	rows := func(yield func([]string, error) bool) {
		for ; read < 100; read++ {
			if read == 50 {
				time.Sleep(1100 * time.Millisecond) // for longer than somebody is believed
				revoked.Store(true)
			}
			if !yield([]string{strings.Repeat("x", 8<<10)}, nil) {
				return
			}
		}
	}
	op := api.CSV("/v1/table", func(context.Context, auth.Subject, struct{}) (api.Table, error) {
		return api.Table{Name: "t", Header: []string{"A"}, Rows: rows}, nil
	}).Scopes(auth.CustomersRead).Named("table", "Table")
	s := httptest.NewServer(api.New(api.Config{Operations: []*api.Operation{op}, Auth: fickle{revoked: &revoked, why: why},
		Logger: slog.New(slog.NewTextHandler(&log, nil))}))
	defer s.Close()
	r, err := http.NewRequest(http.MethodGet, s.URL+"/v1/table", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer good")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	if err == nil || len(text) > 50*8<<10+1000 || read > 60 {
		t.Errorf("%d bytes arrived, %d rows were read: %v", len(text), read, err)
	}
	s.Close() // the handler has ended, and with it the log
	return log.String()
}

// TestEventsDocument: both forms are described.
func TestEventsDocument(t *testing.T) {
	t.Parallel()
	op := api.Follow("/v1/news", func(context.Context, auth.Subject, struct{}) ([]string, error) { return nil, nil },
		func(context.Context, auth.Subject, struct{}, *api.Events) error { return nil }).Scopes(auth.CustomersRead).Named("news", "News")
	answer := api.Describe(api.Info{}, []*api.Operation{op}).Paths["/v1/news"]["get"].Responses["200"]
	if len(answer.Content) != 2 || answer.Content["application/json"] == nil || answer.Content["text/event-stream"] == nil {
		t.Errorf("%+v", answer.Content)
	}
}

// TestEventsTooSlow: who does not take what it is sent is cut off, and holds
// nothing but the one batch.
func TestEventsTooSlow(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	op := api.Follow("/v1/news", func(context.Context, auth.Subject, struct{}) ([]string, error) { return nil, nil },
		func(_ context.Context, _ auth.Subject, _ struct{}, to *api.Events) (err error) {
			for err = to.Open(); err == nil; {
				err = to.Send(api.Event{ID: "1", Data: strings.Repeat("x", 1<<20)})
			}
			ended <- err
			return err
		}).Scopes(auth.CustomersRead).Named("news", "News")
	s := httptest.NewServer(api.New(api.Config{Operations: []*api.Operation{op}, Auth: anyone{}, Logger: slog.New(slog.DiscardHandler), PieceTime: 50 * time.Millisecond}))
	defer s.Close()
	r, err := http.NewRequest(http.MethodGet, s.URL+"/v1/news", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer good")
	r.Header.Set("Accept", "text/event-stream")
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on and on")
	}
}
