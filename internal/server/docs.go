package server

import (
	"bytes"
	_ "embed"
	"html/template"
	"regexp"
	"slices"
	"sort"
	"strconv"
	"strings"

	"floe/internal/api"
	"floe/internal/schema"
)

//go:embed docs.html
var docsTemplate string

//go:embed home.html
var homePage string

// docsPage is what the template shows.
type docsPage struct {
	Title, Version, Summary, Base string
	Groups                        []docsGroup
	Schemas                       []docsSchema
}

type docsGroup struct {
	Name       string
	Anchor     string
	Operations []docsOperation
}

type docsOperation struct {
	ID, Anchor, Method, Path, Summary, Description string
	Scopes                                         []string
	Parameters                                     []docsField
	Body                                           *docsShape
	Answers                                        []docsAnswer
	Curl                                           string
}

type docsAnswer struct {
	Status, Description, Media string
	Shape                      *docsShape
}

// docsShape is a type: its name, and its fields or its variants.
type docsShape struct {
	Type     template.HTML
	Fields   []docsField
	Variants []docsShape
}

type docsField struct {
	Name, In, Description string
	Type                  template.HTML
	Required              bool
}

type docsSchema struct {
	Name, Anchor, Description string
	Plain                     template.HTML // when it has neither fields nor variants
	Shape                     docsShape
}

// docs turns a document into what the template shows.
type docs struct{ document *api.Document }

// renderDocs writes the page once; it does not change while the server runs.
func renderDocs(d *api.Document) ([]byte, error) {
	t, err := template.New("docs").Parse(docsTemplate)
	if err != nil {
		return nil, err
	}
	v := docs{d}
	page := docsPage{Title: d.Info.Title, Version: d.Info.Version, Summary: d.Info.Description, Base: v.base()}
	for _, tag := range d.Tags {
		page.Groups = append(page.Groups, v.group(tag.Name))
	}
	names := make([]string, 0, len(d.Components.Schemas))
	for name := range d.Components.Schemas {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s := d.Components.Schemas[name]
		page.Schemas = append(page.Schemas, docsSchema{name, "schema-" + name, s.Description, v.typeOf(s), v.shape(s)})
	}
	var out bytes.Buffer
	err = t.Execute(&out, page)
	return out.Bytes(), err
}

func (v docs) base() string {
	if len(v.document.Servers) > 0 {
		return strings.TrimSuffix(v.document.Servers[0].URL, "/")
	}
	return "http://127.0.0.1:8787"
}

func (v docs) group(tag string) docsGroup {
	name := strings.NewReplacer("_", " ", "-", " ").Replace(tag)
	g := docsGroup{Name: strings.ToUpper(name[:1]) + name[1:], Anchor: "group-" + tag}
	for path, methods := range v.document.Paths {
		for method, item := range methods {
			if slices.Contains(item.Tags, tag) {
				g.Operations = append(g.Operations, v.operation(strings.ToUpper(method), path, item))
			}
		}
	}
	rank := map[string]int{"GET": 0, "POST": 1, "PATCH": 2, "PUT": 3, "DELETE": 4}
	sort.Slice(g.Operations, func(i, j int) bool {
		a, b := g.Operations[i], g.Operations[j]
		if a.Path != b.Path {
			return a.Path < b.Path
		}
		return rank[a.Method] < rank[b.Method]
	})
	return g
}

func (v docs) operation(method, path string, item *api.PathItem) docsOperation {
	o := docsOperation{
		ID: item.OperationID, Anchor: strings.NewReplacer(":", "-", " ", "-").Replace(item.OperationID),
		Method: method, Path: path, Summary: item.Summary, Curl: v.curl(method, path, item),
	}
	o.Description, _, _ = strings.Cut(item.Description, "\n\n**Scopes**")
	for _, security := range item.Security {
		for _, scopes := range security {
			o.Scopes = append(o.Scopes, scopes...)
		}
	}
	slices.Sort(o.Scopes)
	o.Scopes = slices.Compact(o.Scopes)
	for _, p := range item.Parameters {
		o.Parameters = append(o.Parameters, docsField{p.Name, p.In, p.Description, v.typeOf(p.Schema), p.Required})
	}
	if item.RequestBody != nil {
		for _, m := range item.RequestBody.Content {
			s := v.shape(m.Schema)
			o.Body = &s
		}
	}
	for status, r := range item.Responses {
		o.Answers = append(o.Answers, v.answer(status, r))
	}
	sort.Slice(o.Answers, func(i, j int) bool { return o.Answers[i].Status < o.Answers[j].Status })
	return o
}

func (v docs) answer(status string, r *api.Response) docsAnswer {
	a := docsAnswer{Status: status, Description: r.Description}
	for media, m := range r.Content {
		if a.Media == "application/json" { // it comes first where there are several
			break
		}
		s := v.shape(m.Schema)
		a.Media, a.Shape = media, &s
	}
	return a
}

// resolve follows a reference to what it names.
func (v docs) resolve(s *schema.Schema) *schema.Schema {
	for s != nil && s.Ref != "" {
		s = v.document.Components.Schemas[refName(s.Ref)]
	}
	return s
}

func refName(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

// shape shows the fields of an object, or those of each variant of a union.
// What lies deeper is a link.
func (v docs) shape(s *schema.Schema) docsShape {
	out := docsShape{Type: v.typeOf(s)}
	s = v.resolve(s)
	if s == nil {
		return out
	}
	if s.Properties != nil {
		for i, name := range s.Properties.Names {
			f := s.Properties.Schemas[i]
			description := f.Description
			if description == "" {
				description = v.descriptionOf(f)
			}
			out.Fields = append(out.Fields, docsField{name, "", description, v.typeOf(f), slices.Contains(s.Required, name)})
		}
		return out
	}
	for _, variant := range slices.Concat(s.OneOf, s.AnyOf) {
		if r := v.resolve(variant); r != nil && (r.Properties != nil || len(r.OneOf) > 0) {
			out.Variants = append(out.Variants, v.shape(variant))
		}
	}
	return out
}

func (v docs) descriptionOf(s *schema.Schema) string {
	if s = v.resolve(s); s != nil {
		return s.Description
	}
	return ""
}

// typeOf is a type in words, with links to the named ones.
func (v docs) typeOf(s *schema.Schema) template.HTML {
	esc := func(text string) string { return template.HTMLEscapeString(text) }
	switch {
	case s == nil:
		return "any"
	case s.Ref != "":
		name := esc(refName(s.Ref))
		return template.HTML(`<a href="#schema-` + name + `">` + name + `</a>`) // escaped above
	case len(s.AnyOf)+len(s.OneOf)+len(s.AllOf) > 0:
		var parts []string
		for _, p := range slices.Concat(s.AnyOf, s.OneOf, s.AllOf) {
			parts = append(parts, string(v.typeOf(p)))
		}
		return template.HTML(strings.Join(parts, " | ")) // parts are escaped
	case s.Const != "":
		return template.HTML(esc(`"` + s.Const + `"`)) // escaped
	case len(s.Enum) > 12:
		return template.HTML(esc(s.Type + ` ("` + strings.Join(s.Enum[:6], `" | "`) + `" | …)`)) // escaped
	case len(s.Enum) > 0:
		return template.HTML(esc(`"` + strings.Join(s.Enum, `" | "`) + `"`)) // escaped
	case s.Type == "array":
		return "list of " + v.typeOf(s.Items)
	case s.Type == "object" && s.AdditionalProperties != nil:
		return "map of " + v.typeOf(s.AdditionalProperties)
	case s.Format != "":
		return template.HTML(esc(s.Type + " (" + s.Format + ")")) // escaped
	case s.Type == "":
		return "any"
	case s.MaxLength != nil:
		return template.HTML(esc(s.Type) + ", at most " + strconv.Itoa(*s.MaxLength)) // escaped
	}
	return template.HTML(esc(s.Type)) // escaped
}

var pathParameter = regexp.MustCompile(`\{(\w+)\}`)

// curl is a command to paste: it works once the token and the ids are put in.
func (v docs) curl(method, path string, item *api.PathItem) string {
	var b strings.Builder
	b.WriteString("curl ")
	if method != "GET" {
		b.WriteString("-X " + method + " ")
	}
	b.WriteString(`"` + v.base() + pathParameter.ReplaceAllStringFunc(path, func(p string) string {
		return "$" + strings.ToUpper(strings.Trim(p, "{}"))
	}) + `"`)
	if len(item.Security) > 0 {
		b.WriteString(" \\\n  -H \"Authorization: Bearer $FLOE_TOKEN\"")
	}
	if item.RequestBody != nil {
		for _, m := range item.RequestBody.Content {
			body := strings.ReplaceAll(string(v.example("", m.Schema, 0)), "'", `'\''`)
			b.WriteString(" \\\n  -H \"Content-Type: application/json\" \\\n  -d '" + body + "'")
		}
	}
	return b.String()
}

// example is a small body that a schema takes, as JSON: what is required, and
// what has an example of its own; of an object where nothing is required, the
// name.
func (v docs) example(name string, s *schema.Schema, depth int) []byte {
	if s != nil && len(s.Examples) > 0 {
		return s.Examples[0]
	}
	s = v.resolve(s)
	switch {
	case s == nil || depth > 4:
		return []byte("null")
	case len(s.Examples) > 0:
		return s.Examples[0]
	case s.Const != "":
		return schema.AppendString(nil, s.Const)
	case len(s.Enum) > 0:
		return schema.AppendString(nil, s.Enum[0])
	case len(s.AnyOf)+len(s.OneOf)+len(s.AllOf) > 0:
		return v.example(name, slices.Concat(s.AnyOf, s.OneOf, s.AllOf)[0], depth)
	}
	switch s.Type {
	case "object":
		return v.exampleObject(s, depth)
	case "array":
		return slices.Concat([]byte{'['}, v.example(name, s.Items, depth+1), []byte{']'})
	case "integer", "number":
		return []byte("1")
	case "boolean":
		return []byte("true")
	}
	return schema.AppendString(nil, exampleText(name, s.Format))
}

func (v docs) exampleObject(s *schema.Schema, depth int) []byte {
	out := []byte{'{'}
	if s.Properties != nil {
		for i, name := range s.Properties.Names {
			inner := v.resolve(s.Properties.Schemas[i])
			needed := slices.Contains(s.Required, name) || inner != nil && inner.Const != "" ||
				len(s.Required) > 0 && len(s.Properties.Schemas[i].Examples) > 0
			if !needed && (len(s.Required) > 0 || name != "name") {
				continue
			}
			if len(out) > 1 {
				out = append(out, ',')
			}
			out = append(append(schema.AppendString(out, name), ':'), v.example(name, s.Properties.Schemas[i], depth+1)...)
		}
	}
	return append(out, '}')
}

func exampleText(name, format string) string {
	switch {
	case format == "email", strings.Contains(name, "email"):
		return "jane@example.com"
	case format == "uuid", format == "uuid4", strings.HasSuffix(name, "_id") && name != "external_id":
		return "00000000-0000-4000-8000-000000000000"
	case format == "date-time":
		return "2026-01-01T00:00:00Z"
	case format == "uri", strings.HasSuffix(name, "url"):
		return "https://example.com"
	case name == "name":
		return "Jane Doe"
	case name == "":
		return "text"
	}
	return "my-" + strings.ReplaceAll(name, "_", "-")
}
