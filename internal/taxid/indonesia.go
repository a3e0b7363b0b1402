package taxid

import "strings"

// idNPWP judges the Indonesian taxpayer number: the old form of fifteen
// digits, the same with a zero in front, or since 2024 a citizen's NIK.
func idNPWP(s string) bool {
	switch {
	case isDigits(s, 15):
		return luhn(s[:9], digits)
	case !isDigits(s, 16):
		return false
	case s[0] == '0':
		return luhn(s[:10], digits)
	}
	return idNIK(s)
}

// idNIK judges a citizen's number of sixteen digits: the place of
// registration, the day of birth (plus forty for women) and a serial number.
func idNIK(s string) bool {
	day, month, year := number(s[6:8])%40, number(s[8:10]), number(s[10:12])
	born := realDate(1900+year, month, day) || realDate(2000+year, month, day)
	return born && idRegency(s[:2], s[2:4])
}

// regencies lists, for each province, the ranges of regency and city codes
// that the interior ministry has issued. A NIK is for life, so codes from
// before a province was divided stay in.
var regencies = map[string]string{
	"11": "01-18 71-75",
	"12": "01-25 71-78",
	"13": "01-12 71-77",
	"14": "01-10 71-72",
	"15": "01-09 71-72",
	"16": "01-13 71-74",
	"17": "01-09 71-71",
	"18": "01-13 71-72",
	"19": "01-06 71-71",
	"21": "01-05 71-72",
	"31": "01-01 71-75",
	"32": "01-18 71-79",
	"33": "01-29 71-76",
	"34": "01-04 71-71",
	"35": "01-29 71-79",
	"36": "01-04 71-74",
	"51": "01-08 71-71",
	"52": "01-08 71-72",
	"53": "01-21 71-71",
	"61": "01-12 71-72",
	"62": "01-13 71-71",
	"63": "01-11 71-72",
	"64": "01-11 71-74",
	"65": "01-04 71-71",
	"71": "01-11 71-74",
	"72": "01-12 71-71",
	"73": "01-18 22-22 24-24 26-26 71-73",
	"74": "01-15 71-72",
	"75": "01-05 71-71",
	"76": "01-06",
	"81": "01-09 71-72",
	"82": "01-08 71-72",
	"91": "01-28 71-71",
	"92": "01-12 71-71",
	"93": "01-04",
	"94": "01-08",
	"95": "01-08",
	"96": "01-05 71-71",
}

// idRegency reports whether a province has a regency of the code.
func idRegency(province, code string) bool {
	for _, span := range strings.Fields(regencies[province]) {
		if low, high, _ := strings.Cut(span, "-"); low <= code && code <= high {
			return true
		}
	}
	return false
}
