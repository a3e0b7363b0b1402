package schema

import (
	"bytes"
	"iter"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"
)

// Kind is the JSON type of a Node.
type Kind uint8

// The kinds. Int and Float differ by how the number was written, because the
// API keeps 1 and 1.0 apart.
const (
	Null Kind = iota
	Bool
	Int
	Float
	String
	Array
	Object
)

// Node is one value of a parsed JSON text. Problems echo it exactly as it
// arrived, so numbers keep their text and objects the order of their keys.
type Node struct {
	Kind  Kind
	Bool  bool
	Text  string   // the value of a String, the literal of an Int or Float
	Keys  []string // of an Object, beside Items
	Items []Node   // of an Array, or the values of an Object
}

// Limits that no sensible caller meets; they bound what one request can cost.
const (
	maxDepth  = 200
	maxDigits = 4300    // of an integer, as in the reference
	maxValues = 1 << 20 // a node is many times larger than the "1," it stands for
)

// Get returns the value of a key of an object, or nil.
func (n *Node) Get(key string) *Node {
	if n == nil || n.Kind != Object {
		return nil
	}
	for i := range n.Keys {
		if n.Keys[i] == key {
			return &n.Items[i]
		}
	}
	return nil
}

// TextAt returns the string at a key of an object, or "" where there is none.
func (n *Node) TextAt(key string) string {
	if v := n.Get(key); v != nil && v.Kind == String {
		return v.Text
	}
	return ""
}

// At returns what lies at a place in the tree, given as keys of objects and
// indexes of arrays, or nil.
func (n *Node) At(place ...any) *Node {
	for _, step := range place {
		switch step := step.(type) {
		case string:
			n = n.Get(step)
		case int:
			if n.Kind != Array || step < 0 || step >= len(n.Items) {
				return nil
			}
			n = &n.Items[step]
		}
		if n == nil {
			return nil
		}
	}
	return n
}

// StringNode wraps text that did not come as JSON: a query or path value.
func StringNode(s string) *Node { return &Node{Kind: String, Text: s} }

// IntNode is a number as a problem echoes it.
func IntNode(n int64) *Node { return &Node{Kind: Int, Text: strconv.FormatInt(n, 10)} }

// SyntaxError says where a JSON text is broken. Reasons and offsets (in
// characters) are those of the reference's parser.
type SyntaxError struct {
	Reason string
	Offset int
}

func (e *SyntaxError) Error() string { return e.Reason + " at character " + strconv.Itoa(e.Offset) }

// Parse reads one JSON text. Duplicate keys: the last value wins and keeps the
// place of the first.
func Parse(text []byte) (*Node, error) {
	p := parsers.Get().(*parser)
	n, err := p.text(text)
	p.free()
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// Entries yields the keys and values of an object as they stand, and makes no
// tree of it: that would be a quarter of the work of an export. A key that
// stands twice comes twice; it ends where the text breaks.
func Entries(object []byte) iter.Seq2[string, Node] {
	return func(yield func(string, Node) bool) {
		p := parser{s: string(object)}
		more := p.begins('{', '}')
		for more {
			key, v, err := p.member(0)
			if err != nil || !yield(key, v) {
				return
			}
			more, _ = p.more('}')
		}
	}
}

// Check answers the error that Parse would, and keeps nothing of the text: it
// is for callers to whom only that is owed.
func Check(text []byte) error {
	_, err := (&parser{discard: true}).text(text)
	return err
}

func invalidAt(text []byte) int {
	n := 0
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			break
		}
		text = text[size:]
		n++
	}
	return n
}

type parser struct {
	s       string
	i       int
	values  int
	discard bool // nothing is kept
	// Parts of the containers that are open. They leave as slices of their exact
	// size, because growing each one would cost several times the memory.
	items []Node
	keys  []string
}

// parsers are kept for their stacks: those of a small object would grow four
// times over.
var parsers = sync.Pool{New: func() any { return new(parser) }}

// maxStack is how much a parser keeps that is used again.
const maxStack = 256

func (p *parser) free() {
	if cap(p.items) > maxStack || cap(p.keys) > maxStack {
		return
	}
	clear(p.items[:cap(p.items)]) // and holds none of what it has read
	clear(p.keys[:cap(p.keys)])
	*p = parser{items: p.items[:0], keys: p.keys[:0]}
	parsers.Put(p)
}

// text reads all there is. A byte order mark is passed over, as the reference
// does.
func (p *parser) text(text []byte) (Node, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		return Node{}, &SyntaxError{"Invalid UTF-8", invalidAt(text)}
	}
	p.s = string(text)
	p.space()
	n, err := p.value(0)
	if err != nil {
		return n, err
	}
	p.space()
	if p.i < len(p.s) {
		return n, p.fail("Extra data", p.i)
	}
	return n, nil
}

func (p *parser) fail(reason string, at int) error {
	return &SyntaxError{reason, utf8.RuneCountInString(p.s[:min(at, len(p.s))])}
}

func (p *parser) space() {
	for p.i < len(p.s) {
		switch p.s[p.i] {
		case ' ', '\t', '\n', '\r':
			p.i++
		default:
			return
		}
	}
}

func (p *parser) value(depth int) (n Node, err error) {
	p.values++
	switch {
	case p.i >= len(p.s):
		return n, p.fail("Expecting value", p.i)
	case depth > maxDepth:
		return n, p.fail("Nested too deeply", p.i)
	case p.values > maxValues:
		return n, p.fail("Too many values", p.i)
	}
	switch c := p.s[p.i]; {
	case c == '"':
		p.i++
		n.Kind = String
		n.Text, err = p.str()
		return n, err
	case c == '{':
		n.Kind = Object
		n.Keys, n.Items, err = p.object(depth)
		return n, err
	case c == '[':
		n.Kind = Array
		n.Items, err = p.array(depth)
		return n, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	for _, w := range words {
		if strings.HasPrefix(p.s[p.i:], w.text) {
			p.i += len(w.text)
			return Node{Kind: w.kind, Bool: w.value}, nil
		}
	}
	return n, p.fail("Expecting value", p.i)
}

var words = []struct {
	text  string
	kind  Kind
	value bool
}{{"null", Null, false}, {"true", Bool, true}, {"false", Bool, false}}

func (p *parser) digits() int {
	start := p.i
	for p.i < len(p.s) && p.s[p.i] >= '0' && p.s[p.i] <= '9' {
		p.i++
	}
	return p.i - start
}

func (p *parser) number() (Node, error) {
	start := p.i
	n := Node{Kind: Int}
	if p.s[p.i] == '-' {
		p.i++
	}
	first := p.i
	if p.i < len(p.s) && p.s[p.i] == '0' {
		p.i++
	} else if p.digits() == 0 {
		return n, p.fail("Expecting value", start)
	}
	if p.i-first > maxDigits {
		return n, p.fail("Integer has too many digits", start)
	}
	// A dot or exponent that is not followed by a digit ends the number before it.
	if mark := p.i; p.i < len(p.s) && p.s[p.i] == '.' {
		p.i++
		if p.digits() == 0 {
			p.i = mark
		} else {
			n.Kind = Float
		}
	}
	if mark := p.i; p.i < len(p.s) && (p.s[p.i] == 'e' || p.s[p.i] == 'E') {
		p.i++
		if p.i < len(p.s) && (p.s[p.i] == '+' || p.s[p.i] == '-') {
			p.i++
		}
		if p.digits() == 0 {
			p.i = mark
		} else {
			n.Kind = Float
		}
	}
	n.Text = p.s[start:p.i]
	return n, nil
}

func (p *parser) array(depth int) ([]Node, error) {
	if !p.begins('[', ']') {
		return nil, nil
	}
	base := len(p.items)
	for {
		v, err := p.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if !p.discard {
			p.items = append(p.items, v)
		}
		switch more, err := p.more(']'); {
		case err != nil:
			return nil, err
		case !more:
			return taken(&p.items, base), nil
		}
	}
}

func (p *parser) object(depth int) ([]string, []Node, error) {
	if !p.begins('{', '}') {
		return nil, nil, nil
	}
	open := members{keys: len(p.keys), items: len(p.items)}
	for {
		key, v, err := p.member(depth)
		if err != nil {
			return nil, nil, err
		}
		if !p.discard {
			open.put(p, key, v)
		}
		switch more, err := p.more('}'); {
		case err != nil:
			return nil, nil, err
		case !more:
			return taken(&p.keys, open.keys), taken(&p.items, open.items), nil
		}
	}
}

// member reads a key and its value.
func (p *parser) member(depth int) (key string, v Node, err error) {
	if p.i >= len(p.s) || p.s[p.i] != '"' {
		return "", v, p.fail("Expecting property name enclosed in double quotes", p.i)
	}
	p.i++
	if key, err = p.str(); err != nil {
		return "", v, err
	}
	p.space()
	if p.i >= len(p.s) || p.s[p.i] != ':' {
		return "", v, p.fail("Expecting ':' delimiter", p.i)
	}
	p.i++
	p.space()
	v, err = p.value(depth + 1)
	return key, v, err
}

// begins passes over the start of a container, and reports whether there is one
// with something in it.
func (p *parser) begins(start, end byte) bool {
	if p.i >= len(p.s) || p.s[p.i] != start {
		return false
	}
	p.i++
	p.space()
	if p.i < len(p.s) && p.s[p.i] == end {
		p.i++
		return false
	}
	return true
}

// more passes over what follows a value in a container, and reports whether
// that is another one or the end.
func (p *parser) more(end byte) (bool, error) {
	p.space()
	if p.i < len(p.s) && p.s[p.i] == end {
		p.i++
		return false, nil
	}
	if p.i >= len(p.s) || p.s[p.i] != ',' {
		return false, p.fail("Expecting ',' delimiter", p.i)
	}
	p.i++
	p.space()
	return true, nil
}

// taken removes the end of a stack and answers it.
func taken[T any](stack *[]T, from int) []T {
	if len(*stack) == from {
		return nil
	}
	out := slices.Clone((*stack)[from:])
	*stack = (*stack)[:from]
	return slices.Clip(out)
}

// members is an object that is being read: where its part of the stacks
// begins. Only big objects pay for a map of what was seen.
type members struct {
	keys, items int
	seen        map[string]int
}

func (m *members) put(p *parser, key string, v Node) {
	keys, items := p.keys[m.keys:], p.items[m.items:]
	if m.seen == nil && len(keys) == 16 {
		m.seen = make(map[string]int, 64)
		for i, k := range keys {
			m.seen[k] = i
		}
	}
	at, found := m.seen[key]
	if m.seen == nil {
		at = slices.Index(keys, key)
		found = at >= 0
	}
	if found {
		items[at] = v
		return
	}
	if m.seen != nil {
		m.seen[key] = len(keys)
	}
	p.keys, p.items = append(p.keys, key), append(p.items, v)
}

// set adds a key to an object, or replaces its value.
func (n *Node) set(key string, v Node) {
	if old := n.Get(key); old != nil {
		*old = v
		return
	}
	n.Keys, n.Items = append(n.Keys, key), append(n.Items, v)
}

// str reads a string after its opening quote.
func (p *parser) str() (string, error) {
	start := p.i
	for p.i < len(p.s) {
		switch c := p.s[p.i]; {
		case c == '"':
			p.i++
			return p.s[start : p.i-1], nil
		case c == '\\':
			return p.escaped(start)
		case c < 0x20:
			return "", p.fail("Invalid control character at", p.i)
		}
		p.i++
	}
	return "", p.fail("Unterminated string starting at", start-1)
}

func (p *parser) escaped(start int) (string, error) {
	var b strings.Builder
	b.WriteString(p.s[start:p.i])
	for p.i < len(p.s) {
		c := p.s[p.i]
		switch {
		case c == '"':
			p.i++
			return b.String(), nil
		case c < 0x20:
			return "", p.fail("Invalid control character at", p.i)
		case c != '\\':
			b.WriteByte(c)
			p.i++
			continue
		}
		p.i++
		if p.i >= len(p.s) {
			break
		}
		if p.s[p.i] == 'u' {
			r, err := p.unicode()
			if err != nil {
				return "", err
			}
			b.WriteRune(r)
			continue
		}
		k := strings.IndexByte(`"\/bfnrt`, p.s[p.i])
		if k < 0 {
			return "", p.fail(`Invalid \escape`, p.i-1)
		}
		b.WriteByte("\"\\/\b\f\n\r\t"[k])
		p.i++
	}
	return "", p.fail("Unterminated string starting at", start-1)
}

// unicode reads the rest of \uXXXX, joining surrogate pairs. Half of a pair is
// refused: no valid text can hold it, and to keep something else in its place
// would change what was sent (RFC 8259, section 8.2, leaves it open).
func (p *parser) unicode() (rune, error) {
	hex := func(at int) (rune, bool) {
		if at+4 > len(p.s) {
			return 0, false
		}
		for _, c := range []byte(p.s[at : at+4]) {
			if !strings.ContainsRune("0123456789abcdefABCDEF", rune(c)) {
				return 0, false
			}
		}
		v, _ := strconv.ParseUint(p.s[at:at+4], 16, 32)
		return rune(v), true
	}
	r, ok := hex(p.i + 1)
	if !ok || p.i+5 >= len(p.s) { // the reference looks at the character after it first
		return 0, p.fail(`Invalid \uXXXX escape`, p.i)
	}
	p.i += 5
	if r < 0xD800 || r > 0xDFFF {
		return r, nil
	}
	if r <= 0xDBFF && strings.HasPrefix(p.s[p.i:], `\u`) {
		if low, ok := hex(p.i + 2); ok && low >= 0xDC00 && low <= 0xDFFF {
			p.i += 6
			return (r-0xD800)<<10 + (low - 0xDC00) + 0x10000, nil
		}
	}
	return 0, p.fail("Half of a surrogate pair", p.i-5)
}

// Append writes the node as JSON text, as it arrived but for insignificant
// space and escapes.
func (n *Node) Append(dst []byte) []byte {
	switch n.Kind {
	case Bool:
		return strconv.AppendBool(dst, n.Bool)
	case Int, Float:
		return append(dst, n.Text...)
	case String:
		return AppendString(dst, n.Text)
	case Array:
		dst = append(dst, '[')
		for i := range n.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = n.Items[i].Append(dst)
		}
		return append(dst, ']')
	case Object:
		dst = append(dst, '{')
		for i := range n.Items {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, n.Keys[i])
			dst = append(dst, ':')
			dst = n.Items[i].Append(dst)
		}
		return append(dst, '}')
	}
	return append(dst, "null"...)
}

// MarshalJSON lets a Node be a value of a Problem's context.
func (n *Node) MarshalJSON() ([]byte, error) {
	if n == nil {
		return []byte("null"), nil
	}
	return n.Append(nil), nil
}
