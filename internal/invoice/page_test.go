package invoice

import (
	"strings"
	"testing"
)

// text is what a reader finds in a document.
func text(t *testing.T, d Document) string {
	t.Helper()
	pdf, err := Render(d)
	if err != nil {
		t.Fatal(err)
	}
	told, _ := written(t, pdf)
	return told
}

// What stands for the number of pages is nothing that people can write.
func TestNumberOfPages(t *testing.T) {
	t.Parallel()
	d := latin()
	d.Buyer.Name = "a {pages} b"
	d.Buyer.Lines = []string{"c " + pages + " d"}
	told := text(t, d)
	for _, want := range []string{"a {pages} b", "c {pages} d", "Page 1 of 1"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not in %q", want, told)
		}
	}
}
