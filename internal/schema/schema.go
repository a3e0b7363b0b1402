// Package schema turns JSON into Go values and says exactly what is wrong
// when it can't. One plan is compiled per type: it decodes, it collects every
// problem in field order, and it writes the JSON Schema. Messages and rules of
// coercion are those of pydantic 2 in its lax mode, because clients of the API
// depend on them. It also encodes answers (Append). It knows nothing of HTTP,
// databases, or what a customer is.
//
// # Tags
//
// Fields take their name from `json` (or from what the caller of PlanOf says)
// and their rules from minLength, maxLength, pattern, gt, ge, lt, le,
// minItems, maxItems, default (JSON text), factory (a default that the schema
// does not show), const, trim:"null" (blank text becomes null), alias (another
// accepted name) and uuid:"any" (any version). required:"false" is for answers:
// the key is always sent, but the contract does not list it as required.
// doc and example are for people.
package schema

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"floe/internal/id"
)

// Decodable is a type that decodes itself: a named value with rules.
// DecodeNode has a pointer receiver and reports problems to at.
type Decodable interface {
	DecodeNode(n *Node, at *At)
}

// Described is a type that writes its own JSON Schema.
type Described interface {
	DescribeSchema(b *Builder) *Schema
}

// Checked is a type with a rule over several of its fields; it runs when each
// of them is fine on its own.
type Checked interface {
	CheckNode(n *Node, at *At)
}

// Strict is a struct that refuses keys it does not have.
type Strict interface{ Strict() }

// Enumerated is a string type with a closed list of values.
type Enumerated interface{ Enum() []string }

// Unioned is a struct of pointers, one per variant (tag `variant`), of which
// decoding sets exactly one.
type Unioned interface{ Union() Union }

// Union says how a variant is chosen.
type Union struct {
	// Discriminator is the key whose value is a variant's tag. Without one every
	// variant is tried, and the last that accepts the input wins.
	Discriminator string
	Default       string // the tag when the key is absent
	First         bool   // without a discriminator, the first that accepts wins
	Func          string // how messages call the discriminator
}

// Plan decodes one type under one set of tags.
type Plan struct {
	node     node
	def      *Node
	quiet    bool // the schema does not show def
	optional bool
	tag      reflect.StructTag
	typ      reflect.Type
}

type node interface {
	decode(n *Node, at *At, dst reflect.Value)
	schema(b *Builder) *Schema
}

// PlanOf compiles a type. It panics for a type or tag that makes no sense:
// that is a mistake of the program and shows when the server starts.
func PlanOf(t reflect.Type, tag reflect.StructTag) *Plan {
	p := &Plan{node: compile(t, tag), tag: tag, typ: t}
	for _, name := range []string{"default", "factory"} {
		d, ok := tag.Lookup(name)
		if !ok {
			continue
		}
		n, err := Parse([]byte(d))
		if err != nil {
			panic(fmt.Sprintf("schema: %s %q: %v", name, d, err))
		}
		p.def, p.quiet = n, name == "factory"
	}
	p.optional = p.def != nil || t.Kind() == reflect.Pointer || isOpt(t) || isMany(t)
	return p
}

// Decode reads n into dst and reports problems at at.
func (p *Plan) Decode(n *Node, at *At, dst reflect.Value) { p.node.decode(n, at, dst) }

// Absent is called when there is no value: it sets the default and says
// whether absence is fine.
func (p *Plan) Absent(dst reflect.Value) bool {
	if p.def != nil {
		p.node.decode(p.def, Root(&Problems{}, ""), dst)
	}
	return p.optional
}

// Optional says whether the value may be absent.
func (p *Plan) Optional() bool { return p.optional }

// Schema describes the type with its documentation.
func (p *Plan) Schema(b *Builder) *Schema {
	s := p.node.schema(b)
	doc, example := p.tag.Get("doc"), p.tag.Get("example")
	if s.Ref != "" && (doc != "" || p.def != nil) {
		s = &Schema{Ref: s.Ref}
	}
	if doc != "" {
		s.Description = doc
	}
	if example != "" {
		s.Examples = []json.RawMessage{json.RawMessage(example)}
	}
	if p.def != nil && !p.quiet {
		s.Default = p.def.Append(nil)
	}
	return s
}

func implements[I any](t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[I]())
}

func compile(t reflect.Type, tag reflect.StructTag) node {
	if c, ok := tag.Lookup("const"); ok {
		return constNode{c}
	}
	switch {
	case isOpt(t):
		f, _ := t.FieldByName("Value")
		return optNode{compile(f.Type, tag)}
	case isMany(t):
		return manyNode{compile(t.Elem(), tag), intTag(tag, "maxItems")}
	case t.Kind() != reflect.Pointer && implements[Decodable](t):
		return customNode{t}
	case t.Kind() == reflect.Struct && implements[Unioned](t):
		return compileUnion(t)
	case t == reflect.TypeFor[id.ID]():
		return uuidNode{any: tag.Get("uuid") == "any"}
	case t == timeType:
		return timeNode{}
	case t == reflect.TypeFor[*Node]():
		return rawNode{}
	case t == rawType:
		return rawJSONNode{}
	case t.Kind() == reflect.String && t.Implements(reflect.TypeFor[Enumerated]()):
		return enumNode{t, reflect.Zero(t).Interface().(Enumerated).Enum()}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return nullableNode{t, compile(t.Elem(), tag)}
	case reflect.String:
		return compileString(tag)
	case reflect.Bool:
		return boolNode{}
	case reflect.Int, reflect.Int32, reflect.Int64:
		return intNode{limitsOf(tag)}
	case reflect.Float64:
		return floatNode{limitsOf(tag)}
	case reflect.Slice:
		return listNode{t, compile(t.Elem(), elementTag(tag)), intTag(tag, "minItems"), intTag(tag, "maxItems")}
	case reflect.Map:
		return mapNode{t, compile(t.Elem(), "")}
	case reflect.Struct:
		return compileObject(t)
	case reflect.Interface:
		return anyNode{}
	}
	panic("schema: cannot decode " + t.String())
}

func elementTag(tag reflect.StructTag) reflect.StructTag {
	return reflect.StructTag(tag.Get("items"))
}

func intTag(tag reflect.StructTag, name string) *int {
	s, ok := tag.Lookup(name)
	if !ok {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		panic("schema: tag " + name + ": " + err.Error())
	}
	return &n
}

// --- wrappers ---

type nullableNode struct {
	t     reflect.Type
	inner node
}

func (p nullableNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind == Null {
		dst.SetZero()
		return
	}
	v := reflect.New(p.t.Elem())
	p.inner.decode(n, at, v.Elem())
	if s, ok := p.inner.(stringNode); ok && s.trim && v.Elem().String() == "" {
		dst.SetZero()
		return
	}
	dst.Set(v)
}

func (p nullableNode) schema(b *Builder) *Schema {
	return &Schema{AnyOf: []*Schema{p.inner.schema(b), {Type: "null"}}}
}

type optNode struct{ inner node }

func (p optNode) decode(n *Node, at *At, dst reflect.Value) {
	dst.FieldByName("Set").SetBool(true)
	p.inner.decode(n, at, dst.FieldByName("Value"))
}

func (p optNode) schema(b *Builder) *Schema { return p.inner.schema(b) }

// manyNode reads one value or a list of them.
type manyNode struct {
	inner node
	max   *int
}

func (p manyNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind == Null {
		return
	}
	if n.Kind != Array {
		n = &Node{Kind: Array, Items: []Node{*n}}
	}
	if p.max != nil && len(n.Items) > *p.max {
		at.tooMany(n, "List", *p.max, len(n.Items))
		return
	}
	dst.Set(reflect.MakeSlice(dst.Type(), len(n.Items), len(n.Items)))
	for i := range n.Items {
		p.inner.decode(&n.Items[i], at.Index(i), dst.Index(i))
	}
}

func (p manyNode) schema(b *Builder) *Schema {
	item := p.inner.schema(b)
	return &Schema{AnyOf: []*Schema{item, {Type: "array", Items: item, MaxItems: p.max}, {Type: "null"}}}
}

type customNode struct{ t reflect.Type }

func (p customNode) decode(n *Node, at *At, dst reflect.Value) {
	dst.Addr().Interface().(Decodable).DecodeNode(n, at)
}

func (p customNode) schema(b *Builder) *Schema {
	d, ok := reflect.New(p.t).Interface().(Described)
	if !ok {
		panic("schema: " + p.t.String() + " decodes itself but has no DescribeSchema")
	}
	return b.named(p.t, func() *Schema { return d.DescribeSchema(b) })
}

type rawNode struct{}

func (rawNode) decode(n *Node, _ *At, dst reflect.Value) { dst.Set(reflect.ValueOf(n)) }
func (rawNode) schema(*Builder) *Schema                  { return &Schema{} }

type rawJSONNode struct{}

func (rawJSONNode) decode(n *Node, _ *At, dst reflect.Value) { dst.SetBytes(n.Append(nil)) }
func (rawJSONNode) schema(*Builder) *Schema                  { return &Schema{} }

type anyNode struct{}

func (anyNode) decode(n *Node, _ *At, dst reflect.Value) { dst.Set(reflect.ValueOf(n)) }
func (anyNode) schema(*Builder) *Schema                  { return &Schema{} }

// --- scalars ---

type stringNode struct {
	min, max *int
	pattern  *regexp.Regexp
	trim     bool
}

func compileString(tag reflect.StructTag) node {
	s := stringNode{min: intTag(tag, "minLength"), max: intTag(tag, "maxLength"), trim: tag.Get("trim") == "null"}
	if re := tag.Get("pattern"); re != "" {
		s.pattern = regexp.MustCompile(re)
	}
	return s
}

func (p stringNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind != String {
		at.stringType(n)
		return
	}
	s := n.Text
	length := len([]rune(s))
	switch {
	case p.min != nil && length < *p.min:
		at.tooShort(n, *p.min)
	case p.max != nil && length > *p.max:
		at.tooLong(n, *p.max)
	case p.pattern != nil && !p.pattern.MatchString(s):
		at.pattern(n, p.pattern.String())
	case HasNUL(s):
		at.ValueError(InvalidCharacters, n)
	}
	if p.trim {
		s = strings.TrimSpace(s)
	}
	dst.SetString(s)
}

func (p stringNode) schema(*Builder) *Schema {
	s := &Schema{Type: "string", MinLength: p.min, MaxLength: p.max}
	if p.pattern != nil {
		s.Pattern = p.pattern.String()
	}
	return s
}

// InvalidCharacters is what is said of text that no database can hold.
const InvalidCharacters = "This value contains invalid characters"

// HasNUL says whether text holds U+0000, which PostgreSQL cannot store.
func HasNUL(s string) bool { return strings.IndexByte(s, 0) >= 0 }

type enumNode struct {
	t      reflect.Type
	values []string
}

func (p enumNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind == String {
		for _, v := range p.values {
			if v == n.Text {
				dst.SetString(v)
				return
			}
		}
	}
	at.Enum(p.values, n)
}

func (p enumNode) schema(b *Builder) *Schema {
	return b.named(p.t, func() *Schema { return &Schema{Type: "string", Enum: p.values} })
}

type constNode struct{ value string }

func (p constNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind != String || n.Text != p.value {
		at.Literal("'"+p.value+"'", n)
		return
	}
	dst.SetString(p.value)
}

func (p constNode) schema(*Builder) *Schema { return &Schema{Type: "string", Const: p.value} }

type uuidNode struct{ any bool }

func (p uuidNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind != String {
		at.uuidType(n)
		return
	}
	parse := id.Parse
	if p.any {
		parse = id.ParseAny
	}
	v, problem := parse(n.Text)
	switch problem.Type {
	case "":
		dst.SetString(string(v))
	case "uuid_version":
		at.Report(problem.Type, problem.Msg, n, KV{"expected_version", 4})
	default:
		at.Report(problem.Type, problem.Msg, n, KV{"error", problem.Detail})
	}
}

func (p uuidNode) schema(*Builder) *Schema {
	if p.any {
		return &Schema{Type: "string", Format: "uuid"}
	}
	return &Schema{Type: "string", Format: "uuid4"}
}

type boolNode struct{}

var boolWords = map[string]bool{
	"true": true, "1": true, "yes": true, "on": true, "y": true, "t": true,
	"false": false, "0": false, "no": false, "off": false, "n": false, "f": false,
}

func (boolNode) decode(n *Node, at *At, dst reflect.Value) {
	switch n.Kind {
	case Bool:
		dst.SetBool(n.Bool)
	case String:
		v, ok := boolWords[strings.ToLower(n.Text)]
		if !ok {
			at.boolParsing(n)
		}
		dst.SetBool(v)
	case Int, Float:
		f := number(n.Text)
		if f != 0 && f != 1 {
			at.boolParsing(n)
		}
		dst.SetBool(f == 1)
	default:
		at.boolType(n)
	}
}

func (boolNode) schema(*Builder) *Schema { return &Schema{Type: "boolean"} }

type limits struct{ values [4]*float64 } // as in bounds

func limitsOf(tag reflect.StructTag) limits {
	var l limits
	for i, b := range bounds {
		if s, ok := tag.Lookup(b.tag); ok {
			f := number(s)
			l.values[i] = &f
		}
	}
	return l
}

func (l limits) check(v float64, n *Node, at *At) {
	for i, b := range bounds {
		if limit := l.values[i]; limit != nil && b.broken(v, *limit) {
			text := strconv.FormatFloat(*limit, 'f', -1, 64)
			var value any = *limit
			if *limit == float64(int(*limit)) {
				value = int(*limit)
			}
			at.Report(b.typ, "Input should be "+b.words+" "+text, n, KV{b.tag, value})
			return
		}
	}
}

func (l limits) describe(s *Schema) *Schema {
	s.Maximum, s.ExclusiveMaximum, s.Minimum, s.ExclusiveMinimum = l.values[0], l.values[1], l.values[2], l.values[3]
	return s
}

type intNode struct{ limits }

func (p intNode) decode(n *Node, at *At, dst reflect.Value) {
	v, ok := p.read(n, at)
	if ok {
		dst.SetInt(v)
		p.check(float64(v), n, at)
	}
}

func (p intNode) read(n *Node, at *At) (int64, bool) {
	switch n.Kind {
	case Int:
		v, err := strconv.ParseInt(n.Text, 10, 64)
		if err != nil { // beyond 64 bits: clamp, so that limits and offsets stay sane
			return v, true
		}
		return v, true
	case Float:
		f := number(n.Text)
		switch {
		case f-f != 0: // infinite
			at.finiteNumber(n)
			return 0, false
		case f != math.Trunc(f):
			at.intFromFloat(n)
			return 0, false
		}
		v, _ := strconv.ParseInt(strconv.FormatFloat(f, 'f', 0, 64), 10, 64) // clamped beyond 64 bits
		return v, true
	case Bool:
		if n.Bool {
			return 1, true
		}
		return 0, true
	case String:
		return parseIntText(n, at)
	}
	at.intType(n)
	return 0, false
}

// parseIntText takes what the reference takes in a query: spaces around, a
// plus sign, leading zeros, underscores between digits, and a fraction of zeros.
func parseIntText(n *Node, at *At) (int64, bool) {
	s := strings.TrimSpace(n.Text)
	if whole, frac, ok := strings.Cut(s, "."); ok && frac != "" && strings.Trim(frac, "0") == "" {
		s = whole
	}
	if len(s) > maxDigits {
		at.intTooLong(n)
		return 0, false
	}
	digits := strings.TrimPrefix(strings.TrimPrefix(s, "+"), "-")
	if digits == "" || strings.HasPrefix(s, "+-") || strings.HasPrefix(digits, "_") || strings.HasSuffix(digits, "_") || strings.Contains(digits, "__") {
		at.intParsing(n)
		return 0, false
	}
	for _, c := range []byte(digits) {
		if c != '_' && (c < '0' || c > '9') {
			at.intParsing(n)
			return 0, false
		}
	}
	v, _ := strconv.ParseInt(strings.ReplaceAll(strings.TrimPrefix(s, "+"), "_", ""), 10, 64) // clamped beyond 64 bits
	return v, true
}

func (p intNode) schema(*Builder) *Schema { return p.describe(&Schema{Type: "integer"}) }

type floatNode struct{ limits }

func (p floatNode) decode(n *Node, at *At, dst reflect.Value) {
	switch n.Kind {
	case Int, Float:
	case Bool:
		if n.Bool {
			dst.SetFloat(1)
		}
		return
	case String:
		if _, err := strconv.ParseFloat(strings.TrimSpace(n.Text), 64); err != nil {
			at.floatParsing(n)
			return
		}
	default:
		at.floatType(n)
		return
	}
	f := number(strings.TrimSpace(n.Text))
	if f-f != 0 { // infinite or not a number
		at.finiteNumber(n)
		return
	}
	dst.SetFloat(f)
	p.check(f, n, at)
}

func (p floatNode) schema(*Builder) *Schema { return p.describe(&Schema{Type: "number"}) }

type timeNode struct{}

func (timeNode) decode(n *Node, at *At, dst reflect.Value) {
	if t, ok := parseTime(n, at); ok {
		dst.Set(reflect.ValueOf(t.UTC().Truncate(time.Microsecond)))
	}
}

func (timeNode) schema(*Builder) *Schema { return &Schema{Type: "string", Format: "date-time"} }
