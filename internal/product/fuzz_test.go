package product_test

import (
	"math/big"
	"reflect"
	"strings"
	"testing"

	"floe/internal/product"
	"floe/internal/schema"
)

// A price that is accepted is the number that was sent, with no more digits
// than can be kept, and is accepted again as it is shown.
func FuzzDecimal(f *testing.F) {
	for _, s := range []string{"0.5", "1e2", "1E-12", "99999.999999999999", "100000", "NaN", "-1", ".5", "1.", "1/3", "0x1p4", "1_0", "00.10", "1e99", "1e-99", " 1 ", "+1", "++1", "1e+05"} {
		f.Add(s)
	}
	plan := schema.PlanOf(reflect.TypeFor[product.Decimal](), "")
	read := func(text string) (d product.Decimal, ok bool) {
		problems := &schema.Problems{}
		plan.Decode(schema.StringNode(text), schema.Root(problems, "body"), reflect.ValueOf(&d).Elem())
		return d, problems.Err() == nil
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := read(text)
		if !ok {
			return
		}
		kept, isNumber := new(big.Rat).SetString(string(d))
		sent, wasNumber := new(big.Rat).SetString(strings.TrimSpace(text))
		if !isNumber || !wasNumber || kept.Cmp(sent) != 0 || kept.Sign() <= 0 {
			t.Errorf("%q is kept as %q", text, d)
		}
		if again, ok := read(string(d)); !ok || again != d {
			t.Errorf("%q is kept as %q, and that as %q", text, d, again)
		}
	})
}
