package conformance

import (
	"context"
	"strings"
	"testing"

	"floe/internal/api"
	"floe/internal/auth"
	"floe/internal/fault"
	"floe/internal/id"
)

type thing struct {
	ID    id.ID    `json:"id"`
	Name  *string  `json:"name"`
	Count int      `json:"count"`
	Tags  []string `json:"tags"`
}

type thingInput struct {
	ID id.ID `path:"id"`
}

func TestCheckResponse(t *testing.T) {
	t.Parallel()
	get := api.Get("/v1/things/{id}", func(context.Context, auth.Subject, thingInput) (thing, error) { return thing{}, nil }).
		Scopes(auth.CustomersRead).Named("things:get", "Get Thing").Fails(fault.NotFound, "Thing not found.")
	del := api.Delete("/v1/things/{id}", func(context.Context, auth.Subject, thingInput) error { return nil }).
		Scopes(auth.CustomersWrite).Named("things:delete", "Delete Thing")
	hidden := api.Get("/v1/hidden/{id}", func(context.Context, auth.Subject, thingInput) (thing, error) { return thing{}, nil }).
		Public().Named("things:hidden", "Hidden").Private()
	doc := api.Describe(api.Info{}, []*api.Operation{get, del, hidden})

	const good = `{"id": "0190e7a2-5c3f-4a81-9d0b-6f1c2e3d4a5b", "name": null, "count": 1, "tags": ["a"]}`
	change := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for _, c := range []struct {
		name   string
		op     *api.Operation
		status int
		body   string
		want   string // part of the complaint; "" for none
	}{
		{"good", get, 200, good, ""},
		{"name", get, 200, change("null", `"x"`), ""},
		{"not found", get, 404, `{"error": "ResourceNotFound", "detail": "x"}`, ""},
		{"no such path", get, 404, `{"detail": "Not Found"}`, ""},
		{"who are you", get, 401, `{"error": "Unauthorized", "detail": "x"}`, ""},
		{"problems", get, 422, `{"detail": [{"loc": ["path", "id"], "msg": "x", "type": "y"}]}`, ""},
		{"gone", del, 204, ``, ""},
		{"private", hidden, 200, `{}`, ""},

		{"missing", get, 200, change(`"count": 1, `, ""), "count is missing"},
		{"unknown", get, 200, change(`"count"`, `"extra": 1, "count"`), `"extra" is not documented`},
		{"null", get, 200, change("1,", "null,"), "count: "},
		{"fraction", get, 200, change("1,", "1.0,"), "count: "},
		{"type in a list", get, 200, change(`"a"`, "1"), "tags.0: "},
		{"no variant", get, 200, change("null", "1"), "name: fits no variant"},
		{"id", get, 200, change("0190e7a2", "0190E7A2"), "id: "},
		{"not JSON", get, 200, `{`, "not JSON"},
		{"status", get, 201, good, "not documented"},
		{"server error", get, 500, `{"error": "InternalServerError", "detail": "x", "request_id": "y"}`, "not documented"},
		{"a body too many", del, 204, `{}`, "none is documented"},
	} {
		err := CheckResponse(doc, c.op, c.status, []byte(c.body))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}
