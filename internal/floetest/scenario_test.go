package floetest

import "testing"

// TestDiffers: what a Want leaves open, and what it does not.
func TestDiffers(t *testing.T) {
	t.Parallel()
	type obj = map[string]any
	for _, c := range []struct {
		name      string
		want, got any
		same      bool
	}{
		{"keys that are not asked for", obj{"a": "x"}, obj{"a": "x", "b": "y"}, true},
		{"no keys", obj{"a": obj{}}, obj{"a": obj{}}, true},
		{"keys where there are to be none", obj{"a": obj{}}, obj{"a": obj{"b": "y"}}, false},
		{"any value", obj{"a": Any}, obj{"a": obj{"b": "y"}}, true},
		{"null is no value", obj{"a": Any}, obj{"a": nil}, false},
		{"lists are whole", []any{"x"}, []any{"x", "y"}, false},
	} {
		if d := differs("body", c.want, c.got); (d == "") != c.same {
			t.Errorf("%s: %q", c.name, d)
		}
	}
}
