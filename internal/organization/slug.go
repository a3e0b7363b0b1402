package organization

import (
	"reflect"
	"strings"

	"floe/internal/schema"
)

// Slug is the unique name of an organization in web addresses: lower-case
// ASCII letters, digits and single hyphens.
type Slug string

// reserved lists the slugs that would read as pages of the product.
const reserved = ` benefits donations issue-funding newsletters products careers legal docs login signup oauth2 checkout
 embed maintainer dashboard feed for-you posts purchases funding rewards settings backoffice finance .well-known
 v1 api portal admin assets static healthz metrics `

func isReserved(slug string) bool {
	for word := range strings.FieldsSeq(reserved) {
		if word == slug {
			return true
		}
	}
	return false
}

var slugText = schema.PlanOf(reflect.TypeFor[string](), `minLength:"3" maxLength:"64"`)

// DecodeNode takes a slug in any letter case.
func (s *Slug) DecodeNode(n *schema.Node, at *schema.At) {
	before := at.Count()
	var text string
	slugText.Decode(n, at, reflect.ValueOf(&text).Elem())
	if at.Count() > before {
		return
	}
	sent := text
	text = strings.ToLower(text)
	switch {
	case !isASCII(sent), !wellFormed(text): // some other letters become ASCII with their case
		at.ValueError("The slug can only contain ASCII letters, numbers and hyphens.", n)
	case isReserved(text):
		at.ValueError("This slug is reserved.", n)
	}
	*s = Slug(text)
}

func isASCII(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0 }

// wellFormed says whether a text is its own slug.
func wellFormed(s string) bool {
	for part := range strings.SplitSeq(s, "-") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}

// SchemaName says that the schema is written in place.
func (Slug) SchemaName() string { return "" }

// DescribeSchema describes a slug; what is answered has no rules.
func (Slug) DescribeSchema(b *schema.Builder) *schema.Schema {
	if b.Answers {
		return &schema.Schema{Type: "string"}
	}
	return slugText.Schema(b)
}

// blocked says whether a text contains one of the words, whole and in any
// letter case.
func blocked(text string, words []string) bool {
	parts := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool {
		return r < '0' || r > '9' && r < 'a' || r > 'z' && r < 0x80
	})
	line := " " + strings.Join(parts, " ") + " "
	for _, w := range words {
		if w != "" && strings.Contains(line, " "+strings.ToLower(w)+" ") {
			return true
		}
	}
	return false
}
