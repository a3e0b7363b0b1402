package taxid

import (
	"slices"
	"strings"
)

// euRules holds the rule for each prefix of a European VAT number. The prefix
// itself is dropped before the rule applies and put back after.
var euRules = map[string]rule{
	"AT": {strip: " -./", accept: atUID},
	"BE": {strip: " -./", complete: beComplete, accept: beVAT},
	"BG": {strip: " -.", accept: bgVAT},
	"CY": {strip: " -", accept: cyVAT},
	"CZ": {strip: " /", accept: czVAT},
	"DE": {strip: " -./,", accept: deVAT},
	"DK": {strip: " -.,/:", accept: dkVAT},
	"EE": {strip: " ", accept: eeVAT},
	"EL": {strip: " -./:", complete: padFrom(8), accept: grVAT},
	"ES": {strip: " -", accept: esNIF},
	"EU": {strip: " -", accept: euOSS},
	"FI": {strip: " -", accept: fiVAT},
	"FR": {strip: " -.", accept: frTVA},
	"GR": {strip: " -./:", complete: padFrom(8), accept: grVAT},
	"HR": {strip: " -", accept: hrOIB},
	"HU": {strip: " -", accept: huVAT},
	"IE": {strip: " -", accept: ieVAT},
	"IM": {strip: " -", accept: euIOSS},
	"IT": {strip: " -:", accept: itIVA},
	"LT": {strip: " -", accept: ltPVM},
	"LU": {strip: " :.-", accept: luVAT},
	"LV": {strip: " -", accept: lvPVN},
	"MT": {strip: " -", accept: mtVAT},
	"NL": {strip: " -.", complete: nlComplete, accept: nlBTW},
	"PL": {strip: " -", accept: plNIP},
	"PT": {strip: " -.", accept: ptNIF},
	"RO": {strip: " -", accept: roCF},
	"SE": {strip: " -.", accept: seVAT},
	"SI": {strip: " -", accept: siVAT},
	"SK": {strip: " -", accept: skDPH},
	"XI": {strip: " -.", accept: gbVAT},
}

// euVAT judges a European VAT number by the rule its prefix selects. The
// prefix is mandatory and stays as typed: Greece has two.
func euVAT(s string) (string, bool) {
	s = strings.TrimSpace(strings.ToUpper(s))
	if len(s) < 2 {
		return "", false
	}
	prefix := s[:2]
	r, ok := euRules[prefix]
	if !ok {
		return "", false
	}
	r.drop = []string{prefix}
	body, ok := r.validate(s)
	return prefix + body, ok
}

// ossStates are the numeric codes of the member states that register foreign
// sellers for the one-stop shops, and of Northern Ireland.
const ossStates = "040 056 100 191 196 203 208 233 246 250 276 300 348 372 380 428 440 442 " +
	"470 528 616 620 642 703 705 724 752 900"

// euOSS judges the one-stop shop number of a seller of services. Its last
// digit is a check digit, but how it is made is not published.
func euOSS(s string) bool { return isDigits(s, 9) && oneOf(s[:3], ossStates) }

// euIOSS judges the number of the import one-stop shop, likewise.
func euIOSS(s string) bool { return isDigits(s, 10) && oneOf(s[:3], ossStates) }

// atUID judges the Austrian number.
func atUID(s string) bool {
	return matches(s, "U99999999") && last(s) == mod(6-luhnSum(s[1:8], digits), 10)
}

// beComplete restores the zero that enterprise numbers once lacked, and reads
// the way in which some print it in brackets.
func beComplete(s string) string {
	if rest, found := strings.CutPrefix(s, "(0)"); found {
		s = "0" + rest
	}
	return padFrom(9)(s)
}

// beVAT judges the Belgian enterprise number.
func beVAT(s string) bool {
	return isDigits(s, 10) && number(s) > 0 && s[0] <= '1' && (number(s[:8])+number(s[8:]))%97 == 0
}

// cyVAT judges the Cypriot number, which ends in a check letter.
func cyVAT(s string) bool {
	if !matches(s, "99999999A") || s[:2] == "12" {
		return false
	}
	odd := [10]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21}
	sum := 0
	for i := 0; i < 8; i += 2 {
		sum += odd[s[i]-'0'] + int(s[i+1]-'0')
	}
	return int(s[8]-'A') == sum%26
}

// deVAT judges the German number.
func deVAT(s string) bool { return isDigits(s, 9) && s[0] != '0' && hybrid(s) }

// dkVAT judges the Danish number.
func dkVAT(s string) bool {
	return isDigits(s, 8) && s[0] != '0' && weigh(s, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// eeVAT judges the Estonian number.
func eeVAT(s string) bool {
	return isDigits(s, 9) && weigh(s, 3, 7, 1, 3, 7, 1, 3, 7, 1)%10 == 0
}

// fiVAT judges the Finnish number.
func fiVAT(s string) bool {
	return isDigits(s, 8) && weigh(s, 7, 9, 10, 5, 8, 4, 2, 1)%11 == 0
}

// grVAT judges the Greek number, whose weights are powers of two.
func grVAT(s string) bool {
	return isDigits(s, 9) && last(s) == weigh(s, 256, 128, 64, 32, 16, 8, 4, 2)%11%10
}

// hrOIB judges the Croatian number.
func hrOIB(s string) bool { return isDigits(s, 11) && hybrid(s) }

// huVAT judges the Hungarian number.
func huVAT(s string) bool {
	return isDigits(s, 8) && weigh(s, 9, 7, 3, 1, 9, 7, 3, 1)%10 == 0
}

// itIVA judges the Italian number. Digits eight to ten are the province of
// the office, with a few codes for offices that have none.
func itIVA(s string) bool {
	if !isDigits(s, 11) || s[:7] == "0000000" {
		return false
	}
	province := number(s[7:10])
	known := province >= 1 && province <= 100 || slices.Contains([]int{120, 121, 888, 999}, province)
	return known && luhn(s, digits)
}

// ltPVM judges the Lithuanian number of a company, or the longer one of a
// taxpayer registered for a while.
func ltPVM(s string) bool {
	if !isDigits(s, 9, 12) || s[len(s)-2] != '1' {
		return false
	}
	check := ltSum(s, 0)
	if check == 10 {
		check = ltSum(s, 2)
	}
	return last(s) == check%10
}

// ltSum weighs all but the check digit with one to nine, again and again,
// from the weight that shift says.
func ltSum(s string, shift int) int {
	sum := 0
	for i := range len(s) - 1 {
		sum += (1 + (i+shift)%9) * int(s[i]-'0')
	}
	return sum % 11
}

// luVAT judges the Luxembourgish number.
func luVAT(s string) bool { return isDigits(s, 8) && number(s[:6])%89 == number(s[6:]) }

// mtVAT judges the Maltese number.
func mtVAT(s string) bool {
	return isDigits(s, 8) && s[0] != '0' && weigh(s, 3, 4, 6, 7, 8, 9, 10, 1)%37 == 0
}

// nlComplete restores the zeros in front of a Dutch number.
func nlComplete(s string) string {
	if len(s) < 3 {
		return s
	}
	unit := len(s) - 3
	return padTo(9)(s[:unit]) + s[unit:]
}

// nlBTW judges the Dutch number. Those of companies carry the check digit of
// the register; those of sole traders satisfy ISO 7064 instead, so as not to
// show a citizen's number.
func nlBTW(s string) bool {
	if !matches(s, "999999999B99") || s[10:] == "00" {
		return false
	}
	register := number(s[:9]) > 0 && mod(weigh(s, 9, 8, 7, 6, 5, 4, 3, 2, -1), 11) == 0
	return register || mod97("NL"+s) == 1
}

// plNIP judges the Polish number.
func plNIP(s string) bool {
	return isDigits(s, 10) && mod(weigh(s, 6, 5, 7, 2, 3, 4, 5, 6, 7, -1), 11) == 0
}

// ptNIF judges the Portuguese number.
func ptNIF(s string) bool {
	return isDigits(s, 9) && s[0] != '0' && last(s) == mod(11-weigh(s, countdown(9, 2)...), 11)%10
}

// seVAT judges the Swedish number: the organisation number and 01.
func seVAT(s string) bool {
	return isDigits(s, 12) && s[10:] == "01" && luhn(s[:10], digits)
}

// siVAT judges the Slovenian number.
func siVAT(s string) bool {
	if !isDigits(s, 8) || s[0] == '0' {
		return false
	}
	check := 11 - weigh(s, countdown(8, 2)...)%11
	return last(s) == check || last(s) == 0 && check == 10
}
