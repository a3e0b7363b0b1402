package subscription

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"strings"

	"floe/internal/id"
	"floe/internal/schema"
)

// IDs are a list of ids in a column of JSON.
type IDs []id.ID

// firstID is the first of IDs, read without the others.
type firstID id.ID

// Scan reads the stored form of IDs.
func (f *firstID) Scan(src any) error {
	text, ok := src.(string)
	if b, isBytes := src.([]byte); isBytes {
		text, ok = string(b), true
	}
	if !ok {
		return fmt.Errorf("%T in a field for a list of ids", src)
	}
	*f = ""
	if parts := strings.SplitN(text, `"`, 3); len(parts) == 3 {
		*f = firstID(parts[1])
	}
	return nil
}

// Scan reads the stored form.
func (l *IDs) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return fmt.Errorf("%T in a field for a list of ids", src)
	}
	*l = IDs{}
	return json.Unmarshal(text, (*[]id.ID)(l))
}

// Value is the stored form.
func (l IDs) Value() (driver.Value, error) {
	b := []byte{'['}
	for i, v := range l {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, '"'), v...), '"')
	}
	return string(append(b, ']')), nil
}

// CustomFieldData is what a customer answered to a product's custom fields.
type CustomFieldData json.RawMessage

// AppendJSON writes the text as it is.
func (c CustomFieldData) AppendJSON(dst []byte) []byte { return append(dst, c...) }

// DecodeNode is never used: this is only answered.
func (c *CustomFieldData) DecodeNode(*schema.Node, *schema.At) {}

// SchemaName says that the schema is written in place.
func (CustomFieldData) SchemaName() string { return "" }

// DescribeSchema describes a map of answers.
func (CustomFieldData) DescribeSchema(*schema.Builder) *schema.Schema {
	return &schema.Schema{Type: "object", AdditionalProperties: &schema.Schema{AnyOf: []*schema.Schema{
		{Type: "string"}, {Type: "integer"}, {Type: "boolean"}, {Type: "string", Format: "date-time"}, {Type: "null"}}}}
}

// Reason is why a customer cancels.
type Reason string

// Enum lists the reasons.
func (Reason) Enum() []string {
	return []string{"customer_service", "low_quality", "missing_features", "switched_service", "too_complex", "too_expensive", "unused", "other"}
}

// SchemaName is the name of the reference.
func (Reason) SchemaName() string { return "CustomerCancellationReason" }
