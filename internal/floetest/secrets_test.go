package floetest

import (
	"fmt"
	"log/slog"
	"testing"
)

type failures struct {
	testing.TB
	said []string
}

func (f *failures) Helper() {}

func (f *failures) Errorf(format string, args ...any) {
	f.said = append(f.said, fmt.Sprintf(format, args...))
}

// TestSecretRule: what would be overlooked is found, and what is harmless is
// not.
func TestSecretRule(t *testing.T) {
	t.Parallel()
	const key = "AB-1C0FFEE1-0000-4000-8000-0123456789AB"
	for _, c := range []struct {
		body, logged string
		found        bool
	}{
		{`{"token": "polar_cst_abcdefghijklmnop"}`, "session polar_cst_abcdefghijklmnop", true},
		{`{"secret":"whsec_abcdefghijklmnop"}`, "whsec_abcdefghijklmnop", true},
		{`{"items":[{"key":"` + key + `"}]}`, "validate " + key, true},
		{`{"url":"http://x/documents?order=1&signature=abcdef0123456789"}`, "abcdef0123456789", true},
		{`signature=abcdef0123456789&order=1`, "abcdef0123456789", true},
		{`{"key":"color"}`, "color", false},
		{`{"token":null,"secret":""}`, "null", false},
		{`{"name":"polar_cst_abcdefghijklmnop"}`, "polar_cst_abcdefghijklmnop", false},
	} {
		r, tb := newSecretRule(), &failures{}
		f := &Floe{log: &logBuffer{}, secrets: r}
		r.learn(c.body)
		f.logger().With("a", 1).WithGroup("g").Debug("request", slog.String("detail", c.logged))
		r.check(tb)
		if (len(tb.said) > 0) != c.found {
			t.Errorf("%s, logged %s: %q", c.body, c.logged, tb.said)
		}
		if f.log.String() != "" {
			t.Error("what is below a warning is shown")
		}
	}
}
