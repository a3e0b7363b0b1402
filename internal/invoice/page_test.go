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

// References of payments are written out, however long they are.
func TestLongReference(t *testing.T) {
	t.Parallel()
	d := latin()
	reference := strings.Repeat("0123456789", 25) + "abcde"
	d.Tables[0].Rows = [][]string{{"May 10, 2026", "stripe", reference, "$1.00"}, {"May 11, 2026", "stripe", "pi_3MtwBwLkdIwHu7ix28a3tqPa", "$2.00"}}
	told := text(t, d)
	for _, want := range []string{reference + "$1.00", "pi_3MtwBwLkdIwHu7ix28a3tqPa$2.00"} {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not in %q", want, told)
		}
	}
}
