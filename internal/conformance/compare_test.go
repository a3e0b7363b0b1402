package conformance_test

import (
	"encoding/json"
	"strings"
	"testing"

	"floe/internal/conformance"
)

// planted are changes to our document, each with a part of what the comparison
// must then say. A comparison that overlooks things proves nothing, so it is
// held against mistakes that are known.
var planted = []struct {
	name   string
	change func(d *doc)
	at     string
	what   string
}{
	{"a property dropped", func(d *doc) { d.drop("CustomerIndividual", "name") },
		"items[] variant individual.name", "ours lacks it"},
	{"a property added", func(d *doc) { d.property("Member", "role2", map[string]any{"type": "string"}) },
		"answer 201 application/json.role2", "the reference lacks it"},
	{"a type changed", func(d *doc) { d.property("CustomerIndividual", "email_verified", map[string]any{"type": "string"}) },
		"individual.email_verified", "type: the reference has boolean, ours string"},
	{"a property not nullable", func(d *doc) { d.property("CustomerTeam", "name", map[string]any{"type": "string"}) },
		"team.name", "nullable: the reference has true, ours false"},
	{"a format changed", func(d *doc) {
		d.property("CustomerTeam", "organization_id", map[string]any{"type": "string", "format": "uuid"})
	},
		"team.organization_id", "format: the reference has uuid4, ours uuid"},
	{"a key not required", func(d *doc) { d.schema("Pagination")["required"] = []any{"max_page"} },
		"pagination.total_count", "required: the reference has true, ours false"},
	{"an enumeration short of a value", func(d *doc) { d.schema("MemberRole")["enum"] = []any{"owner", "member"} },
		"role", "values: the reference has billing_manager|member|owner, ours member|owner"},
	{"a constant changed", func(d *doc) {
		d.property("ResourceNotFound", "error", map[string]any{"type": "string", "const": "NotFound"})
	},
		"answer 404 application/json.error", "values: the reference has ResourceNotFound, ours NotFound"},
	{"a length changed", func(d *doc) {
		d.property("MemberUpdate", "name", map[string]any{"anyOf": []any{map[string]any{"type": "string", "maxLength": 255}, map[string]any{"type": "null"}}})
	},
		"body application/json.name", "maxLength: the reference has 256, ours 255"},
	{"an item's type changed", func(d *doc) { d.property("ListResource_Member_", "items", list("string")) },
		"items[]", "type: the reference has object, ours string"},
	{"a variant of a union gone", func(d *doc) { s := d.schema("CustomerState"); s["oneOf"] = s["oneOf"].([]any)[:1] },
		"variant team", "ours lacks it"},
	{"a discriminator gone", func(d *doc) { delete(d.schema("Customer"), "discriminator") },
		"items[]", "discriminator: the reference has type, ours "},
	{"a scope changed", func(d *doc) { d.operation("get", "/v1/customers/")["security"] = security("pat", "oat") },
		"security oat", "scopes: the reference has customers:read customers:write, ours members:read"},
	{"a way to authenticate gone", func(d *doc) { d.operation("post", "/v1/customers/")["security"] = security("pat") },
		"security oat", "ours lacks it"},
	{"a status gone", func(d *doc) { delete(d.operation("get", "/v1/customers/{id}")["responses"].(map[string]any), "404") },
		"answer 404", "ours lacks it"},
	{"an operation renamed", func(d *doc) { d.operation("get", "/v1/customers/{id}")["operationId"] = "customers:find" },
		"operationId", "the reference has customers:get, ours customers:find"},
	{"an operation gone", func(d *doc) { delete(d.paths(), "/v1/customers/export") },
		"operation", "ours lacks it"},
	{"a body gone", func(d *doc) { delete(d.operation("post", "/v1/customers/"), "requestBody") },
		"body", "ours lacks it"},
	{"a parameter gone", func(d *doc) { d.operation("get", "/v1/customers/{id}")["parameters"] = []any{} },
		"path id", "ours lacks it"},
	{"a parameter required", func(d *doc) { d.parameter("/v1/customers/", "query")["required"] = true },
		"query query", "required: the reference has false, ours true"},
	{"a style gone", func(d *doc) { delete(d.parameter("/v1/customers/", "metadata"), "style") },
		"query metadata", "style: the reference has deepObject, ours "},
	{"a default changed", func(d *doc) { d.parameter("/v1/customers/", "limit")["schema"].(map[string]any)["default"] = 20 },
		"query limit", "default: the reference has 10, ours 20"},
	{"a bound changed", func(d *doc) {
		d.parameter("/v1/customers/", "page")["schema"].(map[string]any)["exclusiveMinimum"] = 1
	},
		"query page", "exclusiveMinimum: the reference has 0, ours 1"},
	{"a schema renamed", func(d *doc) { d.rename("MemberOwnerCreate", "OwnerCreate") },
		"owner", "name: the reference has MemberOwnerCreate, ours OwnerCreate"},
	{"another media type", func(d *doc) {
		d.operation("get", "/v1/customers/export")["responses"].(map[string]any)["200"] = answer("application/json")
	},
		"answer 200 text/csv", "ours lacks it"},
}

func TestCompareFindsPlantedDifferences(t *testing.T) {
	t.Parallel()
	text, reference := ourDocument(t), referenceFacts(t)
	before := differences(t, text, reference)
	for _, p := range planted {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			d := &doc{t: t}
			if err := json.Unmarshal(text, &d.root); err != nil {
				t.Fatal(err)
			}
			p.change(d)
			changed, err := json.Marshal(d.root)
			if err != nil {
				t.Fatal(err)
			}
			for found := range differences(t, changed, reference) {
				if !before[found] && strings.Contains(found.At, p.at) && strings.Contains(found.What, p.what) {
					return
				}
			}
			t.Errorf("the comparison overlooks it")
		})
	}
}

// TestCompareIgnoresSpelling: what means the same is no difference.
func TestCompareIgnoresSpelling(t *testing.T) {
	t.Parallel()
	read := func(schema string) *conformance.Facts {
		f, err := conformance.ReadFacts([]byte(`{"paths":{"/x":{"get":{"operationId":"x","responses":{"200":{"content":{"application/json":{"schema":`+
			schema+`}}}}}}},"components":{"schemas":{"A":{"type":"string","title":"A"}}}}`), nil)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	for _, pair := range [][2]string{
		{`{"type":["string","null"]}`, `{"anyOf":[{"$ref":"#/components/schemas/A"},{"type":"null"}],"description":"text"}`},
		{`{"enum":["a"],"type":"string"}`, `{"const":"a","type":"string"}`},
		{`{"enum":["a","b"]}`, `{"enum":["b","a"],"examples":["a"]}`},
		{`{"allOf":[{"$ref":"#/components/schemas/A"}],"default":"x"}`, `{"type":"string","default": "x"}`},
		{`{"anyOf":[{"type":"integer"},{"type":"string"}]}`, `{"oneOf":[{"type":"string"},{"type":"integer"}]}`},
		{`{"type":"object","additionalProperties":true}`, `{"type":"object","additionalProperties":{}}`},
	} {
		if found := conformance.Compare(read(pair[0]), read(pair[1])); len(found) > 0 {
			t.Errorf("%s and %s: %v", pair[0], pair[1], found)
		}
	}
}

func differences(t *testing.T, text []byte, reference *conformance.Facts) map[conformance.Difference]bool {
	t.Helper()
	facts, err := conformance.ReadFacts(text, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[conformance.Difference]bool{}
	for _, d := range conformance.Compare(facts, reference) {
		out[d] = true
	}
	return out
}

// doc is a document that a test spoils.
type doc struct {
	t    *testing.T
	root map[string]any
}

func (d *doc) paths() map[string]any { return d.root["paths"].(map[string]any) }

func (d *doc) operation(method, path string) map[string]any {
	d.t.Helper()
	item, _ := d.paths()[path].(map[string]any)
	o, ok := item[method].(map[string]any)
	if !ok {
		d.t.Fatalf("no operation %s %s", method, path)
	}
	return o
}

func (d *doc) parameter(path, name string) map[string]any {
	d.t.Helper()
	for _, p := range d.operation("get", path)["parameters"].([]any) {
		if p := p.(map[string]any); p["name"] == name {
			return p
		}
	}
	d.t.Fatalf("no parameter %s of %s", name, path)
	return nil
}

func (d *doc) schema(name string) map[string]any {
	d.t.Helper()
	s, ok := d.root["components"].(map[string]any)["schemas"].(map[string]any)[name].(map[string]any)
	if !ok {
		d.t.Fatalf("no schema %s", name)
	}
	return s
}

func (d *doc) drop(schema, name string) {
	d.t.Helper()
	delete(d.schema(schema)["properties"].(map[string]any), name)
}

func (d *doc) property(schema, name string, s map[string]any) {
	d.t.Helper()
	d.schema(schema)["properties"].(map[string]any)[name] = s
}

func (d *doc) rename(from, to string) {
	d.t.Helper()
	schemas := d.root["components"].(map[string]any)["schemas"].(map[string]any)
	schemas[to] = d.schema(from)
	for _, name := range []string{"CustomerIndividualCreate", "CustomerTeamCreate"} {
		ref := map[string]any{"$ref": "#/components/schemas/" + to}
		d.property(name, "owner", map[string]any{"anyOf": []any{ref, map[string]any{"type": "null"}}})
	}
}

func list(item string) map[string]any {
	return map[string]any{"type": "array", "items": map[string]any{"type": item}}
}

func security(schemes ...string) []any {
	var out []any
	for _, s := range schemes {
		out = append(out, map[string]any{s: []any{"members:read"}})
	}
	return out
}

func answer(media string) map[string]any {
	return map[string]any{"content": map[string]any{media: map[string]any{"schema": map[string]any{}}}}
}
