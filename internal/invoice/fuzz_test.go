package invoice

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// Whatever people are called, an invoice can be drawn of it, and bringing a
// line into the order in which it stands neither loses nor invents a letter.
func FuzzText(f *testing.F) {
	for _, s := range []string{"Jane", "שלום 123", "مرحبا (a)", "e\u0301", "\u202e\x00", "日本", "\xff", "a\tb\r\nc", "ﷺ", "👩‍👩‍👧", "לא"} {
		f.Add(s)
	}
	for _, s := range scripts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		text := printable(s)
		if !utf8.ValidString(text) || strings.ContainsAny(text, "\n\r\t\x00") {
			t.Errorf("%q is printed as %q", s, text)
		}
		if again := printable(text); again != text {
			t.Errorf("%q is printed as %q, and that as %q", s, text, again)
		}
		var shown []rune
		for _, r := range layout(text) {
			shown = append(shown, []rune(r.text)...)
		}
		want := []rune(text)
		slices.Sort(shown)
		slices.Sort(want)
		if shown, want = slices.DeleteFunc(shown, hint), slices.DeleteFunc(want, hint); !slices.Equal(shown, want) {
			t.Errorf("%q stands as %q", text, string(shown))
		}
	})
}

func FuzzRender(f *testing.F) {
	f.Add("Jane", "a product", "Some\nnotes")
	for i := range scripts {
		f.Add(scripts[i], scripts[(i+1)%len(scripts)], scripts[(i+2)%len(scripts)])
	}
	f.Add("\u202e\x00", strings.Repeat("x", 3000), "日本")
	f.Fuzz(func(t *testing.T, name, label, note string) {
		d := example(2)
		d.Seller.Name, d.Buyer.Name, d.Lines[0].Label, d.Notes = name, name, label, []string{note}
		if pdf, err := Render(d); err != nil || !strings.HasPrefix(string(pdf), "%PDF-") {
			t.Errorf("%q, %q, %q: %v", name, label, note, err)
		}
	})
}

// Whatever is shaped, all of it has a place, and its letters are the text's.
func FuzzShape(f *testing.F) {
	for _, s := range scripts {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, r := range layout(printable(s)) {
			if !r.shaped {
				continue
			}
			with, err := newShaper(r.face)
			if err != nil {
				t.Fatal(err)
			}
			var letters []rune
			for _, c := range with.shape(r) { // where it fails, the library does
				letters = append(letters, []rune(c.text)...)
				if c.width < 0 || len(c.row)+len(c.marks) == 0 {
					t.Errorf("%q in %q: %+v", c.text, s, c)
				}
			}
			want := []rune(r.text)
			slices.Sort(letters)
			slices.Sort(want)
			if !slices.Equal(letters, want) {
				t.Errorf("%q is shaped as %q", r.text, string(letters))
			}
		}
	})
}
