package taxid

import (
	"math/bits"
	"strings"
)

// templates shows, for each country we can judge, what one of its numbers
// looks like. A # is a digit and a $ a letter to choose freely; a ? is a check
// digit, an @ a check letter and a ! either, which follow from the rest.
var templates = map[string]string{
	"AD": "L7#####A",
	"AE": "1002########003",
	"AR": "30########?",
	"AT": "ATU#######?",
	"AU": "??#########",
	"BE": "BE0#######??",
	"BG": "BG########?",
	"BR": "########0001??",
	"CA": "########?RT0001",
	"CH": "CHE########?",
	"CL": "#######?",
	"CO": "9########?",
	"CR": "3101######",
	"CY": "CY10######@",
	"CZ": "CZ2######?",
	"DE": "DE1#######?",
	"DK": "DK1######?",
	"EC": "171######?001",
	"EE": "EE10######?",
	"ES": "ESB#######?",
	"FI": "FI#######?",
	"FR": "FR??4#######?",
	"GB": "GB4######??",
	"GE": "4########",
	"GR": "EL0#######?",
	"HK": "########",
	"HR": "HR##########?",
	"HU": "HU#######?",
	"ID": "01######?091000",
	"IE": "IE#######@",
	"IL": "5#######?",
	"IN": "27$$$C$####F1Z!",
	"IS": "######",
	"IT": "IT#######001?",
	"JP": "?############",
	"KE": "P#########M",
	"KR": "2##81#####",
	"LT": "LT#######1?",
	"LU": "LU######??",
	"LV": "LV4#########?",
	"MK": "40##########?",
	"MT": "MT1#####??",
	"MU": "2#######",
	"MX": "$$$##0101###",
	"NL": "NL########?B01",
	"NO": "9#######?MVA",
	"PE": "20########?",
	"PL": "PL#########?",
	"PT": "PT5#######?",
	"RO": "RO1######?",
	"RS": "10######?",
	"RU": "77#######?",
	"SE": "SE556######?01",
	"SG": "########@",
	"SI": "SI1######?",
	"SK": "SK202######?",
	"SV": "0614######1##?",
	"TH": "0994########?",
	"TR": "#########?",
	"TW": "#######?",
	"US": "91-#######",
	"UY": "21######001?",
	"VE": "J########?",
	"VN": "03#######?",
}

// attempts is how many bodies Example tries. A body for which no check digit
// exists is common (one in eleven for the usual formulas), so a long row of
// them is not to be expected.
const attempts = 64

// Example returns a valid tax id of the country, always the same for the same
// n and usually different for different n. It makes test data and samples:
// nobody has looked whether the number belongs to anyone. It reports false
// for countries none of whose formats can be judged.
func Example(country string, n uint64) (value string, ok bool) {
	template, ok := templates[country]
	if !ok {
		return "", false
	}
	return solve(country, template, n)
}

// solve fills in a template so that the country accepts it.
func solve(country, template string, n uint64) (string, bool) {
	size := space(template)
	for i := range uint64(attempts) {
		// A step goes far from n, where neighbours of n will not meet it.
		body := scatter(n%size+i*(size/attempts+1), size)
		if value, ok := complete(country, fill(template, body)); ok {
			return value, true
		}
	}
	return "", false
}

// space counts the bodies a template can have.
func space(template string) uint64 {
	size := uint64(1)
	for i := range len(template) {
		size *= radix(template[i])
	}
	return size
}

// radix is the number of choices for a free place, and one for any other.
func radix(c byte) uint64 {
	switch c {
	case '#':
		return 10
	case '$':
		return 26
	}
	return 1
}

// scatter maps n to another number below size, different numbers below size to
// different ones, so that examples do not look like a row of neighbours.
func scatter(n, size uint64) uint64 {
	// Without a factor in common with any size, which are powers of 10 and 26.
	const step = 618033989
	high, low := bits.Mul64(n%size, step)
	return bits.Rem64(high, low, size)
}

// fill writes body into the free places of a template.
func fill(template string, body uint64) []byte {
	value := []byte(template)
	for i := len(value) - 1; i >= 0; i-- {
		base := radix(value[i])
		choice := byte(body % base)
		switch value[i] {
		case '#':
			value[i] = '0' + choice
		case '$':
			value[i] = 'A' + choice
		}
		body /= base
	}
	return value
}

// complete finds the check characters that make the value valid, trying the
// leftmost open place first.
func complete(country string, value []byte) (string, bool) {
	open := strings.IndexAny(string(value), checkPlaces)
	if open < 0 {
		_, _, ok := Validate(country, string(value))
		return string(value), ok
	}
	place := value[open]
	defer func() { value[open] = place }()
	for _, c := range candidates(place) {
		value[open] = byte(c)
		if found, ok := complete(country, value); ok {
			return found, true
		}
	}
	return "", false
}

// checkPlaces are the characters of a template that stand for a check
// character.
const checkPlaces = "?@!"

// candidates lists what may stand in a check place.
func candidates(place byte) string {
	switch place {
	case '@':
		return base36[len(digits):]
	case '!':
		return base36
	}
	return digits
}
