package schema

import (
	"reflect"
	"slices"
	"strings"
)

// --- lists and maps ---

type listNode struct {
	t        reflect.Type
	inner    node
	min, max *int
}

func (p listNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind != Array {
		at.listType(n)
		return
	}
	dst.Set(reflect.MakeSlice(p.t, len(n.Items), len(n.Items)))
	before := at.Count()
	for i := range n.Items {
		p.inner.decode(&n.Items[i], at.Index(i), dst.Index(i))
	}
	switch {
	case at.Count() > before:
	case p.min != nil && len(n.Items) < *p.min:
		at.tooFew(n, "List", *p.min, len(n.Items))
	case p.max != nil && len(n.Items) > *p.max:
		at.tooMany(n, "List", *p.max, len(n.Items))
	}
}

func (p listNode) schema(b *Builder) *Schema {
	return &Schema{Type: "array", Items: p.inner.schema(b), MinItems: p.min, MaxItems: p.max}
}

type mapNode struct {
	t     reflect.Type
	inner node
}

func (p mapNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind != Object {
		at.dictType(n)
		return
	}
	m := reflect.MakeMapWithSize(p.t, len(n.Items))
	for i := range n.Items {
		v := reflect.New(p.t.Elem()).Elem()
		p.inner.decode(&n.Items[i], at.Key(n.Keys[i]), v)
		m.SetMapIndex(reflect.ValueOf(n.Keys[i]).Convert(p.t.Key()), v)
	}
	dst.Set(m)
}

func (p mapNode) schema(b *Builder) *Schema {
	return &Schema{Type: "object", AdditionalProperties: p.inner.schema(b)}
}

// --- objects ---

type field struct {
	name  string
	alias string
	index []int
	plan  *Plan
	out   bool // omitted from answers when empty
	old   bool // not in the document: see the tag undocumented
}

type objectNode struct {
	t      reflect.Type
	fields []field
	checks bool
	strict bool
}

func compileObject(t reflect.Type) *objectNode {
	p := &objectNode{t: t, checks: implements[Checked](t), strict: implements[Strict](t)}
	for _, f := range reflect.VisibleFields(t) {
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || name == "-" || name == "" {
			continue
		}
		p.fields = append(p.fields, field{name: name, alias: f.Tag.Get("alias"), index: f.Index,
			plan: PlanOf(f.Type, f.Tag), out: opts == "omitempty", old: f.Tag.Get("undocumented") != ""})
	}
	return p
}

func (p *objectNode) decode(n *Node, at *At, dst reflect.Value) {
	if n.Kind != Object {
		at.attributesType(n)
		return
	}
	before := at.Count()
	for i := range p.fields {
		f := &p.fields[i]
		name, v := f.name, n.Get(f.name)
		if v == nil && f.alias != "" {
			name, v = f.alias, n.Get(f.alias)
		}
		target := dst.FieldByIndex(f.index)
		if v != nil {
			f.plan.Decode(v, at.Key(name), target)
		} else if !f.plan.Absent(target) {
			at.Key(f.name).missing(n)
		}
	}
	if p.strict {
		p.refuseExtra(n, at)
	}
	if p.checks && at.Count() == before {
		dst.Addr().Interface().(Checked).CheckNode(n, at)
	}
}

// refuseExtra reports the keys that the type does not have.
func (p *objectNode) refuseExtra(n *Node, at *At) {
	for i, key := range n.Keys {
		if !slices.ContainsFunc(p.fields, func(f field) bool { return f.name == key || f.alias != "" && f.alias == key }) {
			at.Key(key).extra(&n.Items[i])
		}
	}
}

func (p *objectNode) schema(b *Builder) *Schema {
	if p.t.Name() == "" {
		return p.describe(b)
	}
	return b.named(p.t, func() *Schema {
		if d, ok := reflect.New(p.t).Interface().(Described); ok {
			return d.DescribeSchema(b)
		}
		return p.describe(b)
	})
}

func (p *objectNode) describe(b *Builder) *Schema {
	s := &Schema{Type: "object", Properties: &Properties{}, Closed: p.strict}
	for i := range p.fields {
		f := &p.fields[i]
		if f.old {
			s.Undocumented = append(s.Undocumented, f.name)
			continue
		}
		s.Properties.Set(f.name, f.plan.Schema(b))
		if b.Answers && !f.out && f.plan.tag.Get("required") != "false" || !b.Answers && !f.plan.optional {
			s.Required = append(s.Required, f.name)
		}
	}
	return s
}

// --- unions ---

type variant struct {
	tag   string
	index int
	node  node
}

type unionNode struct {
	t        reflect.Type
	union    Union
	variants []variant
}

func compileUnion(t reflect.Type) *unionNode {
	p := &unionNode{t: t, union: reflect.New(t).Interface().(Unioned).Union()}
	for i := range t.NumField() {
		if tag, ok := t.Field(i).Tag.Lookup("variant"); ok {
			p.variants = append(p.variants, variant{tag, i, compile(t.Field(i).Type.Elem(), "")})
		}
	}
	return p
}

func (p *unionNode) decode(n *Node, at *At, dst reflect.Value) {
	if p.union.Discriminator == "" {
		p.tryAll(n, at, dst)
		return
	}
	if n.Kind != Object && p.union.Default == "" { // nothing has a tag in it
		at.attributesType(n)
		return
	}
	tag := p.union.Default
	if v := n.Get(p.union.Discriminator); v != nil {
		tag = pythonText(v)
	}
	for _, v := range p.variants {
		if v.tag == tag {
			v.decode(n, at.Key(tag), dst)
			return
		}
	}
	fn := p.union.Func
	expected := p.tags()
	if n.Get(p.union.Discriminator) == nil {
		at.Report("union_tag_not_found", "Unable to extract tag using discriminator "+fn, n, KV{"discriminator", fn})
		return
	}
	at.Report("union_tag_invalid", "Input tag '"+tag+"' found using "+fn+" does not match any of the expected tags: "+expected, n,
		KV{"discriminator", fn}, KV{"tag", tag}, KV{"expected_tags", expected})
}

func (v variant) decode(n *Node, at *At, dst reflect.Value) {
	target := reflect.New(dst.Field(v.index).Type().Elem())
	v.node.decode(n, at, target.Elem())
	dst.Field(v.index).Set(target)
}

// tryAll keeps the last variant that accepts the input, or every complaint.
func (p *unionNode) tryAll(n *Node, at *At, dst reflect.Value) {
	var complaints []Problem
	chosen := reflect.Value{}
	for _, v := range p.variants {
		sink := &Problems{}
		scratch := reflect.New(p.t).Elem()
		v.decode(n, &At{sink: sink, parent: at, key: v.tag, index: -1}, scratch)
		if len(sink.List) == 0 && !(p.union.First && chosen.IsValid()) {
			chosen = scratch
		}
		complaints = append(complaints, sink.List...)
	}
	if chosen.IsValid() {
		dst.Set(chosen)
		return
	}
	at.sink.List = append(at.sink.List, complaints...)
}

func (p *unionNode) tags() string {
	q := make([]string, len(p.variants))
	for i, v := range p.variants {
		q[i] = "'" + v.tag + "'"
	}
	return strings.Join(q, ", ")
}

func (p *unionNode) schema(b *Builder) *Schema {
	var list []*Schema
	for _, v := range p.variants {
		list = append(list, v.node.schema(b))
	}
	if p.union.Discriminator == "" {
		return &Schema{AnyOf: list}
	}
	return b.named(p.t, func() *Schema {
		return &Schema{OneOf: list, Discriminator: p.discriminator(list)}
	})
}

// discriminator is for unions whose key has to be there: JSON Schema cannot
// say what its absence means.
func (p *unionNode) discriminator(list []*Schema) *Discriminator {
	if p.union.Default != "" {
		return nil
	}
	d := &Discriminator{PropertyName: p.union.Discriminator, Mapping: map[string]string{}}
	for i, v := range p.variants {
		d.Mapping[v.tag] = list[i].Ref
	}
	return d
}

// pythonText spells a value the way messages of the contract do.
func pythonText(n *Node) string {
	switch {
	case n.Kind == Null:
		return "None"
	case n.Kind == Bool && n.Bool:
		return "True"
	case n.Kind == Bool:
		return "False"
	case n.Kind == String, n.Kind == Int:
		return n.Text
	case n.Kind == Float:
		return string(AppendFloat(nil, number(n.Text)))
	}
	return string(n.Append(nil))
}
