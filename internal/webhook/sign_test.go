package webhook_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/webhook"
)

// TestVector: case 38, and the signature that generic libraries check.
func TestVector(t *testing.T) {
	t.Parallel()
	const (
		secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA2qTV0e"
		body   = `{"type":"customer.created","timestamp":"2023-11-14T22:13:20.000000Z","data":{"id":"7c9e6679-7425-40de-944b-e07fc1f90ae7"}}`
		id     = "0f8fad5b-d9cb-469f-a165-70867728950e"
		want   = "v1,bS+Iyn3D4k6R/egE/9ZA82DzJpuENk+Tk2kYo/o+/To= v1,eZxl+QuEvlXkgz+uBitf2SS0x0OcAeEdh9GJABDqPZk="
	)
	at := time.Unix(1700000000, 0)
	if got := webhook.Sign(id, at, []byte(body), secret); got != want {
		t.Errorf("signature %q, want %q", got, want)
	}
	if got := string(webhook.Envelope("customer.created", at, []byte(`{"id":"7c9e6679-7425-40de-944b-e07fc1f90ae7"}`))); got != body {
		t.Errorf("body %s", got)
	}
	if got := webhook.Sign(id, at, []byte(body), "a secret of the customer's own, long"); strings.Count(got, "v1,") != 1 {
		t.Errorf("a secret without the prefix gives %q", got)
	}
}

func verifies(g got, secret string) bool {
	at := regexp.MustCompile(`^\d+$`).FindString(g.header.Get("Webhook-Timestamp"))
	var seconds int64
	for _, c := range at {
		seconds = seconds*10 + int64(c-'0')
	}
	want := webhook.Sign(g.id(), time.Unix(seconds, 0), []byte(g.body), secret)
	return strings.Contains(g.header.Get("Webhook-Signature"), want)
}

// TestRotatedTwice: two secrets sign at most, the last ones.
func TestRotatedTwice(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		e := endpoint(t, f, s.URL, "customer.created")
		secrets := []string{e.Text("secret")}
		for range 2 {
			secrets = append(secrets, f.Do("PATCH", endpoints+"/"+e.ID()+"/secret?overlap=60", f.AllToken, nil).Text("secret"))
		}
		f.Customer(nil)
		f.Drain()
		all := s.take()
		if len(all) != 1 {
			t.Fatalf("%d attempts", len(all))
		}
		for i, secret := range secrets {
			if got := verifies(all[0], secret); got != (i > 0) {
				t.Errorf("secret %d signs: %v", i, got)
			}
		}
	})
}

// TestRequest: what an attempt looks like; cases 40 and 41, and both secrets
// signing side by side.
func TestRequest(t *testing.T) {
	engines(t, func(t *testing.T, f *floetest.Floe) {
		s := newSink(t)
		s.status(http.StatusInternalServerError)
		e := endpoint(t, f, s.URL, "customer.created")
		path, old := endpoints+"/"+e.ID(), e.Path("secret").(string)
		f.Customer(map[string]any{"name": "Zoë <&>", "external_id": "x"})
		f.Drain()
		later(f, 5*time.Second)
		new1 := f.Do("PATCH", path+"/secret", f.AllToken, nil).Path("secret").(string)
		later(f, 10*time.Second)
		new2 := f.Do("PATCH", path+"/secret?overlap=60", f.AllToken, nil).Path("secret").(string)
		later(f, 20*time.Second)
		later(f, 2*time.Minute)
		all := s.take()
		if len(all) != 5 {
			t.Fatalf("%d attempts", len(all))
		}
		for i, g := range all {
			if g.id() != all[0].id() || g.body != all[0].body {
				t.Error("another id or body")
			}
			for _, c := range []struct {
				secret string
				from   int
				to     int
			}{{old, 0, 1}, {new1, 2, 3}, {new2, 3, 4}} {
				if want := i >= c.from && i <= c.to; verifies(g, c.secret) != want {
					t.Errorf("attempt %d is signed with %s: %v", i, c.secret, !want)
				}
			}
		}
		if all[0].header.Get("Webhook-Timestamp") == all[1].header.Get("Webhook-Timestamp") {
			t.Error("the same timestamp")
		}
		g := all[0]
		if h := g.header; h.Get("Content-Type") != "application/json" || h.Get("User-Agent") != "floe-webhooks/dev" ||
			h.Get("Webhook-Sequence") != "2" || h.Get("Webhook-Previous-Sequence") != "0" {
			t.Errorf("headers %v", h)
		}
		shape := `^\{"type":"customer.created","timestamp":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z","data":\{"id":".*"name":"Zoë <&>".*"deleted_at":null.*\}\}$`
		if !regexp.MustCompile(shape).MatchString(g.body) {
			t.Errorf("body %s", g.body)
		}
	})
}
