package invoice

import (
	"slices"
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

// A long name leaves the footer's number and its count of pages alone.
func TestFooter(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Acme GmbH":                       "Invoice ACME-1 · Acme GmbHPage 1 of 1",
		strings.Repeat("Wirtschaft ", 20): "Invoice ACME-1 · " + strings.Repeat("Wirtschaft ", 8) + "Wirtschaft…Page 1 of 1",
		strings.Repeat("x", 300):          "Invoice ACME-1 ·…Page 1 of 1",
		strings.Repeat("שלום ", 50):       "…Page 1 of 1",
	} {
		d := latin()
		d.Facts, d.Seller = []Fact{{"Invoice number", "ACME-1"}}, Party{"From", name, nil}
		if told := text(t, d); !strings.HasSuffix(told, want) {
			t.Errorf("%.20s: %q does not end with %q", name, told, want)
		}
	}
}

// The names of the columns do not stand at the end of a page without a line
// below them.
func TestHeadOfLines(t *testing.T) {
	t.Parallel()
	for n := range 50 {
		d := latin()
		d.Buyer.Lines = slices.Repeat([]string{"1 Main Street"}, n)
		if told := text(t, d); strings.Contains(told, "DescriptionAmountInvoice") {
			t.Errorf("%d lines of an address: %q", n, told)
		}
	}
}
