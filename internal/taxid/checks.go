package taxid

import (
	"slices"
	"strings"
	"time"
)

// isDigits reports whether s is made of ASCII digits only and has one of the
// lengths.
func isDigits(s string, lengths ...int) bool {
	return slices.Contains(lengths, len(s)) && allDigits(s)
}

// allDigits reports whether s is non-empty and made of ASCII digits only.
func allDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func isLetter(c byte) bool { return c >= 'A' && c <= 'Z' }

// matches compares s with a pattern of the same length in which 9 stands for
// a digit, A for an upper-case letter, X for either, and anything else for
// itself.
func matches(s, pattern string) bool {
	if len(s) != len(pattern) {
		return false
	}
	for i := range len(s) {
		if !matchesByte(s[i], pattern[i]) {
			return false
		}
	}
	return true
}

func matchesByte(c, pattern byte) bool {
	switch pattern {
	case '9':
		return isDigit(c)
	case 'A':
		return isLetter(c)
	case 'X':
		return isDigit(c) || isLetter(c)
	}
	return c == pattern
}

// oneOf reports whether s is a word of a space-separated list.
func oneOf(s, list string) bool {
	return s != "" && slices.Contains(strings.Fields(list), s)
}

// number reads a run of digits. The caller has checked them and there are at
// most eighteen.
func number(s string) int {
	n := 0
	for i := range len(s) {
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// last returns the value of the final digit of s.
func last(s string) int { return int(s[len(s)-1] - '0') }

// mod is the remainder that is never negative, which is what published
// check digit formulas mean by mod.
func mod(a, m int) int { return ((a % m) + m) % m }

// weigh sums the characters of s from the left, each times its weight. A
// character counts as its distance from '0', so letters work too where an
// authority defined them that way. s is at least as long as weights.
func weigh(s string, weights ...int) int {
	sum := 0
	for i, w := range weights {
		sum += w * int(s[i]-'0')
	}
	return sum
}

// weighRight is weigh from the right end, over all of s, starting the weights
// again when they run out.
func weighRight(s string, weights ...int) int {
	sum := 0
	for i := range len(s) {
		sum += weights[i%len(weights)] * int(s[len(s)-1-i]-'0')
	}
	return sum
}

// countdown returns the weights from, from-1, ... to.
func countdown(from, to int) []int {
	weights := make([]int, 0, from-to+1)
	for w := from; w >= to; w-- {
		weights = append(weights, w)
	}
	return weights
}

// digits and base36 are the alphabets of the two Luhn variants in use.
const (
	digits = "0123456789"
	base36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// luhn reports whether a number, check character included, satisfies the Luhn
// formula over the alphabet. All characters of s are in the alphabet.
func luhn(s, alphabet string) bool {
	return luhnSum(s, alphabet) == 0
}

// luhnSum is the Luhn remainder of s. The last character counts once, the one
// before it twice, and so on.
func luhnSum(s, alphabet string) int {
	n := len(alphabet)
	sum := 0
	for i := range len(s) {
		v := strings.IndexByte(alphabet, s[len(s)-1-i])
		if i%2 == 1 {
			v = v*2/n + v*2%n
		}
		sum += v
	}
	return sum % n
}

// hybrid reports whether the digits of s satisfy ISO 7064 Mod 11,10.
func hybrid(s string) bool {
	check := 5
	for i := range len(s) {
		if check == 0 {
			check = 10
		}
		check = (check*2%11 + int(s[i]-'0')) % 10
	}
	return check == 1
}

// mod97 is the remainder of s read as in ISO 7064 Mod 97,10: letters stand for
// two digits, 10 to 35.
func mod97(s string) int {
	rest := 0
	for i := range len(s) {
		v := strings.IndexByte(base36, s[i])
		if v > 9 {
			rest *= 10
		}
		rest = (rest*10 + v) % 97
	}
	return rest
}

// realDate reports whether the calendar has the day.
func realDate(year, month, day int) bool {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t.Year() == year && int(t.Month()) == month && t.Day() == day
}
