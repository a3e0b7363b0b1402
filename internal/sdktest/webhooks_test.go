package sdktest_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"floe/internal/floetest"
	"floe/internal/server"
	"floe/internal/webhook"
)

// delivered is a request that a receiver got, as a client of this test reads
// it.
type delivered struct {
	Body    string            `json:"body"`
	Headers map[string]string `json:"headers"`
	Secret  string            `json:"secret"`
	Wrong   string            `json:"wrong"`
}

// receiver keeps what it is sent.
type receiver struct {
	mu  sync.Mutex
	all []delivered
}

// ServeHTTP keeps a request.
func (r *receiver) ServeHTTP(_ http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	d := delivered{Body: string(body), Headers: map[string]string{}}
	for name := range q.Header {
		d.Headers[strings.ToLower(name)] = q.Header.Get(name)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, d)
}

// TestWebhooks has the SDKs check every event that can be made happen: its
// signature and, with the older one, its shape. It is case 39 of the checklist of
// webhooks.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	_, err := sdks()
	need(t, err)
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		now := time.Now()
		f.Clock.Set(now.AddDate(0, -3, 0))
		r := &receiver{}
		s := httptest.NewServer(r)
		t.Cleanup(s.Close)
		e := f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{"url": s.URL, "format": "raw", "events": webhook.Types()})
		secret, _ := e.Path("secret").(string)
		customer := f.Happen()
		f.Do("DELETE", "/v1/customers/"+customer+"?anonymize=true", f.AllToken, nil)
		f.Clock.Set(now) // the SDKs look at the clock
		f.Drain()
		for i := range r.all {
			r.all[i].Secret, r.all[i].Wrong = secret, "whsec_"+strings.Repeat("A", 43)
		}
		for _, typ := range webhook.Types() {
			if !slices.Contains(floetest.NeverTold, typ) && !slices.ContainsFunc(r.all, func(d delivered) bool { return strings.HasPrefix(d.Body, `{"type":"`+typ+`"`) }) {
				t.Errorf("nobody was told of %s", typ)
			}
		}
		for _, d := range r.all {
			standard(t, &d)
		}
		drive(t, []string{"webhooks.mjs"}, map[string]any{"requests": r.all})
	}, func(c *server.Config) { c.AllowPrivateWebhooks = true })
}

// standard has the Go library of Standard Webhooks check a request, given the
// secret as it decodes keys, and as it takes them raw.
func standard(t *testing.T, d *delivered) {
	t.Helper()
	padded, err := standardwebhooks.NewWebhook(d.Secret + "=") // Go insists on padding
	if err != nil {
		t.Fatal(err)
	}
	raw, err := standardwebhooks.NewWebhookRaw([]byte(d.Secret))
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := standardwebhooks.NewWebhookRaw([]byte(d.Wrong))
	if err != nil {
		t.Fatal(err)
	}
	headers := http.Header{}
	for name, value := range d.Headers {
		headers.Set(name, value)
	}
	if err := errors.Join(padded.Verify([]byte(d.Body), headers), raw.Verify([]byte(d.Body), headers)); err != nil {
		t.Errorf("%.80s: %v", d.Body, err)
	}
	if wrong.Verify([]byte(d.Body), headers) == nil {
		t.Errorf("%.80s: taken with another secret", d.Body)
	}
}
