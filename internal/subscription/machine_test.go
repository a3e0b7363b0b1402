package subscription_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"floe/internal/subscription"
)

var update = flag.Bool("update", false, "write the table of the documentation anew")

const page = "../../docs/subscriptions.md"

// TestDocumentedMachine: the table in the documentation is the one in the code.
func TestDocumentedMachine(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- the state machine, from the code -->\n", "<!-- end of the state machine -->\n"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), begin)
	table, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no marks around the table", page)
	}
	if *update {
		if err := os.WriteFile(page, []byte(before+begin+machine()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if table != machine() {
		t.Errorf("%s differs from the code; go test ./internal/subscription -run Machine -update writes it.\nwant:\n%s", page, machine())
	}
}

func machine() string {
	var b strings.Builder
	b.WriteString("| What happens | From | To | What comes of it | Events beside `subscription.updated` |\n|---|---|---|---|---|\n")
	names := func(list []string, prefix string) string {
		if len(list) == 0 {
			return "–"
		}
		return "`" + prefix + strings.Join(list, "`, `"+prefix) + "`"
	}
	for _, t := range subscription.Machine {
		var from []string
		for _, f := range t.From {
			from = append(from, string(f))
		}
		to := "unchanged"
		if t.To != "" {
			to = "`" + string(t.To) + "`"
		}
		b.WriteString("| " + t.When + " | " + names(from, "") + " | " + to + " | " + t.Does + " | " + names(t.Says, "subscription.") + " |\n")
	}
	return b.String()
}

// TestMachineIsSound: an event leads to one status from each, every status
// that it names is one, and what has ended stays so.
func TestMachineIsSound(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, row := range subscription.Machine {
		for _, from := range row.From {
			key := string(row.Event) + " from " + string(from)
			if seen[key] {
				t.Errorf("%s stands in the table twice", key)
			}
			seen[key] = true
			if from.Revoked() {
				t.Errorf("%s leads on from an end", key)
			}
		}
		if row.When == "" || row.Does == "" {
			t.Errorf("%s is not explained", row.Event)
		}
	}
}
