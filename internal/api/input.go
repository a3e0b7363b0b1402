package api

import (
	"net/url"
	"reflect"
	"slices"
	"strings"

	"floe/internal/schema"
)

// input is the compiled form of an operation's input type: where each field
// comes from. Fields are tagged `path`, `query` or `query:"name,deepObject"`;
// the field called Body is the request's body, which may be left out when it has a default. Problems are reported in the
// order of the contract: paging and sorting (tag first), path, query, body.
type input struct {
	t      reflect.Type
	params []param
	body   *schema.Plan
	index  []int // of Body
}

type param struct {
	in    string // path or query
	name  string
	first bool
	deep  bool
	index []int
	plan  *schema.Plan
}

func compileInput(t reflect.Type) *input {
	in := &input{t: t}
	for _, f := range reflect.VisibleFields(t) {
		if !f.IsExported() || f.Anonymous {
			continue
		}
		if f.Name == "Body" {
			in.body, in.index = schema.PlanOf(f.Type, f.Tag), f.Index
			continue
		}
		for _, where := range []string{"path", "query"} {
			if tag, ok := f.Tag.Lookup(where); ok {
				name, opt, _ := strings.Cut(tag, ",")
				_, first := f.Tag.Lookup("first")
				in.params = append(in.params, param{in: where, name: name, first: first, deep: opt == "deepObject",
					index: f.Index, plan: schema.PlanOf(f.Type, f.Tag)})
			}
		}
	}
	slices.SortStableFunc(in.params, func(a, b param) int { return a.rank() - b.rank() })
	return in
}

func (p *param) rank() int {
	switch {
	case p.first:
		return 0
	case p.in == "path":
		return 1
	}
	return 2
}

// bind fills the input from a request and reports every problem at once.
func (in *input) bind(path func(name string) string, rawQuery string, body *schema.Node) (reflect.Value, error) {
	v := reflect.New(in.t).Elem()
	sink := &schema.Problems{}
	var query url.Values
	if rawQuery != "" {
		query = parseQuery(rawQuery)
	}
	for i := range in.params {
		p := &in.params[i]
		field := v
		if len(p.index) == 1 {
			field = v.Field(p.index[0])
		} else {
			field = v.FieldByIndex(p.index)
		}
		p.bind(path, query, sink, field)
	}
	if in.body != nil {
		at := schema.Root(sink, "body")
		if body != nil && body.Kind != schema.Null {
			in.body.Decode(body, at, v.FieldByIndex(in.index))
		} else if !in.body.Absent(v.FieldByIndex(in.index)) {
			at.Missing(nil)
		}
	}
	return v, sink.Err()
}

func (p *param) bind(path func(string) string, query url.Values, sink *schema.Problems, dst reflect.Value) {
	at := func() *schema.At { return schema.Root(sink, p.in).Key(p.name) }
	switch {
	case p.in == "path":
		p.plan.Decode(schema.StringNode(path(p.name)), at(), dst)
	case p.deep:
		if n := deepObject(query, p.name); n != nil {
			p.plan.Decode(n, at(), dst)
		}
	case len(query[p.name]) == 0:
		if !p.plan.Absent(dst) {
			at().Missing(nil)
		}
	case isMany(dst.Type()):
		n := &schema.Node{Kind: schema.Array}
		for _, s := range query[p.name] {
			n.Items = append(n.Items, *schema.StringNode(s))
		}
		p.plan.Decode(n, at(), dst)
	default:
		values := query[p.name]
		p.plan.Decode(schema.StringNode(values[len(values)-1]), at(), dst)
	}
}

func isMany(t reflect.Type) bool { return t.Kind() == reflect.Slice }

// deepObject collects name[key]=value pairs: an object of lists of strings.
// Only the first group of brackets counts.
func deepObject(query url.Values, name string) *schema.Node {
	var n *schema.Node
	keys := make([]string, 0, len(query))
	for k := range query {
		if strings.HasPrefix(k, name+"[") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	for _, k := range keys {
		inner, _, ok := strings.Cut(k[len(name)+1:], "]")
		if !ok {
			continue
		}
		if n == nil {
			n = &schema.Node{Kind: schema.Object}
		}
		list := n.Get(inner)
		if list == nil {
			n.Keys, n.Items = append(n.Keys, inner), append(n.Items, schema.Node{Kind: schema.Array})
			list = &n.Items[len(n.Items)-1]
		}
		for _, s := range query[k] {
			list.Items = append(list.Items, *schema.StringNode(s))
		}
	}
	return n
}

// parseQuery reads a query as the reference does, which refuses nothing: a
// semicolon is a character like others, and a percent sign that begins no
// escape stands for itself. (url.ParseQuery drops such pairs, and a filter that
// is dropped answers everything.)
func parseQuery(raw string) url.Values {
	out := url.Values{}
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key = unescape(key)
		out[key] = append(out[key], unescape(value))
	}
	return out
}

func unescape(s string) string {
	if !strings.ContainsAny(s, "%+") {
		return valid(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '+':
			b = append(b, ' ')
		case c == '%' && i+2 < len(s) && nibble(s[i+1]) >= 0 && nibble(s[i+2]) >= 0:
			b = append(b, byte(nibble(s[i+1])<<4|nibble(s[i+2])))
			i += 2
		default:
			b = append(b, c)
		}
	}
	return valid(string(b))
}

func nibble(c byte) int { return strings.IndexByte("0123456789abcdef", c|0x20) }

// valid replaces what is not UTF-8, which PostgreSQL would refuse.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
