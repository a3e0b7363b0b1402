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
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

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

func changeOf(seq int64, typ string) change {
	return change{Seq: seq, Type: typ, Timestamp: time.Unix(1, 0), CustomerID: "c", CustomerSeq: seq, SubjectID: "s", Data: json.RawMessage(`{"id":"s"}`)}
}

func TestForward(t *testing.T) {
	t.Parallel()
	s := &sink{}
	server := httptest.NewServer(s)
	defer server.Close()
	var results []result
	f := newForwarder(server.URL, scriptSecret, func(r result) { results = append(results, r) })
	ctx := t.Context()
	f.deliver(ctx, changeOf(1, "customer.created"))
	f.deliver(ctx, changeOf(2, "member.followed_email")) // which no webhook tells of
	f.deliver(ctx, changeOf(3, "customer.updated"))
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
	want := `{"type":"customer.created","timestamp":"1970-01-01T00:00:01.000000Z","data":{"id":"s"}}`
	if got := s.got(); len(got) != 4 || got[0] != want || got[1] != got[2] || got[0] != got[3] || s.ids[1] != s.ids[2] || s.ids[0] == s.ids[1] {
		t.Errorf("received %q with ids %q", got, s.ids)
	}
	if h := s.heads[1]; h.Get("Webhook-Sequence") != "3" || h.Get("Webhook-Previous-Sequence") != "1" {
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

// TestFollower: broken connections are made again from where they broke, and
// a refusal ends it.
func TestFollower(t *testing.T) {
	t.Parallel()
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RawQuery+" "+r.Header.Get("Last-Event-ID"))
		switch len(asked) {
		case 1:
			_, _ = io.WriteString(w, "retry: 1000\n\nid: 7\ndata: {\"seq\":7,\"type\":\"a.b\"}\n\n: still here\nid: 9\n\n")
		default:
			http.Error(w, `{"error":"invalid_token","error_description":"It was revoked."}`, http.StatusUnauthorized)
		}
	}))
	defer server.Close()
	var lost bytes.Buffer
	f := &follower{server: &remote{server.URL, "t", server.Client()}, types: []string{"a.*"}, after: "now", opened: func() {},
		lost: func(err error) { lost.WriteString(err.Error()) }}
	changes := make(chan change, 1)
	err := f.run(context.Background(), changes)
	if err == nil || err.Error() != "the server answered 401: It was revoked. Check --token (FLOE_TOKEN); \"floe token create\" makes another." {
		t.Errorf("it ended with %v", err)
	}
	if c := <-changes; c.Seq != 7 || lost.String() != "the server ended the connection" {
		t.Errorf("%+v, then %s", c, lost.String())
	}
	if want := "[after=now&full=true&type=a.%2A  after=now&full=true&type=a.%2A 9]"; fmt.Sprint(asked) != want {
		t.Errorf("asked %v, want %s", asked, want)
	}
}
