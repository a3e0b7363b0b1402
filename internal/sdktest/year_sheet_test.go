package sdktest_test

import (
	"fmt"
	"time"
)

// row is a line of the spreadsheet.
type row struct {
	Plan   string // of the latest subscription
	Status string
	Ends   string // its period
	Grants int
	Orders string // oldest first: the day, the net amount and the status of each
}

// bill is an order, as a row has it.
func bill(day string, amount int64, status string) string {
	return fmt.Sprintf("%s %d %s; ", day, amount, status)
}

// bills are orders of one amount that are paid.
func bills(amount int64, at ...time.Time) (out string) {
	for _, t := range at {
		out += bill(t.Format(time.DateOnly), amount, "paid")
	}
	return out
}

// months are the period ends of a 31st, and of other days of the month.
func months(from time.Time, day int, until time.Time) (list []time.Time) {
	for m := from.Month() + 1; ; m++ {
		first := time.Date(2026, m, 1, 12, 0, 0, 0, time.UTC)
		last := first.AddDate(0, 1, -1).Day()
		end := first.AddDate(0, 0, min(day, last)-1)
		if end.After(until) {
			return append(list, end) // the one that is running
		}
		list = append(list, end)
	}
}

// priced are the plans by what a month costs.
var priced = map[int64]string{0: "Free plan", 1000: "Plan A", 3000: "Plan B"}

// expect is the spreadsheet: what there is at a time, by calendar and by the
// price list.
func (p *person) expect(now time.Time) row {
	after := func(m time.Month, d int) bool { return !now.Before(noon(m, d)) }
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	ends := months(noon(1, 31), 31, now) // of one who subscribed on the 31st
	n := len(ends) - 1                   // periods that have ended
	free := func(grants int) row {       // nothing is ordered at first
		return row{"Free plan", "active", day(ends[n]), grants, bills(0, ends[:n]...)}
	}
	paid := func(price int64, grants int) row {
		return row{priced[price], "active", day(ends[n]), grants, bills(price, noon(1, 31)) + bills(price, ends[:n]...)}
	}
	switch p.way {
	case stays, wavers:
		return free(3)
	case pays:
		return paid(1000, 2)
	case upgrades:
		if !after(3, 15) {
			return paid(1000, 2)
		}
		// 16 of the 31 days from February 28 are left: 1548 for 516. The period
		// goes on, and so do those after it.
		later := ends[1:]
		k := len(later) - 1
		return row{"Plan B", "active", day(later[k]), 3,
			bills(1000, noon(1, 31), noon(2, 28)) + bills(1548-516, noon(3, 15)) + bills(3000, later[:k]...)}
	case downgrades:
		if !after(4, 30) {
			return paid(3000, 3)
		}
		// January 31 to April 30 at 3000, then 1000 from April 30 on.
		later := ends[2:]
		k := len(later) - 1
		return row{"Plan A", "active", day(later[k]), 2, bills(3000, noon(1, 31), noon(2, 28), noon(3, 31)) + bills(1000, later[:k]...)}
	case pauses:
		if !after(2, 28) {
			return free(3)
		}
		if !after(5, 15) {
			return row{"Free plan", "paused", "2026-02-28", 0, ""}
		}
		later := append([]time.Time{noon(5, 15)}, months(noon(5, 15), 15, now)...)
		k := len(later) - 1
		return row{"Free plan", "active", day(later[k]), 3, bills(0, later[:k]...)}
	case leaves:
		if !after(3, 31) {
			return free(3)
		}
		if !after(7, 31) {
			return row{"Free plan", "canceled", "2026-03-31", 0, bills(0, noon(2, 28))}
		}
		later := months(noon(7, 31), 31, now)
		k := len(later) - 1
		return row{"Free plan", "active", day(later[k]), 3, bills(0, noon(2, 28)) + bills(0, later[:k]...)}
	case owes:
		first, second := "2026-01-31", "2026-02-28"
		switch {
		case !after(2, 14):
			return row{"Plan A", "active", second, 2, bill(first, 1000, "pending")}
		case !after(2, 28):
			return row{"Plan A", "past_due", second, 0, bill(first, 1000, "pending")}
		case !after(3, 7): // three more attempts after February 14, and one on this day
			return row{"Plan A", "past_due", "2026-03-31", 0, bill(first, 1000, "pending") + bill(second, 1000, "pending")}
		}
		return row{"Plan A", "canceled", "2026-03-31", 0, bill(first, 1000, "void") + bill(second, 1000, "void")}
	case vanishes:
		if !after(6, 1) {
			return paid(3000, 3)
		}
		return row{"Plan B", "canceled", "2026-06-30", 0,
			bills(3000, noon(1, 31), noon(2, 28), noon(3, 31), noon(4, 30)) + bill("2026-05-31", 3000, "void")}
	case quits:
		if !after(8, 5) {
			return paid(1000, 2)
		}
		return row{"Plan A", "canceled", "2026-08-31", 0, bills(1000, append([]time.Time{noon(1, 31)}, ends[:6]...)...)}
	}
	panic("no such way")
}

// kinds are the benefits that come with a plan, by their number.
var kinds = map[int]string{0: "", 2: "custom feature_flag", 3: "custom feature_flag license_keys"}
