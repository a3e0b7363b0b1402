package money_test

import (
	"math/big"
	"strings"
	"testing"

	"floe/internal/money"
)

// The parts are the whole, each lies within one unit of its share, and none
// has another sign.
func FuzzSplit(f *testing.F) {
	f.Add(int64(100), int64(1), int64(1), int64(1))
	f.Add(int64(-7), int64(3), int64(0), int64(9))
	f.Add(int64(9223372036854775807), int64(9223372036854775807), int64(9223372036854775807), int64(1))
	f.Fuzz(func(t *testing.T, total, a, b, c int64) {
		weights := []int64{a, b, c}
		sum := new(big.Int)
		for _, w := range weights {
			if w < 0 {
				return
			}
			sum.Add(sum, big.NewInt(w))
		}
		var whole int64
		for i, part := range money.Split(total, weights) {
			whole += part
			if sum.Sign() == 0 {
				continue
			}
			off := new(big.Int).Sub(new(big.Int).Mul(big.NewInt(part), sum), new(big.Int).Mul(big.NewInt(total), big.NewInt(weights[i])))
			if off.CmpAbs(sum) >= 0 {
				t.Errorf("%d by %v: part %d is %d", total, weights, i, part)
			}
		}
		if whole != total {
			t.Errorf("%d by %v adds up to %d", total, weights, whole)
		}
	})
}

// MulDiv is what arithmetic without limits says, or says that it does not fit.
func FuzzMulDiv(f *testing.F) {
	f.Add(int64(10), int64(1), int64(4), byte(0))
	f.Add(int64(-10), int64(1), int64(4), byte(3))
	f.Add(int64(9223372036854775807), int64(-2), int64(2), byte(1))
	f.Add(int64(-9223372036854775808), int64(1), int64(-1), byte(2))
	f.Add(int64(31), int64(1190112520884487201), int64(2), byte(0)) // rounds up from the last number of 64 bits
	f.Add(int64(9223372036854775807), int64(6), int64(3), byte(0))
	f.Fuzz(func(t *testing.T, a, num, den int64, r byte) {
		if den == 0 {
			return
		}
		how := money.Rounding(r % 4)
		want := exact(a, num, den, how)
		defer func() {
			if p := recover(); p != nil && want.IsInt64() {
				t.Errorf("%d × %d ÷ %d: %v, and it is %s", a, num, den, p, want)
			}
		}()
		if got := money.MulDiv(a, num, den, how); !want.IsInt64() || got != want.Int64() {
			t.Errorf("%d × %d ÷ %d (%d) is %d, not %s", a, num, den, how, got, want)
		}
	})
}

func exact(a, num, den int64, how money.Rounding) *big.Int {
	product, divisor := new(big.Int).Mul(big.NewInt(a), big.NewInt(num)), big.NewInt(den)
	if divisor.Sign() < 0 {
		product.Neg(product)
		divisor.Neg(divisor)
	}
	floor, rest := new(big.Int).DivMod(product, divisor, new(big.Int)) // rest is never negative
	half := new(big.Int).Lsh(rest, 1).Cmp(divisor)
	up := false
	switch how {
	case money.Down:
	case money.TowardZero:
		up = rest.Sign() > 0 && product.Sign() < 0
	case money.HalfEven:
		up = half > 0 || half == 0 && floor.Bit(0) == 1
	default:
		up = half > 0 || half == 0 && product.Sign() > 0
	}
	if up {
		floor.Add(floor, big.NewInt(1))
	}
	return floor
}

// An amount is written so that it can be read: its digits are those of the
// number.
func FuzzFormat(f *testing.F) {
	f.Add(int64(123456789), "usd")
	f.Add(int64(-5), "jpy")
	f.Add(int64(-9223372036854775808), "eur")
	f.Add(int64(0), "xyz")
	f.Fuzz(func(t *testing.T, amount int64, currency string) {
		if !money.Known(currency) {
			return
		}
		text := money.Format(amount, currency)
		digits := strings.Map(func(r rune) rune {
			if r >= '0' && r <= '9' {
				return r
			}
			return -1
		}, text)
		want := strings.TrimLeft(new(big.Int).Abs(big.NewInt(amount)).String(), "0")
		if strings.TrimLeft(digits, "0") != want || strings.ContainsAny(text, "-−") != (amount < 0) {
			t.Errorf("%d %s is written %q", amount, currency, text)
		}
	})
}
