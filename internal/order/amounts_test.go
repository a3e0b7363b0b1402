package order

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"floe/internal/db"
	"floe/internal/discount"
	"floe/internal/money"
)

// TestApply is the table of orders.md §3.3.
func TestApply(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ total, balance, applied, after int64 }{
		{5000, 10000, -5000, 5000},
		{5000, 3000, -3000, 0},
		{5000, 0, 0, 0},
		{5000, -50, 50, 0},
		{0, 700, 0, 700},
		{0, -50, 50, 0},
		{-5000, 10000, 0, 15000},
		{-5000, 0, 0, 5000},
		{-5000, -50, 50, 4950},
		{-50, -5000, 50, -4950},
	} {
		applied, movement := apply(c.total, c.balance)
		if applied != c.applied || c.balance+movement != c.after {
			t.Errorf("total %d, balance %d: applied %d, then %d; want %d, then %d", c.total, c.balance, applied, c.balance+movement, c.applied, c.after)
		}
	}
}

// flat is a tax of a percentage.
type flat struct {
	percent   int64
	inclusive bool
}

func (f flat) Of(_ context.Context, _ *Row, taxable int64) (int64, bool, error) {
	den := int64(100)
	if f.inclusive {
		den += f.percent
	}
	return money.MulDiv(taxable, f.percent, den, money.HalfAwayFromZero), f.inclusive, nil
}

// TestReckon: the examples of §3.1, and cases 27 to 30 of the checklist.
func TestReckon(t *testing.T) {
	t.Parallel()
	cycle := func(amount int64) Line { return Line{Amount: amount} }
	part := func(amount int64) Line { return Line{Amount: amount, Proration: true} }
	for _, c := range []struct {
		name                                  string
		lines                                 []Line
		discount                              int64
		tax                                   Tax
		subtotal, net, taxed, total, due, abs int64
	}{
		{"exclusive", []Line{cycle(10000)}, 0, flat{20, false}, 10000, 10000, 2000, 12000, 12000, 0},
		{"inclusive", []Line{cycle(10000)}, 0, flat{20, true}, 10000, 8333, 1667, 10000, 10000, 0},
		{"27", []Line{part(-250), part(1500), cycle(3000)}, 0, flat{20, false}, 4250, 4250, 850, 5100, 5100, 0},
		{"28", []Line{part(-1125), part(3375), cycle(9000)}, 2250, flat{20, false}, 11250, 9000, 1800, 10800, 10800, 0},
		{"29", []Line{part(-500), part(2750), cycle(9000)}, 1000, flat{20, false}, 11250, 10250, 2050, 12300, 12300, 0},
		{"30", []Line{part(-11219), cycle(3000)}, 1500, flat{20, false}, -8219, -9719, -1944, -11663, 0, 0},
		{"no taxes", []Line{cycle(1000)}, 0, nil, 1000, 1000, 0, 1000, 1000, 0},
	} {
		s := &Service{Tax: c.tax}
		r := Row{BillingAddress: []byte(`{"country":"FR"}`)}
		if err := s.reckon(t.Context(), &r, &New{Lines: c.lines, DiscountAmount: c.discount}); err != nil {
			t.Fatal(err)
		}
		if r.SubtotalAmount != c.subtotal || r.NetAmount != c.net || r.TaxAmount != c.taxed || r.TotalAmount() != c.total || r.DueAmount() != c.due {
			t.Errorf("%s: subtotal %d net %d tax %d total %d due %d", c.name, r.SubtotalAmount, r.NetAmount, r.TaxAmount, r.TotalAmount(), r.DueAmount())
		}
	}
	s := &Service{Tax: flat{20, false}}
	r := Row{}
	if err := s.reckon(t.Context(), &r, &New{Lines: []Line{cycle(1000)}}); err != nil || r.TaxAmount != 0 {
		t.Errorf("without an address the tax is %d, %v", r.TaxAmount, err)
	}
}

// TestTotalsAddUp: whatever the lines, the discount, the tax and the balance,
// the sums agree to the smallest unit, and money neither appears nor vanishes.
func TestTotalsAddUp(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2)) //nolint:gosec // the same cases every time
	percent := func() discount.Row {
		points := int64(random.IntN(10001))
		return discount.Row{Type: "percentage", BasisPoints: &points}
	}
	for range 20_000 {
		var n New
		base := int64(0)
		for range 1 + random.IntN(6) {
			l := Line{Amount: random.Int64N(2_000_000) - 400_000, Proration: random.IntN(3) == 0}
			if !l.Proration {
				base += l.Amount
			}
			n.Lines = append(n.Lines, l)
		}
		if random.IntN(2) == 0 && base > 0 {
			d := percent()
			n.DiscountAmount = d.Amount(base, "usd")
			if n.DiscountAmount < 0 || n.DiscountAmount > base {
				t.Fatalf("a discount of %d on %d", n.DiscountAmount, base)
			}
		}
		s := &Service{}
		if random.IntN(2) == 0 {
			s.Tax = flat{int64(random.IntN(27)), random.IntN(2) == 0}
		}
		r := Row{BillingAddress: []byte(`{"country":"FR"}`)}
		if err := s.reckon(t.Context(), &r, &n); err != nil {
			t.Fatal(err)
		}
		sum := int64(0)
		for _, item := range n.items(new(db.Tx), &r) {
			sum += item.Amount
		}
		balance := random.Int64N(2_000_000) - 1_000_000
		applied, movement := apply(r.TotalAmount(), balance)
		r.AppliedBalanceAmount = applied
		inclusive := int64(0)
		if f, ok := s.Tax.(flat); ok && f.inclusive {
			inclusive = r.TaxAmount
		}
		switch {
		case sum != r.SubtotalAmount,
			r.SubtotalAmount-r.DiscountAmount-inclusive != r.NetAmount,
			r.NetAmount+r.TaxAmount != r.TotalAmount(),
			r.DueAmount() < 0,
			r.DueAmount()-movement != r.TotalAmount(): // what is paid and what the balance gives is what it costs
			t.Fatalf("%+v: sum %d, balance %d moves by %d", r, sum, balance, movement)
		}
	}
}

// TestAttempts: case 47 and 48 of the checklist, as dates.
func TestAttempts(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 5, 4, 0, 0, 0, 0, time.UTC)
	now, r := start, Row{}
	var days []int
	for !r.Exhausted() {
		days = append(days, int(now.Sub(start)/day))
		if r.attempted(now, false); r.NextPaymentAttemptAt != nil {
			now = *r.NextPaymentAttemptAt
		}
	}
	if want := []int{0, 2, 7, 14, 21}; len(days) != len(want) || days[4] != 21 || days[1] != 2 || days[2] != 7 || days[3] != 14 {
		t.Errorf("attempts on days %v, want %v", days, want)
	}
	if r.NextPaymentAttemptAt != nil || r.CheckAt != nil {
		t.Error("another attempt after the last")
	}
	r = Row{}
	r.attempted(start, true)
	if got := r.NextPaymentAttemptAt.Sub(start); got != 21*day+time.Minute || r.Exhausted() {
		t.Errorf("after a hard decline the last attempt is in %s", got)
	}
	if r.attempted(start, true); !r.Exhausted() {
		t.Error("the failure of the last attempt is not the end")
	}
}

// TestTransitions: the table has no doubles, begins nowhere but at the
// beginning, and reaches every status.
func TestTransitions(t *testing.T) {
	t.Parallel()
	seen := map[[2]Status]bool{}
	reached := map[Status]bool{"": true}
	for _, x := range Transitions {
		key := [2]Status{x.From, x.To}
		if seen[key] {
			t.Errorf("%s to %s stands there twice", x.From, x.To)
		}
		if !reached[x.From] && x.From != Void {
			t.Errorf("%s is left before anything leads to it", x.From)
		}
		seen[key], reached[x.To] = true, true
	}
	for _, s := range Status("").Enum() {
		if !reached[Status(s)] {
			t.Errorf("nothing leads to %s", s)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("a draft became void")
		}
	}()
	(&Row{Status: Draft}).to(Void)
}
