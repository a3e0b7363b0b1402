package schema

import (
	"fmt"
	"strconv"
	"strings"
)

// The texts a caller sees for malformed input, in one place. They are part of
// the contract: clients show and test them word for word.

func (a *At) missing(input *Node)  { a.Report("missing", "Field required", input) }
func (a *At) stringType(n *Node)   { a.Report("string_type", "Input should be a valid string", n) }
func (a *At) dictType(n *Node)     { a.Report("dict_type", "Input should be a valid dictionary", n) }
func (a *At) listType(n *Node)     { a.Report("list_type", "Input should be a valid list", n) }
func (a *At) boolType(n *Node)     { a.Report("bool_type", "Input should be a valid boolean", n) }
func (a *At) intType(n *Node)      { a.Report("int_type", "Input should be a valid integer", n) }
func (a *At) floatType(n *Node)    { a.Report("float_type", "Input should be a valid number", n) }
func (a *At) datetimeType(n *Node) { a.Report("datetime_type", "Input should be a valid datetime", n) }
func (a *At) finiteNumber(n *Node) { a.Report("finite_number", "Input should be a finite number", n) }
func (a *At) uuidType(n *Node) {
	a.Report("uuid_type", "UUID input should be a string, bytes or UUID object", n)
}
func (a *At) intFromFloat(n *Node) {
	a.Report("int_from_float", "Input should be a valid integer, got a number with a fractional part", n)
}
func (a *At) intParsing(n *Node) {
	a.Report("int_parsing", "Input should be a valid integer, unable to parse string as an integer", n)
}
func (a *At) floatParsing(n *Node) {
	a.Report("float_parsing", "Input should be a valid number, unable to parse string as a number", n)
}
func (a *At) boolParsing(n *Node) {
	a.Report("bool_parsing", "Input should be a valid boolean, unable to interpret input", n)
}
func (a *At) intTooLong(n *Node) {
	a.Report("int_parsing_size", "Unable to parse input string as an integer, exceeded maximum size", n)
}
func (a *At) attributesType(n *Node) {
	a.Report("model_attributes_type", "Input should be a valid dictionary or object to extract fields from", n)
}

func (a *At) extra(n *Node) {
	a.Report("extra_forbidden", "Extra inputs are not permitted", n)
}

// Missing reports an absent required value; input is the enclosing object.
func (a *At) Missing(input *Node) { a.missing(input) }

// NotObject reports a value that should have been an object.
func (a *At) NotObject(n *Node) { a.attributesType(n) }

// ValueError reports a rule of our own on one value.
func (a *At) ValueError(text string, n *Node) {
	a.Report("value_error", "Value error, "+text, n, KV{"error", nil})
}

// Enum reports a value outside a closed list.
func (a *At) Enum(values []string, n *Node) {
	e := Quoted(values)
	a.Report("enum", "Input should be "+e, n, KV{"expected", e})
}

// Literal reports a value outside a closed list of literals; expected is the
// text of the list where it differs from the quoted values.
func (a *At) Literal(expected string, n *Node) {
	a.Report("literal_error", "Input should be "+expected, n, KV{"expected", expected})
}

func (a *At) tooShort(n *Node, minimum int) {
	a.Report("string_too_short", fmt.Sprintf("String should have at least %d character%s", minimum, plural(minimum)), n, KV{"min_length", minimum})
}

func (a *At) tooLong(n *Node, maximum int) {
	a.Report("string_too_long", fmt.Sprintf("String should have at most %d character%s", maximum, plural(maximum)), n, KV{"max_length", maximum})
}

func (a *At) pattern(n *Node, re string) {
	a.Report("string_pattern_mismatch", "String should match pattern '"+re+"'", n, KV{"pattern", re})
}

func (a *At) tooMany(n *Node, what string, maximum, actual int) {
	a.Report("too_long", fmt.Sprintf("%s should have at most %d item%s after validation, not %d", what, maximum, plural(maximum), actual), n,
		KV{"field_type", what}, KV{"max_length", maximum}, KV{"actual_length", actual})
}

func (a *At) tooFew(n *Node, what string, minimum, actual int) {
	a.Report("too_short", fmt.Sprintf("%s should have at least %d item%s after validation, not %d", what, minimum, plural(minimum), actual), n,
		KV{"field_type", what}, KV{"min_length", minimum}, KV{"actual_length", actual})
}

// bounds, in the order they are checked.
var bounds = []struct {
	tag, typ, words string
	broken          func(v, limit float64) bool
}{
	{"le", "less_than_equal", "less than or equal to", func(v, l float64) bool { return v > l }},
	{"lt", "less_than", "less than", func(v, l float64) bool { return v >= l }},
	{"ge", "greater_than_equal", "greater than or equal to", func(v, l float64) bool { return v < l }},
	{"gt", "greater_than", "greater than", func(v, l float64) bool { return v <= l }},
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

// Quoted lists values as messages do: 'a', 'b' or 'c'.
func Quoted(values []string) string {
	q := make([]string, len(values))
	for i, v := range values {
		q[i] = "'" + v + "'"
	}
	if len(q) < 2 {
		return strings.Join(q, "")
	}
	return strings.Join(q[:len(q)-1], ", ") + " or " + q[len(q)-1]
}

// SyntaxProblems is the answer to a body that is not JSON.
func SyntaxProblems(e *SyntaxError) *Problems {
	return &Problems{List: []Problem{{Type: "json_invalid", Loc: []any{"body", e.Offset}, Msg: "JSON decode error",
		Input: &Node{Kind: Object}, Ctx: []KV{{"error", e.Reason}}}}}
}

func number(text string) float64 {
	f, _ := strconv.ParseFloat(text, 64)
	return f
}
