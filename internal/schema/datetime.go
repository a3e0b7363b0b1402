package schema

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// parseTime reads what the reference reads as a datetime: RFC 3339 with T or a
// space, an optional fraction and zone (none means UTC), a bare date, or Unix
// seconds (milliseconds when they are too many for seconds).
func parseTime(n *Node, at *At) (time.Time, bool) {
	switch n.Kind {
	case Int, Float:
		return unixTime(n, at)
	case String:
	default:
		at.datetimeType(n)
		return time.Time{}, false
	}
	s := n.Text
	if t, ok := readDatetime(s); ok {
		return t, inEra(t, n, at)
	}
	if plainNumber.MatchString(s) {
		return unixTime(n, at)
	}
	t, problem := readDate(s)
	if problem != "" {
		at.Report("datetime_from_date_parsing", "Input should be a valid datetime or date, "+problem, n, KV{"error", problem})
		return t, false
	}
	return t, inEra(t, n, at)
}

// plainNumber is a number in a text: without exponent or names of the infinite.
var plainNumber = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)$`)

// inEra refuses what lies, in UTC, in a year that the reference's calendar does
// not have: an offset can lead there.
func inEra(t time.Time, n *Node, at *At) bool {
	year := t.UTC().Year()
	ok := year >= 1 && year <= 9999
	if !ok {
		e := "year " + strconv.Itoa(year) + " is out of range"
		at.Report("datetime_parsing", "Input should be a valid datetime, "+e, n, KV{"error", e})
	}
	return ok
}

// The reference takes numbers above the first for milliseconds; the others
// are the end of the year 9999 and the beginning of the year 0.
const (
	maxSeconds  = 20_000_000_000
	afterLast   = 253_402_300_800
	firstSecond = -62_167_219_200
)

func unixTime(n *Node, at *At) (time.Time, bool) {
	f := number(n.Text)
	if math.Abs(f) > maxSeconds {
		f /= 1000
	}
	e := ""
	switch {
	case f >= afterLast:
		e = "dates after 9999 are not supported as unix timestamps"
	case f < firstSecond:
		e = "dates before 0000 are not supported as unix timestamps"
	}
	switch {
	case e != "" && n.Kind == String:
		at.Report("datetime_from_date_parsing", "Input should be a valid datetime or date, "+e, n, KV{"error", e})
		return time.Time{}, false
	case e != "":
		at.Report("datetime_parsing", "Input should be a valid datetime, "+e, n, KV{"error", e})
		return time.Time{}, false
	}
	whole := math.Floor(f)
	t := time.Unix(int64(whole), int64(math.Round((f-whole)*1e6))*1000).UTC()
	return t, inEra(t, n, at)
}

func readDatetime(s string) (time.Time, bool) {
	if len(s) < len("2006-01-02T15:04") || !strings.ContainsRune("Tt _", rune(s[10])) || s[13] != ':' {
		return time.Time{}, false
	}
	s = s[:10] + "T" + s[11:]
	if i := strings.IndexAny(s[11:], "zZ+-"); i >= 0 && s[11+i] != 'Z' {
		zone := s[11+i:]
		switch {
		case zone == "z":
			zone = "Z"
		case len(zone) == 5 && zone[3] != ':': // +0200
			zone = zone[:3] + ":" + zone[3:]
		}
		s = s[:11+i] + zone
	}
	if i := strings.IndexByte(s, ','); i > 0 {
		s = s[:i] + "." + s[i+1:]
	}
	for _, layout := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02T15:04Z07:00", "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

func readDate(s string) (time.Time, string) {
	if len(s) < 10 {
		return time.Time{}, "input is too short"
	}
	parts := []struct {
		name     string
		from, to int
	}{{"year", 0, 4}, {"month", 5, 7}, {"day", 8, 10}}
	var v [3]int
	for i, p := range parts {
		if i > 0 && s[p.from-1] != '-' {
			return time.Time{}, "invalid date separator, expected `-`"
		}
		for _, c := range []byte(s[p.from:p.to]) {
			if c < '0' || c > '9' {
				return time.Time{}, "invalid character in " + p.name
			}
		}
		v[i], _ = strconv.Atoi(s[p.from:p.to])
	}
	if v[1] < 1 || v[1] > 12 {
		return time.Time{}, "month value is outside expected range of 1-12"
	}
	t := time.Date(v[0], time.Month(v[1]), v[2], 0, 0, 0, 0, time.UTC)
	if v[2] < 1 || t.Day() != v[2] {
		return time.Time{}, "day value is outside expected range"
	}
	if len(s) > 10 {
		return time.Time{}, "unexpected extra characters at the end of the input"
	}
	return t, ""
}
