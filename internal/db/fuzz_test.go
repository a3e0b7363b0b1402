package db

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A time is read as it was written.
func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-05-04T03:02:01.123456Z", "2026-02-30T00:00:00.000000Z", "2026-05-04", "2026-05-04 03:02:01", "0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseTime(s)
		if err != nil {
			return
		}
		again, err := ParseTime(got.Format(timeLayout))
		if got.Year() <= 9999 && got.Year() >= 0 && (err != nil || !again.Equal(got)) {
			t.Errorf("%q is %s, then %s: %v", s, got, again, err)
		}
		if want, err := time.Parse(timeLayout, s); err == nil && !want.Equal(got) {
			t.Errorf("%q is %s, not %s", s, got, want)
		}
	})
}

// A position is 64 bits, and nothing else: it is written as the number that was
// read, later ones are greater, and what fits in no log is refused.
func FuzzParsePosition(f *testing.F) {
	for _, s := range []string{"0/0", "16/B374D848", "16/b374d848", "FFFFFFFF/FFFFFFFF", "1/100000000", "00000001/2", "1/1/1", "+1/1", "1_0/1", "0x1/1", " 1/1", "/", "eventual"} {
		f.Add(s, uint64(len(s)))
	}
	shape := regexp.MustCompile(`^[0-9A-Fa-f]{1,8}/[0-9A-Fa-f]{1,8}$`)
	f.Fuzz(func(t *testing.T, s string, n uint64) {
		got, err := ParsePosition(s)
		if (err == nil) != shape.MatchString(s) {
			t.Fatalf("%q: %s, %v", s, got, err)
		}
		for _, p := range []Position{got, Position(n)} {
			if again, err := ParsePosition(p.String()); err != nil || again != p {
				t.Errorf("%d is written %s and read as %d: %v", p, p, again, err)
			}
		}
		if err != nil {
			return
		}
		high, low, _ := strings.Cut(strings.ToUpper(s), "/")
		if want := strings.Repeat("0", 8-len(high)) + high + strings.Repeat("0", 8-len(low)) + low; want != fmt.Sprintf("%016X", uint64(got)) {
			t.Errorf("%q is %016X", s, uint64(got))
		}
	})
}

var (
	numbered = regexp.MustCompile(`\$[0-9]+`)
	digits   = regexp.MustCompile(`\?[0-9]`)
)

// Marks are numbered, and nothing else is touched: taken out again, the text is
// what it was.
func FuzzNumber(f *testing.F) {
	for _, s := range []string{`SELECT ? WHERE a = '?' AND b = ?`, `-- ?` + "\n?", `/* ? */ ?`, `"?" '' ?`, `'`, `/*`, `?::text`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "$") {
			return // dollar quotes are not for our SQL
		}
		got := number(source)
		for i := range strings.Count(got, "$") {
			if !strings.Contains(got, "$"+strconv.Itoa(i+1)) {
				t.Errorf("%q is numbered %q", source, got)
			}
		}
		if back := numbered.ReplaceAllString(got, "?"); !digits.MatchString(source) && back != source {
			t.Errorf("%q is numbered %q", source, got)
		}
	})
}
