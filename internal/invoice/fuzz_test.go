package invoice

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
)

// Whatever people are called, an invoice can be drawn of it, and bringing a
// line into the order in which it stands neither loses nor invents a letter.
func FuzzText(f *testing.F) {
	for _, s := range []string{"Jane", "שלום 123", "مرحبا (a)", "e\u0301", "\u202e\x00", "日本", "\xff", "a\tb\r\nc", "ﷺ", "👩‍👩‍👧", "לא"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := printable(s)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\n\r\t\x00") {
			t.Errorf("%q is printed as %q", s, text)
		}
		if again := printable(text); !strings.ContainsFunc(text, rightToLeft) && again != text {
			t.Errorf("%q is printed as %q, and that as %q", s, text, again)
		}
		shown := []rune(visual(text))
		want := []rune(text)
		if len(shown) != len(want) {
			t.Errorf("%q stands as %q", text, string(shown))
		}
		for i, r := range shown { // brackets look the other way when they are read from the right
			shown[i] = mirrored(r)
		}
		for i, r := range want {
			want[i] = mirrored(r)
		}
		slices.Sort(shown)
		slices.Sort(want)
		if !slices.Equal(shown, want) {
			t.Errorf("%q stands as %q", text, string(shown))
		}
	})
}

// mirrored is one of a pair of brackets for both.
func mirrored(r rune) rune {
	return min(r, []rune(bidi.ReverseString(string(r)))[0])
}

func FuzzRender(f *testing.F) {
	f.Add("Jane", "a product", "Some\nnotes")
	f.Add("\u202e\x00", strings.Repeat("x", 3000), "日本")
	f.Fuzz(func(t *testing.T, name, label, note string) {
		d := example(2)
		d.Seller.Name, d.Buyer.Name, d.Lines[0].Label, d.Notes = name, name, label, []string{note}
		if pdf, err := Render(d); err != nil || !strings.HasPrefix(string(pdf), "%PDF-") {
			t.Errorf("%q, %q, %q: %v", name, label, note, err)
		}
	})
}
