package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Facts are what two OpenAPI documents are compared by: what a program can
// tell, and nothing that is written for people.
type Facts struct {
	// Operations by method and path, as in "GET /v1/customers/".
	Operations map[string]*Operation `json:"operations"`
	// Schemas are the named ones that the operations refer to.
	Schemas map[string]*Schema `json:"schemas"`
}

// Operation is what is known of one operation.
type Operation struct {
	ID         string                        `json:"id"`
	Security   map[string][]string           `json:"security,omitempty"` // scheme to scopes, of which one is enough
	Parameters []*Parameter                  `json:"parameters,omitempty"`
	Body       *Body                         `json:"body,omitempty"`
	Answers    map[string]map[string]*Schema `json:"answers"` // status, then media type
}

// Parameter is one value of a path or query.
type Parameter struct {
	Name     string  `json:"name"`
	In       string  `json:"in"`
	Required bool    `json:"required,omitempty"`
	Style    string  `json:"style,omitempty"`
	Schema   *Schema `json:"schema"`
}

// Body is what is sent, by media type.
type Body struct {
	Required bool               `json:"required"`
	Content  map[string]*Schema `json:"content"`
}

// Schema is a JSON Schema without its prose. Decoding into it is what drops
// the prose.
type Schema struct {
	Ref                  string             `json:"$ref,omitempty"`
	Type                 any                `json:"type,omitempty"` // a name, or a list of names
	Format               string             `json:"format,omitempty"`
	Const                any                `json:"const,omitempty"`
	Enum                 []any              `json:"enum,omitempty"`
	AnyOf                []*Schema          `json:"anyOf,omitempty"`
	OneOf                []*Schema          `json:"oneOf,omitempty"`
	AllOf                []*Schema          `json:"allOf,omitempty"`
	Discriminator        *Discriminator     `json:"discriminator,omitempty"`
	Properties           map[string]*Schema `json:"properties,omitempty"`
	Required             []string           `json:"required,omitempty"`
	AdditionalProperties *Schema            `json:"additionalProperties,omitempty"`
	PropertyNames        *Schema            `json:"propertyNames,omitempty"`
	Items                *Schema            `json:"items,omitempty"`
	PrefixItems          []*Schema          `json:"prefixItems,omitempty"`
	MinProperties        *int               `json:"minProperties,omitempty"`
	MaxProperties        *int               `json:"maxProperties,omitempty"`
	MinItems             *int               `json:"minItems,omitempty"`
	MaxItems             *int               `json:"maxItems,omitempty"`
	MinLength            *int               `json:"minLength,omitempty"`
	MaxLength            *int               `json:"maxLength,omitempty"`
	Pattern              string             `json:"pattern,omitempty"`
	Minimum              *float64           `json:"minimum,omitempty"`
	Maximum              *float64           `json:"maximum,omitempty"`
	ExclusiveMinimum     *float64           `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum     *float64           `json:"exclusiveMaximum,omitempty"`
	Default              json.RawMessage    `json:"default,omitempty"`
}

// Discriminator names the key that tells the variants of a union apart.
type Discriminator struct {
	PropertyName string            `json:"propertyName"`
	Mapping      map[string]string `json:"mapping,omitempty"`
}

// UnmarshalJSON also takes the two schemas that are written as booleans: one
// that anything fits and one that nothing does.
func (s *Schema) UnmarshalJSON(text []byte) error {
	switch string(bytes.TrimSpace(text)) {
	case "true":
		*s = Schema{}
		return nil
	case "false":
		*s = Schema{Type: "never"}
		return nil
	}
	type plain Schema
	return json.Unmarshal(text, (*plain)(s))
}

// document is the part of an OpenAPI document that has facts.
type document struct {
	Paths      map[string]map[string]json.RawMessage `json:"paths"`
	Components struct {
		Schemas map[string]*Schema `json:"schemas"`
	} `json:"components"`
}

type media map[string]struct {
	Schema *Schema `json:"schema"`
}

func (m media) schemas() map[string]*Schema {
	out := map[string]*Schema{}
	for name, v := range m {
		out[name] = v.Schema
	}
	return out
}

// ReadFacts reads the facts of an OpenAPI document's operations: of those that
// keep accepts, by method and path, or of all when it is nil.
func ReadFacts(text []byte, keep func(operation string) bool) (*Facts, error) {
	var d document
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	f := &Facts{Operations: map[string]*Operation{}, Schemas: map[string]*Schema{}}
	for path, item := range d.Paths {
		for method, raw := range item {
			name := strings.ToUpper(method) + " " + path
			if !slices.Contains(methods, method) || keep != nil && !keep(name) {
				continue
			}
			o, err := readOperation(raw)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			f.Operations[name] = o
		}
	}
	for _, o := range f.Operations {
		o.each(func(s *Schema) { f.reach(s, d.Components.Schemas) })
	}
	return f, nil
}

// methods are the keys of a path that hold operations.
var methods = []string{"delete", "get", "head", "options", "patch", "post", "put"}

func readOperation(raw []byte) (*Operation, error) {
	var in struct {
		OperationID string                `json:"operationId"`
		Security    []map[string][]string `json:"security"`
		Parameters  []*Parameter          `json:"parameters"`
		RequestBody *struct {
			Required bool  `json:"required"`
			Content  media `json:"content"`
		} `json:"requestBody"`
		Responses map[string]struct {
			Content media `json:"content"`
		} `json:"responses"`
	}
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, err
	}
	o := &Operation{ID: in.OperationID, Parameters: in.Parameters,
		Security: map[string][]string{}, Answers: map[string]map[string]*Schema{}}
	for _, way := range in.Security {
		for scheme, scopes := range way {
			slices.Sort(scopes)
			o.Security[scheme] = scopes
		}
	}
	slices.SortFunc(o.Parameters, func(a, b *Parameter) int {
		return strings.Compare(a.In+" "+a.Name, b.In+" "+b.Name)
	})
	if in.RequestBody != nil {
		o.Body = &Body{Required: in.RequestBody.Required, Content: in.RequestBody.Content.schemas()}
	}
	for status, r := range in.Responses {
		o.Answers[status] = r.Content.schemas()
	}
	return o, nil
}

// each visits the schemas that an operation is written with.
func (o *Operation) each(visit func(*Schema)) {
	for _, p := range o.Parameters {
		visit(p.Schema)
	}
	if o.Body != nil {
		for _, s := range o.Body.Content {
			visit(s)
		}
	}
	for _, content := range o.Answers {
		for _, s := range content {
			visit(s)
		}
	}
}

// reach keeps the named schemas that s refers to, and what those refer to.
func (f *Facts) reach(s *Schema, named map[string]*Schema) {
	if s == nil {
		return
	}
	if name := refName(s.Ref); name != "" && f.Schemas[name] == nil {
		f.Schemas[name] = named[name]
		f.reach(named[name], named)
	}
	for _, list := range [][]*Schema{s.AnyOf, s.OneOf, s.AllOf, s.PrefixItems, {s.Items, s.AdditionalProperties, s.PropertyNames}} {
		for _, inner := range list {
			f.reach(inner, named)
		}
	}
	for _, p := range s.Properties {
		f.reach(p, named)
	}
}

func refName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// LoadFacts reads facts that were written as JSON.
func LoadFacts(text []byte) (*Facts, error) {
	f := &Facts{}
	if err := json.Unmarshal(text, f); err != nil {
		return nil, fmt.Errorf("read the facts: %w", err)
	}
	return f, nil
}
