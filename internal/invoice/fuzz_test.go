package invoice

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// Whatever people are called, an invoice can be drawn of it, and bringing a
// line into the order in which it stands neither loses nor invents a letter.
func FuzzText(f *testing.F) {
	for _, s := range []string{"Jane", "שלום 123", "مرحبا (a)", "e\u0301", "\u202e\x00", "日本", "\xff", "a\tb\r\nc", "ﷺ", "👩‍👩‍👧", "לא", "שלום\u2029abc"} {
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
	f.Add("\u17b4", "\u200d", "\u0f0b\u05bf")
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
	f.Fuzz(checkShape)
}

// TestAnyLetters: the same for letters of one script in any order, which chance
// does not find among bytes.
func TestAnyLetters(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	for _, face := range noto {
		letters := []rune{' ', '.', '\u200c', '\u200d', '\u25cc'}
		for r := rune(0x0600); r < 0xffff; r++ {
			if unicode.In(r, face.letters...) && face.has(r) {
				letters = append(letters, r)
			}
		}
		for range 200 {
			text := make([]rune, 1+random.IntN(12))
			for i := range text {
				text[i] = letters[random.IntN(len(letters))]
			}
			checkShape(t, string(text))
		}
	}
}

func checkShape(t *testing.T, s string) {
	known := newShapes()
	for _, r := range layout(printable(s)) {
		if !r.shaped {
			continue
		}
		if _, err := known.of(r); err != nil {
			t.Fatal(err)
		}
		var letters []rune
		for _, c := range known.shapers[r.face].shape(r) { // where it fails, the library does
			letters = append(letters, []rune(c.text)...)
			if c.width < 0 || len(c.row)+len(c.marks) == 0 {
				t.Errorf("%q in %q: %+v", c.text, s, c)
			}
		}
		want := []rune(r.text)
		slices.Sort(letters)
		slices.Sort(want)
		if letters, want = slices.DeleteFunc(letters, hint), slices.DeleteFunc(want, hint); !slices.Equal(letters, want) {
			t.Errorf("%q is shaped as %q", r.text, string(letters))
		}
	}
}
