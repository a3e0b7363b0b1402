package schema

import (
	"encoding/json"
	"strings"

	"floe/internal/email"
	"floe/internal/locale"
	"floe/internal/place"
	"floe/internal/weburl"
)

// Email is an address as it is stored: checked, its domain in lower case, the
// letter case of its local part kept.
type Email string

// DecodeNode checks and normalises an address.
func (e *Email) DecodeNode(n *Node, at *At) {
	if n.Kind != String {
		at.stringType(n)
		return
	}
	if HasNUL(n.Text) {
		at.ValueError(InvalidCharacters, n)
		return
	}
	v, reason := email.Parse(n.Text)
	if reason != "" {
		at.Report("value_error", "value is not a valid email address: "+reason, n, KV{"reason", reason})
		return
	}
	*e = Email(v)
}

// SchemaName says that the schema is written in place.
func (Email) SchemaName() string { return "" }

// DescribeSchema describes an address.
func (Email) DescribeSchema(*Builder) *Schema { return &Schema{Type: "string", Format: "email"} }

// Locale is a canonical BCP 47 language tag.
type Locale string

// DecodeNode checks and standardises a tag.
func (l *Locale) DecodeNode(n *Node, at *At) {
	if n.Kind != String {
		at.stringType(n)
		return
	}
	v, ok := locale.Parse(n.Text)
	if !ok {
		at.ValueError("Invalid IETF BCP 47 language tag", n)
		return
	}
	*l = Locale(v)
}

// SchemaName says that the schema is written in place.
func (Locale) SchemaName() string { return "" }

// DescribeSchema describes a tag.
func (Locale) DescribeSchema(*Builder) *Schema {
	return &Schema{Type: "string", Description: "Locale given as an IETF BCP 47 language tag, e.g. `en`, `en-US` or `en-GB-oxendict`.",
		Examples: []json.RawMessage{json.RawMessage(`"en"`), json.RawMessage(`"en-US"`), json.RawMessage(`"fr-CA"`)}}
}

// URL is an absolute http or https URL in its normal form.
type URL string

const maxURL = 2083

// DecodeNode checks and normalises a URL.
func (u *URL) DecodeNode(n *Node, at *At) {
	if n.Kind != String {
		at.Report("url_type", "URL input should be a string or URL", n)
		return
	}
	if HasNUL(n.Text) {
		at.ValueError(InvalidCharacters, n)
		return
	}
	v, problem := weburl.Parse(n.Text)
	if problem.Type != "" {
		var ctx []KV
		for _, p := range problem.Ctx {
			ctx = append(ctx, KV{p.Key, p.Value})
		}
		at.Report(problem.Type, problem.Msg, n, ctx...)
		return
	}
	*u = URL(v)
}

// SchemaName says that the schema is written in place.
func (URL) SchemaName() string { return "" }

// DescribeSchema describes a URL.
func (URL) DescribeSchema(*Builder) *Schema {
	low, high := 1, maxURL
	return &Schema{Type: "string", Format: "uri", MinLength: &low, MaxLength: &high}
}

// Country is a two-letter ISO 3166-1 code that new data may name.
type Country string

// DecodeNode takes a code in any letter case.
func (c *Country) DecodeNode(n *Node, at *At) {
	code := strings.ToUpper(n.Text)
	if n.Kind != String || !place.IsInputCountry(code) {
		at.Enum(place.InputCountries(), n)
		return
	}
	*c = Country(code)
}

// SchemaName says that the schema is written in place.
func (Country) SchemaName() string { return "" }

// DescribeSchema lists the codes.
func (Country) DescribeSchema(b *Builder) *Schema {
	if b.Answers {
		return &Schema{Type: "string", Enum: place.Countries()}
	}
	return &Schema{Type: "string", Enum: place.InputCountries()}
}

// Address is a billing address as it is stored and sent.
type Address struct {
	Line1      *string `json:"line1" required:"false"`
	Line2      *string `json:"line2" required:"false"`
	PostalCode *string `json:"postal_code" required:"false"`
	City       *string `json:"city" required:"false"`
	State      *string `json:"state" required:"false"`
	Country    Country `json:"country" example:"\"US\""`
}

// AddressInput is a billing address as it arrives.
type AddressInput struct {
	Line1      *string `json:"line1" trim:"null"`
	Line2      *string `json:"line2" trim:"null"`
	PostalCode *string `json:"postal_code" trim:"null"`
	City       *string `json:"city" trim:"null"`
	State      *string `json:"state" trim:"null"`
	Country    Country `json:"country" example:"\"US\""`
}

// CheckNode brings the state of the countries that have a list into its form.
func (a *AddressInput) CheckNode(n *Node, at *At) {
	if a.State == nil {
		return
	}
	state, ok := place.Subdivision(string(a.Country), *a.State)
	switch {
	case ok:
		a.State = &state
	case a.Country == "CA":
		at.ValueError("Invalid CA subdivision", n)
	default:
		at.ValueError("Invalid US state", n)
	}
}

// Address is the stored form.
func (a AddressInput) Address() Address { return Address(a) }

// Metadata is a stored map of scalars, as JSON text with its keys in the order
// in which they were given.
type Metadata json.RawMessage

// EmptyMetadata is a map without entries.
var EmptyMetadata = Metadata("{}")

// AppendJSON writes the text as it is.
func (m Metadata) AppendJSON(dst []byte) []byte {
	if len(m) == 0 {
		return append(dst, "{}"...)
	}
	return append(dst, m...)
}

// DecodeNode reads a map of ours; it is only used by tests and importers.
func (m *Metadata) DecodeNode(n *Node, at *At) {
	if n.Kind != Object {
		at.dictType(n)
		return
	}
	*m = Metadata(n.Append(nil))
}

// SchemaName is the name of the reference.
func (Metadata) SchemaName() string { return "MetadataOutputType" }

// DescribeSchema describes a map of scalars.
func (Metadata) DescribeSchema(*Builder) *Schema {
	return &Schema{Type: "object", AdditionalProperties: &Schema{AnyOf: []*Schema{{Type: "string"}, {Type: "integer"}, {Type: "number"}, {Type: "boolean"}}}}
}

// Node parses the stored text; what is stored always parses.
func (m Metadata) Node() *Node {
	if len(m) == 0 {
		return &Node{Kind: Object}
	}
	n, err := Parse(m)
	if err != nil {
		return &Node{Kind: Object}
	}
	return n
}

// With returns the map with one more string entry, or with it replaced.
func (m Metadata) With(key, value string) Metadata {
	n := m.Node()
	n.set(key, Node{Kind: String, Text: value})
	return Metadata(n.Append(nil))
}

// MetadataInput is a map of scalars as it arrives: at most 50 entries, keys of
// 1 to 40 characters, strings of 1 to 500.
type MetadataInput Metadata

const (
	maxKeyLength = 40
	maxText      = 500
)

// MaxMetadata is how many entries a map of metadata may have.
const MaxMetadata = 50

// DecodeNode checks the map and keeps each value's JSON type.
func (m *MetadataInput) DecodeNode(n *Node, at *At) {
	if n.Kind != Object {
		at.dictType(n)
		return
	}
	before := at.Count()
	out := []byte{'{'}
	for i, key := range n.Keys {
		checkMetadataKey(key, at.Key(key))
		if i > 0 {
			out = append(out, ',')
		}
		out = append(AppendString(out, key), ':')
		out = appendMetadataValue(out, &n.Items[i], at.Key(key))
	}
	if at.Count() == before && len(n.Keys) > MaxMetadata {
		at.tooMany(n, "Dictionary", MaxMetadata, len(n.Keys))
	}
	*m = append(out, '}')
}

func checkMetadataKey(key string, at *At) {
	k := StringNode(key)
	switch length := len([]rune(key)); {
	case length < 1:
		at.Key("[key]").tooShort(k, 1)
	case length > maxKeyLength:
		at.Key("[key]").tooLong(k, maxKeyLength)
	case HasNUL(key):
		at.Key("[key]").ValueError(InvalidCharacters, k)
	}
}

func appendMetadataValue(dst []byte, v *Node, at *At) []byte {
	text := at.Key("constrained-str")
	switch v.Kind {
	case Bool:
		return v.Append(dst)
	case Int:
		if v.Text == "-0" {
			return append(dst, '0')
		}
		return v.Append(dst)
	case Float:
		f := number(v.Text)
		if f-f != 0 {
			text.stringType(v)
			at.Key("int").finiteNumber(v)
			at.Key("float").finiteNumber(v)
			at.Key("bool").boolType(v)
			return dst
		}
		return AppendFloat(dst, f)
	case String:
		switch length := len([]rune(v.Text)); {
		case length < 1:
			text.tooShort(v, 1)
		case length > maxText:
			text.tooLong(v, maxText)
		case HasNUL(v.Text):
			text.ValueError(InvalidCharacters, v)
		default:
			return v.Append(dst)
		}
		at.Key("int").intParsing(v)
		at.Key("float").floatParsing(v)
		at.Key("bool").boolParsing(v)
	default:
		text.stringType(v)
		at.Key("int").intType(v)
		at.Key("float").floatType(v)
		at.Key("bool").boolType(v)
	}
	return dst
}

// Metadata is the stored form.
func (m MetadataInput) Metadata() Metadata {
	if len(m) == 0 {
		return EmptyMetadata
	}
	return Metadata(m)
}

// SchemaName says that the schema is written in place.
func (MetadataInput) SchemaName() string { return "" }

// DescribeSchema describes the map with its limits.
func (MetadataInput) DescribeSchema(*Builder) *Schema {
	one, key, text, entries := 1, maxKeyLength, maxText, MaxMetadata
	return &Schema{Type: "object", MaxProperties: &entries,
		PropertyNames:        &Schema{MinLength: &one, MaxLength: &key},
		AdditionalProperties: &Schema{AnyOf: []*Schema{{Type: "string", MinLength: &one, MaxLength: &text}, {Type: "integer"}, {Type: "number"}, {Type: "boolean"}}},
		Description: "Your own key-value pairs: at most 50, keys of at most 40 characters, " +
			"values that are strings of at most 500 characters, numbers, or booleans."}
}
