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
