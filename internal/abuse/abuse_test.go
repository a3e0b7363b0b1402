package abuse_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/server"
)

// hasty gives clients little time, so that the tests need little.
func hasty(c *server.Config) {
	c.HeaderTime, c.BodyTime, c.PieceTime, c.AnswerTime = 500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond, 2*time.Second
	c.IdleTime = 2 * time.Second
}

// both runs a test on each engine, one after the other: they load the machine.
func both(t *testing.T, fn func(t *testing.T, f *floetest.Floe), options ...floetest.Option) {
	t.Run("sqlite", func(t *testing.T) { fn(t, floetest.New(t, options...)) })
	t.Run("postgres", func(t *testing.T) { fn(t, floetest.Postgres(t, options...)) })
}

// target is a server as an attacker sees it.
type target struct {
	*floetest.Floe
	address string
	open    *atomic.Int64 // connections
}

// narrow is a listener whose connections take little that nobody reads, as
// those over a long way do.
type narrow struct {
	net.Listener
	open *atomic.Int64
}

func (n narrow) Accept() (net.Conn, error) {
	c, err := n.Listener.Accept()
	if err != nil {
		return nil, err
	}
	_ = c.(*net.TCPConn).SetWriteBuffer(4 << 10)
	n.open.Add(1)
	return &counted{Conn: c, open: n.open}, nil
}

type counted struct {
	net.Conn
	open   *atomic.Int64
	closed sync.Once
}

func (c *counted) Close() error {
	c.closed.Do(func() { c.open.Add(-1) })
	return c.Conn.Close()
}

// serve runs the server until the test ends.
func serve(t *testing.T, f *floetest.Floe) target {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	open := &atomic.Int64{}
	go func() { done <- f.Server.Run(ctx, narrow{l, open}) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("run the server: %v", err)
		}
	})
	return target{f, l.Addr().String(), open}
}

func (s target) dial(t testing.TB) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// get is a request for a path, as it goes over the wire.
func (s target) get(path string, more ...string) string {
	return "GET " + path + " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + s.AllToken + "\r\n" + strings.Join(append(more, ""), "\r\n") + "\r\n"
}

// typical is how long a client that behaves waits for a list: the median of
// several.
func (s target) typical(t testing.TB) time.Duration {
	t.Helper()
	client := &http.Client{Timeout: 20 * time.Second}
	defer client.CloseIdleConnections()
	var took []time.Duration
	for range 21 {
		r, err := http.NewRequest(http.MethodGet, "http://"+s.address+"/v1/customers/?limit=5", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+s.AllToken)
		begun := time.Now()
		w, err := client.Do(r)
		if err != nil {
			t.Errorf("somebody who behaves: %v", err)
			return 0
		}
		_, _ = io.Copy(io.Discard, w.Body)
		_ = w.Body.Close()
		if w.StatusCode != http.StatusOK {
			t.Errorf("somebody who behaves: %d", w.StatusCode)
		}
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	return took[len(took)/2]
}

// unharmed compares what a client that behaves waits with what it waited in
// peace. The factor is generous: attackers and server share the processors.
func (s target) unharmed(t testing.TB, peace time.Duration) {
	t.Helper()
	during := s.typical(t)
	t.Logf("a list takes %v, and %v in peace", during.Round(time.Microsecond), peace.Round(time.Microsecond))
	if during > 50*peace+100*time.Millisecond {
		t.Errorf("a list takes %v, which is much more than %v in peace", during, peace)
	}
}

// drip sends a text and then bytes for ever, slowly, until it is cut off. It
// answers what came back.
func drip(c net.Conn, text string, b byte, limit time.Duration) (answer string, cut bool) {
	_, _ = io.WriteString(c, text)
	answered := make(chan string, 1)
	go func() {
		all, _ := io.ReadAll(c)
		answered <- string(all)
	}()
	ended := time.After(limit)
	for {
		select {
		case a := <-answered:
			return a, true
		case <-ended:
			return "", false
		case <-time.After(50 * time.Millisecond):
			_, _ = c.Write([]byte{b})
		}
	}
}

// TestSlowSenders: headers and bodies that never end are cut off, whether or
// not a body is wanted, and hold up nobody.
func TestSlowSenders(t *testing.T) {
	f := floetest.New(t, hasty)
	s := serve(t, f)
	peace := s.typical(t)
	auth := "Authorization: Bearer " + f.AllToken + "\r\n"
	body := "Content-Type: application/json\r\nContent-Length: 100000\r\n\r\n{\"name\":\""
	attacks := []struct {
		name, text string
		answer     string // what it begins with; "" for nothing
	}{
		{"headers", "GET /v1/customers/ HTTP/1.1\r\nHost: x\r\nX-Slow: ", ""},
		{"a request line", "GET /", ""},
		{"nothing but a connection", "", ""},
		{"a body", "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + body, "HTTP/1.1 408 "},
		{"a chunked body", "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n", "HTTP/1.1 408 "},
		{"a body without a token", "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + body, "HTTP/1.1 4"},
		{"a body with a bad token", "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nonsense\r\n" + body, "HTTP/1.1 401 "},
		{"a body that nobody wants", "GET /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + body, "HTTP/1.1 200 "},
		{"a body for a probe", "POST /healthz HTTP/1.1\r\nHost: x\r\n" + body, "HTTP/1.1 405 "},
	}
	var all sync.WaitGroup
	for _, a := range attacks {
		for range 25 {
			c := s.dial(t)
			all.Go(func() {
				answer, cut := drip(c, a.text, 'x', 30*time.Second)
				if !cut {
					t.Errorf("%s: the connection is still open", a.name)
				} else if !strings.HasPrefix(answer, a.answer) || a.answer == "" && answer != "" && !strings.HasPrefix(answer, "HTTP/1.1 408 ") && !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
					t.Errorf("%s: %.60q", a.name, answer)
				}
			})
		}
	}
	s.unharmed(t, peace)
	all.Wait()
}

// TestSlowBodiesForMetrics: the listener of metrics does not wait for ever, either.
func TestSlowBodiesForMetrics(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, floetest.New(t, hasty, func(c *server.Config) { c.MetricsListener = l }))
	s.address = l.Addr().String()
	for _, method := range []string{"GET", "POST"} {
		answer, cut := drip(s.dial(t), method+" /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n", 'x', 10*time.Second)
		if want := map[string]string{"GET": "HTTP/1.1 200 ", "POST": "HTTP/1.1 405 "}[method]; !cut || !strings.HasPrefix(answer, want) {
			t.Errorf("%s: the connection was ended: %v; %.60q", method, cut, answer)
		}
	}
}

// TestSlowReaders: who asks for much and does not read it is cut off in the
// middle, and holds neither a connection to the database nor anybody else up.
func TestSlowReaders(t *testing.T) {
	f := floetest.New(t, hasty) // where connections to the database are fewest
	fill(t, f)
	whole := f.Do(http.MethodGet, "/v1/orders/export", f.AllToken, nil)
	total := f.Do(http.MethodGet, "/v1/orders/?limit=1", f.AllToken, nil).Path("pagination.total_count")
	if n := strings.Count(whole.Body, "\r\n") - 1; fmt.Sprint(n) != fmt.Sprint(total) || n < 1000 {
		t.Errorf("an export of %d orders of %v", n, total) // it is read in pieces
	}
	s := serve(t, f)
	peace := s.typical(t)
	for _, path := range []string{"/v1/customers/export", "/v1/orders/export", "/v1/orders/?limit=100"} {
		for range 10 { // more than there are connections to the database
			c := s.dial(t)
			_ = c.(*net.TCPConn).SetReadBuffer(16 << 10)
			if _, err := io.WriteString(c, s.get(path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	time.Sleep(100 * time.Millisecond) // until they are stuck
	s.unharmed(t, peace)
	s.cutOff(t)
}

// TestIdleConnectionsAreClosed: who has been answered and says nothing more is
// let go.
func TestIdleConnectionsAreClosed(t *testing.T) {
	s := serve(t, floetest.New(t, hasty))
	c := s.dial(t)
	if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
	if text, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 200 ") {
		t.Errorf("%.60q, %v", text, err)
	}
}

// cutOff waits until the server has ended all connections.
func (s target) cutOff(t *testing.T) {
	t.Helper()
	for begun := time.Now(); s.open.Load() > 0; time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("%d connections are still open", s.open.Load())
		}
	}
}

// TestDeafListeners: who follows the feed and does not read is let go, while
// the others go on writing.
func TestDeafListeners(t *testing.T) {
	both(t, func(t *testing.T, f *floetest.Floe) {
		s := serve(t, f)
		peace := s.typical(t)
		for range 20 {
			c := s.dial(t)
			_ = c.(*net.TCPConn).SetReadBuffer(16 << 10)
			if _, err := io.WriteString(c, s.get("/v1/changes", "Accept: text/event-stream")); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 300 {
			f.Customer(map[string]any{"name": strings.Repeat("x", 200), "metadata": map[string]any{"n": fmt.Sprint(i), "long": strings.Repeat("y", 400)}})
		}
		s.unharmed(t, peace)
		s.cutOff(t)
	}, hasty)
}
