package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
)

type queryInput struct {
	Query *string  `query:"query"`
	Many  []string `query:"many" default:"[]"`
}

// A pair of a query that is dropped is a filter that does not filter, so no
// spelling is dropped, as in the reference.
func TestQueriesAreReadLeniently(t *testing.T) {
	t.Parallel()
	h := api.New(api.Config{Auth: anyone{}, Operations: []*api.Operation{
		api.Get("/v1/q", func(_ context.Context, _ auth.Subject, in queryInput) (string, error) {
			if in.Query == nil {
				return fmt.Sprintf("none %q", in.Many), nil
			}
			return *in.Query, nil
		}).Scopes(auth.CustomersRead).Named("q", "Q"),
	}, Logger: slog.New(slog.DiscardHandler)})
	for query, want := range map[string]string{
		"query=50%":                 "50%",
		"query=%zz%4":               "%zz%4",
		"query=a;b":                 "a;b",
		"query=a+b%20c%2B":          "a b c+",
		"query=a=b":                 "a=b",
		"query":                     "",
		"query=":                    "",
		"query=1&query=2":           "2",
		"query=%FF":                 "\\ufffd",
		"%71uery=x":                 "x",
		"&&other=1&many=a&many=%25": `none [\"a\" \"%\"]`,
	} {
		w := send(t, h, "GET", "/v1/q?"+query, nil, nil)
		if got := strings.ReplaceAll(strings.Trim(w.Body.String(), `"`), "\uFFFD", "\\ufffd"); w.Code != 200 || got != want {
			t.Errorf("%s: %d %s, want %s", query, w.Code, got, want)
		}
	}
}

// Clients send a whole body before they read the answer that refuses it. They
// must get that answer, and not a connection that breaks under their hands.
func TestRefusedBodiesAreReadToTheirEnd(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(api.New(api.Config{Operations: operations(), Auth: anyone{}, Logger: slog.New(slog.DiscardHandler)}))
	defer server.Close()
	for _, s := range []struct {
		name, path, token string
		size              int
		chunked           bool
		status            int
	}{
		{"too long", "/v1/things", "good", api.MaxBody + 1, false, 413},
		{"much too long", "/v1/things", "good", 3 * api.MaxBody, false, 413},
		{"too long, chunked", "/v1/things", "good", 2 * api.MaxBody, true, 413},
		{"a wrong token", "/v1/things", "bad", api.MaxBody, false, 401},
		{"no such path", "/v1/nothing", "good", api.MaxBody, true, 404},
	} {
		status, err := sendAll(t, server.Listener.Addr().String(), s.path, s.token, s.size, s.chunked)
		if err != nil || status != s.status {
			t.Errorf("%s: %d, %v, want %d", s.name, status, err, s.status)
		}
	}
}

// sendAll writes a whole request before it reads.
func sendAll(t *testing.T, address, path, token string, size int, chunked bool) (status int, err error) {
	t.Helper()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	length := fmt.Sprintf("Content-Length: %d\r\n\r\n", size)
	if chunked {
		length = fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n", size)
	}
	text := "POST " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\n" + length + strings.Repeat(" ", size)
	if chunked {
		text += "\r\n0\r\n\r\n"
	}
	if _, err := io.WriteString(c, text); err != nil {
		return 0, err
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	return r.StatusCode, r.Body.Close()
}

// endless is a long body of which the rest comes when somebody lets it.
type endless struct {
	begun int
	once  sync.Once
	asked *atomic.Int64 // how many bodies more was wanted of
	rest  <-chan struct{}
}

func (e *endless) Read(p []byte) (int, error) {
	if n := min(len(p), (1<<20)+1-e.begun); n > 0 {
		e.begun += n
		return n, nil
	}
	e.once.Do(func() { e.asked.Add(1) })
	<-e.rest
	return 0, io.EOF
}

// TestFewLongBodiesAreHeld: those who send long bodies all at once wait for each
// other before they fill the memory, and nobody else waits for them.
func TestFewLongBodiesAreHeld(t *testing.T) {
	t.Parallel()
	const held, all = 32, 50
	h := api.New(api.Config{Operations: operations(), Auth: anyone{}, Logger: slog.New(slog.DiscardHandler)})
	var asked atomic.Int64
	var sent sync.WaitGroup
	rest := make(chan struct{})
	for range all {
		sent.Go(func() { send(t, h, "POST", "/v1/things", nil, &endless{asked: &asked, rest: rest}) })
	}
	for begun := time.Now(); asked.Load() < held && time.Since(begun) < 10*time.Second; {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // for those who should not follow
	if n := asked.Load(); n != held {
		t.Errorf("%d long bodies are read at a time, want %d", n, held)
	}
	if w := send(t, h, "POST", "/v1/things", nil, strings.NewReader(`{"name":"short"}`)); w.Code != 201 {
		t.Errorf("a short body beside them: %d %s", w.Code, w.Body)
	}
	close(rest)
	sent.Wait()
	if n := asked.Load(); n != all {
		t.Errorf("%d of %d were read in the end", n, all)
	}
}

// TestFewLongBodiesAreWorkedOn: a long body's tree is many times larger than its
// text, so there are only four at a time.
func TestFewLongBodiesAreWorkedOn(t *testing.T) {
	t.Parallel()
	const most, all = 4, 10
	var working atomic.Int64
	rest := make(chan struct{})
	h := api.New(api.Config{Auth: anyone{}, Logger: slog.New(slog.DiscardHandler), Operations: []*api.Operation{
		api.Post("/v1/long", func(_ context.Context, _ auth.Subject, in bodyInput) (string, error) {
			working.Add(1)
			<-rest
			return in.Body.Name[:1], nil
		}).Scopes(auth.CustomersRead).Named("long", "Long"),
	}})
	body := `{"name":"` + strings.Repeat("x", 1<<20) + `"}`
	var sent sync.WaitGroup
	for range all {
		sent.Go(func() {
			if w := send(t, h, "POST", "/v1/long", nil, strings.NewReader(body)); w.Code != 201 {
				t.Errorf("%d %.100s", w.Code, w.Body)
			}
		})
	}
	for begun := time.Now(); working.Load() < most && time.Since(begun) < 10*time.Second; {
		time.Sleep(time.Millisecond)
	}
	time.Sleep(50 * time.Millisecond) // for those who should not follow
	if n := working.Load(); n != most {
		t.Errorf("%d long bodies are worked on at a time, want %d", n, most)
	}
	close(rest)
	sent.Wait()
}
