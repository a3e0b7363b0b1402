package server_test

import (
	"bufio"
	"context"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/auth"
	"floe/internal/db"
	"floe/internal/db/dbtest"
	"floe/internal/floetest"
	"floe/internal/server"
)

// mayBeNil are fields that mean something when nothing is in them.
var mayBeNil = []string{
	"benefit.Service.Files", // there are no files yet
	"grant.Service.NewKey",  // the machine's randomness
	"order.Service.Tax",     // no taxes
}

// TestInterfacesAreFilled: what a package declares and another fills is filled.
func TestInterfacesAreFilled(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	for _, service := range []any{
		f.Server.Organizations, f.Server.Customers, f.Server.Benefits, f.Server.Products, f.Server.Discounts, f.Server.Grants,
		f.Server.Payments, f.Server.Charges, f.Server.Orders, f.Server.Refunds, f.Server.Documents, f.Server.PaymentEvents, f.Server.Subscriptions, f.Server.TestClocks, &f.Server.Webhooks.Config,
	} {
		v := reflect.ValueOf(service).Elem()
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() { // a service's own
				continue
			}
			kind := v.Field(i).Kind()
			name := v.Type().String() + "." + v.Type().Field(i).Name
			if (kind == reflect.Interface || kind == reflect.Func || kind == reflect.Pointer) && v.Field(i).IsNil() && !slices.Contains(mayBeNil, name) {
				t.Errorf("%s.%s is nil", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
}

// TestEveryPathInBothForms: with and without trailing slash, doubled leading
// slashes and the old prefix; none is unknown, none redirects, and none answers
// nobody: case 1 of the checklist of orders.
func TestEveryPathInBothForms(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	parameter := regexp.MustCompile(`\{\w+\}`)
	for _, o := range f.Server.Operations() {
		path := strings.TrimSuffix(parameter.ReplaceAllString(o.Path, "x%2Fy"), "/")
		for _, form := range []string{path, path + "/", "/" + path, "//" + path + "/", "/api" + path, "//api" + path + "/"} {
			r := f.Do(o.Method, form, "", nil)
			want := http.StatusUnauthorized
			if strings.HasPrefix(o.Path, "/v1/customer-portal/license-keys/") { // which need no token
				want = http.StatusUnprocessableEntity // there is no body
			}
			if r.Status != want {
				t.Errorf("%s %s: %d, want %d", o.Method, form, r.Status, want)
			}
			if old := strings.Contains(form, "/api"); old != (r.Header.Get("X-Polar-Deprecation-Notice") != "") {
				t.Errorf("%s: deprecation notice is %q", form, r.Header.Get("X-Polar-Deprecation-Notice"))
			}
		}
	}
	for _, path := range []string{"/v1", "/v1/", "/v2/customers", "/api/customers", "/apiv1/customers", "/v1/customers//", "/nothing"} {
		if r := f.Do("GET", path, f.AllToken, nil); r.Status != 404 || r.Body != `{"detail":"Not Found"}` {
			t.Errorf("GET %s: %d %s", path, r.Status, r.Body)
		}
	}
}

// TestOldPrefixKeepsEscapes: an id with a slash in it survives the rewriting.
func TestOldPrefixKeepsEscapes(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	f.Customer(map[string]any{"external_id": "a/b c"})
	f.Run(floetest.Scenario{Do: "GET /api/v1/customers/external/a%2Fb%20c/", As: f.AllToken, Status: 200, Want: `{"external_id": "a/b c"}`})
}

func TestPagesAndProbes(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	for _, c := range []struct {
		path, media, contains string
	}{
		{"/healthz", "text/plain; charset=utf-8", "ok"},
		{"/readyz", "text/plain; charset=utf-8", "ready"},
		{"/openapi.json", "application/json", `"openapi": "3.1.0"`},
		{"/docs", "text/html; charset=utf-8", "<title>"},
		{"/", "application/json", `"documentation":"/docs"`},
	} {
		for _, path := range []string{c.path, strings.TrimSuffix(c.path, "/") + "/", "/" + c.path} {
			r := f.Do("GET", path, "", nil)
			if r.Status != 200 || r.Header.Get("Content-Type") != c.media || !strings.Contains(r.Body, c.contains) {
				t.Errorf("GET %s: %d %s %.80s", path, r.Status, r.Header.Get("Content-Type"), r.Body)
			}
		}
		if r := f.Do("POST", c.path, "", nil); r.Status != 405 || r.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d, Allow %q", c.path, r.Status, r.Header.Get("Allow"))
		}
	}
}

func TestDocumentIsCached(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	tag := f.Do("GET", "/openapi.json", "", nil).Header.Get("ETag")
	again := f.Request("GET", "/openapi.json", "", nil)
	again.Header.Set("If-None-Match", `W/"other", `+tag)
	if r := f.Send(again); r.Status != http.StatusNotModified || r.Body != "" || r.Header.Get("ETag") != tag {
		t.Errorf("%d with %d bytes", r.Status, len(r.Body))
	}
}

// TestDocsPage: it has every operation of the document, and needs nothing but
// itself.
func TestDocsPage(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	r := f.Do("GET", "/docs", "", nil)
	for path, methods := range f.Server.Document().Paths {
		for _, item := range methods {
			for _, text := range []string{item.Summary, path} {
				if !strings.Contains(r.Body, text) {
					t.Errorf("%s: no %q", item.OperationID, text)
				}
			}
		}
	}
	if strings.Contains(r.Body, "/v1/customers/growth") {
		t.Error("a private operation is shown")
	}
	for _, outside := range []string{"<script", "<link", "<img", " src=", "@import", "url("} {
		if strings.Contains(r.Body, outside) {
			t.Errorf("the page has %s", outside)
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(r.Body, -1) {
		if ids[m[1]] {
			t.Errorf("two elements are called %s", m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(r.Body, -1) {
		if !ids[m[1]] {
			t.Errorf("a link leads to #%s, which is not there", m[1])
		}
	}
	if csp := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy: %s", csp)
	}
}

// TestDocsExamples: the bodies of the commands to paste are what the operations
// take, but for the ids in them.
func TestDocsExamples(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	user := f.User(auth.Owner, f.Org) // who may create organizations, too
	page := html.UnescapeString(f.Do("GET", "/docs", "", nil).Body)
	commands := regexp.MustCompile(`curl -X (\w+) "https?://[^/]+(/[^"]*)"[^']*-d '(.*?)'`).FindAllStringSubmatch(page, -1)
	if len(commands) == 0 {
		t.Fatal("no bodies")
	}
	for _, m := range commands {
		path := regexp.MustCompile(`\$\w+`).ReplaceAllString(m[2], "00000000-0000-4000-8000-000000000000")
		if r := f.Do(m[1], path, user, m[3]); r.Status >= 500 || r.Path("error") == "RequestValidationError" {
			t.Errorf("%s %s %s is answered with %d %s", m[1], m[2], m[3], r.Status, r.Body)
		}
	}
}

// TestMetricsOfTheDocs: the labels of metrics are those that the pages name.
func TestMetricsOfTheDocs(t *testing.T) {
	t.Parallel()
	f := floetest.New(t, func(c *server.Config) { c.MetricsToken = "letmein" })
	f.Do("GET", "/v1/customers/", f.AllToken, nil)
	text := f.Do("GET", "/metrics", "letmein", nil).Body
	compared := 0
	for _, page := range []string{"operations.md", "webhooks.md"} {
		docs, err := os.ReadFile("../../docs/" + page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile("`(floe_\\w+)(?:{(.*?)})?`").FindAllStringSubmatch(string(docs), -1) {
			sample := regexp.MustCompile(`(?m)^` + m[1] + `(?:_count)?(?:{(.*)})? `).FindStringSubmatch(text)
			if sample == nil {
				continue // nothing has happened that it counts
			}
			compared++
			var labels []string
			for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(sample[1], -1) {
				labels = append(labels, l[1])
			}
			named := strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' })
			slices.Sort(named)
			if !slices.Equal(named, labels) {
				t.Errorf("%s says that %s has the labels %q; it has %q", page, m[1], named, labels)
			}
		}
	}
	if compared < 10 {
		t.Errorf("only %d metrics were compared", compared)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	own, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := floetest.New(t, func(c *server.Config) { c.MetricsToken, c.MetricsListener = "letmein", own })
	f.Do("GET", "/v1/customers/", f.AllToken, nil)
	f.Do("GET", "/made/up", f.AllToken, nil)
	for _, wrong := range []string{"", "wrong", "letmei", "letmein ", "letmeinn", "Letmein", "letme1n"} {
		if r := f.Do("GET", "/metrics", wrong, nil); r.Status != 401 {
			t.Errorf("a wrong token, %q: %d", wrong, r.Status)
		}
	}
	lower := f.Request("GET", "/metrics", "", nil)
	lower.Header.Set("Authorization", "bearer letmein")
	if r := f.Send(lower); r.Status != 200 {
		t.Errorf("the scheme in small letters: %d", r.Status)
	}
	lower.Header.Set("Authorization", "Basic letmein")
	if r := f.Send(lower); r.Status != 401 {
		t.Errorf("another scheme: %d", r.Status)
	}
	f.URL() // makes the server run
	_, onOwn := get(t, "http://"+own.Addr().String()+"/metrics")
	for _, text := range []string{onOwn, f.Do("GET", "/metrics", "letmein", nil).Body} {
		for _, line := range []string{
			`floe_http_requests_total{class="2xx",operation="customers:list"} 1`,
			`floe_http_requests_total{class="4xx",operation="none"} 1`,
			`floe_http_request_duration_seconds_count{class="2xx",operation="customers:list"} 1`,
			`floe_http_requests_in_flight `, `floe_db_commits_total `, `go_goroutines `,
		} {
			if !strings.Contains(text, line) {
				t.Errorf("no %s", line)
			}
		}
	}
	without := floetest.New(t)
	if r := without.Do("GET", "/metrics", "", nil); r.Status != 404 {
		t.Errorf("without a token to guard it: %d", r.Status)
	}
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	r, err := http.Get(url) //nolint:noctx // a test
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text)
}

// TestReadiness: a database that is gone is a 503 that says so and not where
// it was; the process still lives.
func TestReadiness(t *testing.T) {
	t.Parallel()
	dbtest.Engines(t, func(t *testing.T, open dbtest.Opener) {
		d := open(func(c *db.Config) { c.ReadConns = 2 })
		s, err := server.New(t.Context(), server.Config{DB: d})
		if err != nil {
			t.Fatal(err)
		}
		ask := func(path string) (int, string) {
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
			return w.Code, w.Body.String()
		}
		if status, text := ask("/readyz"); status != 200 {
			t.Fatalf("%d %s", status, text)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		if status, text := ask("/readyz"); status != 503 || text != "not ready: the database can't be reached\n" {
			t.Errorf("%d %q", status, text)
		}
		if status, _ := ask("/healthz"); status != 200 {
			t.Errorf("not alive: %d", status)
		}
	})
}

// run starts a server on a port and returns how to stop it.
func run(t *testing.T, drain, delay time.Duration) (address, token string, stop func() error) {
	t.Helper()
	f := floetest.New(t, func(c *server.Config) { c.DrainTime, c.DrainDelay = drain, delay })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Server.Run(ctx, l) }()
	return l.Addr().String(), f.AllToken, func() error {
		cancel()
		select {
		case err := <-done:
			return err
		case <-time.After(20 * time.Second):
			return fmt.Errorf("it did not stop")
		}
	}
}

const half = `{"email":"jane@example.com","name":"`

// begin sends a request up to the middle of its body.
func begin(t *testing.T, address, token string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, err = fmt.Fprintf(c, "POST /v1/customers/ HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", token, len(half)+2, half)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond) // until the server reads the body
	return c
}

// TestStoppingFinishesWhatHasBegun: a request in flight is answered, a new one
// finds nobody.
func TestStoppingFinishesWhatHasBegun(t *testing.T) {
	t.Parallel()
	address, token, stop := run(t, 10*time.Second, 0)
	c := begin(t, address, token)
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for {
		late, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = late.Close()
		time.Sleep(5 * time.Millisecond)
	}
	if _, err := io.WriteString(c, `"}`); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	if r.StatusCode != 201 {
		t.Errorf("status %d", r.StatusCode)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// TestStoppingLetsOthersTakeOver: who asks whether the server is ready is told
// at once that it is not, and whoever has not heard of that is served until the
// delay is over, on a connection that ends with the answer.
func TestStoppingLetsOthersTakeOver(t *testing.T) {
	t.Parallel()
	const delay = time.Second
	address, token, stop := run(t, 10*time.Second, delay)
	ask := func(path string) (status int, closes bool) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		c := &http.Client{Transport: &http.Transport{}} // and a connection of its own
		defer c.CloseIdleConnections()
		w, err := c.Do(r)
		if err != nil {
			return 0, false
		}
		_ = w.Body.Close()
		return w.StatusCode, w.Close
	}
	if status, closes := ask("/readyz"); status != 200 || closes {
		t.Fatalf("before: %d, closes %v", status, closes)
	}
	begun := time.Now()
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	for status := 200; status == 200; status, _ = ask("/readyz") {
		if time.Since(begun) > delay/2 {
			t.Fatal("the server is ready though it is stopping")
		}
	}
	served := 0
	for ; time.Since(begun) < delay*3/4; time.Sleep(10 * time.Millisecond) {
		if status, closes := ask("/v1/customers/"); status != 200 || !closes {
			t.Errorf("after %v: %d, closes %v", time.Since(begun), status, closes)
		}
		if status, _ := ask("/readyz"); status != 503 {
			t.Errorf("after %v: ready with %d", time.Since(begun), status)
		}
		served++
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); served == 0 || took < delay || took > delay+5*time.Second {
		t.Errorf("%d were served, and it took %v", served, took)
	}
	if status, _ := ask("/readyz"); status != 0 {
		t.Errorf("afterwards: %d", status)
	}
}

// TestStoppingDoesNotWaitForEver: a request that does not end is cut off.
func TestStoppingDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	address, token, stop := run(t, 200*time.Millisecond, 0)
	c := begin(t, address, token)
	begun := time.Now()
	if err := stop(); err != nil {
		t.Error(err)
	}
	if took := time.Since(begun); took > 3*time.Second {
		t.Errorf("it took %v", took)
	}
	if _, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
		t.Error("half a request was answered")
	}
}

// TestSessionsArePurged: work that comes back every hour does, after the
// server has run once.
func TestSessionsArePurged(t *testing.T) {
	t.Parallel()
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		c := f.Customer(nil)
		f.Run(floetest.Scenario{Do: "POST /v1/customer-sessions/", As: f.AllToken, Body: map[string]any{"customer_id": c.ID()}, Status: 201})
		ctx, stop := context.WithCancel(t.Context())
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		done := make(chan error, 1)
		go func() { done <- f.Server.Run(ctx, l) }()
		scheduled := func() bool {
			n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM jobs WHERE kind IN ('customer_sessions.purge', 'payments.cycle')`)
			return err == nil && n == 2
		}
		for !scheduled() {
			time.Sleep(5 * time.Millisecond)
		}
		stop()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		for range 3 {
			f.Clock.Advance(61 * time.Minute)
			// This and the two cycles. PostgreSQL may hold the lock of a claim that
			// stopping has cut off for a moment longer, and a job that is locked is not waited for.
			n := f.Drain()
			for begin := time.Now(); n < 3 && time.Since(begin) < 5*time.Second; time.Sleep(10 * time.Millisecond) {
				n += f.Drain()
			}
			if n != 3 {
				t.Errorf("%d jobs were due", n)
			}
		}
		n, err := db.One[int64](t.Context(), f.DB, `SELECT COUNT(*) FROM customer_sessions`+floetest.AllOrganizations)
		if err != nil || n != 0 {
			t.Errorf("%d sessions are left, %v", n, err)
		}
	})
}

func TestHeadersAreBounded(t *testing.T) {
	t.Parallel()
	f := floetest.New(t)
	r, err := http.NewRequestWithContext(t.Context(), "GET", f.URL()+"/healthz", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Long", strings.Repeat("x", 80<<10))
	w, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = w.Body.Close()
	if w.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("status %d", w.StatusCode)
	}
}
