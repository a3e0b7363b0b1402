package feed

import (
	"encoding/hex"
	"testing"

	"floe/internal/schema"
)

// TestCanonical: keys by UTF-16 units and numbers as ECMAScript has them, with
// the examples of RFC 8785.
func TestCanonical(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"b":1.0, "a":[1e30, 4.50, 2e-3, 1e-27, -0.0, 333333333.33333329]}`: `{"a":[1e+30,4.5,0.002,1e-27,0,333333333.3333333],"b":1}`,
		`{"\u20ac":"Euro","\r":"CR","\ud83d\ude02":"Smiley","\ufb33":"Hebrew","1":"One","ö":"o","\u0080":"C"}`: `{"\r":"CR","1":"One","` + "\u0080" +
			`":"C","ö":"o","€":"Euro","😂":"Smiley","` + "\ufb33" + `":"Hebrew"}`,
		`{"x":"\u20ac$\u000F\nA'\u0042\"\\\/<&>\u007f"}`:               `{"x":"€$\u000f\nA'B\"\\/<&>` + "\x7f" + `"}`,
		`[12345678901234567890, 1E400, true, null, {"avatar_url": 1}]`: `[12345678901234567000,null,true,null,{"avatar_url":1}]`,
		`{"avatar_url": 1, "z": {}}`:                                   `{"z":{}}`,
	} {
		n, err := schema.Parse([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(canonical(nil, n, derived)); got != want {
			t.Errorf("%s\nis %s\nnot %s", text, got, want)
		}
	}
}

// TestSum: the order does not matter, and what is removed is gone.
func TestSum(t *testing.T) {
	t.Parallel()
	var a, b, empty Sum
	texts := []string{`{"id":"1"}`, `{"id":"2"}`, `{"id":"3"}`}
	for i := range texts {
		_ = a.Add("customer", texts[i], []byte(texts[i]))
		_ = b.Add("customer", texts[2-i], []byte(texts[2-i]))
	}
	if a != b || a == empty {
		t.Errorf("%x and %x", a.Bytes(), b.Bytes())
	}
	for i := range texts {
		_ = a.Remove("customer", texts[i], []byte(texts[i]))
	}
	if a != empty {
		t.Errorf("%x is left", a.Bytes())
	}
	_ = a.Add("member", "x", []byte(`{"b":1,"a":2}`))
	total := a.Bytes()
	// printf 'member:x:{"a":2,"b":1}' | sha256sum
	if got := hex.EncodeToString(total[:]); got != sample {
		t.Errorf("one member: %s", got)
	}
}

const sample = "62109ec75256ae2832854695b47d9e26201f1201ddb1a7bdad1665fbea2aa9b4"
