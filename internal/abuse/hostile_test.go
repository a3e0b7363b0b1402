package abuse_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/token"
)

// TestMalformedRequests: what is no HTTP is refused and the connection ended,
// and nothing behind it is taken for another request.
func TestMalformedRequests(t *testing.T) {
	f := floetest.New(t, hasty)
	s := serve(t, f)
	smuggled := "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
	auth := "Authorization: Bearer " + f.AllToken + "\r\nContent-Type: application/json\r\n"
	for name, text := range map[string]string{
		"a TLS hello":                "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 100),
		"HTTP/2":                     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"an unknown version":         "GET / HTTP/9.9\r\nHost: x\r\n\r\n" + smuggled,
		"no version":                 "GET /\r\n\r\n" + smuggled,
		"no host":                    "GET / HTTP/1.1\r\n\r\n",
		"two hosts":                  "GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"a NUL in a header":          "GET / HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
		"a space before a colon":     "GET / HTTP/1.1\r\nHost: x\r\nContent-Length : 5\r\n\r\n" + smuggled,
		"two lengths":                "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}" + smuggled,
		"a negative length":          "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: -1\r\n\r\n" + smuggled,
		"a length that is no number": "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 0x10\r\n\r\n" + smuggled,
		"a huge length":              "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + "Content-Length: 99999999999999999999\r\n\r\n{}",
		"an unknown coding":          "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled,
		"a chunk of a bad length":    "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"a chunk beyond counting":    "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\n" + auth + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{}",
		"a long header":              "GET / HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n",
		"very many headers":          "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: a\r\n", 50_000) + "\r\n",
		"a long path":                "GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"a method of its own":        "\x01\x02 / HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		c := s.dial(t)
		go func() { _, _ = io.WriteString(c, text) }()
		_ = c.SetReadDeadline(time.Now().Add(20 * time.Second))
		all, err := io.ReadAll(c)
		if err != nil && strings.Contains(err.Error(), "timeout") {
			t.Errorf("%s: the connection is still open", name)
		}
		if n := bytes.Count(all, []byte("HTTP/1.1 ")); n > 1 || n == 1 && !bytes.HasPrefix(all, []byte("HTTP/1.1 4")) && !bytes.HasPrefix(all, []byte("HTTP/1.1 5")) {
			t.Errorf("%s: %.200q", name, all)
		}
		if bytes.HasPrefix(all, []byte("HTTP/1.1 500")) {
			t.Errorf("%s: %.200q", name, all)
		}
	}
	s.typical(t)
}

// TestPipelining: requests that do not wait for answers get them all, in order.
func TestPipelining(t *testing.T) {
	s := serve(t, floetest.New(t))
	const n = 500
	c := s.dial(t)
	go func() {
		for i := range n {
			_, _ = io.WriteString(c, s.get(fmt.Sprintf("/v1/customers/external/n%d", i)))
		}
	}()
	r := bufio.NewReader(c)
	_ = c.SetReadDeadline(time.Now().Add(30 * time.Second))
	for i := range n {
		w, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("answer %d: %v", i, err)
		}
		_, _ = io.Copy(io.Discard, w.Body)
		_ = w.Body.Close()
		if w.StatusCode != http.StatusNotFound {
			t.Errorf("answer %d: %d", i, w.StatusCode)
		}
	}
}

// TestHugeBodies: values that are deep, many or long are refused as what they
// are. What is compressed is not unpacked.
func TestHugeBodies(t *testing.T) {
	f := floetest.New(t)
	s := serve(t, f)
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(bytes.Repeat([]byte(" "), 64<<20))
	_ = z.Close()
	long := strings.Repeat("x", 9<<20)
	for name, body := range map[string]string{
		"deep arrays":        strings.Repeat("[", 1_000_000),
		"deep objects":       strings.Repeat(`{"a":`, 1_000_000),
		"deep and closed":    `{"metadata":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}",
		"many values":        `{"email":"a@example.com","metadata":[` + strings.Repeat("1,", 2_000_000) + "1]}",
		"many keys":          "{" + strings.Repeat(`"a":1,`, 1_000_000) + `"a":1}`,
		"a long e-mail":      `{"email":"` + long + `@example.com"}`,
		"a long name":        `{"email":"a@example.com","name":"` + long + `"}`,
		"a long number":      `{"email":"a@example.com","metadata":{"n":` + strings.Repeat("9", 1_000_000) + "}}",
		"a long fraction":    `{"email":"a@example.com","metadata":{"n":1e` + strings.Repeat("9", 1_000_000) + "}}",
		"too long":           `{"email":"` + long + long + `"}`,
		"escapes":            `{"email":"` + strings.Repeat(`\u0000`, 1_000_000) + `"}`,
		"half of characters": `{"email":"` + strings.Repeat(`\ud800`, 1_000_000) + `"}`,
		"a bomb":             bomb.String(),
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.address+"/v1/customers/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+f.AllToken)
		r.Header.Set("Content-Type", "application/json")
		if name == "a bomb" {
			r.Header.Set("Content-Encoding", "gzip")
		}
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, _ := io.ReadAll(w.Body)
		_ = w.Body.Close()
		if w.StatusCode != 422 && w.StatusCode != 413 && w.StatusCode != 415 || w.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %.200s", name, w.StatusCode, text)
		}
	}
	s.typical(t)
}

// TestBoundsOfBodies: JSON may be 200 deep and have a million values, and of what
// is wrong with it the first thousand problems are told.
func TestBoundsOfBodies(t *testing.T) {
	f := floetest.New(t)
	said := func(path, body string) string { return f.Do(http.MethodPost, path, f.AllToken, body).Body }
	for deep, refused := range map[int]bool{200: false, 202: true} {
		body := said("/v1/customers/", strings.Repeat("[", deep)+strings.Repeat("]", deep))
		if strings.Contains(body, "Nested too deeply") != refused {
			t.Errorf("%d deep: %.200s", deep, body)
		}
	}
	for values, refused := range map[int]bool{1 << 20: false, 1<<20 + 1: true} {
		body := said("/v1/customers/", "["+strings.Repeat("1,", values-2)+"1]") // the list is one
		if strings.Contains(body, "Too many values") != refused {
			t.Errorf("%d values: %.200s", values, body)
		}
	}
	body := said("/v1/products/", `{"name":"Much","recurring_interval":null,"prices":[`+strings.Repeat("1,", 1499)+"1]}")
	if n := strings.Count(body, `"loc"`); n != 1000 {
		t.Errorf("%d problems: %.200s", n, body)
	}
}

// TestLongBodiesOfStrangers: who has no token is told so before all of a long
// body has come, so that nobody can have the server hold very many.
func TestLongBodiesOfStrangers(t *testing.T) {
	s := serve(t, floetest.New(t))
	c := s.dial(t)
	begin := "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000000\r\n\r\n"
	if _, err := io.WriteString(c, begin+strings.Repeat(" ", 128<<10)); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second)) // a body has thirty
	w, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Body.Close()
	if w.StatusCode != http.StatusUnauthorized {
		t.Errorf("%d", w.StatusCode)
	}
}

// TestHugeQueries: every operation that reads answers any query with what it
// was asked for or with what is wrong with it.
func TestHugeQueries(t *testing.T) {
	both(t, func(t *testing.T, f *floetest.Floe) {
		customer := f.Customer(nil)
		var keys, values strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&keys, "metadata[k%d]=1&", i)
			fmt.Fprintf(&values, "metadata[k]=%d&", i)
		}
		random, letters := rand.New(rand.NewPCG(1, 1)), make([]byte, 50_000) //nolint:gosec // the same each time
		for i := range letters {
			letters[i] = byte('a' + random.IntN(26))
		}
		queries := []string{"query=" + string(letters),
			"page=9223372036854775807&limit=100", "page=99999999999999999999999", "page=-1", "page=0", "limit=0", "limit=-5", "limit=9223372036854775807",
			"limit=1e400", "page=NaN", "page=1000000000&limit=1", strings.Repeat("limit=1&", 3000), strings.Repeat("sorting=-created_at&", 2500),
			strings.Repeat("organization_id="+string(f.Org.ID)+"&", 1000), strings.Repeat("a=b&", 10_000), strings.Repeat("&", 60_000), strings.Repeat("=", 60_000),
			keys.String(), values.String(), strings.Repeat("metadata[k]=1&", 3000), strings.Repeat("metadata[", 6000), "query=" + strings.Repeat("%", 50_000), "query=" + strings.Repeat("%25_", 10_000),
			"query=" + strings.Repeat("a+", 20_000), strings.Repeat("customer_id="+customer.ID()+"&", 1000), "id=" + strings.Repeat("0", 50_000),
			"created_after=99999999999999999999", "wait=99999999999", "after=9223372036854775807", "after=-1", "start_date=0000-00-00&end_date=9999-99-99&interval=day",
		}
		for _, o := range f.Server.Operations() {
			if o.Method != http.MethodGet {
				continue
			}
			path := strings.NewReplacer("{id}", customer.ID(), "{external_id}", "x", "{member_id}", customer.ID(), "{customer_id}", customer.ID()).Replace(o.Path)
			for _, q := range queries {
				if r := f.Do(http.MethodGet, path+"?"+q, f.AllToken, nil); r.Status >= 500 {
					t.Errorf("GET %s?%.60s: %d %s", path, q, r.Status, r.Body)
				}
			}
		}
	})
}

// TestFloodOfBadTokens: tokens that look right and are not are looked up, and
// those who have good ones do not wait for it, nor are their tokens forgotten.
func TestFloodOfBadTokens(t *testing.T) {
	both(t, func(t *testing.T, f *floetest.Floe) {
		s := serve(t, f)
		peace := s.typical(t)
		done := make(chan struct{})
		var flood sync.WaitGroup
		for range 32 {
			c := s.dial(t)
			flood.Go(func() {
				r := bufio.NewReader(c)
				for {
					select {
					case <-done:
						return
					default:
					}
					_, _ = fmt.Fprintf(c, "GET /v1/customers/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", token.Mint(token.Organization))
					w, err := http.ReadResponse(r, nil)
					if err != nil {
						t.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, w.Body)
					_ = w.Body.Close()
					if w.StatusCode != http.StatusUnauthorized {
						t.Errorf("a bad token: %d", w.StatusCode)
					}
				}
			})
		}
		s.unharmed(t, peace)
		close(done)
		flood.Wait()
		if !f.Server.Tokens.Known(f.AllToken) {
			t.Error("the good token was driven out")
		}
	})
}
