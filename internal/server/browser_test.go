package server_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"floe/internal/floetest"
)

// The documentation works in a browser that can reach nothing but Floe: every
// link inside the page leads somewhere, and nothing is asked for elsewhere.
func TestDocsInABrowser(t *testing.T) {
	t.Parallel()
	chromium, err := exec.LookPath("chromium")
	if err != nil {
		if os.Getenv("FLOE_REQUIRE_ALL") == "1" {
			t.Fatal("chromium is not installed")
		}
		t.Skip("chromium is not installed: the documentation is not looked at in a browser")
	}
	f := floetest.New(t)
	command := exec.CommandContext(t.Context(), chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--user-data-dir="+t.TempDir(),
		"--enable-logging=stderr", "--dump-dom", f.URL()+"/docs")
	var log strings.Builder
	command.Stderr = &log
	dom, err := command.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, log.String())
	}
	page := string(dom)
	for _, want := range []string{"List Customers", "/v1/customers/external/{external_id}", "$FLOE_TOKEN", "customers:read"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(log.String(), "CONSOLE") {
		t.Errorf("the browser complains: %s", log.String())
	}
	anchors := strings.Split(page, `href="#`)[1:]
	if len(anchors) < 20 {
		t.Errorf("only %d links inside the page", len(anchors))
	}
	for _, a := range anchors {
		name, _, _ := strings.Cut(a, `"`)
		if !strings.Contains(page, `id="`+name+`"`) {
			t.Errorf("a link leads to #%s, which is not there", name)
		}
	}
	for _, outside := range []string{`src="http`, `url(http`, `<script`} {
		if strings.Contains(page, outside) {
			t.Errorf("the page has %q", outside)
		}
	}
}
