package webhook_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"floe/internal/floetest"
)

func verify(r *http.Request, body []byte, secret string) bool {
	sent, err := strconv.ParseInt(r.Header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret)) // the whole text, with whsec_
	fmt.Fprintf(mac, "%s.%d.%s", r.Header.Get("webhook-id"), sent, body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	for _, got := range strings.Fields(r.Header.Get("webhook-signature")) {
		if hmac.Equal([]byte(got), []byte(want)) {
			return true
		}
	}
	return false
}

// TestVerifyOfTheDocs: what docs/webhooks.md tells to do by hand in Go, which is
// the function above, takes what was sent and nothing else.
func TestVerifyOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("verify_docs_test.go")
	if err != nil {
		t.Fatal(err)
	}
	_, code, found := strings.Cut(string(page), "By hand, in Go:\n\n```go\n")
	code, _, _ = strings.Cut(code, "```")
	if !found || !bytes.Contains(source, []byte("\n"+code+"\n")) {
		t.Errorf("docs/webhooks.md shows another function:\n%s", code)
	}
	engines(t, func(t *testing.T, f *floetest.Floe) {
		f.Clock.Set(time.Now()) // verify looks at the clock
		s := newSink(t)
		secret := endpoint(t, f, s.URL, "customer.created").Text("secret")
		f.Customer(map[string]any{"name": "Zoë"})
		f.Drain()
		sent := s.take()
		if len(sent) != 1 {
			t.Fatalf("%d events", len(sent))
		}
		r, body := &http.Request{Header: sent[0].header}, []byte(sent[0].body)
		if !verify(r, body, secret) {
			t.Error("what was sent is refused")
		}
		if verify(r, body, secret+"x") || verify(r, append(body, ' '), secret) {
			t.Error("another secret, or another body, is taken")
		}
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			without := r.Header.Clone()
			without.Del(name)
			if verify(&http.Request{Header: without}, body, secret) {
				t.Errorf("taken without %s", name)
			}
		}
	})
}
