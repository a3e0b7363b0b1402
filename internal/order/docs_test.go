package order

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// TestDocumentedTransitions: the table in the documentation is the one in the
// code.
func TestDocumentedTransitions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/orders.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "<!-- transitions -->\n")
	got, _, ok := strings.Cut(rest, "<!-- end -->")
	if !ok {
		t.Fatal("the documentation has no table of statuses")
	}
	var want strings.Builder
	want.WriteString("| from | to | when |\n|---|---|---|\n")
	for _, x := range Transitions {
		from := "–"
		if x.From != "" {
			from = "`" + string(x.From) + "`"
		}
		fmt.Fprintf(&want, "| %s | `%s` | %s |\n", from, x.To, x.On)
	}
	if got != want.String() {
		t.Errorf("the table should be\n%s", want.String())
	}
}
