package taxid

import "strings"

// arCUIT judges the Argentinian CUIT. The prefix tells persons from companies.
func arCUIT(s string) bool {
	if !isDigits(s, 11) || !oneOf(s[:2], "20 23 24 27 30 33 34 50 51 55") {
		return false
	}
	rest := weigh(s, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2) % 11
	return s[10] == "012345678990"[11-rest]
}

// brCNPJ judges the Brazilian company number. Since 2026 all but its check
// digits may be letters, which count as their distance from '0'.
func brCNPJ(s string) bool {
	if !matches(s, "XXXXXXXXXXXX99") || strings.HasPrefix(s, "000000000000") {
		return false
	}
	first := mod(11-weigh(s, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 11) % 10
	second := mod(11-weigh(s, 6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 11) % 10
	return last(s[:13]) == first && last(s) == second
}

// brCPF judges the Brazilian personal number.
func brCPF(s string) bool {
	if !isDigits(s, 11) || number(s) == 0 {
		return false
	}
	first := mod(11-weigh(s, countdown(10, 2)...), 11) % 10
	second := mod(11-weigh(s, countdown(11, 2)...), 11) % 10
	return last(s[:10]) == first && last(s) == second
}

// caBN judges the Canadian business number without a program account.
func caBN(s string) bool {
	return isDigits(s, 9) && luhn(s, digits)
}

// caGST judges a Canadian business number with its program account. The
// program letters must be typed in upper case.
func caGST(s string) bool {
	return matches(s, "999999999AA9999") && oneOf(s[9:11], "RC RM RP RT") && caBN(s[:9])
}

// clTIN judges the Chilean RUT, whose check character may be a K.
func clTIN(s string) bool {
	body := len(s) - 1
	if !(body == 7 || body == 8) || !allDigits(s[:body]) {
		return false
	}
	return s[body] == "0123456789K"[weighRight(s[:body], 9, 8, 7, 6, 5, 4)%11]
}

// coNIT judges the Colombian NIT.
func coNIT(s string) bool {
	if len(s) < 8 || len(s) > 16 || !allDigits(s) {
		return false
	}
	body := len(s) - 1
	sum := weighRight(s[:body], 3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71)
	return s[body] == "01987654321"[sum%11]
}

// crTIN judges the Costa Rican company number. The first digit is the kind of
// body, and the next three are the classes that exist of it.
func crTIN(s string) bool {
	if !isDigits(s, 10) {
		return false
	}
	class := s[1:4]
	switch s[0] {
	case '2':
		return oneOf(class, "100 200 300 400")
	case '3':
		n := number(class)
		return n >= 2 && n <= 14 || n >= 101 && n <= 110
	case '4':
		return class == "000"
	case '5':
		return class == "001"
	}
	return false
}

// ecRUC judges the Ecuadorian RUC. Its third digit is the kind of taxpayer,
// but the authority has given 6 to persons and 9 to public bodies too, so both
// are tried both ways.
func ecRUC(s string) bool {
	if !isDigits(s, 13) {
		return false
	}
	province := number(s[:2])
	if !(province >= 1 && province <= 24) && province != 30 && province != 50 {
		return false
	}
	switch s[2] {
	case '0', '1', '2', '3', '4', '5':
		return ecNatural(s)
	case '6':
		return ecPublic(s) || ecNatural(s)
	case '9':
		return ecPublic(s) || ecJuridical(s) || ecUnchecked(s)
	}
	return false
}

func ecNatural(s string) bool {
	return s[10:] != "000" && luhn(s[:10], digits)
}

func ecPublic(s string) bool {
	return s[9:] != "0000" && weigh(s, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

func ecJuridical(s string) bool {
	return s[10:] != "000" && weigh(s, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// ecUnchecked admits the companies registered since the sequence outgrew the
// check digit: head offices only, and not those registered abroad.
func ecUnchecked(s string) bool {
	return s[:2] != "50" && s[10:] == "001"
}

// rfcUnfit are the name parts the Mexican authority replaces because they
// read as a rude word, so no number has them.
const rfcUnfit = "BUEI BUEY CACA CACO CAGA CAGO CAKA CAKO COGE COJA COJE COJI COJO CULO " +
	"FETO GUEY JOTO KACA KACO KAGA KAGO KAKA KOGE KOJO KULO MAME MAMO MEAR MEAS MEON MION " +
	"MOCO MULA PEDA PEDO PENE PUTA PUTO QULO RATA RUIN"

// mxRFC judges the Mexican RFC: a name part, a date, and three characters
// that a person may leave out. Its check character is wrong on too many
// issued numbers to be of use.
func mxRFC(s string) bool {
	// The name part has letters, & and Ñ. One byte a character is simpler.
	s = strings.ReplaceAll(s, "Ñ", "&")
	name := 4
	switch len(s) {
	case 12:
		name = 3
	case 10, 13:
		if oneOf(s[:4], rfcUnfit) {
			return false
		}
	default:
		return false
	}
	letters := strings.ReplaceAll(s[:name], "&", "A")
	return matches(letters, "AAAA"[:name]) && rfcDate(s[name:name+6]) &&
		matches(s[name+6:], "XXX"[:len(s)-name-6])
}

// rfcDate reports whether s is a date as YYMMDD, taken to be of this century.
func rfcDate(s string) bool {
	return allDigits(s) && realDate(2000+number(s[:2]), number(s[2:4]), number(s[4:]))
}

// peRUC judges the Peruvian RUC.
func peRUC(s string) bool {
	if !isDigits(s, 11) || !oneOf(s[:2], "10 15 17 20") {
		return false
	}
	return last(s) == (11-weigh(s, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)%11)%10
}

// svNIT judges the Salvadoran NIT. Sequence numbers up to 100 are from before
// the check digit was changed.
func svNIT(s string) bool {
	if !isDigits(s, 14) || !strings.ContainsRune("019", rune(s[0])) {
		return false
	}
	if number(s[10:13]) <= 100 {
		return last(s) == weigh(s, countdown(14, 2)...)%11%10
	}
	return last(s) == mod(-weigh(s, 2, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11)%10
}

// einUnassigned are the two-digit prefixes no American campus issues.
const einUnassigned = "00 07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97"

// einCompact takes the dash out of an EIN, if it is where it belongs. One
// elsewhere is left in, to be refused.
func einCompact(s string) string {
	if matches(s, "99-9999999") {
		return s[:2] + s[3:]
	}
	return s
}

// usEIN judges the American EIN.
func usEIN(s string) bool {
	return isDigits(s, 9) && !oneOf(s[:2], einUnassigned)
}

// uyRUC judges the Uruguayan RUT.
func uyRUC(s string) bool {
	if !isDigits(s, 12) {
		return false
	}
	office := number(s[:2])
	if office < 1 || office > 22 || s[2:8] == "000000" || s[8:11] != "001" {
		return false
	}
	return last(s) == mod(-weigh(s, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2), 11)
}

// veRIF judges the Venezuelan RIF, in which the kind of taxpayer counts
// towards the check digit.
func veRIF(s string) bool {
	if !matches(s, "A999999999") {
		return false
	}
	kinds := map[byte]int{'V': 4, 'E': 8, 'J': 12, 'P': 16, 'G': 20}
	kind, ok := kinds[s[0]]
	if !ok {
		return false
	}
	return s[9] == "00987654321"[(kind+weigh(s[1:], 3, 2, 7, 6, 5, 4, 3, 2))%11]
}
