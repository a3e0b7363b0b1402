// Package period is the arithmetic of billing periods: where one ends that
// began at some time, in calendar months and years whose days end before the
// 31st, and back on the day that a subscription is anchored to when they don't.
// All of it is in UTC, and the time of day stays.
package period

import "time"

// Interval is a unit of the calendar.
type Interval string

// The intervals.
const (
	Day   Interval = "day"
	Week  Interval = "week"
	Month Interval = "month"
	Year  Interval = "year"
)

// Enum lists the intervals.
func (Interval) Enum() []string { return []string{"day", "week", "month", "year"} }

// SchemaName is the name of the reference.
func (Interval) SchemaName() string { return "RecurringInterval" }

const daysAWeek = 7

// Add is d and count intervals more, or fewer when count is negative. Where
// the month that it comes to is too short, the day is the month's last: a month
// after 31 January is the end of February.
func Add(d time.Time, i Interval, count int) time.Time {
	d = d.UTC()
	switch i {
	case Day:
		return d.AddDate(0, 0, count)
	case Week:
		return d.AddDate(0, 0, daysAWeek*count)
	case Month:
		return inMonth(d, d.Year(), int(d.Month())+count, d.Day())
	case Year:
		return inMonth(d, d.Year()+count, int(d.Month()), d.Day())
	}
	panic("period: no interval " + string(i))
}

// Next is where a period ends that begins at d. After months and years the day
// is that of the anchor, or the last one of a month that has no such day: what
// is anchored to the 31st and ends on 28 February comes back on 31 March.
func Next(d time.Time, i Interval, count, anchorDay int) time.Time {
	next := Add(d, i, count)
	if i == Month || i == Year {
		return inMonth(next, next.Year(), int(next.Month()), anchorDay)
	}
	return next
}

// inMonth is the time of day of d on a day of a month, which may lie beyond
// the year's end, clamped to the month's length.
func inMonth(d time.Time, year, month, day int) time.Time {
	first := time.Date(year, time.Month(month), 1, d.Hour(), d.Minute(), d.Second(), d.Nanosecond(), time.UTC)
	return first.AddDate(0, 0, min(max(day, 1), daysIn(first.Year(), first.Month()))-1)
}

// daysIn is the length of a month.
func daysIn(year int, month time.Month) int {
	return time.Date(year, month+1, 0, 0, 0, 0, 0, time.UTC).Day()
}
