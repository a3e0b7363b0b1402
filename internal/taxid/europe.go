package taxid

import "strings"

// This file holds the European countries outside the Union, and Georgia.

// adNRT judges the Andorran number. The first letter is the kind of taxpayer,
// and some kinds have a range of their own.
func adNRT(s string) bool {
	if !matches(s, "A999999A") || strings.IndexByte("ACDEFGLOPU", s[0]) < 0 {
		return false
	}
	n := number(s[1:7])
	switch s[0] {
	case 'F':
		return n <= 699999
	case 'A', 'L':
		return n >= 700000 && n <= 799999
	}
	return true
}

// chPrefix restores the letters in front of a Swiss number.
func chPrefix(s string) string {
	if isDigits(s, 9) {
		return "CHE" + s
	}
	return s
}

// chUID judges the Swiss enterprise number.
func chUID(s string) bool {
	if !matches(s, "CHE999999999") {
		return false
	}
	return last(s) == mod(11-weigh(s[3:], 5, 4, 3, 2, 7, 6, 5, 4), 11)
}

// chVAT judges the Swiss VAT number: the enterprise number and the word for
// VAT in German, French, Italian or Romansh.
func chVAT(s string) bool {
	return len(s) > 12 && chUID(s[:12]) && oneOf(s[12:], "MWST TVA IVA TPV")
}

// gbVAT judges the British VAT number of a trader, with or without a branch,
// of a government department (GD) or of a health authority (HA).
func gbVAT(s string) bool {
	switch {
	case isDigits(s, 9, 12):
		return gbTrader(s)
	case len(s) == 5:
		return gbOffice(s[:2], s[2:])
	case len(s) == 11 && s[2:6] == "8888" && allDigits(s[6:]):
		return gbOffice(s[:2], s[6:9]) && number(s[6:9])%97 == number(s[9:])
	}
	return false
}

// gbTrader knows three offsets of the checksum, of which only the first was
// in use for the lowest numbers.
func gbTrader(s string) bool {
	rest := weigh(s, 8, 7, 6, 5, 4, 3, 2, 10, 1) % 97
	return rest == 0 || number(s[:3]) >= 100 && (rest == 42 || rest == 55)
}

func gbOffice(kind, n string) bool {
	if !isDigits(n, 3) {
		return false
	}
	return kind == "GD" && number(n) < 500 || kind == "HA" && number(n) >= 500
}

// geVAT judges the Georgian number of a company or of a person.
func geVAT(s string) bool { return isDigits(s, 9, 11) }

// isVAT judges the Icelandic VAT number.
func isVAT(s string) bool { return isDigits(s, 5, 6) }

// mkVAT judges the number of North Macedonia.
func mkVAT(s string) bool {
	if !isDigits(s, 13) {
		return false
	}
	return last(s) == mod(-weigh(s, 7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11)%10
}

// noVAT judges the Norwegian organisation number with the letters that say
// it is registered for VAT.
func noVAT(s string) bool {
	body, registered := strings.CutSuffix(s, "MVA")
	return registered && isDigits(body, 9) && weigh(body, 3, 2, 7, 6, 5, 4, 3, 2, 1)%11 == 0
}

// rsPIB judges the Serbian tax number.
func rsPIB(s string) bool { return isDigits(s, 9) && hybrid(s) }

// ruINN judges the Russian number of a company (ten digits) or of a person
// (twelve digits, two of them check digits).
func ruINN(s string) bool {
	switch {
	case isDigits(s, 10):
		return last(s) == weigh(s, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10
	case isDigits(s, 12):
		return last(s[:11]) == weigh(s, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10 &&
			last(s) == weigh(s, 3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)%11%10
	}
	return false
}
