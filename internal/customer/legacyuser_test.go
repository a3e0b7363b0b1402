package customer

import "testing"

func TestLegacyUserHasALetter(t *testing.T) {
	t.Parallel()
	text := func(s string) *string { return &s }
	for _, c := range []struct {
		name, email *string
		want        string
	}{
		{text("Žofie"), text("x@example.com"), "Ž"}, {text(""), text("x@example.com"), "x"}, {nil, text("x@example.com"), "x"}, {nil, nil, "?"},
	} {
		if got := (&Customer{Name: c.name, Email: c.email}).LegacyUser().PublicName; got != c.want {
			t.Errorf("%v, %v: %s, want %s", c.name, c.email, got, c.want)
		}
	}
}
