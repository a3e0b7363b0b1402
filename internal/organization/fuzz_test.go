package organization_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"floe/internal/organization"
	"floe/internal/schema"
)

var slugForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// A slug that is accepted can stand in an address as it is, and is itself again.
func FuzzSlug(f *testing.F) {
	for _, s := range []string{"acme", "ACME-1", "a--b", "-a", "\u212a2-k", "ıstanbul", "\u0130sbantul", "a\n", "admin", "é", "x"} {
		f.Add(s)
	}
	plan := schema.PlanOf(reflect.TypeFor[organization.Slug](), "")
	read := func(text string) (s organization.Slug, ok bool) {
		problems := &schema.Problems{}
		plan.Decode(schema.StringNode(text), schema.Root(problems, "body"), reflect.ValueOf(&s).Elem())
		return s, problems.Err() == nil
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := read(text)
		if !ok {
			return
		}
		if !slugForm.MatchString(string(s)) || len(s) < 3 || len(s) > 64 || !strings.EqualFold(string(s), text) {
			t.Errorf("%q is the slug %q", text, s)
		}
		if again, ok := read(string(s)); !ok || again != s {
			t.Errorf("%q is the slug %q, and that %q", text, s, again)
		}
	})
}
