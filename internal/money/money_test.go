package money_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"floe/internal/money"
)

func TestFormat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		amount   int64
		currency string
		want     string
	}{
		{50, "usd", "$0.50"}, {80, "jpy", "¥80"}, {50, "eur", "€0.50"}, {99999999, "usd", "$999,999.99"},
		{0, "usd", "$0.00"}, {-123450, "eur", "-€1,234.50"}, {500, "chf", "CHF\u00a05.00"}, {1000000, "krw", "₩1,000,000"},
		{1250000000, "uzs", "UZS\u00a012,500,000.00"}, {200000, "ugx", "UGX\u00a02,000.00"}, {100, "gbp", "£1.00"},
		{math.MinInt64, "usd", "-$92,233,720,368,547,758.08"},
	} {
		if got := money.Format(c.amount, c.currency); got != c.want {
			t.Errorf("%d %s: %q, want %q", c.amount, c.currency, got, c.want)
		}
	}
}

func TestCurrencies(t *testing.T) {
	t.Parallel()
	all := money.Currencies()
	if len(all) != 126 || !slices.IsSorted(all) {
		t.Errorf("%d currencies: %v", len(all), all)
	}
	for _, c := range all {
		if !money.Known(c) || money.Minimum(c) <= 0 || money.Minimum(c) >= money.Maximum(c) {
			t.Errorf("%s: %d to %d", c, money.Minimum(c), money.Maximum(c))
		}
	}
	if money.Known("xxx") || money.Known("USD") || money.Minimum("xxx") != 50 || money.Maximum("usd") != 99999999 || money.Maximum("lak") != 2100000000 {
		t.Error("what is not known has the defaults, and what is worth little a maximum of its own")
	}
	if !money.ZeroDecimal("jpy") || money.ZeroDecimal("ugx") || money.ZeroDecimal("huf") || money.ZeroDecimal("isk") {
		t.Error("which currencies have no smaller unit")
	}
}

func TestMulDiv(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, num, den            int64
		away, even, zero, down int64
	}{
		{5, 1, 2, 3, 2, 2, 2},
		{7, 1, 2, 4, 4, 3, 3},
		{-5, 1, 2, -3, -2, -2, -3},
		{-7, 1, 2, -4, -4, -3, -4},
		{1, 1, 3, 0, 0, 0, 0},
		{-1, 1, 3, 0, 0, 0, -1},
		{2, 1, 3, 1, 1, 0, 0},
		{6, 1, 3, 2, 2, 2, 2},
		{-6, 1, 3, -2, -2, -2, -2},
		{0, 5, 7, 0, 0, 0, 0},
		{math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64, math.MaxInt64},
		{math.MinInt64, 1, 1, math.MinInt64, math.MinInt64, math.MinInt64, math.MinInt64},
		{2100000000, 9999, 10000, 2099790000, 2099790000, 2099790000, 2099790000},
		{1, 1, math.MaxInt64, 0, 0, 0, 0},
		{math.MaxInt64, 1, 2, 1 << 62, 1 << 62, 1<<62 - 1, 1<<62 - 1},
	} {
		got := [4]int64{money.MulDiv(c.a, c.num, c.den, money.HalfAwayFromZero), money.MulDiv(c.a, c.num, c.den, money.HalfEven),
			money.MulDiv(c.a, c.num, c.den, money.TowardZero), money.MulDiv(c.a, c.num, c.den, money.Down)}
		if got != [4]int64{c.away, c.even, c.zero, c.down} {
			t.Errorf("%d × %d ÷ %d: %v", c.a, c.num, c.den, got)
		}
	}
}

// Against arithmetic without limits.
func TestMulDivProperty(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	half := big.NewRat(1, 2)
	for range 20000 {
		a, num, den := r.Int64N(1<<40)-1<<39, r.Int64N(1<<30), r.Int64N(1<<30)+1
		if r.IntN(2) == 0 { // where halves are frequent
			a, num, den = r.Int64N(200)-100, r.Int64N(20), 2*(r.Int64N(10)+1)
		}
		exact := new(big.Rat).Mul(big.NewRat(a, 1), big.NewRat(num, den))
		for _, rounding := range []money.Rounding{money.HalfAwayFromZero, money.HalfEven, money.TowardZero, money.Down} {
			got := money.MulDiv(a, num, den, rounding)
			off := new(big.Rat).Sub(big.NewRat(got, 1), exact)
			distance := new(big.Rat).Abs(off)
			var ok bool
			switch rounding {
			case money.HalfAwayFromZero, money.HalfEven:
				ok = distance.Cmp(half) <= 0
				if distance.Cmp(half) == 0 {
					ok = rounding == money.HalfEven && got%2 == 0 || rounding == money.HalfAwayFromZero && off.Sign() == exact.Sign()
				}
			case money.TowardZero:
				ok = distance.Cmp(big.NewRat(1, 1)) < 0 && off.Sign()*exact.Sign() <= 0
			case money.Down:
				ok = distance.Cmp(big.NewRat(1, 1)) < 0 && off.Sign() <= 0
			}
			if !ok {
				t.Fatalf("%d × %d ÷ %d rounded %d: %d", a, num, den, rounding, got)
			}
		}
	}
}

func TestMulDivRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range [][3]int64{{1, 1, 0}, {math.MaxInt64, 2, 1}, {math.MinInt64, -1, 1}, {math.MaxInt64, math.MaxInt64, 2}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v gave a result", c)
				}
			}()
			money.MulDiv(c[0], c[1], c[2], money.HalfEven)
		}()
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		total   int64
		weights []int64
		want    []int64
	}{
		{100, []int64{1, 1, 1}, []int64{34, 33, 33}},
		{9000, []int64{10000, 20000}, []int64{3000, 6000}},
		{9000, []int64{30000, 20000}, []int64{5400, 3600}},
		{5, []int64{1, 2, 3}, []int64{1, 2, 2}},
		{-5, []int64{1, 2, 3}, []int64{-1, -2, -2}},
		{7, []int64{0, 1, 0}, []int64{0, 7, 0}},
		{7, []int64{0, 0}, []int64{7, 0}},
		{7, nil, []int64{}},
		{1, []int64{math.MaxInt64, math.MaxInt64, 1}, []int64{1, 0, 0}},
	} {
		if got := money.Split(c.total, c.weights); !slices.Equal(got, c.want) {
			t.Errorf("%d by %v: %v, want %v", c.total, c.weights, got, c.want)
		}
	}
}

// The parts sum up to the total, none is further than a unit from its exact
// share, and equal weights differ by a unit at most.
func TestSplitProperty(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 4))
	for range 5000 {
		weights := make([]int64, 1+r.IntN(12))
		sum := int64(0)
		for i := range weights {
			weights[i] = r.Int64N(1 << r.IntN(40))
			sum += weights[i]
		}
		total := r.Int64N(1<<r.IntN(40)+1) - 1000
		parts := money.Split(total, weights)
		got := int64(0)
		for i, p := range parts {
			got += p
			if sum == 0 {
				continue
			}
			exact := new(big.Rat).Mul(big.NewRat(total, 1), big.NewRat(weights[i], sum))
			if off := new(big.Rat).Sub(big.NewRat(p, 1), exact); off.Abs(off).Cmp(big.NewRat(1, 1)) >= 0 {
				t.Fatalf("%d by %v: part %d is %d", total, weights, i, p)
			}
			for j, w := range weights {
				if d := p - parts[j]; w == weights[i] && (d > 1 || d < -1) {
					t.Fatalf("%d by %v: equal weights got %d and %d", total, weights, p, parts[j])
				}
			}
		}
		if got != total {
			t.Fatalf("%d by %v: %v sums up to %d", total, weights, parts, got)
		}
	}
}

// The roundings of the specification of subscriptions, §15.2: what is left of
// a price for the rest of a period.
func TestProrations(t *testing.T) {
	t.Parallel()
	const day = 24 * 3600
	for _, c := range []struct{ base, left, whole, want int64 }{
		{10000, 15, 30, 5000}, {30000, 15, 30, 15000},
		{10000, 20, 30, 6667}, {30000, 20, 30, 20000},
		{10000, 22, 29, 7586}, {30000, 22, 29, 22759},
		{100000, 304, 365, 83288}, {300000, 304, 365, 249863},
		{100000, 166, 366, 45355}, {300000, 166, 366, 136066},
		{100000, 166, 365, 45479}, {300000, 166, 365, 136438},
		{100000, 292, 365, 80000}, {100000, 5, 6, 83333},
		{7500, 15, 30, 3750}, {50000, 15, 30, 25000}, {95000, 15, 30, 47500},
	} {
		if got := money.MulDiv(c.base, c.left*day, c.whole*day, money.HalfEven); got != c.want {
			t.Errorf("%d for %d of %d days: %d, want %d", c.base, c.left, c.whole, got, c.want)
		}
	}
}

func TestHundredths(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0.0", 5: "0.05", 50: "0.5", 1000: "10.0", 1250: "12.5", 1234: "12.34", -5: "-0.05"} {
		if got := money.Hundredths(n); got != want {
			t.Errorf("%d is %s, want %s", n, got, want)
		}
	}
}
