package schema

import (
	"encoding/json"
	"reflect"
	"strings"
)

// Schema is a JSON Schema (2020-12, as OpenAPI 3.1 uses it), the part of it
// that the API needs.
type Schema struct {
	Ref                  string         `json:"$ref,omitempty"`
	Type                 string         `json:"type,omitempty"`
	Format               string         `json:"format,omitempty"`
	Const                string         `json:"const,omitempty"`
	Enum                 []string       `json:"enum,omitempty"`
	AnyOf                []*Schema      `json:"anyOf,omitempty"`
	OneOf                []*Schema      `json:"oneOf,omitempty"`
	AllOf                []*Schema      `json:"allOf,omitempty"`
	Discriminator        *Discriminator `json:"discriminator,omitempty"`
	Properties           *Properties    `json:"properties,omitempty"`
	AdditionalProperties *Schema        `json:"additionalProperties,omitempty"`
	// Closed objects have no properties but those listed.
	Closed bool `json:"-"`
	// Undocumented are properties that answers have and the document does not: the
	// fields with that tag.
	Undocumented []string `json:"-"`
	// True is a boolean that cannot be false.
	True             bool              `json:"-"`
	PropertyNames    *Schema           `json:"propertyNames,omitempty"`
	MaxProperties    *int              `json:"maxProperties,omitempty"`
	MinProperties    *int              `json:"minProperties,omitempty"`
	Required         []string          `json:"required,omitempty"`
	Items            *Schema           `json:"items,omitempty"`
	PrefixItems      []*Schema         `json:"prefixItems,omitempty"`
	MinItems         *int              `json:"minItems,omitempty"`
	MaxItems         *int              `json:"maxItems,omitempty"`
	MinLength        *int              `json:"minLength,omitempty"`
	MaxLength        *int              `json:"maxLength,omitempty"`
	Pattern          string            `json:"pattern,omitempty"`
	Minimum          *float64          `json:"minimum,omitempty"`
	Maximum          *float64          `json:"maximum,omitempty"`
	ExclusiveMinimum *float64          `json:"exclusiveMinimum,omitempty"`
	ExclusiveMaximum *float64          `json:"exclusiveMaximum,omitempty"`
	Default          json.RawMessage   `json:"default,omitempty"`
	Description      string            `json:"description,omitempty"`
	Examples         []json.RawMessage `json:"examples,omitempty"`
}

// MarshalJSON writes closed objects and constants that are no text as JSON
// Schema says them.
func (s *Schema) MarshalJSON() ([]byte, error) {
	type plain Schema
	text, err := json.Marshal((*plain)(s))
	switch {
	case err != nil:
		return nil, err
	case s.Closed:
		return append(text[:len(text)-1], `,"additionalProperties":false}`...), nil
	case s.True:
		return append(text[:len(text)-1], `,"const":true}`...), nil
	}
	return text, nil
}

// Discriminator names the key that tells the variants of a union apart.
type Discriminator struct {
	PropertyName string            `json:"propertyName"`
	Mapping      map[string]string `json:"mapping"`
}

// Properties are the properties of an object, in order.
type Properties struct {
	Names   []string
	Schemas []*Schema
}

// Set adds a property or replaces it in place.
func (p *Properties) Set(name string, s *Schema) {
	for i, n := range p.Names {
		if n == name {
			p.Schemas[i] = s
			return
		}
	}
	p.Names, p.Schemas = append(p.Names, name), append(p.Schemas, s)
}

// Get returns a property, or nil.
func (p *Properties) Get(name string) *Schema {
	for i, n := range p.Names {
		if n == name {
			return p.Schemas[i]
		}
	}
	return nil
}

// MarshalJSON writes the properties in order.
func (p *Properties) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, n := range p.Names {
		if i > 0 {
			out = append(out, ',')
		}
		out = AppendString(out, n)
		out = append(out, ':')
		s, err := json.Marshal(p.Schemas[i])
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
	}
	return append(out, '}'), nil
}

// Builder collects named schemas while a document is written.
type Builder struct {
	// Answers is set while describing what the server sends: every key is then
	// required, where in a request only those without a default are.
	Answers    bool
	Components map[string]*Schema
	// Owners says which type took a name, so that two types never share one.
	Owners map[string]reflect.Type
}

// NewBuilder starts a document.
func NewBuilder() *Builder {
	return &Builder{Components: map[string]*Schema{}, Owners: map[string]reflect.Type{}}
}

// Named is a type whose schema has another name than the type.
type Named interface{ SchemaName() string }

const refPrefix = "#/components/schemas/"

// Ref points to a component.
func Ref(name string) *Schema { return &Schema{Ref: refPrefix + name} }

// named registers a type's schema once and refers to it. A type that says its
// name is "" is written where it stands.
func (b *Builder) named(t reflect.Type, describe func() *Schema) *Schema {
	name := t.Name()
	if n, ok := reflect.New(t).Interface().(Named); ok {
		name = n.SchemaName()
	}
	if name == "" {
		return describe()
	}
	name = strings.NewReplacer("[", "_", "]", "_", ".", "_", "/", "_").Replace(name)
	if owner, ok := b.Owners[name]; ok {
		if owner != t {
			panic("schema: " + owner.String() + " and " + t.String() + " are both called " + name)
		}
		return Ref(name)
	}
	b.Owners[name] = t
	b.Components[name] = nil // a type that contains itself finds the name taken
	b.Components[name] = describe()
	return Ref(name)
}

// Of describes a type. Use b.Answers to say which side it is on.
func (b *Builder) Of(t reflect.Type) *Schema { return PlanOf(t, "").Schema(b) }

// Add registers a component that no Go type describes and refers to it.
func (b *Builder) Add(name string, s *Schema) *Schema {
	b.Components[name] = s
	return Ref(name)
}

// Object describes a struct's own fields, for a type whose DescribeSchema
// changes some of them.
func (b *Builder) Object(t reflect.Type) *Schema { return compileObject(t).describe(b) }

// Nullable is s or null.
func Nullable(s *Schema) *Schema { return &Schema{AnyOf: []*Schema{s, {Type: "null"}}} }

// Remove drops a property.
func (p *Properties) Remove(name string) {
	for i, n := range p.Names {
		if n == name {
			p.Names = append(p.Names[:i:i], p.Names[i+1:]...)
			p.Schemas = append(p.Schemas[:i:i], p.Schemas[i+1:]...)
			return
		}
	}
}
