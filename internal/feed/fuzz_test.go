package feed

import (
	"strconv"
	"testing"

	"floe/internal/schema"
)

// A cursor that is accepted is one that we could have written.
func FuzzCursor(f *testing.F) {
	for _, s := range []string{"606.019df0ef-80b0-4281-bbee-de10610aa93d", "0.", "-1.x", "", ".", "9223372036854775808.019df0ef-80b0-4281-bbee-de10610aa93d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		seq, after, err := readCursor(text)
		if err != nil {
			return
		}
		again, last, err := readCursor(strconv.FormatInt(seq, 10) + "." + string(after))
		if err != nil || again != seq || last != after || seq < 0 {
			t.Errorf("%q is %d and %q, then %d and %q: %v", text, seq, after, again, last, err)
		}
	})
}

// A position is a number of zero or more, or the end.
func FuzzPosition(f *testing.F) {
	for _, s := range []string{"now", "0", "+1", "-0", "9223372036854775807", "1_0", " 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var p Position
		problems := &schema.Problems{}
		p.DecodeNode(schema.StringNode(text), schema.Root(problems, "query"))
		if problems.Err() == nil && (p.Seq < 0 || p.Now != (text == "now")) {
			t.Errorf("%q is %+v", text, p)
		}
	})
}
