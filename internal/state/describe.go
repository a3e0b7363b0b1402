package state

import (
	"encoding/json"

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
