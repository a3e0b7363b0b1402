package sdktest_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"floe/internal/floetest"
	"floe/internal/freeport"
	"floe/internal/server"
)

// TestReceiverOfTheDocs runs the receiver of docs/webhooks.md with both SDKs: it
// takes what the server sends, and refuses what another secret has signed.
func TestReceiverOfTheDocs(t *testing.T) {
	t.Parallel()
	dir, err := sdks()
	need(t, err)
	for _, c := range []struct{ name, sdk, importing string }{
		{"1.0.1", "polar-sdk-1", ""},
		{"0.49.0", "polar-sdk-0", documented(t, "(?s)With version 0.49.0 .*?`(import [^`]*)`")},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			program := documented(t, "(?s)```js\n(// receive.mjs\n.*?)```")
			if c.importing != "" {
				program = regexp.MustCompile(`(?s)import \{ webhooks \}.*?= webhooks;`).ReplaceAllLiteralString(program, c.importing)
			}
			program = regexp.MustCompile(`@polar-sh/sdk\b`).ReplaceAllString(program, c.sdk)
			at, f := workspace(t, dir), floetest.New(t, func(c *server.Config) { c.AllowPrivateWebhooks = true })
			file := filepath.Join(at, "receive.mjs")
			if err := os.WriteFile(file, []byte(program), 0o600); err != nil {
				t.Fatal(err)
			}
			f.Clock.Set(time.Now()) // the SDKs look at the clock
			for _, status := range []int{204, 403} {
				address, err := freeport.Address(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				e := f.Do("POST", "/v1/webhooks/endpoints", f.AllToken, map[string]any{"url": "http://" + address, "format": "raw", "events": []string{"customer.created"}})
				secret := e.Text("secret")
				if status == 403 {
					secret += "x"
				}
				receive(t, file, address, secret)
				f.Customer(nil)
				f.Drain()
				f.Run(floetest.Scenario{Do: "GET /v1/webhooks/deliveries?endpoint_id=" + e.ID(), As: f.AllToken, Status: 200,
					Want: map[string]any{"items": []any{map[string]any{"http_code": status, "succeeded": status == 204}}}})
				f.Do("DELETE", "/v1/webhooks/endpoints/"+e.ID(), f.AllToken, nil)
			}
		})
	}
}

// documented is what the first group of an expression finds in docs/webhooks.md.
func documented(t *testing.T, expression string) string {
	t.Helper()
	text, err := os.ReadFile("../../docs/webhooks.md")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(expression).FindSubmatch(text)
	if found == nil {
		t.Fatalf("docs/webhooks.md has nothing like %s", expression)
	}
	return string(found[1])
}

// receive runs a program that listens, and waits until it does.
func receive(t *testing.T, program, address, secret string) {
	t.Helper()
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	node := exec.CommandContext(ctx, "node", program)
	node.Env = append(os.Environ(), "PORT="+port, "SECRET="+secret)
	node.Stderr = os.Stderr
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = node.Wait()
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			_ = c.Close()
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the receiver does not listen: %v", err)
		}
	}
}
