package journal_test

import (
	"testing"

	"floe/internal/journal"
)

func TestDiffering(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ before, after, was, is string }{
		{`{}`, `{}`, `{}`, `{}`},
		{`{"a":1}`, `{"a":1}`, `{}`, `{}`},
		{`{"a":1,"b":"x"}`, `{"a":2,"b":"y"}`, `{"a":1,"b":"x"}`, `{"a":2,"b":"y"}`},
		{`{"a":{"x":[1,{"y":"}"}]},"b":null}`, `{"a":{"x":[1,{"y":"]"}]},"b":null}`, `{"a":{"x":[1,{"y":"}"}]}}`, `{"a":{"x":[1,{"y":"]"}]}}`},
		{`{"a":"\"{,:\\","b":true}`, `{"a":"\"{,:\\","b":false}`, `{"b":true}`, `{"b":false}`},
		{`{"a":1}`, `{"new":1,"a":2}`, `{"a":1}`, `{"a":2}`},
	} {
		was, is := journal.Differing([]byte(c.before), []byte(c.after))
		if string(was) != c.was || string(is) != c.is {
			t.Errorf("%s to %s: %s, %s", c.before, c.after, was, is)
		}
	}
}
