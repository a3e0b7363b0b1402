package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/floetest"
	"floe/internal/id"
	"floe/internal/server"
	"floe/internal/webhook"
)

// scriptSecret is what scripts tell floe listen to sign with.
const scriptSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// sink keeps what it is sent, when the signature is good.
type sink struct {
	mu     sync.Mutex
	bodies []string
	ids    []string
	heads  []http.Header
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	seconds, bad := strconv.ParseInt(r.Header.Get("Webhook-Timestamp"), 10, 64)
	id := r.Header.Get("Webhook-Id")
	if err != nil || bad != nil || r.Header.Get("Webhook-Signature") != webhook.Sign(id, time.Unix(seconds, 0), body, scriptSecret) {
		http.Error(w, "the signature does not fit", http.StatusForbidden)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bodies, s.ids, s.heads = append(s.bodies, string(body)), append(s.ids, id), append(s.heads, r.Header.Clone())
}

func (s *sink) got() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies...)
}

type sinkKey struct{}

// startSink gives a script a program to forward to, at $SINK.
func startSink(e *testscript.Env) {
	s := &sink{}
	server := httptest.NewServer(s)
	e.Defer(server.Close)
	e.Setenv("SINK", server.URL)
	e.Setenv("FLOE_LISTEN_SECRET", scriptSecret)
	e.Values[sinkKey{}] = s
}

// receivedCommand is "received N": it waits until the sink has been sent so
// many events and leaves them as stdout, one a line.
func receivedCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: received N")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	s := ts.Value(sinkKey{}).(*sink)
	for start := time.Now(); len(s.got()) < want && time.Since(start) < 30*time.Second; {
		time.Sleep(10 * time.Millisecond)
	}
	got := s.got()
	_, err = io.WriteString(ts.Stdout(), strings.Join(got, "\n")+"\n")
	ts.Check(err)
	if len(got) != want {
		ts.Fatalf("%d events were received, want %d", len(got), want)
	}
}

func heardOf(seq int64, typ string) heard {
	before := seq - 1
	return heard{ID: id.New(), Type: typ, CustomerSeq: &seq, PreviousSeq: &before, Body: `{"data":{"id":"s"}}`}
}

func TestForward(t *testing.T) {
	t.Parallel()
	s := &sink{}
	server := httptest.NewServer(s)
	defer server.Close()
	var results []result
	f := newForwarder(server.URL, scriptSecret, func(r result) { results = append(results, r) })
	ctx := t.Context()
	first := heardOf(1, "customer.created")
	f.deliver(ctx, first)
	f.deliver(ctx, heardOf(3, "customer.updated"))
	f.deliver(ctx, first) // which the server did not know to have arrived
	for _, key := range []string{"r", "1"} {
		if err := f.again(ctx, key); err != nil {
			t.Error(err)
		}
	}
	for _, key := range []string{"9", "0", "99999999999999999999"} {
		if err := f.again(ctx, key); err == nil {
			t.Errorf("%s was sent again", key)
		}
	}
	if got := s.got(); len(got) != 4 || got[0] != first.Body || got[1] != got[2] || got[0] != got[3] || s.ids[1] != s.ids[2] || s.ids[0] == s.ids[1] {
		t.Errorf("received %q with ids %q", got, s.ids)
	}
	if h := s.heads[1]; h.Get("Webhook-Sequence") != "3" || h.Get("Webhook-Previous-Sequence") != "2" {
		t.Errorf("headers %v", h)
	}
	server.Close()
	_ = f.again(ctx, "r")
	shown := ""
	for _, r := range results {
		shown += r.String() + "\n"
	}
	for _, part := range []string{"   1  customer.created           s  200 OK", "   2  customer.updated           s  (again)  200 OK", "(again)  failed: "} {
		if !strings.Contains(shown, part) {
			t.Errorf("no %q in\n%s", part, shown)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	keys := make(chan string)
	go func() {
		readKeys(t.Context(), strings.NewReader("r\n12\nx7r\n\n3\nq"), keys)
		close(keys)
	}()
	var got []string
	for key := range keys {
		got = append(got, key)
	}
	if fmt.Sprint(got) != "[r 12 r 3 q]" {
		t.Errorf("keys %v", got)
	}
	file, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	immediate(file)()
}

// TestFollower: broken connections are made again for the same session, and a
// refusal ends it.
func TestFollower(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery)
		switch len(asked) {
		case 1:
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "retry: 1000\n\nid: 7\ndata: {\"id\":\"7\",\"type\":\"a.b\"}\n\n: still here\nid: 9\n\n")
		default:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, `{"error":"invalid_token","error_description":"It was revoked."}`)
		}
	}))
	defer server.Close()
	var lost bytes.Buffer
	f := &follower{server: &remote{base: server.URL, token: "t", client: server.Client()}, session: "s", types: []string{"a.b"}, opened: func() {},
		lost: func(err error) { lost.WriteString(err.Error()) }}
	events := make(chan heard, 1)
	err := f.run(context.Background(), events)
	if err == nil || err.Error() != "the server answered 401: It was revoked. Check --token (FLOE_TOKEN); \"floe token create\" makes another." {
		t.Errorf("it ended with %v", err)
	}
	if e := <-events; e.ID != "7" || lost.String() != "the server ended the connection" {
		t.Errorf("%+v, then %s", e, lost.String())
	}
	if want := "[session=s&type=a.b session=s&type=a.b]"; fmt.Sprint(asked) != want {
		t.Errorf("asked %v, want %s", asked, want)
	}
}

// TestForeign: a page of another program, such as the one on the port beside, is
// not listened to, and not shown.
func TestForeign(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusOK, http.StatusNotFound} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, "<html>")
		}))
		defer server.Close()
		at := remoteOptions{URL: server.URL, Token: "t"}
		out := &streams{out: t.Output(), err: t.Output()}
		want := fmt.Sprintf("the server answered %d, and not as Floe does; check --url (FLOE_URL)", status)
		if err := (&listenCommand{remoteOptions: at}).Run(t.Context(), out); err == nil || err.Error() != want {
			t.Errorf("floe listen ended with %v", err)
		}
		if err := (&triggerCommand{remoteOptions: at, Event: "customer.created"}).Run(t.Context(), out); err == nil || err.Error() != want {
			t.Errorf("floe trigger ended with %v", err)
		}
	}
}

// TestListenIsAnEndpoint: of everything that happens, a program on this machine
// gets what an endpoint gets, byte for byte, with the same numbers.
func TestListenIsAnEndpoint(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		far, near := &sink{}, &sink{}
		farURL, nearURL, floe := httptest.NewServer(far), httptest.NewServer(near), httptest.NewServer(f.Handler)
		defer farURL.Close()
		defer nearURL.Close()
		defer floe.Close()
		made := f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{"url": farURL.URL, "format": "raw", "events": webhook.Types(), "secret": scriptSecret})
		if made.Status != http.StatusCreated {
			t.Fatalf("%d %s", made.Status, made.Body)
		}
		ctx, cancel := context.WithCancel(t.Context())
		events, opened, ended := make(chan heard), make(chan bool, 1), make(chan error, 1)
		stream := &follower{server: &remote{base: floe.URL, token: f.Token(auth.WebhooksRead), client: http.DefaultClient}, session: id.New(),
			opened: func() { opened <- true }, lost: func(err error) { t.Error(err) }}
		go func() { ended <- stream.run(ctx, events) }()
		defer func() { cancel(); <-ended }()
		<-opened
		to := newForwarder(nearURL.URL, scriptSecret, func(r result) {
			if r.Status != http.StatusOK {
				t.Error(r)
			}
		})
		// The endpoint gets nothing before all was heard: time flies here, and the
		// jobs that are due then would end the session.
		hear := func() {
			t.Helper()
			all, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM webhook_events WHERE organization_id = ? AND endpoint_id = ?`, f.Org.ID, made.ID())
			if err != nil {
				t.Fatal(err)
			}
			late := time.After(30 * time.Second)
			for len(near.got()) < all {
				select {
				case e := <-events:
					to.deliver(ctx, e)
				case <-late:
					t.Fatalf("%d of %d events came", len(near.got()), all)
				}
			}
		}
		customer := f.Happen()
		hear()
		f.Do("DELETE", "/v1/customers/"+customer+"?anonymize=true", f.AllToken, nil)
		hear()
		f.Drain()
		got, types := near.byBody(), map[string]bool{}
		for body, want := range far.byBody() {
			types[kindIn(body)] = true
			if got[body] == nil {
				t.Errorf("only the endpoint got %.200s", body)
				continue
			}
			for _, name := range []string{"Content-Type", "Webhook-Sequence", "Webhook-Previous-Sequence"} {
				if got[body].Get(name) != want.Get(name) {
					t.Errorf("%s is %q, and %q for the endpoint: %.200s", name, got[body].Get(name), want.Get(name), body)
				}
			}
		}
		if len(got) != len(far.byBody()) {
			t.Errorf("%d events, and %d for the endpoint", len(got), len(far.byBody()))
		}
		for _, typ := range webhook.Types() {
			if !types[typ] && !slices.Contains(floetest.NeverTold, typ) {
				t.Errorf("nobody was told of %s", typ)
			}
		}
		f.Sound("webhooks.")
		for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
			left, err := db.One[int](ctx, f.DB, `SELECT COUNT(*) FROM webhook_events WHERE organization_id = ? AND endpoint_id <> ?`, f.Org.ID, made.ID())
			if err == nil && left == 0 {
				break
			}
			if time.Since(start) > 10*time.Second {
				t.Fatalf("%d events were sent and are still there (%v)", left, err)
			}
		}
	}, func(c *server.Config) { c.AllowPrivateWebhooks = true })
}

// byBody are the headers of what came, by the body.
func (s *sink) byBody() map[string]http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]http.Header{}
	for i, b := range s.bodies {
		out[b] = s.heads[i]
	}
	return out
}

// kindIn is the type in a body.
func kindIn(body string) string {
	var e struct{ Type string }
	_ = json.Unmarshal([]byte(body), &e)
	return e.Type
}
