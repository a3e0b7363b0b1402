package floetest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"floe/internal/api"
	"floe/internal/conformance"
)

// Response is an answer, read to its end.
type Response struct {
	Status int
	Header http.Header
	Body   string
	// Cut is set when the server broke off in the middle of the answer.
	Cut bool

	t testing.TB
}

// Do sends a request: with a bearer token unless it is "", and with a body
// unless it is nil. A string is sent as it is, anything else as JSON.
func (f *Floe) Do(method, path, token string, body any) *Response {
	f.t.Helper()
	return f.Send(f.Request(method, path, token, body))
}

// Request makes a request for Send, for tests that change it first.
func (f *Floe) Request(method, path, token string, body any) *http.Request {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), method, path, f.reader(body))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	return r
}

func (f *Floe) reader(body any) io.Reader {
	f.t.Helper()
	switch b := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(b)
	case []byte:
		return bytes.NewReader(b)
	}
	text, err := json.Marshal(body)
	if err != nil {
		f.t.Fatal(err)
	}
	return bytes.NewReader(text)
}

// Send sends a request and checks the answer against the document. It may be
// called from several goroutines.
func (f *Floe) Send(r *http.Request) *Response {
	f.t.Helper()
	f.Clock.Advance(time.Millisecond)
	w := httptest.NewRecorder()
	out := &Response{t: f.t}
	method, path := r.Method, r.URL.EscapedPath()
	f.hide(r)
	func() {
		defer func() {
			if p := recover(); p == http.ErrAbortHandler { //nolint:errorlint // a panic's value
				out.Cut = true
			} else if p != nil {
				panic(p)
			}
		}()
		f.Handler.ServeHTTP(w, r)
	}()
	out.Status, out.Header, out.Body = w.Code, w.Result().Header, w.Body.String() //nolint:bodyclose // a recorder's
	f.secrets.learn(out.Body)
	if op := operation(f.Server.Operations(), method, path); op != nil && !out.Cut {
		if err := conformance.CheckResponse(f.Server.Document(), op, out.Status, w.Body.Bytes()); err != nil {
			f.t.Errorf("%s %s: %v\nbody: %s", method, path, err, out.Body)
		}
	}
	return out
}

// hide has the rule of secrets know what a request carries of them.
func (f *Floe) hide(r *http.Request) {
	if _, credentials, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok {
		f.secrets.add(strings.TrimSpace(credentials))
	}
	f.secrets.learn(r.URL.RawQuery)
	f.secrets.asked(r.URL.Path)
	if r.Body == nil || r.ContentLength <= 0 { // a stream is the test's own
		return
	}
	body, err := io.ReadAll(r.Body)
	if err == nil {
		f.secrets.learn(string(body))
	}
	r.Body = io.NopCloser(io.MultiReader(bytes.NewReader(body), failing{err}))
}

// failing ends a body as it has ended.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error) {
	if f.err != nil {
		return 0, f.err
	}
	return 0, io.EOF
}

// Operation is what a request with this method and escaped path is for; nil
// for what is no operation.
func (f *Floe) Operation(method, path string) *api.Operation {
	return operation(f.Server.Operations(), method, path)
}

// operation finds what a request is for, in the plainest way: of those that
// match, the one with a fixed segment where another has a parameter.
func operation(ops []*api.Operation, method, path string) *api.Operation {
	var best *api.Operation
	for _, o := range ops {
		if o.Method == method && matches(o.Path, path) && (best == nil || moreFixed(o.Path, best.Path)) {
			best = o
		}
	}
	return best
}

func segments(path string) []string {
	path = "/" + strings.TrimLeft(path, "/")
	if rest, ok := strings.CutPrefix(path, "/api/v1"); ok {
		path = "/v1" + rest
	}
	return strings.Split(strings.Trim(path, "/"), "/")
}

func matches(pattern, path string) bool {
	want, got := segments(pattern), segments(path)
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		value, err := url.PathUnescape(got[i])
		if err != nil || want[i] != value && !strings.HasPrefix(want[i], "{") {
			return false
		}
	}
	return true
}

func moreFixed(a, b string) bool {
	as, bs := segments(a), segments(b)
	for i := range as {
		if fixed := !strings.HasPrefix(as[i], "{"); fixed == strings.HasPrefix(bs[i], "{") {
			return fixed
		}
	}
	return false
}

// JSON is the decoded body; numbers stay as json.Number.
func (r *Response) JSON() any {
	r.t.Helper()
	v, err := decode([]byte(r.Body))
	if err != nil {
		r.t.Fatalf("the answer (%d) is not JSON: %v\n%s", r.Status, err, r.Body)
	}
	return v
}

// Path is the value at keys and indexes with dots between them, as in
// items.0.email; nil when there is none.
func (r *Response) Path(path string) any {
	r.t.Helper()
	v := r.JSON()
	for key := range strings.SplitSeq(path, ".") {
		switch x := v.(type) {
		case map[string]any:
			v = x[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i < 0 || i >= len(x) {
				return nil
			}
			v = x[i]
		default:
			return nil
		}
	}
	return v
}

// Text is Path for a string; the test ends when it is none.
func (r *Response) Text(path string) string {
	r.t.Helper()
	s, ok := r.Path(path).(string)
	if !ok {
		r.t.Fatalf("%s is %v, not a string, in %d %s", path, r.Path(path), r.Status, r.Body)
	}
	return s
}

// ID is the id of the resource in the body.
func (r *Response) ID() string {
	r.t.Helper()
	return r.Text("id")
}

func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	err := d.Decode(&v)
	return v, err
}
