package webhook

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func TestIsPublic(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"8.8.8.8": true, "1.1.1.1": true, "2606:4700::1111": true, "2a00:1450:4001::1": true,
		"127.0.0.1": false, "127.1.2.3": false, "10.0.0.1": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
		"169.254.169.254": false, "100.100.100.200": false, "0.0.0.0": false, "224.0.0.1": false, "240.0.0.1": false, "255.255.255.255": false,
		"192.0.0.192": false, "198.18.0.1": false, "192.88.99.1": false, "192.0.2.1": false, "198.51.100.1": false, "203.0.113.1": false, "172.32.0.1": true, "100.128.0.1": true,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false,
		"::ffff:10.0.0.1": false, "::ffff:8.8.8.8": true, "64:ff9b::7f00:1": false, "64:ff9b:1::1": false, "2002:7f00:1::": false,
		"2001::1": false, "2001:db8::1": false, "3fff::1": false, "100::1": false, "fec0::1": false,
	} {
		if got := isPublic(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s is public: %v", text, got)
		}
	}
}

// TestGuard: the address counts that a connection is made to, whatever the
// name was when it was looked at.
func TestGuard(t *testing.T) {
	t.Parallel()
	reached := false
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true }))
	defer s.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
	for _, host := range []string{"127.0.0.1", "localhost", "[::ffff:127.0.0.1]"} {
		o := newSender("test", false).send(t.Context(), &parcel{url: "http://user:password@" + host + ":" + port + "/x", body: "{}"})
		if reached || o.code != nil || o.response == nil || !strings.Contains(*o.response, "not on the public internet") || strings.Contains(*o.response, "password") {
			t.Errorf("%s: %+v", host, o)
		}
	}
	if o := newSender("test", true).send(t.Context(), &parcel{url: s.URL, body: "{}"}); !reached || !o.ok() {
		t.Errorf("a private address that is allowed: %+v", o)
	}
}

// TestSlowReceivers: case 48. The head of an answer has its time, and so has
// the body, of which no more is read than is needed.
func TestSlowReceivers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("-short: takes ten seconds")
	}
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		switch r.URL.Path {
		case "/head":
			<-release
		case "/body":
			_, _ = io.WriteString(w, "begun")
			_ = http.NewResponseController(w).Flush()
			<-release
		case "/endless":
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		}
	}))
	defer s.Close()
	defer close(release)
	type answer struct {
		path string
		outcome
	}
	out := make(chan answer)
	sender := newSender("test", true)
	for _, path := range []string{"/head", "/body", "/endless"} {
		go func() {
			out <- answer{path, sender.send(context.WithoutCancel(t.Context()), &parcel{url: s.URL + path, body: "{}"})}
		}()
	}
	for range 3 {
		a := <-out
		switch {
		case a.took > 15*time.Second:
			t.Errorf("%s took %s", a.path, a.took)
		case a.path == "/head" && (a.ok() || a.response == nil || !strings.Contains(*a.response, "within 10 seconds")):
			t.Errorf("%s: %+v", a.path, a.outcome)
		case a.path == "/body" && (!a.ok() || *a.response != "begun"):
			t.Errorf("%s: %+v", a.path, a.outcome)
		case a.path == "/endless" && (!a.ok() || a.response != nil):
			t.Errorf("%s: %+v", a.path, a.outcome)
		}
	}
}
