package taxid

import (
	"strings"
	"time"
)

// This file holds Asia, Africa and Oceania.

// aeTRN judges the registration number of the Emirates, which has no public
// check digit.
func aeTRN(s string) bool { return isDigits(s, 15) }

// auABN judges the Australian business number, whose check digits come first.
func auABN(s string) bool {
	if !isDigits(s, 11) {
		return false
	}
	return number(s[:2]) == 11+mod(-weigh(s[2:], 3, 5, 7, 9, 11, 13, 15, 17, 19)-1, 89)
}

// hkBR judges the Hong Kong business registration number. The digit in
// brackets is not a published check digit.
func hkBR(s string) bool { return isDigits(s, 8) }

// ilVAT judges the Israeli number, zeros in front restored.
func ilVAT(s string) bool {
	return isDigits(s, 9) && number(s) > 0 && luhn(s, digits)
}

// inGST judges the Indian GSTIN: a state, a PAN, a running number, a Z and a
// check character.
func inGST(s string) bool {
	if !matches(s, "99AAAAA9999AXZX") {
		return false
	}
	state := number(s[:2])
	if state < 1 || state > 37 || s[12] == '0' {
		return false
	}
	return inPAN(s[2:12]) && luhn(s, base36)
}

// inPAN judges the taxpayer number inside a GSTIN, the shape of which the
// caller has checked: the fourth letter is the kind of holder.
func inPAN(s string) bool {
	return strings.IndexByte("ABCFGHLJPTK", s[3]) >= 0 && s[5:9] != "0000"
}

// jpCN judges the Japanese corporate number, whose check digit comes first.
func jpCN(s string) bool {
	return isDigits(s, 13) && number(s[:1]) == 9-weighRight(s[1:], 1, 2)%9
}

// kePIN judges the Kenyan PIN. How its last letter is made is not published.
func kePIN(s string) bool {
	return matches(s, "A999999999A") && (s[0] == 'A' || s[0] == 'P')
}

// krBRN judges the Korean business registration number by its parts: office,
// kind of business, serial number.
func krBRN(s string) bool {
	return isDigits(s, 10) && number(s[:3]) >= 101 && s[3:5] != "00" && s[5:9] != "0000"
}

// muTAN judges the Mauritian tax account number.
func muTAN(s string) bool {
	return isDigits(s, 8) && (s[0] == '2' || s[0] == '3')
}

// now is the clock that bounds the years inside Singaporean numbers.
var now = time.Now

// sgUEN judges the three kinds of Singaporean entity number.
func sgUEN(s string) bool {
	switch {
	case matches(s, "99999999A"):
		return s[8] == "XMKECAWLJDB"[weigh(s, 10, 4, 9, 3, 8, 2, 7, 1)%11]
	case matches(s, "999999999A"):
		return number(s[:4]) <= now().Year() &&
			s[9] == "ZKCMDNERGWH"[weigh(s, 10, 8, 6, 4, 9, 7, 5, 3, 1)%11]
	case matches(s, "A99AA9999X"):
		return sgOther(s)
	}
	return false
}

// sgEntities are the kinds of body that are neither business nor company.
const sgEntities = "CC CD CH CL CM CP CS CX DP FB FC FM FN GA GB GS HS LL LP MB MC MD MH MM " +
	"MQ NB NR PA PB PF RF RP SM SS TC TU VH XL"

// sgOther judges the number of such a body. R, S and T are the nineteenth, the
// twentieth and this century.
func sgOther(s string) bool {
	const alphabet = "ABCDEFGHJKLMNPQRSTUVWX0123456789"
	if !strings.ContainsRune("RST", rune(s[0])) || !oneOf(s[3:5], sgEntities) {
		return false
	}
	if s[0] == 'T' && number(s[1:3]) > now().Year()%100 {
		return false
	}
	sum := 0
	for i, w := range []int{4, 3, 5, 3, 10, 2, 2, 5, 7} {
		sum += w * strings.IndexByte(alphabet, s[i])
	}
	return s[9] == alphabet[mod(sum-5, 11)]
}

// thVAT judges the Thai number of a company, which starts with zero.
func thVAT(s string) bool {
	if !isDigits(s, 13) || s[0] != '0' {
		return false
	}
	return last(s) == mod(1-mod(weigh(s, countdown(2, -9)...), 11), 10)
}

// trTIN judges the Turkish tax number.
func trTIN(s string) bool {
	if !isDigits(s, 10) {
		return false
	}
	sum := 0
	for i := 1; i <= 9; i++ {
		shifted := (int(s[9-i]-'0') + i) % 10
		if shifted == 0 {
			continue
		}
		part := shifted << i % 9
		if part == 0 {
			part = 9
		}
		sum += part
	}
	return last(s) == mod(10-sum, 10)
}

// twVAT judges the Taiwanese business number. A seven in the seventh place has
// two readings, of which either may fit.
func twVAT(s string) bool {
	if !isDigits(s, 8) {
		return false
	}
	sum := 0
	for i, w := range []int{1, 2, 1, 2, 1, 2, 4, 1} {
		product := w * int(s[i]-'0')
		sum += product/10 + product%10
	}
	return sum%5 == 0 || s[6] == '7' && (sum+1)%5 == 0
}

// vnTIN judges the Vietnamese number, with or without a branch.
func vnTIN(s string) bool {
	if !isDigits(s, 10, 13) || s[2:9] == "0000000" || s[10:] == "000" {
		return false
	}
	return last(s[:10]) == 10-weigh(s, 31, 29, 23, 19, 17, 13, 7, 5, 3)%11
}
