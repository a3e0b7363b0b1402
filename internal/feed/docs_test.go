package feed_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"floe/internal/floetest"
)

// odd is a customer whose metadata is hard to copy.
var odd = `{"email": "odd@example.com", "metadata": {"beyond": 1` + zeros + `, "below": -1` + zeros + `, "zero": -0.0, "large": 12345678901234567890123,
	"f": 1e16, "small": 5e-324, "a\"b": "</\u2028>", "😂": 1, "\ufb33": 2}}`

var zeros = strings.Repeat("0", 309)

// TestMirrorOfTheDocs runs the program in docs/changes.md while others write.
func TestMirrorOfTheDocs(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("node"); err != nil {
		if os.Getenv("FLOE_REQUIRE_ALL") == "1" {
			t.Fatal(err)
		}
		t.Skip("node is missing: install Node.js 20 or newer to run the example of docs/changes.md")
	}
	text, err := os.ReadFile("../../docs/changes.md")
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile("(?s)```js\n(.*?)```").FindSubmatch(text)
	if code == nil {
		t.Fatal("there is no program in docs/changes.md")
	}
	file := filepath.Join(t.TempDir(), "mirror.mjs")
	if err := os.WriteFile(file, code[1], 0o600); err != nil {
		t.Fatal(err)
	}
	floetest.Engines(t, func(t *testing.T, f *floetest.Floe) {
		url := f.URL()
		write(f, 20, 1)
		if r := f.Do("POST", "/v1/customers/", f.AllToken, odd); r.Status != 201 {
			t.Fatalf("%d %s", r.Status, r.Body)
		}
		var wait sync.WaitGroup
		for w := range 3 {
			wait.Go(func() { write(f, 30, uint64(2+w)) })
		}
		c := exec.CommandContext(t.Context(), "node", file)
		c.Env = append(os.Environ(), "FLOE_URL="+url, "FLOE_TOKEN="+f.AllToken)
		out, err := c.CombinedOutput()
		wait.Wait()
		if err != nil || !strings.Contains(string(out), "exact at") {
			t.Errorf("%v\n%s", err, out)
		}
		t.Logf("%s", out)
	})
}
