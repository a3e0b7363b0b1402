// Package place knows the countries of a billing address and, for the United
// States and Canada, their subdivisions.
//
// It is for checking and completing the two coded parts of an address. It is
// not for the rest of the address, for names of countries, or for taxes.
package place

import (
	"slices"
	"strings"
)

// countryCodes are the ISO 3166-1 alpha-2 codes that an address may hold, in
// the order in which error messages list them.
var countryCodes = strings.Fields(`
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ
BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ
CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ
DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR
GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU
ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ
LA LB LC LI LK LR LS LT LU LV LY
MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ
NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY
QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ
TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ
VA VC VE VG VI VN VU WF WS YE YT ZA ZM ZW`)

// outputOnly are the countries that stored addresses may name but that nobody
// can enter any more, because payments from there are not served.
var outputOnly = []string{"CU", "IR", "KP", "RU", "SY"}

var inputCodes = slices.DeleteFunc(slices.Clone(countryCodes), func(code string) bool {
	return slices.Contains(outputOnly, code)
})

// subdivisions lists the accepted states of the countries where we check them.
// The territories of the United States are countries of their own here, so
// they are not among its states.
var subdivisions = map[string][]string{
	"US": strings.Fields(`
AK AL AR AZ CA CO CT DC DE FL GA HI IA ID IL IN KS KY LA MA MD ME MI MN MO MS MT
NC ND NE NH NJ NM NV NY OH OK OR PA RI SC SD TN TX UT VA VT WA WI WV WY`),
	"CA": strings.Fields(`AB BC MB NB NL NS NT NU ON PE QC SK YT`),
}

// Countries returns all country codes that can occur in stored data, sorted.
func Countries() []string { return slices.Clone(countryCodes) }

// InputCountries returns the country codes that a request may send, sorted.
func InputCountries() []string { return slices.Clone(inputCodes) }

// IsInputCountry reports whether code is one of [InputCountries]. Case counts:
// the caller upper-cases what people typed.
func IsInputCountry(code string) bool { return contains(inputCodes, code) }

// Subdivision checks and completes the state of an address. For US and CA it
// adds the country prefix when it is missing, so "CA" becomes "US-CA", and
// refuses what is not in the list; the comparison is case-sensitive. The state
// of any other country is free text and comes back unchanged.
func Subdivision(country, state string) (normalised string, ok bool) {
	codes, checked := subdivisions[country]
	if !checked {
		return state, true
	}
	prefix := country + "-"
	code := strings.TrimPrefix(state, prefix)
	if !contains(codes, code) {
		return "", false
	}
	return prefix + code, true
}

func contains(sorted []string, code string) bool {
	_, found := slices.BinarySearch(sorted, code)
	return found
}
