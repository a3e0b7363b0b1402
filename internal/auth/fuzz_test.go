package auth_test

import (
	"slices"
	"strings"
	"testing"

	"floe/internal/auth"
)

// Scopes that are accepted are those that were named, each once, none that may
// not be given, and the same however often they are read.
func FuzzScopes(f *testing.F) {
	f.Add("customers:read customers:write customers:read")
	f.Add("organization_access_tokens:write")
	f.Add(" ")
	f.Fuzz(func(t *testing.T, text string) {
		names := strings.Fields(text)
		scopes, err := auth.ParseScopes(names)
		if err != nil {
			return
		}
		for i, s := range scopes {
			if !slices.Contains(names, string(s)) || !slices.Contains(auth.GrantableScopes(), s) || i > 0 && scopes[i-1] >= s {
				t.Errorf("%q gives %q", names, scopes)
			}
		}
		again, err := auth.ParseScopes(strings.Fields(auth.ScopeNames(scopes, " ")))
		if err != nil || !slices.Equal(again, scopes) {
			t.Errorf("%q gives %q, and that %q: %v", names, scopes, again, err)
		}
	})
}
