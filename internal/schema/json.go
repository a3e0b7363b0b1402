package schema

import (
	"strconv"
	"strings"
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
	maxDigits = 4300 // of an integer, as in the reference
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

// StringNode wraps text that did not come as JSON: a query or path value.
func StringNode(s string) *Node { return &Node{Kind: String, Text: s} }

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
	if !utf8.Valid(text) {
		return nil, &SyntaxError{"Invalid UTF-8", invalidAt(text)}
	}
	p := &parser{s: string(text)}
	p.space()
	var n Node
	if err := p.value(&n, 0); err != nil {
		return nil, err
	}
	p.space()
	if p.i < len(p.s) {
		return nil, p.fail("Extra data", p.i)
	}
	return &n, nil
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
	s string
	i int
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

func (p *parser) value(n *Node, depth int) error {
	if p.i >= len(p.s) {
		return p.fail("Expecting value", p.i)
	}
	if depth > maxDepth {
		return p.fail("Nested too deeply", p.i)
	}
	switch c := p.s[p.i]; {
	case c == '"':
		p.i++
		s, err := p.str()
		n.Kind, n.Text = String, s
		return err
	case c == '{':
		return p.object(n, depth)
	case c == '[':
		return p.array(n, depth)
	case c == '-' || c >= '0' && c <= '9':
		return p.number(n)
	}
	for _, w := range words {
		if strings.HasPrefix(p.s[p.i:], w.text) {
			p.i += len(w.text)
			n.Kind, n.Bool = w.kind, w.value
			return nil
		}
	}
	return p.fail("Expecting value", p.i)
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

func (p *parser) number(n *Node) error {
	start := p.i
	n.Kind = Int
	if p.s[p.i] == '-' {
		p.i++
	}
	first := p.i
	if p.i < len(p.s) && p.s[p.i] == '0' {
		p.i++
	} else if p.digits() == 0 {
		return p.fail("Expecting value", start)
	}
	if p.i-first > maxDigits {
		return p.fail("Integer has too many digits", start)
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
	return nil
}

func (p *parser) array(n *Node, depth int) error {
	n.Kind = Array
	p.i++
	p.space()
	if p.i < len(p.s) && p.s[p.i] == ']' {
		p.i++
		return nil
	}
	for {
		n.Items = append(n.Items, Node{})
		if err := p.value(&n.Items[len(n.Items)-1], depth+1); err != nil {
			return err
		}
		p.space()
		if p.i < len(p.s) && p.s[p.i] == ']' {
			p.i++
			return nil
		}
		if p.i >= len(p.s) || p.s[p.i] != ',' {
			return p.fail("Expecting ',' delimiter", p.i)
		}
		p.i++
		p.space()
	}
}

func (p *parser) object(n *Node, depth int) error {
	n.Kind = Object
	p.i++
	p.space()
	if p.i < len(p.s) && p.s[p.i] == '}' {
		p.i++
		return nil
	}
	var seen map[string]int
	for {
		if p.i >= len(p.s) || p.s[p.i] != '"' {
			return p.fail("Expecting property name enclosed in double quotes", p.i)
		}
		p.i++
		key, err := p.str()
		if err != nil {
			return err
		}
		p.space()
		if p.i >= len(p.s) || p.s[p.i] != ':' {
			return p.fail("Expecting ':' delimiter", p.i)
		}
		p.i++
		p.space()
		var v Node
		if err := p.value(&v, depth+1); err != nil {
			return err
		}
		seen = n.put(key, v, seen)
		p.space()
		if p.i < len(p.s) && p.s[p.i] == '}' {
			p.i++
			return nil
		}
		if p.i >= len(p.s) || p.s[p.i] != ',' {
			return p.fail("Expecting ',' delimiter", p.i)
		}
		p.i++
		p.space()
	}
}

// put adds a key; only big objects pay for a map of what was seen.
func (n *Node) put(key string, v Node, seen map[string]int) map[string]int {
	if seen == nil && len(n.Keys) < 16 {
		for i, k := range n.Keys {
			if k == key {
				n.Items[i] = v
				return nil
			}
		}
		n.Keys, n.Items = append(n.Keys, key), append(n.Items, v)
		return nil
	}
	if seen == nil {
		seen = make(map[string]int, 64)
		for i, k := range n.Keys {
			seen[k] = i
		}
	}
	if i, ok := seen[key]; ok {
		n.Items[i] = v
		return seen
	}
	seen[key] = len(n.Keys)
	n.Keys, n.Items = append(n.Keys, key), append(n.Items, v)
	return seen
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

// unicode reads the rest of \uXXXX, joining surrogate pairs; a lone surrogate
// becomes U+FFFD because no valid text can hold it.
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
	if !ok {
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
	return utf8.RuneError, nil
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
