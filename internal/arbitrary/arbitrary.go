// Package arbitrary makes requests at random out of an OpenAPI document: any
// operation, with parameters and bodies that follow its schemas most of the
// time, that speak of what earlier answers have shown, and that go wrong in the
// ways in which callers do. The same seed and the same answers make the same
// requests. Its tests ask of all requests what tests of single ones cannot: that
// the engines agree, and that organizations see nothing of each other. It is
// imported by tests only.
package arbitrary

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"sort"
	"strings"

	"floe/internal/api"
	"floe/internal/schema"
)

// Request is a request to be sent.
type Request struct {
	Method, Path string // with its query
	ID           string // of the operation
	Body         []byte // nil when it has none
}

// String is the request for people.
func (r Request) String() string {
	body := r.Body
	if len(body) > 1500 {
		body = append(slices.Clone(body[:1500]), "…"...)
	}
	return fmt.Sprintf("%s %s %s", r.Method, r.Path, body)
}

// Maker makes requests.
type Maker struct {
	// Random decides everything.
	Random *rand.Rand
	// Known is what requests can speak of.
	Known *Known
	// Texts, when set, makes every text that callers choose, except the nasty ones.
	Text func() string
	// Skip says which operations are left out.
	Skip func(id string) bool
	// Without says which parameters of an operation are never given.
	Without func(id, parameter string) bool
	// Wrong is how often, of a thousand values, one breaks its schema. Of half of
	// the requests none does: what stands deep in a body is reached by these.
	Wrong int
	// Sink is where webhooks can be sent, when there is such a place.
	Sink string

	// Of the request that is being made.
	operation string
	careful   bool // nothing is wrong on purpose

	document   *api.Document
	operations []operation
}

type operation struct {
	method, path string
	item         *api.PathItem
}

// New is a maker of requests for the document.
func New(d *api.Document, random *rand.Rand) *Maker {
	m := &Maker{Random: random, Known: &Known{}, Wrong: 20, document: d,
		Skip: func(string) bool { return false }, Without: func(string, string) bool { return false }}
	for path, items := range d.Paths {
		for method, item := range items {
			m.operations = append(m.operations, operation{strings.ToUpper(method), path, item})
		}
	}
	sort.Slice(m.operations, func(i, j int) bool {
		a, b := m.operations[i], m.operations[j]
		return a.path+" "+a.method < b.path+" "+b.method
	})
	return m
}

// Operations are the ids of all that is asked for.
func (m *Maker) Operations() []string {
	var out []string
	for _, o := range m.operations {
		if !m.Skip(o.item.OperationID) {
			out = append(out, o.item.OperationID)
		}
	}
	return out
}

// Next is a request for any operation. What makes things is asked for more
// often than what takes them away.
func (m *Maker) Next() Request {
	for {
		o := &m.operations[m.Random.IntN(len(m.operations))]
		switch {
		case m.Skip(o.item.OperationID):
		case o.method == "DELETE" && m.Random.IntN(4) > 0:
		case o.method == "GET" && m.Random.IntN(2) > 0:
		default:
			return m.request(o)
		}
	}
}

func (m *Maker) request(o *operation) Request {
	r := Request{Method: o.method, Path: o.path, ID: o.item.OperationID}
	m.operation, m.careful = r.ID, m.Random.IntN(2) == 0
	parent, query := "", []string(nil)
	for _, p := range slices.Backward(o.item.Parameters) { // a child chooses its parent
		if p.In == "path" {
			name := p.Name
			if name == "id" {
				name = kindOf(o.path) + "_id"
			}
			text := m.pathText(name)
			if parent != "" && m.careful {
				text = parent
			}
			parent = m.Known.parent(text, name)
			r.Path = strings.Replace(r.Path, "{"+p.Name+"}", url.PathEscape(text), 1)
			continue
		}
		if m.uses(p) && !m.Without(r.ID, p.Name) {
			query = append(query, m.parameter(p, o.path)...)
		}
	}
	if len(query) > 0 {
		r.Path += "?" + strings.Join(query, "&")
	}
	if b := o.item.RequestBody; b != nil && (b.Required || m.Random.IntN(2) == 0) {
		r.Body = encode(m.body(o, r.Path))
	}
	return r
}

// OfThings are so many requests for each operation on a single thing.
func (m *Maker) OfThings(each int) (list []Request) {
	for i := range m.operations {
		o := &m.operations[i]
		if m.Skip(o.item.OperationID) || !strings.Contains(o.path, "{") {
			continue
		}
		for range each {
			list = append(list, m.request(o))
		}
	}
	return list
}

// Lists are requests for all lists, in each order and by each filter alone:
// hardly one of those is made at random in which much is found.
func (m *Maker) Lists() (list []Request) {
	m.careful = true
	defer func() { m.careful = false }()
	for i := range m.operations {
		o := &m.operations[i]
		if o.method != "GET" || m.Skip(o.item.OperationID) || !slices.ContainsFunc(o.item.Parameters, func(p *api.Parameter) bool { return p.Name == "limit" }) {
			continue
		}
		add := func(pairs ...string) {
			path := o.path
			for _, p := range o.item.Parameters {
				if p.In == "path" {
					name := p.Name
					if name == "id" {
						name = kindOf(o.path) + "_id"
					}
					path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(m.pathText(name)), 1)
				}
			}
			list = append(list, Request{Method: "GET", ID: o.item.OperationID, Path: path + "?" + strings.Join(append(pairs, "limit=100"), "&")})
		}
		m.operation = o.item.OperationID
		add()
		for _, p := range o.item.Parameters {
			switch {
			case p.In != "query" || p.Name == "limit" || p.Name == "page" || p.Name == "cursor" || p.Name == "wait" || m.Without(m.operation, p.Name):
			case p.Name == "sorting":
				for _, order := range m.enum(p.Schema) {
					add("sorting=" + order)
				}
			default:
				for range 3 {
					add(m.parameter(p, o.path)...)
				}
			}
		}
	}
	return list
}

// enum are the values that a list of a closed set takes.
func (m *Maker) enum(s *schema.Schema) []string {
	switch {
	case len(s.AnyOf) > 0:
		return m.enum(s.AnyOf[0])
	case s.Items != nil:
		return m.enum(s.Items)
	case s.Ref != "":
		return m.enum(m.document.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]])
	}
	return s.Enum
}

// body is one that a careful caller would send: a benefit keeps its type.
func (m *Maker) body(o *operation, path string) any {
	for try := 0; ; try++ {
		v := m.value(o.item.RequestBody.Content["application/json"].Schema, "", 0)
		fields, _ := v.(map[string]any)
		want := m.Known.status[path[strings.LastIndex(path, "/")+1:]]
		if r := o.item.OperationID; !m.careful || try == 50 || r != "benefits:update" || want == "" || fields["type"] == want {
			return v
		}
	}
}

// uses says whether a parameter is given. With many filters nothing is found.
func (m *Maker) uses(p *api.Parameter) bool {
	switch {
	case p.Required:
		return true
	case p.Name == "sorting":
		return m.Random.IntN(2) == 0
	case m.careful:
		return m.Random.IntN(8) == 0
	}
	return m.Random.IntN(4) == 0
}

// pathText is a segment of a path, and never an empty one, which is another
// path.
func (m *Maker) pathText(name string) string {
	for {
		s := fmt.Sprint(m.named(name))
		if m.once(m.Wrong) {
			s = m.nasty()
		}
		if s != "" && s != "." && s != ".." {
			return s
		}
	}
}

func (m *Maker) parameter(p *api.Parameter, path string) (pairs []string) {
	pair := func(name string, value any) {
		pairs = append(pairs, url.QueryEscape(name)+"="+url.QueryEscape(plain(value)))
	}
	switch {
	case p.Name == "wait": // it would
		pair(p.Name, 0)
	case m.careful && p.Name == "page":
		pair(p.Name, m.pick("1", "2", "3", "100"))
	case m.careful && p.Name == "limit":
		pair(p.Name, m.pick("1", "2", "3", "10", "100"))
	case p.Style == "deepObject":
		for range 1 + m.Random.IntN(2) {
			pair(p.Name+"["+m.key()+"]", m.scalar())
		}
	case p.Name == "page":
		pair(p.Name, m.pick("1", "1", "2", "3", "0", "-1", "1000000", "9223372036854775807", "9223372036854775808", "x", ""))
	case p.Name == "limit":
		pair(p.Name, m.pick("1", "2", "3", "10", "100", "101", "0", "-1", "2147483648", "1.5", ""))
	default:
		name := p.Name
		if name == "id" || name == "exclude_id" {
			name = kindOf(strings.TrimSuffix(path, "/")+"/{id}") + "_id"
		}
		v := m.value(p.Schema, name, 0)
		if list, ok := v.([]any); ok {
			for _, one := range list {
				pair(p.Name, one)
			}
			break
		}
		pair(p.Name, v)
	}
	return pairs
}

// plain is a value as a query has it.
func plain(v any) string {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, surrogate, "\xed\xa0\x80")
	case nil:
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// surrogate stands for half of a pair, which Go's strings cannot hold.
const surrogate = "\uE123"

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err)
	}
	return bytes.ReplaceAll(bytes.TrimSpace(b.Bytes()), []byte(surrogate), []byte(`\ud83d`))
}

func (m *Maker) pick(list ...string) string { return list[m.Random.IntN(len(list))] }

// once is true so many times of a thousand.
func (m *Maker) once(of int) bool { return !m.careful && m.Random.IntN(1000) < of }

func kindOf(path string) string {
	before, _, _ := strings.Cut(path, "/{id}")
	_, name := before[:strings.LastIndex(before, "/")], before[strings.LastIndex(before, "/")+1:]
	return singular(strings.ReplaceAll(name, "-", "_"))
}

func singular(name string) string { return strings.TrimSuffix(name, "s") }
