package numbering

import (
	"testing"
	"time"
)

func TestShortID(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "AAAAAAAA", 25: "AAAAAAAZ", 26: "AAAAAABA", 26*26 - 1: "AAAAAAZZ"} {
		if got := shortText(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
	at := time.Date(2026, 5, 4, 3, 2, 1, 123456000, time.UTC)
	if n := shortID(at, 1025); n != at.Sub(shortEpoch).Milliseconds()*1024+1 || n >= 1<<52 {
		t.Errorf("short id %d", n)
	}
	if got := invoiceNumber("ACME", "AAAAAABA", 7); got != "ACME-AAAAAABA-0007" {
		t.Error(got)
	}
	if got := invoiceNumber("ACME", "", 12345); got != "ACME-12345" {
		t.Error(got)
	}
	if got := receiptNumber("AAAAAABA", 1); got != "RCPT-AAAAAABA-0001" {
		t.Error(got)
	}
}
