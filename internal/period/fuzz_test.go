package period_test

import (
	"testing"
	"time"

	"floe/internal/period"
)

// A period ends after it begins, at the same time of day, on the anchor's day
// or the last of a shorter month, and the same number of months away.
func FuzzNext(f *testing.F) {
	f.Add(int64(1769817600), byte(2), 1, 31)
	f.Add(int64(1709164800), byte(3), 4, 29)
	f.Add(int64(0), byte(0), 999, 1)
	f.Fuzz(func(t *testing.T, unix int64, unit byte, count, anchor int) {
		if unix < -62135596800 || unix > 250000000000 || count < 1 || count > 999 || anchor < 1 || anchor > 31 {
			return // what callers can bring about
		}
		interval := []period.Interval{period.Day, period.Week, period.Month, period.Year}[unit%4]
		from := time.Unix(unix, 0).UTC()
		next := period.Next(from, interval, count, anchor)
		months := (next.Year()-from.Year())*12 + int(next.Month()) - int(from.Month())
		switch interval {
		case period.Day, period.Week:
			days := map[period.Interval]int{period.Day: 1, period.Week: 7}[interval] * count
			if next.Sub(from) != time.Duration(days)*24*time.Hour {
				t.Errorf("%d %s after %s is %s", count, interval, from, next)
			}
			return
		case period.Year:
			months /= 12
		}
		last := time.Date(next.Year(), next.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
		if months != count || next.Day() != min(anchor, last) || next.Format("15:04:05") != from.Format("15:04:05") {
			t.Errorf("%d %s after %s with anchor %d is %s", count, interval, from, anchor, next)
		}
	})
}
