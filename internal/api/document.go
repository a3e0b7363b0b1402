package api

import (
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"floe/internal/auth"
	"floe/internal/fault"
	"floe/internal/schema"
)

// Document is an OpenAPI 3.1 description of a set of operations.
type Document struct {
	OpenAPI    string                          `json:"openapi"`
	Info       Info                            `json:"info"`
	Servers    []Server                        `json:"servers,omitempty"`
	Paths      map[string]map[string]*PathItem `json:"paths"`
	Components Components                      `json:"components"`
	Tags       []Tag                           `json:"tags,omitempty"`
}

// Info names the API and its version.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
}

// Server is where the API answers.
type Server struct {
	URL string `json:"url"`
}

// Tag is a group of operations.
type Tag struct {
	Name string `json:"name"`
}

// Components are the named parts of a document.
type Components struct {
	Schemas         map[string]*schema.Schema  `json:"schemas"`
	SecuritySchemes map[string]*SecurityScheme `json:"securitySchemes"`
}

// SecurityScheme is a way to authenticate.
type SecurityScheme struct {
	Type        string `json:"type"`
	Scheme      string `json:"scheme"`
	Description string `json:"description"`
}

// PathItem is one operation of a document.
type PathItem struct {
	Tags        []string              `json:"tags"`
	Summary     string                `json:"summary"`
	Description string                `json:"description,omitempty"`
	OperationID string                `json:"operationId"`
	Security    []map[string][]string `json:"security,omitempty"`
	Parameters  []*Parameter          `json:"parameters,omitempty"`
	RequestBody *RequestBody          `json:"requestBody,omitempty"`
	Responses   map[string]*Response  `json:"responses"`
}

// Parameter is one value of a path or query.
type Parameter struct {
	Name        string         `json:"name"`
	In          string         `json:"in"`
	Required    bool           `json:"required"`
	Style       string         `json:"style,omitempty"`
	Description string         `json:"description,omitempty"`
	Schema      *schema.Schema `json:"schema"`
}

// RequestBody describes what is sent.
type RequestBody struct {
	Required bool              `json:"required"`
	Content  map[string]*Media `json:"content"`
}

// Response describes what is answered.
type Response struct {
	Description string            `json:"description"`
	Content     map[string]*Media `json:"content,omitempty"`
}

// Media is one representation.
type Media struct {
	Schema *schema.Schema `json:"schema"`
}

// securityKinds names the scheme of each kind of subject.
var securityKinds = map[auth.Kind]string{
	auth.User: "pat", auth.Organization: "oat", auth.Customer: "customer_session", auth.Member: "member_session",
}

// Describe writes the document of the operations that are not private.
func Describe(info Info, ops []*Operation) *Document {
	b := schema.NewBuilder()
	d := &Document{OpenAPI: "3.1.0", Info: info, Paths: map[string]map[string]*PathItem{}}
	for _, o := range ops {
		if o.private {
			continue
		}
		if d.Paths[o.Path] == nil {
			d.Paths[o.Path] = map[string]*PathItem{}
		}
		d.Paths[o.Path][strings.ToLower(o.Method)] = o.describe(b)
		if tag := (Tag{o.tag()}); !slices.Contains(d.Tags, tag) {
			d.Tags = append(d.Tags, tag)
		}
	}
	d.Components = Components{Schemas: b.Components, SecuritySchemes: map[string]*SecurityScheme{
		"pat":              {"http", "bearer", "A personal access token (polar_pat_…): a user, in the organizations that the user belongs to."},
		"oat":              {"http", "bearer", "An organization access token (polar_oat_…): one organization."},
		"customer_session": {"http", "bearer", "A customer session token (polar_cst_…)."},
		"member_session":   {"http", "bearer", "A member session token (polar_mst_…)."},
	}}
	return d
}

func (o *Operation) tag() string {
	tag, _, _ := strings.Cut(o.ID, ":")
	return tag
}

func (o *Operation) describe(b *schema.Builder) *PathItem {
	item := &PathItem{Tags: []string{o.tag()}, Summary: o.Summary, Description: o.description(), OperationID: o.ID,
		Responses: map[string]*Response{}}
	for _, k := range o.Kinds {
		if name := securityKinds[k]; name != "" && !o.public {
			scopes := make([]string, len(o.Needs))
			for i, s := range o.Needs {
				scopes[i] = string(s)
			}
			item.Security = append(item.Security, map[string][]string{name: scopes})
		}
	}
	b.Answers = false
	for i := range o.input.params {
		item.Parameters = append(item.Parameters, o.input.params[i].describe(b))
	}
	if p := o.input.body; p != nil {
		item.RequestBody = &RequestBody{Required: !p.Optional(), Content: map[string]*Media{"application/json": {p.Schema(b)}}}
	}
	b.Answers = true
	o.describeAnswer(b, item)
	o.describeFailures(b, item)
	return item
}

func (o *Operation) description() string {
	doc := o.Doc
	if doc == "" {
		doc = o.Summary + "."
	}
	if len(o.Needs) > 0 {
		doc += "\n\n**Scopes**: `" + auth.ScopeNames(o.Needs, "` `") + "`"
	}
	return doc
}

func (p *param) describe(b *schema.Builder) *Parameter {
	s := p.plan.Schema(b)
	if p.in == "query" && s.Type == "array" && s.Default != nil {
		// The contract writes such a list as nullable: null is how generated
		// clients say that they have nothing to send.
		list := *s
		list.Default, list.Description = nil, ""
		s = &schema.Schema{AnyOf: schema.Nullable(&list).AnyOf, Default: s.Default, Description: s.Description}
	}
	out := &Parameter{Name: p.name, In: p.in, Required: p.in == "path" || !p.plan.Optional(), Description: s.Description, Schema: s}
	if p.deep {
		out.Style, out.Required = "deepObject", false
	}
	return out
}

func (o *Operation) describeAnswer(b *schema.Builder, item *PathItem) {
	r := &Response{Description: http.StatusText(o.Status)}
	item.Responses[strconv.Itoa(o.Status)] = r
	if o.tagged {
		item.Responses["304"] = &Response{Description: "The caller has the answer already."}
	}
	switch {
	case o.output == reflect.TypeFor[None]():
	case o.output == reflect.TypeFor[Table]():
		r.Content = map[string]*Media{"text/csv": {&schema.Schema{Type: "string"}}}
	default:
		r.Content = map[string]*Media{"application/json": {b.Of(o.output)}}
	}
	if o.follow != nil {
		r.Content[eventsMedia] = &Media{&schema.Schema{Type: "string", Description: "Server-sent events; the data of each is one of the items."}}
	}
}

func (o *Operation) describeFailures(b *schema.Builder, item *PathItem) {
	byStatus := map[string][]Failure{}
	for _, f := range o.errors {
		status := strconv.Itoa(f.Kind.Status)
		byStatus[status] = append(byStatus[status], f)
	}
	for status, list := range byStatus {
		var refs []*schema.Schema
		var details []string
		for _, f := range list {
			if ref := describeFault(b, f.Kind); !slices.ContainsFunc(refs, func(s *schema.Schema) bool { return s.Ref == ref.Ref }) {
				refs = append(refs, ref)
			}
			details = append(details, f.Detail)
		}
		if status == "422" && o.validates() {
			refs = append(refs, validationError(b))
		}
		s := refs[0]
		if len(refs) > 1 {
			s = &schema.Schema{AnyOf: refs}
		}
		item.Responses[status] = &Response{strings.Join(details, " "), map[string]*Media{"application/json": {s}}}
	}
	if item.Responses["422"] == nil && o.validates() {
		item.Responses["422"] = &Response{"The input is not valid.", map[string]*Media{"application/json": {validationError(b)}}}
	}
}

// validates says whether there is any input that can be wrong.
func (o *Operation) validates() bool { return len(o.input.params) > 0 || o.input.body != nil }

func describeFault(b *schema.Builder, k fault.Kind) *schema.Schema {
	props := &schema.Properties{}
	props.Set("error", &schema.Schema{Type: "string", Const: k.Name})
	props.Set("detail", &schema.Schema{Type: "string"})
	return b.Add(k.Name, &schema.Schema{Type: "object", Properties: props, Required: []string{"error", "detail"}})
}

func validationError(b *schema.Builder) *schema.Schema {
	loc := &schema.Schema{Type: "array", Items: &schema.Schema{AnyOf: []*schema.Schema{{Type: "string"}, {Type: "integer"}}}}
	entry := &schema.Properties{}
	entry.Set("loc", loc)
	entry.Set("msg", &schema.Schema{Type: "string"})
	entry.Set("type", &schema.Schema{Type: "string"})
	entry.Set("input", &schema.Schema{})
	entry.Set("ctx", &schema.Schema{Type: "object"})
	item := b.Add("ValidationError", &schema.Schema{Type: "object", Properties: entry, Required: []string{"loc", "msg", "type"}})
	props := &schema.Properties{}
	props.Set("error", &schema.Schema{Type: "string"})
	props.Set("detail", &schema.Schema{Type: "array", Items: item})
	return b.Add("HTTPValidationError", &schema.Schema{Type: "object", Properties: props})
}

// JSON is the document's text.
func (d *Document) JSON() ([]byte, error) { return json.MarshalIndent(d, "", " ") }
