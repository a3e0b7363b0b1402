package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// shape is a schema in one way of writing it: references followed, null apart,
// unions flat. OpenAPI has several spellings of the same thing, which are no
// difference.
type shape struct {
	name     string // of the schema that was referred to; "" for a union in place
	nullable bool
	variants []variant // one, unless it is a union; none for null alone
	key      string    // of the discriminator
	def      json.RawMessage
}

// variant is a schema that is no union, and the name it was referred to by.
type variant struct {
	*Schema
	name string
}

func shapeOf(named map[string]*Schema, s *Schema) shape {
	var out shape
	out.add(named, s, "")
	switch {
	case len(out.variants) == 1:
		out.name = out.variants[0].name
	case s != nil:
		out.name = refName(s.Ref)
	}
	return out
}

// add takes a schema that was referred to by a name, or stands in place.
func (o *shape) add(named map[string]*Schema, s *Schema, name string) {
	if s == nil {
		s = &Schema{}
	}
	if o.def == nil {
		o.def = s.Default
	}
	if s.Discriminator != nil && o.key == "" {
		o.key = s.Discriminator.PropertyName
	}
	switch {
	case s.Ref != "":
		target := named[refName(s.Ref)]
		if target == nil {
			target = &Schema{Type: "missing schema " + refName(s.Ref)}
		}
		o.add(named, target, refName(s.Ref))
	case len(s.AllOf) == 1:
		o.add(named, s.AllOf[0], name)
	case len(s.AnyOf)+len(s.OneOf) > 0:
		for _, v := range slices.Concat(s.AnyOf, s.OneOf) {
			o.add(named, v, "")
		}
	default:
		o.plain(s, name)
	}
}

// plain takes a schema that is no union, unless its types are a list.
func (o *shape) plain(s *Schema, name string) {
	types, isList := s.Type.([]any)
	if !isList {
		types = []any{s.Type}
	}
	for _, t := range types {
		if t == "null" {
			o.nullable = true
			continue
		}
		v := *s
		v.Type = t
		o.variants = append(o.variants, variant{&v, name})
	}
}

// schemas compares two schemas wherever they stand.
func (c *comparison) schemas(at string, ours, theirs *Schema) {
	a, b := shapeOf(c.ours, ours), shapeOf(c.theirs, theirs)
	if a.name != "" && b.name != "" {
		pair := [2]string{a.name, b.name}
		if slices.Contains(c.open, pair) {
			return
		}
		c.open = append(c.open, pair)
		defer func() { c.open = c.open[:len(c.open)-1] }()
		same(c, at, "name", a.name, b.name)
	}
	same(c, at, "nullable", a.nullable, b.nullable)
	same(c, at, "default", compact(a.def), compact(b.def))
	same(c, at, "discriminator", a.key, b.key)
	if len(a.variants) == 1 && len(b.variants) == 1 {
		c.plain(at, a.variants[0].Schema, b.variants[0].Schema)
		return
	}
	c.variants(at, a.variants, b.variants)
}

func compact(text json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return "none"
	}
	return b.String()
}

// variants pairs the variants of two unions, those first that differ least, so
// that a message is about what is meant to be the same.
func (c *comparison) variants(at string, ours, theirs []variant) {
	same(c, at, "variants", len(ours), len(theirs))
	type pair struct {
		a, b  int
		found []Difference
	}
	var pairs []pair
	for i, a := range ours {
		for j, b := range theirs {
			try := &comparison{ours: c.ours, theirs: c.theirs, operation: c.operation, open: c.open}
			at := at + " variant " + b.label(j)
			if a.name != "" && b.name != "" {
				same(try, at, "name", a.name, b.name)
			}
			try.plain(at, a.Schema, b.Schema)
			pairs = append(pairs, pair{i, j, try.found})
		}
	}
	slices.SortStableFunc(pairs, func(x, y pair) int { return len(x.found) - len(y.found) })
	usedA, usedB := map[int]bool{}, map[int]bool{}
	for _, p := range pairs {
		if !usedA[p.a] && !usedB[p.b] {
			usedA[p.a], usedB[p.b] = true, true
			c.found = append(c.found, p.found...)
		}
	}
	c.leftover(at, ours, usedA, "the reference lacks it")
	c.leftover(at, theirs, usedB, "ours lacks it")
}

func (c *comparison) leftover(at string, variants []variant, used map[int]bool, what string) {
	for i, v := range variants {
		if !used[i] {
			c.report(at+" variant "+v.label(i), "%s", what)
		}
	}
}

// label is short and tells the variants of a union apart.
func (v variant) label(index int) string {
	for _, key := range []string{"type", "error"} {
		if p := v.Properties[key]; p != nil && p.Const != nil {
			return fmt.Sprint(p.Const)
		}
	}
	switch {
	case v.name != "":
		return v.name
	case v.Type != nil && v.Type != "object" && v.Format == "":
		return fmt.Sprint(v.Type)
	}
	return fmt.Sprint(index)
}

// plain compares two schemas that are no unions.
func (c *comparison) plain(at string, ours, theirs *Schema) {
	if ours.Type != theirs.Type {
		same(c, at, "type", fmt.Sprint(ours.Type), fmt.Sprint(theirs.Type))
		return
	}
	same(c, at, "format", ours.Format, theirs.Format)
	same(c, at, "pattern", ours.Pattern, theirs.Pattern)
	same(c, at, "values", ours.values(), theirs.values())
	for _, b := range bounds {
		same(c, at, b.name, b.of(ours), b.of(theirs))
	}
	c.inner(at+"[]", ours.Items, theirs.Items)
	c.inner(at+"{}", ours.AdditionalProperties, theirs.AdditionalProperties)
	c.inner(at+"{name}", ours.PropertyNames, theirs.PropertyNames)
	same(c, at, "length of the tuple", len(ours.PrefixItems), len(theirs.PrefixItems))
	for i := range min(len(ours.PrefixItems), len(theirs.PrefixItems)) {
		c.schemas(fmt.Sprintf("%s[%d]", at, i), ours.PrefixItems[i], theirs.PrefixItems[i])
	}
	c.properties(at, ours, theirs)
}

func (c *comparison) inner(at string, ours, theirs *Schema) {
	if (ours != nil || theirs != nil) && c.both(at, ours != nil, theirs != nil) {
		c.schemas(at, ours, theirs)
	}
}

func (c *comparison) properties(at string, ours, theirs *Schema) {
	for _, name := range union(ours.Properties, theirs.Properties) {
		a, b := ours.Properties[name], theirs.Properties[name]
		at := at + "." + name
		if c.both(at, a != nil, b != nil) {
			same(c, at, "required", slices.Contains(ours.Required, name), slices.Contains(theirs.Required, name))
			c.schemas(at, a, b)
		}
	}
}

// values are those of an enumeration, in any order; a constant is one of one.
func (s *Schema) values() string {
	list := s.Enum
	if s.Const != nil {
		list = []any{s.Const}
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = fmt.Sprint(v)
	}
	slices.Sort(out)
	return strings.Join(out, "|")
}

var bounds = []struct {
	name string
	of   func(*Schema) string
}{
	{"minimum", func(s *Schema) string { return text(s.Minimum) }},
	{"maximum", func(s *Schema) string { return text(s.Maximum) }},
	{"exclusiveMinimum", func(s *Schema) string { return text(s.ExclusiveMinimum) }},
	{"exclusiveMaximum", func(s *Schema) string { return text(s.ExclusiveMaximum) }},
	{"minLength", func(s *Schema) string { return text(s.MinLength) }},
	{"maxLength", func(s *Schema) string { return text(s.MaxLength) }},
	{"minItems", func(s *Schema) string { return text(s.MinItems) }},
	{"maxItems", func(s *Schema) string { return text(s.MaxItems) }},
	{"minProperties", func(s *Schema) string { return text(s.MinProperties) }},
	{"maxProperties", func(s *Schema) string { return text(s.MaxProperties) }},
}

func text[T any](v *T) string {
	if v == nil {
		return "none"
	}
	return fmt.Sprint(*v)
}
