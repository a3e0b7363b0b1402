// Package conformance holds the answers of the server, and the document that
// describes it, against what was promised: our own OpenAPI document and the
// reference it follows. It is imported by tests only.
package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"floe/internal/api"
	"floe/internal/id"
	"floe/internal/schema"
)

// CheckResponse reports whether an answer is one that the document promises:
// its status is documented and its body has the documented shape, with no key
// that the document does not know. Answers that any operation can give, which
// the document leaves out as the reference does, have to have their own shape.
func CheckResponse(doc *api.Document, op *api.Operation, status int, body []byte) error {
	item := doc.Paths[op.Path][strings.ToLower(op.Method)]
	if item == nil {
		return nil // a private operation
	}
	r := item.Responses[strconv.Itoa(status)]
	err := errors.New("the status is not documented")
	if r != nil {
		err = checkBody(doc, r, body)
	}
	if err != nil && general(status, body) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s answered %d: %w", op.ID, status, err)
	}
	return nil
}

func checkBody(doc *api.Document, r *api.Response, body []byte) error {
	if len(r.Content) == 0 {
		if len(body) > 0 {
			return fmt.Errorf("a body of %d bytes where none is documented", len(body))
		}
		return nil
	}
	media := r.Content["application/json"]
	if media == nil {
		return nil // a table
	}
	return CheckJSON(doc.Components.Schemas, media.Schema, body)
}

// general recognises the answers that every operation can give: who are you,
// you may not, too large, too late, and the router's 404 and 405.
func general(status int, body []byte) bool {
	if status == 429 {
		return len(body) == 0
	}
	var b map[string]any
	if json.Unmarshal(body, &b) != nil {
		return false
	}
	text := func(keys ...string) bool {
		for _, k := range keys {
			if s, ok := b[k].(string); !ok || s == "" {
				return false
			}
		}
		return len(b) == len(keys)
	}
	switch status {
	case 400, 408, 413:
		return text("error", "detail")
	case 401, 403:
		return text("error", "detail") || text("error", "error_description")
	case 404, 405:
		return text("detail")
	case 503:
		return text("error", "detail", "request_id")
	}
	return false
}

// CheckJSON checks a JSON text against a schema, whose references are looked
// up among the named ones.
func CheckJSON(named map[string]*schema.Schema, s *schema.Schema, text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return fmt.Errorf("the body is not JSON: %w", err)
	}
	return checker{named}.check("", s, v)
}

type checker struct{ named map[string]*schema.Schema }

func mismatch(at, format string, args ...any) error {
	if at == "" {
		at = "body"
	}
	return fmt.Errorf("%s: %s", strings.TrimPrefix(at, "."), fmt.Sprintf(format, args...))
}

func (c checker) check(at string, s *schema.Schema, v any) error {
	if s == nil {
		return nil
	}
	if s.Ref != "" {
		name := s.Ref[strings.LastIndexByte(s.Ref, '/')+1:]
		target := c.named[name]
		if target == nil {
			return mismatch(at, "the document has no schema %s", name)
		}
		return c.check(at, target, v)
	}
	for _, all := range s.AllOf {
		if err := c.check(at, all, v); err != nil {
			return err
		}
	}
	if err := c.union(at, s, v); err != nil {
		return err
	}
	if err := c.typed(at, s, v); err != nil {
		return err
	}
	text, isText := v.(string)
	if s.Const != "" && (!isText || text != s.Const) {
		return mismatch(at, "%v is not %q", v, s.Const)
	}
	if len(s.Enum) > 0 && (!isText || !slices.Contains(s.Enum, text)) {
		return mismatch(at, "%v is not one of %v", v, s.Enum)
	}
	return nil
}

// union asks for a variant that fits; for the one that the discriminator
// names when there is one, so that the message is about that one.
func (c checker) union(at string, s *schema.Schema, v any) error {
	variants := slices.Concat(s.OneOf, s.AnyOf)
	if len(variants) == 0 {
		return nil
	}
	if object, ok := v.(map[string]any); ok && s.Discriminator != nil {
		tag, _ := object[s.Discriminator.PropertyName].(string)
		ref, ok := s.Discriminator.Mapping[tag]
		if !ok {
			return mismatch(at, "no variant for %s %q", s.Discriminator.PropertyName, tag)
		}
		return c.check(at, &schema.Schema{Ref: ref}, v)
	}
	var errs []string
	for _, variant := range variants {
		err := c.check(at, variant, v)
		if err == nil {
			return nil
		}
		errs = append(errs, err.Error())
	}
	return mismatch(at, "fits no variant (%s)", strings.Join(errs, "; "))
}

func (c checker) typed(at string, s *schema.Schema, v any) error {
	switch s.Type {
	case "":
		return nil
	case "null":
		if v != nil {
			return mismatch(at, "%v is not null", v)
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return mismatch(at, "%v is not a boolean", v)
		}
	case "string":
		text, ok := v.(string)
		if !ok {
			return mismatch(at, "%v is not a string", v)
		}
		return checkString(at, s, text)
	case "integer", "number":
		return checkNumber(at, s, v)
	case "array":
		list, ok := v.([]any)
		if !ok {
			return mismatch(at, "%v is not a list", v)
		}
		return c.list(at, s, list)
	case "object":
		object, ok := v.(map[string]any)
		if !ok {
			return mismatch(at, "%v is not an object", v)
		}
		return c.object(at, s, object)
	}
	return nil
}

func (c checker) list(at string, s *schema.Schema, list []any) error {
	if s.MinItems != nil && len(list) < *s.MinItems || s.MaxItems != nil && len(list) > *s.MaxItems {
		return mismatch(at, "a list of %d", len(list))
	}
	for i, v := range list {
		item := s.Items
		if i < len(s.PrefixItems) {
			item = s.PrefixItems[i]
		}
		if err := c.check(at+"."+strconv.Itoa(i), item, v); err != nil {
			return err
		}
	}
	return nil
}

func (c checker) object(at string, s *schema.Schema, object map[string]any) error {
	for _, key := range s.Required {
		if _, ok := object[key]; !ok {
			return mismatch(at, "%s is missing", key)
		}
	}
	if s.MaxProperties != nil && len(object) > *s.MaxProperties {
		return mismatch(at, "%d keys", len(object))
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	for _, key := range keys {
		property := s.AdditionalProperties
		known := property != nil || s.Properties == nil
		if s.Properties != nil {
			if p := s.Properties.Get(key); p != nil {
				property, known = p, true
			}
		}
		if !known && slices.Contains(s.Undocumented, key) {
			continue
		}
		if !known {
			return mismatch(at, "the key %q is not documented", key)
		}
		if err := c.check(at+"."+key, property, object[key]); err != nil {
			return err
		}
	}
	return nil
}

func checkString(at string, s *schema.Schema, text string) error {
	n := utf8.RuneCountInString(text)
	if s.MinLength != nil && n < *s.MinLength || s.MaxLength != nil && n > *s.MaxLength {
		return mismatch(at, "a string of %d characters", n)
	}
	if s.Pattern != "" {
		if ok, err := regexp.MatchString(s.Pattern, text); err == nil && !ok {
			return mismatch(at, "%q does not match %s", text, s.Pattern)
		}
	}
	switch s.Format {
	case "uuid", "uuid4":
		if got, problem := id.ParseAny(text); !problem.OK() || string(got) != text {
			return mismatch(at, "%q is not a UUID in its usual form", text)
		}
	case "date-time":
		if _, err := time.Parse(time.RFC3339Nano, text); err != nil {
			return mismatch(at, "%q is not a time", text)
		}
	}
	return nil
}

func checkNumber(at string, s *schema.Schema, v any) error {
	text, ok := v.(json.Number)
	if !ok {
		return mismatch(at, "%v is not a number", v)
	}
	n, ok := new(big.Rat).SetString(text.String())
	if !ok || s.Type == "integer" && (!n.IsInt() || strings.ContainsAny(text.String(), ".eE")) {
		return mismatch(at, "%v is not an %s", v, s.Type)
	}
	f, _ := n.Float64()
	if s.Minimum != nil && f < *s.Minimum || s.Maximum != nil && f > *s.Maximum ||
		s.ExclusiveMinimum != nil && f <= *s.ExclusiveMinimum || s.ExclusiveMaximum != nil && f >= *s.ExclusiveMaximum {
		return mismatch(at, "%v is out of bounds", v)
	}
	return nil
}
