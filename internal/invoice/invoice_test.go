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
			"שלום עולם בע״מ", "شركة البرمجيات 42", "Հայաստան, საქართველო", "Łódź, Ğüzel, Nguyễn Văn Đức", "株式会社フロー 東京都千代田区", "北京市朝阳区建国路 88 号", "서울특별시 강남구", "บริษัท ตัวอย่าง จำกัด", "उदाहरण प्राइवेट लिमिटेड", "Tax ID: EL123456783"}},
		Totals: []Total{{"Subtotal", "$1,234.50", false}, {"Discount", "-$34.50", false}, {"Tax", "$0.00", false}, {"Total", "$1,200.00", true},
			{"Amount paid", "$200.00", false}, {"Amount due", "$1,000.00", true}},
		Tables:  []Table{{"Payments", []string{"Date", "Method", "Reference", "Amount"}, [][]string{{"May 10, 2026", "Recorded by hand", "bank-2026-0042", "$200.00"}}}},
		Notes:   []string{"Please pay within 14 days, naming the invoice number."},
		Created: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC),
	}
	d.Lines = append(d.Lines, Line{"プロプラン — 2026年5月4日から2026年6月4日まで、" + strings.Repeat("長い説明が続くので改行が必要です。", 5), "¥1,000"})
	for i := range lines {
		d.Lines = append(d.Lines, Line{fmt.Sprintf("Pro Plan (%d seats) — From May %d, 2026 to Jun 4, 2026, with a label that is long enough to need another line of the table", i, i+1), "$10.00"})
	}
	return d
}

func TestRender(t *testing.T) {
	t.Parallel()
	for _, lines := range []int{1, 2, 60} {
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
		"😀 Inc":              "□ Inc",
		"a\x00b\nc":          "ab c",
		"سلام":               "سلام",
		"evil\u202egnp.exe":  "evilgnp.exe",
	} {
		if got := printable(in); got != want {
			t.Errorf("%q prints as %q, want %q", in, got, want)
		}
	}
}
