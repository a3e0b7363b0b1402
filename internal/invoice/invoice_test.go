package invoice

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func example(lines int) Document {
	d := Document{
		Title:  "Invoice",
		Facts:  []Fact{{"Invoice number", "ACME-BFQKZTWXYA-0042"}, {"Date of issue", "May 4, 2026"}, {"Due date", "May 18, 2026"}},
		Seller: Party{"From", "Acme GmbH & Söhne", []string{"billing@acme.example", "https://acme.example", "Germany"}},
		Buyer: Party{"Bill to", "Ελληνική Εταιρεία Λογισμικού / Общество с ограниченной ответственностью", []string{
			"שלום עולם בע״מ", "شركة البرمجيات 42", "Հայաստան, საქართველო", "Łódź, Ğüzel, Nguyễn Văn Đức", "株式会社", "Tax ID: EL123456783"}},
		Totals: []Total{{"Subtotal", "$1,234.50", false}, {"Discount", "-$34.50", false}, {"Tax", "$0.00", false}, {"Total", "$1,200.00", true},
			{"Amount paid", "$200.00", false}, {"Amount due", "$1,000.00", true}},
		Tables:  []Table{{"Payments", []string{"Date", "Method", "Reference", "Amount"}, [][]string{{"May 10, 2026", "Recorded by hand", "bank-2026-0042", "$200.00"}}}},
		Notes:   []string{"Please pay within 14 days, naming the invoice number."},
		Created: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
	}
	for i := range lines {
		d.Lines = append(d.Lines, Line{fmt.Sprintf("Pro Plan (%d seats) — From May %d, 2026 to Jun 4, 2026, with a label that is long enough to need another line of the table", i, i+1), "$10.00"})
	}
	return d
}

func TestRender(t *testing.T) {
	t.Parallel()
	for _, lines := range []int{1, 4, 60} {
		a, err := Render(example(lines))
		if err != nil {
			t.Fatal(err)
		}
		b, err := Render(example(lines))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a, b) {
			t.Errorf("%d lines: the same document gives other bytes", lines)
		}
		if pages := bytes.Count(a, []byte("/Type /Page\n")); (lines > 40) != (pages > 1) {
			t.Errorf("%d lines are on %d pages", lines, pages)
		}
		if dir := os.Getenv("FLOE_KEEP_PAGES"); dir != "" { // to look at them
			if err := os.WriteFile(fmt.Sprintf("%s/invoice-%d.pdf", dir, lines), a, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Jane Doe":           "Jane Doe",
		"Nguye\u0302\u0303n": "Nguyễn", // decomposed
		"株式会社":               "□□□□",
		"😀 Inc":              "□ Inc",
		"a\x00b\nc":          "ab c",
		"سلام":               "\uFEB3\uFEFC\uFEE1",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q prints as %q, want %q", in, got, want)
		}
	}
	if got := visual("אבג 12"); got != "12 גבא" {
		t.Errorf("Hebrew stands as %q", got)
	}
	if got := strings.Join(strings.Fields(visual("Invoice for אב")), " "); got != "Invoice for בא" {
		t.Errorf("mixed text stands as %q", got)
	}
}
