package state

import (
	"encoding/json"
	"reflect"

	"floe/internal/schema"
)

// customFieldData is what a customer answered to a product's custom fields.
type customFieldData json.RawMessage

// AppendJSON writes the text as it is.
func (c customFieldData) AppendJSON(dst []byte) []byte { return append(dst, c...) }

// DecodeNode is never used: states are only answered.
func (c *customFieldData) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (customFieldData) SchemaName() string { return "" }

// DescribeSchema describes a map of answers.
func (customFieldData) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "object", AdditionalProperties: &schema.Schema{AnyOf: []*schema.Schema{
		{Type: "string"}, {Type: "integer"}, {Type: "boolean"}, {Type: "string", Format: "date-time"}, {Type: "null"}}}}
}

// properties are what a grant carries, by the type of its benefit.
type properties json.RawMessage

// AppendJSON writes the text as it is.
func (p properties) AppendJSON(dst []byte) []byte { return append(dst, p...) }

// DecodeNode is never used: states are only answered.
func (p *properties) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (properties) SchemaName() string { return "" }

// DescribeSchema lists the variants. What a meter credit grant carries is not
// one of them: states show such a grant without properties.
func (properties) DescribeSchema(b *schema.Builder) *schema.Schema {
	var variants []*schema.Schema
	for _, t := range []reflect.Type{
		reflect.TypeFor[discordProperties](), reflect.TypeFor[gitHubRepositoryProperties](),
		reflect.TypeFor[downloadablesProperties](), reflect.TypeFor[licenseKeysProperties](),
		reflect.TypeFor[customProperties](), reflect.TypeFor[featureFlagProperties](),
		reflect.TypeFor[slackSharedChannelProperties](),
	} {
		variants = append(variants, b.Of(t))
	}
	return &schema.Schema{AnyOf: variants}
}
