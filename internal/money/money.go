// Package money is arithmetic on amounts in the smallest unit of a currency,
// and what is known of currencies: which ones there are, how much is the least
// and the most that a price may be, and how an amount is written. It knows
// nothing of prices, orders or discounts.
package money

import (
	"fmt"
	"math"
	"math/big"
	"math/bits"
	"slices"
	"strconv"
	"strings"
)

// Known says whether prices can be in a currency, given in lower case.
func Known(currency string) bool {
	_, ok := minimums[currency]
	return ok
}

// Currencies lists every currency that prices can be in, sorted.
func Currencies() []string { return slices.Clone(codes) }

// defaultMinimum is that of a currency that nothing is known of.
const defaultMinimum = 50

// Minimum is the least that can be charged, other than nothing.
func Minimum(currency string) int64 {
	if n, ok := minimums[currency]; ok {
		return n
	}
	return defaultMinimum
}

// Maximum is the most that a price can be.
func Maximum(currency string) int64 {
	if n, ok := maximums[currency]; ok {
		return n
	}
	return defaultMaximum
}

// Most is the most that anything can cost. Clients that read numbers as
// JavaScript does have it exactly, and thousands of such amounts can be added
// up before 64 bits are full.
const Most = 999_999_999_999_999

// Times is what a number of things costs, all of them at the same rate, none
// negative. It says whether that is at most Most.
func Times(n, rate int64) (amount int64, ok bool) {
	hi, lo := bits.Mul64(uint64(n), uint64(rate))
	if hi > 0 || lo > Most {
		return 0, false
	}
	return int64(lo), true
}

// ZeroDecimal says whether the smallest unit of a currency is the currency
// itself, rather than a hundredth of it.
func ZeroDecimal(currency string) bool { return slices.Contains(zeroDecimal, currency) }

// Format writes an amount as a reader in the United States expects it: $0.50,
// ¥80, -€1,234.50, CHF 5.00.
func Format(amount int64, currency string) string {
	sign, n := "", uint64(amount)
	if amount < 0 {
		sign, n = "-", -uint64(amount)
	}
	if ZeroDecimal(currency) {
		return sign + symbol(currency) + grouped(n)
	}
	return sign + symbol(currency) + grouped(n/100) + fmt.Sprintf(".%02d", n%100)
}

// symbol is what stands before an amount. A code needs a space that does not
// break the line.
func symbol(currency string) string {
	if s, ok := symbols[currency]; ok {
		return s
	}
	return strings.ToUpper(currency) + "\u00a0"
}

func grouped(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range []byte(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteByte(d)
	}
	return b.String()
}

// Rounding says what becomes of the part of an amount that is smaller than
// its smallest unit.
type Rounding uint8

// The ways to round. Halves go away from zero for what is charged by usage and
// for percentages, to the even neighbour for prorations.
const (
	HalfAwayFromZero Rounding = iota
	HalfEven
	TowardZero
	Down // toward minus infinity
)

// MulDiv is a × num ÷ den, rounded once: the product may be larger than 64
// bits. It panics when den is zero or the result does not fit, which no amount
// within the limits of a price can bring about.
func MulDiv(a, num, den int64, r Rounding) int64 {
	if den == 0 {
		panic("money: division by zero")
	}
	negative := (a < 0) != (num < 0) != (den < 0)
	hi, lo := bits.Mul64(magnitude(a), magnitude(num))
	d := magnitude(den)
	if hi >= d {
		panic(fmt.Sprintf("money: %d × %d ÷ %d does not fit", a, num, den))
	}
	q, rest := bits.Div64(hi, lo, d)
	if rest != 0 && q < math.MaxUint64 && up(q, rest, d, negative, r) {
		q++
	}
	return signed(q, negative) // which refuses what was too large to raise, too
}

// up says whether the magnitude of a quotient with a rest is to be raised.
func up(q, rest, den uint64, negative bool, r Rounding) bool {
	switch r {
	case TowardZero:
		return false
	case Down:
		return negative
	}
	other := den - rest // compares rest with a half without overflow
	return rest > other || rest == other && (r == HalfAwayFromZero || q%2 == 1)
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}

func signed(q uint64, negative bool) int64 {
	switch {
	case negative && q <= 1<<63:
		return int64(-q) //nolint:gosec // it fits: checked
	case !negative && q < 1<<63:
		return int64(q)
	}
	panic("money: an amount does not fit in 64 bits")
}

// Split divides a total in proportion to weights, none of them negative. Each
// part is rounded toward zero, and the units that are left over go one by one
// to the parts that lost most by it, the earlier first. The parts always sum
// up to the total; without any weight the first part gets it all.
func Split(total int64, weights []int64) []int64 {
	parts := make([]int64, len(weights))
	if len(weights) == 0 {
		return parts
	}
	sum := new(big.Int)
	for _, w := range weights {
		if w < 0 {
			panic("money: a negative weight")
		}
		sum.Add(sum, big.NewInt(w))
	}
	if sum.Sign() == 0 {
		parts[0] = total
		return parts
	}
	rests := make([]*big.Int, len(weights))
	left := total
	for i, w := range weights {
		q, rest := new(big.Int).QuoRem(new(big.Int).Mul(big.NewInt(total), big.NewInt(w)), sum, new(big.Int))
		parts[i], rests[i] = q.Int64(), rest.Abs(rest)
		left -= parts[i]
	}
	handOut(parts, rests, left)
	return parts
}

// handOut gives one unit each to the parts with the largest rests. There are
// always fewer units left than parts with a rest.
func handOut(parts []int64, rests []*big.Int, left int64) {
	order := make([]int, len(parts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return rests[b].Cmp(rests[a]) })
	unit := int64(1)
	if left < 0 {
		unit = -1
	}
	for i := 0; left != 0; i++ {
		parts[order[i]] += unit
		left -= unit
	}
}

// Hundredths writes an amount divided by a hundred as exports do, for
// every currency: 10.0, 12.5, 0.05.
func Hundredths(n int64) string {
	sign := ""
	if n < 0 {
		sign, n = "-", -n
	}
	out := sign + strconv.FormatInt(n/100, 10) + "." + strconv.FormatInt(n/10%10, 10)
	if n%10 != 0 {
		out += strconv.FormatInt(n%10, 10)
	}
	return out
}
