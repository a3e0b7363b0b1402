package schema_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"floe/internal/schema"
)

// readAs reads a node into a value, and says whether nothing is wrong with it.
// What is wrong is said in JSON, whatever it is.
func readAs[T any](t *testing.T, tag reflect.StructTag, n *schema.Node) (v T, ok bool) {
	t.Helper()
	problems := &schema.Problems{}
	schema.PlanOf(reflect.TypeFor[T](), tag).Decode(n, schema.Root(problems, "body"), reflect.ValueOf(&v).Elem())
	if err := problems.Err(); err != nil && !json.Valid(problems.AppendJSON(nil)) {
		t.Errorf("the problems are not JSON: %s", problems.AppendJSON(nil))
	}
	return v, problems.Err() == nil
}

// A time that is accepted is one that can be stored, answered and sent again.
func FuzzTime(f *testing.F) {
	for _, s := range []string{
		"2026-05-04T03:02:01Z", "2026-05-04 03:02", "2026-05-04T03:02:01,5+0200", "2026-05-04", "1777863721", "1777863721000.5", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999-23:59",
		"-62167219200", "2026-02-29", "2026-05-04t24:00:00z", "2026-05-04T03:02:60Z", "0001-01-01T00:00:00+14:00", "+.5",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, text string, number bool) {
		n := schema.StringNode(text)
		if number {
			parsed, err := schema.Parse([]byte(text))
			if err != nil {
				return
			}
			n = parsed
		}
		at, ok := readAs[time.Time](t, "", n)
		if !ok {
			return
		}
		printed := schema.JSON(&at)
		var shown string
		if err := json.Unmarshal(printed, &shown); err != nil {
			t.Fatalf("%q is printed %s: %v", text, printed, err)
		}
		again, ok := readAs[time.Time](t, "", schema.StringNode(shown))
		if !ok || !again.Equal(at.Truncate(time.Microsecond)) {
			t.Errorf("%q is %s, printed %s and read as %s", text, at, shown, again)
		}
	})
}

// Metadata that is accepted is what was sent, within its limits, and is
// accepted again.
func FuzzMetadata(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":"x","c":true,"d":1.5}`, `{"":1}`, `{"a":null}`, `{"a":{}}`, `{"a":1,"a":2}`, `{"a":1e400}`, `{"a":123456789012345678901234567890}`, `{"\u0000":"\ud83d"}`, `[]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, err := schema.Parse(text)
		if err != nil {
			return
		}
		m, ok := readAs[schema.MetadataInput](t, "", n)
		if !ok {
			return
		}
		stored, err := schema.Parse(m)
		if err != nil {
			t.Fatalf("%s is stored as %s: %v", text, m, err)
		}
		if !slices.Equal(stored.Keys, n.Keys) || len(stored.Keys) > schema.MaxMetadata {
			t.Errorf("%s is stored as %s", text, m)
		}
		if again, ok := readAs[schema.MetadataInput](t, "", stored); !ok || string(again) != string(m) {
			t.Errorf("%s is stored as %s, and that as %s", text, m, again)
		}
		var walked schema.Node
		for key, v := range schema.Entries(m) {
			walked.Keys, walked.Items = append(walked.Keys, key), append(walked.Items, v)
		}
		if !slices.Equal(walked.Keys, stored.Keys) || !reflect.DeepEqual(walked.Items, stored.Items) {
			t.Errorf("%s has the entries %v", m, walked)
		}
		for i := range stored.Items {
			if k := stored.Items[i].Kind; k == schema.Object || k == schema.Array || k == schema.Null {
				t.Errorf("%s is stored as %s", text, m)
			}
		}
	})
}

// A number that is accepted lies within its limits, and a text with the number
// means the same as the number.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"0", "-0", "1.0", "1.5", "1e3", " 7 ", "1_000", "9223372036854775807", "9223372036854775808", "1e400", "0x10", "true", "٣", "+5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		i, fromText := readAs[int64](t, `ge:"0" le:"2147483647"`, schema.StringNode(text))
		if fromText && (i < 0 || i > 2147483647) {
			t.Errorf("%q is %d", text, i)
		}
		x, isFloat := readAs[float64](t, "", schema.StringNode(text))
		if fromText && (!isFloat || x != float64(i)) {
			t.Errorf("%q is %d, and %v", text, i, x)
		}
		n, err := schema.Parse([]byte(text))
		if err != nil || n.Kind != schema.Int && n.Kind != schema.Float {
			return
		}
		if j, ok := readAs[int64](t, `ge:"0" le:"2147483647"`, n); ok && fromText && j != i {
			t.Errorf("%s is %d as a number and %d as text", text, j, i)
		}
		_, _ = readAs[bool](t, "", n)
	})
}

// A zone that is accepted can be used.
func FuzzZone(f *testing.F) {
	for _, s := range []string{"UTC", "Europe/Berlin", "Local", "../../etc/passwd", "", "EST5EDT", "europe/berlin", "/UTC", "Etc/GMT+12"} {
		f.Add(s)
	}
	at := time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		z, ok := readAs[schema.Zone](t, "", schema.StringNode(text))
		if !ok {
			return
		}
		shown, err := time.Parse("2006-01-02T15:04:05Z07:00", z.In(at))
		if err != nil || !shown.Equal(at) {
			t.Errorf("in %q it is %q: %v", text, z.In(at), err)
		}
	})
}
