package period_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"floe/internal/period"
)

func date(t *testing.T, s string) time.Time {
	t.Helper()
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if d, err := time.Parse(layout, s); err == nil {
			return d.UTC()
		}
	}
	t.Fatalf("%q is no time", s)
	return time.Time{}
}

// The table of the specification of subscriptions, §6.
func TestNext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		start    string
		interval period.Interval
		count    int
		anchor   int
		ends     []string
	}{
		{"2024-01-31", period.Month, 1, 31, []string{"2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"}},
		{"2023-01-30", period.Month, 1, 30, []string{"2023-02-28", "2023-03-30", "2023-04-30"}},
		{"2024-02-29", period.Year, 1, 29, []string{"2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"}},
		{"2024-01-31", period.Month, 2, 31, []string{"2024-03-31", "2024-05-31", "2024-07-31"}},
		{"2024-12-31", period.Month, 2, 31, []string{"2025-02-28", "2025-04-30"}},
		{"2024-01-31T10:15:00Z", period.Month, 1, 31, []string{"2024-02-29T10:15:00Z"}},
		// beyond the table
		{"2024-01-31", period.Day, 1, 31, []string{"2024-02-01", "2024-02-02"}},
		{"2024-02-28", period.Day, 2, 28, []string{"2024-03-01"}},
		{"2024-02-26", period.Week, 1, 26, []string{"2024-03-04", "2024-03-11"}},
		{"2024-12-30", period.Week, 2, 30, []string{"2025-01-13"}},
		{"2023-11-30", period.Month, 3, 30, []string{"2024-02-29", "2024-05-30"}},
		{"2024-01-15", period.Month, 999, 15, []string{"2107-04-15"}},
		{"2000-02-29", period.Year, 100, 29, []string{"2100-02-28", "2200-02-28"}},
		{"2024-02-15", period.Month, 1, 31, []string{"2024-03-31"}},
		{"2024-01-31T23:59:59.999999Z", period.Year, 1, 31, []string{"2025-01-31T23:59:59.999999Z"}},
	} {
		d := date(t, c.start)
		for _, want := range c.ends {
			d = period.Next(d, c.interval, c.count, c.anchor)
			if !d.Equal(date(t, want)) {
				t.Errorf("from %s by %d %s, anchor %d: %s, want %s", c.start, c.count, c.interval, c.anchor, d, want)
			}
		}
	}
}

func TestAdd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		start    string
		interval period.Interval
		count    int
		want     string
	}{
		{"2024-01-31", period.Month, 1, "2024-02-29"},
		{"2023-01-31", period.Month, 1, "2023-02-28"},
		{"2024-02-29", period.Month, 1, "2024-03-29"},
		{"2024-01-31", period.Month, 0, "2024-01-31"},
		{"2024-03-31", period.Month, -1, "2024-02-29"},
		{"2024-01-15", period.Month, -13, "2022-12-15"},
		{"2024-02-29", period.Year, 1, "2025-02-28"},
		{"2024-02-29", period.Year, 4, "2028-02-29"},
		{"2024-01-31", period.Day, 30, "2024-03-01"},
		{"2024-01-31", period.Week, 1, "2024-02-07"},
		{"2024-01-31T10:15:00+02:00", period.Month, 1, "2024-02-29T08:15:00Z"},
	} {
		if got := period.Add(date(t, c.start), c.interval, c.count); !got.Equal(date(t, c.want)) {
			t.Errorf("%s and %d %s: %s, want %s", c.start, c.count, c.interval, got, c.want)
		}
	}
}

// Wherever a period begins, it ends on the anchor or on the last day of a
// month that has no such day, at the same time of day, and in the right month.
func TestNextProperty(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 6))
	for range 20000 {
		start := time.UnixMicro(r.Int64N(4e15)).UTC()
		interval := []period.Interval{period.Month, period.Year}[r.IntN(2)]
		count, anchor := 1+r.IntN(40), 1+r.IntN(31)
		got := period.Next(start, interval, count, anchor)
		months := count
		if interval == period.Year {
			months *= 12
		}
		length := time.Date(got.Year(), got.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
		switch {
		case got.Day() != min(anchor, length):
			t.Fatalf("%s by %d %s, anchor %d: %s", start, count, interval, anchor, got)
		case (got.Year()-start.Year())*12+int(got.Month())-int(start.Month()) != months:
			t.Fatalf("%s by %d %s is in the wrong month: %s", start, count, interval, got)
		case start.Sub(start.Truncate(24*time.Hour)) != got.Sub(got.Truncate(24*time.Hour)):
			t.Fatalf("%s by %d %s has another time of day: %s", start, count, interval, got)
		}
	}
}
