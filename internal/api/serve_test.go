package api_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/id"
)

// anyone accepts one token, with one scope, of one organization.
type anyone struct{}

const org = id.ID("00000000-0000-4000-8000-000000000001")

func (anyone) Authenticate(_ context.Context, bearer string) (auth.Subject, error) {
	if bearer != "good" {
		return auth.Subject{}, auth.ErrInvalid
	}
	return auth.Subject{Kind: auth.Organization, ID: org, Scopes: []auth.Scope{auth.CustomersRead},
		Memberships: []auth.Membership{{OrganizationID: org}}}, nil
}

func (anyone) Known(bearer string) bool { return bearer == "good" }

type echoed struct {
	Path string `json:"path"`
	Rest string `json:"rest"`
}

type echoInput struct {
	ID   string  `path:"id"`
	Rest *string `path:"rest"`
}

func echo(name string) api.Func[echoInput, echoed] {
	return func(_ context.Context, _ auth.Subject, in echoInput) (echoed, error) {
		out := echoed{Path: name + "|" + in.ID}
		if in.Rest != nil {
			out.Rest = *in.Rest
		}
		return out, nil
	}
}

type bodyInput struct {
	Body struct {
		Name string `json:"name"`
	}
}

var errBroken = errors.New("the disk said: secret detail")

func operations() []*api.Operation {
	scope := auth.CustomersRead
	failing := func(after int) iter.Seq2[[]string, error] {
		return func(yield func([]string, error) bool) {
			for i := range after {
				if !yield([]string{fmt.Sprint(i)}, nil) {
					return
				}
			}
			yield(nil, errBroken)
		}
	}
	return []*api.Operation{
		api.Get("/v1/things/", func(context.Context, auth.Subject, struct{}) ([]string, error) { return []string{}, nil }).Scopes(scope).Named("things:list", "List"),
		api.Post("/v1/things/", func(_ context.Context, _ auth.Subject, in bodyInput) (string, error) { return in.Body.Name, nil }).Scopes(scope).Named("things:create", "Create"),
		api.Get("/v1/things/export", echo("export")).Scopes(scope).Named("things:export", "Export"),
		api.Get("/v1/things/{id}", echo("get")).Scopes(scope).Named("things:get", "Get"),
		api.Delete("/v1/things/{id}", func(context.Context, auth.Subject, echoInput) error { return nil }).Scopes(scope).Named("things:delete", "Delete"),
		api.Get("/v1/things/external/{id}", echo("external")).Scopes(scope).Named("things:external", "External"),
		api.Get("/v1/things/{id}/state", echo("state")).Scopes(scope).Named("things:state", "State"),
		api.Get("/v1/things/external/{id}/state", echo("external state")).Scopes(scope).Named("things:external_state", "State"),
		api.Get("/v1/things/external/{id}/parts/{rest}", echo("part")).Scopes(scope).Named("things:part", "Part"),
		api.Get("/v1/panic", func(context.Context, auth.Subject, struct{}) (string, error) { panic("secret detail") }).Scopes(scope).Named("panic", "Panic"),
		api.Get("/v1/write-only", echo("w")).Scopes(auth.CustomersWrite).Named("write-only", "W"),
		api.Get("/v1/open", func(context.Context, auth.Subject, struct{}) (string, error) { return "open", nil }).Public().Named("open", "Open"),
		api.CSV("/v1/broken", func(context.Context, auth.Subject, struct{}) (api.Table, error) {
			return api.Table{Name: "broken", Header: []string{"n"}, Rows: failing(0)}, nil
		}).Scopes(scope).Named("broken", "Broken"),
		api.CSV("/v1/half", func(context.Context, auth.Subject, struct{}) (api.Table, error) {
			return api.Table{Name: "half", Header: []string{"n"}, Rows: failing(100_000)}, nil
		}).Scopes(scope).Named("half", "Half"),
	}
}

func handler(log io.Writer) *api.Handler {
	return api.New(api.Config{Operations: operations(), Auth: anyone{}, Logger: slog.New(slog.NewTextHandler(log, nil)), BodyTime: 200 * time.Millisecond})
}

func send(t *testing.T, h http.Handler, method, path string, headers map[string]string, body io.Reader) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, body)
	r.Header.Set("Authorization", "Bearer good")
	r.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	h := handler(io.Discard)
	for path, want := range map[string]string{
		"/v1/things/export":                        `{"path":"export|","rest":""}`,
		"/v1/things/export/":                       `{"path":"export|","rest":""}`,
		"/v1/things/x":                             `{"path":"get|x","rest":""}`,
		"//v1/things/x/":                           `{"path":"get|x","rest":""}`,
		"/v1/things/external/state":                `{"path":"external|state","rest":""}`,
		"/v1/things/external":                      `{"path":"get|external","rest":""}`,
		"/v1/things/x/state":                       `{"path":"state|x","rest":""}`,
		"/v1/things/external/a%2Fb%20c":            `{"path":"external|a/b c","rest":""}`,
		"/v1/things/external/a%2Fb/state/":         `{"path":"external state|a/b","rest":""}`,
		"/v1/things/external/%25/parts/%C3%BC%3F":  `{"path":"part|%","rest":"ü?"}`,
		"/v1/things/external/%FF%C3":               "{\"path\":\"external|\ufffd\",\"rest\":\"\"}",
		"/v1/things/external/..%2F..%2F/parts/%2e": `{"path":"part|../../","rest":"."}`,
		"/v1/%74hings/e%78por%74/":                 `{"path":"export|","rest":""}`,
		"/v1/things/external/%2561%25%36%31":       `{"path":"external|%61%61","rest":""}`,
	} {
		if w := send(t, h, "GET", path, nil, nil); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%s: %d %s, want %s", path, w.Code, w.Body, want)
		}
	}
	for path, want := range map[string]int{"/v1/nothing": 404, "/v1/things/a/b/c": 404, "/": 404, "/v1/things/external/x/parts": 404, "/v2/things": 404} {
		if w := send(t, h, "GET", path, nil, nil); w.Code != want || w.Body.String() != `{"detail":"Not Found"}` {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
	w := send(t, h, "PUT", "/v1/things/x", nil, nil)
	if w.Code != 405 || w.Header().Get("Allow") != "DELETE, GET" || w.Body.String() != `{"detail":"Method Not Allowed"}` {
		t.Errorf("PUT: %d %s %s", w.Code, w.Header().Get("Allow"), w.Body)
	}
	if w := send(t, h, "DELETE", "/v1/things/x", nil, nil); w.Code != 204 || w.Body.Len() != 0 || w.Header().Get("Content-Type") != "" {
		t.Errorf("DELETE: %d %q %v", w.Code, w.Body, w.Header())
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	h := handler(io.Discard)
	big := strings.Repeat("x", api.MaxBody)
	chunked := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) } // of unknown length
	for _, s := range []struct {
		name    string
		headers map[string]string
		body    io.Reader
		status  int
		want    string
	}{
		{"plain", nil, strings.NewReader(`{"name":"n"}`), 201, `"n"`},
		{"chunked", nil, chunked(`{"name":"n"}`), 201, `"n"`},
		{"with a charset", map[string]string{"Content-Type": "application/json; charset=utf-8"}, strings.NewReader(`{"name":"n"}`), 201, `"n"`},
		{"a kind of JSON", map[string]string{"Content-Type": "application/merge-patch+json"}, strings.NewReader(`{"name":"n"}`), 201, `"n"`},
		{"a parameter that is none", map[string]string{"Content-Type": "Application/JSON ; charset"}, strings.NewReader(`{"name":"n"}`), 201, `"n"`},
		{"two types", map[string]string{"Content-Type": "application/json, text/plain"}, strings.NewReader(`{"name":"n"}`), 422, "model_attributes_type"},
		{"no JSON", map[string]string{"Content-Type": "text/plain"}, strings.NewReader(`{"name":"n"}`), 422, `"type":"model_attributes_type","loc":["body"]`},
		{"the raw text is shown", map[string]string{"Content-Type": "text/plain"}, strings.NewReader(`{"a"}`), 422, `"input":"{\"a\"}"`},
		{"empty", nil, nil, 422, `{"type":"missing","loc":["body"],"msg":"Field required","input":null}`},
		{"too long", nil, strings.NewReader(`"` + big + `"`), 413, `{"error":"RequestBodyTooLarge","detail":"Request body exceeded the maximum allowed size of 10485760 bytes."}`},
		{"too long, chunked", nil, chunked(`"` + big + `"`), 413, `RequestBodyTooLarge`},
		{"as long as may be", nil, strings.NewReader(`{"name":"` + big[:api.MaxBody-11] + `"}`), 201, `"x`},
		{"compressed", map[string]string{"Content-Encoding": "gzip"}, strings.NewReader("\x1f\x8b\x08"), 415, `{"error":"UnsupportedContentEncoding","detail":"Request bodies must not be compressed: send it without Content-Encoding \"gzip\"."}`},
		{"not compressed after all", map[string]string{"Content-Encoding": "utf-8"}, strings.NewReader(`{"name":"n"}`), 201, `"n"`},
		{"not UTF-8", nil, strings.NewReader("{\"name\":\"\xff\"}"), 422, `"type":"json_invalid"`},
	} {
		if w := send(t, h, "POST", "/v1/things", s.headers, s.body); w.Code != s.status || !strings.Contains(w.Body.String(), s.want) {
			t.Errorf("%s: %d %.200s, want %d %s", s.name, w.Code, w.Body, s.status, s.want)
		}
	}
}

// A body that does not arrive in time is a 408, not a connection that hangs.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(handler(io.Discard))
	defer s.Close()
	c, err := new(net.Dialer).DialContext(t.Context(), "tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /v1/things HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusRequestTimeout {
		t.Errorf("status %d", r.StatusCode)
	}
}

func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	h := handler(io.Discard)
	none, bad := map[string]string{"Authorization": ""}, map[string]string{"Authorization": "Bearer bad"}
	for _, s := range []struct {
		name, method, path string
		headers            map[string]string
		body               string
		status             int
	}{
		{"version before everything", "GET", "/v1/things", map[string]string{"Polar-Version": "1999-01", "Authorization": "Bearer bad"}, "", 404},
		{"a bad token before the route", "GET", "/v1/nothing", bad, "", 401},
		{"a bad token on an open operation", "GET", "/v1/open", bad, "", 401},
		{"no token on an open operation", "GET", "/v1/open", none, "", 200},
		{"a bad header before the route", "GET", "/v1/nothing", map[string]string{"Polar-Organization": "x"}, "", 400},
		{"the header without a token", "GET", "/v1/open", map[string]string{"Polar-Organization": "x", "Authorization": ""}, "", 200},
		{"syntax before the missing token", "POST", "/v1/things", none, "{", 422},
		{"the missing token before the schema", "POST", "/v1/things", none, "{}", 401},
		{"the scope before the schema", "GET", "/v1/write-only", nil, "", 403},
		{"another scheme counts as none", "GET", "/v1/things", map[string]string{"Authorization": "Basic Z29vZA=="}, "", 401},
		{"letter case of the scheme", "GET", "/v1/things", map[string]string{"Authorization": "bEARER good"}, "", 200},
		{"text that is not ASCII counts as none", "GET", "/v1/open", map[string]string{"Authorization": "Bearer gööd"}, "", 200},
	} {
		if w := send(t, h, s.method, s.path, s.headers, strings.NewReader(s.body)); w.Code != s.status {
			t.Errorf("%s: %d %s, want %d", s.name, w.Code, w.Body, s.status)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	h := handler(io.Discard)
	w := send(t, h, "GET", "/v1/things", map[string]string{"Origin": "https://app.example"}, nil)
	if w.Header().Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("headers %v", w.Header())
	}
	exposed := strings.Split(w.Header().Get("Access-Control-Expose-Headers"), ", ")
	for _, name := range []string{"ETag", "Floe-Consistency", "Polar-Version", "Retry-After", "X-Request-Id"} {
		if !slices.Contains(exposed, name) {
			t.Errorf("a page of another origin cannot read %s", name)
		}
	}
	if w := send(t, h, "GET", "/v1/things", nil, nil); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Error("headers without an origin")
	}
	ask := func(headers string) *httptest.ResponseRecorder {
		return send(t, h, "OPTIONS", "/v1/things", map[string]string{"Origin": "https://app.example", "Authorization": "",
			"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": headers}, nil)
	}
	if w := ask("authorization, Polar-Organization,if-none-match, last-event-id"); w.Code != 200 || w.Body.String() != "OK" || w.Header().Get("Access-Control-Max-Age") != "600" {
		t.Errorf("pre-flight: %d %s %v", w.Code, w.Body, w.Header())
	}
	if w := ask("x-other"); w.Code != 400 || w.Body.String() != "Disallowed CORS headers" {
		t.Errorf("pre-flight: %d %s", w.Code, w.Body)
	}
}

// What fails inside is a 500 with an id that is in the log, once, and no word
// of why. An answer that has begun is cut off instead.
func TestFailures(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/panic", "/v1/broken"} {
		var log strings.Builder
		w := send(t, handler(&log), "GET", path, nil, nil)
		request := w.Header().Get("X-Request-Id")
		if w.Code != 500 || w.Body.String() != `{"error":"InternalServerError","detail":"Internal Server Error","request_id":"`+request+`"}` {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if strings.Count(log.String(), "secret detail") != 1 || !strings.Contains(log.String(), request) {
			t.Errorf("%s: logged %s", path, log.String())
		}
	}
	s := httptest.NewServer(handler(io.Discard))
	defer s.Close()
	r, _ := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/v1/half", nil)
	r.Header.Set("Authorization", "Bearer good")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); err == nil {
		t.Error("half an export looks whole")
	}
}

// TestLog: a request is logged with its path, and with nothing of its query, its
// body or its credential, whatever comes of it.
func TestLog(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/v1/things/", "/v1/panic", "/v1/nothing", "/v1/write-only"} {
		for method, body := range map[string]string{"GET": "", "POST": `{"name": "hidden"}`} {
			var log strings.Builder
			send(t, handler(&log), method, path+"?name=hidden", nil, strings.NewReader(body))
			if !strings.Contains(log.String(), "path="+path+" ") || strings.Contains(log.String(), "hidden") || strings.Contains(log.String(), "Bearer") {
				t.Errorf("%s %s: logged %s", method, path, log.String())
			}
		}
	}
}

func TestCSVQuotesOnlyWhatItMust(t *testing.T) {
	t.Parallel()
	rows := func(yield func([]string, error) bool) {
		yield([]string{" lead", `a"b`, "c,d", "e\r\nf", "=1+1", ""}, nil)
	}
	h := api.New(api.Config{Auth: anyone{}, Logger: slog.New(slog.DiscardHandler), Operations: []*api.Operation{
		api.CSV("/v1/table", func(context.Context, auth.Subject, struct{}) (api.Table, error) {
			return api.Table{Name: "t", Header: []string{"A", "B"}, Rows: rows}, nil
		}).Public().Named("table", "Table"),
	}})
	w := send(t, h, "GET", "/v1/table", nil, nil)
	if want := "A,B\r\n lead,\"a\"\"b\",\"c,d\",\"e\r\nf\",=1+1,\r\n"; w.Body.String() != want {
		t.Errorf("got %q, want %q", w.Body, want)
	}
}

// The router agrees with the plainest one: of the patterns that match segment
// by segment, the one that is fixed where another has a parameter.
func FuzzRouter(f *testing.F) {
	for _, s := range []string{"things", "things/x", "things/external/x/state", "things/external/x/parts/y", "things/export/state", "open", "things//x", "things/external//state"} {
		f.Add(s)
	}
	h := handler(io.Discard)
	f.Fuzz(func(t *testing.T, rest string) {
		r, err := http.NewRequestWithContext(t.Context(), "GET", "http://x/v1/"+rest, nil)
		if err != nil || r.URL.RawQuery != "" || r.URL.Fragment != "" || r.URL.Host != "x" {
			return
		}
		r.Header.Set("Authorization", "Bearer good")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		want := naive(r.URL.EscapedPath())
		if got := w.Code != 404; got != (want != nil) {
			t.Errorf("%q: status %d, the plain router finds %v", r.URL.EscapedPath(), w.Code, want)
		}
	})
}

func naive(path string) *api.Operation {
	got := strings.Split(strings.TrimSuffix(strings.TrimPrefix(path, "/"), "/"), "/")
	for _, o := range operations() {
		want := strings.Split(strings.Trim(o.Path, "/"), "/")
		match := len(want) == len(got) && o.Method == "GET"
		for i := 0; match && i < len(want); i++ {
			plain, _ := url.PathUnescape(got[i])
			match = want[i] == plain || strings.HasPrefix(want[i], "{") && got[i] != ""
		}
		if match {
			return o
		}
	}
	return nil
}
