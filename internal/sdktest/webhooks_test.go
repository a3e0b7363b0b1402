package sdktest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

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
// signature and, with the older one, its shape.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	_, err := sdks()
	need(t, err)
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		f.Clock.Set(time.Now()) // the SDKs look at the clock
		r := &receiver{}
		s := httptest.NewServer(r)
		t.Cleanup(s.Close)
		e := f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{"url": s.URL, "format": "raw", "events": webhook.Types()})
		secret, _ := e.Path("secret").(string)
		happen(f)
		f.Drain()
		for i := range r.all {
			r.all[i].Secret, r.all[i].Wrong = secret, "whsec_"+strings.Repeat("A", 43)
		}
		if len(r.all) < 10 {
			t.Errorf("only %d events", len(r.all))
		}
		drive(t, []string{"webhooks.mjs"}, map[string]any{"requests": r.all})
	}, func(c *server.Config) { c.AllowPrivateWebhooks = true })
}

// happen makes events of every type that there is a way to.
func happen(f *floetest.Floe) {
	c := f.Customer(map[string]any{"name": "Zoë", "external_id": "zoe", "metadata": map[string]any{"a": 1.5, "b": true}})
	team := f.Customer(map[string]any{"type": "team", "email": nil, "owner": map[string]any{"email": "owner@example.com"}})
	m := f.Do("POST", fmt.Sprintf("/v1/customers/%s/members", team.ID()), f.AllToken, map[string]any{"email": "member@example.com", "name": "M"})
	f.Do("PATCH", fmt.Sprintf("/v1/customers/%s/members/%s", team.ID(), m.ID()), f.AllToken, map[string]any{"name": "N"})
	f.Do("DELETE", fmt.Sprintf("/v1/customers/%s/members/%s", team.ID(), m.ID()), f.AllToken, nil)
	f.Do("PATCH", "/v1/customers/"+c.ID(), f.AllToken, map[string]any{"name": "Zoé"})
	f.Do("PATCH", "/v1/organizations/"+string(f.Org.ID), f.AllToken, map[string]any{"name": "Renamed"})
	f.Do("DELETE", "/v1/customers/"+c.ID()+"?anonymize=true", f.AllToken, nil)
}
