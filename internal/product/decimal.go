package product

import (
	"math/big"
	"reflect"
	"strings"

	"floe/internal/schema"
)

// What a price for a unit of usage can be: at most 12 places after the point
// and 17 digits in all.
const (
	decimalDigits = 17
	decimalPlaces = 12
)

// DecimalText is a decimal number as answers have it: text.
type DecimalText string

// DecodeNode is never used: numbers arrive as Decimal.
func (*DecimalText) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (DecimalText) SchemaName() string { return "" }

// DescribeSchema describes the text.
func (DecimalText) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "string", Pattern: `^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$`}
}

// Decimal is a positive decimal number as it arrives: a number or text. It is
// kept as text with all its places, as answers show it.
type Decimal string

// DecodeNode reads a number.
func (d *Decimal) DecodeNode(n *schema.Node, at *schema.At) {
	r := readDecimal(n, at)
	if r == nil {
		return
	}
	digits, places := countDigits(r)
	switch {
	case digits > decimalDigits:
		at.Report("decimal_max_digits", "Decimal input should have no more than 17 digits in total", n, schema.KV{Key: "max_digits", Value: decimalDigits})
	case places > decimalPlaces:
		at.Report("decimal_max_places", "Decimal input should have no more than 12 decimal places", n, schema.KV{Key: "decimal_places", Value: decimalPlaces})
	case digits-places > decimalDigits-decimalPlaces:
		at.Report("decimal_whole_digits", "Decimal input should have no more than 5 digits before the decimal point", n,
			schema.KV{Key: "whole_digits", Value: decimalDigits - decimalPlaces})
	case r.Sign() <= 0:
		at.Report("greater_than", "Input should be greater than 0", n, schema.KV{Key: "gt", Value: 0})
	}
	*d = Decimal(r.FloatString(decimalPlaces))
}

// maxDecimalText bounds what is worth reading as a number.
const maxDecimalText = 100

// readDecimal reports what is no finite number, and answers nil for it.
func readDecimal(n *schema.Node, at *schema.At) *big.Rat {
	var text string
	switch n.Kind {
	case schema.Int, schema.Float:
		text = n.Text
	case schema.String:
		text = strings.TrimSpace(n.Text)
	default:
		at.Report("decimal_type", "Decimal input should be an integer, float, string or Decimal object", n)
		return nil
	}
	switch strings.ToLower(strings.TrimLeft(text, "+-")) {
	case "nan", "inf", "infinity":
		at.Report("finite_number", "Input should be a finite number", n)
		return nil
	}
	if r, ok := parseDecimal(text); ok {
		return r
	}
	at.Report("decimal_parsing", "Input should be a valid decimal", n)
	return nil
}

// parseDecimal takes digits with a point and an exponent of a few digits, and
// nothing else that big.Rat would: no fractions, no hexadecimal numbers.
func parseDecimal(text string) (*big.Rat, bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(text), "e")
	if len(text) > maxDecimalText || len(strings.TrimLeft(exponent, "+-0")) > 2 || strings.Trim(mantissa, "+-0123456789.") != "" {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// countDigits are the digits of a number without the zeros at its ends, and
// how many of them stand after the point.
func countDigits(r *big.Rat) (digits, places int) {
	const enough = 200
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(r.FloatString(enough), "-"), ".")
	fraction = strings.TrimRight(fraction, "0")
	whole = strings.TrimLeft(whole, "0")
	if whole == "" {
		return max(len(strings.TrimLeft(fraction, "0")), len(fraction)), len(fraction)
	}
	return len(whole) + len(fraction), len(fraction)
}

// SchemaName says that the schema is written in place.
func (Decimal) SchemaName() string { return "" }

// DescribeSchema describes the number.
func (Decimal) DescribeSchema(*schema.Builder) *schema.Schema {
	zero := 0.0
	return &schema.Schema{AnyOf: []*schema.Schema{
		{Type: "number", ExclusiveMinimum: &zero},
		{Type: "string", Pattern: `^(?!^[-+.]*$)[+-]?0*(?:\d{0,5}|(?=[\d.]{1,18}0*$)\d{0,5}\.\d{0,12}0*$)`},
	}}
}

// Whole is an amount that arrives as a decimal number and has to be whole.
type Whole int64

// DecodeNode reads a number.
func (w *Whole) DecodeNode(n *schema.Node, at *schema.At) {
	r := readDecimal(n, at)
	switch {
	case r == nil:
	case r.Sign() < 0:
		at.Report("greater_than_equal", "Input should be greater than or equal to 0", n, schema.KV{Key: "ge", Value: 0})
	case !r.IsInt():
		at.ValueError("Unit tier rates must be in smallest currency unit, got "+strings.Trim(n.Text, " "), n)
	case !r.Num().IsInt64():
		at.Report("decimal_max_digits", "Decimal input should have no more than 19 digits in total", n, schema.KV{Key: "max_digits", Value: 19})
	default:
		*w = Whole(r.Num().Int64())
	}
}

// SchemaName says that the schema is written in place.
func (Whole) SchemaName() string { return "" }

// DescribeSchema describes the number.
func (Whole) DescribeSchema(*schema.Builder) *schema.Schema {
	zero := 0.0
	return &schema.Schema{AnyOf: []*schema.Schema{{Type: "integer", Minimum: &zero}, {Type: "string"}}}
}

// Name is the name of a product: 3 to 64 characters without the spaces around.
type Name string

const (
	minName = 3
	maxName = 64
)

var namePlan = schema.PlanOf(reflect.TypeFor[string](), "")

// DecodeNode reads a name.
func (name *Name) DecodeNode(n *schema.Node, at *schema.At) {
	var text string
	before := at.Count()
	namePlan.Decode(n, at, reflect.ValueOf(&text).Elem())
	if at.Count() > before {
		return
	}
	text = strings.TrimSpace(text)
	length := len([]rune(text))
	field := schema.KV{Key: "field_type", Value: "Value"}
	actual := schema.KV{Key: "actual_length", Value: length}
	switch {
	case length < minName:
		at.Report("too_short", sizeText("at least", minName, length), n, field, schema.KV{Key: "min_length", Value: minName}, actual)
	case length > maxName:
		at.Report("too_long", sizeText("at most", maxName, length), n, field, schema.KV{Key: "max_length", Value: maxName}, actual)
	}
	*name = Name(text)
}

// SchemaName says that the schema is written in place.
func (Name) SchemaName() string { return "" }

// DescribeSchema describes a name.
func (Name) DescribeSchema(*schema.Builder) *schema.Schema {
	low, high := minName, maxName
	return &schema.Schema{Type: "string", MinLength: &low, MaxLength: &high}
}
