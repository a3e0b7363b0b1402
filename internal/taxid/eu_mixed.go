package taxid

import "strings"

// This file holds the member states whose VAT number is one of several
// numbers with rules of their own, those of persons among them.

// bgVAT judges the Bulgarian number of a company (nine digits) or of anyone
// else (ten: citizens, resident foreigners, and the rest).
func bgVAT(s string) bool {
	switch {
	case isDigits(s, 9):
		return bgLegal(s)
	case isDigits(s, 10):
		return bgCitizen(s) || bgForeigner(s) ||
			last(s) == mod(11-weigh(s, 4, 3, 2, 7, 6, 5, 4, 3, 2), 11)
	}
	return false
}

func bgLegal(s string) bool {
	check := weigh(s, 1, 2, 3, 4, 5, 6, 7, 8) % 11
	if check == 10 {
		check = weigh(s, 3, 4, 5, 6, 7, 8, 9, 10) % 11
	}
	return last(s) == check%10
}

// bgCitizen judges the EGN. Its month has twenty added for people born before
// 1900 and forty for those born after 1999.
func bgCitizen(s string) bool {
	year, month, day := 1900+number(s[:2]), number(s[2:4]), number(s[4:6])
	switch {
	case month > 40:
		year, month = year+100, month-40
	case month > 20:
		year, month = year-100, month-20
	}
	return realDate(year, month, day) && last(s) == weigh(s, 2, 4, 8, 5, 10, 9, 7, 3, 6)%11%10
}

// bgForeigner judges the PNF.
func bgForeigner(s string) bool {
	return last(s) == weigh(s, 21, 19, 17, 13, 11, 9, 7, 3, 1)%10
}

// czVAT judges the Czech number of a company (eight digits), of a person
// without a birth number (nine from 6 on) or a birth number.
func czVAT(s string) bool {
	switch {
	case isDigits(s, 8):
		return s[0] != '9' && czLegal(s)
	case isDigits(s, 9) && s[0] == '6':
		rest := weigh(s[1:], countdown(8, 2)...) % 11
		return last(s) == mod(8-mod(10-rest, 11), 10)
	}
	return birthNumber(s)
}

func czLegal(s string) bool {
	check := mod(11-weigh(s, countdown(8, 2)...), 11)
	if check == 0 {
		check = 1
	}
	return last(s) == check%10
}

// birthNumber judges the number Czechs and Slovaks get at birth. Its month has
// fifty added for women, and twenty when a day's numbers ran out. Numbers of
// nine digits were given out until 1953 and have no check digit.
func birthNumber(s string) bool {
	if !isDigits(s, 9, 10) {
		return false
	}
	year, month, day := 1900+number(s[:2]), number(s[2:4])%50%20, number(s[4:6])
	if len(s) == 9 {
		if year >= 1980 {
			year -= 100
		}
		return year <= 1953 && realDate(year, month, day)
	}
	if year < 1954 {
		year += 100
	}
	return realDate(year, month, day) && last(s) == number(s[:9])%11%10
}

// skDPH judges the Slovak number, which may be a birth number.
func skDPH(s string) bool {
	if !isDigits(s, 10) {
		return false
	}
	return birthNumber(s) ||
		s[0] != '0' && strings.IndexByte("234789", s[2]) >= 0 && number(s)%11 == 0
}

// esNIF judges the Spanish number: of a citizen (a digit first), of a
// foreigner (X, Y, Z), of a few other persons (K, L, M), or of a company.
func esNIF(s string) bool {
	if len(s) != 9 || !allDigits(s[1:8]) {
		return false
	}
	switch c := s[0]; {
	case isDigit(c):
		return esLetter(s[:8], s[8])
	case c >= 'X' && c <= 'Z':
		return esLetter(string(c-'X'+'0')+s[1:8], s[8])
	case c >= 'K' && c <= 'M':
		return esLetter(s[1:8], s[8])
	}
	return esCompany(s)
}

func esLetter(n string, letter byte) bool {
	return letter == "TRWAGMYFPDXBNJZSQVHLCKE"[number(n)%23]
}

// esCompany judges the CIF. Sources differ on which kinds of body end in a
// digit and which in a letter, so every kind may have either.
func esCompany(s string) bool {
	if strings.IndexByte("ABCDEFGHJNPQRSUVW", s[0]) < 0 {
		return false
	}
	check := mod(-luhnSum(s[1:8]+"0", digits), 10)
	return s[8] == digits[check] || s[8] == "JABCDEFGHI"[check]
}

// frAlphabet is what the key of a French number is made of.
const frAlphabet = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"

// frTVA judges the French number: a key of two characters and a SIREN. Those
// of Monaco start with 000 and are not in the register that Luhn protects.
func frTVA(s string) bool {
	if len(s) != 11 || !allDigits(s[2:]) {
		return false
	}
	if s[2:5] != "000" && !luhn(s[2:], digits) {
		return false
	}
	if allDigits(s[:2]) {
		return number(s[:2]) == (number(s[2:])*100+12)%97
	}
	return frLetterKey(s)
}

// frLetterKey judges a key with at least one letter. The key counts through
// the combinations, those that start with a digit first.
func frLetterKey(s string) bool {
	first, second := strings.IndexByte(frAlphabet, s[0]), strings.IndexByte(frAlphabet, s[1])
	if first < 0 || second < 0 {
		return false
	}
	key := first*34 + second - 100
	if isDigit(s[0]) {
		key = first*24 + second - 10
	}
	return (number(s[2:])+1+key/11)%11 == key%11
}

// ieVAT judges the Irish number: seven digits, a check letter and perhaps one
// more letter. The oldest have a letter or a sign in second place.
func ieVAT(s string) bool {
	if len(s) != 8 && len(s) != 9 || !isDigit(s[0]) || !allDigits(s[2:7]) {
		return false
	}
	const alphabet = "WABCDEFGHIJKLMNOPQRSTUV"
	extra := 0
	if len(s) == 9 {
		if extra = strings.IndexByte(alphabet, s[8]); extra < 0 {
			return false
		}
	}
	body := s[:7]
	switch {
	case isDigit(s[1]):
	case isLetter(s[1]) || s[1] == '+' || s[1] == '*':
		body, extra = "0"+s[2:7]+s[:1], 0
	default:
		return false
	}
	return s[7] == alphabet[(weigh(body, countdown(8, 2)...)+9*extra)%23]
}

// lvPVN judges the Latvian number of a company, or a personal code. Codes
// that start with 32 replaced those that show the day of birth.
func lvPVN(s string) bool {
	if !isDigits(s, 11) {
		return false
	}
	if s[0] > '3' {
		return weigh(s, 9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1)%11 == 3
	}
	day, month, year := number(s[:2]), number(s[2:4]), number(s[4:6])
	century := 1800 + 100*number(s[6:7])
	if s[:2] != "32" && !realDate(century+year, month, day) {
		return false
	}
	return last(s) == (1+weigh(s, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9))%11%10
}

// roCF judges the Romanian number of a company (up to ten digits) or of a
// person.
func roCF(s string) bool {
	if !allDigits(s) || s[0] == '0' {
		return false
	}
	switch {
	case len(s) == 13:
		return roCNP(s)
	case len(s) >= 2 && len(s) <= 10:
		padded := padTo(10)(s)
		return last(s) == 10*weigh(padded, 7, 5, 3, 2, 1, 7, 5, 3, 2)%11%10
	}
	return false
}

// roCNP judges the Romanian personal number. Its first digit is the century
// and the sex; from 7 on it says nothing of the century.
func roCNP(s string) bool {
	century := 1900
	switch s[0] {
	case '3', '4':
		century = 1800
	case '5', '6':
		century = 2000
	}
	if !realDate(century+number(s[1:3]), number(s[3:5]), number(s[5:7])) || !roCounty(number(s[7:9])) {
		return false
	}
	check := weigh(s, 2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9) % 11
	return last(s) == check || check == 10 && last(s) == 1
}

// roCounty knows the counties, the sectors of the capital, and the codes used
// for registrations abroad.
func roCounty(n int) bool {
	return n >= 1 && n <= 48 || n == 51 || n == 52 || n == 70 || n >= 80 && n <= 83
}
