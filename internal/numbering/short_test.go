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
	for text, want := range map[string]int64{"AAAAAABA": 26, "AAAAAAAA": 0, "AAAAAAAAB": -1, "AAAAABA": -1, "": -1, "AAAAAA0A": -1, "0AAAAAAA": -1, "ZZZZZZZZZZZZZ": -1} {
		if got, ok := shortOf(text); ok != (want >= 0) || ok && got != want {
			t.Errorf("%q is %d (%v), want %d", text, got, ok, want)
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
