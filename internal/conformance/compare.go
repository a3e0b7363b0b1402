package conformance

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Difference is one fact that two documents disagree on.
type Difference struct {
	Operation string // method and path
	At        string // where, as in "answer 200 application/json.items[].email"
	What      string // what the reference says and what ours does
}

func (d Difference) String() string { return d.Operation + ": " + d.At + ": " + d.What }

// Compare holds our facts against those of the reference. An operation that
// only one side has is one difference.
func Compare(ours, reference *Facts) []Difference {
	var out []Difference
	for _, name := range union(ours.Operations, reference.Operations) {
		a, b := ours.Operations[name], reference.Operations[name]
		switch {
		case a == nil:
			out = append(out, Difference{name, "operation", "ours lacks it"})
		case b == nil:
			out = append(out, Difference{name, "operation", "the reference lacks it, or was reduced before we claimed it"})
		default:
			c := &comparison{ours: ours.Schemas, theirs: reference.Schemas, operation: name}
			c.operations(a, b)
			out = append(out, c.found...)
		}
	}
	return out
}

// comparison goes through one operation.
type comparison struct {
	ours, theirs map[string]*Schema
	operation    string
	found        []Difference
	open         [][2]string // pairs of names being compared, for those that contain themselves
}

func (c *comparison) report(at, format string, args ...any) {
	c.found = append(c.found, Difference{c.operation, at, fmt.Sprintf(format, args...)})
}

// same reports two values that differ.
func same[T comparable](c *comparison, at, fact string, ours, theirs T) {
	if ours != theirs {
		c.report(at, "%s: the reference has %v, ours %v", fact, theirs, ours)
	}
}

func (c *comparison) operations(ours, theirs *Operation) {
	same(c, "operationId", "value", ours.ID, theirs.ID)
	for _, scheme := range union(ours.Security, theirs.Security) {
		a, inOurs := ours.Security[scheme]
		b, inTheirs := theirs.Security[scheme]
		at := "security " + scheme
		if c.both(at, inOurs, inTheirs) {
			same(c, at, "scopes", strings.Join(a, " "), strings.Join(b, " "))
		}
	}
	c.parameters(ours.Parameters, theirs.Parameters)
	if c.both("body", ours.Body != nil, theirs.Body != nil) {
		same(c, "body", "required", ours.Body.Required, theirs.Body.Required)
		c.contents("body", ours.Body.Content, theirs.Body.Content)
	}
	for _, status := range union(ours.Answers, theirs.Answers) {
		a, inOurs := ours.Answers[status]
		b, inTheirs := theirs.Answers[status]
		if at := "answer " + status; c.both(at, inOurs, inTheirs) {
			c.contents(at, a, b)
		}
	}
}

// both reports what only one side has, and says whether both do.
func (c *comparison) both(at string, ours, theirs bool) bool {
	switch {
	case ours && theirs:
		return true
	case theirs:
		c.report(at, "ours lacks it")
	case ours:
		c.report(at, "the reference lacks it")
	}
	return false
}

func (c *comparison) parameters(ours, theirs []*Parameter) {
	byName := func(list []*Parameter) map[string]*Parameter {
		out := map[string]*Parameter{}
		for _, p := range list {
			out[p.In+" "+p.Name] = p
		}
		return out
	}
	a, b := byName(ours), byName(theirs)
	for _, at := range union(a, b) {
		p, q := a[at], b[at]
		if !c.both(at, p != nil, q != nil) {
			continue
		}
		same(c, at, "required", p.Required, q.Required)
		same(c, at, "style", p.Style, q.Style)
		c.schemas(at, p.Schema, q.Schema)
	}
}

func (c *comparison) contents(at string, ours, theirs map[string]*Schema) {
	for _, media := range union(ours, theirs) {
		a, inOurs := ours[media]
		b, inTheirs := theirs[media]
		if at := at + " " + media; c.both(at, inOurs, inTheirs) {
			c.schemas(at, a, b)
		}
	}
}

// union is the keys of both maps, in order.
func union[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}
