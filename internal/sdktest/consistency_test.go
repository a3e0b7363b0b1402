package sdktest_test

import (
	"os"
	"regexp"
	"testing"

	"floe/internal/db/dbtest"
	"floe/internal/floetest"
)

// TestConsistencyOfTheDocs runs the programs of docs/sdk.md that read from a
// replica, against one that is half a second behind.
func TestConsistencyOfTheDocs(t *testing.T) {
	t.Parallel()
	_, err := sdks()
	need(t, err)
	programs := consistencyPrograms(t)
	primary := dbtest.Primary(t)
	replica := primary.Replica(t)
	replica.Exec(t, `ALTER SYSTEM SET recovery_min_apply_delay = '500ms'`)
	replica.Exec(t, `SELECT pg_reload_conf()`)
	f := floetest.Replicated(t, primary.URL, replica.URL)
	url := listen(t, f).url
	for _, sdk := range []string{"polar-sdk-1", "polar-sdk-0"} {
		t.Run(sdk, func(t *testing.T) {
			before, _ := f.DB.Replica()
			drive(t, []string{"consistency.mjs"}, map[string]any{"url": url, "token": f.AllToken, "sdk": sdk, "programs": programs})
			after, _ := f.DB.Replica() // as floe_db_reads_total{server="replica"} and floe_db_replica_fallbacks_total{reason="behind"}
			if after.Served == before.Served || after.Behind == before.Behind {
				t.Errorf("the replica answered %d reads and was behind for %d: want some of both", after.Served-before.Served, after.Behind-before.Behind)
			}
		})
	}
}

// consistencyPrograms are those of docs/sdk.md, by the name in their first
// line, as they are with the names that the SDKs have in this folder.
func consistencyPrograms(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/sdk.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := map[string]string{}
	for _, m := range regexp.MustCompile("(?s)```js\n// (\\S+\\.mjs)(.*?)```").FindAllSubmatch(text, -1) {
		programs[string(m[1])] = "// " + string(m[2])
	}
	for name, sdk := range map[string]string{"floe.mjs": "polar-sdk-1", "floe-0.mjs": "polar-sdk-0"} {
		programs[name] = regexp.MustCompile(`@polar-sh/sdk\b`).ReplaceAllString(programs[name], sdk)
	}
	if len(programs) != 3 {
		t.Fatalf("docs/sdk.md has other programs than expected: %q", programs)
	}
	return programs
}
