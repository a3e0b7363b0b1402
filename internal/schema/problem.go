package schema

import (
	"fmt"
	"strings"
)

// Problem is one entry of the "detail" list of a 422 answer.
type Problem struct {
	Type  string
	Loc   []any // strings and ints
	Msg   string
	Input *Node // nil is null
	Ctx   []KV  // absent when empty
}

// KV is one pair of a Problem's context, in the order it is printed.
type KV struct {
	Key   string
	Value any // string, int, or nil for an empty object
}

// Problems is the error of an input that cannot be accepted. Business is set
// when a rule beyond the schema refused it; the answer's "error" key differs.
type Problems struct {
	List     []Problem
	Business bool
	// Class is the "error" key of rules that have one of their own.
	Class string
}

// Bounds of an answer: a hostile body of a few megabytes could ask for
// hundreds of megabytes of complaints, each with what it complains about.
const (
	maxProblems = 1000
	maxAnswer   = 32 << 20
)

func (p *Problems) Error() string {
	parts := make([]string, len(p.List))
	for i, x := range p.List {
		parts[i] = fmt.Sprintf("%v: %s", x.Loc, x.Msg)
	}
	return "invalid input: " + strings.Join(parts, "; ")
}

// Name is the value of the "error" key.
func (p *Problems) Name() string {
	if p.Class != "" {
		return p.Class
	}
	if p.Business {
		return "PolarRequestValidationError"
	}
	return "RequestValidationError"
}

// Err returns nil when there is no problem.
func (p *Problems) Err() error {
	if p == nil || len(p.List) == 0 {
		return nil
	}
	return p
}

// Add appends a business problem, as long as there are not too many.
func (p *Problems) Add(x Problem) {
	p.Business = true
	if len(p.List) < maxProblems {
		p.List = append(p.List, x)
	}
}

// Business makes one business problem of any type. Input may be nil.
func Business(typ, msg string, input *Node, loc ...any) *Problems {
	return &Problems{Business: true, List: []Problem{{Type: typ, Loc: loc, Msg: msg, Input: input}}}
}

// ValueError makes the usual business problem.
func ValueError(msg string, input *Node, loc ...any) *Problems {
	return Business("value_error", msg, input, loc...)
}

// AppendJSON writes the answer's body.
func (p *Problems) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"error":"`...)
	dst = append(dst, p.Name()...)
	dst = append(dst, `","detail":[`...)
	for i := range p.List {
		if len(dst) > maxAnswer {
			break
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = p.List[i].append(dst)
	}
	return append(dst, "]}"...)
}

func (x *Problem) append(dst []byte) []byte {
	dst = append(dst, `{"type":`...)
	dst = AppendString(dst, x.Type)
	dst = append(dst, `,"loc":[`...)
	for i, l := range x.Loc {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendScalar(dst, l)
	}
	dst = append(dst, `],"msg":`...)
	dst = AppendString(dst, x.Msg)
	dst = append(dst, `,"input":`...)
	if x.Input == nil {
		dst = append(dst, "null"...)
	} else {
		dst = x.Input.Append(dst)
	}
	if len(x.Ctx) > 0 {
		dst = append(dst, `,"ctx":{`...)
		for i, kv := range x.Ctx {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = AppendString(dst, kv.Key)
			dst = append(dst, ':')
			dst = appendScalar(dst, kv.Value)
		}
		dst = append(dst, '}')
	}
	return append(dst, '}')
}

func appendScalar(dst []byte, v any) []byte {
	switch v := v.(type) {
	case string:
		return AppendString(dst, v)
	case int:
		return fmt.Appendf(dst, "%d", v)
	case float64:
		return AppendFloat(dst, v)
	case nil:
		return append(dst, "{}"...)
	}
	return AppendString(dst, fmt.Sprint(v))
}

// At is a place in an input: where a problem is reported. The zero At is not
// usable; decoding starts from Root.
type At struct {
	sink   *Problems
	parent *At
	key    string
	index  int // used when key is empty and parent is not nil
}

// Root starts a location, such as "body", that reports into sink.
func Root(sink *Problems, name string) *At { return &At{sink: sink, key: name} }

// Key is the place of a key below this one.
func (a *At) Key(key string) *At { return &At{sink: a.sink, parent: a, key: key, index: -1} }

// Index is the place of a list element below this one.
func (a *At) Index(i int) *At { return &At{sink: a.sink, parent: a, index: i} }

// Apart is the same place, reporting into a list of its own: for input that
// may be one thing or another, where only one's complaints count.
func (a *At) Apart() (*At, *Problems) {
	apart := *a
	apart.sink = &Problems{}
	return &apart, apart.sink
}

// Take reports what was reported apart.
func (a *At) Take(p *Problems) {
	a.sink.List = append(a.sink.List, p.List[:min(len(p.List), max(maxProblems-len(a.sink.List), 0))]...)
}

// Loc is the location as it is printed.
func (a *At) Loc() []any {
	depth := 0
	for x := a; x != nil; x = x.parent {
		depth++
	}
	loc := make([]any, depth)
	for x := a; x != nil; x = x.parent {
		depth--
		if x.parent != nil && x.index >= 0 {
			loc[depth] = x.index
		} else {
			loc[depth] = x.key
		}
	}
	return loc
}

// Report adds a schema problem here.
func (a *At) Report(typ, msg string, input *Node, ctx ...KV) {
	if len(a.sink.List) < maxProblems {
		a.sink.List = append(a.sink.List, Problem{Type: typ, Loc: a.Loc(), Msg: msg, Input: input, Ctx: ctx})
	}
}

// Count is how many problems there are so far; a rule over several fields
// compares it before and after to run only on fields that are fine.
func (a *At) Count() int { return len(a.sink.List) }
